"""Define the settings of each feature as frozen dataclasses, which are saved as JSON with the data and the model.

The features that a store can hold are listed in :data:`FEATURES`. Their settings have ``names``, one per dimension.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import ClassVar

import numpy as np

from musiclab.core.checks import check_known, check_number, check_positive, check_share, check_size, check_whole
from musiclab.core.errors import RunError

SCALINGS = ("decibel", "ln", "log10(1+10x)", "log10(1+10000x)")
"""Scalings of a log-mel spectrogram: see :class:`MelConfig`."""

FLOOR = 1e-10  # power of -100 dB, the lower limit before a logarithm
RANGE = 80  # dB below a clip's peak, the lower limit of levels in MFCC, contrast and tempo
PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
"""Names of the rows of :func:`chroma`."""

KINDS = ("tutorial", "full")
DELTA_WIDTH = 9  # frames
MOST_BANDS = 2048
_SCALARS = ("rms", "centroid", "bandwidth", "rolloff", "zero_crossing_rate")


@dataclass(frozen=True)
class _Config:
    sample_rate: int = 22050
    silence: ClassVar[float | np.ndarray] = 0.0  # value with which short clips are padded, one or one per dimension
    least_samples: ClassVar[int] = 1  # length of the shortest clip
    exact: ClassVar[bool] = False  # True computes the Fourier transform in double precision

    def __post_init__(self):
        check_size(vars(self), "sample_rate", most=1_000_000)

    def to_dict(self) -> dict:
        """Return the settings as a dictionary of JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class AudioConfig(_Config):
    """Settings of raw audio, the input of models that work on the waveform itself.

    Parameters
    ----------
    sample_rate : int, Hz, default 22050
        Sample rate of the waveform.

    Examples
    --------
    >>> AudioConfig().frames(22050)
    22050
    """

    names: ClassVar[tuple[str, ...]] = ("audio",)

    def frames(self, samples: int) -> int:
        """Return the number of time steps in a clip, which equals its number of samples."""
        return samples


@dataclass(frozen=True)
class FrameConfig(_Config):
    """Settings of the short, overlapping frames that a waveform is cut into, with librosa's defaults.

    Parameters
    ----------
    sample_rate : int, Hz, default 22050
        Sample rate of the waveform.
    n_fft : int, samples, default 2048
        Length of a frame and of its Fourier transform. Must be even. The default is 93 ms at 22,050 Hz.
    hop_length : int, samples, default 512
        Distance between neighbouring frames. The default is 23 ms at 22,050 Hz.

    Raises
    ------
    RunError (a ValueError)
        If a value is out of range. This holds for the settings of all features.

    Examples
    --------
    >>> FrameConfig().frames(22050)
    44
    """

    n_fft: int = 2048
    hop_length: int = 512
    exact: ClassVar[bool] = True

    def __post_init__(self):
        super().__post_init__()
        check_size(vars(self), "n_fft", "hop_length", most=2**16)
        if self.n_fft % 2:
            raise RunError(f"expected n_fft to be even, so that frames have a centre, found {self.n_fft}")

    def frames(self, samples: int) -> int:
        """Return the number of frames in a clip.

        The middle of the first frame is sample 0, so the first and the last frame extend beyond the clip.

        Parameters
        ----------
        samples : int
            Length of the clip.

        Returns
        -------
        int
            ``1 + samples // hop_length``.
        """
        return 1 + samples // self.hop_length

    @property
    def least_samples(self) -> int:
        """Length of the shortest clip in samples, which is one frame."""
        return self.n_fft

    @property
    def framing(self) -> dict:
        """Sample rate, frame length and hop length as a dictionary, to create other settings with the same frames."""
        return {field.name: getattr(self, field.name) for field in fields(FrameConfig)}


@dataclass(frozen=True)
class MelConfig(FrameConfig):
    """Settings of a log-mel spectrogram (see :func:`log_mel`).

    The defaults are those of a four-layer CNN for the GTZAN data set (Dohppak).

    Parameters
    ----------
    sample_rate : int, Hz, default 22050
        As in :class:`FrameConfig`.
    n_fft : int, samples, default 1024
        As in :class:`FrameConfig`. The default is 46 ms at 22,050 Hz.
    hop_length : int, samples, default 512
        As in :class:`FrameConfig`.
    n_mels : int, default 128
        Number of mel bands (see :func:`mel_bank`).
    fmin : float, Hz, default 0
        Lower edge of the lowest band.
    fmax : float or None, Hz, default None
        Upper edge of the highest band. ``None`` means half the sample rate.
    power : float, default 1
        Exponent of the magnitude spectrum: 1 for the magnitude, 2 for the power.
    scaling : str, default "log10(1+10x)"
        Logarithm of the mel spectrogram: ``"decibel"`` (dB), ``"ln"`` (natural logarithm), ``"log10(1+10x)"``, or
        ``"log10(1+10000x)"`` as in musicnn (there with ``power=2``).

    Raises
    ------
    RunError (a ValueError)
        If a value is out of range.

    Examples
    --------
    >>> MelConfig(n_mels=64).names[-1]
    'mel_63'
    """

    n_fft: int = 1024
    n_mels: int = 128
    fmin: float = 0.0
    fmax: float | None = None
    power: float = 1.0
    scaling: str = "log10(1+10x)"
    exact: ClassVar[bool] = False  # half the work, and accurate to 0.05 dB down to 60 dB below the peak

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
        """Upper edge of the highest band in Hz."""
        return self.sample_rate / 2 if self.fmax is None else self.fmax

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each band, ``mel_0``, ``mel_1`` and so on."""
        return tuple(f"mel_{band}" for band in range(self.n_mels))

    @property
    def silence(self) -> float:
        """Value of all bands in silence, with which short clips are padded."""
        return float(scale(np.zeros(1), self, np)[0])


def scale(mel, config: MelConfig, backend):
    """Apply the logarithm selected by ``config.scaling``, with numpy or torch as ``backend``."""
    if config.scaling.startswith("log10"):
        return backend.log10(1 + (10 if config.scaling == "log10(1+10x)" else 10_000) * mel)
    floor = FLOOR if config.power == 2 else FLOOR ** (config.power / 2)
    logarithm = backend.log(mel.clip(floor))
    return logarithm if config.scaling == "ln" else 10 * 2 / config.power / np.log(10) * logarithm


@dataclass(frozen=True)
class MfccConfig(FrameConfig):
    """Settings of mel-frequency cepstral coefficients (see :func:`mfcc`), with librosa's defaults.

    Parameters
    ----------
    sample_rate : int, Hz, default 22050
        As in :class:`FrameConfig`.
    n_fft : int, samples, default 2048
        As in :class:`FrameConfig`.
    hop_length : int, samples, default 512
        As in :class:`FrameConfig`.
    n_mels : int, default 128
        Number of mel bands.
    n_mfcc : int, default 20
        Number of coefficients, at most ``n_mels``. The first one, coefficient 0, follows the level of the sound.

    Raises
    ------
    RunError (a ValueError)
        If a value is out of range.

    Examples
    --------
    >>> MfccConfig(n_mfcc=3).names
    ('mfcc_0', 'mfcc_1', 'mfcc_2')
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
        """Settings of the log-mel spectrogram that the coefficients are computed from."""
        return MelConfig(**self.framing, n_mels=self.n_mels, power=2.0, scaling="decibel")

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each coefficient, ``mfcc_0``, ``mfcc_1`` and so on."""
        return tuple(f"mfcc_{coefficient}" for coefficient in range(self.n_mfcc))

    @property
    def silence(self) -> np.ndarray:
        """Coefficients of silence (-100 dB in all bands), float32, shape (n_mfcc,)."""
        return np.float32([-100 * np.sqrt(self.n_mels)] + [0.0] * (self.n_mfcc - 1))


@dataclass(frozen=True)
class ChromaConfig(FrameConfig):
    """Settings of chroma features (see :func:`chroma`), with the defaults of librosa's ``chroma_stft``.

    Parameters
    ----------
    sample_rate : int, Hz, default 22050
        As in :class:`FrameConfig`.
    n_fft : int, samples, default 2048
        As in :class:`FrameConfig`.
    hop_length : int, samples, default 512
        As in :class:`FrameConfig`.
    n_chroma : int, default 12
        Number of chroma bins per octave, starting at C. With 12 bins, each bin is a pitch class.
    tuning : float or None, chroma bins, default None
        Deviation of the music from A = 440 Hz. ``None`` estimates it for each clip (see :func:`tuning`).

    Raises
    ------
    RunError (a ValueError)
        If a value is out of range.

    Examples
    --------
    >>> ChromaConfig().names[:3]
    ('chroma_C', 'chroma_C#', 'chroma_D')
    """

    n_chroma: int = 12
    tuning: float | None = None
    exact: ClassVar[bool] = False

    def __post_init__(self):
        super().__post_init__()
        check_size(vars(self), "n_chroma", most=MOST_BANDS)

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each bin.

        Twelve bins are called ``chroma_C``, ``chroma_C#`` and so on. Otherwise they are ``chroma_0``, ``chroma_1`` and
        so on.
        """
        pitch_classes = PITCH_CLASSES if self.n_chroma == 12 else range(self.n_chroma)
        return tuple(f"chroma_{pitch_class}" for pitch_class in pitch_classes)


@dataclass(frozen=True)
class ContrastConfig(FrameConfig):
    """Settings of the spectral contrast (see :func:`spectral_contrast`), with librosa's defaults.

    The lowest band extends from 0 Hz to ``fmin``. The other bands are one octave wide, except that the highest one
    extends to half the sample rate.

    Parameters
    ----------
    sample_rate : int, Hz, default 22050
        As in :class:`FrameConfig`.
    n_fft : int, samples, default 2048
        As in :class:`FrameConfig`.
    hop_length : int, samples, default 512
        As in :class:`FrameConfig`.
    fmin : float, Hz, default 200
        Upper edge of the lowest band.
    n_bands : int, default 6
        Number of bands above the lowest one.
    quantile : float, default 0.02
        Share of the frequency bins in a band that are averaged for its peak. The valley uses the same share.

    Raises
    ------
    RunError (a ValueError)
        If a value is out of range, or a band would have no frequency bin.

    Examples
    --------
    >>> len(ContrastConfig(n_bands=4).names)
    5
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
                f"spectral contrast: its highest band starts at {highest:g} Hz, which is not below "
                f"{self.sample_rate / 2:g} Hz (half the sample rate of {self.sample_rate} Hz). "
                "Use a smaller n_bands or fmin, or a higher sample rate."
            )
        if any(stop <= start for start, stop, _ in self.bands):
            raise RunError(f"spectral contrast: n_fft={self.n_fft} leaves a band without a bin; use a larger n_fft")

    @property
    def bands(self) -> tuple[tuple[int, int, int], ...]:
        """Frequency bins of each band, as a tuple ``(start, stop, count)``.

        The band consists of the bins from ``start`` up to, but not including, ``stop``. The peak is the mean of the
        ``count`` strongest bins, and the valley is the mean of the ``count`` weakest bins.
        """
        edges = np.concatenate([[0.0], self.fmin * 2.0 ** np.arange(self.n_bands + 1)])
        frequencies = np.fft.rfftfreq(self.n_fft, 1 / self.sample_rate)
        bands = []
        for band, (low, high) in enumerate(pairwise(edges)):
            start = int(np.searchsorted(frequencies, low, side="left")) - (band > 0)  # bands overlap by one bin
            is_last = band == self.n_bands
            stop = len(frequencies) if is_last else int(np.searchsorted(frequencies, high, side="right"))
            count = max(1, int(np.rint(self.quantile * (stop - start))))
            bands.append((start, stop if is_last else stop - 1, count))  # librosa counts the top bin, then drops it
        return tuple(bands)

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each band, ``contrast_0``, ``contrast_1`` and so on."""
        return tuple(f"contrast_{band}" for band in range(self.n_bands + 1))


@dataclass(frozen=True)
class TempoConfig(FrameConfig):
    """Settings of the tempo estimate (see :func:`tempo`), with librosa's defaults.

    Parameters
    ----------
    sample_rate : int, Hz, default 22050
        As in :class:`FrameConfig`.
    n_fft : int, samples, default 2048
        As in :class:`FrameConfig`.
    hop_length : int, samples, default 512
        As in :class:`FrameConfig`.
    start_bpm : float, beats per minute, default 120
        Tempo that is preferred when several are possible.
    std_bpm : float, octaves, default 1
        Width of this preference. A tempo one standard deviation away is half or twice ``start_bpm`` by default.
    ac_size : float, seconds, default 8
        Length of the windows in which the autocorrelation is computed.
    max_tempo : float, beats per minute, default 320
        Highest tempo that is considered.

    Raises
    ------
    RunError (a ValueError)
        If a value is out of range.

    Examples
    --------
    >>> TempoConfig(start_bpm=90).max_tempo
    320.0
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
    """Frame settings, together with those of the features that a vector combines."""

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
    """Settings of a summary, one vector of time-averaged features per clip (see :func:`summary`).

    Parameters
    ----------
    sample_rate : int, Hz, default 22050
        As in :class:`FrameConfig`.
    n_fft : int, samples, default 2048
        As in :class:`FrameConfig`.
    hop_length : int, samples, default 512
        As in :class:`FrameConfig`.
    kind : {"tutorial", "full"}, default "tutorial"
        Selects the features. ``"tutorial"`` gives 26 means over time, as in "Music Genre Classification with Python":
        chroma (averaged over the pitch classes), RMS, centroid, bandwidth, rolloff, zero-crossing rate and 20 MFCC.
        ``"full"`` gives the mean and the standard deviation of 64 features: 20 MFCC, their deltas, 12 chroma, 7 bands
        of spectral contrast, and the same five scalars.
    delta_order : int, 0 to 2, default 1
        Highest order of the deltas (see :func:`delta`) in ``"full"``. With 2, the vector also has second deltas and 168
        instead of 128 values.

    Raises
    ------
    RunError (a ValueError)
        If a value is out of range, or the sample rate is too low for the spectral contrast.

    Examples
    --------
    >>> len(SummaryConfig(kind="full").names)
    128
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
        """Return the number of vectors per clip, which is always 1."""
        return 1

    @property
    def least_samples(self) -> int:
        """Length of the shortest clip in samples: one frame, or enough frames for the deltas."""
        return max(self.n_fft, (DELTA_WIDTH - 1) * self.hop_length if self.kind == "full" else 0)

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each value, such as ``centroid``, or ``mfcc_0_delta_deviation`` for a standard deviation."""
        if self.kind == "tutorial":
            return ("chroma", *_SCALARS, *self.mfcc.names)
        orders = ["", "_delta", "_delta2"][: self.delta_order + 1]
        coefficients = [name + order for order in orders for name in self.mfcc.names]
        names = [*coefficients, *self.chroma.names, *self.contrast.names, *_SCALARS]
        return tuple(f"{name}_{statistic}" for statistic in ("mean", "deviation") for name in names)

    @property
    def silence(self) -> np.ndarray:
        """Summary of silence, float32, shape (dimensions,). It is 0 except for the level (MFCC 0)."""
        level = self.mfcc.silence[0]
        return np.float32([level if name in ("mfcc_0", "mfcc_0_mean") else 0 for name in self.names])


@dataclass(frozen=True)
class SequenceConfig(_VectorConfig):
    """Settings of a sequence of feature vectors, one per frame (see :func:`sequence`).

    The 33 values per frame are 13 MFCC, the spectral centroid, 12 chroma and 7 bands of spectral contrast. They are not
    scaled, as in an LSTM for the GTZAN data set (ruohoruotsi).

    Parameters
    ----------
    sample_rate : int, Hz, default 22050
        As in :class:`FrameConfig`.
    n_fft : int, samples, default 2048
        As in :class:`FrameConfig`.
    hop_length : int, samples, default 512
        As in :class:`FrameConfig`.

    Raises
    ------
    RunError (a ValueError)
        If a value is out of range, or the sample rate is too low for the spectral contrast.

    Examples
    --------
    >>> len(SequenceConfig().names), SequenceConfig().names[13]
    (33, 'centroid')
    """

    def __post_init__(self):
        super().__post_init__()
        self.contrast  # noqa: B018 (raises if the sample rate is too low for it)

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each value: MFCC, centroid, chroma and spectral contrast."""
        return (*self.mfcc.names, "centroid", *self.chroma.names, *self.contrast.names)

    @property
    def silence(self) -> np.ndarray:
        """Feature vector of a silent frame, float32, shape (33,). It is 0 except for the level (MFCC 0)."""
        return np.float32([*self.mfcc.silence, *np.zeros(len(self.names) - self.mfcc.n_mfcc)])

    @property
    def mfcc(self) -> MfccConfig:
        """Settings of the 13 MFCC."""
        return MfccConfig(**self.framing, n_mfcc=13)


ENCODERS = {
    "studio": 256,
    "musicnn": 1506,
    "musicnn-mtt": 1506,
    "summary": 128,
    "random": 256,
    "musicnn-random": 1506,
}
"""Built-in encoders with the number of values of their embeddings. See :mod:`musiclab.encoders`."""

SEGMENT_SECONDS = 3.0
"""Length of the segments that encoders turn into embeddings."""


@dataclass(frozen=True)
class EmbeddingConfig(_Config):
    """Settings of embeddings, one vector per 3 s of sound, computed by a network that has already been trained.

    :mod:`musiclab.encoders` computes embeddings and describes the encoders.

    Parameters
    ----------
    sample_rate : int, Hz, default 22050
        Sample rate of the waveform that encoders receive. The built-in encoders resample it to their own rate.
    encoder : str, default "studio+summary"
        Name of an encoder, one of :data:`ENCODERS`, or the path of a TorchScript (``.pt``) or ONNX (``.onnx``) file.
        Names joined by ``+`` put the vectors of several encoders one after the other.
    dimensions : tuple of int, optional
        Number of values of each encoder. Only needed for files, and :func:`musiclab.encoders.settings` finds it out.
    checksum : str, default ""
        CRC-32 of the weights that could change (:func:`musiclab.encoders.checksum_of`). If it is given, other weights
        are not used.

    Raises
    ------
    RunError (a ValueError)
        If an encoder is unknown, or the number of values is missing or does not fit.

    Examples
    --------
    >>> config = EmbeddingConfig(encoder="studio+summary")
    >>> config.dimensions, config.names[0], config.names[-1]
    ((256, 128), 'studio_0', 'summary_127')
    """

    encoder: str = "studio+summary"
    dimensions: tuple[int, ...] | None = None
    checksum: str = ""

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.encoder, str):
            raise RunError(f"expected encoder to be a name, found {self.encoder!r}")
        if len(set(self.parts)) < len(self.parts):
            raise RunError(f"encoder {self.encoder}: expected each encoder once")
        for part in self.parts:
            if not is_encoder_file(part):
                check_known(part, ENCODERS, "an encoder")
        known = tuple(ENCODERS.get(part) for part in self.parts)
        if self.dimensions is None and None in known:
            raise RunError(
                f"encoder {self.encoder}: the number of values is unknown. Create the settings with "
                "musiclab.encoders.settings, which runs the file once."
            )
        dimensions = known if self.dimensions is None else tuple(self.dimensions)
        fits = len(dimensions) == len(known) and all(
            size == expected for size, expected in zip(dimensions, known, strict=True) if expected
        )
        if not fits:
            raise RunError(f"encoder {self.encoder}: expected dimensions={known}, found {dimensions}")
        for size in dimensions:
            check_whole({"dimensions": size}, "dimensions", most=2**16)
        object.__setattr__(self, "dimensions", dimensions)

    def to_dict(self) -> dict:
        """Return the settings as a dictionary of JSON values."""
        return super().to_dict() | {"dimensions": list(self.dimensions)}

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the encoders that are joined."""
        return tuple(self.encoder.split("+"))

    @property
    def sizes(self) -> dict[str, int]:
        """Number of values of each encoder, by its name."""
        return dict(zip(self.parts, self.dimensions, strict=True))

    @property
    def hop_length(self) -> int:
        """Length of a segment in samples. Only the last one, which ends with the clip, can overlap the one before."""
        return round(SEGMENT_SECONDS * self.sample_rate)

    @property
    def least_samples(self) -> int:
        """Length of the shortest clip in samples, 0.1 s. Clips below 3 s are repeated until they fill a segment."""
        return -(-self.sample_rate // 10)

    def frames(self, samples: int) -> int:
        """Return the number of segments in a clip."""
        return max(1, -(-samples // self.hop_length))

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each value, such as ``studio_0``."""
        return tuple(f"{part}_{index}" for part, size in self.sizes.items() for index in range(size))


def is_encoder_file(name: str) -> bool:
    """Return True for the path of a TorchScript or ONNX file."""
    return name.lower().endswith((".pt", ".ts", ".onnx"))


Config = (
    AudioConfig
    | MelConfig
    | MfccConfig
    | ChromaConfig
    | ContrastConfig
    | SummaryConfig
    | SequenceConfig
    | EmbeddingConfig
)

FEATURES: dict[str, type] = {
    "audio": AudioConfig,
    "logmel": MelConfig,
    "mfcc": MfccConfig,
    "chroma": ChromaConfig,
    "contrast": ContrastConfig,
    "summary": SummaryConfig,
    "sequence": SequenceConfig,
    "embedding": EmbeddingConfig,
}
"""Features that a store can hold: names and classes of settings.

Each engine has a function of the same name, except for embeddings, which :mod:`musiclab.encoders` computes.
"""


def config(name: str, settings: Mapping | None = None) -> Config:
    """Create the settings of a feature from its name.

    Parameters
    ----------
    name : str
        Name of the feature, one of :data:`FEATURES`.
    settings : dict, optional
        Settings that differ from the defaults, for example ``{"n_mfcc": 13}`` or a saved ``to_dict()``.

    Returns
    -------
    AudioConfig, MelConfig or the settings of another feature
        Settings of the feature.

    Raises
    ------
    RunError (a ValueError)
        If the name or a setting is unknown, or a value is out of range.

    Examples
    --------
    >>> config("mfcc", {"n_mfcc": 13}).n_mfcc
    13
    """
    check_known(name, FEATURES, "a feature")
    setting_names = [field.name for field in fields(FEATURES[name])]
    for setting in settings or {}:
        check_known(setting, setting_names, f"settings of {name}")
    return FEATURES[name](**(settings or {}))
