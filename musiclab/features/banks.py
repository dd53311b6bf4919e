"""Filter banks: the weight of each frequency in a mel band or a pitch class."""

import warnings
from functools import lru_cache

import numpy as np

from musiclab.features.settings import ChromaConfig, MelConfig

A4 = 440.0  # Hz
_CENTRE, _WIDTH = 5.0, 2.0  # octaves over 27.5 Hz: a Gaussian in which the middle of the piano counts most


def mel_bank(config: MelConfig) -> np.ndarray:
    """Compute the weights of the mel bands, float64, shape (n_mels, n_fft // 2 + 1).

    The bands are triangles of equal area on Slaney's mel scale (Auditory Toolbox, 1998), which has equal steps of 66.7
    Hz up to 1 kHz and 27 equal steps for each factor of 6.4 above.
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


@lru_cache(maxsize=200)
def chroma_bank(config: ChromaConfig) -> np.ndarray:
    """Compute the weights of the pitch classes, float32, shape (n_chroma, n_fft // 2 + 1), after Ellis (2007).

    Each bin spreads over the pitch classes as a Gaussian, as wide as the bin but at least one class, with a sum of
    squares of 1. Bins five octaves above 27.5 Hz count most. ``config.tuning`` must be a number.
    """
    n_chroma = config.n_chroma
    a4 = A4 * 2 ** (config.tuning / n_chroma)
    bins = config.n_fft // 2 + 1
    pitch = n_chroma * np.log2(np.arange(1, bins + 1) * (config.sample_rate / config.n_fft) / (a4 / 16))
    pitch = np.concatenate([[pitch[0] - 1.5 * n_chroma], pitch])  # 0 Hz: an octave and a half under the first bin
    width = np.maximum(np.diff(pitch), 1.0)  # pitch classes per bin
    pitch = pitch[:-1]
    half = np.round(n_chroma / 2)
    distance = np.mod(pitch - np.arange(n_chroma)[:, None] + half, n_chroma) - half  # to the nearest of that class
    bumps = np.exp(-0.5 * (2 * distance / width) ** 2)
    bumps /= np.sqrt((bumps**2).sum(axis=0))
    bumps *= np.exp(-0.5 * ((pitch / n_chroma - _CENTRE) / _WIDTH) ** 2)
    return np.roll(bumps, -3 * (n_chroma // 12), axis=0).astype(np.float32)  # from A to C
