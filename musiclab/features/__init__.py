"""Features of a sound: the values that a classifier takes as input.

Two engines that agree compute them: ``"torch"``, the default, in batches and on any device, and ``"librosa"``, the
field's reference. All are functions of ``(waveform, config, engine)`` of a waveform of shape (..., samples):

======================  =====================  =============================================================
function                shape                  unit, range
======================  =====================  =============================================================
``log_mel``             (..., n_mels, frames)  dB, natural logarithm, or log10(1 + 10 x) of the magnitude
``mfcc``                (..., n_mfcc, frames)  dB: cosine transform of the mel power
``delta``               that of its input      unit of its input, per frame
``chroma``              (..., 12, frames)      share of the frame's strongest pitch class, 0 to 1
``tuning``              (...,)                 semitones from A = 440 Hz, -0.5 to 0.5
``spectral_contrast``   (..., 7, frames)       10 log10 of a ratio of magnitudes: half the dB of level
``spectral_centroid``   (..., 1, frames)       Hz, as ``spectral_bandwidth`` and ``spectral_rolloff``
``rms``                 (..., 1, frames)       1 is a square wave at full scale
``zero_crossing_rate``  (..., 1, frames)       share of the samples, 0 to 1
``tempo``               (...,)                 beats per minute
``summary``             (..., 26), (..., 128)  one unit per column, named by ``SummaryConfig.names``
``sequence``            (..., 33, frames)      one unit per row, named by ``SequenceConfig.names``
======================  =====================  =============================================================

:func:`compute` returns several at once; :data:`FEATURES` and :func:`config` know those that a store can hold.
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
    FEATURES,
    PITCH_CLASSES,
    SCALINGS,
    AudioConfig,
    ChromaConfig,
    ContrastConfig,
    FrameConfig,
    MelConfig,
    MfccConfig,
    SequenceConfig,
    SummaryConfig,
    TempoConfig,
    config,
)
from musiclab.features.torchaudio import load_torchaudio
