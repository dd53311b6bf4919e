"""ESC-10 and ESC-50: environmental sounds in five official folds (Piczak 2015)."""

import re
from pathlib import Path

import pandas as pd

from musiclab.audio import SUFFIXES
from musiclab.core.errors import DatasetError
from musiclab.datasets.base import Dataset, check_index, existing_folder
from musiclab.datasets.tables import is_blank, line_of, list_gaps, read_folds, read_table

_ABOUT = {
    "citation": "K. J. Piczak. ESC: Dataset for Environmental Sound Classification. ACM Multimedia 2015.",
    "where": "Get it from https://github.com/karolpiczak/ESC-50 (the folder that contains audio/ and meta/esc50.csv).",
    "protocol": "mean accuracy over the five official folds, each tested once by a model trained on the other four",
}
# ESC-50 class names of the folders 001 to 010 in the separate ESC-10 release
_ESC10 = "dog rain sea_waves crying_baby clock_tick sneezing helicopter chainsaw rooster crackling_fire".split()
_CLIP = re.compile(r"(?P<fold>[1-5])-(?P<recording>\d+)-(?P<take>[A-Z])(-\d+)?")


class ESC50(Dataset):
    """ESC-50: environmental sounds, 2000 clips of 5 s in 50 classes of 40 clips each.

    Clips that are cut from the same recording form a group. The five folds are the official ones.

    Parameters
    ----------
    root : str or Path
        Folder that contains ``meta/esc50.csv`` and ``audio/``. :func:`download` creates it.

    Raises
    ------
    DatasetError
        If the folder is missing or has another layout, or the table has faults.

    Examples
    --------
    >>> dataset = ESC50("ESC-50-master")  # doctest: +SKIP
    >>> dataset  # doctest: +SKIP
    >>> dataset.index.groupby("fold").size()  # doctest: +SKIP
    """

    def __init__(self, root: str | Path):
        folder = existing_folder(root, "ESC-50", _ABOUT["where"])
        super().__init__(name="esc50", index=_read_meta(folder), licence="CC BY-NC 3.0", **_ABOUT)


class ESC10(Dataset):
    """ESC-10: environmental sounds, 400 clips of 5 s in 10 classes of 40 clips each.

    ESC-10 is the subset of ESC-50 that allows commercial use. Clips that are cut from the same recording form a group.
    The five folds are the official ones.

    Parameters
    ----------
    root : str or Path
        Folder of ESC-50, which contains ESC-10, or of the older separate release of ESC-10 (``001 - Dog
        bark/1-100032-A.ogg`` and so on).

    Raises
    ------
    DatasetError
        If the folder is missing or has another layout, or the table has faults.

    Examples
    --------
    >>> dataset = ESC10("ESC-50-master")  # doctest: +SKIP
    >>> dataset.classes  # doctest: +SKIP
    """

    def __init__(self, root: str | Path):
        folder = existing_folder(root, "ESC-10", _ABOUT["where"])
        if (folder / "meta" / "esc50.csv").exists():
            index = _read_meta(folder)
            index = index[index["esc10"]]
        else:
            index = _read_folders(folder)
        super().__init__(name="esc10", index=index, licence="CC BY 3.0 or CC0, clip by clip", **_ABOUT)


def _read_folders(folder: Path) -> pd.DataFrame:
    rows = []
    for position, label in enumerate(_ESC10, start=1):
        for path in sorted(folder.glob(f"{position:03d} - */*")):
            match = _CLIP.fullmatch(path.stem)
            if match and path.suffix.lower() in SUFFIXES:
                fold = int(match["fold"])
                rows.append({"path": str(path), "label": label, "group": match["recording"], "fold": fold})
    if not rows:
        raise DatasetError(
            f'{folder}: expected folders like "001 - Dog bark" with clips like 1-100032-A.ogg, found none. '
            f"{_ABOUT['where']}"
        )
    return pd.DataFrame(rows)


def _read_meta(folder: Path) -> pd.DataFrame:
    path = folder / "meta" / "esc50.csv"
    table, faults = read_table(path, ("filename", "fold", "category", "esc10", "src_file"), _ABOUT["where"])
    required = ["filename", "category", "src_file"]
    folds, fold_faults = read_folds(table, 5)
    is_esc10 = table["esc10"].str.lower().map({"true": True, "false": False, "1": True, "0": False})
    faults += list_gaps(table, required) + fold_faults
    faults += [
        f"expected esc10 to be True or False, found {value!r}{line}"
        for value, line, is_valid in zip(table["esc10"], line_of(table), is_esc10.notna(), strict=True)
        if not is_valid
    ]
    is_complete = (folds > 0) & is_esc10.notna() & ~table[required].apply(is_blank).any(axis=1)
    table = table.assign(fold=folds, esc10=is_esc10)[is_complete]
    index = table[["fold", "esc10"]].assign(
        path=[str(folder / "audio" / name) for name in table["filename"]],
        label=table["category"],
        group=table["src_file"],
    )
    return check_index(index.astype({"esc10": bool}), path, faults, _ABOUT["where"])
