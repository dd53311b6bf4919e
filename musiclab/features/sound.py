"""What all features are computed from: a batch of clips, its frames and its spectrum, each computed once.

A feature is a *kernel*, a function of ``(sound, config)`` that gives a tensor of shape (clips, dimensions, frames),
and a *reference*, a function of ``(waveform, config)`` for one clip that calls librosa. :func:`evaluate` runs either.

torch is imported where it is used: :mod:`musiclab.features` costs nothing until a feature is computed.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from musiclab.features.settings import FrameConfig

_ROWS = {"cpu": 256, "cuda": 1 << 16}  # frames at a time: on a CPU their power, 1 MB at n_fft 2048, stays in its cache
_LEAST_ROWS = 16  # of each clip of a large batch
_EXACT_PARTS = 4  # of such a block are transformed one by one in double precision: with phases it is 4 times as large
TINY = float(np.finfo(np.float32).tiny)  # what librosa takes for nothing when it divides


class Sound:
    """A batch of clips, and what is known of it so far.

    Spectra are laid out frame by frame, ``(clips, frames, bins)``, as the Fourier transform gives them, in blocks of
    frames: nothing but the power (and the magnitude, where a feature needs it) outlives its block. That is 4 bytes a
    bin, so a clip of 10 minutes at 22,050 Hz, n_fft 2048 and hop 512 takes 106 MB for each of the two.

    Parameters
    ----------
    waveform : tensor, shape (clips, samples), float32
        Stays as it is.
    configs
        Settings of all that will be asked for. Where one of them is ``exact``, the Fourier transform of its frames
        is computed in double precision, as librosa does: 130 dB under the peak, where the valleys of a lossy file
        and the skirts of a pure tone lie, single precision shows its own rounding.
    """

    def __init__(self, waveform, *configs):
        self.waveform = waveform
        self.exact = {FrameConfig(**config.framing) for config in configs if getattr(config, "exact", False)}
        self._known: dict = {}

    def of(self, kernel: Callable, config):
        """The value of ``kernel(sound, config)``, computed when it is first asked for."""
        if (kernel, config) not in self._known:
            self._known[kernel, config] = kernel(self, config)
        return self._known[kernel, config]

    def frames(self, config: FrameConfig):
        """A view of the clips with silence before and after, shape (clips, frames, n_fft)."""
        return self.of(_padded, config.n_fft // 2).unfold(-1, config.n_fft, config.hop_length)

    def power(self, config: FrameConfig) -> list:
        """Blocks of the power spectrum, each of shape (clips, some frames, n_fft // 2 + 1)."""
        return self.of(_power, FrameConfig(**config.framing))

    def magnitude(self, config: FrameConfig) -> list:
        """Blocks of the magnitude spectrum, each of shape (clips, some frames, n_fft // 2 + 1)."""
        return self.of(_magnitude, FrameConfig(**config.framing))


def over(blocks: list, function: Callable):
    """A function of a block's frames, applied to all blocks: shape (clips, frames, ...)."""
    import torch

    values = [function(block) for block in blocks]
    return torch.cat(values, dim=1) if len(values) > 1 else values[0]


def root(values):
    """Square root whose gradient at 0 is 0, not infinite: silence must not spoil a model's gradients."""
    if not values.requires_grad:
        return values.sqrt()
    import torch

    return torch.where(values > 0, values.clamp_min(TINY).sqrt(), 0.0)


def _padded(sound: Sound, margin: int):
    import torch

    return torch.nn.functional.pad(sound.waveform, (margin, margin))


def _power(sound: Sound, config: FrameConfig) -> list:
    import torch

    frames = sound.frames(config)
    kind = frames.device.type
    exact = config in sound.exact and kind != "mps"  # which has no double precision
    window = torch.hann_window(config.n_fft, device=frames.device, dtype=torch.float64 if exact else torch.float32)

    def power(part):
        spectrum = torch.fft.rfft(part * window)
        return (spectrum.real.square() + spectrum.imag.square()).float()  # abs() takes four times as long

    rows = max(_ROWS.get(kind, _ROWS["cuda"]) // max(len(frames), 1), _LEAST_ROWS)
    parts = rows // _EXACT_PARTS if exact else rows
    return [over(block.split(parts, dim=1), power) for block in frames.split(rows, dim=1)]


def _magnitude(sound: Sound, config: FrameConfig) -> list:
    return [root(block) for block in sound.power(config)]


def evaluate(waveform, config, engine: str, kernel: Callable, reference: Callable):
    """A feature of an array or a tensor by one engine.

    Parameters
    ----------
    waveform : array or tensor, shape (..., samples)
    config
        Settings of the feature.
    engine
        ``"torch"`` or ``"librosa"``.
    kernel
        ``kernel(sound, config)`` -> tensor, shape (clips, ...).
    reference
        ``reference(clip, config)`` -> array, for one clip.

    Returns
    -------
    array or tensor (whichever was given), float32, shape (..., dimensions, frames)
    """
    check(waveform, config)
    *batch, samples = waveform.shape
    if engine == "librosa":
        clips = np.asarray(waveform, dtype=np.float32).reshape(-1, samples)
        values = np.stack([reference(clip, config) for clip in clips]).astype(np.float32)
        return values.reshape((*batch, *values.shape[1:]))

    def apply(tensor):
        values = Sound(tensor.reshape(-1, samples), config).of(kernel, config)
        return values.reshape((*batch, *values.shape[1:])).contiguous()

    return by_torch(waveform, engine, apply)


def by_torch(waveform, engine: str, function: Callable):
    """Apply a function of a float32 tensor to an array or a tensor, and give back what was given.

    ``function`` gives a tensor or a dictionary of tensors.
    """
    if engine != "torch":
        raise ValueError(f'engine must be "torch" or "librosa", not {engine!r}')
    import torch

    if isinstance(waveform, torch.Tensor):
        return function(waveform.float())
    _keep_freed_memory()
    with torch.inference_mode():
        values = function(torch.from_numpy(np.ascontiguousarray(waveform, dtype=np.float32)))
    return {name: value.numpy() for name, value in values.items()} if isinstance(values, dict) else values.numpy()


@cache
def _keep_freed_memory() -> None:
    """Let a clip's memory serve the next clip: a fifth of the time of a summary.

    glibc gives freed memory back to the system, which hands it out again page by page. How much it keeps follows from
    the largest block (up to 32 MiB) that was ever freed: free one that was never touched, and so costs nothing.
    """
    import torch

    torch.empty(31 << 20, dtype=torch.uint8)


def check(waveform, *configs) -> None:
    """Raise ValueError for what is not a waveform of at least one frame: too short, not finite, or not of floats."""
    samples = waveform.shape[-1] if waveform.ndim else 0
    for config in configs:
        needed = getattr(config, "least_samples", getattr(config, "n_fft", 1))
        if samples < needed:
            raise ValueError(
                f"expected at least one frame of {needed} samples "
                f"({1000 * needed / config.sample_rate:.0f} ms at {config.sample_rate} Hz), "
                f"found {samples}; use a longer clip, or pad it with audio.fix_length"
            )
    if "float" not in str(waveform.dtype):
        raise ValueError(
            f"expected a waveform of floats in [-1, 1], found {waveform.dtype}; convert int16 by audio.from_int16"
        )
    mean = waveform.detach().mean() if hasattr(waveform, "detach") else waveform.mean()
    if not np.isfinite(float(mean)):  # one sum shows any of them, faster than looking at each
        raise ValueError("expected finite samples, found NaN or infinite ones in the waveform; export the sound again")
