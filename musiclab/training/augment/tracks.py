"""Nine changes to single waveforms before training, from the four-layer CNN (Dohppak, GTZAN).

Call each as ``change(waveform, rng)``. A keyword argument sets the amount, either as a number or as a pair ``(low,
high)`` to draw from uniformly. Split the data first, and change only training clips::

    rng = np.random.default_rng([seed, clip])  # independent of the other clips
    copies = [change(waveform, rng) for change in tracks.AUGMENTATIONS.values()]

Unless stated otherwise, results are finite, float32, as long as the input, and in [-1, 1]. Louder results are scaled
down.
"""

from collections.abc import Callable

import numpy as np

from musiclab.audio import fix_length, resample
from musiclab.core.errors import AudioError, RunError
from musiclab.core.extras import require

Amount = float | tuple[float, float]

_N_FFT = 2048  # samples, librosa's default for music, 93 ms at 22,050 Hz
_SHORTEST = 64  # samples; shorter sounds have no window to stretch or separate


def noise(waveform: np.ndarray, rng: np.random.Generator, snr: Amount = (10.0, 30.0)) -> np.ndarray:
    """Add white noise at a signal-to-noise ratio of ``snr`` dB. Silence is not changed."""
    waveform = _check_and_copy(waveform)
    ratio = 10 ** (-_draw(rng, snr) / 20)
    white_noise = rng.standard_normal(len(waveform), dtype=np.float32)
    level = np.linalg.norm(waveform) / np.linalg.norm(white_noise)
    return _scale_to_range(waveform + white_noise * np.float32(level * ratio))


def circular_shift(waveform: np.ndarray, rng: np.random.Generator, share: Amount = (0.0, 1.0)) -> np.ndarray:
    """Rotate the waveform by a ``share`` of its length. The end moves to the start, or vice versa if negative."""
    waveform = _check_and_copy(waveform)
    return np.roll(waveform, round(_draw(rng, share) * len(waveform)))


def time_stretch(waveform: np.ndarray, rng: np.random.Generator, factor: Amount = (0.8, 1.25)) -> np.ndarray:
    """Change the tempo but not the pitch, with librosa's phase vocoder.

    A ``factor`` above 1 is faster. The result has ``round(samples / factor)`` samples.
    """
    require("time_stretch", "lessons", "librosa")
    import librosa

    waveform = _check_and_copy(waveform)
    rate = _draw(rng, factor, above=0)
    return _scale_to_range(librosa.effects.time_stretch(waveform, rate=rate, n_fft=_n_fft(waveform)))


def pitch_and_speed(waveform: np.ndarray, rng: np.random.Generator, factor: Amount = (0.8, 1.25)) -> np.ndarray:
    """Change tempo and pitch together, like a tape or a record, by resampling.

    A ``factor`` above 1 is faster and higher; 1.06 is a semitone. The result has about ``samples / factor`` samples.
    """
    waveform = _check_and_copy(waveform)
    return _scale_to_range(resample(waveform, _draw(rng, factor, above=0), 1.0))


def pitch_shift(waveform: np.ndarray, rng: np.random.Generator, semitones: Amount = (-2.0, 2.0)) -> np.ndarray:
    """Change the pitch by ``semitones`` but not the tempo, with librosa, which stretches and resamples the waveform."""
    require("pitch_shift", "lessons", "librosa")
    import librosa

    waveform = _check_and_copy(waveform)
    steps = _draw(rng, semitones)
    # the sample rate cancels out, so any value works
    return _scale_to_range(librosa.effects.pitch_shift(waveform, sr=22050, n_steps=steps, n_fft=_n_fft(waveform)))


def speed(waveform: np.ndarray, rng: np.random.Generator, factor: Amount = (0.9, 1.1)) -> np.ndarray:
    """Change the tempo like :func:`time_stretch`, then crop or pad the end to the original length."""
    return fix_length(time_stretch(waveform, rng, factor), len(waveform))


def gain(waveform: np.ndarray, rng: np.random.Generator, factor: Amount = (1.5, 3.0)) -> np.ndarray:
    """Multiply by ``factor`` (1.5 is 3.5 dB, 3 is 9.5 dB), and clip peaks like an overdriven recording."""
    waveform = _check_and_copy(waveform)
    return np.clip(waveform * np.float32(_draw(rng, factor, above=0)), -1, 1)


def percussive(waveform: np.ndarray, rng: np.random.Generator, margin: Amount = 1.0) -> np.ndarray:
    """Keep the percussive part of the sound, with librosa's harmonic-percussive separation (Fitzgerald 2010).

    ``margin``, 1 or more, is how much stronger the percussive part must be; 1 splits evenly.
    """
    require("percussive", "lessons", "librosa")
    import librosa

    waveform = _check_and_copy(waveform)
    margin = _draw(rng, margin, above=0)
    return _scale_to_range(librosa.effects.percussive(waveform, margin=margin, n_fft=_n_fft(waveform)))


def shift(waveform: np.ndarray, rng: np.random.Generator, share: Amount = (-0.2, 0.2)) -> np.ndarray:
    """Delay the waveform by a ``share`` of its length in [-1, 1], or advance it if negative. Pad with zeros."""
    waveform = _check_and_copy(waveform)
    delay = round(np.clip(_draw(rng, share), -1, 1) * len(waveform))
    kept = waveform[: len(waveform) - delay] if delay >= 0 else waveform[-delay:]
    return np.pad(kept, (max(delay, 0), max(-delay, 0)))


AUGMENTATIONS: dict[str, Callable] = {
    change.__name__: change
    for change in (noise, circular_shift, time_stretch, pitch_and_speed, pitch_shift, speed, gain, percussive, shift)
}
"""The nine changes by name. Each is a function ``change(waveform, rng) -> waveform``."""


def _check_and_copy(waveform: np.ndarray) -> np.ndarray:
    waveform = np.array(waveform, dtype=np.float32)  # a copy, so that results never share memory with the input
    if waveform.ndim != 1 or len(waveform) < _SHORTEST:
        raise AudioError(
            f"expected a waveform of shape (samples,) with at least {_SHORTEST} samples, found shape "
            f"{waveform.shape}. Load it with mono=True, or leave the clip out."
        )
    if not np.isfinite(waveform).all():
        raise AudioError("the waveform contains NaN or infinite samples. Load the sound again.")
    return waveform


def _draw(rng: np.random.Generator, amount: Amount, above: float = -np.inf) -> float:
    low, high = amount if isinstance(amount, (tuple, list)) else (amount, amount)
    if not above < low <= high < np.inf:
        limit = "" if above == -np.inf else f" above {above:g}"
        raise RunError(f"expected a finite amount{limit}, or a pair (low, high) of such amounts, found {amount!r}")
    return float(low if low == high else rng.uniform(low, high))


def _scale_to_range(waveform: np.ndarray) -> np.ndarray:
    peak = np.abs(waveform).max(initial=0)
    return (waveform / max(peak, 1)).astype(np.float32, copy=False)


def _n_fft(waveform: np.ndarray) -> int:
    """Choose a power of two that is not longer than the waveform."""
    return min(_N_FFT, 1 << (len(waveform).bit_length() - 1))
