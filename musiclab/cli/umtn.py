"""Commands for UMTN, the Universal Music Translation Network, with the flags of its original scripts."""

import json
from pathlib import Path
from typing import Annotated

import typer

import musiclab
from musiclab.cli.options import AsJson
from musiclab.cli.output import list_failures

app = typer.Typer(
    help="Prepare sound files for training UMTN, the Universal Music Translation Network.",
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
    seed: Annotated[int, typer.Option(help="Random seed of the shuffle.")] = 18,
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
