"""The torch engine: each feature of a batch of clips, on any device.

A kernel takes a :class:`~musiclab.features.kernels.sound.Sound` and settings, and returns a tensor of shape (clips,
dimensions, frames), or (clips,) for the tuning and the tempo.
"""

from musiclab.features.kernels.mel import delta, logmel, mfcc
from musiclab.features.kernels.pitch import chroma, tuning
from musiclab.features.kernels.rhythm import tempo
from musiclab.features.kernels.sound import Sound, audio, on_tensor
from musiclab.features.kernels.spectral import bandwidth, centroid, contrast, rms, rolloff, zero_crossing_rate
from musiclab.features.kernels.vectors import sequence, summary

_ROWS = (logmel, mfcc, chroma, contrast, centroid, bandwidth, rolloff, rms, zero_crossing_rate)
_KERNELS = {kernel.__name__: kernel for kernel in (audio, *_ROWS, tuning, tempo, summary, sequence)}


def evaluate(waveform, features: dict[str, tuple]) -> dict:
    """Compute ``{name: (feature, config)}`` of waveforms, shape (..., samples), from one :class:`Sound`."""
    *batch, samples = waveform.shape

    def evaluate_tensor(tensor):
        sound = Sound(tensor.reshape(-1, samples), *(config for _, config in features.values()))
        values = {name: sound.of(_KERNELS[feature], config) for name, (feature, config) in features.items()}
        return {name: value.reshape((*batch, *value.shape[1:])).contiguous() for name, value in values.items()}

    return on_tensor(waveform, evaluate_tensor)
