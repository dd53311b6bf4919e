"""The base class of the data sets, and their index table."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from musiclab.core.errors import DatasetError

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


def check_index(index: pd.DataFrame, name: str) -> pd.DataFrame:
    """Check an index table and fill in the columns of :attr:`Dataset.index` that it leaves out.

    Parameters
    ----------
    index
        Columns ``path`` and ``label``, and any others. A clip without a ``group`` is a group of its own.
    name
        Name of the data set, for the messages.

    Raises
    ------
    DatasetError
        No rows, a missing column, an empty label, a name that is not in UTF-8, or the same path twice.
    """
    _require(index, ("path", "label"), name, "Add them to the table.")
    if index.empty:
        raise DatasetError(f"{name}: expected at least one clip, found none")
    index = index.reset_index(drop=True)
    unlabelled = index["label"].isna() | (index["label"].astype(str).str.strip() == "")
    if unlabelled.any():
        path = index["path"][unlabelled].iloc[0]
        raise DatasetError(f"{name}: expected a label for every clip, found none for {path}")
    index = index.assign(path=index["path"].astype(str), label=index["label"].astype(str))
    for path in index["path"]:
        readable = path.encode("utf-8", "backslashreplace").decode()
        if readable != path:  # neither libsndfile nor JSON takes such a name
            raise DatasetError(f"{readable}: expected a name in UTF-8; rename the file or folder")
    repeated = index["path"][index["path"].duplicated()]
    if len(repeated):
        labels = sorted(index["label"][index["path"] == repeated.iloc[0]].unique())
        raise DatasetError(
            f"{name}: expected each path once, found {repeated.iloc[0]} more than once "
            f"(labels {', '.join(labels)}); remove the extra rows"
        )
    group = index["group"] if "group" in index else index["path"]
    index["group"] = group.astype(object).where(group.notna(), index["path"]).astype(str)
    index["fold"] = _folds(index, name)
    index["split"] = index["split"].fillna("").astype(str) if "split" in index else ""
    if unknown := set(index["split"]) - {"", "train", "valid", "test"}:
        raise DatasetError(f'{name}: split must be "train", "valid", "test" or empty, found {sorted(unknown)}')
    return index[[*COLUMNS, *[column for column in index if column not in COLUMNS]]]


def _require(table: pd.DataFrame, columns: Sequence[str], name: str | Path, what_to_do: str) -> None:
    if missing := ", ".join(column for column in columns if column not in table):
        raise DatasetError(
            f"{name}: expected the columns {', '.join(columns)}, found none named {missing}. {what_to_do}"
        )


def _folds(index: pd.DataFrame, name: str) -> pd.Series:
    if "fold" not in index:
        return pd.Series(0, index=index.index)
    folds = pd.to_numeric(index["fold"], errors="coerce").where(index["fold"].notna(), 0)
    wrong = folds.isna() | (folds < 0) | (folds % 1 != 0)
    if wrong.any():
        value = str(index["fold"][wrong].iloc[0])
        raise DatasetError(f"{name}: fold must be a whole number from 1 (0 for none), found {value!r}")
    return folds.astype(int)


def read_table(path: Path, columns: Sequence[str], where: str, dtype: dict | None = None) -> pd.DataFrame:
    """Read a CSV file with (at least) these columns; error messages end with ``where`` to get it."""
    try:
        table = pd.read_csv(path, encoding="utf-8", dtype=dtype)
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: no such file; expected the table of the data set. {where}") from error
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DatasetError(f"{path}: expected a CSV file in UTF-8, found something else ({error}). {where}") from error
    _require(table, columns, path, where)
    return table


def existing_folder(root: str | Path, name: str, where: str) -> Path:
    """Return ``root`` as an absolute path; error messages end with ``where`` to get the data."""
    folder = Path(root).expanduser().absolute()
    if not folder.exists():
        raise DatasetError(f"{folder}: no such folder; expected {name}. {where}")
    if not folder.is_dir():
        raise DatasetError(f"{folder}: expected the folder of {name}, found a file. {where}")
    return folder
