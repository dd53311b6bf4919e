"""Prepare a sound for a browser, in few bytes: checked, encoded, and drawn as an outline and as log-mel levels."""

import io
from dataclasses import dataclass, replace
from functools import lru_cache
from numbers import Real

import numpy as np

from musiclab.audio import fix_length, from_int16, resample, to_int16
from musiclab.core.errors import AudioError
from musiclab.features import MelConfig, log_mel

PREVIEW_RATE = 22050  # highest sample rate of a preview, in Hz: every browser and editor plays it
STREAM_BYTES = 1_000_000  # bytes that 30 s of sound may have on a live page, beside picture and still: 1.5 MB in all
HIGHEST_RATE = 48000  # Hz that are shown and heard: half of it is above what anyone hears
LOWEST_RATE = 8000  # browsers refuse to decode much lower rates
MOST_CHANNELS = 64  # a waveform of more has samples and channels the wrong way round
COLUMNS = 1300  # most columns of a picture: as many as a wide screen has pixels there

# Level of the byte 0, in dB relative to a sine of full scale, and dB from one byte to the next: 255 is 2 dB.
FLOOR, STEP = -100.0, 0.4

# Levels of the two ends of the colour map, in dB, for every sound: what is quiet looks quiet.
QUIETEST, LOUDEST = -95.0, -5.0
_FORMS = ((2, HIGHEST_RATE), (2, PREVIEW_RATE), (1, PREVIEW_RATE), (1, 16000))  # most channels and Hz, the best first


def check_sound(waveform: np.ndarray, sample_rate: int, caller: str) -> np.ndarray:
    """Return a waveform, shape (samples,) or (channels, samples), as floats; int16 is divided by 32,768.

    An empty or infinite waveform, another shape or type, or a sample rate that is not a positive number raise
    AudioError, with a message that begins with ``caller``.
    """
    waveform = np.asarray(waveform)
    if waveform.ndim not in (1, 2) or waveform.size == 0:
        raise AudioError(
            f"{caller}: expected at least one sample, shape (samples,) or (channels, samples), "
            f"found shape {waveform.shape}; check how the waveform was cut"
        )
    if waveform.ndim == 2 and len(waveform) > MOST_CHANNELS:
        raise AudioError(
            f"{caller}: expected shape (channels, samples) with at most {MOST_CHANNELS} channels, "
            f"found shape {waveform.shape}; transpose it: waveform.T"
        )
    if waveform.dtype == np.int16:
        waveform = from_int16(waveform)
    if waveform.dtype.kind != "f":
        raise AudioError(
            f"{caller}: expected floats in [-1, 1] or int16, found {waveform.dtype}; "
            "divide by the largest value that it can have"
        )
    is_bad = ~np.isfinite(np.atleast_2d(waveform)).all(axis=0)
    if is_bad.any():
        sample = int(is_bad.argmax())
        raise AudioError(
            f"{caller}: expected finite samples, found {waveform[..., sample].tolist()} at sample {sample}; "
            "look for a division by zero or a logarithm of zero in what made the waveform"
        )
    if not isinstance(sample_rate, Real) or not 1 <= sample_rate < np.inf:
        raise AudioError(
            f"{caller}: expected a sample rate in Hz, found {sample_rate!r}; use the one that load_audio returned"
        )
    return waveform


def encode_preview(waveform: np.ndarray, sample_rate: int, seconds: float) -> bytes:
    """Encode at most so many seconds of a checked sound as 16-bit WAV of at most :data:`PREVIEW_RATE`, level kept."""
    samples = min(waveform.shape[-1], max(1, round(seconds * sample_rate)))
    beginning = fix_length(waveform, samples)
    if sample_rate > PREVIEW_RATE:
        beginning, sample_rate = resample(beginning, sample_rate, PREVIEW_RATE), PREVIEW_RATE
    return _encode(beginning, sample_rate, "WAV")


def encode_stream(waveform: np.ndarray, sample_rate: int) -> tuple[bytes, str]:
    """Encode a whole checked sound as FLAC, without loss if that needs at most :data:`STREAM_BYTES` for each 30 s.

    Also describes the loss, such as ``"heard in mono at 16,000 Hz"``; "" stands for a sound without loss. White noise,
    which cannot be compressed, still fits: it has 32,000 bytes per second in the last of the forms that are tried.
    """
    channels = 1 if waveform.ndim == 1 else len(waveform)
    allowed = STREAM_BYTES * max(1.0, waveform.shape[-1] / sample_rate / 30)
    for most_channels, highest in _FORMS:
        form = waveform.mean(axis=0) if channels > most_channels else waveform
        rate = min(max(sample_rate, LOWEST_RATE), highest)
        sound = _encode(_resample(form, sample_rate, rate), rate, "FLAC")
        if len(sound) <= allowed:
            break
    mono = " in mono" if channels > most_channels else ""
    slower = f" at {rate:,} Hz" if rate < sample_rate else ""
    return sound, f"heard{mono}{slower}" if mono or slower else ""


def _resample(waveform: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    resampled = resample(waveform, from_rate, to_rate)
    return resampled if resampled.shape[-1] else waveform[..., :1]  # of a few samples none may be left


def _encode(waveform: np.ndarray, sample_rate: int, file_format: str) -> bytes:
    import soundfile

    file = io.BytesIO()  # rounded here, because libsndfile's own rounding is not that of a file that was loaded
    soundfile.write(file, to_int16(waveform).T, int(sample_rate), format=file_format, subtype="PCM_16")
    return file.getvalue()


@dataclass(frozen=True)
class Picture:
    """Levels of mel bands along a sound.

    ``FLOOR + STEP * level`` is in dB: 0 dB is a sine of amplitude 1 at the centre of the band. Band i rises from
    ``edges[i]`` to its peak at ``edges[i + 1]`` and falls to ``edges[i + 2]``.
    """

    levels: np.ndarray  # uint8, shape (n_mels, columns)
    edges: np.ndarray  # Hz, shape (n_mels + 2,)
    column_seconds: float  # from column to column; the first one is centred on time 0


def mel_picture(waveform: np.ndarray, sample_rate: int) -> Picture:
    """Compute the log-mel spectrogram of a checked sound, of the mean of its channels.

    Windows are about 46 ms long. If there are more frames than columns, a column holds each band's highest level in
    its frames, so that no click is lost in a long sound. Rates above 48,000 Hz are resampled.
    """
    mono = np.atleast_2d(waveform).mean(axis=0, dtype=np.float32)
    rate = min(sample_rate, HIGHEST_RATE)
    mono = _resample(mono, sample_rate, rate)
    n_fft = max(32, 2 ** round(np.log2(0.046 * rate)))
    hop = n_fft // 2
    while hop > max(1, n_fft // 16) and len(mono) // (hop // 2) < COLUMNS:
        hop //= 2
    bands = min(96, n_fft // 8)  # with more, some would lie between two bins and stay empty
    config = MelConfig(rate, n_fft, hop, n_mels=bands, power=2.0, scaling="decibel")
    frames = config.frames(len(mono))
    padded = np.pad(mono, (0, max(0, n_fft - len(mono))))
    levels = log_mel(padded, config)[:, :frames] - _full_scale(config)[:, None]
    levels, _, together = block_maxima(levels, COLUMNS, bands)
    coded = np.clip(np.round((levels - FLOOR) / STEP), 0, 255).astype(np.uint8)
    return Picture(coded, mel_edges(config), together * hop / rate)


@lru_cache(maxsize=16)
def _full_scale(config: MelConfig) -> np.ndarray:
    """Compute the level that each band shows of a sine of amplitude 1 at its centre, in dB: shape (n_mels,)."""
    time = np.arange(2 * config.n_fft) / config.sample_rate
    sines = np.sin(2 * np.pi * mel_edges(config)[1:-1, None] * time).astype(np.float32)
    one = replace(config, hop_length=config.n_fft)  # frame 1 is the middle one, and complete
    return np.diagonal(log_mel(sines, one)[..., 1]).copy()


def mel_edges(config: MelConfig) -> np.ndarray:
    """Return the beginnings, peaks and ends of the mel bands on Slaney's mel scale, in Hz: shape (n_mels + 2,)."""
    import librosa

    return librosa.mel_frequencies(n_mels=config.n_mels + 2, fmin=config.fmin, fmax=config.highest)


def block_maxima(values: np.ndarray, columns: int, rows: int) -> tuple[np.ndarray, int, int]:
    """Take the largest value of each block of a picture, so that no more than ``columns`` and ``rows`` are left.

    Also returns the number of rows and of columns in a block.

    Examples
    --------
    >>> values, down, along = block_maxima(np.array([[1, 2, 3, 4], [5, 0, 0, 0]]), columns=2, rows=2)
    >>> values.tolist(), down, along
    ([[2, 4], [5, 0]], 1, 2)
    """
    down, along = -(-values.shape[0] // rows), -(-values.shape[1] // columns)
    if along > 1:
        values = np.maximum.reduceat(values, np.arange(0, values.shape[1], along), axis=1)
    if down > 1:
        values = np.maximum.reduceat(values, np.arange(0, values.shape[0], down), axis=0)
    return values, down, along


def outline(waveform: np.ndarray, columns: int = COLUMNS) -> tuple[np.ndarray, float]:
    """Find the lowest and highest amplitude along a sound, of the mean of its channels: int8, shape (columns, 2).

    127 stands for the second value that is returned, the end of the axis: the next of 1, 0.5, 0.2, 0.1, 0.05, ... above
    the peak (2, 5, ... if the peak is above 1). A sound of fewer samples than ``columns`` has one column per sample.
    """
    mono = np.atleast_2d(waveform).mean(axis=0)
    starts = np.arange(0, len(mono), max(1, -(-len(mono) // columns)))
    both = np.stack([np.minimum.reduceat(mono, starts), np.maximum.reduceat(mono, starts)], axis=-1)
    peak = max(float(np.abs(both).max()), 1e-4)
    power = 10.0 ** np.floor(np.log10(peak))
    reach = next(step * power for step in (1, 2, 5, 10) if step * power >= peak * (1 - 1e-6))
    return np.round(127 * np.clip(both / reach, -1, 1)).astype(np.int8), float(reach)


@lru_cache
def colour_map(name: str) -> bytes:
    """Return one of matplotlib's colour maps as 256 times red, green, blue: a canvas has the figures' colours."""
    from matplotlib import colormaps

    return colormaps[name](np.arange(256), bytes=True)[:, :3].tobytes()
