"""Kernels for log-mel spectrograms, MFCC and deltas."""

from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch

from musiclab.features.banks import mel_bank
from musiclab.features.kernels.batch import ClipBatch, apply_to_tensor, limit_range, map_blocks, safe_sqrt
from musiclab.features.settings import MelConfig, MfccConfig, scale

_GROUP = 16  # bands per matrix product, which skips the bins that they don't need: a fifth of all multiply-adds


def logmel(batch: ClipBatch, config: MelConfig) -> torch.Tensor:
    groups = _mel_groups(config, str(batch.waveform.device))

    def bands(block):
        level = safe_sqrt(block) if config.power == 1 else block if config.power == 2 else block ** (config.power / 2)
        mel = torch.cat([level[..., start:stop] @ weights for start, stop, weights in groups], dim=-1)
        return scale(mel, config, torch)

    return map_blocks(bands, batch.power(config)).transpose(1, 2)


def mfcc(batch: ClipBatch, config: MfccConfig) -> torch.Tensor:
    decibels = limit_range(batch.compute(logmel, config.mel))
    return _dct_matrix(config.n_mfcc, config.n_mels, str(decibels.device)) @ decibels


def delta(values, width: int, order: int):
    return apply_to_tensor(lambda tensor: _delta(tensor, width, order), values)


def _delta(values: torch.Tensor, width: int, order: int) -> torch.Tensor:
    half = width // 2
    powers = np.vander(np.arange(-half, half + 1), order + 1, increasing=True)
    # the derivative is order! times the polynomial's leading coefficient
    weights = float(np.prod(np.arange(1, order + 1))) * np.linalg.pinv(powers)[order]
    weights = torch.as_tensor(weights, dtype=values.dtype, device=values.device)
    rows = values.reshape(-1, 1, values.shape[-1])
    inner = torch.nn.functional.conv1d(rows, weights.view(1, 1, -1)).reshape(*values.shape[:-1], -1)
    first, last = inner[..., :1], inner[..., -1:]
    ends = (*values.shape[:-1], half)
    return torch.cat([first.expand(ends), inner, last.expand(ends)], dim=-1)


@lru_cache(maxsize=32)
def _mel_groups(config: MelConfig, device: str) -> list:
    """Split the filter bank into groups of bands: first bin, bin after the last, weights of shape (bins, bands)."""
    bank = mel_bank(config)
    groups = []
    for first_band, stop_band in pairwise([*range(0, config.n_mels, _GROUP), config.n_mels]):
        weights = bank[first_band:stop_band]
        bins = np.flatnonzero(weights.any(axis=0))
        start, stop = (int(bins[0]), int(bins[-1]) + 1) if len(bins) else (0, 1)
        groups.append((start, stop, _to_constant(weights[:, start:stop].T, device)))
    return groups


@lru_cache(maxsize=32)
def _dct_matrix(n_mfcc: int, n_mels: int, device: str) -> torch.Tensor:
    """Compute the matrix of the orthonormal DCT-II, shape (n_mfcc, n_mels)."""
    angles = np.pi / n_mels * np.outer(np.arange(n_mfcc), np.arange(n_mels) + 0.5)
    matrix = np.sqrt(2 / n_mels) * np.cos(angles)
    matrix[0] = np.sqrt(1 / n_mels)
    return _to_constant(matrix, device)


@torch.inference_mode(False)  # because later calls may backpropagate through it
def _to_constant(matrix: np.ndarray, device: str) -> torch.Tensor:
    return torch.tensor(matrix, dtype=torch.float32, device=device)
