"""The command ``musiclab``: read arguments, call the library, print results."""

import logging
import sys

import typer

from musiclab.cli import data, learn, umtn
from musiclab.core.errors import MusiclabError

app = typer.Typer(
    help="From a folder of recordings to a classifier of new sounds.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _command in (data.info, data.download, data.scan, data.prepare, data.inspect, data.verify):
    app.command()(_command)
for _command in (learn.train, learn.crossval, learn.evaluate, learn.predict, learn.compare, learn.report):
    app.command()(_command)
app.add_typer(umtn.app, name="umtn")


def main() -> None:
    """Run the command; errors that the user can fix are printed as one message, with exit status 2."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        app()
    except MusiclabError as error:
        print(f"musiclab: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:  # no space, no permission, a file instead of a folder
        name = error.filename2 or error.filename or "a file"  # filename2 is the new name of a file to rename
        print(f"musiclab: {name}: cannot be read or written ({error.strerror or error})", file=sys.stderr)
        sys.exit(2)
