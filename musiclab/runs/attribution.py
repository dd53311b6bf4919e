"""Find out which part of its input a model uses for a prediction.

:func:`saliency` and :func:`occlusion` say which values of one input matter to one prediction, and :func:`separate`
makes that picture audible. :func:`hear` and :func:`effects` measure how changes of many sounds change predictions.
"""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd
import torch
from torch import nn

from musiclab import features
from musiclab.audio import resample
from musiclab.core.errors import RunError
from musiclab.metrics import difference_interval
from musiclab.store.segments import Segments
from musiclab.training import log_probabilities


def saliency(model: nn.Module, batch: torch.Tensor, classes: Sequence[int]) -> torch.Tensor:
    """Compute the gradient of the log-probability of a class with respect to the input (Simonyan et al. 2014).

    It has the shape of ``batch``, in nats per unit of the input. Times the difference between the input and another
    one, such as silence, it says to first order what each value adds to the log-probability.

    Parameters
    ----------
    model
        Network, which is left in evaluation mode.
    batch : tensor, shape (batch, dimensions, length) or (batch, samples)
        Inputs, on the device of the model.
    classes : sequence of int, shape (batch,)
        Class to explain, for each example.

    Examples
    --------
    >>> gradient = saliency(run.model, batch, [0, 3])  # doctest: +SKIP
    """
    chosen = _chosen(batch, classes)
    inputs = batch.detach().clone().requires_grad_()
    with torch.backends.cudnn.flags(enabled=False):  # its recurrent layers have no gradient in evaluation mode
        scores = model.eval()(inputs).log_softmax(dim=1)
    # examples are independent in evaluation mode, so the gradient of the sum holds that of each
    return torch.autograd.grad(scores.gather(1, chosen).sum(), inputs)[0]


@torch.no_grad()
def occlusion(
    model: nn.Module,
    batch: torch.Tensor,
    classes: Sequence[int],
    size: tuple[int, int],
    step: tuple[int, int] | None = None,
    fill: float | np.ndarray = 0.0,
) -> torch.Tensor:
    """Compute how much log-probability a class loses when a patch of the input is covered (Zeiler and Fergus 2014).

    The loss has the shape of ``batch``, in nats: the mean over all patches that cover a value, positive if it supports
    the class.

    Parameters
    ----------
    model, batch, classes
        As for :func:`saliency`.
    size
        Dimensions and frames of a patch; for audio, 1 and samples.
    step
        Steps from one patch to the next, default ``size``. The last patch ends at the edge.
    fill : float or array, shape (dimensions,)
        Values of a covered patch: the ``silence`` of the feature settings, or a mean.

    Examples
    --------
    >>> loss = occlusion(run.model, batch, [0, 3], size=(16, 8), fill=-80.0)  # doctest: +SKIP
    """
    chosen = _chosen(batch, classes)
    pictures = batch if batch.ndim == 3 else batch[:, None]  # (batch, dimensions, length)
    cover = torch.as_tensor(fill, dtype=batch.dtype, device=batch.device).reshape(-1, 1).expand(pictures.shape[1:])
    uncovered = model.eval()(batch).log_softmax(dim=1).gather(1, chosen)  # (batch, 1)
    losses, counts = torch.zeros_like(pictures), torch.zeros_like(pictures)
    for top, left in product(*map(_starts, pictures.shape[1:], size, step or size)):
        rows, columns = slice(top, top + size[0]), slice(left, left + size[1])
        patched = pictures.clone()
        patched[:, rows, columns] = cover[rows, columns]
        covered = model(patched.view_as(batch)).log_softmax(dim=1).gather(1, chosen)
        losses[:, rows, columns] += (uncovered - covered)[:, :, None]
        counts[:, rows, columns] += 1
    return (losses / counts).view_as(batch)


def separate(waveform: np.ndarray, mask: np.ndarray, config) -> tuple[np.ndarray, np.ndarray]:
    """Split a sound into the part that a mask over its log-mel keeps, and the rest.

    A bin of the Fourier transform is kept as much as the mel bands in which it lies; phases stay. Both parts are
    float32, shape (samples,), and their sum is the sound.

    Parameters
    ----------
    waveform : array, shape (samples,)
        Sound at ``config.sample_rate``.
    mask : array, shape (n_mels, frames)
        Share to keep, 0 to 1.
    config : musiclab.features.MelConfig
        Settings of the log-mel.

    Examples
    --------
    >>> kept, rest = separate(track.waveform, loss > 0.1, MelConfig())  # doctest: +SKIP
    """
    expected = (config.n_mels, config.frames(len(waveform)))
    if np.shape(mask) != expected:
        raise RunError(f"mask: expected shape {expected}, that of the sound's log-mel, found {np.shape(mask)}")
    bank = features.mel_bank(config)  # (n_mels, bins)
    in_bands = np.flatnonzero(bank.any(axis=0))
    bins = np.arange(bank.shape[1])
    nearest = in_bands[np.abs(bins[:, None] - in_bands).argmin(axis=1)]  # 0 Hz, in no band, goes with its neighbour
    weights = bank[:, nearest] / bank[:, nearest].sum(axis=0)  # (n_mels, bins)
    keep = torch.from_numpy(weights.T @ np.asarray(mask, dtype=np.float64)).float()  # (bins, frames)
    sound = torch.from_numpy(np.asarray(waveform, dtype=np.float32))
    framing = {"n_fft": config.n_fft, "hop_length": config.hop_length, "window": torch.hann_window(config.n_fft)}
    spectrum = torch.stft(sound, **framing, pad_mode="constant", return_complex=True)
    kept = torch.istft(spectrum * keep, **framing, length=len(sound)).numpy()
    return kept, sound.numpy() - kept


def hear(model: nn.Module, waveforms: Sequence[np.ndarray], sample_rate: int, config=None) -> np.ndarray:
    """Compute the log-probabilities, shape (sounds, classes), of sounds in memory, as a test does.

    Parameters
    ----------
    model
        Trained network of :mod:`musiclab.models`, which is left in evaluation mode.
    waveforms : sequence of float arrays in [-1, 1], shape (samples,)
        Sounds of any length.
    sample_rate
        Their sample rate in Hz.
    config
        Feature settings, such as ``run.settings.feature_settings``; default those of the model's class.
    """
    if not len(waveforms):
        raise RunError("hear: expected sounds, found none")
    config = model.feature_config if config is None else config
    clips = []
    for waveform in waveforms:
        sound = resample(np.asarray(waveform, dtype=np.float32), sample_rate, config.sample_rate)
        values = features.compute(sound, {model.feature: config})[model.feature]  # (samples,) or (dimensions, frames)
        clips.append(np.ascontiguousarray(values.T))
    offsets = np.cumsum([0, *map(len, clips)])
    cut = {"length": model.length, "silence": config.silence, "places": "covering"}
    labels = np.zeros(len(clips), dtype=int)  # not used
    segments = Segments(np.concatenate(clips), offsets, labels, classes=model.classes, **cut)
    return log_probabilities(model, segments, next(model.parameters()).device.type)[1]


def effects(
    before: np.ndarray, after: Mapping[str, np.ndarray], labels: np.ndarray, groups: np.ndarray
) -> pd.DataFrame:
    """Measure how changes of sounds change a model's predictions.

    Parameters
    ----------
    before : array, shape (sounds, classes)
        Log-probabilities of the unchanged sounds, from :func:`hear` or a result.
    after
        Log-probabilities of the changed sounds, in the same order, by the name of the change.
    labels : int array, shape (sounds,)
        Class whose probability is measured, for each sound.
    groups : array, shape (sounds,)
        Groups, such as artists, whose sounds the bootstrap draws together.

    Returns
    -------
    pandas.DataFrame
        One row per change: mean probability of the class ``before`` and ``after``, the mean difference ``shift`` with
        its 95 % interval ``low`` to ``high``, the share ``flipped`` of sounds with another prediction, and ``n``.
    """
    rows, table = np.arange(len(labels)), {}
    plain = np.exp(before)[rows, labels]
    for name, values in after.items():
        if values.shape != before.shape:
            raise RunError(f"{name}: expected answers of shape {before.shape}, as before it, found {values.shape}")
        changed = np.exp(values)[rows, labels]
        low, high = difference_interval(changed, plain, groups)
        shift = {"before": plain.mean(), "after": changed.mean(), "shift": (changed - plain).mean()}
        flipped = (values.argmax(axis=1) != before.argmax(axis=1)).mean()
        table[name] = shift | {"low": low, "high": high, "flipped": flipped, "n": len(labels)}
    return pd.DataFrame(table).T.astype({"n": int})


def _chosen(batch: torch.Tensor, classes: Sequence[int]) -> torch.Tensor:
    """Return the classes as a column, shape (batch, 1)."""
    chosen = torch.as_tensor(np.asarray(classes), dtype=torch.int64, device=batch.device)
    if chosen.shape != batch.shape[:1]:
        raise RunError(f"expected a class for each of {len(batch)} examples, found shape {tuple(chosen.shape)}")
    return chosen[:, None]


def _starts(length: int, size: int, step: int) -> list[int]:
    if not (0 < size <= length and 0 < step <= size):
        raise RunError(f"expected a patch of 1 to {length} and a step of 1 to its size, found {size} and {step}")
    last = length - size
    return [*range(0, last, step), last]
