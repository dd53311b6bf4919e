"""Features by name: what a store can hold of a clip, its settings, and several computed at once."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Literal

import numpy as np

from musiclab.core.errors import did_you_mean
from musiclab.features import mel, pitch, spectral, vectors
from musiclab.features.settings import AudioConfig, ChromaConfig, ContrastConfig, MelConfig, MfccConfig
from musiclab.features.sound import Sound, by_torch, check
from musiclab.features.vectors import SequenceConfig, SummaryConfig

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
"""The class of settings of each feature."""

_KERNELS_AND_REFERENCES = {
    AudioConfig: (lambda sound, _: sound.waveform, lambda clip, _: clip),
    MelConfig: (mel.log_mel_kernel, mel.log_mel_reference),
    MfccConfig: (mel.mfcc_kernel, mel.mfcc_reference),
    ChromaConfig: (pitch.chroma_kernel, pitch.chroma_reference),
    ContrastConfig: (spectral.contrast_kernel, spectral.contrast_reference),
    SummaryConfig: (vectors.summary_kernel, vectors.summary_reference),
    SequenceConfig: (vectors.sequence_kernel, vectors.sequence_reference),
}


def config(name: str, settings: Mapping | None = None) -> Config:
    """The settings of a feature, from what a store, a model or a user says of them.

    Parameters
    ----------
    name
        One of :data:`FEATURES`.
    settings
        Those that differ from the defaults, such as what ``to_dict()`` gave.

    Raises
    ------
    ValueError
        The name or a setting is not known, or a setting cannot be.

    Examples
    --------
    >>> config("mfcc", {"n_mfcc": 13}).names[-1]
    'mfcc_12'
    """
    if name not in FEATURES:
        raise ValueError(
            f"expected a feature among {', '.join(FEATURES)}, found {name!r}{did_you_mean(name, FEATURES)}"
        )
    known = [field.name for field in fields(FEATURES[name])]
    for setting in settings or {}:
        if setting not in known:
            raise ValueError(
                f"{name}: expected settings among {', '.join(known)}, found {setting!r}{did_you_mean(setting, known)}"
            )
    return FEATURES[name](**(settings or {}))


def compute(waveform, configs: Mapping[str, Config], engine: Literal["torch", "librosa"] = "torch") -> dict:
    """Several features of the same sound; what they share is computed once.

    Parameters
    ----------
    waveform : array or tensor, shape (..., samples)
        At the rate that all of ``configs`` have.
    configs
        Settings by any name: the keys of the result. The class of each says which feature it is.
    engine
        ``"torch"`` or ``"librosa"``; only the first shares spectra (one for each pair of ``n_fft`` and
        ``hop_length``), filter banks and coefficients.

    Returns
    -------
    dict of arrays or tensors (whichever was given), float32, shape (..., dimensions, frames)
        A summary has one frame; ``audio`` is the waveform itself, shape (..., samples).

    Raises
    ------
    ValueError
        The waveform is shorter than one frame of one of them, or not finite; or their sample rates differ.

    Examples
    --------
    >>> values = compute(np.zeros(22050), {"logmel": MelConfig(), "summary": SummaryConfig()})
    >>> {name: value.shape for name, value in values.items()}
    {'logmel': (128, 44), 'summary': (26, 1)}
    """
    rates = {name: each.sample_rate for name, each in configs.items()}
    if len(set(rates.values())) > 1:
        raise ValueError(f"expected one sample rate for all features, found {rates} (Hz)")
    check(waveform, *configs.values())
    *batch, samples = waveform.shape
    if engine == "librosa":
        clips = np.asarray(waveform, dtype=np.float32).reshape(-1, samples)
        stacks = {name: np.stack([_of(each)[1](clip, each) for clip in clips]) for name, each in configs.items()}
        return {name: np.float32(values).reshape(*batch, *values.shape[1:]) for name, values in stacks.items()}

    def kernels(tensor):
        sound = Sound(tensor.reshape(-1, samples), *configs.values())
        values = {name: sound.of(_of(each)[0], each) for name, each in configs.items()}
        return {name: value.reshape(*batch, *value.shape[1:]).contiguous() for name, value in values.items()}

    return by_torch(waveform, engine, kernels)


def _of(each: Config) -> tuple:
    if type(each) not in _KERNELS_AND_REFERENCES:
        raise ValueError(f"expected settings of one of {', '.join(FEATURES)}, found {each!r}")
    return _KERNELS_AND_REFERENCES[type(each)]
