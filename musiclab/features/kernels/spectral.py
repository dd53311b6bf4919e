"""Kernels for the shape of the spectrum: contrast, centroid, bandwidth, rolloff, RMS and zero-crossing rate."""

import numpy as np
import torch

from musiclab.features.kernels.sound import TINY, Sound, over, root, within_range
from musiclab.features.settings import FLOOR, ContrastConfig, FrameConfig

_QUIET = 1e-10  # a smaller sample has no sign
_ROLL_PERCENT = 0.85  # share of the magnitudes under the rolloff frequency


def contrast(sound: Sound, config: ContrastConfig) -> torch.Tensor:
    def extremes(block):
        pairs = [_lowest_and_highest(block[..., start:stop], count) for start, stop, count in config.bands]
        return torch.stack([part for pair in zip(*pairs, strict=True) for part in pair], dim=-1)

    levels = 10 * over(sound.magnitude(config), extremes).clamp_min(FLOOR).log10()
    valleys, peaks = (within_range(part) for part in levels.transpose(1, 2).split(config.n_bands + 1, dim=1))
    return peaks - valleys


def _lowest_and_highest(band: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Average the ``count`` lowest and highest values of the last axis."""
    if band.device.type == "cpu" and not band.requires_grad:  # numpy's vectorised sort is ten times as fast as topk
        ordered = torch.from_numpy(np.sort(band.numpy(), axis=-1))
        return ordered[..., :count].mean(-1), ordered[..., -count:].mean(-1)
    return tuple(band.topk(count, dim=-1, largest=largest, sorted=False).values.mean(-1) for largest in (False, True))


def centroid(sound: Sound, config: FrameConfig) -> torch.Tensor:
    frequencies = _frequencies(config, sound)
    return over(sound.magnitude(config), lambda block: _mean(block @ frequencies, block)).unsqueeze(1)


def bandwidth(sound: Sound, config: FrameConfig) -> torch.Tensor:
    frequencies = _frequencies(config, sound)

    def deviation(block):
        centre = _mean(block @ frequencies, block)
        squares = (frequencies - centre.unsqueeze(-1)).square()  # not <f^2> - <f>^2: a tone would lose its digits
        return root(_mean((squares * block).sum(-1), block))

    return over(sound.magnitude(config), deviation).unsqueeze(1)


def rolloff(sound: Sound, config: FrameConfig) -> torch.Tensor:
    def bins(block):
        below = block.detach().cumsum(-1)
        return torch.searchsorted(below, _ROLL_PERCENT * below[..., -1:]).squeeze(-1)

    return (over(sound.magnitude(config), bins) * (config.sample_rate / config.n_fft)).float().unsqueeze(1)


def rms(sound: Sound, config: FrameConfig) -> torch.Tensor:
    return torch.linalg.vector_norm(sound.frames(config), dim=-1).unsqueeze(1) / config.n_fft**0.5


def zero_crossing_rate(sound: Sound, config: FrameConfig) -> torch.Tensor:
    samples = sound.waveform.shape[-1]
    negative = sound.waveform < -_QUIET
    so_far = (negative[:, 1:] != negative[:, :-1]).cumsum(-1, dtype=torch.int32)  # up to the sample after each
    first = torch.arange(config.frames(samples), device=negative.device) * config.hop_length - config.n_fft // 2

    def until(sample):  # beyond the ends there are no more
        return so_far[:, (sample - 1).clamp(0, samples - 2)] * (sample > 0)

    return ((until(first + config.n_fft - 1) - until(first)) / config.n_fft).unsqueeze(1)


def _frequencies(config: FrameConfig, sound: Sound) -> torch.Tensor:
    steps = torch.arange(config.n_fft // 2 + 1, device=sound.waveform.device, dtype=torch.float32)
    return steps * (config.sample_rate / config.n_fft)


def _mean(weighted: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Divide a weighted sum by the sum of the weights, or return 0 where that is 0."""
    return weighted / weights.sum(-1).clamp_min(TINY)
