"""Collect recordings in folders, one for each domain, from MusicNet or by Studio, and divide them into parts."""

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from musiclab import studio
from musiclab.audio import find_audio, save_audio
from musiclab.core.errors import DatasetError
from musiclab.core.progress import progress
from musiclab.umtn.encoded import find_encoded

PARTS = ("train", "val", "test")
DOMAINS = (  # composer and ensemble of the paper's domains, in the order of train.sh
    ("Bach", "Solo Cello"),
    ("Beethoven", "Solo Piano"),
    ("Cambini", "Wind Quintet"),
    ("Bach", "Solo Piano"),
    ("Beethoven", "Accompanied Violin"),
    ("Beethoven", "String Quartet"),
)
ENSEMBLES = {  # instruments of the three parts in each of Studio's domains; drums and pad are silent
    "Solo_Piano": {"bass": "piano", "chords": "piano", "lead": "piano"},
    "String_Quartet": {"bass": "cello", "chords": "strings", "lead": "violin"},
    "Organ": {"bass": "organ", "chords": "organ", "lead": "organ"},
    "Plucked_Guitar": {"bass": "nylon guitar", "chords": "nylon guitar", "lead": "nylon guitar"},
}
RECORDINGS = ("train_data", "test_data")  # MusicNet's folders of wav files


def musicnet_domains(root: str | Path, output: str | Path | None = None) -> pd.DataFrame:
    """List MusicNet's recordings of the paper's six domains, and copy them into one folder for each domain.

    MusicNet: Thickstun, Harchaoui and Kakade, 2017, arXiv 1611.09827, CC BY 4.0.

    Parameters
    ----------
    root
        Folder with ``musicnet_metadata.csv`` and, at any depth, ``train_data`` and ``test_data``. DatasetError if any
        of them is incomplete.
    output
        Folder for the copies, ``Bach_Solo_Cello/<id>.wav`` and so on; without it, nothing is copied.

    Returns
    -------
    pandas.DataFrame
        ``id``, ``path``, ``domain``, ``group`` (the composition) and ``seconds``. To keep the movements of a
        composition together: ``split_dir(..., group=dict(zip(table["id"], table["group"])))``.
    """
    path = Path(root, "musicnet_metadata.csv")
    columns = ["id", "composer", "composition", "ensemble", "seconds"]
    try:
        metadata = pd.read_csv(path, dtype={"id": str}, usecols=columns)
    except (FileNotFoundError, ValueError) as error:
        raise DatasetError(f"{path}: expected MusicNet's table of recordings, from its website ({error})") from error
    table = pd.DataFrame(DOMAINS, columns=["composer", "ensemble"]).merge(metadata, how="left")
    absent = table[table["id"].isna()]
    if len(absent):
        composer, ensemble = absent.iloc[0][["composer", "ensemble"]]
        raise DatasetError(f"{path}: expected recordings of {composer}, {ensemble}, found none; download it again")
    recordings = {file.stem: file for file in find_audio(root) if file.parent.name in RECORDINGS}
    missing = [f"{name}.wav" for name in table["id"] if name not in recordings]
    if missing:
        raise DatasetError(
            f"{root}: expected {len(table)} recordings in {' and '.join(RECORDINGS)}, found {len(missing)} missing: "
            f"{', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}; unpack the archive again"
        )
    table["path"] = table["id"].map(recordings)
    table["domain"] = table["composer"] + "_" + table["ensemble"].str.replace(" ", "_")
    for row in table.itertuples() if output is not None else ():
        folder = Path(output) / row.domain
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(row.path, folder)
    return table.rename(columns={"composition": "group"})[["id", "path", "domain", "group", "seconds"]]


def studio_domains(
    folder: str | Path,
    pieces: int = 20,
    seconds: float = 10.0,
    train: float = 0.8,
    val: float = 0.1,
    seed: int = 18,
    ensembles: dict[str, dict[str, str]] = ENSEMBLES,
) -> dict[str, Path]:
    """Render domains that play the same pieces by different instruments, and return the folder of each domain.

    The domains agree note for note, and each piece is in the same part of every domain, so a network is validated on
    pieces that it never received, by any instrument. The sound is generated, 22,050 Hz mono, and free of rights.

    Parameters
    ----------
    folder
        Folder for ``<domain>/<train, val or test>/piece-000.wav`` and so on.
    pieces, seconds
        Number of pieces, and the length of each.
    train, val, seed
        Shares and seed for :func:`divide`.
    ensembles
        Instruments of each domain, by names from :data:`musiclab.studio.instruments.INSTRUMENTS`.
    """
    folders = {domain: Path(folder) / domain for domain in ensembles}
    parts = divide([f"{piece:03d}" for piece in range(pieces)], train, val, seed)
    part_of = {piece: part for part, members in parts.items() for piece in members}
    jobs = [(domain, piece) for domain in ensembles for piece in range(pieces)]
    for domain, piece in progress(jobs, "rendering", unit="piece"):
        players = {stem: (instrument,) for stem, instrument in ensembles[domain].items()}
        # all genres keep one name, so that all that Studio draws by name (notes, room, noise) is the same
        genre = replace(studio.GENRES["classical"], **players)
        track = studio.render(genre, seed=piece, seconds=seconds, mute=("drums", "pad"))
        path = folders[domain] / part_of[piece] / f"piece-{piece:03d}.wav"
        save_audio(path, track.samples, track.sample_rate)
    return folders


def divide(groups: Sequence[str], train: float = 0.8, val: float = 0.1, seed: int = 18) -> dict[str, list[int]]:
    """Divide the files of one domain into parts, so that files of one group stay together.

    This is the rule of UMTN's ``split_dir.py``: after a shuffle, train takes its share, rounded down, val its share but
    at least one, and test the rest. (:func:`musiclab.datasets.splits.by_group` is for data sets of several classes.)

    Parameters
    ----------
    groups
        Group of each file.
    train, val, seed
        Shares of the groups, and seed of the shuffle, which divides the same names alike in whatever folder they are.
        With ``train + val == 1``, there is no test part.

    Returns
    -------
    dict of part to list of int
        Positions in ``groups``.

    Examples
    --------
    >>> {part: len(files) for part, files in divide([str(n) for n in range(20)]).items()}
    {'train': 16, 'val': 2, 'test': 2}
    """
    if not (0 < train < 1 and 0 < val < 1 and train + val <= 1 + 1e-9):
        raise DatasetError(f"expected shares over 0, together at most 1, found train {train} and val {val}")
    names = sorted(set(groups))
    parts = PARTS if train + val < 1 - 1e-9 else PARTS[:2]
    if len(names) < len(parts):
        raise DatasetError(
            f"expected {len(parts)} files or groups at least, one for each of {', '.join(parts)}, found {len(names)}; "
            "add recordings, or group them less coarsely"
        )
    validated = max(1, int(len(names) * val + 1e-9))
    most = len(names) - validated - (len(parts) - 2)  # what is left to train on, with one for test
    trained = min(most, max(1, int(len(names) * train + 1e-9))) if "test" in parts else most
    order = np.random.default_rng(seed).permutation(len(names))
    cuts = np.split(order, [trained, trained + validated])
    part_of = {names[i]: part for part, cut in zip(PARTS, cuts, strict=True) for i in cut}
    return {part: [n for n, group in enumerate(groups) if part_of[group] == part] for part in parts}


def split_dir(
    input: str | Path,
    output: str | Path,
    train: float = 0.8,
    val: float = 0.1,
    seed: int = 18,
    filetype: str | None = None,
    group: str | Mapping[str, str] | None = None,
) -> dict[str, list[Path]]:
    """Copy the recordings below ``input`` to ``output/train``, ``output/val`` and ``output/test``; return the copies.

    Parameters
    ----------
    input, output
        Folder of one domain, whose subfolders are kept, and a folder whose parts are empty or missing: a second split
        on top of a first would mix train and test.
    train, val, seed
        Shares and seed for :func:`divide`.
    filetype
        The only ending to take, such as ``"wav"``, default all that can be decoded.
    group
        Group of each file, default each file by itself: a regular expression that finds it (its first bracket, if it
        has one) in a file's relative path, or a mapping from file names without ending.

    Raises
    ------
    DatasetError
        There are no recordings or too few groups, a file has no group, or the parts hold files.
    """
    input, output = Path(input), Path(output)
    paths = [path.relative_to(input) for path in find_encoded(input, filetype)]
    parts = divide([_group_of(path, group) for path in paths], train, val, seed)
    for part in PARTS:
        if (output / part).is_dir() and any((output / part).iterdir()):
            raise DatasetError(
                f"{output / part}: expected an empty folder or none, found files; remove it, or name another"
            )
    copies = {part: [output / part / paths[n] for n in numbers] for part, numbers in parts.items()}
    for part, files in copies.items():
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(input / file.relative_to(output / part), file)
    return copies


def _group_of(path: Path, group: str | Mapping[str, str] | None) -> str:
    if group is None:
        return path.as_posix()
    if isinstance(group, str):
        try:
            match = re.search(group, path.as_posix())
        except re.error as error:
            raise DatasetError(f"group: expected a regular expression, found {group!r} ({error})") from error
        name, source = match and match[1 if match.re.groups else 0], group
    else:
        name, source = group.get(path.stem), "the mapping"
    if name is None:
        raise DatasetError(f"{path}: expected a group by {source}, found none")
    return str(name)
