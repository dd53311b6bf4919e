"""Windows of time: a file of any length, decoded a block at a time, and what a model says of each part of it."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from musiclab import features
from musiclab.audio import from_int16, load_audio, to_int16
from musiclab.core.errors import AudioError
from musiclab.training import autocast

BLOCK = 60.0
"""Seconds of a long file that are decoded at once: the memory taken does not depend on the file's length."""

BATCH = 64
"""Windows that a model is given at once, at most."""


def listen(
    file: Path, model, feature: str, config, every: float | None, precision: str = "auto"
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a file into windows and say what each is.

    Parameters
    ----------
    file
        Of sound.
    model
        In evaluation mode.
    feature, config
        What it hears, and the settings of that.
    every
        Seconds from window to window; left out, windows cover the file as the segments of a test do.
    precision
        As in :class:`musiclab.training.TrainConfig`.

    Returns
    -------
    spans : float array, shape (windows, 2)
        Start and end in s.
    values : float64 array, shape (windows, classes)
        Log-probabilities.

    Raises
    ------
    AudioError
        The file cannot be decoded, or is too short.
    """
    cut = _summaries if feature == "summary" else _segments
    spans, values = [], []
    for some_spans, batch in cut(file, model.length, feature, config, every):
        spans.append(some_spans)
        values.append(_log_probabilities(model, torch.from_numpy(batch), precision))
    return np.concatenate(spans), np.concatenate(values)


def _segments(file: Path, length: int, feature: str, config, every: float | None) -> Iterator:
    """Windows of ``length`` frames or samples, a block at a time: their spans, and a batch as Segments gives it."""
    seconds, rate = _seconds(file), config.sample_rate
    hop = getattr(config, "hop_length", 1)
    step = None if every is None else max(1, round(every * rate / hop))
    if seconds <= BLOCK:
        values = _decoded(file, feature, config)
        starts = _places(values.shape[-1], length, step)
        for some in _blocks(starts, length, np.inf):
            yield _spans(starts[some], length, hop / rate, seconds), _windows(values, starts[some], length, config)
        return
    margin = -(-max(getattr(config, "n_fft", 0), rate // 20) // hop)  # frames that hear the cut, at either end
    second = rate // hop if rate % hop == 0 else 1  # resampling from a whole second on gives the very same samples
    starts = _places(config.frames(int(seconds * rate)), length, step)
    for some in _blocks(starts, length, round(BLOCK * rate / hop)):
        begin = max(0, starts[some][0] - margin) // second * second
        count = starts[some][-1] + length + margin - begin
        values = _decoded(file, feature, config, begin * hop / rate, count * hop / rate)
        inside = np.clip(starts[some] - begin, 0, max(0, values.shape[-1] - length))
        yield _spans(starts[some], length, hop / rate, seconds), _windows(values, inside, length, config)


def _summaries(file: Path, _, feature: str, config, every: float | None) -> Iterator:
    """Windows that are summarised each by itself: the whole file, equal parts of it, or ``every`` so many seconds."""
    seconds = _seconds(file)
    if every is None and seconds <= BLOCK:
        yield np.array([[0.0, seconds]]), _decoded(file, feature, config)[None]
        return
    if every is None:
        marks = np.linspace(0, seconds, int(np.ceil(seconds / BLOCK)) + 1)
    else:
        marks = np.arange(max(1, round(seconds / every)) + 1) * every  # a rest of less than half goes with the last
        marks[-1] = seconds
    for start, end in pairwise(marks):
        yield np.array([[start, end]]), _decoded(file, feature, config, start, end - start)[None]


def _places(total: int, length: int, step: int | None) -> np.ndarray:
    """Where windows begin: covering all, as the segments of a test do, or a step apart, the last one at the end."""
    spare = max(0, total - length)
    if step is None:
        return np.linspace(0, spare, 1 - (-spare // max(1, length // 2))).round().astype(int)
    return np.unique(np.append(np.arange(0, spare, step), spare))


def _blocks(starts: np.ndarray, length: int, longest: float) -> Iterator[slice]:
    """Slices of at most :data:`BATCH` windows that lie together in at most ``longest`` frames."""
    first = 0
    for number, start in enumerate(starts):
        if number > first and (start + length - starts[first] > longest or number - first == BATCH):
            yield slice(first, number)
            first = number
    yield slice(first, len(starts))


def _spans(starts: np.ndarray, length: int, frame: float, seconds: float) -> np.ndarray:
    """Start and end of windows in s, shape (windows, 2), within the file."""
    return np.minimum(np.stack([starts, starts + length], axis=1) * frame, seconds)


def _windows(values: np.ndarray, starts: np.ndarray, length: int, config) -> np.ndarray:
    """A batch, float32, shape (windows, dimensions, length) or (windows, length), out of (..., frames)."""
    missing = length - values.shape[-1]
    if missing > 0:
        silence = np.broadcast_to(np.asarray(config.silence, np.float32)[..., None], (*values.shape[:-1], missing))
        values = np.concatenate([values, silence], axis=-1)
    return np.stack([values[..., start : start + length] for start in starts]).astype(np.float32)


def _decoded(file: Path, feature: str, config, offset: float = 0.0, duration: float | None = None) -> np.ndarray:
    """A feature of a part of a file, shape (dimensions, frames), or its samples as a store has them."""
    waveform, _ = load_audio(file, config.sample_rate, offset=offset, duration=duration)
    if feature == "audio":
        return from_int16(to_int16(waveform))
    try:
        return features.compute(waveform, {feature: config})[feature]
    except ValueError as error:  # too short
        raise AudioError(f"{file}: {error}") from error


def _seconds(file: Path) -> float:
    load_audio(file, None, duration=0.1)  # says what is wrong with a bad file
    import soundfile  # not at the top: a machine that trains need not decode

    return float(soundfile.info(file).duration)


@torch.inference_mode()
def _log_probabilities(model, batch: torch.Tensor, precision: str) -> np.ndarray:
    device = next(model.parameters()).device
    with autocast(device, precision):
        logits = model(batch.to(device))
    return logits.cpu().double().log_softmax(dim=1).numpy()
