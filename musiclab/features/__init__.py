"""Compute the features of a sound that a classifier takes as input.

There are two engines with the same results: ``"torch"`` (the default) computes batches on any device, and
``"librosa"`` is the reference. Each function takes ``(waveform, config, engine)``, with a waveform of shape
(..., samples):

======================  =====================  =============================================================
function                shape                  unit, range
======================  =====================  =============================================================
``log_mel``             (..., n_mels, frames)  dB, natural logarithm, or log10(1 + 10 x) of the magnitude
``mfcc``                (..., n_mfcc, frames)  dB, cosine transform of the mel power
``delta``               same as its input      unit of its input, per frame
``chroma``              (..., 12, frames)      relative to the frame's strongest pitch class, 0 to 1
``tuning``              (...,)                 semitones from A = 440 Hz, -0.5 to 0.5
``spectral_contrast``   (..., 7, frames)       10 log10 of a ratio of magnitudes, half the dB of level
``spectral_centroid``   (..., 1, frames)       Hz; also ``spectral_bandwidth``, ``spectral_rolloff``
``rms``                 (..., 1, frames)       1 for a square wave at full scale
``zero_crossing_rate``  (..., 1, frames)       share of the samples, 0 to 1
``tempo``               (...,)                 beats per minute
``summary``             (..., 26), (..., 128)  columns named by ``SummaryConfig.names``
``sequence``            (..., 33, frames)      rows named by ``SequenceConfig.names``
======================  =====================  =============================================================

:func:`compute` computes several features at once. :data:`FEATURES` lists those that a store can hold, and
:func:`config` creates their settings.

Examples
--------
>>> import numpy as np
>>> from musiclab import features
>>> waveform = np.random.default_rng(0).normal(0, 0.1, 3 * 22050).astype(np.float32)  # 3 s of noise
>>> features.log_mel(waveform).shape
(128, 130)
>>> features.mfcc(waveform, features.MfccConfig(n_mfcc=13)).shape
(13, 130)
>>> names = features.SummaryConfig().names
>>> len(names), names[2], round(float(features.summary(waveform)[2]), -2)  # Hz
(26, 'centroid', 5500.0)
"""

from musiclab.features.banks import mel_bank
from musiclab.features.functions import (
    chroma,
    compute,
    delta,
    log_mel,
    mfcc,
    rms,
    sequence,
    spectral_bandwidth,
    spectral_centroid,
    spectral_contrast,
    spectral_rolloff,
    summary,
    tempo,
    tuning,
    zero_crossing_rate,
)
from musiclab.features.settings import (
    ENCODERS,
    FEATURES,
    PITCH_CLASSES,
    SCALINGS,
    SEGMENT_SECONDS,
    AudioConfig,
    ChromaConfig,
    ContrastConfig,
    EmbeddingConfig,
    FrameConfig,
    MelConfig,
    MfccConfig,
    SequenceConfig,
    SummaryConfig,
    TempoConfig,
    config,
)
from musiclab.features.torchaudio import load_torchaudio
