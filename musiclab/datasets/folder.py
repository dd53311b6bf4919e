"""Data set from a folder of your own recordings."""

import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from unicodedata import normalize

import pandas as pd

from musiclab.audio import SUFFIXES, TO_CONVERT, find_audio, is_hidden
from musiclab.core.checks import check_whole
from musiclab.core.errors import DatasetError, counted
from musiclab.datasets.base import COLUMNS, Dataset, check_index, existing_folder
from musiclab.datasets.tables import is_blank, line_of, list_gaps, read_table

_WHERE = "Create one subfolder per class, and put the recordings there: DIR/<label>/song.wav"
_OWN_GROUPS = "of its own, and clips of the same artist can be in both the training and the test set"
_HOW = "Write one line per recording: path,label,group,fold,split."


class AudioFolder(Dataset):
    """Data set of your own recordings, in a folder with one subfolder per class.

    The layout is ``root/<label>/**/*``. The first folder below a label is the group, for example an artist. So
    ``root/jazz/miles/live/1.wav`` has the label ``jazz`` and the group ``jazz/miles``. A clip directly in the folder of
    a label is a group of its own.

    If the file ``root/index.csv`` exists, it lists the clips instead. It needs the columns ``path`` (relative to
    ``root``) and ``label``, and can have ``group``, ``fold`` and ``split``. Other columns are ignored.

    Parameters
    ----------
    root : str or Path
        Folder of the data set.
    group_level : int
        How many folder levels below the label define a group. With 2, each folder in ``jazz/miles`` is a group. It
        can't be combined with an ``index.csv``. Default: 1.

    Raises
    ------
    DatasetError
        If the folder is missing or has no recordings, ``group_level`` is less than 1, or ``index.csv`` has faults or
        capitals in its name.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for name in ("jazz/miles/1.wav", "jazz/miles/2.wav", "rock/1.wav"):
    ...         Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
    ...         Path(folder, name).touch()
    ...     dataset = AudioFolder(folder)
    >>> dataset.index[["label", "group"]]
      label       group
    0  jazz  jazz/miles
    1  jazz  jazz/miles
    2  rock  rock/1.wav
    """

    def __init__(self, root: str | Path, group_level: int = 1):
        folder = existing_folder(root, "a folder of recordings", _WHERE)
        check_whole({"group": group_level}, "group", error=DatasetError)
        table = folder / "index.csv"
        if not table.exists() and (names := [name for name in os.listdir(folder) if name.lower() == table.name]):
            raise DatasetError(f"{folder / names[0]}: a table with this name is ignored. Rename it to index.csv.")
        index, notes = _read_index(table, group_level) if table.exists() else _walk(folder, group_level)
        super().__init__(
            name=f"folder:{folder.name}",
            index=index,
            licence="as stated by the makers of the recordings",
            citation="none",
            where=_WHERE,
            protocol="none: split by group",
            notes=notes,
        )


def _walk(folder: Path, group_level: int) -> tuple[pd.DataFrame, list[str]]:
    """Return the index table of a folder without ``index.csv``, and notes for the user."""
    rows, unlabelled, deeper, alone = [], [], [], []
    for path in find_audio(folder):
        label, *parents = path.relative_to(folder).parent.parts or [""]
        if not label:
            unlabelled.append(path.name)
            continue
        if not parents:
            alone.append(path.relative_to(folder).as_posix())
        if len(parents) > group_level:
            deeper.append("/".join([label, *parents]))
        name = normalize("NFC", "/".join(parents[:group_level]))
        rows.append({"path": str(path), "label": label, "group": normalize("NFC", f"{label}/{name or path.name}")})
    to_convert = [path.relative_to(folder).as_posix() for path in find_audio(folder, TO_CONVERT)]
    hint = f"{_give_example(to_convert, 'file')}; convert them first, for example with `ffmpeg -i song.m4a song.wav`"
    if not rows:
        only = f" but {hint}" if to_convert else ""
        raise DatasetError(f"{folder}: expected recordings ({', '.join(SUFFIXES)}), found none{only}. {_WHERE}")
    index = pd.DataFrame(rows)
    notes = _list_empty_classes(folder, set(index["label"]))
    if deeper:
        notes.append(
            f"groups are the folders {counted(group_level, 'level')} below the labels, including all their subfolders "
            f"({_give_example(dict.fromkeys(deeper), 'subfolder')}); to group one level deeper, use "
            f"folder:DIR,group={group_level + 1}"
        )
    kinds = ("folders with the same name under different labels", "folders with similar names")
    notes += _list_related(index, *kinds, "write index.csv and give them the same group")
    if alone:
        notes.append(
            f"no folder of a group for {_give_example(alone, 'clip')}, so each is a group {_OWN_GROUPS}; put the clips "
            "of each artist into a folder, or write index.csv"
        )
    if to_convert:
        notes.append(f"left out, because the format is not supported: {hint}")
    if unlabelled:
        notes.append(f"left out, because they are not in the folder of a label: {_give_example(unlabelled, 'file')}")
    if links := [os.path.relpath(path, folder) for path in _list_folder_links(folder)]:
        notes.append(f"left out, because links to folders are not followed: {_give_example(links, 'link')}")
    return index, notes


def _list_related(index: pd.DataFrame, same: str, similar: str, advice: str) -> list[str]:
    """Return notes about groups that may belong to the same artist; ``same`` and ``similar`` say what they are."""
    columns = index["label"], index["group"], index["path"]
    found = ((same, find_divided_groups(*columns), "name"), (similar, find_similar_groups(*columns), "pair"))
    return [
        f"{kind} are separate groups: {_give_example(names, noun)}; if they belong to the same artist, {advice}"
        for kind, names, noun in found
        if names
    ]


def find_divided_groups(labels: Iterable[str], groups: Iterable[str], paths: Iterable[str]) -> list[str]:
    """Find names of groups that differ only in the label in front, such as ``ann`` in ``jazz/ann`` and ``rock/ann``.

    They are probably the same artist, whose clips may then be on both sides of a split. Clips that are groups of their
    own don't count.

    Examples
    --------
    >>> find_divided_groups(["jazz", "rock"], ["jazz/ann", "rock/ann"], ["jazz/ann/1.wav", "rock/ann/1.wav"])
    ['ann']
    """
    labels_of = defaultdict(set)
    for label, group, path in zip(labels, groups, paths, strict=True):
        if group.startswith(f"{label}/") and not _is_alone(group, path):
            labels_of[group.removeprefix(f"{label}/")].add(label)
    return [name for name, labels in labels_of.items() if len(labels) > 1]


def find_similar_groups(labels: Iterable[str], groups: Iterable[str], paths: Iterable[str]) -> list[str]:
    """Find pairs of groups that probably belong to the same artist, because their names are almost equal.

    Capitals, punctuation, the order of the words, an album after a dash and guests after "feat." don't count, nor does
    the label in front. Names that are equal up to the label are left to :func:`find_divided_groups`, and clips that are
    groups of their own don't count.

    Examples
    --------
    >>> find_similar_groups("aab", ["a/The Who", "a/Who, the - Live", "b/Ella"], ["1.wav", "2.wav", "3.wav"])
    ["'The Who' and 'Who, the - Live'"]
    """
    names_of = defaultdict(list)
    clips = zip(labels, groups, paths, strict=True)
    for label, group in dict.fromkeys((label, group) for label, group, path in clips if not _is_alone(group, path)):
        name = group.removeprefix(f"{label}/")
        artist = re.split(r"\s[-–—]\s|\b(?:feat|ft|featuring)\b", normalize("NFKC", name).casefold())[0]
        words = " ".join(sorted(re.findall(r"[^\W_]+", artist)))
        words = normalize("NFKC", name).casefold() if words.isdigit() else words  # "01 - Miles"
        if words and name not in names_of[words]:
            names_of[words].append(name)
    return [f"{names[0]!r} and {names[1]!r}" for names in names_of.values() if len(names) > 1]


def _is_alone(group: str, path: str) -> bool:
    """Return True if a clip is a group of its own, which is named after its file."""
    return os.path.basename(group) == os.path.basename(normalize("NFC", path))


def _list_folder_links(folder: Path) -> list[str]:
    paths = (os.path.join(parent, name) for parent, names, _ in os.walk(folder) for name in names)
    return sorted(filter(os.path.islink, paths))


def _give_example(names: Collection[str], noun: str) -> str:
    return f"{counted(len(names), noun)}, such as {next(iter(names), '')}"


def _list_empty_classes(folder: Path, labels: set[str]) -> list[str]:
    folders = [path for path in sorted(folder.iterdir()) if path.is_dir() and not is_hidden(path.name)]
    empty = [path for path in folders if path.name not in labels]
    return [f"{path}: no audio files ({', '.join(SUFFIXES)}), so {path.name!r} is not a class" for path in empty]


def _read_index(table: Path, group_level: int) -> tuple[pd.DataFrame, list[str]]:
    """Return the index table of ``index.csv``, and notes for the user."""
    if group_level != 1:
        raise DatasetError(f"{table}: group={group_level} cannot be combined with a table; add a column group to it")
    rows, faults = read_table(table, ("path", "label"), _HOW)
    faults += list_gaps(rows, ["path"])
    rows = rows[~is_blank(rows["path"])]
    index = rows[[column for column in COLUMNS if column in rows]].assign(path=_locate(table.parent, rows["path"]))
    lines, index = line_of(index), check_index(index, table, faults)
    missing = [f"{path}{line}" for path, line in zip(index["path"], lines, strict=True) if not os.path.isfile(path)]
    if len(missing) == len(index):
        raise DatasetError(
            f"{table}: none of the listed files exist ({_give_example(missing, 'file')}); "
            f"write paths relative to {table.parent}"
        )
    without_group = rows.loc[is_blank(rows["group"]), "path"] if "group" in rows else rows["path"]
    has_groups = len(without_group) < len(rows)
    has_folds, has_split = (index["fold"] > 0).any(), (index["split"] != "").any()
    notes = []
    if missing:
        notes.append(f"{table} lists files that do not exist: {_give_example(missing, 'file')}")
    if not has_groups and not has_folds and not has_split:
        notes.append(f"{table} has no column group, so each clip is a group {_OWN_GROUPS}")
    if has_groups and len(without_group) and not has_folds and not has_split:
        notes.append(f"{table}: no group for {_give_example(without_group, 'clip')}, so each is a group {_OWN_GROUPS}")
    if has_folds and not has_split and (without_fold := index.loc[index["fold"] == 0, "path"].tolist()):
        notes.append(
            f"{table}: fold 0 means no fold, so {_give_example(without_fold, 'clip')}, "
            f"{'is' if len(without_fold) == 1 else 'are'} not used; count folds from 1"
        )
    missing_columns = set(COLUMNS) - set(rows)
    if misspelt := [name for name in rows if str(name).strip().lower() in missing_columns]:
        notes.append(f"{table}: column {misspelt[0]!r} is ignored; write {misspelt[0].strip().lower()!r} to use it")
    if has_groups:
        kinds = (f"{table}: groups that differ only in the label", f"{table}: groups with similar names")
        notes += _list_related(index, *kinds, "give them the same group")
    return index, notes


def _locate(folder: Path, names: pd.Series) -> list[str]:
    """Return the paths of the files listed in a table, even if it uses other slashes or another Unicode normalization.

    Files that do not exist get the path at which they are expected.
    """
    paths = [os.path.normpath(folder / name) for name in names]
    if all(map(os.path.isfile, paths)):
        return paths
    existing = {normalize("NFC", str(path)): str(path) for path in find_audio(folder, (*SUFFIXES, *TO_CONVERT))}
    for row, name in enumerate(names):
        normalized = normalize("NFC", os.path.normpath(folder / name.strip().replace("\\", "/")))
        if not os.path.isfile(paths[row]):
            paths[row] = existing.get(normalized, normalized)
    return paths
