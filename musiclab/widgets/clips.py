"""What the views of clips share: where a clip's sound is, what it is called, and probabilities as bars."""

import html
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
import pandas as pd

from musiclab.audio import from_int16, load_audio
from musiclab.core.errors import AudioError, DatasetError, RunError
from musiclab.store import Store

SECONDS = 30.0
"""Of a clip that are played: with its picture, about 1 MB is sent to the browser."""

STILL_SECONDS = 3.0
"""Of the sound beside a still picture: at most 180 kB of a committed notebook."""

MOST_BARS = 12
"""Classes with a bar each; of more, those that count least are one."""

Sound = tuple[np.ndarray, int]


class Sounds:
    """Where the sound of a clip is found by its path.

    Parameters
    ----------
    where
        ``None``: in the file of that path. A folder: in a file below it, for sounds that were moved: the longest end
        of the path that is there. A :class:`~musiclab.store.Store`: in its audio, or in the file where it holds none.
        A mapping of paths to ``(waveform, sample_rate)``: there.

    Raises
    ------
    DatasetError
        ``where`` is none of these, or no folder.
    """

    def __init__(self, where: str | Path | Store | Mapping[str, Sound] | None = None):
        if isinstance(where, str | Path) and not Path(where).is_dir():
            raise DatasetError(f"{where}: expected the folder that the sounds are in, found no such folder")
        if where is not None and not isinstance(where, str | Path | Store | Mapping):
            raise DatasetError(
                "sounds: expected a folder, a store, a mapping of paths to (waveform, sample_rate) or None, "
                f"found {type(where).__name__}"
            )
        self.where = where
        self._clips: dict[str, int] = {}
        if isinstance(where, Store) and "audio" in where.features:
            self._clips = {path: clip for clip, path in enumerate(where.index["path"])}

    def __call__(self, path: str) -> Sound:
        """The first :data:`SECONDS` of a clip: its samples, shape (samples,) or (channels, samples), and their rate.

        Raises
        ------
        AudioError
            It is nowhere, or cannot be decoded.
        """
        if path in self._clips:
            rate = self.where.sample_rate
            return from_int16(self.where.read("audio", self._clips[path]))[: round(SECONDS * rate)], rate
        if isinstance(self.where, Mapping):
            if path not in self.where:
                raise AudioError(f"{path}: expected it among the {len(self.where)} sounds that were given, found none")
            waveform, rate = self.where[path]
            return np.asarray(waveform)[..., : round(SECONDS * rate)], rate
        if self.is_missing(path):
            below = f" in {self.where}" if isinstance(self.where, str | Path) else ""
            raise AudioError(f"{path}: no such file{below}; if the sounds were moved, name their folder: sounds=FOLDER")
        return load_audio(self.file(path), None, mono=False, duration=SECONDS)

    def is_missing(self, path: str) -> bool:
        """Whether a clip's sound is nowhere to be found; one that is there may still not be readable."""
        if path in self._clips:
            return False
        return path not in self.where if isinstance(self.where, Mapping) else not self.file(path).is_file()

    def file(self, path: str) -> Path:
        """The file of a clip; where there is none, the path as it was given."""
        if isinstance(self.where, str | Path):
            parts = (PureWindowsPath(path) if "\\" in path else PurePosixPath(path)).parts
            for start in range(len(parts)):
                file = Path(self.where, *parts[start:])
                if Path(parts[start]).root == "" and file.is_file():
                    return file
        return Path(path)


def sounds_of(data, given: str | Path | Store | Mapping[str, Sound] | None):
    """Where the clips of a data set or a store are heard: what was given, or else the store itself."""
    return data if given is None and isinstance(data, Store) else given


def bars(
    classes: Sequence[str],
    probabilities: np.ndarray,
    true: str | None = None,
    ordered: bool = True,
    caption: str = "What the model thought of it",
) -> str:
    """Probabilities of the classes as a table with bars, in HTML.

    Parameters
    ----------
    classes : sequence of str
    probabilities : array, shape (classes,)
        In [0, 1].
    true
        The class to mark as the true one.
    ordered
        The most probable first, at most :data:`MOST_BARS` of them; otherwise as they come, for bars that move.
    caption
        Stands above them.
    """
    numbers = np.argsort(-np.asarray(probabilities), kind="stable") if ordered else np.arange(len(classes))
    shown = numbers if not ordered or len(numbers) <= MOST_BARS else numbers[: MOST_BARS - 1]
    rows = [(classes[number], float(probabilities[number])) for number in shown]
    if rest := len(numbers) - len(shown):
        rows.append((f"{rest} others", float(np.sum(probabilities[numbers[len(shown) :]]))))
    cells = "".join(
        f"<tr><th scope='row'>{html.escape(name)}{' (true)' if name == true else ''}</th>"
        f"<td class='musiclab-track'><div class='musiclab-bar{' musiclab-true' if name == true else ''}' "
        f"style='width: {100 * share:.1f}%'></div></td><td>{percent(share)}</td></tr>"
        for name, share in rows
    )
    return f"<table class='musiclab-bars'><caption>{html.escape(caption)}</caption>{cells}</table>"


def percent(share: float) -> str:
    """A share in words, without a 0 or a 100 that is none.

    Examples
    --------
    >>> percent(0.123), percent(0.9999), percent(0.0001), percent(1.0)
    ('12 %', '>99 %', '<1 %', '100 %')
    """
    if 0 < share < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 <= share < 1 else f"{100 * share:.0f} %"


def names_of(paths: Sequence[str]) -> list[str]:
    """Paths without the folder that all of them are in.

    Examples
    --------
    >>> names_of(["/data/blues/1.wav", "/data/jazz/1.wav"])
    ['blues/1.wav', 'jazz/1.wav']
    """
    paths = list(map(str, paths))
    try:
        root = os.path.commonpath([os.path.dirname(path) for path in paths])
    except ValueError:  # on two drives, or absolute and relative
        root = ""
    return [os.path.relpath(path, root).replace(os.sep, "/") if root else path for path in paths]


def index_of(data) -> pd.DataFrame:
    """The table of clips of a data set or a store.

    Raises
    ------
    DatasetError
        ``data`` is neither, or holds no clip.
    """
    index = getattr(data, "index", None)
    if not isinstance(index, pd.DataFrame) or not {"path", "label", "group"} <= set(index):
        raise DatasetError(f"expected a data set or a store, found {type(data).__name__}; see musiclab.datasets")
    if index.empty:
        raise DatasetError(f"{getattr(data, 'name', data)}: expected at least one clip, found none")
    return index


def trained(run) -> tuple:
    """A trained model and its card, of a run folder or of what came of a run.

    Returns
    -------
    model : Classifier
        In evaluation mode.
    card : Card

    Raises
    ------
    RunError
        ``run`` is neither, or holds no model.
    """
    from musiclab.runs import checkpoint  # not at the top: torch takes seconds
    from musiclab.runs.outcome import Outcome

    if isinstance(run, Outcome):
        return run.model.eval(), run.card
    if isinstance(run, str | Path):
        return checkpoint.load(run)
    raise RunError(f"expected the folder of a run or an Outcome, found {type(run).__name__}; see musiclab.runs.run")
