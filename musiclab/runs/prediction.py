"""Classify new sounds: one prediction per file, and a timeline of predictions for long files."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from numbers import Real
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from musiclab import encoders, features
from musiclab.audio import SUFFIXES, TO_CONVERT, count_samples, find_audio, load_audio, load_parts, to_int16
from musiclab.core.covering import covering
from musiclab.core.errors import AudioError, RunError
from musiclab.core.files import write_csv
from musiclab.runs.settings import RunSettings
from musiclab.store.segments import Segments
from musiclab.training import check_finite, score

BLOCK = 60.0  # s, decoded at once, so that memory use does not depend on the length of a file
SHORTEST = 0.01  # s, smallest step from one window to the next
LONG = 3  # segments; longer files get a timeline
SUMMARY_SECONDS = 3.0  # window for models of summary features, which accept any duration
STANDARD_INPUT = "-"
UNKNOWN = "unknown"

# start and end of each window in s, shape (windows, 2); feature values; index of each window's first value
Block = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Predictions:
    """A model's predictions for sound files, returned by :meth:`musiclab.runs.Run.predict`.

    Attributes
    ----------
    classes : list of str
        Names of the classes.
    files : pandas.DataFrame
        One row per file: its ``path``, the ``predicted`` class (or "unknown"), and the probability of each class in a
        column ``p(NAME)``.
    windows : pandas.DataFrame
        One row per time window: ``path``, ``start`` and ``end`` in seconds, the predicted ``class``, its
        ``probability``, and the probability of each class in a column ``p(NAME)``. A short file has one window. The
        windows of a long file overlap.
    failures : list of (path, reason)
        Files that could not be read.

    Examples
    --------
    >>> files = pd.DataFrame({"path": ["new.wav"], "predicted": ["jazz"], "p(jazz)": [0.9], "p(rock)": [0.1]})
    >>> Predictions(["jazz", "rock"], files, windows=pd.DataFrame(), failures=[]).probabilities
    array([[0.9, 0.1]])
    """

    classes: list[str]
    files: pd.DataFrame
    windows: pd.DataFrame
    failures: list[tuple[str, str]]

    @property
    def probabilities(self) -> np.ndarray:
        """Class probabilities of each file, shape (files, classes)."""
        return self.files[list(map(column, self.classes))].to_numpy()

    def along(self, path: str | Path) -> tuple[np.ndarray, np.ndarray]:
        """Return the predictions for one file over time, for example to plot them.

        Parameters
        ----------
        path : path
            Path of the file, as in ``windows``.

        Returns
        -------
        borders : array, shape (windows + 1,), seconds
            Borders between the windows, from :func:`edges`.
        probabilities : array, shape (windows, classes)
            Class probabilities of each window.
        """
        windows = self.windows[self.windows["path"] == str(path)]
        return edges(windows), windows[list(map(column, self.classes))].to_numpy()

    def save(self, path: str | Path) -> Path:
        """Write the table ``files`` to a CSV file in UTF-8.

        Parameters
        ----------
        path : path
            Path of the CSV file.

        Returns
        -------
        pathlib.Path
            Path of the written file.

        Examples
        --------
        >>> predictions = run.predict("recordings")  # doctest: +SKIP
        >>> predictions.save("predictions.csv")  # doctest: +SKIP
        """
        return write_csv(path, self.files)

    def save_windows(self, path: str | Path) -> Path:
        """Write the table ``windows`` to a CSV file in UTF-8.

        Parameters
        ----------
        path : path
            Path of the CSV file.

        Returns
        -------
        pathlib.Path
            Path of the written file.
        """
        return write_csv(path, self.windows)

    def to_dict(self) -> dict:
        """Return the predictions as a dictionary that can be saved as JSON.

        Returns
        -------
        dict
            ``predictions`` and ``windows``, each with one dictionary per row, and ``failures``. On the command line,
            ``--json`` prints this dictionary.
        """
        return {
            "predictions": self.files.to_dict("records"),
            "windows": self.windows.to_dict("records"),
            "failures": self.failures,
        }


def predict(
    model: nn.Module,
    settings: RunSettings,
    sounds,
    sample_rate: int | None,
    every: float | None,
    device: str,
    unknown: bool,
) -> Predictions:
    """Classify sounds (see :meth:`musiclab.runs.Run.predict`).

    As in testing, a file is cut into windows of the model's segment length and their log-probabilities are averaged. A
    model that takes summaries receives one summary of the whole file or, with ``every``, one per window. A file of more
    than a minute is divided into equal parts of at most a minute, to limit the memory. So its result can differ from
    that of :meth:`musiclab.runs.Run.evaluate`, which takes one summary of every file.
    """
    if every is not None and not 0 < every < np.inf:
        raise RunError(f"every: expected a positive number of seconds, found {every}")
    if every is not None and every < SHORTEST:
        raise RunError(f"every: expected at least {SHORTEST} s, found {every} s")
    if every is not None and settings.feature == "embedding" and every < features.SEGMENT_SECONDS:
        raise RunError(f"every: expected at least {features.SEGMENT_SECONDS:g} s with embeddings, found {every} s")
    calibration = settings.calibrated
    if unknown and not calibration.n:
        raise RunError("unknown: the model was trained without enough validation clips to find a threshold")
    sounds = [sounds] if isinstance(sounds, str | Path) else sounds
    is_list_of_samples = isinstance(sounds, Sequence) and len(sounds) > 0 and isinstance(sounds[0], Real)
    if hasattr(sounds, "__array__") or is_list_of_samples:  # also tensors and columns of a table
        sounds = np.asarray(sounds)
        sounds = sounds.tolist() if sounds.dtype.kind in "OU" else sounds  # a list of paths
    if isinstance(sounds, np.ndarray):
        _check_waveform(sounds, sample_rate)
        names, failures = ["waveform"], []
    else:
        names, failures = _list_sound_files(sounds)
    long = LONG * _segment_seconds(model, settings)
    classes, rows, tables = settings.classes, [], []
    for name in names:
        try:
            with _open_as_file(name, sounds, sample_rate) as path:
                spans, scores, embedding = _score_windows(model, settings, path, every, device)
        except AudioError as error:
            failures.append((name, str(error)))
            continue
        check_finite(scores, name)
        mean_score = scores.mean(axis=0, keepdims=True)
        mean_scores, scores = calibration.apply(mean_score)[0], calibration.apply(scores)
        probabilities = np.exp(mean_scores)
        novelty = float((calibration.novelties(mean_score) if embedding is None else model.novelty(embedding))[0])
        is_unknown = unknown and novelty > calibration.threshold
        columns = dict(zip(map(column, classes), probabilities.tolist(), strict=True))
        rows.append({"path": name, "predicted": UNKNOWN if is_unknown else classes[probabilities.argmax()], **columns})
        end = spans[:, 1].max()
        if every is None and (len(spans) == 1 or end <= long):
            spans, scores = np.array([[0.0, end]]), mean_scores[None]
        tables.append(_tabulate_windows(name, spans, np.exp(scores), classes))
    if not rows:
        raise AudioError("\n".join(reason for _, reason in failures) or "expected sound files, found none")
    return Predictions(classes, pd.DataFrame(rows), pd.concat(tables, ignore_index=True), failures)


def live_seconds(model: nn.Module, settings: RunSettings) -> float:
    """Return the duration in s of the windows in which a recording is classified while it is being made."""
    return SUMMARY_SECONDS if settings.feature == "summary" else _segment_seconds(model, settings)


def _segment_seconds(model: nn.Module, settings: RunSettings) -> float:
    """Return the duration in s of the segments that a model takes as input."""
    config = settings.feature_settings
    return model.length * getattr(config, "hop_length", 1) / config.sample_rate


def edges(windows: pd.DataFrame) -> np.ndarray:
    """Compute the borders between the windows of one file. A border is in the middle of the overlap of two windows.

    Parameters
    ----------
    windows : pandas.DataFrame
        Windows of one file in order of time, with the columns ``start`` and ``end`` in seconds.

    Returns
    -------
    array, shape (windows + 1,), seconds
        Start of the first window, the borders between neighbouring windows, and end of the last window.

    Examples
    --------
    >>> edges(pd.DataFrame({"start": [0.0, 2.0], "end": [4.0, 6.0]}))
    array([0., 3., 6.])
    """
    starts, ends = windows["start"].to_numpy(), windows["end"].to_numpy()
    return np.concatenate([starts[:1], (ends[:-1] + starts[1:]) / 2, ends[-1:]])


def merged(windows: pd.DataFrame) -> pd.DataFrame:
    """Merge consecutive windows of a file that have the same class.

    Parameters
    ----------
    windows : pandas.DataFrame
        Windows of one file in order of time, as in :attr:`Predictions.windows`.

    Returns
    -------
    pandas.DataFrame
        One row per section: ``start`` and ``end`` in seconds, ``class``, and its mean ``probability``. Where windows of
        two classes overlap, the boundary is the middle of the overlap.

    Examples
    --------
    >>> windows = pd.DataFrame({"start": [0, 2, 4], "end": [4, 6, 8], "class": ["a", "a", "b"]})
    >>> windows["probability"] = [0.6, 0.8, 1.0]
    >>> merged(windows).to_numpy().tolist()
    [[0.0, 5.0, 'a', 0.7], [5.0, 8.0, 'b', 1.0]]
    """
    borders = edges(windows).astype(float)
    section = (windows["class"] != windows["class"].shift()).cumsum().to_numpy()
    columns = {"start": "first", "end": "last", "class": "first", "probability": "mean"}
    return windows.assign(start=borders[:-1], end=borders[1:]).groupby(section).agg(columns).reset_index(drop=True)


def _check_waveform(waveform: np.ndarray, sample_rate: int | None) -> None:
    if not sample_rate:
        raise RunError("the sample rate of the waveform is missing. Pass it as sample_rate, in Hz.")
    if waveform.ndim != 1 or not len(waveform):
        raise AudioError(
            f"waveform: expected samples of shape (samples,), found shape {waveform.shape}. Average the channels first."
        )
    if waveform.dtype.kind != "f":
        raise AudioError(f"waveform: expected floats in [-1, 1], found {waveform.dtype}. See audio.from_int16.")
    if not np.isfinite(waveform).all():
        sample = np.flatnonzero(~np.isfinite(waveform))[0]
        raise AudioError(f"waveform: sample {sample:,} is {waveform[sample]}. Leave it out, or export the sound again.")


def _list_sound_files(names: Sequence[str | Path]) -> tuple[list[str], list[tuple[str, str]]]:
    """List files and the sound files in folders, and report folders without sound files."""
    paths, failures = [], []
    for name in map(str, names):
        if not name:
            raise AudioError("expected the path of a sound file or folder, found an empty path; use . for this folder")
        is_folder = name != STANDARD_INPUT and Path(name).is_dir()
        files = find_audio(name, (*SUFFIXES, *TO_CONVERT)) if is_folder else [name]
        paths += map(str, files)
        if not files:
            failures.append((name, f"{name}: this folder contains no sound files"))
    return list(dict.fromkeys(paths)), failures


@contextmanager
def _open_as_file(name: str, sounds, sample_rate: int | None) -> Iterator[str]:
    """Yield the path of a sound; a waveform or standard input is written to a temporary file."""
    import soundfile

    is_waveform = isinstance(sounds, np.ndarray)
    if not is_waveform and name != STANDARD_INPUT:
        yield name
        return
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "input.wav")
        if is_waveform:
            soundfile.write(path, sounds.astype(np.float32), int(sample_rate), "FLOAT")
        else:
            with open(path, "wb") as copy:
                shutil.copyfileobj(sys.stdin.buffer, copy)
        try:
            yield path
        except AudioError as error:
            raise AudioError(str(error).replace(path, name if is_waveform else "standard input")) from error


def _score_windows(
    model: nn.Module, settings: RunSettings, path: str, every: float | None, device: str
) -> tuple[np.ndarray, np.ndarray, torch.Tensor | None]:
    """Return the spans of the windows in s, shape (windows, 2), and log-probabilities, shape (windows, classes).

    The third value is the mean embedding, shape (1, dimensions), if the model receives embeddings.
    """
    samples, file_rate = count_samples(path)
    seconds = samples / file_rate
    read_blocks = _read_summaries if settings.feature == "summary" else _read_segments
    options = {"length": model.length, "silence": settings.feature_settings.silence}
    spans, scores, embeddings = [], [], []
    for block_spans, values, starts in read_blocks(model.length, settings, path, seconds, every):
        segments = Segments(values, [0, len(values)], [0], classes=len(settings.classes), places=starts, **options)
        spans.append(block_spans)
        scores.append(score(model, segments, device, settings.precision))
        if settings.feature == "embedding":
            embeddings.append(values)
    embedding = None
    if settings.feature == "embedding":
        embedding = torch.from_numpy(np.concatenate(embeddings).mean(axis=0, keepdims=True)).to(model.mean.device)
    return np.concatenate(spans), np.concatenate(scores), embedding


def _read_segments(
    length: int, settings: RunSettings, path: str, seconds: float, every: float | None
) -> Iterator[Block]:
    """Yield blocks of windows that have the model's segment length."""
    feature_settings = settings.feature_settings
    rate, hop = feature_settings.sample_rate, getattr(feature_settings, "hop_length", 1)
    step = None if every is None else max(1, round(every * rate / hop))

    def spans(starts: np.ndarray) -> np.ndarray:
        return np.minimum(np.stack([starts, starts + length], axis=1) * hop / rate, seconds)

    if seconds <= BLOCK:
        values = _compute(settings, path, load_audio(path, rate)[0])
        starts = covering(max(0, len(values) - length), length, step)
        yield spans(starts), values, starts
        return
    margin = -(-getattr(feature_settings, "n_fft", 0) // hop)  # frames that depend on samples outside the block
    starts = covering(max(0, feature_settings.frames(int(seconds * rate)) - length), length, step)
    longest = max(1, round(BLOCK * rate / hop) - length)  # frames from the first to the last start of a block
    blocks = np.array_split(starts, min(len(starts), 1 + starts[-1] // longest))
    parts = [(max(0, block[0] - margin) * hop, (block[-1] + length + margin) * hop) for block in blocks]
    for block, (first, _), waveform in zip(blocks, parts, load_parts(path, rate, parts), strict=True):
        values = _compute(settings, path, waveform)
        yield spans(block), values, np.clip(block - first // hop, 0, max(0, len(values) - length))


def _read_summaries(
    length: int, settings: RunSettings, path: str, seconds: float, every: float | None
) -> Iterator[Block]:
    """Yield one summary per ``every`` seconds, by default of the whole file, or of equal parts of a long file."""
    if every is None:
        borders = np.linspace(0, seconds, max(1, int(np.ceil(seconds / BLOCK))) + 1)
    else:
        borders = np.arange(max(1, round(seconds / every)) + 1) * every  # a short remainder joins the last part
        borders[-1] = seconds
    rate = settings.feature_settings.sample_rate
    parts = [(round(start * rate), round(end * rate)) for start, end in pairwise(borders)]
    parts[-1] = (parts[-1][0], None)
    for start, end, waveform in zip(borders[:-1], borders[1:], load_parts(path, rate, parts), strict=True):
        yield np.array([[start, end]]), _compute(settings, path, waveform), np.array([0])


def _compute(settings: RunSettings, path: str, waveform: np.ndarray) -> np.ndarray:
    """Compute the model's feature, laid out as in a store: shape (samples,) or (frames, dimensions)."""
    feature_settings, feature = settings.feature_settings, settings.feature
    if not len(waveform):
        raise AudioError(
            f"{path}: the file is empty or too short to resample to {feature_settings.sample_rate:,} Hz. Leave it out."
        )
    if feature == "audio":
        return to_int16(waveform)
    try:
        values = encoders.compute(waveform, {feature: feature_settings})[feature].astype(np.float32, copy=False)
    except ValueError as error:  # too short
        raise AudioError(f"{path}: {error}") from error
    if not np.isfinite(values).all():
        raise AudioError(f"{path}: {feature} contains NaN or infinite values. Listen to the file, or leave it out.")
    return np.ascontiguousarray(values.T)


def column(name: str) -> str:
    """Return the column name ``p(NAME)`` for a class's probabilities; it cannot clash with other columns."""
    return f"p({name})"


def _tabulate_windows(path: str, spans: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": path,
            "start": spans[:, 0].round(3),
            "end": spans[:, 1].round(3),
            "class": [classes[label] for label in probabilities.argmax(axis=1)],
            "probability": probabilities.max(axis=1),
            **dict(zip(map(column, classes), probabilities.T, strict=True)),
        }
    )
