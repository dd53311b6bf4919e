"""The shape of the spectrum in numbers: contrast, centroid, bandwidth, rolloff, RMS and zero-crossing rate.

Each gives one row (the contrast: one a band) of a number a frame.
"""

from typing import Literal

import numpy as np

from musiclab.features.settings import FLOOR, ContrastConfig, FrameConfig
from musiclab.features.sound import TINY, Sound, evaluate, over, root

Engine = Literal["torch", "librosa"]
_RANGE = 80  # dB under the highest peak (and the highest valley) of a clip
_QUIET = 1e-10  # a sample as small as that has no sign
ROLL_PERCENT = 0.85  # share of the magnitudes under the rolloff frequency


def spectral_contrast(waveform, config: ContrastConfig = ContrastConfig(), engine: Engine = "torch"):
    """How far the peaks of each octave rise over its valleys, in dB (Jiang et al. 2002; as librosa has it).

    Peak and valley are the means of the highest and the lowest 2 % of a band's magnitudes. Their logarithms are
    those of librosa, ``10 log10`` of a magnitude: double the number for dB of level.

    Parameters
    ----------
    waveform : array or tensor, shape (..., samples)
        At ``config.sample_rate``; at least ``config.n_fft`` samples.
    config
        The settings.
    engine
        ``"torch"`` or ``"librosa"``: they agree within 0.01 dB.

    Returns
    -------
    array or tensor (whichever was given), float32, shape (..., n_bands + 1, frames)
        0 in silence.

    Raises
    ------
    ValueError
        The waveform is shorter than one frame, or holds values that are not finite.
    """
    return evaluate(waveform, config, engine, contrast_kernel, contrast_reference)


def spectral_centroid(waveform, config: FrameConfig = FrameConfig(), engine: Engine = "torch"):
    """The mean frequency of each frame, in Hz, weighted by magnitude: how bright the sound is.

    Parameters and errors are those of :func:`spectral_contrast`; the engines agree within 1e-4 of the value.

    Returns
    -------
    array or tensor (whichever was given), float32, shape (..., 1, frames)
        0 in silence.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(22050) / 22050)
    >>> round(float(spectral_centroid(tone)[0, 20]))
    1000
    """
    return evaluate(waveform, config, engine, centroid_kernel, centroid_reference)


def spectral_bandwidth(waveform, config: FrameConfig = FrameConfig(), engine: Engine = "torch"):
    """The standard deviation of frequency around the centroid, in Hz, weighted by magnitude.

    Parameters and errors are those of :func:`spectral_contrast`; the engines agree within 1e-4 of the value.

    Returns
    -------
    array or tensor (whichever was given), float32, shape (..., 1, frames)
        0 in silence.
    """
    return evaluate(waveform, config, engine, bandwidth_kernel, bandwidth_reference)


def spectral_rolloff(waveform, config: FrameConfig = FrameConfig(), engine: Engine = "torch"):
    """The frequency, in Hz, under which 85 % of the magnitudes of a frame lie.

    Parameters and errors are those of :func:`spectral_contrast`. It is the frequency of a bin: the engines agree but
    for a frame in a thousand, where 85 % fall between two bins to the last digit and they differ by one. It has no
    gradient.

    Returns
    -------
    array or tensor (whichever was given), float32, shape (..., 1, frames)
        0 in silence.
    """
    return evaluate(waveform, config, engine, rolloff_kernel, rolloff_reference)


def rms(waveform, config: FrameConfig = FrameConfig(), engine: Engine = "torch"):
    """The root of the mean square of each frame: its level, 1 for a square wave at full scale.

    Parameters and errors are those of :func:`spectral_contrast`; the engines agree within 1e-6.

    Returns
    -------
    array or tensor (whichever was given), float32, shape (..., 1, frames)
        0 in silence.

    Examples
    --------
    >>> tone = 0.5 * np.sin(2 * np.pi * 441 * np.arange(22050) / 22050)
    >>> round(float(rms(tone)[0, 20]), 2)  # 0.5 / sqrt(2)
    0.35
    """
    return evaluate(waveform, config, engine, rms_kernel, rms_reference)


def zero_crossing_rate(waveform, config: FrameConfig = FrameConfig(), engine: Engine = "torch"):
    """How many of a frame's samples differ in sign from the one before, as a share of them all.

    A tone of f Hz has a rate of ``2 f / sample_rate``. Parameters and errors are those of :func:`spectral_contrast`;
    the engines give the same number. It has no gradient.

    Returns
    -------
    array or tensor (whichever was given), float32, shape (..., 1, frames)
        0 in silence, and in anything that does not change its sign.
    """
    return evaluate(waveform, config, engine, zero_crossing_kernel, zero_crossing_reference)


def contrast_kernel(sound: Sound, config: ContrastConfig):
    """Tensor, shape (clips, n_bands + 1, frames)."""
    import torch

    def extremes(block):
        pairs = [_lowest_and_highest(block[..., start:stop], count) for start, stop, count in config.bands]
        return torch.stack([part for pair in zip(*pairs, strict=True) for part in pair], dim=-1)

    levels = 10 * over(sound.magnitude(config), extremes).clamp_min(FLOOR).log10()
    valleys, peaks = (_within_range(part) for part in levels.transpose(1, 2).split(config.n_bands + 1, dim=1))
    return peaks - valleys


def _lowest_and_highest(band, count: int):
    """Means of the ``count`` lowest and highest values of the last axis."""
    import torch

    if band.device.type == "cpu" and not band.requires_grad:  # numpy's vectorised sort is ten times as fast as topk
        ordered = torch.from_numpy(np.sort(band.numpy(), axis=-1))
        return ordered[..., :count].mean(-1), ordered[..., -count:].mean(-1)
    return tuple(band.topk(count, dim=-1, largest=largest, sorted=False).values.mean(-1) for largest in (False, True))


def _within_range(level):
    return level.maximum(level.amax(dim=(-2, -1), keepdim=True) - _RANGE)


def centroid_kernel(sound: Sound, config: FrameConfig):
    """Tensor, shape (clips, 1, frames)."""
    frequencies = _frequencies(config, sound)
    return over(sound.magnitude(config), lambda block: _mean(block @ frequencies, block)).unsqueeze(1)


def bandwidth_kernel(sound: Sound, config: FrameConfig):
    """Tensor, shape (clips, 1, frames)."""
    frequencies = _frequencies(config, sound)

    def deviation(block):
        centroid = _mean(block @ frequencies, block)
        squares = (frequencies - centroid.unsqueeze(-1)).square()  # not <f^2> - <f>^2: a tone would lose its digits
        return root(_mean((squares * block).sum(-1), block))

    return over(sound.magnitude(config), deviation).unsqueeze(1)


def rolloff_kernel(sound: Sound, config: FrameConfig):
    """Tensor, shape (clips, 1, frames)."""
    import torch

    def bins(block):
        below = block.detach().cumsum(-1)
        return torch.searchsorted(below, ROLL_PERCENT * below[..., -1:]).squeeze(-1)

    return (over(sound.magnitude(config), bins) * (config.sample_rate / config.n_fft)).float().unsqueeze(1)


def rms_kernel(sound: Sound, config: FrameConfig):
    """Tensor, shape (clips, 1, frames)."""
    import torch

    return torch.linalg.vector_norm(sound.frames(config), dim=-1).unsqueeze(1) / config.n_fft**0.5


def zero_crossing_kernel(sound: Sound, config: FrameConfig):
    """Tensor, shape (clips, 1, frames)."""
    import torch

    samples = sound.waveform.shape[-1]
    negative = sound.waveform < -_QUIET
    so_far = (negative[:, 1:] != negative[:, :-1]).cumsum(-1, dtype=torch.int32)  # up to the sample after each
    first = torch.arange(config.frames(samples), device=negative.device) * config.hop_length - config.n_fft // 2

    def until(place):  # beyond the ends there are no more
        return so_far[:, (place - 1).clamp(0, samples - 2)] * (place > 0)

    return ((until(first + config.n_fft - 1) - until(first)) / config.n_fft).unsqueeze(1)


def _frequencies(config: FrameConfig, sound: Sound):
    import torch

    steps = torch.arange(config.n_fft // 2 + 1, device=sound.waveform.device, dtype=torch.float32)
    return steps * (config.sample_rate / config.n_fft)


def _mean(weighted, weights):
    """A weighted sum over the sum of the weights; 0 where these are 0."""
    return weighted / weights.sum(-1).clamp_min(TINY)


def contrast_reference(clip: np.ndarray, config: ContrastConfig) -> np.ndarray:
    """By librosa, for one clip."""
    import librosa

    settings = {"fmin": config.fmin, "n_bands": config.n_bands, "quantile": config.quantile}
    return librosa.feature.spectral_contrast(y=clip, **framing(config), **settings)


def centroid_reference(clip: np.ndarray, config: FrameConfig) -> np.ndarray:
    """By librosa, for one clip."""
    import librosa

    return librosa.feature.spectral_centroid(y=clip, **framing(config))


def bandwidth_reference(clip: np.ndarray, config: FrameConfig) -> np.ndarray:
    """By librosa, for one clip."""
    import librosa

    return librosa.feature.spectral_bandwidth(y=clip, **framing(config))


def rolloff_reference(clip: np.ndarray, config: FrameConfig) -> np.ndarray:
    """By librosa, for one clip."""
    import librosa

    return librosa.feature.spectral_rolloff(y=clip, **framing(config))


def rms_reference(clip: np.ndarray, config: FrameConfig) -> np.ndarray:
    """By librosa, for one clip."""
    import librosa

    return librosa.feature.rms(y=clip, frame_length=config.n_fft, hop_length=config.hop_length)


def zero_crossing_reference(clip: np.ndarray, config: FrameConfig) -> np.ndarray:
    """By librosa, for one clip."""
    import librosa

    return librosa.feature.zero_crossing_rate(clip, frame_length=config.n_fft, hop_length=config.hop_length)


def framing(config: FrameConfig) -> dict:
    """Rate, window and hop by the names that librosa has for them."""
    return {"sr": config.sample_rate, "n_fft": config.n_fft, "hop_length": config.hop_length}
