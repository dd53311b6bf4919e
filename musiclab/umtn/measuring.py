"""Measure translations against the truth: the same pieces, rendered with the instruments of the target domain."""

import numpy as np

from musiclab.core.errors import DatasetError
from musiclab.core.extras import require
from musiclab.umtn.encoded import WAV_FREQ

WINDOWS = (2048, 1024, 512)  # in samples, of the spectral distance
FLOOR = 50.0  # in dB below the loudest value of the truth; what is softer counts as equally silent


def spectral_distance(sound: np.ndarray, truth: np.ndarray) -> float:
    """Compute the log-spectral distance in dB between a sound and the truth.

    In each frame, it is the root mean square of the level differences of all frequencies. It is averaged over frames
    and over spectrograms with windows of 128, 64 and 32 ms. Values more than 50 dB below the loudest one of the truth
    are raised to that level, because mu-law codes can't represent them.

    Parameters
    ----------
    sound, truth : float arrays, shape (samples,)
        Waveforms at 16 kHz of equal length.

    Returns
    -------
    float
        Distance in dB. 0 for equal sounds.

    Raises
    ------
    DatasetError
        If the lengths differ, or the truth is silent.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 0.1, 16000)
    >>> spectral_distance(noise, noise), round(spectral_distance(0.5 * noise, noise))
    (0.0, 6)
    """
    _check(sound, truth)
    distances = []
    for size in WINDOWS:
        ours, theirs = _magnitudes(sound, size), _magnitudes(truth, size)
        floor = theirs.max() * 10 ** (-FLOOR / 20)
        difference = 20 * np.log10(np.maximum(ours, floor) / np.maximum(theirs, floor))
        distances.append(np.sqrt(np.mean(difference**2, axis=0)).mean())
    return float(np.mean(distances))


def chroma_correlation(sound: np.ndarray, truth: np.ndarray) -> float:
    """Compute the correlation of two chromagrams, which tells whether the same notes are played at the same time.

    A chromagram contains the power of each of the twelve pitch classes, here once in 64 ms. Each frame is divided by
    its sum, so that loudness doesn't matter.

    Parameters
    ----------
    sound, truth : float arrays, shape (samples,)
        Waveforms at 16 kHz of equal length.

    Returns
    -------
    float
        Pearson correlation, from -1 to 1. It is 0 for a silent sound.

    Raises
    ------
    DatasetError
        If the lengths differ, or the truth is silent.

    Examples
    --------
    >>> time = np.arange(32000) / 16000
    >>> a, octave, fifth = (np.sin(2 * np.pi * frequency * time) for frequency in (440, 880, 659.3))
    >>> chroma_correlation(a, octave) > 0.9, chroma_correlation(a, fifth) < 0.1
    (True, True)
    """
    _check(sound, truth)
    ours, theirs = _chroma(sound), _chroma(truth)
    if ours.std() == 0:
        return 0.0
    return float(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1])


def match_spectrum(sound: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Filter a sound so that its mean spectrum becomes that of another sound, as a baseline without any learning.

    The notes stay, and so do their attack and decay. Only the balance of low and high frequencies changes.

    Parameters
    ----------
    sound : float array, shape (samples,)
        Waveform at 16 kHz to filter.
    target : float array, shape (n,)
        Waveform at 16 kHz with the mean spectrum to reach, such as some training pieces of the target domain.

    Returns
    -------
    float32 array, shape (samples,)
        Filtered sound.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> match_spectrum(rng.normal(0, 0.1, 16000), rng.normal(0, 0.2, 16000)).std().round(1)
    np.float32(0.2)
    """
    require("match_spectrum", "lessons", "librosa")
    import librosa

    spectra = librosa.stft(np.asarray(sound, np.float32), n_fft=1024)
    wanted, present = _magnitudes(target, 1024).mean(axis=1), np.abs(spectra).mean(axis=1)
    gain = wanted / np.maximum(present, 1e-3 * present.max() + 1e-9)
    smooth = np.exp(np.convolve(np.pad(np.log(gain + 1e-9), 8, mode="edge"), np.full(17, 1 / 17), mode="valid"))
    return librosa.istft(spectra * smooth[:, None], n_fft=1024, length=len(sound)).astype(np.float32)


def _magnitudes(waveform: np.ndarray, size: int) -> np.ndarray:
    require("measures of translations", "lessons", "librosa")
    import librosa

    return np.abs(librosa.stft(np.asarray(waveform, np.float32), n_fft=size, hop_length=size // 4))


def _chroma(waveform: np.ndarray) -> np.ndarray:
    import librosa

    power = _magnitudes(waveform, 4096) ** 2  # a frame every 64 ms
    chroma = librosa.feature.chroma_stft(S=power, sr=WAV_FREQ, n_fft=4096, tuning=0, norm=None)
    total = chroma.sum(axis=0)
    return chroma / (total + 1e-6 * total.max() + 1e-12)


def _check(sound: np.ndarray, truth: np.ndarray) -> None:
    if len(sound) != len(truth):
        raise DatasetError(f"expected sounds of equal length, found {len(sound)} and {len(truth)} samples")
    if not np.any(truth):
        raise DatasetError("the truth is silent, so nothing can be compared with it; use another piece")
