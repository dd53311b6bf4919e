"""Base class of all data sets, and checks of their index tables."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pandas as pd

from musiclab.core.errors import DatasetError
from musiclab.datasets.tables import is_blank, line_of, raise_faults, require_columns

COLUMNS = ("path", "label", "group", "fold", "split")


@dataclass
class Dataset:
    """Data set: a table of clips, with its licence, citation and evaluation protocol.

    Subclasses raise DatasetError if the folder is missing or has another layout, a table has gaps, or a setting is out
    of range.

    Attributes
    ----------
    name : str
        Name on the command line.
    index : pandas.DataFrame
        One row per clip, with the columns ``path`` (absolute), ``label``, ``group``, ``fold`` (official fold from 1, or
        0 for none) and ``split`` ("train", "valid", "test", or "" for none). A group is an artist, track or recording
        whose clips must stay together when the data set is split.
    licence, citation, where : str
        Terms of use, reference to cite, and download instructions.
    protocol : str
        Official protocol for reporting results.
    generated : bool
        True if musiclab generates the sound, so that scores are not a benchmark.
    validates : bool
        True if the protocol validates on the fold after the test fold instead of training on it.
    notes : list of str
        Remarks on this copy of the data set, such as missing clips.
    """

    name: str
    index: pd.DataFrame
    licence: str
    citation: str
    where: str
    protocol: str
    generated: bool = False
    validates: bool = False
    notes: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.index = check_index(self.index, self.name)

    @property
    def classes(self) -> list[str]:
        """Sorted names of the classes."""
        return sorted(self.index["label"].unique())

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        groups = self.index["group"].nunique()
        return f"<{self.name}: {len(self)} clips, {len(self.classes)} classes, {groups} groups>"

    def describe(self) -> dict:
        """Return all attributes except the index and the notes, to be saved in a store."""
        keys = ("name", "licence", "citation", "where", "protocol", "generated", "validates")
        return {key: getattr(self, key) for key in keys}


def check_index(
    index: pd.DataFrame, name: str | Path, faults: Sequence[str] = (), what_to_do: str = ""
) -> pd.DataFrame:
    """Check an index table and add the missing columns of :attr:`Dataset.index`.

    Labels and groups are normalized (Unicode NFC, no surrounding spaces), so names that look the same are equal.

    Parameters
    ----------
    index
        Table with the columns ``path`` and ``label``, and any others. A clip without a ``group`` becomes its own group.
    name
        Name of the data set or path of its table, for error messages.
    faults
        Faults that were found earlier, to be listed in the same error.
    what_to_do
        End of the error message, with the remedy.

    Raises
    ------
    DatasetError
        The table is empty, lacks a column, has an empty label or an invalid fold or split, has a path that is not
        UTF-8, or lists a path twice. The error lists all faults, with line numbers if the table was read by
        :func:`musiclab.datasets.tables.read_table`.

    Examples
    --------
    >>> check_index(pd.DataFrame({"path": ["a.wav"], "label": ["jazz"]}), "my data").iloc[0].to_dict()
    {'path': 'a.wav', 'label': 'jazz', 'group': 'a.wav', 'fold': 0, 'split': ''}
    """
    require_columns(index, ("path", "label"), name, "Add them to the table.")
    if index.empty and not faults:
        raise DatasetError(f"{name}: expected at least one clip, found none")
    lines = line_of(index)
    index = index.reset_index(drop=True)
    index["path"] = index["path"].astype(str)
    raise_faults(name, [*faults, *(f"{fault}{lines[row]}" for row, fault in _find_faults(index))], what_to_do)
    groups = index["group"].where(~is_blank(index["group"]), index["path"]) if "group" in index else index["path"]
    index["label"], index["group"] = _normalize(index["label"]), _normalize(groups)
    index["fold"], index["split"] = _parse_folds(index).astype(int), _parse_splits(index)
    return index[[*COLUMNS, *[column for column in index if column not in COLUMNS]]]


def _find_faults(index: pd.DataFrame) -> Iterator[tuple[int, str]]:
    """Yield the position and a description of each faulty row."""
    for row in np.flatnonzero(is_blank(index["label"])):
        yield row, f"expected a label for every clip, found none for {index['path'][row]}"
    for row, path in enumerate(index["path"]):
        if path.encode("utf-8", "replace").decode() != path:  # neither libsndfile nor JSON accepts such names
            yield row, f"{path}: the name is not valid UTF-8; rename the file or folder"
    for path, rows in index[index["path"].duplicated(keep=False)].groupby("path", sort=False):
        labels = ", ".join(sorted(rows["label"].astype(str).unique()))
        yield (
            rows.index[1],
            f"expected each path once, found {path} more than once (labels {labels}); remove the extra rows",
        )
    folds = _parse_folds(index)
    for row in np.flatnonzero(folds.isna()):
        yield row, f"fold must be a whole number from 1 (0 for none), found {str(index['fold'][row])!r}"
    for row, split in enumerate(_parse_splits(index)):
        if split not in ("", "train", "valid", "test"):
            yield row, f'split must be "train", "valid", "test" or empty, found {[split]}'


def _parse_folds(index: pd.DataFrame) -> pd.Series:
    """Return the folds as numbers, with 0 for empty cells and NaN for invalid ones."""
    if "fold" not in index:
        return pd.Series(0, index=index.index)
    folds = pd.to_numeric(index["fold"].where(~is_blank(index["fold"]), 0), errors="coerce").astype(float)
    return folds.where((folds >= 0) & (folds % 1 == 0) & (folds < 1e6))


def _parse_splits(index: pd.DataFrame) -> pd.Series:
    return index["split"].fillna("").astype(str).str.strip() if "split" in index else pd.Series("", index=index.index)


def _normalize(names: pd.Series) -> list[str]:
    return [normalize("NFC", str(name)).strip() for name in names]


def existing_folder(root: str | Path, name: str, where: str) -> Path:
    """Return ``root`` as an absolute path, or raise DatasetError with ``where`` as the end of the message."""
    folder = Path(os.path.abspath(os.path.expanduser(root)))  # Path.expanduser raises an error for unknown users
    if not os.path.exists(folder):  # Path.exists raises an error for names that are too long
        raise DatasetError(f"{folder}: no such folder; expected {name}. {where}")
    if not folder.is_dir():
        raise DatasetError(f"{folder}: expected the folder of {name}, found a file. {where}")
    return folder
