"""Arguments and options that several commands take."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Device(StrEnum):
    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A store (.h5), or a source: studio, street, folder:DIR, gtzan:DIR, urbansound8k:DIR, esc10:DIR, "
        "esc50:DIR.",
    ),
]
Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="studio, street, folder:DIR, gtzan:DIR, urbansound8k:DIR, esc10:DIR or esc50:DIR."
    ),
]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="Name of the model: cnn.")]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder that musiclab train has made.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
OnDevice = Annotated[Device, typer.Option("--device", help="Where to compute; auto takes a GPU if there is one.")]
Seed = Annotated[int, typer.Option(help="Decides weights, order, segments and augmentation.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="Passes over the training clips; left out, the recipe's.")]
Width = Annotated[int | None, typer.Option(min=1, help="Channels of the first layer; left out, the recipe's.")]
Unused = Annotated[int | None, typer.Option(hidden=True)]  # so that every command can be given the same options
BatchSize = Annotated[int | None, typer.Option(min=2, help="Examples a step; left out, the recipe's.")]
