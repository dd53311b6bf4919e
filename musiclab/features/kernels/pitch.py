"""Kernels for chroma and tuning."""

from dataclasses import replace

import numpy as np
import torch

from musiclab.features.banks import A4, chroma_bank
from musiclab.features.kernels.batch import TINY, ClipBatch, map_blocks
from musiclab.features.settings import ChromaConfig

_LOWEST, _HIGHEST = 150.0, 4000.0  # Hz: peaks in this range are pitches
_MIN_PEAK = 0.1  # lowest peak, as a share of the frame's highest power
_STEPS = 100  # resolution of the tuning: hundredths of a bin


def chroma(batch: ClipBatch, config: ChromaConfig) -> torch.Tensor:
    tunings = batch.compute(_tunings, config) if config.tuning is None else [config.tuning] * len(batch.waveform)
    banks = np.stack([chroma_bank(replace(config, tuning=float(tuning))) for tuning in tunings])
    banks = np.pad(banks, ((0, 0), (0, -config.n_chroma % 16), (0, 0)))  # a CPU is faster with 16 columns than 12
    banks = torch.from_numpy(banks).to(batch.waveform.device).transpose(1, 2)  # (clips, bins, columns)
    raw = map_blocks(lambda block: block @ banks, batch.power(config))[..., : config.n_chroma]
    strongest = raw.amax(dim=-1, keepdim=True)
    return torch.where(strongest < TINY, raw, raw / strongest.clamp_min(TINY)).transpose(1, 2)


def tuning(batch: ClipBatch, config: ChromaConfig) -> torch.Tensor:
    return torch.from_numpy(np.float32(batch.compute(_tunings, config))).to(batch.waveform.device)


def _tunings(batch: ClipBatch, config: ChromaConfig) -> np.ndarray:
    """Estimate the tunings, shape (clips,), in float64, because in float32 rounding can change the result."""
    peaks = [_find_peaks(block.detach(), config) for block in batch.power(config)]
    clips, frequencies, powers = (np.concatenate(arrays) for arrays in zip(*peaks, strict=True))
    masks = [clips == clip for clip in range(len(batch.waveform))]
    return np.array([_most_frequent_deviation(frequencies[mask], powers[mask], config) for mask in masks])


def _find_peaks(power: torch.Tensor, config: ChromaConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the spectral peaks in a block of frames, and return their clip indices, frequencies in Hz and powers."""
    frequencies = np.fft.rfftfreq(config.n_fft, 1 / config.sample_rate)
    highest = min(_HIGHEST, config.sample_rate / 2)
    low, high = (max(1, int(np.searchsorted(frequencies, edge, side="left"))) for edge in (_LOWEST, highest))
    frames = power.shape[1]
    threshold = (_MIN_PEAK * power.amax(dim=-1, keepdim=True)).cpu().numpy()
    power = power[..., low - 1 : high + 1].contiguous().cpu().numpy()  # numpy finds the peaks three times as fast
    middle = power[..., 1:-1]
    is_peak = (middle > threshold) & (middle > power[..., :-2]) & (middle >= power[..., 2:])
    row, offset = np.divmod(np.flatnonzero(is_peak), high - low)
    index = row * (high - low + 2) + offset
    below, middle, above = (power.ravel()[index + step].astype(np.float64) for step in range(3))
    curvature = above + below - 2 * middle
    slope = (above - below) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(np.abs(slope) >= np.abs(curvature), 0, -slope / curvature)  # to the vertex, in bins
    return row // frames, (low + offset + shift) * config.sample_rate / config.n_fft, middle + slope * shift / 2


def _most_frequent_deviation(frequency: np.ndarray, power: np.ndarray, config: ChromaConfig) -> float:
    if len(frequency) == 0:
        return 0.0
    frequency = frequency[power >= np.median(power)].astype(np.float32)  # as in librosa, for the same counts
    bins = config.n_chroma * np.log2(frequency / (A4 / 16))
    deviation = bins - np.floor(bins)
    deviation[deviation >= 0.5] -= 1.0
    counts, edges = np.histogram(deviation, np.linspace(-0.5, 0.5, _STEPS + 1))
    return float(edges[counts.argmax()])
