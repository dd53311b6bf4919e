"""Arguments and options of several commands."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from musiclab.core import progress
from musiclab.core.errors import MusiclabError, Problems
from musiclab.models import NAMES


def _not_zero(workers: int) -> int:
    if workers == 0:
        raise typer.BadParameter("expected 1 or more, or -1 for one per core, found 0")
    return workers


def _complete_model(incomplete: str) -> list[str]:
    return [name for name in NAMES if name.startswith(incomplete)]


def _hide_progress(quiet: bool) -> None:
    progress.SHOWN = not quiet


_Device = Literal["auto", "cpu", "cuda", "mps"]
_Precision = Literal["auto", "fp32", "bf16", "fp16"]
_SOURCES = "studio, street, folder:DIR (or just DIR), gtzan:DIR, urbansound8k:DIR, esc10:DIR or esc50:DIR"
Workers = Annotated[int, typer.Option(help="Number of processes or threads; -1 uses one per core.", callback=_not_zero)]
Data = Annotated[str, typer.Argument(metavar="DATA", help=f"Store (.h5), or the source of a data set: {_SOURCES}.")]
Source = Annotated[str, typer.Argument(metavar="SOURCE", help=f"Data set: {_SOURCES}.")]
Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help=f"Name of the model: {', '.join(NAMES)}. `musiclab models` describes them.",
        autocompletion=_complete_model,
    ),
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Run folder that `musiclab train` wrote.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Draw no progress bars.", callback=_hide_progress, expose_value=False),
]
OnDevice = Annotated[
    _Device | None,
    typer.Option("--device", help="Device to compute on; auto (the default) uses a GPU if there is one."),
]
Seed = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=2**32 - 1,
        help="Random seed, default 0. It decides the initial weights, the order of the clips, the segments that are "
        "cut from them, and the augmentation; and the split, unless there are official folds or --split-seed.",
    ),
]
SplitSeed = Annotated[
    int | None,
    typer.Option("--split-seed", min=0, max=2**32 - 1, help="Random seed of the split alone; default: that of --seed."),
]
IgnoreCopies = Annotated[
    bool,
    typer.Option(
        "--ignore-copies", help="Let copies of one recording lie on two sides of a split; by default they don't."
    ),
]
Epochs = Annotated[
    int | None, typer.Option(min=1, help="Number of passes over the training clips; default: that of the recipe.")
]
Size = Annotated[
    list[str] | None,
    typer.Option("--size", metavar="NAME=VALUE", help="Size of the model, such as width=16; give it once per size."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Training setting, such as learning_rate=0.003 or augmentation.mixup=0.2; give it once per setting.",
    ),
]
How = Annotated[
    _Precision | None,
    typer.Option(
        "--precision", help="Number format; auto, the default, uses bf16 where the hardware has it, otherwise fp32."
    ),
]
Readers = Annotated[
    int | None, typer.Option("--workers", min=0, help="Number of processes that read batches ahead, default 0.")
]
BatchSize = Annotated[
    int | None, typer.Option(min=2, help="Number of examples per training step; default: that of the recipe.")
]


def overrides(
    problems: Problems, model: str, sizes: Sequence[str] | None, settings: Sequence[str] | None, **named
) -> dict:
    """Collect the changes of a recipe by ``--size``, ``--set`` and options of their own, and their problems."""
    changes = {name: value for name, value in named.items() if value is not None}
    for option, texts in (("--size", sizes), ("--set", settings)):
        for name, value in (problems.check(parse_settings, texts, option) or {}).items():
            with problems:
                _check_option(option, name, model, changes)
                changes[name] = value
    return changes


def _check_option(option: str, name: str, model: str, taken: dict) -> None:
    if name in taken:
        raise MusiclabError(f"{option}: {name} is set twice; name it once")
    if model not in NAMES:  # which is refused without loading torch
        return
    from musiclab.training.recipes import list_settings, list_sizes, recipe

    if name not in (*list_sizes(model), *list_settings()):
        recipe(model, **{name: None})  # raises
    if option == "--size" and name in list_settings():
        raise MusiclabError(f"--size: {name} is a training setting, not a size of the model; write --set {name}=VALUE")
    if option == "--set" and name in list_sizes(model):
        raise MusiclabError(f"--set: {name} is a size of the model, not a training setting; write --size {name}=VALUE")


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
