"""Commands about data: download, scan, store."""

import json
from pathlib import Path
from typing import Annotated

import typer

import musiclab
from musiclab.cli.options import AsJson, Source, Workers, parse_settings
from musiclab.cli.output import list_failures, stoppable
from musiclab.core.files import replacing

StoreFile = Annotated[Path, typer.Argument(metavar="STORE.h5", help="File that musiclab prepare made.")]


def info(as_json: AsJson = False) -> None:
    """Print what is installed, what it can compute on, and where files are kept."""
    from musiclab.core.environment import describe

    facts = describe()
    if as_json:
        print(json.dumps(facts))
    else:
        for name, value in facts.items():
            print(f"{name:>14}  {value}")


def download(
    name: Annotated[str, typer.Argument(metavar="NAME", help="gtzan, urbansound8k, esc10 or esc50.")],
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="Folder to put the data set's folder into.")],
    checksum: Annotated[
        str | None, typer.Option(help="md5:... or sha256:... of the archive, in place of the known one.")
    ] = None,
) -> None:
    """Download a data set; after a broken connection, run it again to continue."""
    folder = musiclab.datasets.download(name, root, checksum)
    print(f"{folder}: to be named as {name}:{folder}")


def prepare(
    source: Source,
    store: Annotated[Path, typer.Argument(metavar="STORE.h5", help="File to make, or to add to.")],
    features: Annotated[
        str,
        typer.Option(help="Features to store, with commas: audio, logmel, mfcc, chroma, contrast, summary, sequence."),
    ] = "audio,logmel",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FEATURE.NAME=VALUE", help="Setting, such as audio.sample_rate=8000."),
    ] = None,
    workers: Workers = -1,
    replace: Annotated[bool, typer.Option("--replace", help="Start from scratch, whatever STORE.h5 holds.")] = False,
    backend: Annotated[str | None, typer.Option(help="threading (default), loky (processes) or dask.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler, tcp://HOST:8786.")] = None,
) -> None:
    """Store a data set and its features in one HDF5 file; run it again to continue, or to add features."""
    with stoppable():
        report = musiclab.store.prepare(
            source,
            store,
            [name.strip() for name in features.split(",")],
            feature_settings=parse_settings(settings, "--set"),
            workers=workers,
            replace=replace,
            backend=backend,
            scheduler=scheduler,
        )
    list_failures(report.failures)
    print(report)


def inspect(
    store: StoreFile,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="File to write the index and the summary to, one row per clip.")
    ] = None,
) -> None:
    """Print the contents of a store: features and their settings, classes, folds, sizes, licence, failures."""
    with musiclab.store.Store(store) as opened:
        print(opened.describe())
        if csv is not None:
            with replacing(csv) as unfinished:
                opened.frame("summary").to_csv(unfinished, index=False)


def verify(store: StoreFile) -> None:
    """Compare a store with its checksums. Exit status 1 if anything is damaged."""
    faults = musiclab.store.verify(store, progress=True)
    for fault in faults:
        print(fault)
    print(f"{store}: {_count(faults)}")
    raise typer.Exit(1 if faults else 0)


def scan(source: Source, workers: Workers = -1, as_json: AsJson = False) -> None:
    """List clips that are unreadable, silent, clipped or repeated. Exit status 1 if there are any."""
    dataset = musiclab.datasets.open_source(source)
    table = musiclab.datasets.scan(dataset, workers)
    faults = musiclab.datasets.list_faults(dataset, table)
    short = table.assign(error=table["error"].ne("").map({True: "see below", False: ""}))
    print(short.to_string(index=False, float_format="%.3f"))
    for fault in faults:
        print(fault)
    print(f"{source}: {len(table)} clips, {table['seconds'].sum() / 3600:.2f} h, {_count(faults)}")
    if as_json:
        print(json.dumps({"clips": table.to_dict(orient="records"), "faults": faults}))
    raise typer.Exit(1 if faults else 0)


def _count(faults: list[str]) -> str:
    return f"{len(faults) or 'no'} fault{'' if len(faults) == 1 else 's'}"
