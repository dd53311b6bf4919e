"""Compute a mel spectrogram and MFCC step by step, with the code that the explorer shows."""

import warnings
from dataclasses import dataclass

import numpy as np

from musiclab.core.checks import check_known, check_positive
from musiclab.features import MelConfig

# Names of window functions in scipy; boxcar means no window.
WINDOWS = ("hann", "hamming", "blackman", "boxcar")
N_MFCC = 20  # number of coefficients, including the 0th (level); librosa's default
MFCC_RANGE = 80  # dB below the peak of the clip, to which levels are clipped before the cosine transform
FLOOR = 1e-5  # smallest magnitude in a logarithm: -100 dB

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
    "log10(1+10000x)": "np.log10(1 + 10_000 * mel)",
}


@dataclass(frozen=True)
class Steps:
    """Intermediate results between a waveform and its MFCC."""

    spectrogram: np.ndarray  # shape (n_fft // 2 + 1, frames): magnitudes of the Fourier transform of each frame
    bank: np.ndarray  # shape (n_mels, n_fft // 2 + 1): weights of the mel bands
    mel: np.ndarray  # shape (n_mels, frames), in the unit of config.scaling
    picture: np.ndarray  # mel, clipped at the lowest level that is drawn
    mfcc: np.ndarray  # shape (at most 20, frames), in dB

    @property
    def empty(self) -> np.ndarray:
        """Indices of the bands that contain no FFT bin and are therefore always silent."""
        return np.flatnonzero(self.bank.max(axis=1) == 0)


def code(config: MelConfig, window: str = "hann", decibels: float = 80.0) -> str:
    """Write Python code that computes the arrays of :class:`Steps` from ``waveform``.

    With the window "hann", ``mel`` is computed by :func:`musiclab.features.log_mel`. ``picture`` is clipped at
    ``decibels`` below its peak. Raises ValueError if the window is unknown or ``decibels`` is not positive.

    Examples
    --------
    >>> print(code(MelConfig(n_mels=64)).splitlines()[-3])
    picture = mel  # the logarithm of 1 + x is never below 0
    """
    check_known(window, WINDOWS, "a window", ValueError)
    check_positive({"decibels": decibels}, "decibels", error=ValueError)
    is_hann = window == "hann"
    picture = "mel  # the logarithm of 1 + x is never below 0"
    if not config.scaling.startswith("log10"):
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
    """Run the code from :func:`code` on a waveform, shape (samples,), of at least one frame."""
    variables = {"waveform": waveform}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # empty bands are reported by remarks()
        exec(code(config, window, decibels), variables)
    return Steps(**{name: variables[name] for name in Steps.__annotations__})


def unit_of_decibel(config: MelConfig) -> float:
    """Return the size of 1 dB in the unit of a mel spectrogram: 1 for "decibel", 0.115 for "ln"."""
    return 1.0 if config.scaling == "decibel" else np.log(10) / 20


def facts(config: MelConfig, samples: int) -> str:
    """Describe frames, bins and size of the mel spectrogram in one line."""
    rate = config.sample_rate
    return (
        f"Frame: {1000 * config.n_fft / rate:.3g} ms, hop: {1000 * config.hop_length / rate:.3g} ms, "
        f"bin: {rate / config.n_fft:.3g} Hz. "
        f"Mel spectrogram: {config.n_mels} bands x {config.frames(samples):,} frames."
    )


def remarks(config: MelConfig, steps: Steps) -> list[str]:
    """List warnings about settings that leave bands empty or skip samples."""
    texts = []
    if count := len(steps.empty):
        texts.append(
            f"{count} of {config.n_mels} mel bands {'is' if count == 1 else 'are'} empty (red in the filter bank), "
            "because no FFT bin lies inside. Use fewer bands or a larger n_fft."
        )
    if config.hop_length > config.n_fft:
        texts.append(
            f"The hop ({config.hop_length} samples) is longer than the frame ({config.n_fft} samples), so "
            f"{100 - 100 * config.n_fft / config.hop_length:.0f} % of the sound is not in any frame."
        )
    return texts
