"""Commands for models and runs: train, crossval, evaluate, predict, compare, transfer, report, export, models."""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

import musiclab
from musiclab.cli.options import (
    DATA_HELP,
    AsJson,
    BatchSize,
    Data,
    Device,
    Encoder,
    Epochs,
    IgnoreCopies,
    LoaderWorkers,
    Model,
    Precision,
    Quiet,
    RunFolder,
    Seed,
    Set,
    Size,
    SplitSeed,
    collect_overrides,
    complete_model,
)
from musiclab.cli.output import check_table, explain_interrupt, list_failures, print_run
from musiclab.core.errors import MusiclabError, Problems
from musiclab.core.files import check_can_make
from musiclab.models import NAMES, check_name


def train(
    model: Model,
    data: Data,
    out: Annotated[Path, typer.Option(help="Run folder to write.")],
    fold: Annotated[
        int | None,
        typer.Option(help="Fold to test on (default: the first). The next fold becomes the validation set."),
    ] = None,
    encoder: Encoder = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    size: Size = None,
    settings: Set = None,
    seed: Seed = None,
    split_seed: SplitSeed = None,
    ignore_copies: IgnoreCopies = False,
    device: Device = None,
    precision: Precision = None,
    workers: LoaderWorkers = None,
    quiet: Quiet = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume an interrupted run in OUT after its last completed epoch.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run in OUT.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train a model, test it on held-out clips, and save the model, the results and a report to OUT."""
    options = {"epochs": epochs, "batch_size": batch_size, "seed": seed, "device": device, "precision": precision}
    options["encoder"] = encoder
    problems = Problems()
    dataset = _open_before_torch(problems, model, data, out)
    overrides = collect_overrides(problems, model, size, settings, workers=workers, **options)
    plan = {"fold": fold, "resume": resume, "overwrite": overwrite, "split_seed": split_seed}
    if _needs_full_check(problems, model, data, dataset is not None or size or settings):
        source = data if dataset is None else dataset
        problems.check(musiclab.runs.check_train, model, source, out, **plan, **overrides)
    problems.raise_if_any()
    with explain_interrupt():
        plan["ignore_copies"] = ignore_copies
        run = musiclab.train(model, dataset, out, **plan, command=_command_line(), **overrides)
        print_run(run, as_json)
        if run.stopped == "interrupted":
            epochs = run.settings.training["epochs"]
            raise KeyboardInterrupt(f"stopped after {len(run.history)} of {epochs} epochs. Use --resume to continue.")


def crossval(
    model: Model,
    data: Data,
    folds: Annotated[str, typer.Option(help='Folds to test on: a list such as "1,3", or "all".')] = "all",
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write, with one run folder per fold. Folds that are already finished are kept."),
    ] = None,
    encoder: Encoder = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    size: Size = None,
    settings: Set = None,
    seed: Seed = None,
    split_seed: SplitSeed = None,
    ignore_copies: IgnoreCopies = False,
    device: Device = None,
    precision: Precision = None,
    workers: LoaderWorkers = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Cross-validate: test each fold with a model trained on the others. With --out, you can stop and resume."""
    options = {"epochs": epochs, "batch_size": batch_size, "seed": seed, "device": device, "precision": precision}
    options["encoder"] = encoder
    problems = Problems()
    dataset = _open_before_torch(problems, model, data, out)
    overrides = collect_overrides(problems, model, size, settings, workers=workers, **options)
    chosen = None if folds == "all" else problems.check(_parse_numbers, "--folds", folds)
    if _needs_full_check(problems, model, data, dataset is not None or size or settings):
        source = data if dataset is None else dataset
        problems.check(musiclab.runs.check_crossval, model, source, chosen, out, split_seed=split_seed, **overrides)
    problems.raise_if_any()
    hint = "Run the same command again to continue." if out else "Only a cross-validation with --out can be continued."
    with explain_interrupt(f"stopped. {hint}"):
        splitting = {"split_seed": split_seed, "ignore_copies": ignore_copies}
        run = musiclab.crossval(model, dataset, chosen, out, **splitting, command=_command_line(), **overrides)
    print_run(run, as_json)


def evaluate(run: RunFolder, data: Data, device: Device = "auto", as_json: AsJson = False) -> None:
    """Test a trained model. If DATA is its training data set, only the test clips are used, otherwise all clips."""
    problems = Problems()
    trained = problems.check(musiclab.load, run)
    if trained is None and not musiclab.store.must_render(data):
        problems.check(musiclab.store.open_index, data)
    problems.raise_if_any()
    print_run(trained.evaluate(data, device), as_json)


def predict(
    run: RunFolder,
    files: Annotated[
        list[str],  # a Path would make "" the current folder
        typer.Argument(metavar="FILE...", help="Sound files, folders of sound files, or - for standard input."),
    ],
    top: Annotated[int, typer.Option(min=1, help="Number of classes to print per file.")] = 3,
    every: Annotated[
        float | None,
        typer.Option(
            help="Seconds between the predictions of a timeline. By default, only files longer than three times the "
            "model's input length get a timeline."
        ),
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Table to write (.csv), one row per file.")] = None,
    windows: Annotated[Path | None, typer.Option(help="Table to write (.csv), one row per window.")] = None,
    unknown: Annotated[
        bool, typer.Option("--unknown", help='Predict "unknown" for sounds that fit none of the classes.')
    ] = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Classify sound files. Long files also get a timeline of predictions."""
    check_table(csv)
    check_table(windows)
    if csv is not None and windows is not None and csv.absolute() == windows.absolute():
        raise MusiclabError(f"{csv}: --csv and --windows need different files.")
    predictions = musiclab.load(run).predict(files, every=every, device=device, unknown=unknown)
    list_failures(predictions.failures)
    windows_of = dict(list(predictions.windows.groupby("path")))
    for path, predicted, probabilities in zip(
        predictions.files["path"], predictions.files["predicted"], predictions.probabilities, strict=True
    ):
        best = (-probabilities).argsort(kind="stable")[:top]
        note = "" if predicted in predictions.classes else f"{predicted}; "
        print(f"{path}: {note}" + ", ".join(f"{predictions.classes[i]} {100 * probabilities[i]:.1f} %" for i in best))
        if len(windows_of[path]) > 1:
            for start, end, label, probability in musiclab.runs.merged(windows_of[path]).itertuples(index=False):
                print(f"  {_format_time(start):>7} to {_format_time(end):>7}  {label} {100 * probability:.1f} %")
    if csv is not None:
        predictions.save(csv)
    if windows is not None:
        predictions.save_windows(windows)
    if as_json:
        print(json.dumps(predictions.to_dict()))


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders or folders of cross-validations.")],
    out: Annotated[Path | None, typer.Option(help="Table (.csv) or figure (.png, .svg, .pdf) to write.")] = None,
    speed: Annotated[bool, typer.Option(help="Measure how many clips per second each model classifies.")] = True,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Compare the accuracy, size and speed of runs, and test whether the differences could be due to chance."""
    if out is not None:
        musiclab.runs.comparison.check_out(out)
    comparison = musiclab.compare(*runs, device=device, measure_speed=speed)
    print(comparison)
    if out is not None:
        comparison.save(out)
    if as_json:
        print(json.dumps(comparison.to_dict()))


def transfer(
    train: Annotated[str, typer.Argument(metavar="TRAIN", help=f"Data to train on. {DATA_HELP}")],
    test: Annotated[str, typer.Argument(metavar="TEST", help="Data to test on, in the same forms.")],
    model: Annotated[str, typer.Option(help=f"Model: {', '.join(NAMES)}.", autocompletion=complete_model)] = "probe",
    out: Annotated[
        Path | None, typer.Option(help="Run folder to write. It also receives the page transfer.html.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Page to write (.html), with figures, and with sounds of both side by side.")
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class", metavar="TRAIN=TEST", help="Classes with other names, such as dog_bark=dog. Can be repeated."
        ),
    ] = None,
    standardise: Annotated[
        bool,
        typer.Option("--standardise", help="Standardise the input by the test set, which needs none of its labels."),
    ] = False,
    fold: Annotated[int | None, typer.Option(help="Fold of TRAIN to test on at home (default: the first).")] = None,
    encoder: Encoder = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    size: Size = None,
    settings: Set = None,
    seed: Seed = None,
    split_seed: SplitSeed = None,
    device: Device = None,
    precision: Precision = None,
    workers: LoaderWorkers = None,
    quiet: Quiet = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run in OUT.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train a model on TRAIN, test it on TEST, and show in which features the two data sets differ."""
    options = {"epochs": epochs, "batch_size": batch_size, "seed": seed, "device": device, "precision": precision}
    options["encoder"] = encoder
    problems = Problems()
    data = [_open_before_torch(problems, model, train, out), _open_before_torch(problems, model, test, None)]
    overrides = collect_overrides(problems, model, size, settings, workers=workers, **options)
    matches = problems.check(_parse_matches, classes or [])
    if page is not None:
        problems.check(musiclab.runs.check_page, page)
    plan = {"classes": matches, "fold": fold, "overwrite": overwrite, "split_seed": split_seed}
    needs_full_check = all(_needs_full_check(problems, model, source, True) for source in (train, test))
    if needs_full_check and None not in data:
        problems.check(musiclab.runs.check_transfer, *data, model, out, **plan, **overrides)
    problems.raise_if_any()
    with explain_interrupt():
        plan |= {"standardise": standardise, "command": _command_line()}
        result = musiclab.transfer(*data, model, out, **plan, **overrides)
    if not musiclab.training.devices.is_main():
        return
    print(result)
    if out is not None and (out / "transfer.html").exists():
        print(f"page: {out / 'transfer.html'}")
    if page is not None:
        print(f"page: {result.report(page)}")
    if as_json:
        print(json.dumps(result.to_dict()))


def report(run: RunFolder, as_json: AsJson = False) -> None:
    """Rewrite the report of a run: report.html, curves.png and confusion.png in its folder."""
    page = musiclab.load(run).report()
    print(page)
    if as_json:
        print(json.dumps({"report": str(page)}))


def export(
    run: RunFolder,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File to write, which ends in .onnx or .html.")],
    int8: Annotated[
        bool,
        typer.Option("--int8", help="Store the weights of the network as 8-bit integers, and measure what that costs."),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Export a model to ONNX, or to a page that opens in a browser. Both run without musiclab."""
    exported = musiclab.load(run).export(out, int8, overwrite)
    print(exported)
    if as_json:
        print(json.dumps(exported.to_dict()))


def models(as_json: AsJson = False) -> None:
    """List the models with their inputs, sizes and recipes (the default training settings)."""
    from musiclab.training.recipes import describe

    descriptions = [describe(name) for name in NAMES]
    for description in descriptions:
        print(_format_model(description))
    print("Parameters are counted for 10 classes. Change sizes with --size NAME=VALUE, settings with --set NAME=VALUE.")
    if as_json:
        print(json.dumps({"models": descriptions}))


def encoders(
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Download the weights of musicnn with pip (29 MB), unless they are there.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Download the weights again, with --fetch.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the encoders that a probe can use, and say which of them are available."""
    if fetch:
        musiclab.encoders.fetch(force)
    descriptions = []
    for name in musiclab.encoders.NAMES:
        try:
            encoder = musiclab.encoders.load(name)
            descriptions.append({"encoder": name, "dimensions": encoder.dimensions, "problem": ""})
        except MusiclabError as error:
            descriptions.append({"encoder": name, "dimensions": None, "problem": str(error)})
    for row in descriptions:
        print(f"{row['encoder']:14} {row['problem'] or str(row['dimensions']) + ' values per 3 s of sound'}")
    if as_json:
        print(json.dumps({"encoders": descriptions}))


def few_shot(
    data: Data,
    encoder: Encoder = None,
    shots: Annotated[str, typer.Option(help="Numbers of examples per class, separated by commas.")] = "1,2,5,10,20",
    draws: Annotated[int, typer.Option(min=2, help="Number of random training sets.")] = 50,
    seed: Seed = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Measure the accuracy of a probe that is trained on few examples per class."""
    options = {"encoder": encoder} if encoder else {}
    table = musiclab.runs.few_shot(data, _parse_numbers("--shots", shots), draws, seed=seed or 0, **options)
    print("examples per class   accuracy   95 % of the draws")
    for row in table.itertuples():
        print(f"{row.shots:18}   {100 * row.accuracy:6.1f} %   {100 * row.low:.1f} to {100 * row.high:.1f} %")
    print(f"n = {table['n'][0]:,} clips; the draws differ in their examples, so this is not a confidence interval")
    if as_json:
        print(json.dumps({"few_shot": table.to_dict("records")}))


def _format_model(description: dict) -> str:
    *dimensions, length = description["input_shape"]
    shape = f"{dimensions[0]} x {length} (dimensions x frames), of sound" if dimensions else f"{length:,} samples"
    sample_rate = description["feature_settings"]["sample_rate"]
    sizes = ", ".join(f"{name}={json.dumps(value)}" for name, value in description["sizes"].items())
    training = description["training"]
    recipe = [f"{name}={training[name]}" for name in ("epochs", "batch_size", "learning_rate", "schedule")]
    recipe += [f"augmentation.{name}={value}" for name, value in training["augmentation"].items() if value]
    return (
        f"{description['model']:8} input: {description['feature']}, {shape} at {sample_rate:,} Hz\n"
        f"         parameters: {description['parameters']:,}\n"
        f"         sizes: {sizes}\n"
        f"         recipe: {', '.join(recipe)}\n"
    )


def _open_before_torch(problems: Problems, model: str, data: str, out: Path | None):
    """Check model, output folder and data as far as possible without torch, and return the data with their index."""
    problems.check(check_name, model)
    if out is not None:
        problems.check(check_can_make, out)
    if model not in NAMES:
        return problems.check(_check_exists, data)
    return data if musiclab.store.must_render(data) else problems.check(musiclab.store.open_index, data)


def _needs_full_check(problems: Problems, model: str, data: str, is_checked_with_torch: bool) -> bool:
    """Return True if there are problems and a check with torch could find more, so that all are reported at once."""
    return bool(problems.errors and is_checked_with_torch and model in NAMES and not musiclab.store.must_render(data))


def _check_exists(data: str) -> None:
    """Raise an error if a store or a folder is missing, without opening it."""
    data = data.rpartition(",group=")[0] or data
    name, _, folder = data.partition(":")
    paths = Path(data).expanduser(), Path(folder or name).expanduser()
    if name not in ("studio", "street") and not any(path.exists() for path in paths):
        raise MusiclabError(f"{paths[1]}: no such file or folder. See `musiclab train --help` for the forms of DATA.")


def _format_time(seconds: float) -> str:
    """Format seconds as minutes and seconds, such as 1:02.5."""
    tenths = round(10 * seconds)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def _command_line() -> str:
    return shlex.join(["musiclab", *sys.argv[1:]])


def _parse_matches(texts: list[str]) -> dict[str, str]:
    """Parse ``["dog_bark=dog"]`` to ``{"dog_bark": "dog"}``."""
    matches = {}
    for text in texts:
        own, equals, other = text.partition("=")
        if not (own and equals and other):
            raise MusiclabError(f"--class: expected TRAIN=TEST, such as dog_bark=dog, found {text!r}")
        if own in matches:
            raise MusiclabError(f"--class: {own} is matched twice. Match it only once.")
        matches[own] = other
    return matches


def _parse_numbers(option: str, text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError as error:
        raise MusiclabError(f'{option}: expected numbers separated by commas, such as "1,3", found {text!r}') from error
