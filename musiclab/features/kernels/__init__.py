"""The torch engine: compute features of a batch of clips on any device.

A kernel takes a :class:`~musiclab.features.kernels.batch.ClipBatch` and settings. It returns a tensor of shape (clips,
dimensions, frames), or (clips,) for tuning and tempo.
"""

from musiclab.features.kernels.batch import ClipBatch, apply_to_tensor, audio
from musiclab.features.kernels.mel import delta, logmel, mfcc
from musiclab.features.kernels.pitch import chroma, tuning
from musiclab.features.kernels.rhythm import tempo
from musiclab.features.kernels.spectral import bandwidth, centroid, contrast, rms, rolloff, zero_crossing_rate
from musiclab.features.kernels.vectors import sequence, summary

_ROWS = (logmel, mfcc, chroma, contrast, centroid, bandwidth, rolloff, rms, zero_crossing_rate)
_KERNELS = {kernel.__name__: kernel for kernel in (audio, *_ROWS, tuning, tempo, summary, sequence)}


def evaluate(waveform, features: dict[str, tuple]) -> dict:
    """Compute ``features``, a dictionary ``{name: (feature, config)}``, of waveforms of shape (..., samples)."""
    *leading, samples = waveform.shape

    def evaluate_tensor(tensor):
        batch = ClipBatch(tensor.reshape(-1, samples), *(config for _, config in features.values()))
        values = {name: batch.compute(_KERNELS[feature], config) for name, (feature, config) in features.items()}
        return {name: value.reshape((*leading, *value.shape[1:])).contiguous() for name, value in values.items()}

    return apply_to_tensor(evaluate_tensor, waveform)
