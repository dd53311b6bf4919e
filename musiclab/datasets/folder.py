"""A folder of one's own recordings."""

from pathlib import Path

import pandas as pd

from musiclab.audio import SUFFIXES, find_audio
from musiclab.core.errors import DatasetError
from musiclab.datasets.base import Dataset, existing_folder, read_table

_WHERE = "Put one folder a class in it, and the recordings in those: DIR/<label>/song.wav"


class AudioFolder(Dataset):
    """A folder with one subfolder a class: ``root/<label>/**/*``.

    Clips in the same subfolder of a class (``root/<label>/<artist>/...``) form a group; clips directly in the
    class's folder are a group each. A file ``root/index.csv`` says otherwise: columns ``path`` (relative to
    root) and ``label``, and if wanted ``group``, ``fold`` and ``split``.

    Parameters
    ----------
    root
        The folder.

    Raises
    ------
    DatasetError
        No such folder, no sound in it, or an ``index.csv`` that does not fit.
    """

    def __init__(self, root: str | Path):
        folder = existing_folder(root, "a folder of recordings", _WHERE)
        table = folder / "index.csv"
        index = _read_index(table) if table.exists() else _walk(folder)
        super().__init__(
            name=f"folder:{folder.name}",
            index=index,
            licence="as stated by whoever made the recordings",
            citation="none",
            where=_WHERE,
            protocol="none: split by group",
            notes=[] if table.exists() else _silent_classes(folder, index),
        )


def _walk(folder: Path) -> pd.DataFrame:
    rows = []
    for path in find_audio(folder):
        parts = path.relative_to(folder).parts
        if len(parts) > 1:  # files directly in root have no label
            group = "/".join(parts[:-1]) if len(parts) > 2 else "/".join(parts)
            rows.append({"path": str(path), "label": parts[0], "group": group})
    if not rows:
        raise DatasetError(f"{folder}: expected recordings ({', '.join(SUFFIXES)}), found none. {_WHERE}")
    return pd.DataFrame(rows)


def _read_index(table: Path) -> pd.DataFrame:
    texts = dict.fromkeys(("path", "label", "group", "split"), str)
    index = read_table(
        table, ("path", "label"), "Say which recording has which label: path,label,group,fold,split", texts
    )
    index["path"] = [str(table.parent / path) for path in index["path"].astype(str)]
    return index


def _silent_classes(folder: Path, index: pd.DataFrame) -> list[str]:
    """A note for each folder that would be a class, were there a sound in it that can be read."""
    silent = [
        path.name
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith(".") and path.name not in set(index["label"])
    ]
    return [f"{folder / name}: no {', '.join(SUFFIXES)} in it, so {name!r} is no class" for name in silent]
