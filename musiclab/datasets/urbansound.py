"""UrbanSound8K: ten sounds of the city in ten folds that must be kept (Salamon, Jacoby and Bello 2014)."""

from pathlib import Path

import pandas as pd

from musiclab.core.errors import DatasetError
from musiclab.datasets.base import Dataset, existing_folder, read_table

COLUMNS = ("slice_file_name", "fsID", "start", "end", "salience", "fold", "classID", "class")
"""Columns of ``metadata/UrbanSound8K.csv``."""

FOLDS = range(1, 11)
"""Numbers of the official folds."""

_WHERE = (
    "Get it from https://urbansounddataset.weebly.com/urbansound8k.html (or: musiclab download urbansound8k DIR) and "
    "name the folder UrbanSound8K, which holds metadata/UrbanSound8K.csv and audio/fold1 to audio/fold10."
)


class UrbanSound8K(Dataset):
    """UrbanSound8K: 8732 clips of up to 4 s, 10 classes, or the folds of it that are there.

    Folds come from the table alone, and the recording a clip is cut from (``fsID``) is its group. The further
    columns of the index are those of the table.

    Parameters
    ----------
    root
        The folder that holds ``metadata/UrbanSound8K.csv`` and ``audio/``.

    Attributes
    ----------
    missing : list of str
        Clips of the table that are not on disk, in those folders of folds that are.
    unlisted : list of str
        WAV files in the folders of folds that the table does not list there.

    Raises
    ------
    DatasetError
        The folder or the table is missing, a column is missing or has gaps, a fold is not one of the ten, or none
        of the clips is there.
    """

    def __init__(self, root: str | Path):
        folder = existing_folder(root, "UrbanSound8K", _WHERE)
        table = _read(folder / "metadata" / "UrbanSound8K.csv")
        audio = folder / "audio"
        there = [fold for fold in FOLDS if (audio / f"fold{fold}").is_dir()]
        rows = table[table["fold"].isin(there)]
        paths = pd.Series(
            [
                str(audio / f"fold{fold}" / name)
                for fold, name in zip(rows["fold"], rows["slice_file_name"], strict=True)
            ],
            index=rows.index,
            dtype=object,
        )
        on_disk = {str(path) for fold in there for path in _waves(audio / f"fold{fold}")}
        found = paths.isin(on_disk)
        if not found.any():
            raise DatasetError(
                f"{audio}: expected the clips of the table in fold1 to fold10, found none of them. {_WHERE}"
            )
        self.missing = sorted(paths[~found])
        self.unlisted = sorted(on_disk - set(paths))
        super().__init__(
            name="urbansound8k",
            index=rows[found].assign(
                path=paths[found], label=rows["class"][found], group=rows["fsID"][found].astype(str)
            ),
            licence="CC BY-NC 3.0",
            citation="J. Salamon, C. Jacoby and J. P. Bello. A Dataset and Taxonomy for Urban Sound Research. "
            "ACM Multimedia 2014.",
            where=_WHERE,
            protocol="mean accuracy over the ten official folds: fold k tests, k + 1 validates, the other eight train",
            validates=True,
        )
        self.notes = self._remarks(len(table), [fold for fold in FOLDS if fold not in there])

    def _remarks(self, listed: int, lacking: list[int]) -> list[str]:
        notes = [f"{len(self)} of the {listed} clips of the table are here"]
        if lacking:
            names = ", ".join(f"fold{fold}" for fold in lacking)
            notes.append(f"{names}: no such folder, so results do not compare with those on all ten folds")
        if self.missing:
            notes.append(f"{len(self.missing)} clips of the table are not on disk, such as {self.missing[0]}")
        if self.unlisted:
            notes.append(f"{len(self.unlisted)} files are not in the table and left out, such as {self.unlisted[0]}")
        return notes


def _read(path: Path) -> pd.DataFrame:
    """The table, with whole numbers for folds."""
    table = read_table(path, COLUMNS, _WHERE)
    for column in ("slice_file_name", "fsID", "class"):
        gaps = table.index[table[column].isna()]
        if len(gaps):
            raise DatasetError(f"{path}: expected a {column} in every row, found none in line {gaps[0] + 2}. {_WHERE}")
    folds = pd.to_numeric(table["fold"], errors="coerce")
    wrong = table.index[~folds.isin(list(FOLDS))]
    if len(wrong):
        raise DatasetError(
            f"{path}: expected a fold from 1 to 10 in every row, found {str(table['fold'][wrong[0]])!r} in line "
            f"{wrong[0] + 2}. {_WHERE}"
        )
    return table.assign(fold=folds.astype(int))


def _waves(folder: Path) -> list[Path]:
    """WAV files; without the hidden ones, such as ``._name.wav``, that some systems put into archives."""
    return [path for path in folder.iterdir() if path.suffix.lower() == ".wav" and not path.name.startswith(".")]
