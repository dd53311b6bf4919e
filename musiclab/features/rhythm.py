"""Rhythm: the tempo of a clip."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from musiclab.features.mel import log_mel_kernel
from musiclab.features.settings import FrameConfig, MelConfig, check_positive
from musiclab.features.sound import TINY, Sound, evaluate

_RANGE = 80  # dB under a clip's peak: what lies lower starts no note
_ROWS = 256  # windows of the autocorrelation at a time, that stay in a CPU's cache
_CONTRAST = 1e6  # how much the autocorrelation counts against the prior


@dataclass(frozen=True)
class TempoConfig(FrameConfig):
    """Settings of the tempo; librosa's defaults.

    Attributes
    ----------
    sample_rate, n_fft, hop_length : int
        As in :class:`FrameConfig`.
    start_bpm : float
        The likeliest tempo, in beats a minute.
    std_bpm : float
        How unlikely others are: the standard deviation, in octaves.
    ac_size : float
        Length of the autocorrelation's window, in seconds.
    max_tempo : float
        Beats a minute.
    """

    start_bpm: float = 120.0
    std_bpm: float = 1.0
    ac_size: float = 8.0
    max_tempo: float = 320.0
    exact: ClassVar[bool] = False

    def __post_init__(self):
        super().__post_init__()
        check_positive(self, "start_bpm", "std_bpm", "ac_size", "max_tempo")


def tempo(waveform, config: TempoConfig = TempoConfig(), engine: Literal["torch", "librosa"] = "torch"):
    """The tempo of a clip, in beats a minute (librosa's ``feature.tempo``).

    The rise of the mel bands from frame to frame, in dB, gives the strength of onsets; its autocorrelation in
    windows of 8 s, each divided by its maximum, is averaged over the clip, and the lag that is strongest where tempi
    near 120 are likeliest is the beat. A lag is a whole number of frames: around 120 the steps are 5 beats a minute.

    Parameters
    ----------
    waveform : array or tensor, shape (..., samples)
        At ``config.sample_rate``; at least ``config.n_fft`` samples.
    config
        The settings.
    engine
        ``"torch"`` or ``"librosa"``: the same number, unless two lags are equally strong to the fifth digit.

    Returns
    -------
    array or tensor (whichever was given), float32, shape (...,)
        In silence, or where nothing repeats, the likeliest one: 117.5 of those that there are near 120. No gradient.

    Raises
    ------
    ValueError
        The waveform is shorter than one frame, or holds values that are not finite.
    """
    return evaluate(waveform, config, engine, tempo_kernel, _tempo_reference)


def tempo_kernel(sound: Sound, config: TempoConfig):
    """Tensor, shape (clips,)."""
    import torch

    correlation = _mean_tempogram(_onset_strength(sound, config), config)
    lags = np.arange(1, correlation.shape[-1])  # a lag of 0 is no beat
    bpm = 60 * config.sample_rate / (config.hop_length * lags)
    prior = np.where(bpm < config.max_tempo, -0.5 * (np.log2(bpm / config.start_bpm) / config.std_bpm) ** 2, -np.inf)
    score = torch.log1p(_CONTRAST * correlation[:, 1:]) + torch.as_tensor(prior).to(correlation)
    return torch.as_tensor(bpm, dtype=torch.float32).to(score.device)[score.argmax(dim=-1)]


def _onset_strength(sound: Sound, config: TempoConfig):
    """Mean rise of the mel bands since the frame before, in dB: shape (clips, frames)."""
    import torch

    decibels = sound.of(log_mel_kernel, MelConfig(**config.framing, power=2, scaling="decibel")).detach()
    decibels = decibels.maximum(decibels.amax(dim=(-2, -1), keepdim=True) - _RANGE)
    rise = decibels.diff(dim=-1).clamp_min(0).mean(dim=1)
    frames = decibels.shape[-1]
    late = 1 + config.n_fft // (2 * config.hop_length)  # a frame sees an onset half a window before its middle
    return torch.nn.functional.pad(rise, (late, 0))[:, :frames]


def _mean_tempogram(onsets, config: TempoConfig):
    """Autocorrelation of windows around all frames, each divided by its maximum, averaged: shape (clips, lags)."""
    import torch

    frames = onsets.shape[-1]
    window = int(config.ac_size * config.sample_rate // config.hop_length)  # frames
    half = window // 2
    ramp = torch.arange(half, device=onsets.device, dtype=onsets.dtype) / max(half, 1)  # 0 at the far end
    padded = torch.cat([onsets[:, :1] * ramp, onsets, onsets[:, -1:] * ramp.flip(0)], dim=-1)
    windows = padded.unfold(-1, window, 1)[:, :frames]
    hann = torch.hann_window(window, device=onsets.device)
    length = 1 << (2 * window - 1).bit_length()
    total = 0
    for block in windows.split(_ROWS, dim=1):
        spectrum = torch.fft.rfft(block * hann, n=length)
        correlation = torch.fft.irfft(spectrum.real.square() + spectrum.imag.square(), n=length)[..., :window]
        highest = correlation.abs().amax(dim=-1, keepdim=True)
        total = total + (correlation / highest.clamp_min(TINY)).sum(dim=1)
    return (total / frames).clamp_min(0)  # rounding can leave it just under 0


def _tempo_reference(clip: np.ndarray, config: TempoConfig) -> np.ndarray:
    import librosa

    onsets = librosa.onset.onset_strength(
        y=clip, sr=config.sample_rate, n_fft=config.n_fft, hop_length=config.hop_length
    )
    return librosa.feature.tempo(
        onset_envelope=onsets,
        sr=config.sample_rate,
        hop_length=config.hop_length,
        start_bpm=config.start_bpm,
        std_bpm=config.std_bpm,
        ac_size=config.ac_size,
        max_tempo=config.max_tempo,
    )[0]
