"""Arguments and options of several commands."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from musiclab.core.errors import MusiclabError


def _not_zero(workers: int) -> int:
    if workers == 0:
        raise typer.BadParameter("expected 1 or more, or -1 for one per core, found 0")
    return workers


_Device = Literal["auto", "cpu", "cuda", "mps"]
_Precision = Literal["auto", "fp32", "bf16", "fp16"]
_SOURCES = "studio, street, folder:DIR, gtzan:DIR, urbansound8k:DIR, esc10:DIR or esc50:DIR"
Workers = Annotated[int, typer.Option(help="Processes or threads; -1 is one per core.", callback=_not_zero)]
Data = Annotated[str, typer.Argument(metavar="DATA", help=f"Store (.h5), or {_SOURCES}.")]
Source = Annotated[str, typer.Argument(metavar="SOURCE", help=f"{_SOURCES}.")]
Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="m3, m5, m11, m18, m34res, mlp, cnn, crnn, lstm or resnet.")
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder that musiclab train made.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
OnDevice = Annotated[_Device | None, typer.Option("--device", help="auto, the default, takes a GPU if there is one.")]
Seed = Annotated[int | None, typer.Option(min=0, max=2**32 - 1, help="Random seed, default 0.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="Passes over the training clips; default the recipe's.")]
Size = Annotated[
    list[str] | None, typer.Option("--size", metavar="NAME=VALUE", help="Size of the model, such as width=16.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Other change of the model's recipe, such as learning_rate=0.003 or augmentation.mixup=0.2.",
    ),
]
How = Annotated[
    _Precision | None,
    typer.Option("--precision", help="auto, the default, is bf16 if the hardware has it, else fp32."),
]
Readers = Annotated[int | None, typer.Option("--workers", min=0, help="Processes that read batches, default 0.")]
BatchSize = Annotated[int | None, typer.Option(min=2, help="Examples per step; default the recipe's.")]


def overrides(sizes: Sequence[str] | None, settings: Sequence[str] | None, **named) -> dict:
    """Collect the changes of a recipe by ``--size``, ``--set`` and options of their own."""
    changes = {name: value for name, value in named.items() if value is not None}
    for option, texts in (("--size", sizes), ("--set", settings)):
        for name, value in parse_settings(texts, option).items():
            if name in changes:
                raise MusiclabError(f"{option}: {name} is set twice; name it once")
            changes[name] = value
    return changes


def parse_settings(texts: Sequence[str] | None, option: str) -> dict:
    """Parse ``["a=1", "b.c=x"]`` to ``{"a": 1, "b": {"c": "x"}}``; a value is JSON, or else text."""
    settings: dict = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise MusiclabError(f"{option}: expected NAME=VALUE, found {text!r}")
        *outer, last = name.split(".")
        level = settings
        for part in outer:
            level = level.setdefault(part, {})
            if not isinstance(level, dict):
                raise MusiclabError(f"{option}: expected {part}=VALUE or {part}.NAME=VALUE, found both")
        try:
            level[last] = json.loads(value)
        except ValueError:
            level[last] = value
    return settings
