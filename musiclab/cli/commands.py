"""All commands and what they have in common, as one typer application."""

from typing import Annotated

import typer

import musiclab
from musiclab.cli import data, learn, umtn


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"musiclab {musiclab.__version__}")
        raise typer.Exit


app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """From a folder of recordings to a classifier of new sounds."""


for _command in (data.info, data.download, data.scan, data.prepare, data.inspect, data.verify):
    app.command()(_command)
for _command in (learn.train, learn.crossval, learn.evaluate, learn.predict, learn.compare, learn.report, learn.models):
    app.command()(_command)
app.add_typer(umtn.app, name="umtn")
