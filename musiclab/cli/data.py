"""Commands about data: download, scan, store."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

import musiclab
from musiclab.cli.options import AsJson, Quiet, Source, Workers, parse_settings
from musiclab.cli.output import check_table, list_failures, stoppable
from musiclab.core.errors import counted
from musiclab.core.files import write_csv

StoreFile = Annotated[Path, typer.Argument(metavar="STORE.h5", help="Store that `musiclab prepare` wrote.")]


def info(as_json: AsJson = False) -> None:
    """Print the versions of what is installed, the devices to compute on, and the folder of the cache."""
    from musiclab.core.environment import describe

    facts = describe()
    if as_json:
        print(json.dumps(facts))
    else:
        for name, value in facts.items():
            print(f"{name:>14}  {value}")


def download(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the data set: gtzan, urbansound8k, esc10 or esc50.")
    ],
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="Folder that receives the folder of the data set.")],
    checksum: Annotated[
        str | None, typer.Option(help="Checksum of the archive, md5:... or sha256:..., instead of the known one.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Download a data set. After a broken connection, run the same command again to continue."""
    folder = musiclab.datasets.download(name, root, checksum)
    print(f"{folder}: use it as {name}:{folder}")


def prepare(
    source: Source,
    store: Annotated[Path, typer.Argument(metavar="STORE.h5", help="Store to write, or to add features to.")],
    features: Annotated[
        str | None,
        typer.Option(
            help="Features to store, separated by commas: audio, logmel, mfcc, chroma, contrast, summary, sequence; "
            "default audio,logmel."
        ),
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="MODELS",
            help="Models to prepare for, such as mlp,cnn: stores their features, with the settings of their recipes.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FEATURE.NAME=VALUE", help="Feature setting, such as audio.sample_rate=8000."),
    ] = None,
    workers: Workers = -1,
    quiet: Quiet = False,
    replace: Annotated[bool, typer.Option("--replace", help="Start from scratch and replace STORE.h5.")] = False,
    ignore_copies: Annotated[
        bool, typer.Option("--ignore-copies", help="Do not look for copies of one recording.")
    ] = False,
    backend: Annotated[
        str | None, typer.Option(help="How to run in parallel: threading (the default), loky (processes) or dask.")
    ] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler, such as tcp://HOST:8786.")] = None,
) -> None:
    """Store a data set and its features in one HDF5 file. Run the same command again to continue it."""
    with stoppable():
        report = musiclab.store.prepare(
            source,
            store,
            _chosen_features(features, models),
            feature_settings=parse_settings(settings, "--set"),
            workers=workers,
            replace=replace,
            ignore_copies=ignore_copies,
            backend=backend,
            scheduler=scheduler,
        )
    list_failures(report.failures)
    print(report)


def _chosen_features(features: str | None, models: str | None) -> list[str] | dict:
    """Return names of features, or with models also their settings."""
    names = [] if features is None else [name.strip() for name in features.split(",")]
    if models is None:
        return ["audio", "logmel"] if features is None else names
    from musiclab.features import config
    from musiclab.training import features_for

    return {name: config(name) for name in names} | features_for(*(name.strip() for name in models.split(",")))


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
            write_csv(csv, opened.frame("summary"), errors="backslashreplace")


def verify(store: StoreFile, quiet: Quiet = False) -> None:
    """Compare a store with its checksums. Exit status 1 if anything is damaged."""
    faults = musiclab.store.verify(store, progress=True)
    for fault in faults:
        print(fault)
    print(f"{store}: {_count(faults)}")
    raise typer.Exit(1 if faults else 0)


def scan(
    source: Source,
    workers: Workers = -1,
    csv: Annotated[Path | None, typer.Option("--csv", help="Table (.csv) to write, with one line per clip.")] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Find clips that are unreadable, silent, clipped or repeated. Exit status 1 if there are any."""
    check_table(csv)
    dataset = musiclab.datasets.open_source(source)
    table = musiclab.datasets.scan(dataset, workers)
    faults = musiclab.datasets.list_faults(dataset, table)
    folder = _folder_of(source, dataset)
    for fault in faults:
        print(fault.replace(f"{folder}{os.sep}", ""))
    if (table["error"] == "").any():
        print(_class_table(dataset, table))
        if problem := musiclab.datasets.find_split_problem(dataset, table):
            print(f"A training would be refused: {problem}")
    print(f"{source}: {counted(len(table), 'clip')}, {table['seconds'].sum() / 3600:.2f} h, {_count(faults)}")
    if faults:
        print(f"Paths are relative to {folder}.")
    if csv is not None:
        names = dataset.index[["path", "label", "group", "fold", "split"]]
        write_csv(csv, names.join(table.drop(columns="path")))
    if as_json:
        print(json.dumps({"clips": table.to_dict(orient="records"), "faults": faults}))
    raise typer.Exit(1 if faults else 0)


def _folder_of(source: str, dataset) -> Path:
    """Return the folder that the paths of a data set are relative to."""
    named = Path(source.partition(":")[2] or source).expanduser().absolute()
    return named if named.is_dir() else Path(os.path.commonpath(dataset.index["path"].map(os.path.dirname).tolist()))


def _class_table(dataset, table) -> str:
    """Format the clips, groups and minutes of each class that can be read."""
    clips = dataset.index[["label", "group"]].join(table[["seconds", "error"]])
    columns = {"clips": ("label", "size"), "groups": ("group", "nunique"), "minutes": ("seconds", "sum")}
    classes = clips[clips["error"] == ""].groupby("label").agg(**columns)
    classes["minutes"] /= 60
    return classes.rename_axis("class").reset_index().to_string(index=False, float_format="%.1f")


def _count(faults: list[str]) -> str:
    return counted(len(faults), "fault") if faults else "no faults"
