"""Describe clips for a browser: their table, their names, their facts, and their sounds."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
import pandas as pd

from musiclab.audio import from_int16, load_audio
from musiclab.core.errors import AudioError, DatasetError
from musiclab.store import Store

SECONDS = 30.0  # length of a clip that is played, in s: with its picture, about 1 MB is sent to the browser
Sound = tuple[np.ndarray, int]


class Sounds:
    """Find and load the sound of a clip by its path.

    ``source`` may be ``None``: the file of that path. A folder: a file below it, for sounds that were moved; the
    longest end of the path that exists there. A store: its audio, or the file if it holds no audio. Or a mapping of
    paths to ``(waveform, sample_rate)``. Anything else raises DatasetError.
    """

    def __init__(self, source: str | Path | Store | Mapping[str, Sound] | None = None):
        if isinstance(source, str | Path) and not Path(source).is_dir():
            raise DatasetError(f"{source}: expected the folder that the sounds are in, found no such folder")
        if source is not None and not isinstance(source, str | Path | Store | Mapping):
            raise DatasetError(
                "sounds: expected a folder, a store, a mapping of paths to (waveform, sample_rate) or None, "
                f"found {type(source).__name__}"
            )
        self._source = source
        self._rows: dict[str, int] = {}
        if isinstance(source, Store) and "audio" in source.features:
            self._rows = {path: row for row, path in enumerate(source.index["path"])}

    def load(self, path: str) -> Sound:
        """Load the first :data:`SECONDS` of a clip and its sample rate; raise AudioError if that is impossible."""
        if path in self._rows:
            rate = self._source.sample_rate
            return from_int16(self._source.read("audio", self._rows[path]))[: round(SECONDS * rate)], rate
        if isinstance(self._source, Mapping):
            if path not in self._source:
                raise AudioError(f"{path}: expected it among the {len(self._source)} sounds, found none of that path")
            waveform, rate = self._source[path]
            return np.asarray(waveform)[..., : round(SECONDS * rate)], rate
        if self.is_missing(path):
            below = f" in {self._source}" if isinstance(self._source, str | Path) else ""
            raise AudioError(f"{path}: no such file{below}; if the sounds were moved, name their folder: sounds=FOLDER")
        return load_audio(self.file(path), None, mono=False, duration=SECONDS)

    def is_missing(self, path: str) -> bool:
        """Return True if a clip has no sound; an existing sound may still not be readable."""
        if path in self._rows:
            return False
        return path not in self._source if isinstance(self._source, Mapping) else not self.file(path).is_file()

    def file(self, path: str) -> Path:
        """Return the file of a clip; if it doesn't exist, the path as it is."""
        if isinstance(self._source, str | Path):
            pure = (PureWindowsPath if "\\" in path else PurePosixPath)(path)
            parts = pure.relative_to(pure.anchor).parts
            files = (Path(self._source, *parts[start:]) for start in range(len(parts)))
            return next((file for file in files if file.is_file()), Path(path))
        return Path(path)


def clip_table(data) -> pd.DataFrame:
    """Copy the index table of a data set or a store, with the short name of each clip as the column ``clip``."""
    index = getattr(data, "index", None)
    if not isinstance(index, pd.DataFrame) or not {"path", "label", "group"} <= set(index):
        raise DatasetError(f"expected a data set or a store, found {type(data).__name__}; see musiclab.datasets")
    if index.empty:
        raise DatasetError(f"{getattr(data, 'name', data)}: expected at least one clip, found none")
    index = index.reset_index(drop=True)
    return index.assign(clip=short_names(index["path"]))


def short_names(paths: Sequence[str]) -> list[str]:
    """Drop the folder that all paths have in common.

    Examples
    --------
    >>> short_names(["/data/blues/1.wav", "/data/jazz/1.wav"])
    ['blues/1.wav', 'jazz/1.wav']
    """
    paths = list(map(str, paths))
    try:
        root = os.path.commonpath([os.path.dirname(path) for path in paths])
    except ValueError:  # on two drives, or absolute and relative
        root = ""
    return [os.path.relpath(path, root).replace(os.sep, "/") if root else path for path in paths]


def describe(clip: pd.Series) -> str:
    """Describe a row of a table of clips in words.

    Examples
    --------
    >>> describe(pd.Series({"path": "1.wav", "label": "jazz", "group": "Monk", "predicted": "blues", "fold": 2}))
    'class jazz, predicted blues, group Monk, fold 2'
    """
    facts = [f"class {clip['label']}"]
    facts += [f"predicted {clip['predicted']}"] if "predicted" in clip else []
    facts += [f"group {clip['group']}"] if clip["group"] != clip["path"] else []  # without one, it is its own group
    facts += [f"{name} {clip[name]}" for name in ("split", "fold") if clip.get(name)]
    return ", ".join(facts)
