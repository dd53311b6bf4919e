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
    """Table of the clips of a data set, together with its licence, citation and evaluation protocol.

    This is the base class of all data sets. The subclasses find the clips on disk or generate them.

    Parameters
    ----------
    name : str
        Name of the data set on the command line, such as ``"esc50"``.
    index : pandas.DataFrame
        Table with one row per clip. It needs the columns ``path`` and ``label``. :func:`check_index` checks it and adds
        the other columns.
    licence : str
        Terms of use.
    citation : str
        Reference to cite.
    where : str
        Instructions for getting the data set.
    protocol : str
        Official evaluation protocol: how results should be measured, so that they can be compared.
    generated : bool
        True if musiclab generates the sound. Scores on such data are not a benchmark. Default: False.
    validates : bool
        True if the protocol uses the fold after the test fold for validation. Otherwise that fold is used for training.
        Default: False.
    notes : list of str
        Remarks on this copy of the data set, such as missing clips. Default: empty.

    Attributes
    ----------
    index : pandas.DataFrame
        Table with one row per clip and at least these columns:

        - ``path``: path of the sound file; absolute in all data sets that :func:`open_source` opens.
        - ``label``: name of the class.
        - ``group``: artist, track or recording. Clips of one group must stay together when the data set is split.
        - ``fold``: number of the official fold, from 1, or 0 if there is none.
        - ``split``: official set, ``"train"``, ``"valid"`` or ``"test"``, or ``""`` if there is none.

    Raises
    ------
    DatasetError
        If the index is invalid. Subclasses also raise it if their folder is missing or has another layout, if their
        table has gaps, or if a setting is out of range.

    Examples
    --------
    >>> index = pd.DataFrame({"path": ["a.wav", "b.wav"], "label": ["rock", "jazz"]})
    >>> dataset = Dataset("my data", index, licence="CC0", citation="none", where="on this disk", protocol="none")
    >>> dataset.classes
    ['jazz', 'rock']
    >>> dataset
    <my data: 2 clips, 2 classes, 2 groups>
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
        """Names of the classes, sorted alphabetically."""
        return sorted(self.index["label"].unique())

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        groups = self.index["group"].nunique()
        return f"<{self.name}: {len(self)} clips, {len(self.classes)} classes, {groups} groups>"

    def describe(self) -> dict:
        """Return the properties of the data set as a dictionary, so that a store can save them.

        Returns
        -------
        dict
            All attributes except ``index`` and ``notes``, by name.
        """
        keys = ("name", "licence", "citation", "where", "protocol", "generated", "validates")
        return {key: getattr(self, key) for key in keys}


def check_index(
    index: pd.DataFrame, name: str | Path, faults: Sequence[str] = (), what_to_do: str = ""
) -> pd.DataFrame:
    """Check an index table, and add its missing columns.

    An index table has one row per clip. :class:`Dataset` describes its columns. Labels and groups are normalized
    (Unicode form NFC, no surrounding spaces), so that names that look the same are equal.

    Parameters
    ----------
    index : pandas.DataFrame
        Table with the columns ``path`` and ``label``. Other columns are optional. A clip without a ``group`` becomes a
        group of its own.
    name : str or Path
        Name of the data set, or path of its table. Error messages start with it.
    faults : sequence of str
        Faults that were found earlier. The error lists them, too. Default: none.
    what_to_do : str
        Advice at the end of the error message. Default: none.

    Returns
    -------
    pandas.DataFrame
        New table with the columns ``path``, ``label``, ``group``, ``fold`` and ``split``, followed by any others. The
        rows are numbered from 0.

    Raises
    ------
    DatasetError
        If the table is empty, lacks a column, has an empty label, or has an invalid fold or split. Also if a path is
        not UTF-8 or is listed twice. The error lists all faults. It gives line numbers if
        :func:`musiclab.datasets.tables.read_table` has read the table.

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
