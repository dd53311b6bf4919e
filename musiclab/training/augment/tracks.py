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

Amount = float | tuple[float, float]

_N_FFT = 2048  # samples, librosa's default for music, 93 ms at 22,050 Hz
_SHORTEST = 64  # samples; shorter sounds have no window to stretch or separate


def noise(waveform: np.ndarray, rng: np.random.Generator, snr: Amount = (10.0, 30.0)) -> np.ndarray:
    """Add white noise to a waveform. Silence is not changed.

    Parameters
    ----------
    waveform : array, shape (samples,)
        Sound with at least 64 samples. It is not modified.
    rng : numpy.random.Generator
        Random generator.
    snr : float or (float, float), dB, default (10.0, 30.0)
        Signal-to-noise ratio. A pair is a range to draw from.

    Returns
    -------
    float32 array, shape (samples,)
        The changed waveform.

    Raises
    ------
    AudioError
        The waveform is too short, contains NaN or infinite samples, or has several channels.
    RunError
        ``snr`` is not a finite number or a pair of such numbers.

    Examples
    --------
    >>> noise(np.ones(100), np.random.default_rng(0), snr=20.0).shape
    (100,)
    """
    waveform = _check_and_copy(waveform)
    ratio = 10 ** (-_draw(rng, snr) / 20)
    white_noise = rng.standard_normal(len(waveform), dtype=np.float32)
    level = np.linalg.norm(waveform) / np.linalg.norm(white_noise)
    return _scale_to_range(waveform + white_noise * np.float32(level * ratio))


def circular_shift(waveform: np.ndarray, rng: np.random.Generator, share: Amount = (0.0, 1.0)) -> np.ndarray:
    """Rotate a waveform in time. Samples that leave at one end enter at the other.

    Parameters
    ----------
    waveform : array, shape (samples,)
        Sound with at least 64 samples. It is not modified.
    rng : numpy.random.Generator
        Random generator.
    share : float or (float, float), default (0.0, 1.0)
        Shift as a share of the length. With positive values the end moves to the start, with negative values the start
        moves to the end. A pair is a range to draw from.

    Returns
    -------
    float32 array, shape (samples,)
        The rotated waveform.

    Raises
    ------
    AudioError
        The waveform is too short, contains NaN or infinite samples, or has several channels.
    RunError
        ``share`` is not a finite number or a pair of such numbers.

    Examples
    --------
    >>> circular_shift(np.arange(100) / 100, np.random.default_rng(0), share=0.1)[:3]
    array([0.9 , 0.91, 0.92], dtype=float32)
    """
    waveform = _check_and_copy(waveform)
    return np.roll(waveform, round(_draw(rng, share) * len(waveform)))


def time_stretch(waveform: np.ndarray, rng: np.random.Generator, factor: Amount = (0.8, 1.25)) -> np.ndarray:
    """Change the tempo of a waveform but not its pitch, with librosa's phase vocoder.

    Parameters
    ----------
    waveform : array, shape (samples,)
        Sound with at least 64 samples. It is not modified.
    rng : numpy.random.Generator
        Random generator.
    factor : float or (float, float), default (0.8, 1.25)
        Factor of the speed, greater than 0. Values above 1 are faster. A pair is a range to draw from.

    Returns
    -------
    float32 array
        The stretched waveform, with ``round(samples / factor)`` samples.

    Raises
    ------
    AudioError
        The waveform is too short, contains NaN or infinite samples, or has several channels.
    RunError
        ``factor`` is not a finite number or a pair of such numbers, or not greater than 0.
    """
    import librosa

    waveform = _check_and_copy(waveform)
    rate = _draw(rng, factor, above=0)
    return _scale_to_range(librosa.effects.time_stretch(waveform, rate=rate, n_fft=_n_fft(waveform)))


def pitch_and_speed(waveform: np.ndarray, rng: np.random.Generator, factor: Amount = (0.8, 1.25)) -> np.ndarray:
    """Change tempo and pitch together, like a tape or a record, by resampling.

    Parameters
    ----------
    waveform : array, shape (samples,)
        Sound with at least 64 samples. It is not modified.
    rng : numpy.random.Generator
        Random generator.
    factor : float or (float, float), default (0.8, 1.25)
        Factor of the speed, greater than 0. Values above 1 are faster and higher. 1.06 is a semitone. A pair is a range
        to draw from.

    Returns
    -------
    float32 array
        The resampled waveform, with about ``samples / factor`` samples.

    Raises
    ------
    AudioError
        The waveform is too short, contains NaN or infinite samples, or has several channels.
    RunError
        ``factor`` is not a finite number or a pair of such numbers, or not greater than 0.

    Examples
    --------
    >>> len(pitch_and_speed(np.zeros(1000), np.random.default_rng(0), factor=2.0))  # one octave higher
    500
    """
    waveform = _check_and_copy(waveform)
    return _scale_to_range(resample(waveform, _draw(rng, factor, above=0), 1.0))


def pitch_shift(waveform: np.ndarray, rng: np.random.Generator, semitones: Amount = (-2.0, 2.0)) -> np.ndarray:
    """Change the pitch of a waveform but not its tempo, with librosa, which stretches and resamples it.

    Parameters
    ----------
    waveform : array, shape (samples,)
        Sound with at least 64 samples. It is not modified.
    rng : numpy.random.Generator
        Random generator.
    semitones : float or (float, float), semitones, default (-2.0, 2.0)
        Change of the pitch. Positive values are higher. A pair is a range to draw from.

    Returns
    -------
    float32 array, shape (samples,)
        The shifted waveform.

    Raises
    ------
    AudioError
        The waveform is too short, contains NaN or infinite samples, or has several channels.
    RunError
        ``semitones`` is not a finite number or a pair of such numbers.
    """
    import librosa

    waveform = _check_and_copy(waveform)
    steps = _draw(rng, semitones)
    # the sample rate cancels out, so any value works
    return _scale_to_range(librosa.effects.pitch_shift(waveform, sr=22050, n_steps=steps, n_fft=_n_fft(waveform)))


def speed(waveform: np.ndarray, rng: np.random.Generator, factor: Amount = (0.9, 1.1)) -> np.ndarray:
    """Change the tempo but not the length of a waveform.

    The waveform is stretched like in :func:`time_stretch`. Then its end is cropped or padded.

    Parameters
    ----------
    waveform : array, shape (samples,)
        Sound with at least 64 samples. It is not modified.
    rng : numpy.random.Generator
        Random generator.
    factor : float or (float, float), default (0.9, 1.1)
        Factor of the speed, as in :func:`time_stretch`. A pair is a range to draw from.

    Returns
    -------
    float32 array, shape (samples,)
        The stretched waveform.

    Raises
    ------
    AudioError
        The waveform is too short, contains NaN or infinite samples, or has several channels.
    RunError
        ``factor`` is not a finite number or a pair of such numbers, or not greater than 0.
    """
    return fix_length(time_stretch(waveform, rng, factor), len(waveform))


def gain(waveform: np.ndarray, rng: np.random.Generator, factor: Amount = (1.5, 3.0)) -> np.ndarray:
    """Make a waveform louder, and clip its peaks like an overdriven recording.

    Parameters
    ----------
    waveform : array, shape (samples,)
        Sound with at least 64 samples. It is not modified.
    rng : numpy.random.Generator
        Random generator.
    factor : float or (float, float), default (1.5, 3.0)
        Factor of the amplitude, greater than 0. 1.5 is 3.5 dB, 3 is 9.5 dB. A pair is a range to draw from.

    Returns
    -------
    float32 array, shape (samples,)
        The amplified waveform.

    Raises
    ------
    AudioError
        The waveform is too short, contains NaN or infinite samples, or has several channels.
    RunError
        ``factor`` is not a finite number or a pair of such numbers, or not greater than 0.

    Examples
    --------
    >>> gain(np.full(100, 0.3), np.random.default_rng(0), factor=2.0)[:2]
    array([0.6, 0.6], dtype=float32)
    """
    waveform = _check_and_copy(waveform)
    return np.clip(waveform * np.float32(_draw(rng, factor, above=0)), -1, 1)


def percussive(waveform: np.ndarray, rng: np.random.Generator, margin: Amount = 1.0) -> np.ndarray:
    """Keep the percussive part of a sound, with librosa's harmonic-percussive separation (Fitzgerald 2010).

    Parameters
    ----------
    waveform : array, shape (samples,)
        Sound with at least 64 samples. It is not modified.
    rng : numpy.random.Generator
        Random generator.
    margin : float or (float, float), default 1.0
        How much stronger the percussive part must be than the harmonic part, 1 or more. 1 splits the sound evenly. A
        pair is a range to draw from.

    Returns
    -------
    float32 array, shape (samples,)
        The percussive part.

    Raises
    ------
    AudioError
        The waveform is too short, contains NaN or infinite samples, or has several channels.
    RunError
        ``margin`` is not a finite number or a pair of such numbers, or not greater than 0.
    """
    import librosa

    waveform = _check_and_copy(waveform)
    margin = _draw(rng, margin, above=0)
    return _scale_to_range(librosa.effects.percussive(waveform, margin=margin, n_fft=_n_fft(waveform)))


def shift(waveform: np.ndarray, rng: np.random.Generator, share: Amount = (-0.2, 0.2)) -> np.ndarray:
    """Delay or advance a waveform, and pad it with zeros.

    Parameters
    ----------
    waveform : array, shape (samples,)
        Sound with at least 64 samples. It is not modified.
    rng : numpy.random.Generator
        Random generator.
    share : float or (float, float), default (-0.2, 0.2)
        Delay as a share of the length, in [-1, 1]. Negative values advance the waveform. A pair is a range to draw
        from.

    Returns
    -------
    float32 array, shape (samples,)
        The shifted waveform.

    Raises
    ------
    AudioError
        The waveform is too short, contains NaN or infinite samples, or has several channels.
    RunError
        ``share`` is not a finite number or a pair of such numbers.

    Examples
    --------
    >>> shift(np.ones(100), np.random.default_rng(0), share=0.02)[:4]
    array([0., 0., 1., 1.], dtype=float32)
    """
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
