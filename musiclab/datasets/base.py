"""The base class of the data sets, and their index table."""

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
    """A data set: a table of clips, and what you must know to use it.

    The classes that derive from it raise DatasetError if a folder is missing or laid out differently, its table has
    gaps, or a setting is out of range.

    Attributes
    ----------
    name : str
        As on the command line.
    index : pandas.DataFrame
        One row per clip: ``path`` (absolute), ``label``, ``group`` (an artist, track or recording, whose clips must
        never be on two sides of a split), ``fold`` (official fold from 1, or 0 for none), ``split`` ("train", "valid",
        "test", or "" for none).
    licence, citation, where : str
        Terms, paper, and the place to get it.
    protocol : str
        Official way to report results.
    generated : bool
        True if musiclab generates the sound, so that scores are not a benchmark.
    validates : bool
        True if the protocol validates on the fold after the tested one instead of training on it.
    notes : list of str
        Peculiarities of this copy, such as clips that are missing.
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
        """Return all attributes but the index and the notes, for a store."""
        keys = ("name", "licence", "citation", "where", "protocol", "generated", "validates")
        return {key: getattr(self, key) for key in keys}


def check_index(
    index: pd.DataFrame, name: str | Path, faults: Sequence[str] = (), what_to_do: str = ""
) -> pd.DataFrame:
    """Check an index table and fill in the columns of :attr:`Dataset.index` that it leaves out.

    Labels and groups are compared as they look: their Unicode is composed (NFC), and spaces around them do not count.

    Parameters
    ----------
    index
        Columns ``path`` and ``label``, and any others. A clip without a ``group`` is a group of its own.
    name
        Name of the data set, or its table, for the messages.
    faults
        What is already known to be wrong, to be listed with the rest.
    what_to_do
        End of the message that lists them.

    Raises
    ------
    DatasetError
        No rows, a missing column, an empty label, a name that is not in UTF-8, or the same path twice. All faults are
        listed at once, with their lines if the table was read by :func:`read_table`.
    """
    require_columns(index, ("path", "label"), name, "Add them to the table.")
    if index.empty and not faults:
        raise DatasetError(f"{name}: expected at least one clip, found none")
    lines = line_of(index)
    index = index.reset_index(drop=True)
    index["path"] = index["path"].astype(str)
    raise_faults(name, [*faults, *(f"{fault}{lines[row]}" for row, fault in _faults_of(index))], what_to_do)
    groups = index["group"].where(~is_blank(index["group"]), index["path"]) if "group" in index else index["path"]
    index["label"], index["group"] = _composed(index["label"]), _composed(groups)
    index["fold"], index["split"] = _folds(index).astype(int), _sides(index)
    return index[[*COLUMNS, *[column for column in index if column not in COLUMNS]]]


def _faults_of(index: pd.DataFrame) -> Iterator[tuple[int, str]]:
    """Yield the position of each faulty row, and what is wrong with it."""
    for row in np.flatnonzero(is_blank(index["label"])):
        yield row, f"expected a label for every clip, found none for {index['path'][row]}"
    for row, path in enumerate(index["path"]):
        if path.encode("utf-8", "replace").decode() != path:  # neither libsndfile nor JSON takes such a name
            yield row, f"{path}: expected a name in UTF-8; rename the file or folder"
    for path, rows in index[index["path"].duplicated(keep=False)].groupby("path", sort=False):
        labels = ", ".join(sorted(rows["label"].astype(str).unique()))
        yield (
            rows.index[1],
            f"expected each path once, found {path} more than once (labels {labels}); remove the extra rows",
        )
    folds = _folds(index)
    for row in np.flatnonzero(folds.isna()):
        yield row, f"fold must be a whole number from 1 (0 for none), found {str(index['fold'][row])!r}"
    for row, side in enumerate(_sides(index)):
        if side not in ("", "train", "valid", "test"):
            yield row, f'split must be "train", "valid", "test" or empty, found {[side]}'


def _folds(index: pd.DataFrame) -> pd.Series:
    """Return the folds as numbers, 0 where there is none, and NaN where there is something else."""
    if "fold" not in index:
        return pd.Series(0, index=index.index)
    folds = pd.to_numeric(index["fold"].where(~is_blank(index["fold"]), 0), errors="coerce").astype(float)
    return folds.where((folds >= 0) & (folds % 1 == 0) & (folds < 1e6))


def _sides(index: pd.DataFrame) -> pd.Series:
    return index["split"].fillna("").astype(str).str.strip() if "split" in index else pd.Series("", index=index.index)


def _composed(names: pd.Series) -> list[str]:
    """Return names without spaces around them, and with one code for each letter that looks the same."""
    return [normalize("NFC", str(name)).strip() for name in names]


def existing_folder(root: str | Path, name: str, where: str) -> Path:
    """Return ``root`` as an absolute path; error messages end with ``where`` to get the data."""
    folder = Path(os.path.abspath(os.path.expanduser(root)))  # Path's own fails for a user who is not there
    if not os.path.exists(folder):  # Path's own fails for a name that is too long
        raise DatasetError(f"{folder}: no such folder; expected {name}. {where}")
    if not folder.is_dir():
        raise DatasetError(f"{folder}: expected the folder of {name}, found a file. {where}")
    return folder
