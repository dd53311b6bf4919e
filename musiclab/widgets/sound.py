"""Prepare a sound for the browser: check it, encode it, and compute its outline and log-mel levels in few bytes."""

import io
from dataclasses import dataclass, replace
from functools import lru_cache
from numbers import Real

import numpy as np

from musiclab.audio import fix_length, from_int16, resample, to_int16
from musiclab.core.errors import AudioError
from musiclab.features import MelConfig, log_mel
from musiclab.features.banks import mel_corners

PREVIEW_RATE = 22050  # highest sample rate of a preview in Hz: supported by all browsers and editors
STREAM_BYTES = 1_000_000  # largest size of 30 s of sound on a live page; with picture and still, 1.5 MB in total
HIGHEST_RATE = 48000  # highest sample rate in Hz; it covers all audible frequencies
LOWEST_RATE = 8000  # lowest sample rate in Hz that browsers decode reliably
MOST_CHANNELS = 64  # with more channels, the axes of a waveform are probably swapped
COLUMNS = 1300  # largest number of columns of a picture: the pixels of a wide screen
MOST_COLUMNS = 16_000  # and of a long sound, of which only a part may be visible: 4 columns per second of an hour
BLOCK = 60.0  # s of a long sound whose spectrogram is computed at once, so that memory doesn't depend on the duration

# Level of byte 0 in dB relative to a full-scale sine, and dB per byte. Byte 255 is 2 dB.
FLOOR, STEP = -100.0, 0.4

# Levels at the ends of the colour map in dB, the same for every sound, so that quiet sounds look quiet.
QUIETEST, LOUDEST = -95.0, -5.0
_FORMATS = ((2, HIGHEST_RATE), (2, PREVIEW_RATE), (1, PREVIEW_RATE), (1, 16000))  # most channels and Hz, best first


def check_sound(waveform: np.ndarray, sample_rate: int, caller: str) -> np.ndarray:
    """Check a waveform of shape (samples,) or (channels, samples), and return it as floats.

    int16 is divided by 32,768. Raises AudioError, with a message that begins with ``caller``, if the waveform is empty,
    not finite or has the wrong shape or type, or if the sample rate is not a positive number.
    """
    waveform = np.asarray(waveform)
    if waveform.ndim not in (1, 2) or waveform.size == 0:
        raise AudioError(
            f"{caller}: expected at least one sample, shape (samples,) or (channels, samples), "
            f"found shape {waveform.shape}; check how you cut the waveform"
        )
    if waveform.ndim == 2 and len(waveform) > MOST_CHANNELS:
        raise AudioError(
            f"{caller}: expected shape (channels, samples) with at most {MOST_CHANNELS} channels, "
            f"found shape {waveform.shape}; transpose it with waveform.T"
        )
    if waveform.dtype == np.int16:
        waveform = from_int16(waveform)
    if waveform.dtype.kind != "f":
        raise AudioError(
            f"{caller}: expected floats in [-1, 1] or int16, found {waveform.dtype}; "
            f"divide by the largest value of {waveform.dtype}"
        )
    is_bad = ~np.isfinite(np.atleast_2d(waveform)).all(axis=0)
    if is_bad.any():
        sample = int(is_bad.argmax())
        raise AudioError(
            f"{caller}: expected finite samples, found {waveform[..., sample].tolist()} at sample {sample}; "
            "check the code that made the waveform for a division by zero or a logarithm of zero"
        )
    if not isinstance(sample_rate, Real) or not 1 <= sample_rate < np.inf:
        raise AudioError(
            f"{caller}: expected a sample rate in Hz, found {sample_rate!r}; use the second value of load_audio"
        )
    return waveform


def encode_preview(waveform: np.ndarray, sample_rate: int, seconds: float) -> bytes:
    """Encode at most the first ``seconds`` of a checked sound as 16-bit WAV of at most :data:`PREVIEW_RATE`."""
    samples = min(waveform.shape[-1], max(1, round(seconds * sample_rate)))
    preview = fix_length(waveform, samples)
    if sample_rate > PREVIEW_RATE:
        preview, sample_rate = resample(preview, sample_rate, PREVIEW_RATE), PREVIEW_RATE
    return _encode(preview, sample_rate, "WAV")


def encode_stream(waveforms: list[np.ndarray], sample_rate: int) -> tuple[list[bytes], int, str]:
    """Encode checked sounds of one duration as FLAC, without loss if each needs at most :data:`STREAM_BYTES` per 30 s.

    Returns the files and their sample rate. Also returns a description of the loss, such as ``"played in mono at 16,000
    Hz"``, or "" without loss. Even white noise, which can't be compressed, fits: in the smallest format it has 32,000
    bytes per second.
    """
    channels = max(1 if waveform.ndim == 1 else len(waveform) for waveform in waveforms)
    most_bytes = STREAM_BYTES * max(1.0, waveforms[0].shape[-1] / sample_rate / 30)
    for most_channels, highest in _FORMATS:
        rate = min(max(sample_rate, LOWEST_RATE), highest)
        sounds = [
            _encode(_resample(_mixed(waveform, most_channels), sample_rate, rate), rate, "FLAC")
            for waveform in waveforms
        ]
        if max(map(len, sounds)) <= most_bytes:
            break
    mono = " in mono" if channels > most_channels else ""
    lower_rate = f" at {rate:,} Hz" if rate < sample_rate else ""
    return sounds, rate, f"played{mono}{lower_rate}" if mono or lower_rate else ""


def gain(waveforms: list[np.ndarray]) -> float:
    """Return the factor, at most 1, that keeps every mix of checked sounds of one duration from clipping."""
    if len(waveforms) == 1:
        return 1.0
    peak = sum(np.abs(np.atleast_2d(waveform)).max(axis=0).clip(max=1) for waveform in waveforms).max()
    return float(1 / max(1.0, peak))


def stream_rate(sample_rate: int) -> int:
    """Return the sample rate in Hz of the parts of a long sound, see :func:`encode_part`."""
    return int(min(max(sample_rate, LOWEST_RATE), HIGHEST_RATE))


def encode_part(waveform: np.ndarray, sample_rate: int, part: int, seconds: float) -> bytes:
    """Encode part number ``part`` of a checked sound, with parts of ``seconds``, as FLAC with at most two channels."""
    stretch = waveform[..., round(part * seconds * sample_rate) : round((part + 1) * seconds * sample_rate)]
    rate = stream_rate(sample_rate)
    return _encode(_resample(_mixed(stretch, 2), sample_rate, rate), rate, "FLAC")


def _mixed(waveform: np.ndarray, most_channels: int) -> np.ndarray:
    return waveform.mean(axis=0) if waveform.ndim == 2 and len(waveform) > most_channels else waveform


def _resample(waveform: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    resampled = resample(waveform, from_rate, to_rate)
    return resampled if resampled.shape[-1] else waveform[..., :1]  # keep at least one sample of very short sounds


def _encode(waveform: np.ndarray, sample_rate: int, file_format: str) -> bytes:
    import soundfile

    file = io.BytesIO()  # convert to int16 ourselves, because libsndfile rounds differently than load_audio
    soundfile.write(file, to_int16(waveform).T, int(sample_rate), format=file_format, subtype="PCM_16")
    return file.getvalue()


@dataclass(frozen=True)
class Picture:
    """The log-mel spectrogram of a sound in bytes.

    ``FLOOR + STEP * level`` is in dB, relative to a sine of amplitude 1 at the centre of the band. Band i rises from
    ``edges[i]`` to its peak at ``edges[i + 1]`` and falls to ``edges[i + 2]``.
    """

    levels: np.ndarray  # uint8, shape (n_mels, columns)
    edges: np.ndarray  # Hz, shape (n_mels + 2,)
    column_seconds: float  # hop between columns; the first column is centred on time 0


def mel_picture(waveform: np.ndarray, sample_rate: int) -> Picture:
    """Compute the log-mel spectrogram of a checked sound, from the mean of its channels.

    Windows are about 46 ms long. If there are more frames than columns, each column has the highest levels of its
    frames, so that short clicks stay visible. Sounds above 48,000 Hz are resampled.
    """
    mono = np.atleast_2d(waveform).mean(axis=0, dtype=np.float32)
    rate = min(sample_rate, HIGHEST_RATE)
    mono = _resample(mono, sample_rate, rate)
    n_fft = max(32, 2 ** round(np.log2(0.046 * rate)))
    hop = n_fft // 2
    while hop > max(1, n_fft // 16) and len(mono) // (hop // 2) < COLUMNS:
        hop //= 2
    bands = min(96, n_fft // 8)  # with more bands, some would lie between two bins and stay empty
    config = MelConfig(rate, n_fft, hop, n_mels=bands, power=2.0, scaling="decibel")
    frames = config.frames(len(mono))
    block_frames = -(-frames // most_columns(len(mono) / rate))
    step = block_frames * max(1, round(BLOCK * rate / hop / block_frames))  # frames that are computed at once
    margin = n_fft // hop  # frames that depend on the samples before
    columns = []
    for first in range(0, frames, step):
        before = min(first, margin)
        stretch = mono[(first - before) * hop : (first + step + margin) * hop]
        levels = log_mel(np.pad(stretch, (0, max(0, n_fft - len(stretch)))), config)
        levels = levels[:, before : before + min(step, frames - first)] - _full_scale(config)[:, None]
        levels = np.maximum.reduceat(levels, np.arange(0, levels.shape[1], block_frames), axis=1)
        columns.append(np.clip(np.round((levels - FLOOR) / STEP), 0, 255).astype(np.uint8))
    return Picture(np.concatenate(columns, axis=1), mel_corners(config), block_frames * hop / rate)


def most_columns(duration: float) -> int:
    """Return the largest number of columns of the picture of a sound of ``duration`` seconds."""
    return int(np.clip(4 * duration, COLUMNS, MOST_COLUMNS))


@lru_cache(maxsize=16)
def _full_scale(config: MelConfig) -> np.ndarray:
    """Compute the level of each band for a sine of amplitude 1 at its centre, in dB, shape (n_mels,)."""
    time = np.arange(2 * config.n_fft) / config.sample_rate
    sines = np.sin(2 * np.pi * mel_corners(config)[1:-1, None] * time).astype(np.float32)
    sine_config = replace(config, hop_length=config.n_fft)  # frame 1, in the middle, has no padding
    return np.diagonal(log_mel(sines, sine_config)[..., 1]).copy()


def block_maxima(values: np.ndarray, columns: int, rows: int) -> tuple[np.ndarray, int, int]:
    """Reduce an array to at most ``rows`` and ``columns``, by the maximum of each block.

    Also returns the number of rows and columns per block.

    Examples
    --------
    >>> maxima, block_rows, block_columns = block_maxima(np.array([[1, 2, 3, 4], [5, 0, 0, 0]]), columns=2, rows=2)
    >>> maxima.tolist(), block_rows, block_columns
    ([[2, 4], [5, 0]], 1, 2)
    """
    block_rows, block_columns = -(-values.shape[0] // rows), -(-values.shape[1] // columns)
    if block_columns > 1:
        values = np.maximum.reduceat(values, np.arange(0, values.shape[1], block_columns), axis=1)
    if block_rows > 1:
        values = np.maximum.reduceat(values, np.arange(0, values.shape[0], block_rows), axis=0)
    return values, block_rows, block_columns


def outlines(waveforms: list[np.ndarray], columns: int = COLUMNS) -> tuple[np.ndarray, float]:
    """Compute the lowest and highest amplitude per column, of the mean of all channels, of sounds of one duration.

    Returns int8 of shape (sounds, columns, 2), and the amplitude that 127 stands for: the smallest of ..., 0.1, 0.2,
    0.5, 1, 2, 5, ... that is not below the peak. If there are fewer samples than ``columns``, each is a column.
    """
    extremes = []
    for waveform in waveforms:
        mono = np.atleast_2d(waveform).mean(axis=0)
        starts = np.arange(0, len(mono), max(1, -(-len(mono) // columns)))
        extremes.append(np.stack([np.minimum.reduceat(mono, starts), np.maximum.reduceat(mono, starts)], axis=-1))
    peak = max(float(np.abs(extremes).max()), 1e-4)
    power = 10.0 ** np.floor(np.log10(peak))
    reach = next(step * power for step in (1, 2, 5, 10) if step * power >= peak * (1 - 1e-6))
    return np.round(127 * np.clip(np.stack(extremes) / reach, -1, 1)).astype(np.int8), float(reach)
