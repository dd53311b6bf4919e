"""Check and print the output that several commands share."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from musiclab.core.errors import MusiclabError, list_left_out
from musiclab.core.files import check_can_write


def list_failures(failures) -> None:
    if failures:
        print(list_left_out(failures), file=sys.stderr)


def check_table(path: Path | None) -> None:
    """Raise an error if no table can be written to ``path``, before any work is done."""
    if path is None:
        return
    check_can_write(path, "the table", "table.csv")
    if path.suffix.lower() != ".csv":  # such as the second recording of --csv *.wav
        raise MusiclabError(
            f"{path}: a table needs the extension .csv, found {path.suffix or 'none'}. Choose another name, such as "
            "table.csv."
        )


def print_run(run, as_json: bool) -> None:
    """Print the results of a run and the path of its report, in the main process only."""
    from musiclab.training.devices import is_main

    if not is_main():
        return
    print(run)
    if run.settings.clips:
        print(f"clips: {run.settings.clips_in_words}")
    for fold, fold_run in run.folds.items():
        print(f"  fold {fold}: {100 * fold_run.result.accuracy:.1f} %, n = {fold_run.result.n}")
    print(run.result.per_class.round(3).to_string())
    if run.folder is not None and (page := run.folder / "report.html").exists():
        print(f"report: {page}")
    if as_json:
        print(json.dumps(run.to_dict()))


@contextmanager
def explain_interrupt(message: str = "") -> Iterator[None]:
    """Add a message to a Ctrl-C that has none, such as how to continue."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(str(interrupt) or message) from None
