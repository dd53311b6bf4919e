"""A folder of your own recordings."""

from pathlib import Path

import pandas as pd

from musiclab.audio import SUFFIXES, find_audio
from musiclab.core.errors import DatasetError
from musiclab.datasets.base import Dataset, existing_folder, read_table

_WHERE = "Put one folder per class in it, and the recordings in those: DIR/<label>/song.wav"


class AudioFolder(Dataset):
    """A folder with one subfolder per class: ``root/<label>/**/*``.

    Clips in the same subfolder of a class (``root/<label>/<artist>/...``) form a group; a clip directly in the folder
    of its class is a group of its own. A file ``root/index.csv`` replaces all this: columns ``path`` (relative to
    root) and ``label``, and if you like ``group``, ``fold`` and ``split``.

    Examples
    --------
    >>> dataset = AudioFolder("my_music")  # doctest: +SKIP
    >>> dataset.classes  # doctest: +SKIP
    ['jazz', 'rock']
    """

    def __init__(self, root: str | Path):
        folder = existing_folder(root, "a folder of recordings", _WHERE)
        table = folder / "index.csv"
        index = _read_index(table) if table.exists() else _walk(folder)
        super().__init__(
            name=f"folder:{folder.name}",
            index=index,
            licence="as stated by the makers of the recordings",
            citation="none",
            where=_WHERE,
            protocol="none: split by group",
            notes=[] if table.exists() else _classes_without_sound(folder, set(index["label"])),
        )


def _walk(folder: Path) -> pd.DataFrame:
    rows = []
    for path in find_audio(folder):
        parts = path.relative_to(folder).parts
        if len(parts) > 1:  # a file directly in root has no label
            group = "/".join(parts[:-1] if len(parts) > 2 else parts)
            rows.append({"path": str(path), "label": parts[0], "group": group})
    if not rows:
        raise DatasetError(f"{folder}: expected recordings ({', '.join(SUFFIXES)}), found none. {_WHERE}")
    return pd.DataFrame(rows)


def _read_index(table: Path) -> pd.DataFrame:
    how = "Say which recording has which label: path,label,group,fold,split"
    index = read_table(table, ("path", "label"), how, dict.fromkeys(("path", "label", "group", "split"), str))
    return index.assign(path=[str(table.parent / path) for path in index["path"].astype(str)])


def _classes_without_sound(folder: Path, labels: set[str]) -> list[str]:
    folders = [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    empty = [path for path in folders if path.name not in labels]
    return [f"{path}: no {', '.join(SUFFIXES)} in it, so {path.name!r} is not a class" for path in empty]
