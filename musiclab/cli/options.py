"""Define the arguments and options that several commands share."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from musiclab.core import progress
from musiclab.core.errors import MusiclabError, Problems
from musiclab.models import NAMES


def _check_workers(workers: int) -> int:
    if workers == 0:
        raise typer.BadParameter("expected 1 or more, or -1 for one per core, found 0")
    return workers


def complete_model(incomplete: str) -> list[str]:
    return [name for name in NAMES if name.startswith(incomplete)]


def _hide_progress(quiet: bool) -> None:
    progress.SHOWN = not quiet


_Device = Literal["auto", "cpu", "cuda", "mps"]
_Precision = Literal["auto", "fp32", "bf16", "fp16"]
_SOURCES = (
    "a folder with one subfolder per class (DIR or folder:DIR), studio (generated music), street (generated city "
    "sounds), gtzan:DIR, urbansound8k:DIR, esc10:DIR or esc50:DIR"
)
Workers = Annotated[
    int,
    typer.Option(help="Number of parallel processes or threads; -1 uses one per core.", callback=_check_workers),
]
DATA_HELP = f"Store (.h5) or data set: {_SOURCES}."
Data = Annotated[str, typer.Argument(metavar="DATA", help=DATA_HELP)]
Source = Annotated[str, typer.Argument(metavar="SOURCE", help=f"Data set: {_SOURCES}.")]
Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help=f"Model: {', '.join(NAMES)}. Run `musiclab models` for a description of each.",
        autocompletion=complete_model,
    ),
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Run folder written by `musiclab train`.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON object as the last line of the output.")]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Hide progress bars.", callback=_hide_progress, expose_value=False),
]
Device = Annotated[
    _Device | None,
    typer.Option(
        "--device", show_default=False, help="Device to compute on; auto (the default) uses a GPU if there is one."
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=2**32 - 1,
        help="Random seed (default: 0). It fixes the initial weights, the order of the clips, the segments cut from "
        "them, the augmentation and the split. Official folds don't depend on it.",
    ),
]
SplitSeed = Annotated[
    int | None,
    typer.Option("--split-seed", min=0, max=2**32 - 1, help="Random seed of the split (default: same as --seed)."),
]
IgnoreCopies = Annotated[
    bool,
    typer.Option("--ignore-copies", help="Allow copies of the same recording in both the training and the test set."),
]
Epochs = Annotated[
    int | None, typer.Option(min=1, help="Number of passes over the training clips (default: set by the recipe).")
]
Encoder = Annotated[
    str | None,
    typer.Option(help="Encoder of a probe, such as musicnn (default: studio+summary). `musiclab encoders` lists them."),
]
Size = Annotated[
    list[str] | None,
    typer.Option(
        "--size",
        metavar="NAME=VALUE",
        help="Model size to change, such as width=16. Can be repeated. `musiclab models` lists the sizes.",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Training setting to change, such as learning_rate=0.003 or augmentation.mixup=0.2. Can be repeated. "
        "`musiclab models` lists the settings.",
    ),
]
Precision = Annotated[
    _Precision | None,
    typer.Option(
        "--precision",
        help="Number format; auto (the default) uses bf16 for models and hardware where it is faster, otherwise fp32.",
    ),
]
LoaderWorkers = Annotated[
    int | None, typer.Option("--workers", min=0, help="Number of processes that load batches in advance (default: 0).")
]
BatchSize = Annotated[
    int | None, typer.Option(min=2, help="Number of examples per training step (default: set by the recipe).")
]


def collect_overrides(
    problems: Problems, model: str, sizes: Sequence[str] | None, settings: Sequence[str] | None, **options
) -> dict:
    """Collect the recipe's overrides from ``--size``, ``--set`` and ``options``, and any errors in ``problems``."""
    overrides = {name: value for name, value in options.items() if value is not None}
    for option, texts in (("--size", sizes), ("--set", settings)):
        well_formed = [text for text in texts or () if problems.check(_split_setting, text, option)]
        for name, value in (problems.check(parse_settings, well_formed, option) or {}).items():
            with problems:
                _check_override(option, name, model, overrides)
                overrides[name] = value
    return overrides


def _check_override(option: str, name: str, model: str, overrides: dict) -> None:
    if name in overrides:
        raise MusiclabError(f"{option}: {name} is set twice. Set it only once.")
    if model not in NAMES:  # reported elsewhere, without loading torch
        return
    from musiclab.training.recipes import list_feature_settings, list_settings, list_sizes, recipe

    if name not in (*list_sizes(model), *list_settings(), *list_feature_settings(model)):
        recipe(model, **{name: None})  # raises
    if option == "--size" and name in list_settings():
        raise MusiclabError(f"--size: {name} is a training setting, not a model size. Use --set {name}=VALUE instead.")
    if option == "--set" and name in list_sizes(model):
        raise MusiclabError(f"--set: {name} is a model size, not a training setting. Use --size {name}=VALUE instead.")


def parse_settings(texts: Sequence[str] | None, option: str) -> dict:
    """Parse ``["a=1", "b.c=x"]`` to ``{"a": 1, "b": {"c": "x"}}``; values that are not JSON are kept as text."""
    settings: dict = {}
    for text in texts or ():
        name, value = _split_setting(text, option)
        *parents, last = name.split(".")
        level = settings
        for parent in parents:
            level = level.setdefault(parent, {})
            if not isinstance(level, dict):
                raise MusiclabError(f"{option}: expected {parent}=VALUE or {parent}.NAME=VALUE, found both")
        try:
            level[last] = json.loads(value)
        except ValueError:
            level[last] = value
    return settings


def _split_setting(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise MusiclabError(f"{option}: expected NAME=VALUE, found {text!r}")
    return name, value
