"""Settings of the features: frozen, saved as JSON beside whatever was made with them.

Every class has ``sample_rate`` (Hz) and ``frames(samples)``; those that a store can hold also have ``names`` (one a
dimension), ``silence`` (what a clip that is too short is padded with) and ``to_dict()``.
"""

from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from numbers import Real
from typing import ClassVar

import numpy as np

SCALINGS = ("decibel", "ln", "log10(1+10x)")
FLOOR = 1e-10  # the least power that a logarithm sees: -100 dB
PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


@dataclass(frozen=True)
class AudioConfig:
    """Settings of the waveform itself, as a model of raw audio takes it.

    Attributes
    ----------
    sample_rate : int
        Hz.
    """

    sample_rate: int = 22050

    def __post_init__(self):
        check_positive(self, "sample_rate")

    def frames(self, samples: int) -> int:
        """Number of values of a clip of ``samples`` samples: all of them."""
        return samples

    @property
    def names(self) -> tuple[str, ...]:
        """One name: a waveform has one dimension."""
        return ("audio",)

    @property
    def silence(self) -> float:
        """0: what a clip that is too short is padded with."""
        return 0.0

    def to_dict(self) -> dict:
        """The settings as a dictionary that JSON can hold."""
        return asdict(self)


@dataclass(frozen=True)
class FrameConfig:
    """How sound is cut into frames; librosa's defaults.

    Attributes
    ----------
    sample_rate : int
        Hz.
    n_fft : int
        Length of the window and of the Fourier transform, in samples, even; 2048 is 93 ms at 22,050 Hz.
    hop_length : int
        Step from frame to frame, in samples; 512 is 23 ms at 22,050 Hz.
    """

    sample_rate: int = 22050
    n_fft: int = 2048
    hop_length: int = 512
    exact: ClassVar[bool] = True  # the Fourier transform is in double precision

    def __post_init__(self):
        check_positive(self, "sample_rate", "n_fft", "hop_length")
        if self.n_fft % 2:
            raise ValueError(f"n_fft must be even, so that a frame has a middle, not {self.n_fft}")

    def frames(self, samples: int) -> int:
        """Number of frames of a clip of ``samples`` samples: frames are centred, the first one on sample 0."""
        return 1 + samples // self.hop_length

    @property
    def silence(self):
        """The value of every dimension in silence: what a clip that is too short is padded with."""
        return 0.0

    @property
    def framing(self) -> dict:
        """Rate, window and hop, to make other settings of the same frames with."""
        return {field.name: getattr(self, field.name) for field in fields(FrameConfig)}

    def to_dict(self) -> dict:
        """The settings as a dictionary that JSON can hold."""
        return asdict(self)


@dataclass(frozen=True)
class MelConfig(FrameConfig):
    """Settings of a log-mel spectrogram; the defaults are those of the four-layer CNN (Dohppak, GTZAN).

    Attributes
    ----------
    sample_rate : int
        Hz.
    n_fft : int
        Length of the window and of the Fourier transform, in samples, even; 1024 is 46 ms at 22,050 Hz.
    hop_length : int
        Step from frame to frame, in samples; 512 is 23 ms at 22,050 Hz.
    n_mels : int
        Number of mel bands (Slaney's scale, each band of equal area).
    fmin, fmax : float
        Lowest and highest frequency, in Hz; ``fmax=None`` is half the sample rate.
    power : float
        1 for the magnitude of the spectrum, 2 for its power.
    scaling : str
        ``"decibel"`` (dB), ``"ln"`` (natural logarithm) or ``"log10(1+10x)"``.
    """

    n_fft: int = 1024
    n_mels: int = 128
    fmin: float = 0.0
    fmax: float | None = None
    power: float = 1.0
    scaling: str = "log10(1+10x)"
    exact: ClassVar[bool] = False  # single precision is half the work, and right to 0.05 dB 60 dB under the peak

    def __post_init__(self):
        super().__post_init__()
        if self.scaling not in SCALINGS:
            raise ValueError(f"scaling must be one of {SCALINGS}, not {self.scaling!r}")
        check_positive(self, "n_mels", "power")
        if not 0 <= self.fmin < self.highest <= self.sample_rate / 2:
            raise ValueError(
                f"expected 0 <= fmin < fmax <= {self.sample_rate / 2:g} Hz (half the sample rate), "
                f"found fmin={self.fmin:g}, fmax={self.highest:g}"
            )

    @property
    def highest(self) -> float:
        """Upper edge of the highest band, in Hz."""
        return self.sample_rate / 2 if self.fmax is None else self.fmax

    @property
    def names(self) -> tuple[str, ...]:
        """``mel_0`` (the lowest band) and so on."""
        return tuple(f"mel_{band}" for band in range(self.n_mels))

    @property
    def silence(self) -> float:
        """The value of every band in silence: what a clip that is too short is padded with."""
        return float(scale(np.zeros(1), self, np)[0])


def scale(mel, config: MelConfig, backend):
    """The logarithm of ``config.scaling``, by numpy or torch (``backend``)."""
    if config.scaling == "log10(1+10x)":
        return backend.log10(1 + 10 * mel)
    floor = FLOOR if config.power == 2 else FLOOR ** (config.power / 2)
    logarithm = backend.log(mel.clip(floor))
    return logarithm if config.scaling == "ln" else 10 * 2 / config.power / np.log(10) * logarithm


@dataclass(frozen=True)
class MfccConfig(FrameConfig):
    """Settings of mel-frequency cepstral coefficients; librosa's defaults.

    Attributes
    ----------
    sample_rate, n_fft, hop_length : int
        As in :class:`FrameConfig`.
    n_mels : int
        Number of mel bands.
    n_mfcc : int
        Number of coefficients, from the 0th (level) upwards.
    """

    n_mels: int = 128
    n_mfcc: int = 20
    exact: ClassVar[bool] = False

    def __post_init__(self):
        super().__post_init__()
        if not 1 <= self.n_mfcc <= self.n_mels:
            raise ValueError(f"n_mfcc must lie in 1 to n_mels = {self.n_mels}, not {self.n_mfcc}")

    @property
    def names(self) -> tuple[str, ...]:
        """``mfcc_0`` (level) and so on."""
        return tuple(f"mfcc_{number}" for number in range(self.n_mfcc))

    @property
    def silence(self) -> np.ndarray:
        """The coefficients of silence, -100 dB in every band: float32, shape (n_mfcc,)."""
        return np.float32([-100 * np.sqrt(self.n_mels)] + [0.0] * (self.n_mfcc - 1))


@dataclass(frozen=True)
class ChromaConfig(FrameConfig):
    """Settings of chroma; librosa's defaults (``chroma_stft``).

    Attributes
    ----------
    sample_rate, n_fft, hop_length : int
        As in :class:`FrameConfig`.
    n_chroma : int
        Bins an octave; the first one of 12 is C.
    tuning : float or None
        How far the music is from A = 440 Hz, in bins of an octave; ``None`` estimates it from each clip.
    """

    n_chroma: int = 12
    tuning: float | None = None
    exact: ClassVar[bool] = False

    def __post_init__(self):
        super().__post_init__()
        check_positive(self, "n_chroma")

    @property
    def names(self) -> tuple[str, ...]:
        """``chroma_C``, ``chroma_C#`` and so on; numbers where there are not twelve."""
        classes = PITCH_CLASSES if self.n_chroma == 12 else range(self.n_chroma)
        return tuple(f"chroma_{each}" for each in classes)


@dataclass(frozen=True)
class ContrastConfig(FrameConfig):
    """Settings of the spectral contrast; librosa's defaults.

    Attributes
    ----------
    sample_rate, n_fft, hop_length : int
        As in :class:`FrameConfig`.
    fmin : float
        Upper edge of the lowest band, in Hz; each band above is one octave wide, the last one goes to the end.
    n_bands : int
        Number of octaves: there is one band more than that.
    quantile : float
        Share of a band's bins that makes its peak, and its valley.
    """

    fmin: float = 200.0
    n_bands: int = 6
    quantile: float = 0.02

    def __post_init__(self):
        super().__post_init__()
        check_positive(self, "fmin", "n_bands")
        if not 0 < self.quantile < 1:
            raise ValueError(f"quantile must lie between 0 and 1, not {self.quantile}")
        highest = self.fmin * 2 ** (self.n_bands - 1)
        if highest >= self.sample_rate / 2:
            raise ValueError(
                f"spectral contrast: expected its highest band, from {highest:g} Hz on, to start under "
                f"{self.sample_rate / 2:g} Hz (half the sample rate of {self.sample_rate} Hz); "
                "use a lower n_bands or fmin, or a higher sample rate"
            )
        if any(stop <= start for start, stop, _ in self.bands):
            raise ValueError(f"spectral contrast: n_fft={self.n_fft} leaves a band without a bin; use a longer one")

    @property
    def bands(self) -> tuple[tuple[int, int, int], ...]:
        """Of each band its first bin, the bin after its last, and how many bins make its peak and its valley."""
        edges = np.concatenate([[0.0], self.fmin * 2.0 ** np.arange(self.n_bands + 1)])
        frequencies = np.fft.rfftfreq(self.n_fft, 1 / self.sample_rate)
        bands = []
        for band, (low, high) in enumerate(pairwise(edges)):
            start = int(np.searchsorted(frequencies, low, side="left")) - (band > 0)  # one bin below belongs to it
            stop = int(np.searchsorted(frequencies, high, side="right"))
            last = band == self.n_bands
            stop = len(frequencies) if last else stop
            count = max(1, int(np.rint(self.quantile * (stop - start))))
            bands.append((start, stop if last else stop - 1, count))  # the topmost bin counts, and is left out
        return tuple(bands)

    @property
    def names(self) -> tuple[str, ...]:
        """``contrast_0`` (the lowest band) and so on."""
        return tuple(f"contrast_{band}" for band in range(self.n_bands + 1))


def check_positive(config, *names: str) -> None:
    """Raise ValueError if a setting is not positive."""
    for name in names:
        value = getattr(config, name)
        if not (isinstance(value, Real) and value > 0):
            raise ValueError(f"{name} must be positive, not {value!r}")
