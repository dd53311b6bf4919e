"""Arguments and options that several commands take."""

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from musiclab.core.errors import MusiclabError


class Device(StrEnum):
    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Precision(StrEnum):
    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"


def _not_zero(workers: int) -> int:
    if workers == 0:
        raise typer.BadParameter("expected 1 or more, or -1 for one a core, found 0")
    return workers


Workers = Annotated[int, typer.Option(help="That decode and compute; -1 is one a core.", callback=_not_zero)]
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
Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="Name of the model: m3, m5, m11, m18, m34res, mlp, cnn, crnn, lstm or resnet."
    ),
]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder that musiclab train has made.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
OnDevice = Annotated[Device, typer.Option("--device", help="Where to compute; auto takes a GPU if there is one.")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Decides weights, order, segments and augmentation.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="Passes over the training clips; left out, the recipe's.")]
Size = Annotated[
    list[str] | None, typer.Option("--size", metavar="NAME=VALUE", help="A size of the model, such as width=16.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any other setting of the training, such as learning_rate=0.003 or augmentation.mixup=0.2.",
    ),
]
How = Annotated[Precision, typer.Option("--precision", help="auto is bf16 where the hardware has it, or else fp32.")]
Readers = Annotated[int, typer.Option("--workers", min=0, help="Processes that read batches ahead.")]
BatchSize = Annotated[int | None, typer.Option(min=2, help="Examples a step; left out, the recipe's.")]


def parse_settings(texts: Sequence[str] | None, option: str) -> dict:
    """``["a=1", "b.c=x"]`` as ``{"a": 1, "b": {"c": "x"}}``; values are JSON where they can be, or else texts."""
    settings: dict = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise MusiclabError(f"{option}: expected NAME=VALUE, found {text!r}")
        *outer, last = name.split(".")
        place = settings
        for part in outer:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise MusiclabError(f"{option}: expected {part}=VALUE or {part}.NAME=VALUE, found both")
        try:
            place[last] = json.loads(value)
        except ValueError:
            place[last] = value
    return settings
