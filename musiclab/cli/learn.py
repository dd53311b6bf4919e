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
    Model,
    OnDevice,
    Readers,
    RunFolder,
    Seed,
    Set,
    Size,
    overrides,
)
from musiclab.cli.output import list_failures, print_run, stoppable
from musiclab.core.errors import MusiclabError


def train(
    model: Model,
    data: Data,
    out: Annotated[Path, typer.Option(help="Run folder to write.")],
    fold: Annotated[int | None, typer.Option(help="Fold that tests; the next one validates.")] = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    size: Size = None,
    settings: Set = None,
    seed: Seed = None,
    device: OnDevice = None,
    precision: How = None,
    workers: Readers = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue a stopped training in OUT from its last complete epoch.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train a model and test it on other clips; OUT gets the model and a report."""
    named = {"epochs": epochs, "batch_size": batch_size, "seed": seed, "device": device, "precision": precision}
    changes = overrides(size, settings, workers=workers, **named)
    with stoppable():
        run = musiclab.train(model, data, out, fold=fold, resume=resume, command=_command(), **changes)
        print_run(run, as_json)
        if run.stopped == "interrupted":
            epochs = run.settings.training["epochs"]
            raise KeyboardInterrupt(f"stopped after {len(run.history)} of {epochs} epochs; with --resume it goes on")


def crossval(
    model: Model,
    data: Data,
    folds: Annotated[str, typer.Option(help='Folds to test, such as "1,3", or "all".')] = "all",
    out: Annotated[
        Path | None, typer.Option(help="Folder to write, with a run folder per fold; finished ones in it are kept.")
    ] = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    size: Size = None,
    settings: Set = None,
    seed: Seed = None,
    device: OnDevice = None,
    precision: How = None,
    workers: Readers = None,
    as_json: AsJson = False,
) -> None:
    """Test every fold once, with a model trained on the others; with --out it can be stopped and continued."""
    named = {"epochs": epochs, "batch_size": batch_size, "seed": seed, "device": device, "precision": precision}
    changes = overrides(size, settings, workers=workers, **named)
    chosen = None if folds == "all" else _fold_numbers(folds)
    with stoppable("stopped; the same command goes on" if out else "stopped; with --out it could go on"):
        run = musiclab.crossval(model, data, chosen, out, command=_command(), **changes)
    print_run(run, as_json)


def evaluate(run: RunFolder, data: Data, device: OnDevice = "auto", as_json: AsJson = False) -> None:
    """Test a trained model, on its test clips or on other data."""
    print_run(musiclab.load(run).evaluate(data, device), as_json)


def predict(
    run: RunFolder,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Sound files, folders of them, or - for a WAV file on standard input."),
    ],
    top: Annotated[int, typer.Option(min=1, help="Number of classes to print for each file.")] = 3,
    every: Annotated[
        float | None, typer.Option(help="Seconds from window to window; default: only long files get a timeline.")
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="File to write every window to.")] = None,
    device: OnDevice = "auto",
    as_json: AsJson = False,
) -> None:
    """Classify sound files; long files also get a timeline of predictions."""
    predictions = musiclab.load(run).predict(files, every=every, device=device)
    list_failures(predictions.failures)
    windows = dict(list(predictions.windows.groupby("path")))
    for row in predictions.files.to_dict("records"):
        best = sorted(predictions.classes, key=row.get, reverse=True)[:top]
        print(f"{row['path']}: " + ", ".join(f"{name} {100 * row[name]:.1f} %" for name in best))
        if len(windows[row["path"]]) > 1:
            for start, end, name, share in musiclab.runs.merged(windows[row["path"]]).itertuples(index=False):
                print(f"  {_clock(start):>7} to {_clock(end):>7}  {name} {100 * share:.1f} %")
    if csv is not None:
        predictions.save(csv)
    if as_json:
        print(json.dumps(predictions.to_dict()))


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs and cross-validations.")],
    out: Annotated[Path | None, typer.Option(help="Table (.csv) or picture (.png, .svg, .pdf) to write.")] = None,
    speed: Annotated[bool, typer.Option(help="Measure how many clips per second each classifies.")] = True,
    device: OnDevice = "auto",
    as_json: AsJson = False,
) -> None:
    """Put runs side by side: accuracy, size, speed, and whether the differences could be chance."""
    if out is not None:
        musiclab.runs.comparison.check_out(out)
    comparison = musiclab.compare(*runs, device=device, measure_speed=speed)
    print(comparison)
    if out is not None:
        comparison.save(out)
    if as_json:
        print(json.dumps(comparison.to_dict()))


def report(run: RunFolder, as_json: AsJson = False) -> None:
    """Write the page of a run again: report.html, curves.png and confusion.png in its folder."""
    page = musiclab.load(run).report()
    print(page)
    if as_json:
        print(json.dumps({"report": str(page)}))


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
