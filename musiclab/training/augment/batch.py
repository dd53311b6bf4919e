"""Random changes to a training batch, computed on its device.

A batch is a float tensor, shape (batch, samples) for audio, otherwise (batch, dimensions, frames). Every example is
changed differently. Random numbers come from numpy, because torch's generators differ between devices.
"""

import numpy as np
import torch

_FRACTION_BITS = 20  # positions are integers in units of 2^-20 frames, which are the same on every device


def time_mask(batch: torch.Tensor, longest: float, fill, rng: np.random.Generator) -> torch.Tensor:
    """Mask a random interval of each example along the last axis (SpecAugment, Park et al. 2019).

    Parameters
    ----------
    batch : tensor, shape (batch, samples) or (batch, dimensions, frames)
    longest
        Longest mask as a share of the axis, in [0, 1]. Lengths are drawn uniformly.
    fill : float, or array of shape (dimensions,)
        Value of masked samples or frames, usually the feature's silence.
    """
    mask = _draw_mask(batch, longest, rng, axis=-1)
    return _fill(batch, mask if batch.ndim == 2 else mask[:, None], fill)


def frequency_mask(batch: torch.Tensor, longest: float, fill, rng: np.random.Generator) -> torch.Tensor:
    """Mask a random range of bands. Parameters are those of :func:`time_mask`."""
    return _fill(batch, _draw_mask(batch, longest, rng, axis=1)[:, :, None], fill)


def frequency_shift(batch: torch.Tensor, bands: int, rng: np.random.Generator) -> torch.Tensor:
    """Shift each example up or down by up to ``bands`` bands, similar to a change of pitch.

    The batch has shape (batch, n_mels, frames). The lowest or highest band is repeated at the edge.
    """
    shifts = rng.integers(-bands, bands + 1, len(batch))
    sources = np.clip(np.arange(batch.shape[1]) - shifts[:, None], 0, batch.shape[1] - 1)  # (batch, n_mels)
    sources = torch.from_numpy(sources).to(batch.device, non_blocking=True)
    return batch.gather(1, sources[:, :, None].expand(batch.shape))


def circular_shift(batch: torch.Tensor, longest: float, rng: np.random.Generator) -> torch.Tensor:
    """Rotate each example along the last axis in a random direction.

    ``longest`` is the largest shift as a share of the axis, in [0, 1]. 0.5 makes every position possible.
    """
    size = batch.shape[-1]
    most = int(longest * size)
    shifts = torch.from_numpy(rng.integers(-most, most + 1, len(batch))).to(batch.device, non_blocking=True)
    return _take(batch, (torch.arange(size, device=batch.device) - shifts[:, None]) % size)


def random_stretch(batch: torch.Tensor, most: float, fill, rng: np.random.Generator) -> torch.Tensor:
    """Play each example faster or slower by a random factor from 1 / (1 + most) to 1 + most.

    Spectrograms change their tempo but not their pitch. Waveforms change both, like a tape, and lose some treble to the
    linear interpolation. :func:`musiclab.training.augment.tracks.pitch_and_speed` resamples them properly. Slower
    examples are cropped at a random position, faster ones padded with ``fill`` on both sides. Factors are distributed
    uniformly on a logarithmic scale.
    """
    last = batch.shape[-1] - 1
    if last == 0:
        return batch  # a single frame has no tempo
    factors = (1 + most) ** rng.uniform(-1, 1, len(batch))
    starts = rng.uniform(0, 1, len(batch)) * last * (1 - factors)  # negative for faster examples
    fixed_point = np.round(np.stack([starts, factors]) * 2**_FRACTION_BITS).astype(np.int64)
    starts, factors = torch.from_numpy(fixed_point).to(batch.device, non_blocking=True)[:, :, None]
    positions = starts + factors * torch.arange(last + 1, device=batch.device)  # (batch, frames)
    left = (positions >> _FRACTION_BITS).clip(0, last - 1)
    right_weight = (positions - (left << _FRACTION_BITS)).to(batch) / 2**_FRACTION_BITS
    is_outside = (right_weight < 0) | (right_weight > 1)
    if batch.ndim > 2:
        right_weight, is_outside = right_weight[:, None], is_outside[:, None]
    stretched = _take(batch[..., :-1], left).lerp_(_take(batch[..., 1:], left), right_weight)
    return _fill(stretched, is_outside, fill)


def gain(batch: torch.Tensor, decibels: float, rng: np.random.Generator) -> torch.Tensor:
    """Change the level of each waveform by a random gain of up to ``decibels`` dB in either direction.

    Waveforms are not clipped, so they may exceed [-1, 1].
    """
    factors = 10 ** (rng.uniform(-decibels, decibels, len(batch)) / 20)
    return batch * torch.from_numpy(factors).to(batch, non_blocking=True)[:, None]


def mixup(
    batch: torch.Tensor, targets: torch.Tensor, alpha: float, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mix each example and its target with another example of the batch (Zhang et al. 2018).

    Parameters
    ----------
    batch : tensor, shape (batch, ...)
        Training examples. They are not modified.
    targets : float tensor, shape (batch, classes)
        Class probabilities of the examples.
    alpha : float
        Strength, greater than 0. The weight of the other example is drawn from the distribution Beta(alpha, alpha). A
        weight w above 0.5 is replaced by 1 - w, so that the example itself dominates.
    rng : numpy.random.Generator
        Random generator.

    Returns
    -------
    mixed : tensor, shape of ``batch``
        Weighted means of two examples.
    mixed_targets : tensor, shape (batch, classes)
        Means of their class probabilities, with the same weights.

    Examples
    --------
    >>> batch, targets = torch.eye(2), torch.eye(2)
    >>> mixed, mixed_targets = mixup(batch, targets, 0.3, np.random.default_rng(2))
    >>> mixed_targets.sum(dim=1), torch.equal(mixed, mixed_targets)
    (tensor([1., 1.]), True)
    """
    partner = torch.from_numpy(rng.permutation(len(batch))).to(batch.device, non_blocking=True)
    weight = rng.beta(alpha, alpha, len(batch))
    weight = torch.from_numpy(np.minimum(weight, 1 - weight)).to(batch, non_blocking=True)
    mixed = torch.lerp(batch, batch[partner], weight.reshape(-1, *[1] * (batch.ndim - 1)))
    return mixed, torch.lerp(targets, targets[partner], weight[:, None].to(targets))


def _draw_mask(batch: torch.Tensor, longest: float, rng: np.random.Generator, axis: int) -> torch.Tensor:
    """Draw a boolean mask for each example along an axis, shape (batch, size)."""
    size = batch.shape[axis]
    lengths = rng.uniform(0, longest * size, len(batch))
    starts = rng.uniform(0, size - lengths)
    edges = np.ceil(np.stack([starts, starts + lengths]) - 0.5).astype(np.int64)  # a frame is masked if its middle is
    first, end = torch.from_numpy(edges).to(batch.device, non_blocking=True)[:, :, None]
    positions = torch.arange(size, device=batch.device)
    return (positions >= first) & (positions < end)


def _fill(batch: torch.Tensor, mask: torch.Tensor, fill) -> torch.Tensor:
    if np.ndim(fill) == 0:
        return batch.masked_fill(mask, float(fill))
    return torch.where(mask, torch.as_tensor(fill).to(batch)[:, None], batch)


def _take(batch: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    if batch.ndim > 2:
        positions = positions[:, None].expand(-1, batch.shape[1], -1)
    return batch.gather(-1, positions)
