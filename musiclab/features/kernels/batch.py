"""The input of all kernels: a batch of clips whose frames, spectra and features are each computed only once."""

from collections.abc import Callable
from functools import cache

import numpy as np
import torch

from musiclab.features.settings import RANGE, FrameConfig

TINY = float(np.finfo(np.float32).tiny)  # librosa divides by at least this
_ROWS = {"cpu": 256, "cuda": 1 << 16}  # frames per block: at n_fft 2048 their power (1 MB) stays in a CPU's cache
_MIN_ROWS = 16  # per clip, in a large batch
_EXACT_PARTS = 2  # per block in double precision, whose complex values take 4 times the space


class ClipBatch:
    """Hold a batch of clips, shape (clips, samples), and cache everything that is computed from it.

    Spectra are lists of blocks of frames, shape ``(clips, frames, bins)``. Only the power is kept, and the magnitude
    if a feature needs it. Each takes 4 bytes per bin: 106 MB for 10 minutes at 22,050 Hz, n_fft 2048 and hop 512.

    Frames of ``exact`` settings are transformed in double precision, as in librosa. Single precision has rounding
    errors 130 dB below the peak, where the valleys of a lossy file and the skirts of a pure tone lie.
    """

    def __init__(self, waveform: torch.Tensor, *configs):
        self.waveform = waveform
        self.exact = {FrameConfig(**config.framing) for config in configs if config.exact}
        self._cache: dict = {}

    def compute(self, kernel: Callable, config):
        """Return ``kernel(batch, config)``, from the cache after the first call."""
        if (kernel, config) not in self._cache:
            self._cache[kernel, config] = kernel(self, config)
        return self._cache[kernel, config]

    def frames(self, config: FrameConfig, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Pad the clips with zeros and view them as frames, shape (clips, frames, n_fft)."""
        return self.compute(_pad, config.n_fft // 2).to(dtype).unfold(-1, config.n_fft, config.hop_length)

    def power(self, config: FrameConfig) -> list[torch.Tensor]:
        """Compute the power spectrum as blocks of frames, each of shape (clips, block frames, n_fft // 2 + 1)."""
        return self.compute(_power, FrameConfig(**config.framing))

    def magnitude(self, config: FrameConfig) -> list[torch.Tensor]:
        """Compute the magnitude spectrum in the same blocks as :meth:`power`."""
        return self.compute(_magnitude, FrameConfig(**config.framing))


def audio(batch: ClipBatch, config) -> torch.Tensor:
    return batch.waveform


def map_blocks(function: Callable, blocks: list) -> torch.Tensor:
    """Apply a function to each block of frames and join the results, shape (clips, frames, ...)."""
    values = [function(block) for block in blocks]
    return torch.cat(values, dim=1) if len(values) > 1 else values[0]


def safe_sqrt(values: torch.Tensor) -> torch.Tensor:
    """Compute the square root with a gradient of 0 instead of infinity at 0, so that silence doesn't give NaN."""
    if not values.requires_grad:
        return values.sqrt()
    return torch.where(values > 0, values.clamp_min(TINY).sqrt(), 0.0)


def limit_range(decibels: torch.Tensor) -> torch.Tensor:
    """Raise values that are more than 80 dB below the peak of their clip to that level."""
    return decibels.maximum(decibels.amax(dim=(-2, -1), keepdim=True) - RANGE)


def _pad(batch: ClipBatch, margin: int):
    return torch.nn.functional.pad(batch.waveform, (margin, margin))


def _power(batch: ClipBatch, config: FrameConfig) -> list:
    device = batch.waveform.device.type
    is_exact = config in batch.exact and device != "mps"  # MPS has no double precision
    frames = batch.frames(config, torch.float64 if is_exact else torch.float32)
    window = torch.hann_window(config.n_fft, device=frames.device, dtype=frames.dtype)

    def power(part):
        squares = torch.view_as_real(torch.fft.rfft(part * window)).float().square()
        return squares[..., 0] + squares[..., 1]  # abs() takes four times as long

    rows = max(_ROWS.get(device, _ROWS["cuda"]) // max(len(frames), 1), _MIN_ROWS)
    part_rows = rows // _EXACT_PARTS if is_exact else rows
    return [map_blocks(power, block.split(part_rows, dim=1)) for block in frames.split(rows, dim=1)]


def _magnitude(batch: ClipBatch, config: FrameConfig) -> list:
    return [safe_sqrt(block) for block in batch.power(config)]


def apply_to_tensor(function: Callable, array):
    """Apply a function of a float32 tensor to an array or a tensor; an array as input gives arrays as output."""
    if isinstance(array, torch.Tensor):
        return function(array.float())
    _keep_freed_memory()
    with torch.inference_mode():
        values = function(torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)))
    return {name: value.numpy() for name, value in values.items()} if isinstance(values, dict) else values.numpy()


@cache
def _keep_freed_memory() -> None:
    """Reuse the memory of one clip for the next, which makes a summary 20 % faster.

    glibc keeps as much freed memory as the largest block (up to 32 MiB) that was ever freed, and returns the rest to
    the system. Freeing a block of that size once costs nothing, because its memory is never touched.
    """
    torch.empty(31 << 20, dtype=torch.uint8)
