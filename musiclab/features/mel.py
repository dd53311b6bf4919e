"""Log-mel spectrograms, MFCC and their deltas."""

import warnings
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import numpy as np

from musiclab.features.settings import MelConfig, MfccConfig, scale
from musiclab.features.sound import Sound, by_torch, evaluate, over, root

_GROUP = 32  # bands that are computed together, from the bins that one of them needs: a third of the sums of them all
_RANGE = 80  # dB under a clip's peak: what lies lower is raised to there before the cosine transform


def log_mel(waveform, config: MelConfig = MelConfig(), engine: Literal["torch", "librosa"] = "torch"):
    """Log-mel spectrogram.

    Parameters
    ----------
    waveform : array or tensor, shape (..., samples)
        At ``config.sample_rate``; at least ``config.n_fft`` samples. The librosa engine takes arrays only.
    config
        The settings.
    engine
        ``"torch"`` or ``"librosa"``: the same numbers, within 0.05 dB down to 60 dB under the clip's peak.

    Returns
    -------
    array or tensor (whichever was given), float32, shape (..., n_mels, frames)
        ``frames`` is ``config.frames(samples)``. Silence gives ``config.silence``.

    Raises
    ------
    ValueError
        The waveform is shorter than one frame, or holds values that are not finite.

    Examples
    --------
    >>> log_mel(np.zeros(22050, dtype=np.float32)).shape
    (128, 44)
    """
    return evaluate(waveform, config, engine, log_mel_kernel, log_mel_reference)


def mfcc(waveform, config: MfccConfig = MfccConfig(), engine: Literal["torch", "librosa"] = "torch"):
    """Mel-frequency cepstral coefficients: the orthonormal cosine transform (DCT-II) of the mel power in dB.

    As in librosa: power (not magnitude), decibels, and nothing lower than 80 dB under the clip's peak.

    Parameters
    ----------
    waveform : array or tensor, shape (..., samples)
    config
        The settings; ``n_mfcc`` is one of them.
    engine
        As in :func:`log_mel`; they agree within 0.01.

    Returns
    -------
    array or tensor, float32, shape (..., n_mfcc, frames)

    Raises
    ------
    ValueError
        The waveform is shorter than one frame or not finite.
    """
    return evaluate(waveform, config, engine, mfcc_kernel, mfcc_reference)


def delta(values, width: int = 9, order: int = 1, engine: Literal["torch", "librosa"] = "torch"):
    """How a feature changes: the derivative of the polynomial that fits best around each frame (Savitzky-Golay).

    Parameters
    ----------
    values : array or tensor, shape (..., frames)
        Any feature.
    width
        Number of frames that the polynomial is fitted to, odd, at least 3.
    order
        1 for the slope of a line, in units a frame; 2 for the curvature of a parabola.
    engine
        Both agree within 1e-4 of the largest value.

    Returns
    -------
    array or tensor, float32, of the same shape
        The first and last ``width // 2`` frames repeat their neighbour: the one polynomial that fits the first
        ``width`` frames has the same derivative at all of them.

    Raises
    ------
    ValueError
        There are fewer frames than ``width``, or ``width`` or ``order`` cannot be.
    """
    if width < 3 or width % 2 == 0 or not 1 <= order < width:
        raise ValueError(f"expected an odd width of at least 3 and an order in 1 to width - 1, found {width}, {order}")
    if values.shape[-1] < width:
        raise ValueError(f"delta: expected at least {width} frames, found {values.shape[-1]}; use a longer clip")
    if engine == "librosa":
        import librosa

        return librosa.feature.delta(np.asarray(values), width=width, order=order).astype(np.float32)
    return by_torch(values, engine, lambda tensor: delta_kernel(tensor, width, order))


def log_mel_kernel(sound: Sound, config: MelConfig):
    """Tensor, shape (clips, n_mels, frames)."""
    import torch

    groups = _mel_groups(config, str(sound.waveform.device))

    def bands(block):
        level = root(block) if config.power == 1 else block if config.power == 2 else block ** (config.power / 2)
        mel = torch.cat([level[..., start:stop] @ weights for start, stop, weights in groups], dim=-1)
        return scale(mel, config, torch)

    return over(sound.power(config), bands).transpose(1, 2)


def mfcc_kernel(sound: Sound, config: MfccConfig):
    """Tensor, shape (clips, n_mfcc, frames)."""
    decibels = sound.of(log_mel_kernel, _in_decibels(config))
    decibels = decibels.maximum(decibels.amax(dim=(-2, -1), keepdim=True) - _RANGE)
    return _cosines(config.n_mfcc, config.n_mels, str(decibels.device)) @ decibels


def delta_kernel(values, width: int = 9, order: int = 1):
    """Tensor, shape (..., frames) -> the same."""
    import torch

    half = width // 2
    powers = np.vander(np.arange(-half, half + 1), order + 1, increasing=True)
    weights = float(np.prod(np.arange(1, order + 1))) * np.linalg.pinv(powers)[order]  # the derivative is order! times
    weights = torch.as_tensor(weights, dtype=values.dtype, device=values.device)  # the polynomial's leading number
    inner = (values.unfold(-1, width, 1) * weights).sum(-1)
    first, last = inner[..., :1], inner[..., -1:]
    ends = (*values.shape[:-1], half)
    return torch.cat([first.expand(ends), inner, last.expand(ends)], dim=-1)


def _in_decibels(config: MfccConfig) -> MelConfig:
    """Settings of the log-mel that the coefficients are made of."""
    return MelConfig(**config.framing, n_mels=config.n_mels, power=2.0, scaling="decibel")


def mfcc_reference(clip: np.ndarray, config: MfccConfig) -> np.ndarray:
    """By librosa, for one clip."""
    import librosa

    decibels = log_mel_reference(clip, _in_decibels(config))
    return librosa.feature.mfcc(S=np.maximum(decibels, decibels.max() - _RANGE), n_mfcc=config.n_mfcc)


def log_mel_reference(clip: np.ndarray, config: MelConfig) -> np.ndarray:
    """By librosa, for one clip."""
    import librosa

    mel = librosa.feature.melspectrogram(
        y=clip,
        sr=config.sample_rate,
        n_fft=config.n_fft,
        hop_length=config.hop_length,
        n_mels=config.n_mels,
        fmin=config.fmin,
        fmax=config.highest,
        power=config.power,
    )
    return scale(mel, config, np)


def mel_bank(config: MelConfig) -> np.ndarray:
    """Weights of the mel bands: triangles on Slaney's mel scale, each of the same area.

    Slaney's scale (Auditory Toolbox, 1998) has equal steps of 66.7 Hz up to 1 kHz, and 27 equal steps for each factor
    of 6.4 above.

    Returns
    -------
    float64 array, shape (n_mels, n_fft // 2 + 1)
    """
    step, knee, growth = 200 / 3, 1000.0, np.log(6.4) / 27

    def mels(hertz):
        return hertz / step if hertz < knee else knee / step + np.log(hertz / knee) / growth

    even = np.linspace(mels(config.fmin), mels(config.highest), config.n_mels + 2)
    corners = np.where(even < knee / step, even * step, knee * np.exp(growth * (even - knee / step)))
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    frequencies = np.fft.rfftfreq(config.n_fft, 1 / config.sample_rate)
    triangles = np.minimum((frequencies - low) / (middle - low), (high - frequencies) / (high - middle))
    weights = triangles.clip(0) * 2 / (high - low)
    empty = int((weights.max(axis=1) == 0).sum())
    if empty:
        warnings.warn(
            f"{empty} of {config.n_mels} mel bands are narrower than a bin and stay empty; "
            f"use fewer bands than {config.n_mels} or a longer n_fft than {config.n_fft}",
            stacklevel=2,
        )
    return weights


@lru_cache(maxsize=32)
def _mel_groups(config: MelConfig, device: str) -> list:
    """Some neighbouring bands at a time: first bin, bin after the last, weights of shape (bins, bands)."""
    import torch

    bank = mel_bank(config)
    groups = []
    for first, after in pairwise([*range(0, config.n_mels, _GROUP), config.n_mels]):
        weights = bank[first:after]
        used = np.flatnonzero(weights.any(axis=0))
        start, stop = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 1)
        with torch.inference_mode(False):  # kept for later calls, and gradients may pass those
            groups.append((start, stop, torch.tensor(weights[:, start:stop].T, dtype=torch.float32, device=device)))
    return groups


@lru_cache(maxsize=32)
def _cosines(n_mfcc: int, n_mels: int, device: str):
    """The orthonormal DCT-II, shape (n_mfcc, n_mels)."""
    import torch

    angles = np.pi / n_mels * np.outer(np.arange(n_mfcc), np.arange(n_mels) + 0.5)
    matrix = np.sqrt(2 / n_mels) * np.cos(angles)
    matrix[0] = np.sqrt(1 / n_mels)
    with torch.inference_mode(False):
        return torch.tensor(matrix, dtype=torch.float32, device=device)
