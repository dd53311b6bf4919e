"""Nine changes of one waveform, made before training: those of the four-layer CNN (Dohppak, GTZAN).

All are called as ``change(waveform, rng)``, with the amount as a keyword: a number, or a pair ``(low, high)`` from
which it is drawn uniformly. Split by track first, and never change validation or test::

    rng = np.random.default_rng([seed, clip])  # a clip's copies do not depend on the other clips copies =
    [change(waveform, rng) for change in tracks.AUGMENTATIONS.values()]

Unless its function says otherwise, a result is finite float32, as long as the input, and in [-1, 1]: a louder one is
turned down as a whole.
"""

from collections.abc import Callable

import numpy as np

from musiclab.audio import fix_length, resample
from musiclab.core.errors import AudioError, RunError

Amount = float | tuple[float, float]

_N_FFT = 2048  # samples, librosa's window for music: 93 ms at 22,050 Hz
_SHORTEST = 64  # samples: less holds no window to stretch or to split


def noise(waveform: np.ndarray, rng: np.random.Generator, snr: Amount = (10.0, 30.0)) -> np.ndarray:
    """Add white noise at a signal-to-noise ratio of ``snr`` dB; silence stays silence."""
    waveform = _checked(waveform)
    ratio = 10 ** (-_draw(rng, snr) / 20)
    added = rng.standard_normal(len(waveform), dtype=np.float32)
    level = np.linalg.norm(waveform) / np.linalg.norm(added)
    return _in_range(waveform + added * np.float32(level * ratio))


def circular_shift(waveform: np.ndarray, rng: np.random.Generator, share: Amount = (0.0, 1.0)) -> np.ndarray:
    """Rotate by ``share`` of the track: its end comes back at the start (negative: its start at the end)."""
    waveform = _checked(waveform)
    return np.roll(waveform, round(_draw(rng, share) * len(waveform)))


def time_stretch(waveform: np.ndarray, rng: np.random.Generator, factor: Amount = (0.8, 1.25)) -> np.ndarray:
    """Change the tempo and keep the pitch, by librosa's phase vocoder.

    A ``factor`` over 1 is faster. The result has ``round(samples / factor)`` samples.
    """
    import librosa

    waveform = _checked(waveform)
    rate = _draw(rng, factor, over=0)
    return _in_range(librosa.effects.time_stretch(waveform, rate=rate, n_fft=_n_fft(waveform)))


def pitch_and_speed(waveform: np.ndarray, rng: np.random.Generator, factor: Amount = (0.8, 1.25)) -> np.ndarray:
    """Change tempo and pitch together, as a tape or a record does, by resampling.

    A ``factor`` over 1 is faster and higher; 1.06 is a semitone. The result has about ``samples / factor`` samples.
    """
    waveform = _checked(waveform)
    return _in_range(resample(waveform, _draw(rng, factor, over=0), 1.0))


def pitch_shift(waveform: np.ndarray, rng: np.random.Generator, semitones: Amount = (-2.0, 2.0)) -> np.ndarray:
    """Change the pitch by ``semitones`` and keep the tempo: librosa stretches the track and resamples it back."""
    import librosa

    waveform = _checked(waveform)
    steps = _draw(rng, semitones)
    # the rate cancels out: it only says from what to resample to what
    return _in_range(librosa.effects.pitch_shift(waveform, sr=22050, n_steps=steps, n_fft=_n_fft(waveform)))


def speed(waveform: np.ndarray, rng: np.random.Generator, factor: Amount = (0.9, 1.1)) -> np.ndarray:
    """Change the tempo as :func:`time_stretch`, but keep the length: cut the end off, or add silence."""
    return fix_length(time_stretch(waveform, rng, factor), len(waveform))


def gain(waveform: np.ndarray, rng: np.random.Generator, factor: Amount = (1.5, 3.0)) -> np.ndarray:
    """Multiply by ``factor`` (1.5 is 3.5 dB, 3 is 9.5 dB); peaks are clipped, as in a recording set too loud."""
    waveform = _checked(waveform)
    return np.clip(waveform * np.float32(_draw(rng, factor, over=0)), -1, 1)


def percussive(waveform: np.ndarray, rng: np.random.Generator, margin: Amount = 1.0) -> np.ndarray:
    """Keep short sounds and remove held ones, by librosa's harmonic-percussive separation (Fitzgerald 2010).

    ``margin``, 1 or more, is how much the percussive part must outweigh the harmonic one; 1 splits evenly.
    """
    import librosa

    waveform = _checked(waveform)
    margin = _draw(rng, margin, over=0)
    return _in_range(librosa.effects.percussive(waveform, margin=margin, n_fft=_n_fft(waveform)))


def shift(waveform: np.ndarray, rng: np.random.Generator, share: Amount = (-0.2, 0.2)) -> np.ndarray:
    """Move later (earlier if negative) by ``share`` of the track, in [-1, 1]; zeros fill the rest."""
    waveform = _checked(waveform)
    move = round(np.clip(_draw(rng, share), -1, 1) * len(waveform))
    kept = waveform[: len(waveform) - move] if move >= 0 else waveform[-move:]
    return np.pad(kept, (max(move, 0), max(-move, 0)))


AUGMENTATIONS: dict[str, Callable] = {
    change.__name__: change
    for change in (noise, circular_shift, time_stretch, pitch_and_speed, pitch_shift, speed, gain, percussive, shift)
}
"""The nine by name, each ``change(waveform, rng) -> waveform`` at its own default amount."""


def _checked(waveform: np.ndarray) -> np.ndarray:
    waveform = np.array(waveform, dtype=np.float32)  # a copy: a result never shares memory with the input
    if waveform.ndim != 1 or len(waveform) < _SHORTEST:
        raise AudioError(
            f"expected a waveform of shape (samples,) with at least {_SHORTEST} samples, found shape "
            f"{waveform.shape}; load it with mono=True, or leave the clip out"
        )
    if not np.isfinite(waveform).all():
        raise AudioError("expected finite samples, found NaN or infinite ones; load the sound again")
    return waveform


def _draw(rng: np.random.Generator, amount: Amount, over: float = -np.inf) -> float:
    low, high = amount if isinstance(amount, (tuple, list)) else (amount, amount)
    if not over < low <= high < np.inf:
        limit = "" if over == -np.inf else f" over {over:g}"
        raise RunError(f"expected a finite amount{limit}, or a pair (low, high) of them, found {amount!r}")
    return float(low if low == high else rng.uniform(low, high))


def _in_range(waveform: np.ndarray) -> np.ndarray:
    peak = np.abs(waveform).max(initial=0)
    return (waveform / max(peak, 1)).astype(np.float32, copy=False)


def _n_fft(waveform: np.ndarray) -> int:
    """Choose a power of two that is no longer than the track."""
    return min(_N_FFT, 1 << (len(waveform).bit_length() - 1))
