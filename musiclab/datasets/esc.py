"""ESC-10 and ESC-50: environmental sounds in five official folds (Piczak 2015)."""

import re
from pathlib import Path

import pandas as pd

from musiclab.core.errors import DatasetError
from musiclab.datasets.base import Dataset, existing_folder, read_table

_ABOUT = {
    "citation": "K. J. Piczak. ESC: Dataset for Environmental Sound Classification. ACM Multimedia 2015.",
    "where": "Get it from https://github.com/karolpiczak/ESC-50 (the folder that holds audio/ and meta/esc50.csv).",
    "protocol": "mean accuracy over the five official folds, each tested once by a model trained on the other four",
}

# The folders of the separate ESC-10 release, by number, and the names that ESC-50 gives the same classes.
_ESC10_FOLDERS = {
    "001": "dog",
    "002": "rain",
    "003": "sea_waves",
    "004": "crying_baby",
    "005": "clock_tick",
    "006": "sneezing",
    "007": "helicopter",
    "008": "chainsaw",
    "009": "rooster",
    "010": "crackling_fire",
}
_CLIP = re.compile(r"(?P<fold>[1-5])-(?P<recording>\d+)-(?P<take>[A-Z])(-\d+)?")


class ESC50(Dataset):
    """ESC-50: 2000 clips of 5 s, 50 classes of 40.

    Parameters
    ----------
    root
        The folder that holds ``meta/esc50.csv`` and ``audio/``.

    Raises
    ------
    DatasetError
        The folder or its table is missing or not ESC-50's.
    """

    def __init__(self, root: str | Path):
        folder = existing_folder(root, "ESC-50", _ABOUT["where"])
        super().__init__(name="esc50", index=_read_meta(folder), licence="CC BY-NC 3.0", **_ABOUT)


class ESC10(Dataset):
    """ESC-10: 400 clips of 5 s, 10 classes of 40, the part of ESC-50 that may be used commercially.

    Parameters
    ----------
    root
        The folder of the separate release (``001 - Dog bark/1-100032-A.ogg`` ...) or of ESC-50.

    Raises
    ------
    DatasetError
        The folder is missing, or is neither.
    """

    def __init__(self, root: str | Path):
        folder = existing_folder(root, "ESC-10", _ABOUT["where"])
        if (folder / "meta" / "esc50.csv").exists():
            index = _read_meta(folder)
            index = index[index["esc10"]]
        else:
            index = _read_folders(folder)
        licence = "CC BY 3.0 or CC0, clip by clip"
        super().__init__(name="esc10", index=index, licence=licence, **_ABOUT)


def _read_folders(folder: Path) -> pd.DataFrame:
    rows = []
    for number, label in _ESC10_FOLDERS.items():
        for path in sorted(folder.glob(f"{number} - */*")):
            clip = _CLIP.fullmatch(path.stem)
            if clip:
                rows.append({"path": str(path), "label": label, "group": clip["recording"], "fold": int(clip["fold"])})
    if not rows:
        raise DatasetError(
            f'{folder}: expected folders like "001 - Dog bark" with clips like 1-100032-A.ogg, found none. '
            f"{_ABOUT['where']}"
        )
    return pd.DataFrame(rows)


def _read_meta(folder: Path) -> pd.DataFrame:
    table = folder / "meta" / "esc50.csv"
    meta = read_table(table, ("filename", "fold", "category", "esc10", "src_file"), _ABOUT["where"])
    return pd.DataFrame(
        {
            "path": [str(folder / "audio" / name) for name in meta["filename"]],
            "label": meta["category"],
            "group": meta["src_file"].astype(str),
            "fold": meta["fold"],
            "esc10": meta["esc10"].astype(bool),
        }
    )
