"""Random changes of a training batch, on the device it is on.

A batch is a float tensor, shape (batch, samples) for audio, otherwise (batch, dimensions, frames). Each example draws
its own change from the numpy generator ``rng``, because torch's generators draw other numbers on each device.
"""

import numpy as np
import torch

_FRACTION_BITS = 20  # positions between frames are counted in 2^-20 of a frame: integers are alike on every device


def time_mask(batch: torch.Tensor, longest: float, fill, rng: np.random.Generator) -> torch.Tensor:
    """Overwrite a random stretch of each example, along the last axis (SpecAugment, Park et al. 2019).

    Parameters
    ----------
    batch : tensor, shape (batch, samples) or (batch, dimensions, frames)
    longest
        Longest stretch, as a share of the axis, in [0, 1]; the length is drawn uniformly from 0 to it.
    fill : float, or array of shape (dimensions,)
        Value to write: the feature's silence.
    """
    hidden = _hidden(batch, longest, rng, axis=-1)
    return _fill(batch, hidden if batch.ndim == 2 else hidden[:, None], fill)


def frequency_mask(batch: torch.Tensor, longest: float, fill, rng: np.random.Generator) -> torch.Tensor:
    """Overwrite a random range of bands, at most a share of ``longest``; otherwise as :func:`time_mask`."""
    return _fill(batch, _hidden(batch, longest, rng, axis=1)[:, :, None], fill)


def frequency_shift(batch: torch.Tensor, bands: int, rng: np.random.Generator) -> torch.Tensor:
    """Move each example, shape (batch, n_mels, frames), up or down by up to ``bands`` bands, as another pitch would.

    The band at the edge fills the bands that become free.
    """
    shifts = rng.integers(-bands, bands + 1, len(batch))
    sources = np.clip(np.arange(batch.shape[1]) - shifts[:, None], 0, batch.shape[1] - 1)  # (batch, n_mels)
    sources = torch.from_numpy(sources).to(batch.device, non_blocking=True)
    return batch.gather(1, sources[:, :, None].expand(batch.shape))


def circular_shift(batch: torch.Tensor, longest: float, rng: np.random.Generator) -> torch.Tensor:
    """Rotate each example along the last axis, either way.

    ``longest`` is the largest move as a share of the axis, in [0, 1]; 0.5 reaches every position.
    """
    size = batch.shape[-1]
    most = int(longest * size)
    moves = torch.from_numpy(rng.integers(-most, most + 1, len(batch))).to(batch.device, non_blocking=True)
    return _take(batch, (torch.arange(size, device=batch.device) - moves[:, None]) % size)


def random_stretch(batch: torch.Tensor, most: float, fill, rng: np.random.Generator) -> torch.Tensor:
    """Play each example faster or slower, by a factor between 1 / (1 + most) and 1 + most, with linear interpolation.

    A spectrogram changes its tempo and keeps its pitch. A waveform changes both, as a tape does, and loses some treble;
    :func:`musiclab.training.augment.tracks.pitch_and_speed` resamples properly. The shape stays: a slower example shows
    a random part of itself, a faster one is padded with ``fill`` before and after. Factors are uniform on a logarithmic
    scale.
    """
    last = batch.shape[-1] - 1
    if last == 0:
        return batch  # one frame has no tempo
    factors = (1 + most) ** rng.uniform(-1, 1, len(batch))
    starts = rng.uniform(0, 1, len(batch)) * last * (1 - factors)  # under 0 for a faster one
    counted = np.round(np.stack([starts, factors]) * 2**_FRACTION_BITS).astype(np.int64)
    starts, factors = torch.from_numpy(counted).to(batch.device, non_blocking=True)[:, :, None]
    positions = starts + factors * torch.arange(last + 1, device=batch.device)  # (batch, frames)
    left = (positions >> _FRACTION_BITS).clip(0, last - 1)
    share = (positions - (left << _FRACTION_BITS)).to(batch) / 2**_FRACTION_BITS  # of the right neighbour
    free = (share < 0) | (share > 1)  # before the first frame, after the last one
    if batch.ndim > 2:
        share, free = share[:, None], free[:, None]
    stretched = _take(batch[..., :-1], left).lerp_(_take(batch[..., 1:], left), share)
    return _fill(stretched, free, fill)


def gain(batch: torch.Tensor, decibels: float, rng: np.random.Generator) -> torch.Tensor:
    """Make each waveform louder or softer by up to ``decibels`` dB, drawn uniformly.

    Nothing is clipped: a loud example may leave [-1, 1], which a model does not mind.
    """
    factors = 10 ** (rng.uniform(-decibels, decibels, len(batch)) / 20)
    return batch * torch.from_numpy(factors).to(batch, non_blocking=True)[:, None]


def mixup(
    batch: torch.Tensor, targets: torch.Tensor, alpha: float, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Blend each example, and its target, with another one of the batch (Zhang et al. 2018).

    Parameters
    ----------
    batch, targets : tensor, shape (batch, ...) and float tensor, shape (batch, classes)
        Examples and their probabilities.
    alpha
        The share of the other example is drawn from Beta(alpha, alpha), and mirrored if it is over a half, so that the
        example itself stays the louder one.
    """
    partner = torch.from_numpy(rng.permutation(len(batch))).to(batch.device, non_blocking=True)
    share = rng.beta(alpha, alpha, len(batch))
    share = torch.from_numpy(np.minimum(share, 1 - share)).to(batch, non_blocking=True)
    mixed = torch.lerp(batch, batch[partner], share.reshape(-1, *[1] * (batch.ndim - 1)))
    return mixed, torch.lerp(targets, targets[partner], share[:, None].to(targets))


def _hidden(batch: torch.Tensor, longest: float, rng: np.random.Generator, axis: int) -> torch.Tensor:
    """Draw which positions of an axis a mask hides: bool, shape (batch, size)."""
    size = batch.shape[axis]
    lengths = rng.uniform(0, longest * size, len(batch))
    starts = rng.uniform(0, size - lengths)
    edges = np.ceil(np.stack([starts, starts + lengths]) - 0.5).astype(np.int64)  # a frame goes by its middle
    first, end = torch.from_numpy(edges).to(batch.device, non_blocking=True)[:, :, None]
    positions = torch.arange(size, device=batch.device)
    return (positions >= first) & (positions < end)


def _fill(batch: torch.Tensor, hidden: torch.Tensor, fill) -> torch.Tensor:
    if np.ndim(fill) == 0:
        return batch.masked_fill(hidden, float(fill))
    return torch.where(hidden, torch.as_tensor(fill).to(batch)[:, None], batch)


def _take(batch: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Gather ``positions``, shape (batch, length), of the last axis."""
    if batch.ndim > 2:
        positions = positions[:, None].expand(-1, batch.shape[1], -1)
    return batch.gather(-1, positions)
