"""Sound as a browser takes it: checked, and encoded within a number of bytes."""

import io
from numbers import Real

import numpy as np

from musiclab.audio import fix_length, from_int16, resample, to_int16
from musiclab.core.errors import AudioError

PREVIEW_RATE = 22050
"""A preview has at most this rate, in Hz: every browser and editor plays it."""

LIVE_BYTES = 1_000_000
"""Bytes that 30 s of sound may have on a live page, beside picture and still: 1.5 MB in all."""

HIGHEST_RATE = 48000
"""Hz that are shown and heard: half of it is above what anyone hears."""

LOWEST_RATE = 8000  # browsers refuse to decode much lower ones

_FORMS = ((2, HIGHEST_RATE), (2, PREVIEW_RATE), (1, PREVIEW_RATE), (1, 16000))  # most channels and Hz, the best first

MOST_CHANNELS = 64  # more are samples and channels the wrong way round


def checked(waveform: np.ndarray, sample_rate: int, who: str) -> np.ndarray:
    """A waveform that can be played, as floats; int16 samples are divided by 32,768.

    Parameters
    ----------
    waveform : float array in [-1, 1] or int16 array, shape (samples,) or (channels, samples)
    sample_rate
        Hz.
    who
        Begins the messages.

    Raises
    ------
    AudioError
        There is no sample to play, one that is not finite, the shape is another, or the rate is none.
    """
    waveform = np.asarray(waveform)
    if waveform.ndim not in (1, 2) or waveform.size == 0:
        raise AudioError(
            f"{who}: expected at least one sample, shape (samples,) or (channels, samples), "
            f"found shape {waveform.shape}; check how the waveform was cut"
        )
    if waveform.ndim == 2 and len(waveform) > MOST_CHANNELS:
        raise AudioError(
            f"{who}: expected shape (channels, samples) with at most {MOST_CHANNELS} channels, "
            f"found shape {waveform.shape}; transpose it: waveform.T"
        )
    if waveform.dtype == np.int16:
        waveform = from_int16(waveform)
    if waveform.dtype.kind != "f":
        raise AudioError(
            f"{who}: expected floats in [-1, 1] or int16, found {waveform.dtype}; "
            "divide by the largest value that it can have"
        )
    if not np.isfinite(waveform).all():
        where = int(np.flatnonzero(~np.isfinite(waveform).reshape(-1, waveform.shape[-1]).all(axis=0))[0])
        raise AudioError(
            f"{who}: expected finite samples, found {waveform[..., where].tolist()} at sample {where}; "
            "look for a division by zero or a logarithm of zero in what made the waveform"
        )
    if not isinstance(sample_rate, Real) or not 1 <= sample_rate < np.inf:
        raise AudioError(f"{who}: expected a sample rate in Hz, found {sample_rate!r}; give what load_audio returned")
    return waveform


def preview(waveform: np.ndarray, sample_rate: int, seconds: float) -> bytes:
    """The beginning of a checked sound as a 16-bit WAV file, at the level it has: nothing is made louder.

    Parameters
    ----------
    waveform : float array, shape (samples,) or (channels, samples)
        From :func:`checked`.
    sample_rate
        Hz; what is higher than :data:`PREVIEW_RATE` is brought down to it.
    seconds
        Length at most.
    """
    samples = min(waveform.shape[-1], max(1, round(seconds * sample_rate)))
    beginning = fix_length(waveform, samples)
    if sample_rate > PREVIEW_RATE:
        beginning, sample_rate = resample(beginning, sample_rate, PREVIEW_RATE), PREVIEW_RATE
    return encoded(beginning, sample_rate, "WAV")


def streamed(waveform: np.ndarray, sample_rate: int) -> tuple[bytes, str]:
    """A whole checked sound as FLAC, without loss where the bytes allow, and what was given up where they do not.

    Parameters
    ----------
    waveform : float array, shape (samples,) or (channels, samples)
        From :func:`checked`.
    sample_rate
        Hz.

    Returns
    -------
    sound : bytes
        At most :data:`LIVE_BYTES` for each 30 s or part of it: white noise, which cannot be compressed, is 32,000 bytes
        a second at the last of :data:`_FORMS`.
    given_up : str
        Such as ``"heard in mono at 16,000 Hz"``; empty where nothing was.
    """
    channels = 1 if waveform.ndim == 1 else len(waveform)
    allowed = LIVE_BYTES * max(1.0, waveform.shape[-1] / sample_rate / 30)
    for most_channels, highest in _FORMS:
        form = waveform.mean(axis=0) if channels > most_channels else waveform
        rate = min(max(sample_rate, LOWEST_RATE), highest)
        sound = encoded(at_rate(form, sample_rate, rate), rate, "FLAC")
        if len(sound) <= allowed:
            break
    mono = " in mono" if channels > most_channels else ""
    slower = f" at {rate:,} Hz" if rate < sample_rate else ""
    return sound, f"heard{mono}{slower}" if mono or slower else ""


def at_rate(waveform: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """:func:`musiclab.audio.resample`, which of a few samples may leave none: then the first stays."""
    changed = resample(waveform, from_rate, to_rate)
    return changed if changed.shape[-1] else waveform[..., :1]


def encoded(waveform: np.ndarray, sample_rate: int, format: str) -> bytes:
    """A sound as a file of 16-bit samples in memory, ``"WAV"`` or ``"FLAC"``."""
    import soundfile

    file = io.BytesIO()  # rounded here, for libsndfile's own rounding is not that of a file that was loaded
    soundfile.write(file, to_int16(waveform).T, int(sample_rate), format=format, subtype="PCM_16")
    return file.getvalue()
