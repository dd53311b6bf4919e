"""What a model listens to: gradients, covered patches, changed sounds, and the part of a sound that a mask keeps.

None of these says how a model works. :func:`saliency` and :func:`occlusion` say which numbers of one input matter to
one answer, as a picture of the shape of the input; :func:`separate` makes that picture audible; :func:`hear` and
:func:`effects` say what a change of the sound itself does to the answers, over many sounds.
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
    """The gradient of the log-probability of a class by each number of the input (Simonyan et al. 2014).

    Times the difference of the input from another one, such as silence, it says to first order what each number adds
    to the log-probability over there.

    Parameters
    ----------
    model
        It is left in evaluation mode; its parameters get no gradient.
    batch : tensor, shape (batch, dimensions, length) or (batch, samples)
        As the model takes it, where the model is.
    classes : sequence of int, shape (batch,)
        Which class to ask for, of each example.

    Returns
    -------
    tensor of the shape of ``batch``
        In nats a unit of the input.

    Raises
    ------
    RunError
        There is not one class for each example.
    """
    chosen = _chosen(batch, classes)
    inputs = batch.detach().clone().requires_grad_()
    with torch.backends.cudnn.flags(enabled=False):  # whose recurrent layers have no gradient in evaluation mode
        answers = model.eval()(inputs).log_softmax(dim=1)
    # examples do not meet in evaluation mode, so the gradient of the sum holds that of each
    return torch.autograd.grad(answers.gather(1, chosen).sum(), inputs)[0]


@torch.no_grad()
def occlusion(
    model: nn.Module,
    batch: torch.Tensor,
    classes: Sequence[int],
    size: tuple[int, int],
    step: tuple[int, int] | None = None,
    fill: float | np.ndarray = 0.0,
) -> torch.Tensor:
    """How much log-probability a class loses when a patch of the input is covered (Zeiler and Fergus 2014).

    Parameters
    ----------
    model, batch, classes
        As for :func:`saliency`.
    size
        Dimensions and frames that a patch covers; of audio, 1 and samples.
    step
        From one patch to the next; left out, that of their size. The last patch ends at the edge.
    fill : float or array, shape (dimensions,)
        What covers it: the ``silence`` of the feature's settings, or a mean.

    Returns
    -------
    tensor of the shape of ``batch``
        In nats: at each place the mean over the patches that cover it. Positive where the class was supported.

    Raises
    ------
    RunError
        There is not one class for each example, or patches of that size and step would not cover everything.
    """
    chosen = _chosen(batch, classes)
    pictures = batch if batch.ndim == 3 else batch[:, None]  # (batch, dimensions, length)
    cover = torch.as_tensor(fill, dtype=batch.dtype, device=batch.device).reshape(-1, 1).expand(pictures.shape[1:])
    whole = model.eval()(batch).log_softmax(dim=1).gather(1, chosen)  # (batch, 1)
    losses, counts = torch.zeros_like(pictures), torch.zeros_like(pictures)
    for top, left in product(*map(_starts, pictures.shape[1:], size, step or size)):
        rows, columns = slice(top, top + size[0]), slice(left, left + size[1])
        covered = pictures.clone()
        covered[:, rows, columns] = cover[rows, columns]
        left_over = model(covered.view_as(batch)).log_softmax(dim=1).gather(1, chosen)
        losses[:, rows, columns] += (whole - left_over)[:, :, None]
        counts[:, rows, columns] += 1
    return (losses / counts).view_as(batch)


def separate(waveform: np.ndarray, mask: np.ndarray, config) -> tuple[np.ndarray, np.ndarray]:
    """The part of a sound that a mask over its log-mel keeps, and the rest; they add up to the sound.

    A bin of the Fourier transform is kept as far as the mel bands are in which it lies; the phases stay.

    Parameters
    ----------
    waveform : array, shape (samples,)
        At ``config.sample_rate``.
    mask : array, shape (n_mels, frames)
        How much to keep, 0 to 1.
    config : musiclab.features.MelConfig
        Settings of the log-mel that the mask belongs to.

    Returns
    -------
    kept, rest : float32 arrays, shape (samples,)

    Raises
    ------
    RunError
        The mask does not have the shape of the log-mel.
    """
    expected = (config.n_mels, config.frames(len(waveform)))
    if np.shape(mask) != expected:
        raise RunError(f"mask: expected shape {expected}, that of the sound's log-mel, found {np.shape(mask)}")
    bank = features.mel_bank(config)  # (n_mels, bins)
    heard = np.flatnonzero(bank.any(axis=0))
    bins = np.arange(bank.shape[1])
    nearest = heard[np.abs(bins[:, None] - heard).argmin(axis=1)]  # bins in no band, such as 0 Hz, go with their
    weights = bank[:, nearest] / bank[:, nearest].sum(axis=0)  # neighbours: (n_mels, bins)
    keep = torch.from_numpy(weights.T @ np.asarray(mask, dtype=np.float64)).float()  # (bins, frames)
    sound = torch.from_numpy(np.asarray(waveform, dtype=np.float32))
    framing = {"n_fft": config.n_fft, "hop_length": config.hop_length, "window": torch.hann_window(config.n_fft)}
    spectrum = torch.stft(sound, **framing, pad_mode="constant", return_complex=True)
    kept = torch.istft(spectrum * keep, **framing, length=len(sound)).numpy()
    return kept, sound.numpy() - kept


def hear(model: nn.Module, waveforms: Sequence[np.ndarray], sample_rate: int, config=None) -> np.ndarray:
    """What a model says of sounds in memory, as its test would: log-probabilities, shape (sounds, classes).

    Parameters
    ----------
    model
        One of :mod:`musiclab.models`, trained; it stays where it is and is left in evaluation mode.
    waveforms : sequence of float arrays in [-1, 1], shape (samples,)
        Of any lengths.
    sample_rate
        Theirs, in Hz.
    config
        Settings of what the model hears, such as ``card.config``; left out, those it was made for.

    Raises
    ------
    RunError
        There is no sound.
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
    labels = np.zeros(len(clips), dtype=int)  # which nobody asks for
    segments = Segments(np.concatenate(clips), offsets, labels, classes=model.classes, **cut)
    return log_probabilities(model, segments, next(model.parameters()).device.type)[1]


def effects(
    before: np.ndarray, after: Mapping[str, np.ndarray], labels: np.ndarray, groups: np.ndarray
) -> pd.DataFrame:
    """What changes of sounds do to a model's answers: one row a change.

    Parameters
    ----------
    before : array, shape (sounds, classes)
        Log-probabilities of the sounds as they were, from :func:`hear` or a result.
    after
        The same of the changed sounds, in the same order, by the name of the change.
    labels : int array, shape (sounds,)
        The class to ask for, of each sound.
    groups : array, shape (sounds,)
        Artists, say: their sounds are drawn together where chance is judged.

    Returns
    -------
    pandas.DataFrame
        Index: the changes. ``before`` and ``after``: mean probability of the class; ``shift``: the mean difference,
        with its 95 % interval ``low`` to ``high``, by bootstrap over groups; ``flipped``: share of the sounds whose
        most probable class is another one than before; ``n``: sounds.

    Raises
    ------
    RunError
        Answers after a change are of another shape than those before.
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
    """The classes as a column, shape (batch, 1)."""
    chosen = torch.as_tensor(np.asarray(classes), dtype=torch.int64, device=batch.device)
    if chosen.shape != batch.shape[:1]:
        raise RunError(f"expected a class for each of {len(batch)} examples, found shape {tuple(chosen.shape)}")
    return chosen[:, None]


def _starts(length: int, size: int, step: int) -> list[int]:
    """Where patches begin, so that they cover everything."""
    if not (0 < size <= length and 0 < step <= size):
        raise RunError(f"expected a patch of 1 to {length} and a step of 1 to its size, found {size} and {step}")
    last = length - size
    return [*range(0, last, step), last]
