"""Output of several commands."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from musiclab.core.errors import MusiclabError, list_left_out
from musiclab.core.files import check_can_make


def list_failures(failures) -> None:
    if failures:
        print(list_left_out(failures), file=sys.stderr)


def check_table(path: Path | None) -> None:
    """Raise an error before the work begins if a table cannot be written afterwards; None is no table."""
    if path is None:
        return
    if path.is_dir():
        raise MusiclabError(f"{path}: expected the name of a table to write, found a folder; name a file in it")
    check_can_make(path.absolute().parent, "the folder of a table")


def print_run(run, as_json: bool) -> None:
    """Print the result of a run, and the path of its report, in the first of several processes."""
    from musiclab.training.devices import is_main

    if not is_main():
        return
    print(run)
    if run.settings.clips:
        print(f"clips: {run.settings.clips_in_words}")
    for fold, each in run.folds.items():
        print(f"  fold {fold}: {100 * each.result.accuracy:.1f} %, n = {each.result.n}")
    print(run.result.per_class.round(3).to_string())
    if run.folder is not None and (page := run.folder / "report.html").exists():
        print(f"report: {page}")
    if as_json:
        print(json.dumps(run.to_dict()))


@contextmanager
def stoppable(how_to_go_on: str = "") -> Iterator[None]:
    """Say how to continue after Ctrl-C, unless the library has said it."""
    try:
        yield
    except KeyboardInterrupt as stopped:
        raise KeyboardInterrupt(str(stopped) or how_to_go_on) from None
