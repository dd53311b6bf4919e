"""Several features of a clip in one: a summary of the whole clip, and a sequence of numbers frame by frame."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from musiclab.features.mel import delta, delta_kernel, mfcc_kernel, mfcc_reference
from musiclab.features.pitch import chroma_kernel, chroma_reference
from musiclab.features.settings import ChromaConfig, ContrastConfig, FrameConfig, MfccConfig
from musiclab.features.sound import Sound, evaluate
from musiclab.features.spectral import (
    bandwidth_kernel,
    bandwidth_reference,
    centroid_kernel,
    centroid_reference,
    contrast_kernel,
    contrast_reference,
    rms_kernel,
    rms_reference,
    rolloff_kernel,
    rolloff_reference,
    zero_crossing_kernel,
    zero_crossing_reference,
)

KINDS = ("tutorial", "full")
DELTA_WIDTH = 9  # frames
_SCALARS = ("rms", "centroid", "bandwidth", "rolloff", "zero_crossing_rate")
_SCALAR_KERNELS = (rms_kernel, centroid_kernel, bandwidth_kernel, rolloff_kernel, zero_crossing_kernel)
_SCALAR_REFERENCES = (
    rms_reference,
    centroid_reference,
    bandwidth_reference,
    rolloff_reference,
    zero_crossing_reference,
)


class _VectorConfig(FrameConfig):
    """Frames, and the settings of what is computed of them."""

    @property
    def mfcc(self) -> MfccConfig:
        """Of the MFCC in it."""
        return MfccConfig(**self.framing)

    @property
    def chroma(self) -> ChromaConfig:
        """Of the chroma in it."""
        return ChromaConfig(**self.framing)

    @property
    def contrast(self) -> ContrastConfig:
        """Of the spectral contrast in it."""
        return ContrastConfig(**self.framing)


@dataclass(frozen=True)
class SummaryConfig(_VectorConfig):
    """Settings of a summary: what the frames of a clip are on average.

    Attributes
    ----------
    sample_rate, n_fft, hop_length : int
        As in :class:`FrameConfig`.
    kind : str
        ``"tutorial"``: 26 means over time, of chroma (of all pitch classes together), RMS, centroid, bandwidth,
        rolloff, zero-crossing rate and 20 MFCC, as in "Music Genre Classification with Python". ``"full"``: 128
        numbers, mean and standard deviation of 20 MFCC and their deltas, 12 chroma, 7 bands of spectral contrast
        and those five.
    delta_order : int
        With 2, ``"full"`` has the second deltas too: 168 numbers.
    """

    kind: str = "tutorial"
    delta_order: int = 1

    def __post_init__(self):
        super().__post_init__()
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS}, not {self.kind!r}")
        if self.delta_order not in (1, 2):
            raise ValueError(f"delta_order must be 1 or 2, not {self.delta_order!r}")
        if self.kind == "full":
            self.contrast  # noqa: B018 (says so where the sample rate is too low for it)

    def frames(self, samples: int) -> int:
        """1, however long the clip is."""
        return 1

    @property
    def least_samples(self) -> int:
        """Samples of the shortest clip: a frame, and for deltas as many frames as these are fitted to."""
        return max(self.n_fft, (DELTA_WIDTH - 1) * self.hop_length if self.kind == "full" else 0)

    @property
    def names(self) -> tuple[str, ...]:
        """One name a number, such as ``centroid``, or ``mfcc_0_delta_deviation``."""
        if self.kind == "tutorial":
            return ("chroma", *_SCALARS, *self.mfcc.names)
        orders = ["", "_delta", "_delta2"][: self.delta_order + 1]
        cepstral = [name + order for order in orders for name in self.mfcc.names]
        names = [*cepstral, *self.chroma.names, *self.contrast.names, *_SCALARS]
        return tuple(f"{name}_{what}" for what in ("mean", "deviation") for name in names)

    @property
    def silence(self) -> np.ndarray:
        """The summary of silence: float32, shape (dimensions,), 0 but for the level."""
        level = self.mfcc.silence[0]
        return np.float32([level if name in ("mfcc_0", "mfcc_0_mean") else 0 for name in self.names])


@dataclass(frozen=True)
class SequenceConfig(_VectorConfig):
    """Settings of a sequence: 33 numbers a frame, those of an LSTM on GTZAN (ruohoruotsi).

    13 MFCC, the spectral centroid, 12 chroma and 7 bands of spectral contrast, in that order and not scaled.

    Attributes
    ----------
    sample_rate, n_fft, hop_length : int
        As in :class:`FrameConfig`.
    """

    def __post_init__(self):
        super().__post_init__()
        self.contrast  # noqa: B018 (says so where the sample rate is too low for it)

    @property
    def names(self) -> tuple[str, ...]:
        """One name a number: ``mfcc_0``, ..., ``centroid``, ``chroma_C``, ..., ``contrast_0``, ..."""
        return (*self.mfcc.names, "centroid", *self.chroma.names, *self.contrast.names)

    @property
    def silence(self) -> np.ndarray:
        """A frame of silence: float32, shape (33,), 0 but for the level."""
        return np.float32([*self.mfcc.silence, *np.zeros(len(self.names) - self.mfcc.n_mfcc)])

    @property
    def mfcc(self) -> MfccConfig:
        """Of the MFCC in it."""
        return MfccConfig(**self.framing, n_mfcc=13)


def summary(waveform, config: SummaryConfig = SummaryConfig(), engine: Literal["torch", "librosa"] = "torch"):
    """What a clip is like on average: one number for each of ``config.names``.

    Parameters
    ----------
    waveform : array or tensor, shape (..., samples)
        At ``config.sample_rate``; at least ``config.least_samples`` samples.
    config
        The settings.
    engine
        ``"torch"`` or ``"librosa"``: they agree as the features do that are averaged.

    Returns
    -------
    array or tensor (whichever was given), float32, shape (..., dimensions)

    Raises
    ------
    ValueError
        The waveform is too short, or holds values that are not finite.

    Examples
    --------
    >>> clips = np.random.default_rng(0).uniform(-1, 1, (3, 22050))
    >>> import pandas as pd
    >>> pd.DataFrame(summary(clips), columns=SummaryConfig().names).shape
    (3, 26)
    """
    return evaluate(waveform, config, engine, summary_kernel, summary_reference)[..., 0]


def sequence(waveform, config: SequenceConfig = SequenceConfig(), engine: Literal["torch", "librosa"] = "torch"):
    """33 numbers a frame, one row for each of ``config.names``.

    Parameters
    ----------
    waveform : array or tensor, shape (..., samples)
        At ``config.sample_rate``; at least ``config.n_fft`` samples.
    config
        The settings.
    engine
        ``"torch"`` or ``"librosa"``: they agree as the features do.

    Returns
    -------
    array or tensor (whichever was given), float32, shape (..., 33, frames)
        ``frames`` is ``config.frames(samples)``.

    Raises
    ------
    ValueError
        The waveform is shorter than one frame, or holds values that are not finite.
    """
    return evaluate(waveform, config, engine, sequence_kernel, sequence_reference)


def summary_kernel(sound: Sound, config: SummaryConfig):
    """Tensor, shape (clips, dimensions, 1)."""
    import torch

    frames = FrameConfig(**config.framing)
    cepstrum, pitches = sound.of(mfcc_kernel, config.mfcc), sound.of(chroma_kernel, config.chroma)
    scalars = [sound.of(kernel, frames) for kernel in _SCALAR_KERNELS]
    if config.kind == "tutorial":
        rows = torch.cat([pitches.mean(dim=1, keepdim=True), *scalars, cepstrum], dim=1)
        return rows.mean(dim=-1, keepdim=True)
    deltas = [delta_kernel(cepstrum, DELTA_WIDTH, order) for order in range(1, config.delta_order + 1)]
    rows = torch.cat([cepstrum, *deltas, pitches, sound.of(contrast_kernel, config.contrast), *scalars], dim=1)
    return torch.cat([rows.mean(dim=-1, keepdim=True), rows.std(dim=-1, correction=0, keepdim=True)], dim=1)


def summary_reference(clip: np.ndarray, config: SummaryConfig) -> np.ndarray:
    """By librosa, for one clip: float64 array, shape (dimensions, 1)."""
    cepstrum, pitches = mfcc_reference(clip, config.mfcc), chroma_reference(clip, config.chroma)
    scalars = [reference(clip, config) for reference in _SCALAR_REFERENCES]
    if config.kind == "tutorial":
        rows = np.concatenate([pitches.mean(axis=0, keepdims=True), *scalars, cepstrum])
        return rows.mean(axis=-1, keepdims=True)
    deltas = [delta(cepstrum, DELTA_WIDTH, order, "librosa") for order in range(1, config.delta_order + 1)]
    rows = np.concatenate([cepstrum, *deltas, pitches, contrast_reference(clip, config.contrast), *scalars])
    return np.concatenate([rows.mean(axis=-1, keepdims=True), rows.std(axis=-1, keepdims=True)])


def sequence_kernel(sound: Sound, config: SequenceConfig):
    """Tensor, shape (clips, 33, frames)."""
    import torch

    parts = (
        sound.of(mfcc_kernel, config.mfcc),
        sound.of(centroid_kernel, FrameConfig(**config.framing)),
        sound.of(chroma_kernel, config.chroma),
        sound.of(contrast_kernel, config.contrast),
    )
    return torch.cat(parts, dim=1)


def sequence_reference(clip: np.ndarray, config: SequenceConfig) -> np.ndarray:
    """By librosa, for one clip: float64 array, shape (33, frames)."""
    parts = (
        mfcc_reference(clip, config.mfcc),
        centroid_reference(clip, config),
        chroma_reference(clip, config.chroma),
        contrast_reference(clip, config.contrast),
    )
    return np.concatenate(parts)
