"""Register all commands in one typer application."""

from typing import Annotated

import typer

import musiclab
from musiclab.cli import class_, data, learn, lessons, umtn


def _print_version(is_requested: bool) -> None:
    if is_requested:
        print(f"musiclab {musiclab.__version__}")
        raise typer.Exit


app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Train, test and use sound classifiers, starting from a folder of recordings."""


_EXAMPLES = {
    lessons.lab: "musiclab lab",
    lessons.restore: "musiclab restore 05",
    data.info: "musiclab info",
    data.download: "musiclab download esc10 data",
    data.scan: "musiclab scan recordings --csv faults.csv",
    data.prepare: "musiclab prepare recordings recordings.h5 --for mlp,cnn",
    data.inspect: "musiclab inspect recordings.h5",
    data.verify: "musiclab verify recordings.h5",
    learn.train: "musiclab train cnn recordings --out runs/cnn --epochs 40 --size width=16",
    learn.crossval: "musiclab crossval mlp esc10:data/ESC-50-master --folds all --out runs/mlp",
    learn.evaluate: "musiclab evaluate runs/cnn other_recordings",
    learn.predict: "musiclab predict runs/cnn new.wav --csv predictions.csv",
    learn.compare: "musiclab compare runs/cnn runs/mlp",
    learn.transfer: "musiclab transfer studio songs --page transfer.html",
    learn.report: "musiclab report runs/cnn",
    learn.export: "musiclab export runs/cnn cnn.onnx",
    learn.models: "musiclab models",
    learn.encoders: "musiclab encoders --fetch",
    learn.few_shot: "musiclab few-shot recordings --encoder musicnn",
}
for _command, _example in _EXAMPLES.items():
    app.command(epilog=f"Example: {_example}")(_command)
app.add_typer(class_.app, name="class")
app.add_typer(umtn.app, name="umtn")
