"""Commands about data: what is here, get it, look at it, keep it in a store."""

import json
from pathlib import Path
from typing import Annotated

import typer

from musiclab.cli.options import AsJson, Source
from musiclab.cli.output import list_failures


def info(as_json: AsJson = False) -> None:
    """Say what is installed, what it can compute on, and where files are kept."""
    from musiclab.environment import describe

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
    store: Annotated[Path, typer.Argument(metavar="STORE.h5", help="File to make.")],
    features: Annotated[
        str, typer.Option(help="What to keep of each clip, with commas between: audio,logmel.")
    ] = "audio,logmel",
    workers: Annotated[int, typer.Option(help="Processes that decode; -1 is one a core.")] = -1,
) -> None:
    """Decode a data set and keep it, with its features, in one HDF5 file."""
    from musiclab.datasets import open_source
    from musiclab.prepare import prepare as make

    report = make(open_source(source), store, [name.strip() for name in features.split(",")], workers=workers)
    list_failures(report.failures)
    print(report)


def scan(
    source: Source,
    workers: Annotated[int, typer.Option(help="Processes that decode; -1 is one a core.")] = -1,
    as_json: AsJson = False,
) -> None:
    """Look at every clip: what is unreadable, silent, clipped or there twice. Exit status 1 if anything is wrong."""
    from musiclab.datasets import open_source
    from musiclab.scan import list_faults
    from musiclab.scan import scan as look

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
