"""Settings of the features: frozen dataclasses, saved as JSON with the data and the model that use them.

Features that a store can hold, listed in :data:`FEATURES`, have ``names``: one per dimension.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import ClassVar

import numpy as np

from musiclab.core.checks import check_known, check_number, check_positive, check_share, check_size, check_whole
from musiclab.core.errors import RunError

SCALINGS = ("decibel", "ln", "log10(1+10x)")
FLOOR = 1e-10  # the least power that a logarithm receives: -100 dB
RANGE = 80  # dB under a clip's peak: MFCC, contrast and tempo raise lower levels to there
PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
KINDS = ("tutorial", "full")
DELTA_WIDTH = 9  # frames
MOST_BANDS = 2048
_SCALARS = ("rms", "centroid", "bandwidth", "rolloff", "zero_crossing_rate")


@dataclass(frozen=True)
class _Config:
    sample_rate: int = 22050
    silence: ClassVar[float | np.ndarray] = 0.0  # of all dimensions or of each: what short clips are padded with
    least_samples: ClassVar[int] = 1  # of the shortest clip
    exact: ClassVar[bool] = False  # whether the Fourier transform is in double precision

    def __post_init__(self):
        check_size(vars(self), "sample_rate", most=1_000_000)

    def to_dict(self) -> dict:
        """Return the settings as a dictionary that JSON can hold."""
        return asdict(self)


@dataclass(frozen=True)
class AudioConfig(_Config):
    """Settings of the waveform itself, the input of a model of raw audio: its ``sample_rate`` in Hz."""

    names: ClassVar[tuple[str, ...]] = ("audio",)

    def frames(self, samples: int) -> int:
        return samples


@dataclass(frozen=True)
class FrameConfig(_Config):
    """Settings of the frames that sound is cut into; librosa's defaults.

    Attributes
    ----------
    sample_rate : int
        Hz.
    n_fft : int
        Length of the window and of the Fourier transform, in samples, even; 2048 is 93 ms at 22,050 Hz.
    hop_length : int
        Step from frame to frame, in samples; 512 is 23 ms at 22,050 Hz.
    """

    n_fft: int = 2048
    hop_length: int = 512
    exact: ClassVar[bool] = True

    def __post_init__(self):
        super().__post_init__()
        check_size(vars(self), "n_fft", "hop_length", most=2**16)
        if self.n_fft % 2:
            raise RunError(f"expected n_fft to be even, so that a frame has a middle, found {self.n_fft}")

    def frames(self, samples: int) -> int:
        """Count the frames of a clip; they are centred, the first one on sample 0."""
        return 1 + samples // self.hop_length

    @property
    def least_samples(self) -> int:
        """Length of the shortest clip: one frame."""
        return self.n_fft

    @property
    def framing(self) -> dict:
        """Sample rate, window and hop, as arguments for other settings with the same frames."""
        return {field.name: getattr(self, field.name) for field in fields(FrameConfig)}


@dataclass(frozen=True)
class MelConfig(FrameConfig):
    """Settings of a log-mel spectrogram; the defaults are those of the four-layer CNN (Dohppak, GTZAN).

    Attributes
    ----------
    sample_rate, n_fft, hop_length : int
        As in :class:`FrameConfig`; the default ``n_fft`` of 1024 is 46 ms at 22,050 Hz.
    n_mels : int
        Number of mel bands (Slaney's scale, equal areas).
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
        check_known(self.scaling, SCALINGS, "a scaling")
        check_size(vars(self), "n_mels", most=MOST_BANDS)
        check_positive(vars(self), "power")
        check_number(vars(self), "power", most=10)
        check_number({"fmin": self.fmin, "fmax": self.highest}, "fmin", "fmax")
        if not 0 <= self.fmin < self.highest <= self.sample_rate / 2:
            raise RunError(
                f"expected 0 <= fmin < fmax <= {self.sample_rate / 2:g} Hz (half the sample rate), "
                f"found fmin={self.fmin:g}, fmax={self.highest:g}"
            )

    @property
    def highest(self) -> float:
        """Upper edge of the highest band, in Hz."""
        return self.sample_rate / 2 if self.fmax is None else self.fmax

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"mel_{band}" for band in range(self.n_mels))

    @property
    def silence(self) -> float:
        """Value of every band in silence."""
        return float(scale(np.zeros(1), self, np)[0])


def scale(mel, config: MelConfig, backend):
    """Take the logarithm that ``config.scaling`` names, with numpy or torch as ``backend``."""
    if config.scaling == "log10(1+10x)":
        return backend.log10(1 + 10 * mel)
    floor = FLOOR if config.power == 2 else FLOOR ** (config.power / 2)
    logarithm = backend.log(mel.clip(floor))
    return logarithm if config.scaling == "ln" else 10 * 2 / config.power / np.log(10) * logarithm


@dataclass(frozen=True)
class MfccConfig(FrameConfig):
    """Settings of mel-frequency cepstral coefficients; librosa's defaults; frames as in :class:`FrameConfig`.

    Attributes
    ----------
    n_mels, n_mfcc : int
        Number of mel bands, and of coefficients from coefficient 0 (level) upwards.
    """

    n_mels: int = 128
    n_mfcc: int = 20
    exact: ClassVar[bool] = False

    def __post_init__(self):
        super().__post_init__()
        check_size(vars(self), "n_mels", most=MOST_BANDS)
        check_whole(vars(self), "n_mfcc", most=self.n_mels)

    @property
    def mel(self) -> MelConfig:
        """Settings of the log-mel that the coefficients are computed from."""
        return MelConfig(**self.framing, n_mels=self.n_mels, power=2.0, scaling="decibel")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"mfcc_{coefficient}" for coefficient in range(self.n_mfcc))

    @property
    def silence(self) -> np.ndarray:
        """Coefficients of silence, -100 dB in every band: float32, shape (n_mfcc,)."""
        return np.float32([-100 * np.sqrt(self.n_mels)] + [0.0] * (self.n_mfcc - 1))


@dataclass(frozen=True)
class ChromaConfig(FrameConfig):
    """Settings of chroma; librosa's defaults (``chroma_stft``); frames as in :class:`FrameConfig`.

    Attributes
    ----------
    n_chroma : int
        Bins per octave; the first of twelve is C.
    tuning : float or None
        Deviation of the music from A = 440 Hz, in bins of an octave; ``None`` estimates it from each clip.
    """

    n_chroma: int = 12
    tuning: float | None = None
    exact: ClassVar[bool] = False

    def __post_init__(self):
        super().__post_init__()
        check_size(vars(self), "n_chroma", most=MOST_BANDS)

    @property
    def names(self) -> tuple[str, ...]:
        """``chroma_C``, ``chroma_C#`` and so on; numbers unless there are twelve."""
        classes = PITCH_CLASSES if self.n_chroma == 12 else range(self.n_chroma)
        return tuple(f"chroma_{each}" for each in classes)


@dataclass(frozen=True)
class ContrastConfig(FrameConfig):
    """Settings of the spectral contrast; librosa's defaults; frames as in :class:`FrameConfig`.

    Attributes
    ----------
    fmin : float
        Upper edge of the lowest band, in Hz; the bands above are one octave wide, and the last one ends at the top.
    n_bands : int
        Number of octaves, one less than the number of bands.
    quantile : float
        Share of a band's bins that is averaged for its peak and for its valley.
    """

    fmin: float = 200.0
    n_bands: int = 6
    quantile: float = 0.02

    def __post_init__(self):
        super().__post_init__()
        check_positive(vars(self), "fmin", "quantile")
        check_size(vars(self), "n_bands", most=32)
        check_share(vars(self), "quantile")
        highest = self.fmin * 2 ** (self.n_bands - 1)
        if highest >= self.sample_rate / 2:
            raise RunError(
                f"spectral contrast: expected its highest band, from {highest:g} Hz on, to start under "
                f"{self.sample_rate / 2:g} Hz (half the sample rate of {self.sample_rate} Hz); "
                "use a lower n_bands or fmin, or a higher sample rate"
            )
        if any(stop <= start for start, stop, _ in self.bands):
            raise RunError(f"spectral contrast: n_fft={self.n_fft} leaves a band without a bin; use a longer one")

    @property
    def bands(self) -> tuple[tuple[int, int, int], ...]:
        """First bin of each band, the bin after its last, and the number of bins in its peak and its valley."""
        edges = np.concatenate([[0.0], self.fmin * 2.0 ** np.arange(self.n_bands + 1)])
        frequencies = np.fft.rfftfreq(self.n_fft, 1 / self.sample_rate)
        bands = []
        for band, (low, high) in enumerate(pairwise(edges)):
            start = int(np.searchsorted(frequencies, low, side="left")) - (band > 0)  # one bin below belongs to it
            is_last = band == self.n_bands
            stop = len(frequencies) if is_last else int(np.searchsorted(frequencies, high, side="right"))
            count = max(1, int(np.rint(self.quantile * (stop - start))))
            bands.append((start, stop if is_last else stop - 1, count))  # librosa counts the top bin, and leaves it out
        return tuple(bands)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"contrast_{band}" for band in range(self.n_bands + 1))


@dataclass(frozen=True)
class TempoConfig(FrameConfig):
    """Settings of the tempo; librosa's defaults; frames as in :class:`FrameConfig`.

    Attributes
    ----------
    start_bpm, max_tempo : float
        Likeliest and highest tempo, in beats per minute.
    std_bpm : float
        Standard deviation of the tempi around ``start_bpm``, in octaves.
    ac_size : float
        Length of the autocorrelation's window, in seconds.
    """

    start_bpm: float = 120.0
    std_bpm: float = 1.0
    ac_size: float = 8.0
    max_tempo: float = 320.0
    exact: ClassVar[bool] = False

    def __post_init__(self):
        super().__post_init__()
        check_positive(vars(self), "start_bpm", "std_bpm", "ac_size", "max_tempo")


class _VectorConfig(FrameConfig):
    """Frames, with the settings of the features computed from them."""

    @property
    def mfcc(self) -> MfccConfig:
        return MfccConfig(**self.framing)

    @property
    def chroma(self) -> ChromaConfig:
        return ChromaConfig(**self.framing)

    @property
    def contrast(self) -> ContrastConfig:
        return ContrastConfig(**self.framing)


@dataclass(frozen=True)
class SummaryConfig(_VectorConfig):
    """Settings of a summary, averages over the frames of a clip; frames as in :class:`FrameConfig`.

    Attributes
    ----------
    kind : str
        ``"tutorial"``: 26 means over time, of chroma (all pitch classes together), RMS, centroid, bandwidth, rolloff,
        zero-crossing rate and 20 MFCC, as in "Music Genre Classification with Python". ``"full"``: 128 values, the mean
        and standard deviation of 20 MFCC and their deltas, 12 chroma, 7 bands of spectral contrast and those five.
    delta_order : int
        2 adds the second deltas to ``"full"``: 168 values.
    """

    kind: str = "tutorial"
    delta_order: int = 1

    def __post_init__(self):
        super().__post_init__()
        check_known(self.kind, KINDS, "a kind")
        check_whole(vars(self), "delta_order", most=2)
        if self.kind == "full":
            self.contrast  # noqa: B018 (raises if the sample rate is too low for it)

    def frames(self, samples: int) -> int:
        return 1

    @property
    def least_samples(self) -> int:
        """Length of the shortest clip: one frame, or as many frames as a delta needs."""
        return max(self.n_fft, (DELTA_WIDTH - 1) * self.hop_length if self.kind == "full" else 0)

    @property
    def names(self) -> tuple[str, ...]:
        """One name for each value, such as ``centroid``, or ``mfcc_0_delta_deviation``."""
        if self.kind == "tutorial":
            return ("chroma", *_SCALARS, *self.mfcc.names)
        orders = ["", "_delta", "_delta2"][: self.delta_order + 1]
        cepstral = [name + order for order in orders for name in self.mfcc.names]
        names = [*cepstral, *self.chroma.names, *self.contrast.names, *_SCALARS]
        return tuple(f"{name}_{average}" for average in ("mean", "deviation") for name in names)

    @property
    def silence(self) -> np.ndarray:
        """Summary of silence: float32, shape (dimensions,), 0 except for the level."""
        level = self.mfcc.silence[0]
        return np.float32([level if name in ("mfcc_0", "mfcc_0_mean") else 0 for name in self.names])


@dataclass(frozen=True)
class SequenceConfig(_VectorConfig):
    """Settings of a sequence, 33 unscaled values per frame, as for an LSTM on GTZAN (ruohoruotsi).

    The values are 13 MFCC, spectral centroid, 12 chroma and 7 bands of contrast; frames as in :class:`FrameConfig`.
    """

    def __post_init__(self):
        super().__post_init__()
        self.contrast  # noqa: B018 (raises if the sample rate is too low for it)

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.mfcc.names, "centroid", *self.chroma.names, *self.contrast.names)

    @property
    def silence(self) -> np.ndarray:
        """One frame of silence: float32, shape (33,), 0 except for the level."""
        return np.float32([*self.mfcc.silence, *np.zeros(len(self.names) - self.mfcc.n_mfcc)])

    @property
    def mfcc(self) -> MfccConfig:
        return MfccConfig(**self.framing, n_mfcc=13)


Config = AudioConfig | MelConfig | MfccConfig | ChromaConfig | ContrastConfig | SummaryConfig | SequenceConfig

FEATURES: dict[str, type] = {
    "audio": AudioConfig,
    "logmel": MelConfig,
    "mfcc": MfccConfig,
    "chroma": ChromaConfig,
    "contrast": ContrastConfig,
    "summary": SummaryConfig,
    "sequence": SequenceConfig,
}
"""Features that a store can hold, by name: the class of their settings. Each engine has a function of that name."""


def config(name: str, settings: Mapping | None = None) -> Config:
    """Make the settings of a feature from its name and a dictionary.

    Parameters
    ----------
    name
        One of :data:`FEATURES`.
    settings
        Settings that differ from the defaults, such as those that ``to_dict()`` returned.

    Raises
    ------
    RunError (a ValueError)
        The name or a setting is unknown, or one of the values is impossible.
    """
    check_known(name, FEATURES, "a feature")
    known = [field.name for field in fields(FEATURES[name])]
    for setting in settings or {}:
        check_known(setting, known, f"settings of {name}")
    return FEATURES[name](**(settings or {}))
