"""Chroma: how much of each pitch class there is, and how far the music is out of tune."""

from functools import lru_cache
from typing import Literal

import numpy as np

from musiclab.features.settings import ChromaConfig
from musiclab.features.sound import TINY, Sound, evaluate, over
from musiclab.features.spectral import framing

_LOWEST, _HIGHEST = 150.0, 4000.0  # Hz: where peaks are pitches
_LEAST = 0.1  # of a frame's highest power: what is lower is no peak
_STEPS = 100  # tunings that are told apart: hundredths of a bin
_A4 = 440.0  # Hz
_CENTRE, _WIDTH = 5.0, 2.0  # octaves: the Gaussian that lets the middle of the piano count most


def chroma(waveform, config: ChromaConfig = ChromaConfig(), engine: Literal["torch", "librosa"] = "torch"):
    """The power of each pitch class, as a share of the strongest one of its frame (``chroma_stft`` of librosa).

    Parameters
    ----------
    waveform : array or tensor, shape (..., samples)
        At ``config.sample_rate``; at least ``config.n_fft`` samples.
    config
        The settings; with ``tuning=None`` the tuning is estimated from each clip, see :func:`tuning`.
    engine
        ``"torch"`` or ``"librosa"``: they agree within 1e-4 where they find the same tuning.

    Returns
    -------
    array or tensor (whichever was given), float32, shape (..., n_chroma, frames)
        In [0, 1]; the first of twelve is C. 0 in silence.

    Raises
    ------
    ValueError
        The waveform is shorter than one frame, or holds values that are not finite.

    Examples
    --------
    >>> a4 = np.sin(2 * np.pi * 440 * np.arange(22050) / 22050)
    >>> ChromaConfig().names[chroma(a4)[:, 20].argmax()]
    'chroma_A'
    """
    return evaluate(waveform, config, engine, chroma_kernel, chroma_reference)


def tuning(waveform, config: ChromaConfig = ChromaConfig(), engine: Literal["torch", "librosa"] = "torch"):
    """How far the music is from A = 440 Hz: the commonest deviation of the spectrum's peaks from the nearest note.

    Peaks lie between 150 Hz and 4 kHz, have at least a tenth of the highest power of their frame and at least the
    median power of all peaks; their frequency is that of the parabola through the three bins (librosa's
    ``estimate_tuning``, on the power spectrum as ``chroma_stft`` calls it).

    Returns
    -------
    array or tensor (whichever was given), float32, shape (...,)
        In [-0.5, 0.5), in bins (semitones where there are twelve), in steps of 0.01; 0 where there is no peak.
        The engines give the same number, unless two steps are equally common but for the last digit of one peak.
    """
    return evaluate(waveform, config, engine, tuning_kernel, _tuning_reference)


def chroma_kernel(sound: Sound, config: ChromaConfig):
    """Tensor, shape (clips, n_chroma, frames)."""
    import torch

    if config.tuning is None:
        tunings = [
            float(number) for number in sound.of(_tunings, ChromaConfig(**config.framing, n_chroma=config.n_chroma))
        ]
    else:
        tunings = [float(config.tuning)] * len(sound.waveform)
    banks = np.stack([chroma_bank(ChromaConfig(**config.framing, n_chroma=config.n_chroma, tuning=t)) for t in tunings])
    banks = torch.from_numpy(banks).to(sound.waveform.device).transpose(1, 2)  # (clips, bins, n_chroma)
    raw = over(sound.power(config), lambda block: block @ banks)
    strongest = raw.amax(dim=-1, keepdim=True)
    return torch.where(strongest < TINY, raw, raw / strongest.clamp_min(TINY)).transpose(1, 2)


def tuning_kernel(sound: Sound, config: ChromaConfig):
    """Tensor, shape (clips,)."""
    import torch

    return torch.from_numpy(np.float32(sound.of(_tunings, config))).to(sound.waveform.device)


def _tunings(sound: Sound, config: ChromaConfig) -> np.ndarray:
    """float64 array, shape (clips,): hundredths, of which a float32 would not be the ones that librosa gives."""
    found = [_peaks(block.detach(), config) for block in sound.power(config)]
    clip, frequency, power = (np.concatenate(part) for part in zip(*found, strict=True))
    return np.array(
        [_commonest(frequency[clip == each], power[clip == each], config) for each in range(len(sound.waveform))]
    )


def _peaks(power, config: ChromaConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each peak of a block the clip's number, the frequency in Hz and the power."""
    frequencies = np.fft.rfftfreq(config.n_fft, 1 / config.sample_rate)
    highest = min(_HIGHEST, config.sample_rate / 2)
    low, high = (max(1, int(np.searchsorted(frequencies, edge, side="left"))) for edge in (_LOWEST, highest))
    middle, below, above = power[..., low:high], power[..., low - 1 : high - 1], power[..., low + 1 : high + 1]
    is_peak = (middle > _LEAST * power.amax(dim=-1, keepdim=True)) & (middle > below) & (middle >= above)
    found = is_peak.nonzero(as_tuple=True)
    middle, below, above = (part[found].double().cpu().numpy() for part in (middle, below, above))
    clip, _, offset = (index.cpu().numpy() for index in found)
    curvature = above + below - 2 * middle
    slope = (above - below) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(np.abs(slope) >= np.abs(curvature), 0, -slope / curvature)  # of the parabola's top, in bins
    return clip, (low + offset + shift) * config.sample_rate / config.n_fft, middle + slope * shift / 2


def _commonest(frequency: np.ndarray, power: np.ndarray, config: ChromaConfig) -> float:
    if len(frequency) == 0:
        return 0.0
    frequency = frequency[power >= np.median(power)].astype(np.float32)  # as librosa: so that counts are the same
    octaves = np.log2(frequency / (_A4 / 16))
    deviation = np.mod(config.n_chroma * octaves, 1.0)
    deviation[deviation >= 0.5] -= 1.0
    counts, edges = np.histogram(deviation, np.linspace(-0.5, 0.5, _STEPS + 1))
    return float(edges[counts.argmax()])


@lru_cache(maxsize=2 * _STEPS)
def chroma_bank(config: ChromaConfig) -> np.ndarray:
    """Weights of the pitch classes: a Gaussian bump for each bin, in the octave that it falls in (Ellis 2007).

    ``config.tuning`` must be a number. Bins are as wide as they are (but at least one pitch class), each bin's weights
    have a sum of squares of 1, and count most five octaves over 27.5 Hz.

    Returns
    -------
    float32 array, shape (n_chroma, n_fft // 2 + 1)
    """
    n_chroma = config.n_chroma
    a4 = _A4 * 2 ** (config.tuning / n_chroma)
    bins = config.n_fft // 2 + 1
    place = n_chroma * np.log2(np.arange(1, bins + 1) * (config.sample_rate / config.n_fft) / (a4 / 16))
    place = np.concatenate([[place[0] - 1.5 * n_chroma], place])  # 0 Hz: an octave and a half under the first bin
    width = np.maximum(np.diff(place), 1.0)  # pitch classes a bin
    place = place[:-1]
    half = np.round(n_chroma / 2)
    distance = np.mod(place - np.arange(n_chroma)[:, None] + half, n_chroma) - half  # to the nearest of that class
    bumps = np.exp(-0.5 * (2 * distance / width) ** 2)
    bumps /= np.sqrt((bumps**2).sum(axis=0))
    bumps *= np.exp(-0.5 * ((place / n_chroma - _CENTRE) / _WIDTH) ** 2)
    return np.roll(bumps, -3 * (n_chroma // 12), axis=0).astype(np.float32)  # from A to C


def chroma_reference(clip: np.ndarray, config: ChromaConfig) -> np.ndarray:
    """By librosa, for one clip."""
    import librosa

    return librosa.feature.chroma_stft(y=clip, **framing(config), n_chroma=config.n_chroma, tuning=config.tuning)


def _tuning_reference(clip: np.ndarray, config: ChromaConfig) -> np.ndarray:
    import librosa

    power = np.abs(librosa.stft(clip, n_fft=config.n_fft, hop_length=config.hop_length)) ** 2
    return np.array(librosa.estimate_tuning(S=power, sr=config.sample_rate, bins_per_octave=config.n_chroma))
