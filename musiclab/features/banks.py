"""Compute filter banks, the weights with which frequencies contribute to mel bands and pitch classes."""

import warnings
from functools import lru_cache

import numpy as np

from musiclab.features.settings import ChromaConfig, MelConfig

A4 = 440.0  # Hz
_CENTRE, _WIDTH = 5.0, 2.0  # octaves above 27.5 Hz, of a Gaussian weighting that favours the middle of the piano


def mel_bank(config: MelConfig) -> np.ndarray:
    """Compute the mel filter bank, which tells how much each frequency contributes to each mel band.

    Equal steps on the mel scale sound about equally large. We use Slaney's version (Auditory Toolbox, 1998). It
    is linear up to 1 kHz, with 66.7 Hz per mel, and logarithmic above, where 27 mels multiply the frequency by 6.4. The
    bands are triangles of equal area. A warning is issued if a band is so narrow that it contains no frequency bin.

    Parameters
    ----------
    config : MelConfig
        Sample rate, frame length, and the number and range of the bands.

    Returns
    -------
    float64 array, shape (n_mels, n_fft // 2 + 1)
        Weight of each frequency bin in each band, in 1/Hz.

    Examples
    --------
    >>> mel_bank(MelConfig(n_fft=1024, n_mels=64)).shape
    (64, 513)
    """
    corners = mel_corners(config)
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    frequencies = np.fft.rfftfreq(config.n_fft, 1 / config.sample_rate)
    triangles = np.minimum((frequencies - low) / (middle - low), (high - frequencies) / (high - middle))
    weights = triangles.clip(0) * 2 / (high - low)
    empty = int((weights.max(axis=1) == 0).sum())
    if empty:
        warnings.warn(
            f"{empty} of {config.n_mels} mel bands are narrower than a frequency bin and stay empty. "
            f"Use fewer than {config.n_mels} bands, or an n_fft above {config.n_fft}.",
            stacklevel=2,
        )
    return weights


def mel_corners(config: MelConfig) -> np.ndarray:
    """Compute the corner frequencies of the mel bands in Hz, shape (n_mels + 2,). Band i peaks at corner i + 1.

    Examples
    --------
    >>> mel_corners(MelConfig(n_mels=2, fmax=8000)).round()
    array([   0., 1006., 2836., 8000.])
    """
    step, knee, growth = 200 / 3, 1000.0, np.log(6.4) / 27

    def to_mel(hertz):
        return hertz / step if hertz < knee else knee / step + np.log(hertz / knee) / growth

    mels = np.linspace(to_mel(config.fmin), to_mel(config.highest), config.n_mels + 2)
    return np.where(mels < knee / step, mels * step, knee * np.exp(growth * (mels - knee / step)))


@lru_cache(maxsize=200)
def chroma_bank(config: ChromaConfig) -> np.ndarray:
    """Compute the chroma filter bank, float32, shape (n_chroma, n_fft // 2 + 1), after Ellis (2007).

    Each frequency bin is spread over the pitch classes by a Gaussian that is as wide as the bin, but at least one
    class, with a sum of squares of 1. Bins five octaves above 27.5 Hz have the largest weight. ``config.tuning`` must
    not be None.
    """
    n_chroma = config.n_chroma
    a4 = A4 * 2 ** (config.tuning / n_chroma)
    bins = config.n_fft // 2 + 1
    pitch = n_chroma * np.log2(np.arange(1, bins + 1) * (config.sample_rate / config.n_fft) / (a4 / 16))
    pitch = np.concatenate([[pitch[0] - 1.5 * n_chroma], pitch])  # put 0 Hz 1.5 octaves below the first bin
    width = np.maximum(np.diff(pitch), 1.0)  # pitch classes per bin
    pitch = pitch[:-1]
    half = np.round(n_chroma / 2)
    distance = np.mod(pitch - np.arange(n_chroma)[:, None] + half, n_chroma) - half  # to the nearest note of that class
    weights = np.exp(-0.5 * (2 * distance / width) ** 2)
    weights /= np.sqrt((weights**2).sum(axis=0))
    weights *= np.exp(-0.5 * ((pitch / n_chroma - _CENTRE) / _WIDTH) ** 2)
    return np.roll(weights, -3 * (n_chroma // 12), axis=0).astype(np.float32)  # start at C instead of A
