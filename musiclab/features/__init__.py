"""Features: what a classifier sees of a sound.

Each is defined once and computed by two engines that agree: ``"librosa"``, the field's reference, one clip at a
time, and ``"torch"``, batched and on any device, the one that is used where nothing is said. All are functions of
``(waveform, config, engine)``, take shape ``(..., samples)`` and give float32:

======================  =====================  =============================================================
function                shape                  unit, range
======================  =====================  =============================================================
``log_mel``             (..., n_mels, frames)  dB, natural logarithm, or log10(1 + 10 x) of the magnitude
``mfcc``                (..., n_mfcc, frames)  dB: cosine transform of the mel power
``delta``               as what it is given    unit of that, a frame
``chroma``              (..., 12, frames)      share of the frame's strongest pitch class, 0 to 1
``tuning``              (...,)                 semitones from A = 440 Hz, -0.5 to 0.5
``spectral_contrast``   (..., 7, frames)       10 log10 of a ratio of magnitudes: half the dB of level
``spectral_centroid``   (..., 1, frames)       Hz
``spectral_bandwidth``  (..., 1, frames)       Hz
``spectral_rolloff``    (..., 1, frames)       Hz
``rms``                 (..., 1, frames)       1 is a square wave at full scale
``zero_crossing_rate``  (..., 1, frames)       share of the samples, 0 to 1
``tempo``               (...,)                 beats a minute
``summary``             (..., 26), (..., 128)  each column its own, named by ``SummaryConfig.names``
``sequence``            (..., 33, frames)      each row its own, named by ``SequenceConfig.names``
======================  =====================  =============================================================

:func:`compute` gives several at once and computes what they share once; :data:`FEATURES` and :func:`config` know those
that a store can hold by name.
"""

from musiclab.features.mel import delta, log_mel, mel_bank, mfcc
from musiclab.features.pitch import chroma, tuning
from musiclab.features.registry import FEATURES, compute, config
from musiclab.features.rhythm import TempoConfig, tempo
from musiclab.features.settings import (
    FLOOR,
    PITCH_CLASSES,
    SCALINGS,
    AudioConfig,
    ChromaConfig,
    ContrastConfig,
    FrameConfig,
    MelConfig,
    MfccConfig,
)
from musiclab.features.spectral import (
    rms,
    spectral_bandwidth,
    spectral_centroid,
    spectral_contrast,
    spectral_rolloff,
    zero_crossing_rate,
)
from musiclab.features.vectors import SequenceConfig, SummaryConfig, sequence, summary

__all__ = [
    "FEATURES",
    "FLOOR",
    "PITCH_CLASSES",
    "SCALINGS",
    "AudioConfig",
    "ChromaConfig",
    "ContrastConfig",
    "FrameConfig",
    "MelConfig",
    "MfccConfig",
    "SequenceConfig",
    "SummaryConfig",
    "TempoConfig",
    "chroma",
    "compute",
    "config",
    "delta",
    "log_mel",
    "mel_bank",
    "mfcc",
    "rms",
    "sequence",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_rolloff",
    "summary",
    "tempo",
    "tuning",
    "zero_crossing_rate",
]
