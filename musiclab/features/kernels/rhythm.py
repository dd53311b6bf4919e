"""Kernel for the tempo, the lag at which the onsets of a clip repeat."""

import numpy as np
import torch

from musiclab.features.kernels.batch import TINY, ClipBatch, limit_range
from musiclab.features.kernels.mel import logmel
from musiclab.features.settings import MelConfig, TempoConfig

_ROWS = 256  # autocorrelation windows per block, so that a block stays in a CPU's cache
_CONTRAST = 1e6  # weight of the autocorrelation relative to the prior


def tempo(batch: ClipBatch, config: TempoConfig) -> torch.Tensor:
    correlation = _mean_tempogram(_onset_strength(batch, config), config)
    lags = np.arange(1, correlation.shape[-1])  # without lag 0, which is always the strongest
    bpm = 60 * config.sample_rate / (config.hop_length * lags)
    prior = np.where(bpm < config.max_tempo, -0.5 * (np.log2(bpm / config.start_bpm) / config.std_bpm) ** 2, -np.inf)
    score = torch.log1p(_CONTRAST * correlation[:, 1:]) + torch.as_tensor(prior).to(correlation)
    return torch.as_tensor(bpm, dtype=torch.float32).to(score.device)[score.argmax(dim=-1)]


def _onset_strength(batch: ClipBatch, config: TempoConfig) -> torch.Tensor:
    """Compute the mean rise of the mel bands since the previous frame, in dB, shape (clips, frames)."""
    decibels = limit_range(batch.compute(logmel, MelConfig(**config.framing, power=2, scaling="decibel")).detach())
    rise = decibels.diff(dim=-1).clamp_min(0).mean(dim=1)
    frames = decibels.shape[-1]
    delay = 1 + config.n_fft // (2 * config.hop_length)  # a frame contains onsets up to half a window after its centre
    return torch.nn.functional.pad(rise, (delay, 0))[:, :frames]


def _mean_tempogram(onsets: torch.Tensor, config: TempoConfig) -> torch.Tensor:
    """Average the normalised autocorrelations of windows centred on each frame, shape (clips, lags)."""
    frames = onsets.shape[-1]
    window = int(config.ac_size * config.sample_rate // config.hop_length)  # frames
    half = window // 2
    ramp = torch.arange(half, device=onsets.device, dtype=onsets.dtype) / max(half, 1)  # 0 at the outer end
    padded = torch.cat([onsets[:, :1] * ramp, onsets, onsets[:, -1:] * ramp.flip(0)], dim=-1)
    windows = padded.unfold(-1, window, 1)[:, :frames]
    hann = torch.hann_window(window, device=onsets.device)
    length = 1 << (2 * window - 1).bit_length()
    total = 0
    for block in windows.split(_ROWS, dim=1):
        spectrum = torch.fft.rfft(block * hann, n=length)
        correlation = torch.fft.irfft(spectrum.real.square() + spectrum.imag.square(), n=length)[..., :window]
        highest = correlation.abs().amax(dim=-1, keepdim=True)
        total = total + (correlation / highest.clamp_min(TINY)).sum(dim=1)
    return (total / frames).clamp_min(0)  # rounding errors can be negative
