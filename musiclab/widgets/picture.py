"""What a sound looks like, in few bytes: the outline of its waveform, and its log-mel spectrogram in 256 levels."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from musiclab.features import MelConfig, log_mel
from musiclab.widgets.sound import HIGHEST_RATE, at_rate

COLUMNS = 1300
"""Columns of a picture at most: as many as a wide screen has pixels there."""

FLOOR, STEP = -100.0, 0.4
"""Level of the value 0, in dB under a sine of full scale, and dB from one value to the next: 255 is 2 dB."""

QUIETEST, LOUDEST = -95.0, -5.0
"""Levels of the two ends of the colour map, in dB, for every sound: what is quiet looks quiet."""


@dataclass(frozen=True)
class Picture:
    """Levels of mel bands along a sound.

    Attributes
    ----------
    levels : uint8 array, shape (n_mels, columns)
        ``FLOOR + STEP * level`` is dB: 0 dB is a sine of amplitude 1 at the centre of the band.
    edges : float array, shape (n_mels + 2,)
        Hz; band i rises from ``edges[i]`` to its peak at ``edges[i + 1]`` and falls to ``edges[i + 2]``.
    column_seconds : float
        From column to column, in s; the first is centred on time 0.
    """

    levels: np.ndarray
    edges: np.ndarray
    column_seconds: float


def picture(waveform: np.ndarray, sample_rate: int) -> Picture:
    """The log-mel spectrogram of a checked sound, of the mean of its channels.

    Windows are about 46 ms long. Where there are more frames than columns, a column takes each band's highest level of
    its frames, so that no click is lost in a long sound.

    Parameters
    ----------
    waveform : float array, shape (samples,) or (channels, samples)
    sample_rate
        Hz; what is higher than 48,000 is brought down to it.
    """
    mono = waveform if waveform.ndim == 1 else waveform.mean(axis=0)
    rate = min(sample_rate, HIGHEST_RATE)
    mono = at_rate(np.asarray(mono, dtype=np.float32), sample_rate, rate)
    n_fft = max(32, 2 ** round(np.log2(0.046 * rate)))
    hop = n_fft // 2
    while hop > max(1, n_fft // 16) and len(mono) // (hop // 2) < COLUMNS:
        hop //= 2
    bands = min(96, n_fft // 8)  # of more some would lie between two bins and see nothing
    config = MelConfig(rate, n_fft, hop, n_mels=bands, power=2.0, scaling="decibel")
    frames = config.frames(len(mono))
    padded = np.pad(mono, (0, max(0, n_fft - len(mono))))
    levels = log_mel(padded, config)[:, :frames] - _of_full_scale(config)[:, None]
    together = -(-frames // COLUMNS)
    levels = np.maximum.reduceat(levels, np.arange(0, frames, together), axis=1)
    coded = np.clip(np.round((levels - FLOOR) / STEP), 0, 255).astype(np.uint8)
    return Picture(coded, _edges(config), together * hop / rate)


@lru_cache(maxsize=16)
def _of_full_scale(config: MelConfig) -> np.ndarray:
    """What each band shows of a sine of amplitude 1 at its centre, in dB: shape (n_mels,)."""
    time = np.arange(2 * config.n_fft) / config.sample_rate
    sines = np.sin(2 * np.pi * _edges(config)[1:-1, None] * time).astype(np.float32)
    one = replace(config, hop_length=config.n_fft)  # frame 1 is the middle one, and whole
    return np.diagonal(log_mel(sines, one)[..., 1]).copy()


def _edges(config: MelConfig) -> np.ndarray:
    """Slaney's mel scale: linear up to 1 kHz, 27 steps to a factor of 6.4 above."""
    import librosa

    return librosa.mel_frequencies(n_mels=config.n_mels + 2, fmin=config.fmin, fmax=config.highest)


def outline(waveform: np.ndarray, columns: int = COLUMNS) -> tuple[np.ndarray, float]:
    """Lowest and highest amplitude along a sound, of the mean of its channels.

    Returns
    -------
    int8 array, shape (columns, 2)
        127 is ``reach``. A sound of fewer samples than ``columns`` has a column each, lowest and highest alike.
    reach : float
        End of the axis: the next of 1, 0.5, 0.2, 0.1, 0.05, ... above the peak (2, 5, ... where the peak is above 1).
    """
    mono = waveform if waveform.ndim == 1 else waveform.mean(axis=0)
    starts = np.arange(0, len(mono), max(1, -(-len(mono) // columns)))
    both = np.stack([np.minimum.reduceat(mono, starts), np.maximum.reduceat(mono, starts)], axis=-1)
    peak = max(float(np.abs(both).max()), 1e-4)
    power = 10.0 ** np.floor(np.log10(peak))
    reach = next(step * power for step in (1, 2, 5, 10) if step * power >= peak * (1 - 1e-6))
    return np.round(127 * np.clip(both / reach, -1, 1)).astype(np.int8), float(reach)


@lru_cache
def colours(name: str) -> bytes:
    """A colour map of matplotlib's as 256 times red, green, blue: a canvas draws with it what the figures do."""
    from matplotlib import colormaps

    return colormaps[name](np.arange(256), bytes=True)[:, :3].tobytes()
