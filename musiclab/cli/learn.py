"""Commands about models: train, test, use."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from musiclab.cli.options import AsJson, BatchSize, Data, Device, Epochs, Model, OnDevice, Run, Seed, Unused, Width
from musiclab.cli.output import list_failures, print_outcome
from musiclab.errors import MusiclabError


def train(
    model: Model,
    data: Data,
    out: Annotated[Path, typer.Option(help="Run folder to make.")],
    fold: Annotated[int | None, typer.Option(help="Fold that tests; the next one validates.")] = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    width: Width = None,
    seed: Seed = 0,
    device: OnDevice = Device.auto,
    as_json: AsJson = False,
) -> None:
    """Train a model on one part of the data and test it, once, on another."""
    from musiclab import experiments

    store = _open(data)
    config, sizes = _planned(model, width, epochs=epochs, batch_size=batch_size, seed=seed, device=device.value)
    print_outcome(experiments.train(model, store, out, fold, config, **sizes), as_json)


def crossval(
    model: Model,
    data: Data,
    folds: Annotated[str, typer.Option(help='Folds to test, such as "1,3", or "all".')] = "all",
    out: Annotated[
        Path | None, typer.Option(help="Folder that gets a run folder a fold; folds that are whole in it are kept.")
    ] = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    width: Width = None,
    seed: Seed = 0,
    device: OnDevice = Device.auto,
    as_json: AsJson = False,
) -> None:
    """Test every fold once, with a model trained on the others."""
    from musiclab import experiments

    chosen = None if folds == "all" else _numbers(folds)
    store = _open(data)
    config, sizes = _planned(model, width, epochs=epochs, batch_size=batch_size, seed=seed, device=device.value)
    print_outcome(experiments.crossval(model, store, chosen, out, config, **sizes), as_json)


def evaluate(
    run: Run,
    data: Data,
    epochs: Unused = None,
    seed: Unused = None,
    device: OnDevice = Device.auto,
    as_json: AsJson = False,
) -> None:
    """Test a trained model: on the clips that were kept from it, or on other data."""
    from musiclab import experiments

    print_outcome(experiments.evaluate_run(run, _open(data), _config(device=device.value)), as_json)


def predict(
    run: Run,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Sound files or folders of them.")],
    top: Annotated[int, typer.Option(min=1, help="How many classes to print for each file.")] = 3,
    epochs: Unused = None,
    seed: Unused = None,
    device: OnDevice = Device.auto,
    as_json: AsJson = False,
) -> None:
    """Name the sound in files."""
    from musiclab import prediction

    table, failures = prediction.predict(run, files, _config(device=device.value))
    list_failures(failures)
    classes = table.columns[2:]
    for _, row in table.iterrows():
        best = row[classes].astype(float).nlargest(top)
        print(f"{row['path']}: " + ", ".join(f"{name} {100 * share:.1f} %" for name, share in best.items()))
    if as_json:
        print(json.dumps({"predictions": table.to_dict(orient="records"), "failures": failures}))


def _open(data: str):
    """The store of DATA; the files that could not be read are listed."""
    from musiclab.prepare import open_data

    store, failures = open_data(data)
    list_failures(failures)
    return store


def _config(device: str):
    """Where to compute, and nothing else: for commands that do not train."""
    from musiclab.training import TrainConfig

    return TrainConfig(device=device)


def _planned(model: str, width: int | None, **given):
    """The model's recipe, with the settings that were given in place of its own: a TrainConfig and sizes."""
    from musiclab.recipes import recipe

    usual = recipe(model)
    config = replace(usual.training, **{name: value for name, value in given.items() if value is not None})
    return config, usual.sizes | ({} if width is None else {"width": width})


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise MusiclabError(
            f'--folds: expected numbers with commas between, such as "1,3", or "all", found {text!r}'
        ) from error
