"""Log-mel spectrograms, MFCC and their deltas."""

from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch

from musiclab.features.banks import mel_bank
from musiclab.features.kernels.sound import Sound, on_tensor, over, root, within_range
from musiclab.features.settings import MelConfig, MfccConfig, scale

_GROUP = 16  # bands that are computed together, from the bins that one of them needs: a fifth of all multiply-adds


def logmel(sound: Sound, config: MelConfig) -> torch.Tensor:
    groups = _mel_groups(config, str(sound.waveform.device))

    def bands(block):
        level = root(block) if config.power == 1 else block if config.power == 2 else block ** (config.power / 2)
        mel = torch.cat([level[..., start:stop] @ weights for start, stop, weights in groups], dim=-1)
        return scale(mel, config, torch)

    return over(sound.power(config), bands).transpose(1, 2)


def mfcc(sound: Sound, config: MfccConfig) -> torch.Tensor:
    decibels = within_range(sound.of(logmel, config.mel))
    return _cosines(config.n_mfcc, config.n_mels, str(decibels.device)) @ decibels


def delta(values, width: int, order: int):
    return on_tensor(values, lambda tensor: _delta(tensor, width, order))


def _delta(values: torch.Tensor, width: int, order: int) -> torch.Tensor:
    half = width // 2
    powers = np.vander(np.arange(-half, half + 1), order + 1, increasing=True)
    weights = float(np.prod(np.arange(1, order + 1))) * np.linalg.pinv(powers)[order]  # the derivative is order! times
    weights = torch.as_tensor(weights, dtype=values.dtype, device=values.device)  # the polynomial's leading coefficient
    inner = (values.unfold(-1, width, 1) * weights).sum(-1)
    first, last = inner[..., :1], inner[..., -1:]
    ends = (*values.shape[:-1], half)
    return torch.cat([first.expand(ends), inner, last.expand(ends)], dim=-1)


@lru_cache(maxsize=32)
def _mel_groups(config: MelConfig, device: str) -> list:
    """Group neighbouring bands: first bin, bin after the last, weights of shape (bins, bands)."""
    bank = mel_bank(config)
    groups = []
    for first, after in pairwise([*range(0, config.n_mels, _GROUP), config.n_mels]):
        weights = bank[first:after]
        used = np.flatnonzero(weights.any(axis=0))
        start, stop = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 1)
        groups.append((start, stop, _kept(weights[:, start:stop].T, device)))
    return groups


@lru_cache(maxsize=32)
def _cosines(n_mfcc: int, n_mels: int, device: str) -> torch.Tensor:
    """Compute the orthonormal DCT-II, shape (n_mfcc, n_mels)."""
    angles = np.pi / n_mels * np.outer(np.arange(n_mfcc), np.arange(n_mels) + 0.5)
    matrix = np.sqrt(2 / n_mels) * np.cos(angles)
    matrix[0] = np.sqrt(1 / n_mels)
    return _kept(matrix, device)


@torch.inference_mode(False)  # later calls may need gradients through it
def _kept(matrix: np.ndarray, device: str) -> torch.Tensor:
    return torch.tensor(matrix, dtype=torch.float32, device=device)
