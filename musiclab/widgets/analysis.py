"""From a waveform to MFCC in steps, with any window; and the code that takes the same steps."""

import warnings
from dataclasses import dataclass, replace

import numpy as np

from musiclab import features
from musiclab.core.errors import did_you_mean
from musiclab.features import MelConfig

WINDOWS = ("hann", "hamming", "blackman", "boxcar")
"""Shapes that a frame is multiplied by, as scipy calls them; boxcar leaves it as it is."""

N_MFCC = 20
"""Coefficients, from the 0th (level) upwards; librosa's default."""

MFCC_RANGE = 80  # dB under a clip's peak: what lies lower is raised to there before the cosine transform
FLOOR = 1e-5  # the least magnitude that a logarithm sees: -100 dB


@dataclass(frozen=True)
class Steps:
    """What a sound becomes on the way to MFCC.

    Attributes
    ----------
    spectrogram : array, shape (n_fft // 2 + 1, frames)
        Magnitude of the Fourier transform of each frame.
    bank : array, shape (n_mels, n_fft // 2 + 1)
        Weights of the mel bands, from :func:`musiclab.features.mel_bank`.
    mel : array, shape (n_mels, frames)
        In the unit of ``config.scaling``.
    picture : array, shape (n_mels, frames)
        The same, raised to the lowest level that is drawn.
    mfcc : array, shape (at most 20, frames)
        In dB.
    """

    spectrogram: np.ndarray
    bank: np.ndarray
    mel: np.ndarray
    picture: np.ndarray
    mfcc: np.ndarray

    @property
    def empty(self) -> np.ndarray:
        """Numbers of the bands that no bin falls into: they are silent whatever sounds."""
        return np.flatnonzero(self.bank.max(axis=1) == 0)


def analyse(waveform: np.ndarray, config: MelConfig, window: str = "hann", decibels: float = 80.0) -> Steps:
    """Take the steps; :func:`code` says the same in words that can be run.

    Parameters
    ----------
    waveform : float array, shape (samples,)
        In [-1, 1], at ``config.sample_rate``; at least ``config.n_fft`` samples.
    config
        Settings of the mel spectrogram; its ``power`` is 1.
    window
        One of :data:`WINDOWS`. With "hann" mel is :func:`musiclab.features.log_mel` itself.
    decibels
        How far under its peak the picture is drawn.

    Raises
    ------
    ValueError
        The window is not known, or ``decibels`` is not positive.
    """
    from scipy.fft import dct, rfft
    from scipy.signal import get_window

    if window not in WINDOWS:
        raise ValueError(f"window must be one of {', '.join(WINDOWS)}, not {window!r}{did_you_mean(window, WINDOWS)}")
    if not decibels > 0:
        raise ValueError(f"decibels must be positive, not {decibels!r}")
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(waveform, config.n_fft // 2), config.n_fft)
    shape = np.float32(get_window(window, config.n_fft))  # in doubles all of it takes twice as long
    spectrogram = np.abs(rfft(frames[:: config.hop_length] * shape)).T
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of empty bands, which are counted and told
        bank = np.float32(features.mel_bank(config))
        if window == "hann":
            mel = features.log_mel(waveform, config)
            power = features.log_mel(waveform, replace(config, power=2.0, scaling="decibel"))
        else:
            mel = _scaled(bank @ spectrogram, config.scaling)
            power = 10 * np.log10(np.maximum(bank @ spectrogram**2, FLOOR**2))
    mfcc = dct(np.maximum(power, power.max() - MFCC_RANGE), axis=0, norm="ortho")[:N_MFCC]
    down = under_peak(config, decibels)
    picture = mel if down is None else np.maximum(mel, mel.max() - down)
    return Steps(spectrogram, bank, mel, picture, mfcc)


def code(config: MelConfig, window: str = "hann", decibels: float = 80.0) -> str:
    """Python that makes the arrays of :func:`analyse` of ``waveform``: ``spectrogram``, ``mel``, ``picture``, ``mfcc``.

    Examples
    --------
    >>> print(code(MelConfig(n_mels=64)).splitlines()[-3])
    picture = mel  # log10(1 + 10 x) ends at 0 by itself
    """
    hann = window == "hann"
    lines = ["from dataclasses import replace", ""] if hann else []
    lines += [
        "import numpy as np",
        "from scipy.fft import dct, rfft",
        "from scipy.signal import get_window",
        "",
        "from musiclab import features",
        "",
        "config = features.MelConfig(",
        f"    sample_rate={config.sample_rate}, n_fft={config.n_fft}, hop_length={config.hop_length},",
        f"    n_mels={config.n_mels}, fmin={_plain(config.fmin)}, fmax={_plain(config.highest)},",
        f'    scaling="{config.scaling}",',
        ")",
        "frames = np.lib.stride_tricks.sliding_window_view(",
        f"    np.pad(waveform, {config.n_fft // 2}), {config.n_fft}",
        f")[::{config.hop_length}]",
        f'window = np.float32(get_window("{window}", {config.n_fft}))',
        "spectrogram = np.abs(rfft(frames * window)).T",
    ]
    if hann:
        lines += [
            "mel = features.log_mel(waveform, config)",
            "in_power = replace(",
            '    config, power=2.0, scaling="decibel"',
            ")",
            "power = features.log_mel(waveform, in_power)",
        ]
    else:
        formula = {
            "decibel": f"20 * np.log10(np.maximum(mel, {FLOOR:g}))",
            "ln": f"np.log(np.maximum(mel, {FLOOR:g}))",
            "log10(1+10x)": "np.log10(1 + 10 * mel)",
        }[config.scaling]
        lines += [
            "bank = np.float32(features.mel_bank(config))",
            "mel = bank @ spectrogram",
            f"mel = {formula}",
            "power = bank @ spectrogram**2",
            f"power = 10 * np.log10(np.maximum(power, {FLOOR**2:g}))",
        ]
    down = under_peak(config, decibels)
    lines += [
        "picture = mel  # log10(1 + 10 x) ends at 0 by itself"
        if down is None
        else f"picture = np.maximum(mel, mel.max() - {down!r})",
        f"power = np.maximum(power, power.max() - {MFCC_RANGE})",
        f'mfcc = dct(power, axis=0, norm="ortho")[:{N_MFCC}]',
    ]
    return "\n".join(lines)


def under_peak(config: MelConfig, decibels: float) -> float | None:
    """How far under its peak a picture is drawn, in its own unit; ``None`` where it ends at 0 by itself."""
    if config.scaling == "decibel":
        return float(decibels)
    return round(float(decibels * np.log(10) / 20), 6) if config.scaling == "ln" else None


def facts(config: MelConfig, samples: int) -> str:
    """What the settings mean, in one line: how long, how wide, how many."""
    rate = config.sample_rate
    return (
        f"a frame is {1000 * config.n_fft / rate:.3g} ms, a bin {rate / config.n_fft:.3g} Hz; "
        f"a frame every {1000 * config.hop_length / rate:.3g} ms, {config.frames(samples):,} frames; "
        f"{config.n_mels} x {config.frames(samples):,} numbers"
    )


def remarks(config: MelConfig, steps: Steps) -> list[str]:
    """What one would wish to know before using such settings; mostly nothing."""
    found = []
    if len(steps.empty):
        are = "is" if len(steps.empty) == 1 else "are"
        found.append(
            f"{len(steps.empty)} of {config.n_mels} mel bands {are} narrower than a bin, and empty (red in the filter "
            "bank): take fewer bands, or a longer n_fft."
        )
    if config.hop_length > config.n_fft:
        found.append(
            f"The hop of {config.hop_length} samples is longer than the frame of {config.n_fft}: "
            f"{1 - config.n_fft / config.hop_length:.0%} of the sound is in no frame."
        )
    return found


def _plain(number: float) -> str:
    """A number as one would write it: 8000 for 8000.0."""
    return str(int(number)) if float(number).is_integer() else repr(float(number))


def _scaled(mel: np.ndarray, scaling: str) -> np.ndarray:
    if scaling == "log10(1+10x)":
        return np.log10(1 + 10 * mel)
    logarithm = np.log(np.maximum(mel, FLOOR))
    return logarithm if scaling == "ln" else 20 * np.log10(np.maximum(mel, FLOOR))
