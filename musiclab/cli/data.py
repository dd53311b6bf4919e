"""Commands about data: what is here, get it, look at it, keep it in a store."""

import json
from pathlib import Path
from typing import Annotated

import typer

from musiclab.cli.options import AsJson, Source, Workers, parse_settings
from musiclab.cli.output import list_failures, stoppable
from musiclab.core.errors import MusiclabError, did_you_mean
from musiclab.core.files import replacing

StoreFile = Annotated[Path, typer.Argument(metavar="STORE.h5", help="A file that musiclab prepare has made.")]


def info(as_json: AsJson = False) -> None:
    """Say what is installed, what it can compute on, and where files are kept."""
    from musiclab.core.environment import describe

    facts = describe()
    if as_json:
        print(json.dumps(facts))
    else:
        for name, value in facts.items():
            print(f"{name:>14}  {value}")


def download(
    name: Annotated[str, typer.Argument(metavar="NAME", help="gtzan, urbansound8k, esc10 or esc50.")],
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="Folder that gets the data set's own.")],
    checksum: Annotated[
        str | None, typer.Option(help="md5:... or sha256:... to hold the archive against, in place of the known one.")
    ] = None,
) -> None:
    """Download a data set; run it again to go on where a connection broke."""
    from musiclab.datasets import download as get

    folder = get(name, root, checksum)
    print(f"{folder}: to be named as {name}:{folder}")


def prepare(
    source: Source,
    store: Annotated[Path, typer.Argument(metavar="STORE.h5", help="File to make, or to add to.")],
    features: Annotated[
        str,
        typer.Option(
            help="What to keep of each clip, with commas between: audio, logmel, mfcc, chroma, contrast, summary, "
            "sequence."
        ),
    ] = "audio,logmel",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FEATURE.NAME=VALUE", help="A setting, such as audio.sample_rate=8000 or logmel.n_mels=64."
        ),
    ] = None,
    workers: Workers = -1,
    replace: Annotated[bool, typer.Option("--replace", help="Start anew, whatever STORE.h5 holds.")] = False,
    backend: Annotated[str | None, typer.Option(help="threading, loky (processes) or dask; left out, threads.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler, tcp://HOST:8786.")] = None,
) -> None:
    """Decode a data set and keep it, with its features, in one HDF5 file; run it again to go on or to add features."""
    from musiclab.datasets import open_source
    from musiclab.store import prepare as make

    chosen = _chosen([name.strip() for name in features.split(",")], parse_settings(settings, "--set"))
    with stoppable():
        report = make(
            open_source(source), store, chosen, workers=workers, replace=replace, backend=backend, scheduler=scheduler
        )
    list_failures(report.failures)
    print(report)


def inspect(
    store: StoreFile,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="File for the index and the summary, one row a clip.")
    ] = None,
) -> None:
    """Say what a store holds: features and their settings, classes, folds, sizes, licence, failures."""
    from musiclab.store import Store

    with Store(store) as opened:
        print(opened.describe())
        if csv is not None:
            with replacing(csv) as unfinished:
                opened.frame("summary").to_csv(unfinished, index=False)


def verify(store: StoreFile) -> None:
    """Compare what a store holds with its checksums. Exit status 1 if anything is damaged."""
    from musiclab.store import verify as check

    faults = check(store, progress=True)
    for fault in faults:
        print(fault)
    print(f"{store}: {len(faults) or 'no'} fault{'' if len(faults) == 1 else 's'}")
    raise typer.Exit(1 if faults else 0)


def scan(
    source: Source,
    workers: Workers = -1,
    as_json: AsJson = False,
) -> None:
    """Look at every clip: what is unreadable, silent, clipped or there twice. Exit status 1 if anything is wrong."""
    from musiclab.datasets import open_source
    from musiclab.datasets.scanning import list_faults
    from musiclab.datasets.scanning import scan as look

    dataset = open_source(source)
    table = look(dataset, workers)
    faults = list_faults(dataset, table)
    short = table.assign(error=table["error"].ne("").map({True: "see below", False: ""}))
    print(short.to_string(index=False, float_format="%.3f"))
    for fault in faults:
        print(fault)
    count = f"{len(faults) or 'no'} fault{'' if len(faults) == 1 else 's'}"
    print(f"{source}: {len(table)} clips, {table['seconds'].sum() / 3600:.2f} h, {count}")
    if as_json:
        print(json.dumps({"clips": table.to_dict(orient="records"), "faults": faults}))
    raise typer.Exit(1 if faults else 0)


def _chosen(names: list[str], settings: dict):
    """Features by name, with their settings where some were given."""
    from musiclab import features

    for name in settings:
        if name not in names:
            raise MusiclabError(
                f"--set: expected settings of {', '.join(names)}, found {name}{did_you_mean(name, names)}"
            )
        if not isinstance(settings[name], dict):
            raise MusiclabError(f"--set: expected {name}.NAME=VALUE, found {name}={settings[name]}")
    try:
        return {name: features.config(name, settings.get(name)) for name in names} if settings else names
    except (ValueError, TypeError) as error:
        raise MusiclabError(f"--set: {error}") from error
