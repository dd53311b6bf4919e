"""What several commands print."""

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


def print_outcome(outcome, as_json: bool) -> None:
    print(outcome)
    for fold in outcome.folds:
        print(f"  fold {fold['fold']}: {100 * fold['accuracy']:.1f} %, n = {fold['n']}")
    print(outcome.result.per_class.round(3).to_string())
    if as_json:
        print(json.dumps(outcome.to_dict()))


@contextmanager
def stoppable(how_to_go_on: str = "") -> Iterator[None]:
    """End a command that Ctrl-C stops with status 130 and a line that says how to go on."""
    try:
        yield
    except KeyboardInterrupt as stopped:
        print(f"musiclab: {str(stopped) or how_to_go_on or 'stopped'}", file=sys.stderr)
        raise typer.Exit(130) from stopped
