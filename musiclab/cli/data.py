"""Commands for data sets and stores: info, download, scan, prepare, inspect, verify."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

import musiclab
from musiclab.cli.options import AsJson, Quiet, Source, Workers, parse_settings
from musiclab.cli.output import check_table, explain_interrupt, list_failures
from musiclab.core.errors import counted
from musiclab.core.files import write_csv

StoreFile = Annotated[Path, typer.Argument(metavar="STORE.h5", help="Store written by `musiclab prepare`.")]


def info(as_json: AsJson = False) -> None:
    """Show library versions, available devices and the cache folder."""
    from musiclab.core.environment import describe

    environment = describe()
    if as_json:
        print(json.dumps(environment))
    else:
        for name, value in environment.items():
            print(f"{name:>14}  {value}")


def download(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="What to download: gtzan, urbansound8k, esc10, esc50, or sampler (ten free recordings to listen to).",
        ),
    ],
    root: Annotated[
        Path, typer.Argument(metavar="ROOT", help="Parent folder. The data set gets its own subfolder.")
    ] = Path("data"),
    checksum: Annotated[
        str | None,
        typer.Option(help="Checksum of the archive (md5:... or sha256:...) to use instead of the built-in one."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Download a data set or a sampler. If the connection breaks, run the same command again to continue."""
    folder = musiclab.datasets.download(name, root, checksum)
    if name == "sampler":
        print(f"{folder}: listen to the recordings, or classify them with `musiclab predict RUN {folder}`")
    else:
        print(f"{folder}: use it as {name}:{folder}")


def prepare(
    source: Source,
    store: Annotated[Path, typer.Argument(metavar="STORE.h5", help="Store to create, or to add features to.")],
    features: Annotated[
        str | None,
        typer.Option(
            help="Features to store, separated by commas: audio, logmel, mfcc, chroma, contrast, summary, sequence "
            "(default: audio,logmel)."
        ),
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="MODELS",
            help="Store the features that these models need, such as mlp,cnn, with the settings from their recipes.",
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
        bool, typer.Option("--ignore-copies", help="Skip the search for copies of the same recording.")
    ] = False,
    backend: Annotated[
        str | None, typer.Option(help="Parallel backend: threading (the default), loky (processes) or dask.")
    ] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler, such as tcp://HOST:8786.")] = None,
) -> None:
    """Store a data set and its features in one HDF5 file. If interrupted, run the same command again to continue."""
    with explain_interrupt():
        report = musiclab.store.prepare(
            source,
            store,
            _choose_features(features, models),
            feature_settings=parse_settings(settings, "--set"),
            workers=workers,
            replace=replace,
            ignore_copies=ignore_copies,
            backend=backend,
            scheduler=scheduler,
        )
    list_failures(report.failures)
    print(report)


def _choose_features(features: str | None, models: str | None) -> list[str] | dict:
    """Return the names of the features or, with ``models``, a dictionary with their settings."""
    names = [] if features is None else [name.strip() for name in features.split(",")]
    if models is None:
        return ["audio", "logmel"] if features is None else names
    from musiclab.features import config
    from musiclab.training import features_for

    return {name: config(name) for name in names} | features_for(*(name.strip() for name in models.split(",")))


def inspect(
    store: StoreFile,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Table to write (.csv), with the index and the summary features.")
    ] = None,
) -> None:
    """Show the contents of a store: features and their settings, classes, folds, sizes, licence and failures."""
    check_table(csv)
    with musiclab.store.Store(store) as open_store:
        print(open_store.describe())
        if csv is not None:
            write_csv(csv, open_store.frame("summary"), errors="backslashreplace")


def verify(store: StoreFile, quiet: Quiet = False) -> None:
    """Check the data in a store against their checksums. The exit status is 1 if anything is damaged."""
    faults = musiclab.store.verify(store, progress=True)
    for fault in faults:
        print(fault)
    print(f"{store}: {_count_faults(faults)}")
    raise typer.Exit(1 if faults else 0)


def scan(
    source: Source,
    workers: Workers = -1,
    csv: Annotated[Path | None, typer.Option("--csv", help="Table to write (.csv), one row per clip.")] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Find unreadable, silent, clipped and duplicate clips in a data set. The exit status is 1 if there are any."""
    check_table(csv)
    dataset = musiclab.datasets.open_source(source)
    table = musiclab.datasets.scan(dataset, workers)
    faults = musiclab.datasets.list_faults(dataset, table)
    folder = _find_root(source, dataset)
    for fault in faults:
        print(fault.replace(f"{folder}{os.sep}", ""))
    if (table["error"] == "").any():
        print(_format_classes(dataset, table))
        if problem := musiclab.datasets.find_split_problem(dataset, table):
            print(f"Training on this data set would fail: {problem}")
    print(f"{source}: {counted(len(table), 'clip')}, {table['seconds'].sum() / 3600:.2f} h, {_count_faults(faults)}")
    if faults:
        print(f"Paths are relative to {folder}.")
    if csv is not None:
        index = dataset.index[["path", "label", "group", "fold", "split"]]
        write_csv(csv, index.join(table.drop(columns="path")))
    if as_json:
        print(json.dumps({"clips": table.to_dict(orient="records"), "faults": faults}))
    raise typer.Exit(1 if faults else 0)


def _find_root(source: str, dataset) -> Path:
    """Find the folder that contains all clips of a data set."""
    folder = Path(source.partition(":")[2] or source).expanduser().absolute()
    return folder if folder.is_dir() else Path(os.path.commonpath(dataset.index["path"].map(os.path.dirname).tolist()))


def _format_classes(dataset, table) -> str:
    """Format a table of the classes with the number of readable clips, groups and minutes in each."""
    clips = dataset.index[["label", "group"]].join(table[["seconds", "error"]])
    columns = {"clips": ("label", "size"), "groups": ("group", "nunique"), "minutes": ("seconds", "sum")}
    classes = clips[clips["error"] == ""].groupby("label").agg(**columns)
    classes["minutes"] /= 60
    return classes.rename_axis("class").reset_index().to_string(index=False, float_format="%.1f")


def _count_faults(faults: list[str]) -> str:
    return counted(len(faults), "fault") if faults else "no faults"
