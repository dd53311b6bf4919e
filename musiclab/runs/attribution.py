"""Explain a model's predictions by its input.

:func:`saliency` and :func:`occlusion` show which values of an input matter for a prediction, and :func:`separate` makes
them audible. :func:`hear` and :func:`effects` measure how changes to many sounds change the predictions.
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
    """Compute how strongly each input value influences the probability of a class (Simonyan et al. 2014).

    The result is the gradient of the class's log-probability with respect to the input. Multiply it by the difference
    between the input and a reference, such as silence. The product estimates how much each value contributes to the
    log-probability.

    Parameters
    ----------
    model : torch.nn.Module
        Network that returns logits (one score per class). It is left in evaluation mode.
    batch : tensor, shape (batch, dimensions, length) or (batch, samples)
        Inputs, on the device of the model.
    classes : sequence of int, shape (batch,)
        Index of the class to explain in each example.

    Returns
    -------
    tensor, shape of ``batch``
        Gradient, in nats (units of the natural logarithm) per unit of the input.

    Raises
    ------
    RunError
        ``classes`` does not have one class per example.

    Examples
    --------
    >>> model = nn.Linear(2, 2)
    >>> model.load_state_dict({"weight": torch.tensor([[1.0, 0.0], [0.0, 0.0]]), "bias": torch.zeros(2)})
    <All keys matched successfully>
    >>> saliency(model, torch.zeros(1, 2), [0])
    tensor([[0.5000, 0.0000]])
    """
    labels = _as_column(batch, classes)
    inputs = batch.detach().clone().requires_grad_()
    with torch.backends.cudnn.flags(enabled=False):  # cuDNN's recurrent layers have no gradient in evaluation mode
        scores = model.eval()(inputs).log_softmax(dim=1)
    # examples are independent in evaluation mode, so the gradient of the sum contains each example's gradient
    return torch.autograd.grad(scores.gather(1, labels).sum(), inputs)[0]


@torch.no_grad()
def occlusion(
    model: nn.Module,
    batch: torch.Tensor,
    classes: Sequence[int],
    size: tuple[int, int],
    step: tuple[int, int] | None = None,
    fill: float | np.ndarray = 0.0,
) -> torch.Tensor:
    """Compute how much a class's log-probability drops when a patch of the input is covered (Zeiler and Fergus 2014).

    Parameters
    ----------
    model : torch.nn.Module
        As in :func:`saliency`.
    batch : tensor, shape (batch, dimensions, length) or (batch, samples)
        As in :func:`saliency`.
    classes : sequence of int, shape (batch,)
        As in :func:`saliency`.
    size : (int, int)
        Height (feature dimensions) and width (frames) of a patch. For audio, 1 and the number of samples.
    step : (int, int), optional
        Distance between patches along both axes, at most ``size``. Default: ``size``. The last patch ends at the edge.
    fill : float or array of shape (dimensions,), default 0.0
        Value that covers a patch, such as the ``silence`` of the feature settings, or a mean.

    Returns
    -------
    tensor, shape of ``batch``
        Drop of the log-probability for each input value, averaged over all patches that cover this value. The unit is
        nats (units of the natural logarithm). Positive values support the class.

    Raises
    ------
    RunError
        ``classes`` does not have one class per example, or the size or step of the patches does not fit the input.

    Examples
    --------
    >>> model = nn.Linear(2, 2)
    >>> model.load_state_dict({"weight": torch.tensor([[1.0, 0.0], [0.0, 0.0]]), "bias": torch.zeros(2)})
    <All keys matched successfully>
    >>> occlusion(model, torch.ones(1, 2), [0], size=(1, 1))
    tensor([[0.3799, 0.0000]])
    """
    labels = _as_column(batch, classes)
    inputs = batch if batch.ndim == 3 else batch[:, None]  # (batch, dimensions, length)
    cover = torch.as_tensor(fill, dtype=batch.dtype, device=batch.device).reshape(-1, 1).expand(inputs.shape[1:])
    uncovered_scores = model.eval()(batch).log_softmax(dim=1).gather(1, labels)  # (batch, 1)
    drops, counts = torch.zeros_like(inputs), torch.zeros_like(inputs)
    for top, left in product(*map(_patch_starts, inputs.shape[1:], size, step or size)):
        rows, columns = slice(top, top + size[0]), slice(left, left + size[1])
        covered = inputs.clone()
        covered[:, rows, columns] = cover[rows, columns]
        covered_scores = model(covered.view_as(batch)).log_softmax(dim=1).gather(1, labels)
        drops[:, rows, columns] += (uncovered_scores - covered_scores)[:, :, None]
        counts[:, rows, columns] += 1
    return (drops / counts).view_as(batch)


def separate(waveform: np.ndarray, mask: np.ndarray, mel: features.MelConfig) -> tuple[np.ndarray, np.ndarray]:
    """Split a sound into the part that a mask on its log-mel spectrogram keeps, and the remainder.

    Each frequency of the sound's Fourier transform is scaled by the mask values of the mel bands that contain it.
    Phases are not changed.

    Parameters
    ----------
    waveform : array, shape (samples,)
        Sound at the sample rate of ``mel``.
    mask : array, shape (n_mels, frames)
        Share of each value to keep, in [0, 1].
    mel : musiclab.features.MelConfig
        Feature settings of the log-mel spectrogram.

    Returns
    -------
    kept : float32 array, shape (samples,)
        Sound of the part that the mask keeps.
    removed : float32 array, shape (samples,)
        Sound of the remainder. ``kept + removed`` is the original sound.

    Raises
    ------
    RunError
        The mask does not have the shape of the sound's log-mel spectrogram.

    Examples
    --------
    >>> mel = features.MelConfig()
    >>> noise = np.random.default_rng(0).normal(size=22050).astype(np.float32)
    >>> mask = np.zeros((mel.n_mels, mel.frames(22050)))
    >>> mask[:64] = 1  # the lower half of the bands
    >>> kept, removed = separate(noise, mask, mel)
    >>> np.allclose(kept + removed, noise, atol=1e-6)
    True
    """
    expected = (mel.n_mels, mel.frames(len(waveform)))
    if np.shape(mask) != expected:
        raise RunError(f"mask: expected the shape of the log-mel spectrogram, {expected}, found {np.shape(mask)}")
    bank = features.mel_bank(mel)  # (n_mels, bins)
    in_bands = np.flatnonzero(bank.any(axis=0))
    bins = np.arange(bank.shape[1])
    nearest = in_bands[np.abs(bins[:, None] - in_bands).argmin(axis=1)]  # bins outside all bands, such as 0 Hz
    weights = bank[:, nearest] / bank[:, nearest].sum(axis=0)  # (n_mels, bins)
    keep = torch.from_numpy(weights.T @ np.asarray(mask, dtype=np.float64)).float()  # (bins, frames)
    sound = torch.from_numpy(np.asarray(waveform, dtype=np.float32))
    framing = {"n_fft": mel.n_fft, "hop_length": mel.hop_length, "window": torch.hann_window(mel.n_fft)}
    spectrum = torch.stft(sound, **framing, pad_mode="constant", return_complex=True)
    kept = torch.istft(spectrum * keep, **framing, length=len(sound)).numpy()
    return kept, sound.numpy() - kept


def hear(model: nn.Module, waveforms: Sequence[np.ndarray], sample_rate: int, feature_settings=None) -> np.ndarray:
    """Classify sounds in memory, in the same way as in a test.

    Long sounds are cut into overlapping segments, and the predictions of these segments are averaged.

    Parameters
    ----------
    model : musiclab.models.Classifier
        Trained network. It is left in evaluation mode.
    waveforms : sequence of float arrays, shape (samples,)
        Sounds of any length, with values in [-1, 1].
    sample_rate : int, Hz
        Sample rate of the sounds.
    feature_settings : feature settings, optional
        Feature settings, such as ``run.settings.feature_settings``. Default: the settings of the model class.

    Returns
    -------
    array, shape (sounds, classes)
        Log-probabilities of the classes.

    Raises
    ------
    RunError
        ``waveforms`` is empty.

    Examples
    --------
    >>> from musiclab.models import create
    >>> hear(create("m3", classes=2, width=4), [np.zeros(8000), np.zeros(16000)], 8000).shape
    (2, 2)
    """
    if not len(waveforms):
        raise RunError("hear: expected at least one sound, found none")
    feature_settings = model.feature_config if feature_settings is None else feature_settings
    clips = []
    for waveform in waveforms:
        sound = resample(np.asarray(waveform, dtype=np.float32), sample_rate, feature_settings.sample_rate)
        values = features.compute(sound, {model.feature: feature_settings})[model.feature]
        clips.append(np.ascontiguousarray(values.T))  # (samples,) or (frames, dimensions)
    offsets = np.cumsum([0, *map(len, clips)])
    options = {"length": model.length, "silence": feature_settings.silence, "places": "covering"}
    labels = np.zeros(len(clips), dtype=int)  # required, but not used
    segments = Segments(np.concatenate(clips), offsets, labels, classes=model.classes, **options)
    return log_probabilities(model, segments, next(model.parameters()).device.type)[1]


def effects(
    before: np.ndarray, after: Mapping[str, np.ndarray], labels: np.ndarray, groups: np.ndarray
) -> pd.DataFrame:
    """Measure how changes to sounds change a model's predictions.

    Parameters
    ----------
    before : array, shape (sounds, classes)
        Log-probabilities of the original sounds, from :func:`hear` or a test result.
    after : dict of str to array, shape (sounds, classes)
        Log-probabilities of the changed sounds, by the name of the change. The sounds are in the same order as in
        ``before``.
    labels : int array, shape (sounds,)
        Index of the class whose probability is measured, for each sound.
    groups : array, shape (sounds,)
        Group of each sound, such as its artist. The confidence interval treats sounds of one group as dependent.

    Returns
    -------
    pandas.DataFrame
        One row per change, with these columns:

        - ``before``, ``after``: mean probability of the class for the original and for the changed sounds.
        - ``shift``: difference ``after - before``.
        - ``low``, ``high``: 95 % interval of ``shift``.
        - ``flipped``: share of sounds whose predicted class changed.
        - ``n``: number of sounds.

    Raises
    ------
    RunError
        An array in ``after`` does not have the shape of ``before``.

    Examples
    --------
    >>> before, after = np.log([[0.9, 0.1], [0.8, 0.2]]), np.log([[0.7, 0.3], [0.2, 0.8]])
    >>> effects(before, {"louder": after}, labels=[0, 0], groups=[0, 1]).round(2)[["before", "after", "shift"]]
            before  after  shift
    louder    0.85   0.45   -0.4
    """
    rows, table = np.arange(len(labels)), {}
    original = np.exp(before)[rows, labels]
    for name, scores in after.items():
        if scores.shape != before.shape:
            raise RunError(f"{name}: expected log-probabilities of shape {before.shape}, found {scores.shape}")
        changed = np.exp(scores)[rows, labels]
        means = {"before": original.mean(), "after": changed.mean(), "shift": (changed - original).mean()}
        low, high = difference_interval(changed, original, groups)
        flipped = (scores.argmax(axis=1) != before.argmax(axis=1)).mean()
        table[name] = means | {"low": low, "high": high, "flipped": flipped, "n": len(labels)}
    return pd.DataFrame(table).T.astype({"n": int})


def _as_column(batch: torch.Tensor, classes: Sequence[int]) -> torch.Tensor:
    labels = torch.as_tensor(np.asarray(classes), dtype=torch.int64, device=batch.device)
    if labels.shape != batch.shape[:1]:
        raise RunError(f"classes: expected one class for each of {len(batch)} examples, found {tuple(labels.shape)}")
    return labels[:, None]


def _patch_starts(length: int, size: int, step: int) -> list[int]:
    if not (0 < size <= length and 0 < step <= size):
        raise RunError(f"expected a patch size from 1 to {length} and a step from 1 to it, found {size} and {step}")
    last = length - size
    return [*range(0, last, step), last]
