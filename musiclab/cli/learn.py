"""Commands about models: train, test, use."""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from musiclab.cli.options import (
    AsJson,
    BatchSize,
    Data,
    Device,
    Epochs,
    How,
    Model,
    OnDevice,
    Precision,
    Readers,
    Run,
    Seed,
    Set,
    Size,
    parse_settings,
)
from musiclab.cli.output import list_failures, print_outcome, stoppable
from musiclab.core.errors import MusiclabError, did_you_mean


def train(
    model: Model,
    data: Data,
    out: Annotated[Path, typer.Option(help="Run folder to make.")],
    fold: Annotated[int | None, typer.Option(help="Fold that tests; the next one validates.")] = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    size: Size = None,
    settings: Set = None,
    seed: Seed = 0,
    device: OnDevice = Device.auto,
    precision: How = Precision.auto,
    workers: Readers = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last whole epoch of a training in OUT that was stopped.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train a model on one part of the data and test it, once, on another; OUT gets the model and a report."""
    from musiclab.runs import experiments

    given = {"epochs": epochs, "batch_size": batch_size, "seed": seed, "workers": workers}
    config, sizes = _planned(model, size, settings, device=device.value, precision=precision.value, **given)
    store = _open(model, data, config.device)
    with stoppable():
        outcome = experiments.train(model, store, out, fold, config, resume=resume, command=_command(), **sizes)
        _finish(outcome, out, as_json)
        if outcome.history.stopped == "interrupted":
            done = len(outcome.history.epochs)
            raise KeyboardInterrupt(f"stopped after {done} of {config.epochs} epochs; with --resume it goes on")


def crossval(
    model: Model,
    data: Data,
    folds: Annotated[str, typer.Option(help='Folds to test, such as "1,3", or "all".')] = "all",
    out: Annotated[
        Path | None, typer.Option(help="Folder that gets a run folder a fold; folds that are whole in it are kept.")
    ] = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    size: Size = None,
    settings: Set = None,
    seed: Seed = 0,
    device: OnDevice = Device.auto,
    precision: How = Precision.auto,
    workers: Readers = 0,
    as_json: AsJson = False,
) -> None:
    """Test every fold once, with a model trained on the others; with --out it can be stopped, and goes on."""
    from musiclab.runs import experiments

    chosen = None if folds == "all" else _numbers(folds)
    given = {"epochs": epochs, "batch_size": batch_size, "seed": seed, "workers": workers}
    config, sizes = _planned(model, size, settings, device=device.value, precision=precision.value, **given)
    store = _open(model, data, config.device)
    with stoppable("stopped; the same command goes on" if out else "stopped; with --out it could go on"):
        outcome = experiments.crossval(model, store, chosen, out, config, command=_command(), **sizes)
    _finish(outcome, out, as_json)


def evaluate(
    run: Run,
    data: Data,
    device: OnDevice = Device.auto,
    as_json: AsJson = False,
) -> None:
    """Test a trained model: on the clips that were kept from it, or on other data."""
    from musiclab.runs import experiments

    config = _config(device=device.value)
    store, failures = experiments.open_for_run(run, data)
    list_failures(failures)
    print_outcome(experiments.evaluate_run(run, store, config), as_json)


def predict(
    run: Run,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Sound files, folders of them, or - for a wav file on standard input."),
    ],
    top: Annotated[int, typer.Option(min=1, help="How many classes to print for each file.")] = 3,
    every: Annotated[
        float | None,
        typer.Option(help="Seconds from window to window; left out, only long files are named along time."),
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="File to write every window to.")] = None,
    device: OnDevice = Device.auto,
    as_json: AsJson = False,
) -> None:
    """Name the sound in files, and what is heard when in long ones."""
    from musiclab.runs import prediction

    found = prediction.predict(run, files, every, device.value)
    list_failures(found.failures)
    windows = dict(list(found.windows.groupby("path")))
    for row in found.files.to_dict("records"):
        best = sorted(found.classes, key=row.get, reverse=True)[:top]
        print(f"{row['path']}: " + ", ".join(f"{name} {100 * row[name]:.1f} %" for name in best))
        if len(windows[row["path"]]) > 1:
            for part in prediction.merged(windows[row["path"]]).itertuples(index=False):
                start, end, name, share = part
                print(f"  {_clock(start):>7} to {_clock(end):>7}  {name} {100 * share:.1f} %")
    if csv is not None:
        found.save(csv)
    if as_json:
        print(json.dumps(found.to_dict()))


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs and cross-validations.")],
    out: Annotated[
        Path | None, typer.Option(help="File for the table (.csv) or the picture (.png, .svg, .pdf).")
    ] = None,
    speed: Annotated[bool, typer.Option(help="Measure how many clips a second each names.")] = True,
    device: OnDevice = Device.auto,
    as_json: AsJson = False,
) -> None:
    """Put runs side by side: accuracy, size, speed, and whether the differences could be luck."""
    from musiclab.runs.comparison import check_out, compare

    if out is not None:
        check_out(out)
    comparison = compare(runs, device.value, speed)
    print(comparison)
    if out is not None:
        comparison.save(out)
    if as_json:
        print(json.dumps(comparison.to_dict()))


def report(run: Run, as_json: AsJson = False) -> None:
    """Make the page of a run again: report.html, curves.png and confusion.png in its folder."""
    from musiclab.runs.report import write

    page = write(run)
    print(page)
    if as_json:
        print(json.dumps({"report": str(page)}))


def _clock(seconds: float) -> str:
    """Minutes and seconds: 1:02.5."""
    tenths = round(10 * seconds)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def _open(model: str, data: str, device: str):
    """The store that a model is trained on; the files that could not be read are listed."""
    from musiclab.runs import experiments

    store, failures = experiments.open_for(model, data, device)
    list_failures(failures)
    return store


def _finish(outcome, out: Path | None, as_json: bool) -> None:
    """Print what came out and make its page; of several processes, the first does."""
    from musiclab.training.devices import is_main

    if not is_main():
        return
    print_outcome(outcome, as_json=False)
    if out is not None:
        print(_page(out))
    if as_json:
        print(json.dumps(outcome.to_dict()))


def _page(out: Path) -> str:
    try:
        from musiclab.runs.report import write

        return f"report: {write(out)}"
    except ImportError as error:  # a GPU machine need not have matplotlib
        return f"no report ({error}): make it elsewhere, with musiclab report {out}"


def _command() -> str:
    """What was typed, to be kept with the run."""
    return shlex.join(["musiclab", *sys.argv[1:]])


def _config(device: str):
    """Where to compute, and nothing else: for commands that do not train."""
    from musiclab.training import TrainConfig

    return TrainConfig(device=device)


def _planned(model: str, sizes: list[str] | None, settings: list[str] | None, **given):
    """The model's recipe, with the settings that were given in place of its own: a TrainConfig and sizes."""
    from musiclab.training import TrainConfig
    from musiclab.training.recipes import recipe

    usual = recipe(model)
    merged = usual.training.to_dict()
    known = [name for name in merged if name not in given]
    for name, value in parse_settings(settings, "--set").items():
        if name in given:
            raise MusiclabError(f"--set: {name} has an option of its own, --{name.replace('_', '-')}")
        if name not in known:
            raise MusiclabError(
                f"--set: expected a setting among {', '.join(known)}, found {name!r}{did_you_mean(name, known)}"
            )
        has_parts = isinstance(merged[name], dict)
        if has_parts != isinstance(value, dict):
            wanted = f"{name}.NAME=VALUE" if has_parts else f"{name}=VALUE"
            raise MusiclabError(f"--set: expected {wanted}, found {value!r} for {name}")
        merged[name] = merged[name] | value if has_parts else value
    merged |= {name: value for name, value in given.items() if value is not None}
    return TrainConfig(**merged), usual.sizes | parse_settings(sizes, "--size")


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise MusiclabError(
            f'--folds: expected numbers with commas between, such as "1,3", or "all", found {text!r}'
        ) from error
