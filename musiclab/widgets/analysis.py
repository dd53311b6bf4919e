"""Write the code that computes a mel spectrogram and MFCC step by step, and run it."""

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

# Pieces of the code. The browser puts them together in the same way (see plots/browser/explorer_parts.js).
CODE = {
    "steps": f"""\
{{imports}}import numpy as np
from scipy.fft import dct, rfft
from scipy.signal import get_window

from musiclab import features

config = features.MelConfig(
    sample_rate={{sample_rate}}, n_fft={{n_fft}},
    hop_length={{hop_length}}, n_mels={{n_mels}},
    fmin={{fmin}}, fmax={{fmax}},
    scaling="{{scaling}}",
)
padded = np.pad(waveform, {{n_fft}} // 2)
starts = np.arange(0, len(waveform) + 1, {{hop_length}})
frames = padded[starts[:, None] + np.arange({{n_fft}})]
window = get_window("{{window}}", {{n_fft}})
window = np.float32(window)
spectrogram = np.abs(rfft(frames * window)).T
bank = np.float32(features.mel_bank(config))
{{mel}}
picture = {{picture}}
power = np.maximum(
    power, power.max() - {MFCC_RANGE}
)
mfcc = dct(power, axis=0, norm="ortho")
mfcc = mfcc[:{N_MFCC}]
""",
    "imports": "from dataclasses import replace\n\n",
    "library": """\
mel = features.log_mel(waveform, config)
in_power = replace(
    config, power=2.0, scaling="decibel"
)
power = features.log_mel(waveform, in_power)""",
    "mel": f"""\
mel = bank @ spectrogram
mel = {{formula}}
power = bank @ spectrogram**2
power = 10 * np.log10(np.maximum(power, {FLOOR**2:g}))""",
    "formulas": {
        "decibel": f"20 * np.log10(np.maximum(mel, {FLOOR:g}))",
        "ln": f"np.log(np.maximum(mel, {FLOOR:g}))",
        "log10(1+10x)": "np.log10(1 + 10 * mel)",
        "log10(1+10000x)": "np.log10(1 + 10_000 * mel)",
    },
    "clipped": "np.maximum(\n    mel, mel.max() - {lowest}\n)",
    "positive": "mel  # the logarithm of 1 + x is never below 0",
}


@dataclass(frozen=True)
class Steps:
    """Intermediate results between a waveform and its MFCC."""

    spectrogram: np.ndarray  # shape (n_fft // 2 + 1, frames): magnitudes of the Fourier transform of each frame
    bank: np.ndarray  # shape (n_mels, n_fft // 2 + 1): weights of the mel bands
    mel: np.ndarray  # shape (n_mels, frames), in the unit of config.scaling
    picture: np.ndarray  # mel, clipped at the lowest level that is drawn
    mfcc: np.ndarray  # shape (at most 20, frames), in dB


def code(config: MelConfig, window: str = "hann", decibels: float = 80.0) -> str:
    """Write Python code that computes the arrays of :class:`Steps` from ``waveform``.

    With the window "hann", ``mel`` is computed by :func:`musiclab.features.log_mel`. ``picture`` is clipped at
    ``decibels`` below its peak. Raises ValueError if the window is unknown or ``decibels`` is not positive.

    Examples
    --------
    >>> print(code(MelConfig(n_mels=64)).splitlines()[-6])
    picture = mel  # the logarithm of 1 + x is never below 0
    """
    check_known(window, WINDOWS, "a window", ValueError)
    check_positive({"decibels": decibels}, "decibels", error=ValueError)
    is_hann, is_positive = window == "hann", config.scaling.startswith("log10")
    lowest = decibels * (1.0 if config.scaling == "decibel" else np.log(10) / 20)  # dB in the unit of the mel values
    return CODE["steps"].format(
        **config.to_dict() | {"fmin": f"{config.fmin:.10g}", "fmax": f"{config.highest:.10g}"},
        imports=CODE["imports"] if is_hann else "",
        window=window,
        mel=CODE["library"] if is_hann else CODE["mel"].format(formula=CODE["formulas"][config.scaling]),
        picture=CODE["positive"] if is_positive else CODE["clipped"].format(lowest=f"{lowest:.7g}"),
    )


def analyse(waveform: np.ndarray, config: MelConfig, window: str = "hann", decibels: float = 80.0) -> Steps:
    """Run the code from :func:`code` on a waveform, shape (samples,), of at least one frame."""
    variables = {"waveform": waveform}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the explorer shows which bands are empty
        exec(code(config, window, decibels), variables)
    return Steps(**{name: variables[name] for name in Steps.__annotations__})
