"""Compute a mel spectrogram and MFCC in steps, with any window, by the very code that the explorer shows."""

import warnings
from dataclasses import dataclass

import numpy as np

from musiclab.core.checks import check_known, check_positive
from musiclab.features import MelConfig

# Shapes that a frame is multiplied by, as scipy calls them; boxcar leaves it as it is.
WINDOWS = ("hann", "hamming", "blackman", "boxcar")
N_MFCC = 20  # number of coefficients, from the 0th (level) upwards; librosa's default
MFCC_RANGE = 80  # dB under a clip's peak: lower levels are raised to there before the cosine transform
FLOOR = 1e-5  # the least magnitude that a logarithm receives: -100 dB

_CODE = """\
{imports}import numpy as np
from scipy.fft import dct, rfft
from scipy.signal import get_window

from musiclab import features

config = features.MelConfig(
    sample_rate={config.sample_rate}, n_fft={config.n_fft}, hop_length={config.hop_length},
    n_mels={config.n_mels}, fmin={config.fmin:.10g}, fmax={config.highest:.10g},
    scaling="{config.scaling}",
)
frames = np.lib.stride_tricks.sliding_window_view(
    np.pad(waveform, {config.n_fft} // 2), {config.n_fft}
)[::{config.hop_length}]
window = np.float32(get_window("{window}", {config.n_fft}))
spectrogram = np.abs(rfft(frames * window)).T
bank = np.float32(features.mel_bank(config))
{mel}
picture = {picture}
power = np.maximum(power, power.max() - {MFCC_RANGE})
mfcc = dct(power, axis=0, norm="ortho")[:{N_MFCC}]
"""

_LIBRARY_MEL = """\
mel = features.log_mel(waveform, config)
in_power = replace(
    config, power=2.0, scaling="decibel"
)
power = features.log_mel(waveform, in_power)"""

_MEL = """\
mel = bank @ spectrogram
mel = {formula}
power = bank @ spectrogram**2
power = 10 * np.log10(np.maximum(power, {power_floor:g}))"""

_FORMULAS = {
    "decibel": f"20 * np.log10(np.maximum(mel, {FLOOR:g}))",
    "ln": f"np.log(np.maximum(mel, {FLOOR:g}))",
    "log10(1+10x)": "np.log10(1 + 10 * mel)",
}


@dataclass(frozen=True)
class Steps:
    """Arrays on the way from a waveform to MFCC."""

    spectrogram: np.ndarray  # shape (n_fft // 2 + 1, frames): magnitudes of the Fourier transform of each frame
    bank: np.ndarray  # shape (n_mels, n_fft // 2 + 1): weights of the mel bands
    mel: np.ndarray  # shape (n_mels, frames), in the unit of config.scaling
    picture: np.ndarray  # the same, raised to the lowest level that is drawn
    mfcc: np.ndarray  # shape (at most 20, frames), in dB

    @property
    def empty(self) -> np.ndarray:
        """Indices of the bands that contain no bin: they are silent whatever sounds."""
        return np.flatnonzero(self.bank.max(axis=1) == 0)


def code(config: MelConfig, window: str = "hann", decibels: float = 80.0) -> str:
    """Write Python that computes the arrays of :class:`Steps` from ``waveform``.

    With the window "hann" mel is :func:`musiclab.features.log_mel` itself. The picture ends ``decibels`` under its
    peak. An unknown window or a number of decibels that is not positive raises ValueError.

    Examples
    --------
    >>> print(code(MelConfig(n_mels=64)).splitlines()[-3])
    picture = mel  # log10(1 + 10 x) ends at 0 by itself
    """
    check_known(window, WINDOWS, "a window", ValueError)
    check_positive({"decibels": decibels}, "decibels", error=ValueError)
    is_hann = window == "hann"
    picture = "mel  # log10(1 + 10 x) ends at 0 by itself"
    if config.scaling != "log10(1+10x)":
        picture = f"np.maximum(mel, mel.max() - {decibels * unit_of_decibel(config):.7g})"
    return _CODE.format(
        imports="from dataclasses import replace\n\n" if is_hann else "",
        config=config,
        window=window,
        mel=_LIBRARY_MEL if is_hann else _MEL.format(formula=_FORMULAS[config.scaling], power_floor=FLOOR**2),
        picture=picture,
        MFCC_RANGE=MFCC_RANGE,
        N_MFCC=N_MFCC,
    )


def analyse(waveform: np.ndarray, config: MelConfig, window: str = "hann", decibels: float = 80.0) -> Steps:
    """Run the code of :func:`code` on a waveform, shape (samples,), of at least one frame."""
    names = {"waveform": waveform}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about empty bands, which remarks() counts
        exec(code(config, window, decibels), names)
    return Steps(**{name: names[name] for name in Steps.__annotations__})


def unit_of_decibel(config: MelConfig) -> float:
    """Return 1 dB in the unit of a mel spectrogram: 1 for "decibel", 0.115 for "ln"."""
    return 1.0 if config.scaling == "decibel" else np.log(10) / 20


def facts(config: MelConfig, samples: int) -> str:
    """Describe the settings in one line: lengths, widths and counts."""
    rate = config.sample_rate
    return (
        f"a frame is {1000 * config.n_fft / rate:.3g} ms, a bin {rate / config.n_fft:.3g} Hz; "
        f"a frame every {1000 * config.hop_length / rate:.3g} ms, {config.frames(samples):,} frames; "
        f"{config.n_mels} x {config.frames(samples):,} numbers"
    )


def remarks(config: MelConfig, steps: Steps) -> list[str]:
    """List warnings about such settings."""
    texts = []
    if count := len(steps.empty):
        texts.append(
            f"{count} of {config.n_mels} mel bands {'is' if count == 1 else 'are'} narrower than a bin, and empty "
            "(red in the filter bank): take fewer bands, or a longer n_fft."
        )
    if config.hop_length > config.n_fft:
        texts.append(
            f"The hop of {config.hop_length} samples is longer than the frame of {config.n_fft}: "
            f"{1 - config.n_fft / config.hop_length:.0%} of the sound is in no frame."
        )
    return texts
