"""Describe the clips of a data set, and load their sounds."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
import pandas as pd

from musiclab.audio import from_int16, load_audio
from musiclab.core.errors import AudioError, DatasetError
from musiclab.store import Store

SECONDS = 30.0  # longest part of a clip that is played, in s: about 1 MB for the browser, with its picture
Sound = tuple[np.ndarray, int]


class Sounds:
    """Find and load the sounds of clips by their paths.

    Parameters
    ----------
    source
        ``None`` loads the files at the paths. A folder is searched for files whose paths end in the same way, because
        the sounds may have been moved; the longest match wins. A store provides its audio or, without audio, the files
        at the paths. A mapping provides ``(waveform, sample_rate)`` for each path.

    Raises
    ------
    DatasetError
        If ``source`` has another type, or the folder doesn't exist.
    """

    def __init__(self, source: str | Path | Store | Mapping[str, Sound] | None = None):
        if isinstance(source, str | Path) and not Path(source).is_dir():
            raise DatasetError(f"{source}: no such folder; pass the folder with the sounds")
        if source is not None and not isinstance(source, str | Path | Store | Mapping):
            raise DatasetError(
                "sounds: expected a folder, a store, a mapping from path to (waveform, sample_rate) or None, "
                f"found {type(source).__name__}"
            )
        self._source = source
        self._rows: dict[str, int] = {}
        if isinstance(source, Store) and "audio" in source.features:
            self._rows = {path: row for row, path in enumerate(source.index["path"])}

    def load(self, path: str) -> Sound:
        """Load at most the first :data:`SECONDS` of a clip, and its sample rate; raise AudioError on failure."""
        if path in self._rows:
            rate = self._source.sample_rate
            return from_int16(self._source.read("audio", self._rows[path]))[: round(SECONDS * rate)], rate
        if isinstance(self._source, Mapping):
            if path not in self._source:
                raise AudioError(f"{path}: not among the {len(self._source)} sounds; add this path to the mapping")
            waveform, rate = self._source[path]
            return np.asarray(waveform)[..., : round(SECONDS * rate)], rate
        if self.is_missing(path):
            folder = f" in {self._source}" if isinstance(self._source, str | Path) else ""
            raise AudioError(f"{path}: no such file{folder}; if you moved the sounds, pass sounds=FOLDER")
        return load_audio(self.file(path), None, mono=False, duration=SECONDS)

    def is_missing(self, path: str) -> bool:
        """Return True if no sound exists for a clip. An existing file may still be unreadable."""
        if path in self._rows:
            return False
        return path not in self._source if isinstance(self._source, Mapping) else not self.file(path).is_file()

    def file(self, path: str) -> Path:
        """Return the file of a clip, or the path unchanged if no file exists."""
        if isinstance(self._source, str | Path):
            pure = (PureWindowsPath if "\\" in path else PurePosixPath)(path)
            parts = pure.relative_to(pure.anchor).parts
            files = (Path(self._source, *parts[start:]) for start in range(len(parts)))
            return next((file for file in files if file.is_file()), Path(path))
        return Path(path)


def clip_table(data) -> pd.DataFrame:
    """Copy the index table of a data set or store, and add a column ``clip`` with short names."""
    index = getattr(data, "index", None)
    if not isinstance(index, pd.DataFrame) or not {"path", "label", "group"} <= set(index):
        raise DatasetError(f"expected a data set or a store, found {type(data).__name__}; see musiclab.datasets")
    if index.empty:
        raise DatasetError(f"{getattr(data, 'name', data)}: expected at least one clip, found none")
    index = index.reset_index(drop=True)
    return index.assign(clip=short_names(index["path"]))


def short_names(paths: Sequence[str]) -> list[str]:
    """Remove the common parent folder of all paths.

    Examples
    --------
    >>> short_names(["/data/blues/1.wav", "/data/jazz/1.wav"])
    ['blues/1.wav', 'jazz/1.wav']
    """
    paths = list(map(str, paths))
    try:
        root = os.path.commonpath([os.path.dirname(path) for path in paths])
    except ValueError:  # paths on different drives, or absolute and relative paths
        root = ""
    return [os.path.relpath(path, root).replace(os.sep, "/") if root else path for path in paths]


def describe(clip: pd.Series) -> str:
    """Describe a clip, a row of the table of clips, in words.

    Examples
    --------
    >>> describe(pd.Series({"path": "1.wav", "label": "jazz", "group": "Monk", "predicted": "blues", "fold": 2}))
    'class jazz, predicted blues, group Monk, fold 2'
    """
    facts = [f"class {clip['label']}"]
    facts += [f"predicted {clip['predicted']}"] if "predicted" in clip else []
    facts += [f"group {clip['group']}"] if clip["group"] != clip["path"] else []  # the path stands for no group
    facts += [f"{name} {clip[name]}" for name in ("split", "fold") if clip.get(name)]
    return ", ".join(facts)
