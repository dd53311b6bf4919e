"""Output of several commands."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer


def list_failures(failures) -> None:
    if failures:
        print(f"{len(failures)} files could not be read and are left out:", file=sys.stderr)
        for _, reason in failures:
            print(f"  {reason}", file=sys.stderr)


def print_run(run, as_json: bool) -> None:
    """Print the result of a run, and the path of its report, in the first of several processes."""
    from musiclab.training.devices import is_main

    if not is_main():
        return
    print(run)
    for fold, each in run.folds.items():
        print(f"  fold {fold}: {100 * each.result.accuracy:.1f} %, n = {each.result.n}")
    print(run.result.per_class.round(3).to_string())
    if run.folder is not None and (page := run.folder / "report.html").exists():
        print(f"report: {page}")
    if as_json:
        print(json.dumps(run.to_dict()))


@contextmanager
def stoppable(how_to_go_on: str = "") -> Iterator[None]:
    """End a command at Ctrl-C with status 130 and a line that says how to continue."""
    try:
        yield
    except KeyboardInterrupt as stopped:
        print(f"musiclab: {str(stopped) or how_to_go_on or 'stopped'}", file=sys.stderr)
        raise typer.Exit(130) from stopped
