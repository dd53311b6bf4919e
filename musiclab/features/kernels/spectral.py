"""Kernels for the shape of the spectrum: contrast, centroid, bandwidth, rolloff, RMS and zero-crossing rate."""

import numpy as np
import torch

from musiclab.features.kernels.batch import TINY, ClipBatch, limit_range, map_blocks, safe_sqrt
from musiclab.features.settings import FLOOR, ContrastConfig, FrameConfig

_SIGN_THRESHOLD = 1e-10  # smaller samples count as positive
_ROLL_PERCENT = 0.85  # share of the magnitudes below the rolloff frequency


def contrast(batch: ClipBatch, config: ContrastConfig) -> torch.Tensor:
    def extremes(block):
        pairs = [_mean_extremes(block[..., start:stop], count) for start, stop, count in config.bands]
        return torch.stack([band for bands in zip(*pairs, strict=True) for band in bands], dim=-1)

    levels = 10 * map_blocks(extremes, batch.magnitude(config)).clamp_min(FLOOR).log10()
    valleys, peaks = (limit_range(half) for half in levels.transpose(1, 2).split(config.n_bands + 1, dim=1))
    return peaks - valleys


def _mean_extremes(band: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Average the ``count`` lowest and the ``count`` highest values along the last axis."""
    if band.device.type == "cpu" and not band.requires_grad:  # numpy's vectorised sort is ten times as fast as topk
        ordered = torch.from_numpy(np.sort(band.numpy(), axis=-1))
        return ordered[..., :count].mean(-1), ordered[..., -count:].mean(-1)
    return tuple(band.topk(count, dim=-1, largest=largest, sorted=False).values.mean(-1) for largest in (False, True))


def centroid(batch: ClipBatch, config: FrameConfig) -> torch.Tensor:
    frequencies = _frequencies(config, batch)
    return map_blocks(lambda block: _mean(block @ frequencies, block), batch.magnitude(config)).unsqueeze(1)


def bandwidth(batch: ClipBatch, config: FrameConfig) -> torch.Tensor:
    frequencies = _frequencies(config, batch)

    def deviation(block):
        centre = _mean(block @ frequencies, block)
        squares = (frequencies - centre.unsqueeze(-1)).square()  # <f^2> - <f>^2 would cancel for a pure tone
        return safe_sqrt(_mean((squares * block).sum(-1), block))

    return map_blocks(deviation, batch.magnitude(config)).unsqueeze(1)


def rolloff(batch: ClipBatch, config: FrameConfig) -> torch.Tensor:
    def bins(block):
        cumulative = block.detach().cumsum(-1)
        return torch.searchsorted(cumulative, _ROLL_PERCENT * cumulative[..., -1:]).squeeze(-1)

    return (map_blocks(bins, batch.magnitude(config)) * (config.sample_rate / config.n_fft)).float().unsqueeze(1)


def rms(batch: ClipBatch, config: FrameConfig) -> torch.Tensor:
    return torch.linalg.vector_norm(batch.frames(config), dim=-1).unsqueeze(1) / config.n_fft**0.5


def zero_crossing_rate(batch: ClipBatch, config: FrameConfig) -> torch.Tensor:
    samples = batch.waveform.shape[-1]
    is_negative = batch.waveform < -_SIGN_THRESHOLD
    crossings = (is_negative[:, 1:] != is_negative[:, :-1]).cumsum(-1, dtype=torch.int32)
    starts = torch.arange(config.frames(samples), device=is_negative.device) * config.hop_length - config.n_fft // 2

    def count_until(sample):  # clamped, because there are no crossings beyond the ends
        return crossings[:, (sample - 1).clamp(0, samples - 2)] * (sample > 0)

    return ((count_until(starts + config.n_fft - 1) - count_until(starts)) / config.n_fft).unsqueeze(1)


def _frequencies(config: FrameConfig, batch: ClipBatch) -> torch.Tensor:
    steps = torch.arange(config.n_fft // 2 + 1, device=batch.waveform.device, dtype=torch.float32)
    return steps * (config.sample_rate / config.n_fft)


def _mean(weighted: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Divide a weighted sum by the sum of the weights; the result is 0 where all weights are 0."""
    return weighted / weights.sum(-1).clamp_min(TINY)
