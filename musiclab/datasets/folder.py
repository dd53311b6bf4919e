"""A folder of your own recordings."""

import os
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from unicodedata import normalize

import pandas as pd

from musiclab.audio import SUFFIXES, TO_CONVERT, find_audio, is_hidden
from musiclab.core.checks import check_whole
from musiclab.core.errors import DatasetError, counted
from musiclab.datasets.base import COLUMNS, Dataset, check_index, existing_folder
from musiclab.datasets.tables import is_blank, line_of, list_gaps, read_table

_WHERE = "Put one folder per class in it, and the recordings in those: DIR/<label>/song.wav"
_HOW = "Write one line per recording: path,label,group,fold,split."


class AudioFolder(Dataset):
    """A folder with one subfolder per class: ``root/<label>/**/*``.

    The group of a clip is the first folder below its label: ``root/jazz/miles/live/1.wav`` is in the group
    ``jazz/miles``. A clip directly in the folder of its label is a group of its own.

    A file ``root/index.csv`` replaces all this: columns ``path`` (relative to root) and ``label``, and if you like
    ``group``, ``fold`` and ``split``. Other columns are left out.

    Parameters
    ----------
    root
        The folder.
    group_level
        How many folders below the label make the group: 2 makes a group of each folder below ``miles``.

    Examples
    --------
    >>> dataset = AudioFolder("my_music")  # doctest: +SKIP
    >>> dataset.classes  # doctest: +SKIP
    ['jazz', 'rock']
    """

    def __init__(self, root: str | Path, group_level: int = 1):
        folder = existing_folder(root, "a folder of recordings", _WHERE)
        check_whole({"group": group_level}, "group", error=DatasetError)
        table = folder / "index.csv"
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
    """Return the index table of a folder without ``index.csv``, and what the user should know about it."""
    rows, loose, deeper, labels_of = [], [], [], defaultdict(set)
    for path in find_audio(folder):
        label, *parents = path.relative_to(folder).parent.parts or [""]
        if not label:
            loose.append(path.name)
            continue
        if len(parents) > group_level:
            deeper.append("/".join([label, *parents]))
        name = normalize("NFC", "/".join(parents[:group_level]))
        labels_of[name].add(label)
        rows.append({"path": str(path), "label": label, "group": normalize("NFC", f"{label}/{name or path.name}")})
    to_convert = [path.relative_to(folder).as_posix() for path in find_audio(folder, TO_CONVERT)]
    hint = f"{_such_as(to_convert, 'file')}; convert them first: ffmpeg -i song.m4a song.wav"
    if not rows:
        only = f" but {hint}" if to_convert else ""
        raise DatasetError(f"{folder}: expected recordings ({', '.join(SUFFIXES)}), found none{only}. {_WHERE}")
    index = pd.DataFrame(rows)
    notes = _classes_without_sound(folder, set(index["label"]))
    if deeper:
        notes.append(
            f"the groups are the folders {counted(group_level, 'level')} below the labels, with everything deeper in "
            f"them ({_such_as(dict.fromkeys(deeper), 'subfolder')}); to group one level deeper, write "
            f"folder:DIR,group={group_level + 1}"
        )
    if shared := [name for name, labels in labels_of.items() if name and len(labels) > 1]:
        notes.append(
            f"folders of one name under several labels are separate groups: {_such_as(shared, 'name')}; if they are "
            "one artist, write index.csv and give them one group"
        )
    if to_convert:
        notes.append(f"left out, because only other programs decode them: {hint}")
    if loose:
        notes.append(f"left out, because they are in the folder of no label: {_such_as(loose, 'file')}")
    if links := [os.path.relpath(path, folder) for path in _links_to_folders(folder)]:
        notes.append(f"left out, because links to folders are not followed: {_such_as(links, 'link')}")
    return index, notes


def _links_to_folders(folder: Path) -> list[str]:
    paths = (os.path.join(parent, name) for parent, names, _ in os.walk(folder) for name in names)
    return sorted(filter(os.path.islink, paths))


def _such_as(names: Collection[str], noun: str) -> str:
    return f"{counted(len(names), noun)}, such as {next(iter(names), '')}"


def _classes_without_sound(folder: Path, labels: set[str]) -> list[str]:
    folders = [path for path in sorted(folder.iterdir()) if path.is_dir() and not is_hidden(path.name)]
    empty = [path for path in folders if path.name not in labels]
    return [f"{path}: no {', '.join(SUFFIXES)} in it, so {path.name!r} is not a class" for path in empty]


def _read_index(table: Path, group_level: int) -> tuple[pd.DataFrame, list[str]]:
    """Return the index table of ``index.csv``, and what the user should know about it."""
    if group_level != 1:
        raise DatasetError(f"{table}: expected no group={group_level} beside a table; give it a column group instead")
    rows, faults = read_table(table, ("path", "label"), _HOW)
    faults += list_gaps(rows, ["path"])
    rows = rows[~is_blank(rows["path"])]
    index = rows[[column for column in COLUMNS if column in rows]].assign(path=_locate(table.parent, rows["path"]))
    lines, index = line_of(index), check_index(index, table, faults)
    missing = [f"{path}{line}" for path, line in zip(index["path"], lines, strict=True) if not os.path.isfile(path)]
    if len(missing) == len(index):
        raise DatasetError(
            f"{table}: expected paths that start in {table.parent}, found none of the files that it names "
            f"({_such_as(missing, 'file')})"
        )
    has_groups = "group" in rows and not is_blank(rows["group"]).all()
    is_divided = (index["fold"] > 0).any() or (index["split"] != "").any()
    notes = []
    if missing:
        notes.append(f"{table} names files that do not exist: {_such_as(missing, 'file')}")
    if not has_groups and not is_divided:
        notes.append(
            f"{table} has no column group, so each clip is a group of its own, and clips of one artist can be on two "
            "sides of a split"
        )
    return index, notes


def _locate(folder: Path, names: pd.Series) -> list[str]:
    """Return the paths of files that a table names, whatever system it comes from: slashes, and how letters are coded.

    A name without a file becomes the path where it should be.
    """
    paths = [os.path.normpath(folder / name) for name in names]
    if all(map(os.path.isfile, paths)):
        return paths
    existing = {normalize("NFC", str(path)): str(path) for path in find_audio(folder, (*SUFFIXES, *TO_CONVERT))}
    for row, name in enumerate(names):
        looks_like = normalize("NFC", os.path.normpath(folder / name.strip().replace("\\", "/")))
        if not os.path.isfile(paths[row]):
            paths[row] = existing.get(looks_like, looks_like)
    return paths
