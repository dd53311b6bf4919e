"""UrbanSound8K: ten classes of urban sounds in ten official folds (Salamon, Jacoby and Bello 2014)."""

from pathlib import Path

import pandas as pd

from musiclab.audio import is_hidden
from musiclab.core.errors import DatasetError
from musiclab.datasets.base import Dataset, check_index, existing_folder
from musiclab.datasets.tables import is_blank, list_gaps, read_folds, read_table

COLUMNS = ("slice_file_name", "fsID", "start", "end", "salience", "fold", "classID", "class")
FOLDS = range(1, 11)

_WHERE = (
    "Get it from https://urbansounddataset.weebly.com/urbansound8k.html (or: musiclab download urbansound8k DIR) and "
    "give the folder UrbanSound8K, which contains metadata/UrbanSound8K.csv and audio/fold1 to audio/fold10."
)


class UrbanSound8K(Dataset):
    """UrbanSound8K: urban sounds, 8732 clips of up to 4 s in 10 classes and 10 official folds.

    Clips that are cut from the same recording form a group. If some folds are not on disk, the others are used.

    Parameters
    ----------
    root : str or Path
        Folder in one of two layouts. The official one contains ``metadata/UrbanSound8K.csv`` and ``audio/``. Kaggle's
        contains ``UrbanSound8K.csv`` and the folders ``fold1`` to ``fold10``.

    Attributes
    ----------
    index : pandas.DataFrame
        One row per clip, with the columns of :class:`Dataset` and of ``UrbanSound8K.csv``. Its column ``fsID`` is the
        number of the recording.
    missing : list of str
        Paths of clips in the table that are not on disk.
    unlisted : list of str
        Paths of WAV files on disk that are not in the table. They are left out.

    Raises
    ------
    DatasetError
        If the folder is missing or has another layout, the table has faults, or none of its clips is on disk.

    Examples
    --------
    >>> dataset = UrbanSound8K("UrbanSound8K")  # doctest: +SKIP
    >>> dataset.missing  # doctest: +SKIP
    []
    """

    def __init__(self, root: str | Path):
        folder = existing_folder(root, "UrbanSound8K", _WHERE)
        is_flat = (folder / "UrbanSound8K.csv").exists()  # Kaggle's copy has the table next to the folds
        audio = folder if is_flat else folder / "audio"
        table = _read(folder / ("" if is_flat else "metadata") / "UrbanSound8K.csv", audio)
        folds = [fold for fold in FOLDS if (audio / f"fold{fold}").is_dir()]
        index = table[table["fold"].isin(folds)]
        on_disk = {str(path) for fold in folds for path in _list_wav_files(audio / f"fold{fold}")}
        self.missing = sorted(set(index["path"]) - on_disk)
        self.unlisted = sorted(on_disk - set(index["path"]))
        index = index[index["path"].isin(on_disk)]
        if index.empty:
            raise DatasetError(f"{audio}: expected the clips of the table in fold1 to fold10, found no clips. {_WHERE}")
        super().__init__(
            name="urbansound8k",
            index=index,
            licence="CC BY-NC 3.0",
            citation="J. Salamon, C. Jacoby and J. P. Bello. A Dataset and Taxonomy for Urban Sound Research. "
            "ACM Multimedia 2014.",
            where=_WHERE,
            protocol="mean accuracy over the ten official folds: test on fold k, validate on k + 1, train on the rest",
            validates=True,
            notes=[f"found {len(index)} of the {len(table)} clips in the table"],
        )
        if absent := ", ".join(f"fold{fold}" for fold in FOLDS if fold not in folds):
            self.notes.append(f"{absent}: no such folder, so results are not comparable with those on all ten folds")
        if self.missing:
            self.notes.append(f"{len(self.missing)} clips in the table are not on disk, such as {self.missing[0]}")
        if self.unlisted:
            self.notes.append(
                f"{len(self.unlisted)} files are not in the table and are left out, such as {self.unlisted[0]}"
            )


def _read(path: Path, audio: Path) -> pd.DataFrame:
    table, faults = read_table(path, COLUMNS, _WHERE)
    required = ["slice_file_name", "fsID", "class"]
    folds, fold_faults = read_folds(table, 10)
    faults += list_gaps(table, required) + fold_faults
    table = table[list(COLUMNS)].assign(fold=folds)
    numeric = ["start", "end", "salience", "classID"]
    table[numeric] = table[numeric].apply(pd.to_numeric, errors="coerce")
    table = table[(folds > 0) & ~table[required].apply(is_blank).any(axis=1)]
    table["path"] = [str(audio / f"fold{row.fold}" / row.slice_file_name) for row in table.itertuples()]
    table = table.assign(label=table["class"], group=table["fsID"])
    return table if table.empty and not faults else check_index(table, path, faults, _WHERE)


def _list_wav_files(folder: Path) -> list[Path]:
    """List WAV files, except hidden ones such as ``._name.wav``, which macOS adds to archives."""
    return [path for path in folder.iterdir() if path.suffix.lower() == ".wav" and not is_hidden(path.name)]
