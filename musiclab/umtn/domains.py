"""Collect recordings in one folder per domain, from MusicNet or Studio, and split them for training."""

import logging
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from musiclab import studio
from musiclab.audio import find_audio, save_audio
from musiclab.core.checks import check_whole
from musiclab.core.errors import DatasetError
from musiclab.core.progress import progress
from musiclab.datasets.fingerprints import NO_SOUND, mark, number_copies
from musiclab.datasets.generated import render_once
from musiclab.datasets.splits import join_copies
from musiclab.umtn.encoded import WAV_FREQ, collect_failures, decode, find_encoded

SPLITS = ("train", "val", "test")
DOMAINS = (
    ("Bach", "Solo Cello"),
    ("Beethoven", "Solo Piano"),
    ("Cambini", "Wind Quintet"),
    ("Bach", "Solo Piano"),
    ("Beethoven", "Accompanied Violin"),
    ("Beethoven", "String Quartet"),
)
"""Composer and ensemble of each domain of UMTN's published code, in the order of its train.sh."""

ENSEMBLES = {
    "Solo_Piano": {"bass": "piano", "chords": "piano", "lead": "piano"},
    "String_Quartet": {"bass": "cello", "chords": "strings", "lead": "violin"},
    "Organ": {"bass": "organ", "chords": "organ", "lead": "organ"},
    "Plucked_Guitar": {"bass": "nylon guitar", "chords": "nylon guitar", "lead": "nylon guitar"},
}
"""Instruments of Studio's bass, chords and lead in each generated domain; drums, pad and vocals are muted."""

# Recordings that are cleaner and more alike than Studio's others, so that little but the instruments differs.
CLEAN = {
    "brightness": (0.8, 1.25),
    "looseness": (0.002, 0.01),
    "dynamics": (0.08, 0.08),
    "legato": (1.0, 1.0),
    "room_time": (0.25, 1.3),
    "room_level": (-20.0, -7.0),
    "hiss": (-62.0, -44.0),
    "slope": (-6.0, -2.0),
    "rumble": (-90.0, -90.0),
    "loudness": (-20.0, -14.0),
    "crest": (9.5, 12.5),
    "ratio": (1.5, 4.0),
    "steady": (1.0, 1.0),
    "low_pass": (7000.0, 10_000.0),
}

RECORDINGS = ("train_data", "test_data")  # MusicNet's folders of wav files

log = logging.getLogger(__name__)


def musicnet_domains(root: str | Path, output: str | Path | None = None) -> pd.DataFrame:
    """List the recordings of UMTN's six domains in MusicNet, and optionally copy them to one folder per domain.

    A domain is a composer with an ensemble, such as Bach and solo cello. MusicNet is by Thickstun, Harchaoui and
    Kakade, 2017, arXiv 1611.09827. Its licence is CC BY 4.0.

    Parameters
    ----------
    root : str or Path
        Folder with ``musicnet_metadata.csv`` and, at any depth, the folders ``train_data`` and ``test_data``.
    output : str or Path, optional
        Folder for the copies, such as ``Bach_Solo_Cello/<id>.wav``. Default: nothing is copied.

    Returns
    -------
    pandas.DataFrame
        One row per recording, with the columns ``id``, ``path``, ``domain``, ``group`` (the composition) and
        ``seconds``.

    Raises
    ------
    DatasetError
        If the table or some of the recordings are missing.

    Examples
    --------
    >>> table = musicnet_domains("musicnet", "domains")  # doctest: +SKIP
    >>> compositions = dict(zip(table["id"], table["group"]))  # doctest: +SKIP
    >>> split_dir("domains/Bach_Solo_Cello", "cello", group=compositions)  # doctest: +SKIP
    """
    path = Path(root, "musicnet_metadata.csv")
    columns = ["id", "composer", "composition", "ensemble", "seconds"]
    try:
        metadata = pd.read_csv(path, dtype={"id": str}, usecols=columns)
    except (FileNotFoundError, ValueError) as error:
        raise DatasetError(f"{path}: not MusicNet's table of recordings ({error}). Download it again.") from error
    table = pd.DataFrame(DOMAINS, columns=["composer", "ensemble"]).merge(metadata, how="left")
    empty = table[table["id"].isna()]
    if len(empty):
        composer, ensemble = empty.iloc[0][["composer", "ensemble"]]
        raise DatasetError(f"{path}: no recordings of {composer}, {ensemble}. Download it again.")
    recordings = {file.stem: file for file in find_audio(root) if file.parent.name in RECORDINGS}
    missing = [f"{name}.wav" for name in table["id"] if name not in recordings]
    if missing:
        raise DatasetError(
            f"{root}: {len(missing)} of {len(table)} recordings are missing in {' and '.join(RECORDINGS)}, such as "
            f"{', '.join(missing[:5])}. Unpack the archive again."
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
    first: int = 0,
) -> dict[str, Path]:
    """Render the same pieces of music with different instruments, one ensemble per domain.

    The domains have the same notes, and each piece is in the same split of all domains. Therefore a network is
    validated on pieces that it never received with any instrument. The sound is generated (22,050 Hz, mono) and free of
    rights. It is rendered once and kept in the cache folder.

    Parameters
    ----------
    folder : str or Path
        Folder for files such as ``<domain>/train/piece-000.wav``.
    pieces : int
        Number of pieces. Default: 20.
    seconds : float
        Duration of each piece in seconds. Default: 10.
    train : float
        Share of the pieces for training. Default: 0.8.
    val : float
        Share of the pieces for validation. Default: 0.1.
    seed : int
        Random seed of the split, as in :func:`divide`. Default: 18.
    ensembles : dict of str to dict
        Instruments of each domain, as in :data:`ENSEMBLES` (the default). The instruments are keys of
        :data:`musiclab.studio.instruments.INSTRUMENTS`.
    first : int
        Number of the first piece. Other numbers are other pieces. Default: 0.

    Returns
    -------
    dict of str to Path
        Folder of each domain.

    Raises
    ------
    DatasetError
        If the shares are invalid, or there are too few pieces for the split.

    Examples
    --------
    >>> folders = studio_domains("domains", pieces=32, seconds=8)  # doctest: +SKIP
    """
    folders = {domain: Path(folder) / domain for domain in ensembles}
    numbers = range(first, first + pieces)
    splits = divide([f"{piece:03d}" for piece in numbers], train, val, seed)
    split_of = {numbers[i]: split for split, members in splits.items() for i in members}
    for domain, players in ensembles.items():
        settings = {"players": players, "sound": CLEAN, "seconds": float(seconds), "pieces": [first, pieces]}
        jobs = [(players, piece, seconds) for piece in numbers]
        rendered = render_once(f"domain-{studio.VERSION}", settings, _make_piece, jobs)
        for piece, split in split_of.items():
            path = folders[domain] / split / _piece_name(piece)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(rendered / path.name, path)
    return folders


def _make_piece(folder: Path, players: Mapping[str, str], piece: int, seconds: float) -> None:
    instruments = {stem: (instrument,) for stem, instrument in players.items()}
    # keep the name of the genre, because it seeds the notes, the room and the noise
    genre = replace(studio.GENRES["classical"], **instruments, balance=(), spread=(), sound=CLEAN)
    track = studio.render(genre, seed=piece, seconds=seconds, mute=("drums", "pad", "vocals"))
    save_audio(folder / _piece_name(piece), track.samples, track.sample_rate)


def _piece_name(piece: int) -> str:
    return f"piece-{piece:03d}.wav"


def divide(groups: Sequence[str], train: float = 0.8, val: float = 0.1, seed: int = 18) -> dict[str, list[int]]:
    """Divide the files of one domain into train, val and test, keeping the files of each group together.

    This follows UMTN's ``split_dir.py``. The groups are shuffled. Then train receives its share of the groups, rounded
    down, val its share but at least one group, and test the remaining groups. For data sets with classes, use
    :func:`musiclab.datasets.splits.by_group` instead.

    Parameters
    ----------
    groups : sequence of str, shape (files,)
        Group of each file, such as its composition.
    train : float
        Share of the groups for training, greater than 0. Default: 0.8.
    val : float
        Share of the groups for validation, greater than 0. If ``train + val`` is 1, no test set is made. Default: 0.1.
    seed : int
        Random seed of the shuffle. The result depends on the group names only, not on their order or folder. Default:
        18.

    Returns
    -------
    dict of str to list of int
        Indices into ``groups`` under ``"train"``, ``"val"`` and ``"test"``.

    Raises
    ------
    DatasetError
        If the shares or the seed are invalid, or there are fewer groups than splits.

    Examples
    --------
    >>> {split: len(files) for split, files in divide([str(n) for n in range(20)]).items()}
    {'train': 16, 'val': 2, 'test': 2}
    """
    if not (0 < train < 1 and 0 < val < 1 and train + val <= 1 + 1e-9):
        raise DatasetError(f"expected shares above 0 with a sum of at most 1, found train={train} and val={val}")
    check_whole({"seed": seed}, "seed", least=0, error=DatasetError)
    names = sorted(set(groups))
    splits = SPLITS if train + val < 1 - 1e-9 else SPLITS[:2]
    if len(names) < len(splits):
        raise DatasetError(
            f"expected at least {len(splits)} files or groups for {', '.join(splits)}, found {len(names)}; "
            "add recordings or use smaller groups"
        )
    val_count = max(1, int(len(names) * val + 1e-9))
    available = len(names) - val_count - (len(splits) - 2)  # for train, with one group left for test
    train_count = min(available, max(1, int(len(names) * train + 1e-9))) if "test" in splits else available
    order = np.random.default_rng(seed).permutation(len(names))
    members = np.split(order, [train_count, train_count + val_count])
    split_of = {names[i]: split for split, indices in zip(SPLITS, members, strict=True) for i in indices}
    return {split: [i for i, group in enumerate(groups) if split_of[group] == split] for split in splits}


def split_dir(
    input: str | Path,
    output: str | Path,
    train: float = 0.8,
    val: float = 0.1,
    seed: int = 18,
    filetype: str | None = None,
    group: str | Mapping[str, str] | None = None,
) -> dict[str, list[Path]]:
    """Copy the sound files of one domain to ``output/train``, ``output/val`` and ``output/test``.

    Copies of the same recording, which are found by their sound, stay together, and so do their groups. One warning
    says how many there are.

    Parameters
    ----------
    input : str or Path
        Folder of the domain. The copies keep its subfolders.
    output : str or Path
        Folder to write to. Its subfolders ``train``, ``val`` and ``test`` must be empty or missing, because a second
        split would mix training and test data.
    train : float
        Share of the groups for training. Default: 0.8.
    val : float
        Share of the groups for validation. Default: 0.1.
    seed : int
        Random seed, as in :func:`divide`. Default: 18.
    filetype : str, optional
        Extension of the files to use, such as ``"wav"``. Default: all formats that can be decoded.
    group : str or mapping of str to str, optional
        How to find the group of a file, whose files stay together. Default: each file is its own group.

        - A string is a regular expression that is searched in the relative path. The group is the text that it matches,
          or the first group in parentheses if there is one.
        - A mapping gives the group for each file name without its extension.

    Returns
    -------
    dict of str to list of Path
        Copies under ``"train"``, ``"val"`` and ``"test"``.

    Raises
    ------
    DatasetError
        If there are too few sound files or groups, a file has no group, the shares or the seed are invalid, or the
        output already has files.

    Examples
    --------
    >>> split_dir("cello", "split", group=r"(.+)-movement")  # doctest: +SKIP
    """
    input, output = Path(input), Path(output)
    paths = [path.relative_to(input) for path in find_encoded(input, filetype)]
    groups = [_find_group(path, group) for path in paths]
    divide(groups, train, val, seed)  # raises errors before the search for copies, which takes longer
    for split in SPLITS:
        if (output / split).is_dir() and any((output / split).iterdir()):
            raise DatasetError(f"{output / split}: the folder is not empty. Remove it, or choose another output.")
    splits = divide(_join_copies(input, paths, groups), train, val, seed)
    copies = {split: [output / split / paths[i] for i in indices] for split, indices in splits.items()}
    for split, files in copies.items():
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(input / file.relative_to(output / split), file)
    return copies


def _join_copies(folder: Path, paths: Sequence[Path], groups: Sequence[str]) -> list[str]:
    """Merge groups that contain copies of the same recording, and log a warning about them."""
    files = progress([folder / path for path in paths], "looking for copies", unit="file")
    marks, _ = collect_failures(files, lambda path: mark(decode(path) / np.float32(32768), WAV_FREQ))
    numbers = number_copies([marks.get(folder / path, NO_SOUND) for path in paths])
    if numbers.any():
        examples = [str(path) for path, number in zip(paths, numbers, strict=True) if number == 1]
        log.warning(
            "%s: %d of %d files are copies of each other, such as %s. Copies of a recording stay together.",
            *(folder, np.count_nonzero(numbers), len(paths), " and ".join(examples[:2])),
        )
    return join_copies(pd.DataFrame({"group": groups, "duplicate": numbers}))["group"].tolist()


def _find_group(path: Path, group: str | Mapping[str, str] | None) -> str:
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
        raise DatasetError(f"{path}: no group found with {source}")
    return str(name)
