"""Chroma and tuning."""

from dataclasses import replace

import numpy as np
import torch

from musiclab.features.banks import A4, chroma_bank
from musiclab.features.kernels.sound import TINY, Sound, over
from musiclab.features.settings import ChromaConfig

_LOWEST, _HIGHEST = 150.0, 4000.0  # Hz: peaks in this range are pitches
_LEAST = 0.1  # of a frame's highest power: nothing lower is a peak
_STEPS = 100  # tunings that are told apart: hundredths of a bin


def chroma(sound: Sound, config: ChromaConfig) -> torch.Tensor:
    tunings = sound.of(_tunings, config) if config.tuning is None else [config.tuning] * len(sound.waveform)
    banks = np.stack([chroma_bank(replace(config, tuning=float(tuning))) for tuning in tunings])
    banks = np.pad(banks, ((0, 0), (0, -config.n_chroma % 16), (0, 0)))  # a CPU multiplies by 16 columns sooner than 12
    banks = torch.from_numpy(banks).to(sound.waveform.device).transpose(1, 2)  # (clips, bins, columns)
    raw = over(sound.power(config), lambda block: block @ banks)[..., : config.n_chroma]
    strongest = raw.amax(dim=-1, keepdim=True)
    return torch.where(strongest < TINY, raw, raw / strongest.clamp_min(TINY)).transpose(1, 2)


def tuning(sound: Sound, config: ChromaConfig) -> torch.Tensor:
    return torch.from_numpy(np.float32(sound.of(_tunings, config))).to(sound.waveform.device)


def _tunings(sound: Sound, config: ChromaConfig) -> np.ndarray:
    """Estimate the tunings, shape (clips,), in float64: float32 could round to a step that librosa does not choose."""
    peaks = [_peaks(block.detach(), config) for block in sound.power(config)]
    clip, frequency, power = (np.concatenate(part) for part in zip(*peaks, strict=True))
    return np.array(
        [_commonest(frequency[clip == each], power[clip == each], config) for each in range(len(sound.waveform))]
    )


def _peaks(power: torch.Tensor, config: ChromaConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the peaks of a block: the clip index, the frequency in Hz and the power of each."""
    frequencies = np.fft.rfftfreq(config.n_fft, 1 / config.sample_rate)
    highest = min(_HIGHEST, config.sample_rate / 2)
    low, high = (max(1, int(np.searchsorted(frequencies, edge, side="left"))) for edge in (_LOWEST, highest))
    frames = power.shape[1]
    least = (_LEAST * power.amax(dim=-1, keepdim=True)).cpu().numpy()
    power = power[..., low - 1 : high + 1].contiguous().cpu().numpy()  # numpy finds the peaks three times as fast
    middle = power[..., 1:-1]
    is_peak = (middle > least) & (middle > power[..., :-2]) & (middle >= power[..., 2:])
    row, offset = np.divmod(np.flatnonzero(is_peak), high - low)
    place = row * (high - low + 2) + offset
    below, middle, above = (power.ravel()[place + step].astype(np.float64) for step in range(3))
    curvature = above + below - 2 * middle
    slope = (above - below) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(np.abs(slope) >= np.abs(curvature), 0, -slope / curvature)  # of the parabola's top, in bins
    return row // frames, (low + offset + shift) * config.sample_rate / config.n_fft, middle + slope * shift / 2


def _commonest(frequency: np.ndarray, power: np.ndarray, config: ChromaConfig) -> float:
    if len(frequency) == 0:
        return 0.0
    frequency = frequency[power >= np.median(power)].astype(np.float32)  # as librosa: so that counts are the same
    bins = config.n_chroma * np.log2(frequency / (A4 / 16))
    deviation = bins - np.floor(bins)
    deviation[deviation >= 0.5] -= 1.0
    counts, edges = np.histogram(deviation, np.linspace(-0.5, 0.5, _STEPS + 1))
    return float(edges[counts.argmax()])
