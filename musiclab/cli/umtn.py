"""Commands for UMTN, the Universal Music Translation Network. Flags that its scripts have, too, have the same names."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

import musiclab
from musiclab.cli.options import AsJson, Device, Precision, Quiet
from musiclab.cli.output import explain_interrupt, list_failures
from musiclab.core.errors import MusiclabError, Problems, counted
from musiclab.core.files import check_can_make

app = typer.Typer(
    help="Prepare data for UMTN, the Universal Music Translation Network, train it, and translate music.",
    no_args_is_help=True,
)

Input = Annotated[Path, typer.Option("--input", "-i", help="Folder of sound files; subfolders are included.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder to write to; subfolders are kept.")]
FileType = Annotated[str | None, typer.Option("--filetype", help="Use only files with this extension, such as wav.")]


@app.command()
def preprocess(
    input: Input,
    output: Output,
    norm_db: Annotated[
        bool, typer.Option("--norm-db", help="Make quiet and loud parts more equal first, like sox's compand.")
    ] = False,
    filetype: FileType = None,
) -> None:
    """Convert each file to 16-bit mono sound at 16 kHz, and write it to an .h5 file of the same name."""
    dataset = musiclab.umtn.EncodedFilesDataset(input, file_type=filetype)
    written = dataset.dump_to_folder(output, norm_db)
    print(f"{output}: {len(written)} files written, {len(dataset.failures)} left out")


@app.command()
def split(
    input: Input,
    output: Output,
    train: Annotated[float, typer.Option(help="Share of the files or groups used for training.")] = 0.8,
    val: Annotated[float, typer.Option(help="Share used for validation; the rest is used for testing.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Random seed of the shuffle.")] = 18,
    filetype: FileType = None,
    group: Annotated[
        str | None,
        typer.Option(
            help=r"Regular expression, such as '\d+'. Files stay together if it matches the same text in their paths."
        ),
    ] = None,
) -> None:
    """Copy the files of one domain into the subfolders train, val and test."""
    parts = musiclab.umtn.split_dir(input, output, train, val, seed, filetype, group)
    print(f"{output}: " + ", ".join(f"{part} {len(files)}" for part, files in parts.items()))


@app.command()
def inspect(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder of .h5 files, with one domain or one subfolder per domain.")
    ],
    seq_len: Annotated[
        int, typer.Option("--seq-len", help="Segment length in samples; shorter files are listed.")
    ] = 12000,
    dataset_name: Annotated[str, typer.Option("--h5-dataset-name", help="Name of the dataset in each file.")] = "wav",
    as_json: AsJson = False,
) -> None:
    """Summarise preprocessed folders. The exit status is 1 if training would leave files out."""
    table, failures = musiclab.umtn.inspect(folder, seq_len, dataset_name)
    print(table.to_string(index=False))
    list_failures(failures)
    if as_json:
        print(json.dumps({"folders": json.loads(table.to_json(orient="records")), "failures": failures}))
    raise typer.Exit(1 if failures else 0)


@app.command()
def studio(
    output: Output,
    pieces: Annotated[int, typer.Option(min=3, help="Number of pieces; every domain plays all of them.")] = 200,
    seconds: Annotated[float, typer.Option(help="Duration of each piece in seconds.")] = 10.0,
    train: Annotated[float, typer.Option(help="Share of the pieces used for training.")] = 0.8,
    val: Annotated[float, typer.Option(help="Share used for validation; the rest is used for testing.")] = 0.05,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Random seed of the split.")] = 18,
    quiet: Quiet = False,
) -> None:
    """Generate the same pieces for piano, string quartet, organ and guitar, split into train, val and test."""
    folders = musiclab.umtn.studio_domains(output, pieces, seconds, train, val, seed)
    print(f"{output}: {pieces} pieces for each of {', '.join(folders)}")
    print(f"next: musiclab umtn preprocess -i {output} -o PREPROCESSED")


@app.command()
def train(
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DOMAIN...", help="Preprocessed folders, one per domain, each with the subfolders train and val."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Run folder to write.")],
    network: Annotated[
        str,
        typer.Option(help="Sizes: harmonic (small, minutes on a laptop), wavenet (small, half an hour) or published."),
    ] = "harmonic",
    epochs: Annotated[int, typer.Option(min=1, help="Number of epochs.")] = 20,
    epoch_len: Annotated[int, typer.Option("--epoch-len", min=1, help="Number of random segments per epoch.")] = 3200,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Number of segments per batch.")] = 16,
    seq_len: Annotated[int, typer.Option("--seq-len", min=800, help="Segment length in samples at 16 kHz.")] = 12000,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = 1e-3,
    d_lambda: Annotated[
        float | None,
        typer.Option("--d-lambda", min=0, help="Weight of the confusion term (default: set by the network)."),
    ] = None,
    magnitude: Annotated[
        float, typer.Option(min=0, max=2, help="Largest pitch shift of the augmentation in semitones; 0 turns it off.")
    ] = 0.5,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Random seed.")] = 0,
    device: Device = None,
    precision: Precision = None,
    start: Annotated[
        str | None, typer.Option(help="Run whose encoder is the initial one, such as harmonic for a wavenet.")
    ] = None,
    quiet: Quiet = False,
    resume: Annotated[bool, typer.Option("--resume", help="Resume an interrupted training in OUT.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train UMTN: an encoder, one decoder per domain, and the domain classifier that the encoder has to fool."""
    umtn, problems = musiclab.umtn, Problems()
    names = [folder.resolve().name for folder in data]
    problems.check(umtn.Translator, names, network, d_lambda)
    problems.check(check_can_make, out)
    cut, read = {"seq_len": seq_len, "seed": seed}, umtn.SegmentPairs.of_folders
    pairs = problems.check(read, data, "train", epoch_len=epoch_len, magnitude=magnitude, **cut)
    valid = problems.check(read, data, "val", epoch_len=min(256, epoch_len), magnitude=0, **cut)
    options = {"epochs": epochs, "batch_size": batch_size, "learning_rate": lr, "seed": seed}
    options |= {"device": device or "auto", "precision": precision or "auto", "weight_decay": 0.0, "clip": 1.0}
    training = problems.check(musiclab.training.TrainConfig, **options)
    problems.raise_if_any()
    with explain_interrupt("stopped. Use --resume to continue."):
        description = {"folders": [str(folder) for folder in data], "magnitude": magnitude}
        settings = {"network": network, "weight": d_lambda}
        run = umtn.train(pairs, valid, names, out, training, start, resume, data=description, **settings)
        if run.stopped == "interrupted":
            raise KeyboardInterrupt(f"stopped after {len(run.history)} of {epochs} epochs. Use --resume to continue.")
    from musiclab.training.devices import is_main

    if is_main():
        last = run.history.iloc[run.best_epoch - 1]
        print(f"{out}: {network} for {', '.join(names)}, epoch {run.best_epoch}, loss {last['valid_loss']:.3f}")
        if as_json:
            print(json.dumps({"run": str(out), "epoch": run.best_epoch, "valid_loss": float(last["valid_loss"])}))


@app.command()
def translate(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Run folder, or harmonic or wavenet: networks that come with musiclab.")
    ],
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Sound files or folders. Translations in folders are left out."),
    ],
    to: Annotated[str, typer.Option(help="Domain to translate to, or a part of its name, such as piano.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the translations (.wav). Default: beside each file.")
    ] = None,
    temperature: Annotated[float, typer.Option(min=0, help="Only for WaveNets: below 1, there is less noise.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Only for WaveNets: random seed of the samples.")] = 0,
    device: Device = "cpu",
    quiet: Quiet = False,
) -> None:
    """Translate recordings: the same notes, played by the instruments of another domain."""
    umtn, problems = musiclab.umtn, Problems()
    trained = problems.check(umtn.load, run)
    target = None if trained is None else problems.check(trained.model.find_domain, to)
    if out is not None:
        problems.check(check_can_make, out, "the folder of translations")
    problems.raise_if_any()
    domain = trained.model.domains[target]
    endings, paths = tuple(f"-{name}" for name in trained.model.domains), []
    for file in files:
        found = musiclab.audio.find_audio(file) if file.is_dir() else [file]
        made = [path for path in found if path.stem.endswith(endings)] if file.is_dir() else []
        paths += [path for path in found if path not in made]
        if made:
            print(f"{file}: {counted(len(made), 'translation')} left out, such as {made[0].name}", file=sys.stderr)
    targets = {path: (path.parent if out is None else out) / f"{path.stem}-{domain}.wav" for path in paths}
    umtn.encoded.check_targets(targets, "Rename them, or translate each to another folder with --out.")
    failures = []
    for path, written in targets.items():
        try:
            options = {"temperature": temperature, "seed": seed, "device": device, "show_progress": True}
            sound = umtn.translate(trained, path, domain, **options)
        except MusiclabError as error:
            failures.append((str(path), str(error)))
            continue
        musiclab.audio.save_audio(written, sound, umtn.WAV_FREQ)
        print(written)
    list_failures(failures)
    raise typer.Exit(1 if failures else 0)
