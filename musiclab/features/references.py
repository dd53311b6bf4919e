"""The librosa engine: compute features clip by clip, as the reference for the torch engine."""

import librosa
import numpy as np

from musiclab.features.settings import DELTA_WIDTH, RANGE, FrameConfig, scale


def evaluate(waveform, features: dict[str, tuple]) -> dict[str, np.ndarray]:
    """Compute ``features``, a dictionary ``{name: (feature, config)}``, of waveforms of shape (..., samples)."""
    *leading, samples = waveform.shape
    clips = np.asarray(waveform, dtype=np.float32).reshape(-1, samples)
    values = {}
    for name, (feature, config) in features.items():
        stack = np.stack([_REFERENCES[feature](clip, config) for clip in clips]).astype(np.float32)
        values[name] = stack.reshape((*leading, *stack.shape[1:]))
    return values


def delta(values, width: int, order: int) -> np.ndarray:
    return librosa.feature.delta(np.asarray(values), width=width, order=order).astype(np.float32)


def audio(clip, config):
    return clip


def logmel(clip, config):
    settings = _to_librosa(config)
    del settings["scaling"]
    return scale(librosa.feature.melspectrogram(y=clip, **settings), config, np)


def mfcc(clip, config):
    decibels = logmel(clip, config.mel)
    return librosa.feature.mfcc(S=np.maximum(decibels, decibels.max() - RANGE), n_mfcc=config.n_mfcc)


def chroma(clip, config):
    return librosa.feature.chroma_stft(y=clip, **_to_librosa(config))


def tuning(clip, config):
    power = np.abs(librosa.stft(clip, n_fft=config.n_fft, hop_length=config.hop_length)) ** 2
    return np.array(librosa.estimate_tuning(S=power, sr=config.sample_rate, bins_per_octave=config.n_chroma))


def contrast(clip, config):
    return librosa.feature.spectral_contrast(y=clip, **_to_librosa(config))


def centroid(clip, config):
    return librosa.feature.spectral_centroid(y=clip, **_to_librosa(config))


def bandwidth(clip, config):
    return librosa.feature.spectral_bandwidth(y=clip, **_to_librosa(config))


def rolloff(clip, config):
    return librosa.feature.spectral_rolloff(y=clip, **_to_librosa(config))


def rms(clip, config):
    return librosa.feature.rms(y=clip, frame_length=config.n_fft, hop_length=config.hop_length)


def zero_crossing_rate(clip, config):
    return librosa.feature.zero_crossing_rate(clip, frame_length=config.n_fft, hop_length=config.hop_length)


def tempo(clip, config):
    settings = _to_librosa(config)
    sample_rate, n_fft, hop_length = settings["sr"], settings.pop("n_fft"), settings["hop_length"]
    onsets = librosa.onset.onset_strength(y=clip, sr=sample_rate, n_fft=n_fft, hop_length=hop_length)
    return librosa.feature.tempo(onset_envelope=onsets, **settings)[0]


def summary(clip, config):
    frames = FrameConfig(**config.framing)
    coefficients, pitch_classes = mfcc(clip, config.mfcc), chroma(clip, config.chroma)
    scalars = [reference(clip, frames) for reference in (rms, centroid, bandwidth, rolloff, zero_crossing_rate)]
    if config.kind == "tutorial":
        rows = np.concatenate([pitch_classes.mean(axis=0, keepdims=True), *scalars, coefficients])
        return rows.mean(axis=-1, keepdims=True)
    deltas = [delta(coefficients, DELTA_WIDTH, order) for order in range(1, config.delta_order + 1)]
    rows = np.concatenate([coefficients, *deltas, pitch_classes, contrast(clip, config.contrast), *scalars])
    return np.concatenate([rows.mean(axis=-1, keepdims=True), rows.std(axis=-1, keepdims=True)])


def sequence(clip, config):
    brightness = centroid(clip, FrameConfig(**config.framing))
    pitch_classes, bands = chroma(clip, config.chroma), contrast(clip, config.contrast)
    return np.concatenate([mfcc(clip, config.mfcc), brightness, pitch_classes, bands])


def _to_librosa(config) -> dict:
    """Return settings under librosa's names, which differ only in ``sr``."""
    settings = config.to_dict()
    return {"sr": settings.pop("sample_rate"), **settings}


_ROWS = (logmel, mfcc, chroma, contrast, centroid, bandwidth, rolloff, rms, zero_crossing_rate)
_REFERENCES = {function.__name__: function for function in (audio, *_ROWS, tuning, tempo, summary, sequence)}
