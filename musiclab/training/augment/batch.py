"""Augmentation of a training batch, on the device it is on: never for validation or test.

A batch is a float tensor of shape (batch, samples) for audio, or (batch, dimensions, frames); each example draws its
own change. The masks are torchaudio's in all but the draw: torchaudio draws from the device's own generator, another
one on each device, and a machine that trains from a store needs no torchaudio.
"""

import numpy as np
import torch

_FRACTION_BITS = 20  # places between two frames are counted in 2^-20 of a frame: whole numbers, alike on every device


def time_mask(batch: torch.Tensor, longest: float, fill, rng: np.random.Generator) -> torch.Tensor:
    """Overwrite a random stretch of each example, along the last axis (SpecAugment, Park et al. 2019).

    Parameters
    ----------
    batch : tensor, shape (batch, samples) or (batch, dimensions, frames)
    longest
        Longest stretch, as a share of the axis, in [0, 1]; the length is drawn evenly from 0 to it.
    fill : float, or array of shape (dimensions,)
        What to write: the feature's silence.
    rng
        Decides the stretches.
    """
    hidden = _hidden(batch, longest, rng, axis=-1)
    return _fill(batch, hidden if batch.ndim == 2 else hidden[:, None], fill)


def frequency_mask(batch: torch.Tensor, longest: float, fill, rng: np.random.Generator) -> torch.Tensor:
    """Overwrite a random range of bands of each example, shape (batch, n_mels, frames) (SpecAugment).

    Parameters are those of :func:`time_mask`; ``longest`` is a share of the bands.
    """
    return _fill(batch, _hidden(batch, longest, rng, axis=1)[:, :, None], fill)


def frequency_shift(batch: torch.Tensor, bands: int, rng: np.random.Generator) -> torch.Tensor:
    """Move each example up or down by up to ``bands`` bands, shape (batch, n_mels, frames), as another pitch would.

    The band at the edge is repeated in the place that becomes free.
    """
    shifts = rng.integers(-bands, bands + 1, len(batch))
    places = np.clip(np.arange(batch.shape[1]) - shifts[:, None], 0, batch.shape[1] - 1)  # (batch, n_mels)
    places = torch.from_numpy(places).to(batch.device, non_blocking=True)
    return batch.gather(1, places[:, :, None].expand(batch.shape))


def circular_shift(batch: torch.Tensor, longest: float, rng: np.random.Generator) -> torch.Tensor:
    """Rotate each example along the last axis: what leaves at one end comes back at the other.

    Parameters
    ----------
    batch : tensor, shape (batch, samples) or (batch, dimensions, frames)
    longest
        Largest move, earlier or later, as a share of the axis, in [0, 1]; 0.5 reaches every place.
    rng
        Decides the moves, whole samples or frames.
    """
    size = batch.shape[-1]
    most = int(longest * size)
    moves = torch.from_numpy(rng.integers(-most, most + 1, len(batch))).to(batch.device, non_blocking=True)
    return _take(batch, (torch.arange(size, device=batch.device) - moves[:, None]) % size)


def random_crop(batch: torch.Tensor, length: int, rng: np.random.Generator) -> torch.Tensor:
    """Keep ``length`` neighbouring samples or frames of each example, from a place of its own.

    (A :class:`~musiclab.store.segments.Segments` cuts at random places already: this is for a batch of whole clips.)

    Returns
    -------
    tensor, shape (batch, length) or (batch, dimensions, length)

    Raises
    ------
    ValueError
        The examples are shorter.
    """
    size = batch.shape[-1]
    if not 0 < length <= size:
        raise ValueError(f"expected a length of 1 to {size} (the examples' own), found {length}")
    starts = torch.from_numpy(rng.integers(0, size - length + 1, len(batch))).to(batch.device, non_blocking=True)
    return _take(batch, starts[:, None] + torch.arange(length, device=batch.device))


def random_stretch(batch: torch.Tensor, most: float, fill, rng: np.random.Generator) -> torch.Tensor:
    """Play each example faster or slower, by linear interpolation along the last axis.

    A picture changes its tempo and keeps its pitch; a waveform changes both, as a tape does, and loses some treble:
    the interpolation is no proper resampling (:func:`musiclab.training.augment.tracks.pitch_and_speed` is).

    Parameters
    ----------
    batch : tensor, shape (batch, samples) or (batch, dimensions, frames)
        The shape stays: a slower example shows a part of itself, at a random place; a faster one ends early, and
        what is free before and behind it is filled.
    most
        The factor is drawn from 1 / (1 + most) to 1 + most, evenly on a logarithmic scale; 0.1 is up to 10 %.
    fill : float, or array of shape (dimensions,)
        The feature's silence.
    rng
        Decides factors and places.
    """
    last = batch.shape[-1] - 1
    if last == 0:
        return batch  # one frame has no tempo
    factors = (1 + most) ** rng.uniform(-1, 1, len(batch))
    starts = rng.uniform(0, 1, len(batch)) * last * (1 - factors)  # under 0 for a faster one
    counted = np.round(np.stack([starts, factors]) * 2**_FRACTION_BITS).astype(np.int64)
    starts, factors = torch.from_numpy(counted).to(batch.device, non_blocking=True)[:, :, None]
    places = starts + factors * torch.arange(last + 1, device=batch.device)  # (batch, frames)
    left = (places >> _FRACTION_BITS).clip(0, last - 1)
    share = (places - (left << _FRACTION_BITS)).to(batch) / 2**_FRACTION_BITS  # of the right neighbour
    free = (share < 0) | (share > 1)  # before the first frame, behind the last one
    if batch.ndim > 2:
        share, free = share[:, None], free[:, None]
    stretched = _take(batch[..., :-1], left).lerp_(_take(batch[..., 1:], left), share)
    return _fill(stretched, free, fill)


def gain(batch: torch.Tensor, decibels: float, rng: np.random.Generator) -> torch.Tensor:
    """Make each waveform louder or softer by up to ``decibels`` dB, drawn evenly; shape (batch, samples).

    Nothing is clipped: a loud one may leave [-1, 1], which a model does not mind.
    """
    factors = 10 ** (rng.uniform(-decibels, decibels, len(batch)) / 20)
    return batch * torch.from_numpy(factors).to(batch, non_blocking=True)[:, None]


def noise(batch: torch.Tensor, snr: tuple[float, float], rng: np.random.Generator) -> torch.Tensor:
    """Add white noise to each waveform, shape (batch, samples).

    Parameters
    ----------
    batch : tensor, shape (batch, samples)
    snr
        Lowest and highest signal-to-noise ratio, in dB, drawn evenly: the power of the example over that of the
        noise that it gets. To silence, then, nothing is added. Nothing is clipped.
    rng
        Decides noise and ratios. One stretch of noise is drawn a batch and each example gets it from another
        place: to draw it all in numpy would take longer than a step on a GPU.
    """
    size = batch.shape[-1]
    drawn = rng.standard_normal(2 * size, dtype=np.float32)
    starts = torch.from_numpy(rng.integers(0, size + 1, len(batch))).to(batch.device, non_blocking=True)
    ratios = torch.from_numpy(10 ** (-rng.uniform(*snr, len(batch)) / 20)).to(batch, non_blocking=True)
    added = torch.from_numpy(drawn).to(batch, non_blocking=True).unfold(0, size, 1)[starts]  # (batch, samples)
    level = torch.linalg.vector_norm(batch, dim=1) / torch.linalg.vector_norm(added, dim=1)
    return torch.addcmul(batch, added, (level * ratios)[:, None])


def polarity(batch: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Turn every other waveform, by chance, upside down, shape (batch, samples): nobody hears the difference."""
    signs = 1 - 2 * rng.integers(0, 2, len(batch))
    return batch * torch.from_numpy(signs).to(batch, non_blocking=True)[:, None]


def mixup(
    batch: torch.Tensor, targets: torch.Tensor, alpha: float, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Blend each example, and its target, with another one of the batch (Zhang et al. 2018).

    Parameters
    ----------
    batch : tensor, shape (batch, ...)
    targets : float tensor, shape (batch, classes)
        Probabilities.
    alpha
        The share of the other example is drawn from Beta(alpha, alpha), once an example, and turned round where it
        is over a half: the example itself stays the louder one. Over 0.
    rng
        Decides the partners and the shares.
    """
    partner = torch.from_numpy(rng.permutation(len(batch))).to(batch.device, non_blocking=True)
    share = rng.beta(alpha, alpha, len(batch))
    share = torch.from_numpy(np.minimum(share, 1 - share)).to(batch, non_blocking=True)
    mixed = torch.lerp(batch, batch[partner], share.reshape(-1, *[1] * (batch.ndim - 1)))
    return mixed, torch.lerp(targets, targets[partner], share[:, None].to(targets))


def _hidden(batch: torch.Tensor, longest: float, rng: np.random.Generator, axis: int) -> torch.Tensor:
    """Which places of an axis a mask hides: bool, shape (batch, size)."""
    size = batch.shape[axis]
    lengths = rng.uniform(0, longest * size, len(batch))
    starts = rng.uniform(0, size - lengths)
    edges = np.ceil(np.stack([starts, starts + lengths]) - 0.5).astype(np.int64)  # a frame goes by its middle
    first, end = torch.from_numpy(edges).to(batch.device, non_blocking=True)[:, :, None]
    places = torch.arange(size, device=batch.device)
    return (places >= first) & (places < end)


def _fill(batch: torch.Tensor, hidden: torch.Tensor, fill) -> torch.Tensor:
    if np.ndim(fill) == 0:
        return batch.masked_fill(hidden, float(fill))
    return torch.where(hidden, torch.as_tensor(fill).to(batch)[:, None], batch)


def _take(batch: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """What lies at ``places``, shape (batch, length), of the last axis."""
    if batch.ndim > 2:
        places = places[:, None].expand(-1, batch.shape[1], -1)
    return batch.gather(-1, places)
