"""Naming new sounds with a trained model: what a file is, and what is heard when in a long one."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from musiclab import features
from musiclab.audio import find_audio
from musiclab.core.errors import AudioError, RunError
from musiclab.core.files import replacing
from musiclab.runs import checkpoint
from musiclab.runs.windows import listen
from musiclab.training import pick_device

LONG = 3
"""Segments; what is longer than that is named along time, too."""

STANDARD_INPUT = "-"


@dataclass(frozen=True)
class Predictions:
    """What a model said of files.

    Attributes
    ----------
    classes : list of str
    files : pandas.DataFrame
        One row a file: ``path``, ``predicted``, and a column of probabilities for each class.
    windows : pandas.DataFrame
        One row a window of time: ``path``, ``start`` and ``end`` (s), ``class``, its ``probability``, and ``p(NAME)``
        for each class. A short file is one window from its beginning to its end; windows of a long one overlap.
    failures : list of (path, reason)
        Files that could not be read.
    """

    classes: list[str]
    files: pd.DataFrame
    windows: pd.DataFrame
    failures: list[tuple[str, str]]

    def along(self, path: str | Path) -> tuple[np.ndarray, np.ndarray]:
        """What was heard along a file, for :func:`musiclab.plots.timeline`.

        Returns
        -------
        edges : array, shape (windows + 1,)
            In s.
        probabilities : array, shape (windows, classes)
        """
        windows = self.windows[self.windows["path"] == str(path)]
        return edges(windows), windows[[f"p({name})" for name in self.classes]].to_numpy()

    def save(self, path: str | Path) -> Path:
        """Write the windows of all files to a CSV file in UTF-8."""
        with replacing(path) as unfinished:
            self.windows.to_csv(unfinished, index=False, encoding="utf-8")
        return Path(path)

    def to_dict(self) -> dict:
        """What ``--json`` prints: ``predictions``, ``windows`` and ``failures``."""
        return {
            "predictions": self.files.to_dict("records"),
            "windows": self.windows.to_dict("records"),
            "failures": self.failures,
        }


def predict(
    run: str | Path, files: Sequence[str | Path], every: float | None = None, device: str = "auto"
) -> Predictions:
    """Name the sound in files.

    A file is cut into windows as long as the segments the model was trained on, and the probabilities of the file are
    those of its windows, averaged as logarithms: just what the test of the model does. Models that hear a summary
    get one of the whole file, or of each window.

    Parameters
    ----------
    run
        Folder of a trained model.
    files
        Sound files, folders to look through, or ``"-"`` for a wav file on standard input.
    every
        Seconds from window to window. Left out, windows cover a file and overlap by half or more. For models that
        hear a summary it is the length of a window too; left out, that is the whole file, or equal parts of at most
        :data:`~musiclab.runs.windows.BLOCK` s.
    device
        Where to compute.

    Returns
    -------
    Predictions

    Raises
    ------
    AudioError
        None of the files could be read.
    RunError
        The folder holds no model, ``every`` is not positive, or the device is not there.
    """
    if every is not None and not 0 < every < np.inf:
        raise RunError(f"every: expected seconds, more than 0, found {every}")
    model, card = checkpoint.load(run)
    config = features.config(card.feature, card.feature_config)
    where = pick_device(device)
    model.to(where).eval()
    answers, windows = [], []
    paths, failures = _sound_files(files)
    for path in paths:
        try:
            with _on_disk(path) as file:
                spans, values = listen(file, model, card.feature, config, every, card.precision)
        except AudioError as error:
            failures.append((path, str(error)))
            continue
        whole = torch.from_numpy(values.mean(axis=0)).log_softmax(dim=0).exp().numpy()
        shares = dict(zip(card.classes, whole.tolist(), strict=True))
        answers.append({"path": path, "predicted": card.classes[whole.argmax()], **shares})
        if every is None and not _is_long(spans, model, config):
            spans, values = np.array([[0.0, spans[:, 1].max()]]), np.log(whole)[None]
        windows.append(_table(path, spans, np.exp(values), card.classes))
    if not answers:
        raise AudioError("\n".join(reason for _, reason in failures) or "expected sound files, found none")
    return Predictions(card.classes, pd.DataFrame(answers), pd.concat(windows, ignore_index=True), failures)


def edges(windows: pd.DataFrame) -> np.ndarray:
    """Where one window of a file ends and the next begins, in s, shape (windows + 1,): the middle of what both hear."""
    starts, ends = windows["start"].to_numpy(), windows["end"].to_numpy()
    return np.concatenate([starts[:1], (ends[:-1] + starts[1:]) / 2, ends[-1:]])


def merged(windows: pd.DataFrame) -> pd.DataFrame:
    """Windows of one file with those joined that follow each other and have the same class.

    Returns
    -------
    pandas.DataFrame
        ``start``, ``end``, ``class`` and its mean ``probability``; an end is the next one's start.

    Examples
    --------
    >>> windows = pd.DataFrame({"start": [0, 2, 4], "end": [4, 6, 8], "class": ["a", "a", "b"]})
    >>> windows["probability"] = [0.6, 0.8, 1.0]
    >>> merged(windows)[["start", "end", "class", "probability"]].to_numpy().tolist()
    [[0.0, 5.0, 'a', 0.7], [5.0, 8.0, 'b', 1.0]]
    """
    borders = edges(windows)
    names = windows["class"].to_numpy()
    first = np.flatnonzero(np.r_[True, names[1:] != names[:-1]])
    last = np.r_[first[1:], len(names)]
    shares = windows["probability"].to_numpy(dtype=float)
    return pd.DataFrame(
        {
            "start": borders[first].astype(float),
            "end": borders[last].astype(float),
            "class": names[first],
            "probability": [shares[start:stop].mean() for start, stop in zip(first, last, strict=True)],
        }
    )


def _is_long(spans: np.ndarray, model, config) -> bool:
    """Whether a file deserves to be named along time: longer than :data:`LONG` segments, or summarised in parts."""
    segment = model.length * getattr(config, "hop_length", 1) / config.sample_rate
    return len(spans) > 1 and spans[-1, 1] > LONG * segment


def _table(path: str, spans: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> pd.DataFrame:
    table = pd.DataFrame(probabilities, columns=[f"p({name})" for name in classes])
    table.insert(0, "path", path)
    table.insert(1, "start", spans[:, 0].round(3))
    table.insert(2, "end", spans[:, 1].round(3))
    table.insert(3, "class", [classes[best] for best in probabilities.argmax(axis=1)])
    table.insert(4, "probability", probabilities.max(axis=1))
    return table


@contextmanager
def _on_disk(path: str) -> Iterator[Path]:
    """The file, or standard input as a file, since decoding goes back and forth."""
    if path != STANDARD_INPUT:
        yield Path(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "input.wav"
        with open(file, "wb") as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
        try:
            yield file
        except AudioError as error:
            raise AudioError(str(error).replace(str(file), "standard input")) from error


def _sound_files(files: Sequence[str | Path]) -> tuple[list[str], list[tuple[str, str]]]:
    """All files that are meant, and folders without any."""
    found, failures = [], []
    for file in map(str, files):
        if file == STANDARD_INPUT or not Path(file).is_dir():
            found.append(file)
            continue
        inside = find_audio(file)
        found += map(str, inside)
        if not inside:
            failures.append((file, f"{file}: expected sound files in the folder, found none"))
    return list(dict.fromkeys(found)), failures  # a file that is named twice is heard once
