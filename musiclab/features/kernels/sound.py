"""Input of all kernels: a batch of clips with its frames and its spectrum, each computed once."""

from collections.abc import Callable
from functools import cache

import numpy as np
import torch

from musiclab.features.settings import RANGE, FrameConfig

TINY = float(np.finfo(np.float32).tiny)  # librosa divides by at least this
_ROWS = {"cpu": 256, "cuda": 1 << 16}  # frames at a time: on a CPU their power, 1 MB at n_fft 2048, stays in its cache
_LEAST_ROWS = 16  # of each clip of a large batch
_EXACT_PARTS = 2  # of such a block are transformed one by one in double precision: with phases it is 4 times as large


class Sound:
    """A batch of clips, shape (clips, samples), and all values computed from it so far.

    Spectra come in blocks of frames, shape ``(clips, frames, bins)``. Only the power (and the magnitude, if a feature
    needs it) is kept. Each takes 4 bytes per bin: 106 MB for 10 minutes at 22,050 Hz, n_fft 2048 and hop 512. Frames of
    settings that are ``exact`` are transformed in double precision, as in librosa, because single precision shows its
    rounding 130 dB below the peak, where the valleys of a lossy file and the skirts of a pure tone lie.
    """

    def __init__(self, waveform: torch.Tensor, *configs):
        self.waveform = waveform
        self.exact = {FrameConfig(**config.framing) for config in configs if config.exact}
        self._known: dict = {}

    def of(self, kernel: Callable, config):
        """Return ``kernel(sound, config)``, computed at the first call."""
        if (kernel, config) not in self._known:
            self._known[kernel, config] = kernel(self, config)
        return self._known[kernel, config]

    def frames(self, config: FrameConfig, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Pad the clips with silence and view them as frames, shape (clips, frames, n_fft)."""
        return self.of(_padded, config.n_fft // 2).to(dtype).unfold(-1, config.n_fft, config.hop_length)

    def power(self, config: FrameConfig) -> list[torch.Tensor]:
        """Compute blocks of the power spectrum, each of shape (clips, some frames, n_fft // 2 + 1)."""
        return self.of(_power, FrameConfig(**config.framing))

    def magnitude(self, config: FrameConfig) -> list[torch.Tensor]:
        """Compute blocks of the magnitude spectrum, shaped as those of :meth:`power`."""
        return self.of(_magnitude, FrameConfig(**config.framing))


def audio(sound: Sound, config) -> torch.Tensor:
    return sound.waveform


def over(blocks: list, function: Callable) -> torch.Tensor:
    """Apply a function to blocks of frames and join the results: shape (clips, frames, ...)."""
    values = [function(block) for block in blocks]
    return torch.cat(values, dim=1) if len(values) > 1 else values[0]


def root(values: torch.Tensor) -> torch.Tensor:
    """Take the square root, with gradient 0 (not infinity) at 0, so that silence does not spoil a model's gradients."""
    if not values.requires_grad:
        return values.sqrt()
    return torch.where(values > 0, values.clamp_min(TINY).sqrt(), 0.0)


def within_range(decibels: torch.Tensor) -> torch.Tensor:
    """Raise values more than 80 dB below the peak of their clip to that level."""
    return decibels.maximum(decibels.amax(dim=(-2, -1), keepdim=True) - RANGE)


def _padded(sound: Sound, margin: int):
    return torch.nn.functional.pad(sound.waveform, (margin, margin))


def _power(sound: Sound, config: FrameConfig) -> list:
    device = sound.waveform.device.type
    exact = config in sound.exact and device != "mps"  # which has no double precision
    frames = sound.frames(config, torch.float64 if exact else torch.float32)
    window = torch.hann_window(config.n_fft, device=frames.device, dtype=frames.dtype)

    def power(part):
        squares = torch.view_as_real(torch.fft.rfft(part * window)).float().square()
        return squares[..., 0] + squares[..., 1]  # abs() takes four times as long

    rows = max(_ROWS.get(device, _ROWS["cuda"]) // max(len(frames), 1), _LEAST_ROWS)
    parts = rows // _EXACT_PARTS if exact else rows
    return [over(block.split(parts, dim=1), power) for block in frames.split(rows, dim=1)]


def _magnitude(sound: Sound, config: FrameConfig) -> list:
    return [root(block) for block in sound.power(config)]


def on_tensor(array, function: Callable):
    """Apply a function of a float32 tensor to an array or a tensor; an array gives arrays, also in a dictionary."""
    if isinstance(array, torch.Tensor):
        return function(array.float())
    _keep_freed_memory()
    with torch.inference_mode():
        values = function(torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)))
    return {name: value.numpy() for name, value in values.items()} if isinstance(values, dict) else values.numpy()


@cache
def _keep_freed_memory() -> None:
    """Let a clip's memory serve the next clip, which saves a fifth of the time of a summary.

    glibc keeps as much freed memory as the largest block (up to 32 MiB) that was ever freed, and returns the rest to
    the system. So we free such a block; because it was never touched, it costs nothing.
    """
    torch.empty(31 << 20, dtype=torch.uint8)
