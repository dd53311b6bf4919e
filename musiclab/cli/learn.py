"""Commands about models: train, test, use."""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

import musiclab
from musiclab.cli.options import (
    AsJson,
    BatchSize,
    Data,
    Epochs,
    How,
    IgnoreCopies,
    Model,
    OnDevice,
    Quiet,
    Readers,
    RunFolder,
    Seed,
    Set,
    Size,
    SplitSeed,
    overrides,
)
from musiclab.cli.output import check_table, list_failures, print_run, stoppable
from musiclab.core.errors import MusiclabError, Problems
from musiclab.core.files import check_can_make
from musiclab.models import NAMES, check_name


def train(
    model: Model,
    data: Data,
    out: Annotated[Path, typer.Option(help="Run folder to write.")],
    fold: Annotated[
        int | None,
        typer.Option(help="Fold to test on, by default the first; the next one is the validation set."),
    ] = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    size: Size = None,
    settings: Set = None,
    seed: Seed = None,
    split_seed: SplitSeed = None,
    ignore_copies: IgnoreCopies = False,
    device: OnDevice = None,
    precision: How = None,
    workers: Readers = None,
    quiet: Quiet = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue a stopped training in OUT from its last complete epoch.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a finished run in OUT.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train a model, test it on clips that it was not trained on, and write both and a report to OUT."""
    named = {"epochs": epochs, "batch_size": batch_size, "seed": seed, "device": device, "precision": precision}
    problems = Problems()
    opened = _open_before_torch(problems, model, data, out)
    changes = overrides(problems, model, size, settings, workers=workers, **named)
    plan = {"fold": fold, "resume": resume, "overwrite": overwrite, "split_seed": split_seed}
    if _may_find_more(problems, model, data, opened is not None or size or settings):
        source = data if opened is None else opened
        problems.check(musiclab.runs.check_train, model, source, out, **plan, **changes)
    problems.raise_if_any()
    with stoppable():
        run = musiclab.train(model, opened, out, **plan, ignore_copies=ignore_copies, command=_command(), **changes)
        print_run(run, as_json)
        if run.stopped == "interrupted":
            epochs = run.settings.training["epochs"]
            raise KeyboardInterrupt(f"stopped after {len(run.history)} of {epochs} epochs; with --resume it goes on")


def crossval(
    model: Model,
    data: Data,
    folds: Annotated[str, typer.Option(help='Folds to test on, such as "1,3", or "all".')] = "all",
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write, with one run folder per fold. Finished folds in it are not trained again."),
    ] = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    size: Size = None,
    settings: Set = None,
    seed: Seed = None,
    split_seed: SplitSeed = None,
    ignore_copies: IgnoreCopies = False,
    device: OnDevice = None,
    precision: How = None,
    workers: Readers = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Test each fold with a model trained on the others. With --out, you can stop it and continue later."""
    named = {"epochs": epochs, "batch_size": batch_size, "seed": seed, "device": device, "precision": precision}
    problems = Problems()
    opened = _open_before_torch(problems, model, data, out)
    changes = overrides(problems, model, size, settings, workers=workers, **named)
    chosen = None if folds == "all" else problems.check(_fold_numbers, folds)
    if _may_find_more(problems, model, data, opened is not None or size or settings):
        source = data if opened is None else opened
        problems.check(musiclab.runs.check_crossval, model, source, chosen, out, split_seed=split_seed, **changes)
    problems.raise_if_any()
    with stoppable("stopped; the same command goes on" if out else "stopped; with --out it could go on"):
        splitting = {"split_seed": split_seed, "ignore_copies": ignore_copies}
        run = musiclab.crossval(model, opened, chosen, out, **splitting, command=_command(), **changes)
    print_run(run, as_json)


def evaluate(run: RunFolder, data: Data, device: OnDevice = "auto", as_json: AsJson = False) -> None:
    """Test a trained model on the clips that it was tested on before, or on other data."""
    problems = Problems()
    trained = problems.check(musiclab.load, run)
    if trained is None and not musiclab.store.must_render(data):
        problems.check(musiclab.store.open_index, data)
    problems.raise_if_any()
    print_run(trained.evaluate(data, device), as_json)


def predict(
    run: RunFolder,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Sound files, folders of sound files, or - for standard input."),
    ],
    top: Annotated[int, typer.Option(min=1, help="Number of classes to print for each file.")] = 3,
    every: Annotated[
        float | None,
        typer.Option(help="Print a timeline with a window every so many seconds; by default only for long files."),
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Table (.csv) to write, one line per file.")] = None,
    windows: Annotated[Path | None, typer.Option(help="Table (.csv) to write, one line per window of time.")] = None,
    device: OnDevice = "auto",
    as_json: AsJson = False,
) -> None:
    """Classify sound files; long files also get a timeline of predictions."""
    check_table(csv)
    check_table(windows)
    predictions = musiclab.load(run).predict(files, every=every, device=device)
    list_failures(predictions.failures)
    windows_of = dict(list(predictions.windows.groupby("path")))
    for path, shares in zip(predictions.files["path"], predictions.probabilities, strict=True):
        best = (-shares).argsort(kind="stable")[:top]
        print(f"{path}: " + ", ".join(f"{predictions.classes[index]} {100 * shares[index]:.1f} %" for index in best))
        if len(windows_of[path]) > 1:
            for start, end, name, share in musiclab.runs.merged(windows_of[path]).itertuples(index=False):
                print(f"  {_clock(start):>7} to {_clock(end):>7}  {name} {100 * share:.1f} %")
    if csv is not None:
        predictions.save(csv)
    if windows is not None:
        predictions.save_windows(windows)
    if as_json:
        print(json.dumps(predictions.to_dict()))


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders and folders of cross-validations.")],
    out: Annotated[Path | None, typer.Option(help="Table (.csv) or picture (.png, .svg, .pdf) to write.")] = None,
    speed: Annotated[bool, typer.Option(help="Measure how many clips per second each model classifies.")] = True,
    device: OnDevice = "auto",
    as_json: AsJson = False,
) -> None:
    """Compare runs: accuracy, size and speed of each, and whether the differences could be chance."""
    if out is not None:
        musiclab.runs.comparison.check_out(out)
    comparison = musiclab.compare(*runs, device=device, measure_speed=speed)
    print(comparison)
    if out is not None:
        comparison.save(out)
    if as_json:
        print(json.dumps(comparison.to_dict()))


def report(run: RunFolder, as_json: AsJson = False) -> None:
    """Write the report of a run again: report.html, curves.png and confusion.png in its folder."""
    page = musiclab.load(run).report()
    print(page)
    if as_json:
        print(json.dumps({"report": str(page)}))


def models(as_json: AsJson = False) -> None:
    """List the models with their input, their sizes, and their recipe, which is how train trains them by default."""
    from musiclab.training.recipes import describe

    described = [describe(name) for name in NAMES]
    for entry in described:
        print(_model_text(entry))
    print("Parameters are those for 10 classes. Change sizes with --size NAME=VALUE, settings with --set NAME=VALUE.")
    if as_json:
        print(json.dumps({"models": described}))


def _model_text(entry: dict) -> str:
    """Format a model as a line about its input and its parameters, and lines about its sizes and settings."""
    *dimensions, length = entry["input_shape"]
    shape = f"{dimensions[0]} x {length} (dimensions x frames), of sound" if dimensions else f"{length:,} samples"
    rate = entry["feature_settings"]["sample_rate"]
    sizes = ", ".join(f"{name}={json.dumps(value)}" for name, value in entry["sizes"].items())
    training = entry["training"]
    shown = ["epochs", "batch_size", "learning_rate", "schedule"]
    recipe = [f"{name}={training[name]}" for name in shown]
    recipe += [f"augmentation.{name}={value}" for name, value in training["augmentation"].items() if value]
    return (
        f"{entry['model']:8} input: {entry['feature']}, {shape} at {rate:,} Hz\n"
        f"         parameters: {entry['parameters']:,}\n"
        f"         sizes: {sizes}\n"
        f"         recipe: {', '.join(recipe)}\n"
    )


def _open_before_torch(problems: Problems, model: str, data: str, out: Path | None):
    """Check the names of model, folder and data, which takes no torch, and return the data with its table of clips."""
    problems.check(check_name, model)
    if out is not None:
        problems.check(check_can_make, out)
    if model not in NAMES:
        return problems.check(_check_exists, data)
    return data if musiclab.store.must_render(data) else problems.check(musiclab.store.open_index, data)


def _may_find_more(problems: Problems, model: str, data: str, is_checked_with_torch: bool) -> bool:
    """Return True if there are problems, and loading torch may tell others, to report all of them at once."""
    return bool(problems.errors and is_checked_with_torch and model in NAMES and not musiclab.store.must_render(data))


def _check_exists(data: str) -> None:
    """Raise an error if a store or a folder is missing; it takes no time, because nothing is opened."""
    data = data.rpartition(",group=")[0] or data
    name, _, rest = data.partition(":")
    paths = Path(data).expanduser(), Path(rest or name).expanduser()
    if name not in ("studio", "street") and not any(path.exists() for path in paths):
        raise MusiclabError(f"{paths[1]}: no such file or folder; expected data as `musiclab train --help` lists them")


def _clock(seconds: float) -> str:
    """Format seconds as 1:02.5."""
    tenths = round(10 * seconds)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def _command() -> str:
    return shlex.join(["musiclab", *sys.argv[1:]])


def _fold_numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise MusiclabError(
            f'--folds: expected numbers with commas between, such as "1,3", or "all", found {text!r}'
        ) from error
