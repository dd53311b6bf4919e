"""UrbanSound8K: ten sounds of the city in ten folds that must be kept (Salamon, Jacoby and Bello 2014)."""

from pathlib import Path

import pandas as pd

from musiclab.core.errors import DatasetError
from musiclab.datasets.base import Dataset, existing_folder, read_table

COLUMNS = ("slice_file_name", "fsID", "start", "end", "salience", "fold", "classID", "class")
FOLDS = range(1, 11)

_WHERE = (
    "Get it from https://urbansounddataset.weebly.com/urbansound8k.html (or: musiclab download urbansound8k DIR) and "
    "name the folder UrbanSound8K, which holds metadata/UrbanSound8K.csv and audio/fold1 to audio/fold10."
)


class UrbanSound8K(Dataset):
    """UrbanSound8K: 8732 clips of up to 4 s, 10 classes, or those of its folds that are on disk.

    The group of a clip is the recording that it is cut from (``fsID``). Further columns are those of the table.

    Parameters
    ----------
    root
        Folder that holds ``metadata/UrbanSound8K.csv`` and ``audio/``.

    Attributes
    ----------
    missing, unlisted : list of str
        Clips of the table that the folder of their fold lacks, and WAV files there that the table does not list.
    """

    def __init__(self, root: str | Path):
        folder = existing_folder(root, "UrbanSound8K", _WHERE)
        table = _read(folder / "metadata" / "UrbanSound8K.csv")
        audio = folder / "audio"
        folds = [fold for fold in FOLDS if (audio / f"fold{fold}").is_dir()]
        index = table[table["fold"].isin(folds)]
        index = index.assign(path=[str(audio / f"fold{row.fold}" / row.slice_file_name) for row in index.itertuples()])
        on_disk = {str(path) for fold in folds for path in _waves(audio / f"fold{fold}")}
        self.missing = sorted(set(index["path"]) - on_disk)
        self.unlisted = sorted(on_disk - set(index["path"]))
        index = index[index["path"].isin(on_disk)]
        if index.empty:
            raise DatasetError(
                f"{audio}: expected the clips of the table in fold1 to fold10, found none of them. {_WHERE}"
            )
        super().__init__(
            name="urbansound8k",
            index=index.assign(label=index["class"], group=index["fsID"].astype(str)),
            licence="CC BY-NC 3.0",
            citation="J. Salamon, C. Jacoby and J. P. Bello. A Dataset and Taxonomy for Urban Sound Research. "
            "ACM Multimedia 2014.",
            where=_WHERE,
            protocol="mean accuracy over the ten official folds: fold k tests, k + 1 validates, the other eight train",
            validates=True,
            notes=[f"{len(index)} of the {len(table)} clips of the table are here"],
        )
        if absent := ", ".join(f"fold{fold}" for fold in FOLDS if fold not in folds):
            self.notes.append(f"{absent}: no such folder, so results do not compare with those on all ten folds")
        if self.missing:
            self.notes.append(f"{len(self.missing)} clips of the table are not on disk, such as {self.missing[0]}")
        if self.unlisted:
            self.notes.append(
                f"{len(self.unlisted)} files are not in the table and left out, such as {self.unlisted[0]}"
            )


def _read(path: Path) -> pd.DataFrame:
    table = read_table(path, COLUMNS, _WHERE)
    folds = pd.to_numeric(table["fold"], errors="coerce")
    wrong = table[["slice_file_name", "fsID", "class"]].isna().assign(fold=~folds.isin(list(FOLDS)))
    for column in wrong:
        if wrong[column].any():
            row = wrong[column].idxmax()
            value = "none" if pd.isna(table[column][row]) else repr(str(table[column][row]))
            expected = f"a {column}{' from 1 to 10' if column == 'fold' else ''} in every row"
            raise DatasetError(f"{path}: expected {expected}, found {value} in line {row + 2}. {_WHERE}")
    return table.assign(fold=folds.astype(int))


def _waves(folder: Path) -> list[Path]:
    """List WAV files, but not hidden ones such as ``._name.wav``, which some systems put into archives."""
    return [path for path in folder.iterdir() if path.suffix.lower() == ".wav" and not path.name.startswith(".")]
