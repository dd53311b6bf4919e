"""Load, save, resample, cut and pad sound.

A *waveform* is a float32 array in [-1, 1], shape ``(samples,)`` for mono and ``(channels, samples)`` otherwise.
libsndfile reads and writes files and soxr resamples, so that the same file gives the same numbers on every machine.
"""

import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musiclab.core.errors import AudioError
from musiclab.core.files import replacing

if TYPE_CHECKING:
    from musiclab.audio import decoding

WRITABLE = (".wav", ".flac", ".ogg", ".mp3", ".au", ".aif", ".aiff")
"""File name endings (lower case) of the formats that :func:`save_audio` writes."""

SUFFIXES = (*WRITABLE, ".opus", ".oga", ".caf", ".aifc", ".snd", ".voc", ".w64", ".rf64", ".bwf", ".sph")
"""File name endings (lower case) of the formats that :func:`load_audio` reads."""

TO_CONVERT = (
    *(".m4a", ".m4b", ".aac", ".mp4", ".wma", ".webm", ".mkv", ".mka", ".mov", ".avi", ".3gp", ".amr"),
    *(".ape", ".wv", ".mpc", ".mp2", ".ac3", ".dts", ".ra", ".dsf"),
)
"""Endings of files that may hold sound, but that only other programs decode, such as ffmpeg."""

_NO_DATA = ("__macosx", "@eadir", "$recycle.bin", "#recycle", "system volume information", "lost+found")

_MARGIN = 1024  # samples at the lower rate; farther apart, the filter of resampling does not reach
_BLOCK = 65536  # frames written at once: a minute of Ogg Vorbis in one piece makes libsndfile end the process


def load_audio(
    path: str | Path,
    sample_rate: int | None = 22050,
    mono: bool = True,
    offset: float = 0.0,
    duration: float | None = None,
) -> tuple[np.ndarray, int]:
    """Decode a sound file of any sample rate, depth and number of channels.

    The bytes of the file count, not its header: if that is wrong about the length, the file is read to its true end,
    and a warning is logged. The same goes for a few bytes that are missing there; if more are missing, it is an error.

    Parameters
    ----------
    path
        A file in a format of libsndfile: wav, flac, ogg, mp3, au, aiff and others.
    sample_rate
        Sample rate to resample to, in Hz; ``None`` keeps the file's own.
    mono
        Average the channels. With ``False`` a file of several channels gives ``(channels, samples)``.
    offset, duration
        Start and length of the part to decode, in seconds; ``duration=None`` decodes up to the end. The part is the
        slice of the whole: the very samples at the file's own rate, and within 1e-6 after resampling. Formats in which
        one can't begin anywhere (mp3, ogg, flac ...) are decoded from their beginning; see :func:`load_parts`.

    Returns
    -------
    waveform, sample_rate
        Float32 in [-1, 1] (a float file or resampling can go slightly beyond), and Hz.

    Raises
    ------
    AudioError
        The file is missing, empty, cut off, or not sound in a known format; its samples are not finite, far over full
        scale, or integers saved as float; its header asks for a sample rate that no sound has, or for more than 2^30
        samples at once; nothing is left of it at ``sample_rate``; or ``offset`` or ``duration`` does not fit it.

    Examples
    --------
    >>> waveform, sample_rate = load_audio("song.ogg", duration=10)  # doctest: +SKIP
    """
    if duration is not None and not duration > 0:
        raise AudioError(f"{path}: expected a duration over 0 s, found {duration} s")
    with _opened(path, mono) as sound:
        rate = sample_rate or sound.sample_rate
        start = round(offset * rate) if -np.inf < offset < np.inf else -1
        stop = None if duration is None or duration == np.inf else start + round(duration * rate)
        waveform = _part(sound, rate, start, stop) if start >= 0 else np.zeros(0)
        if waveform.shape[-1]:
            return waveform, rate
        length = sound.count() / sound.sample_rate
    if start:
        raise AudioError(f"{path}: expected an offset in 0 to {length:.3f} s (its length), found {offset} s")
    lost = f" at {rate:,} Hz, of {sound.position} at {sound.sample_rate:,} Hz" if sound.position else ""
    raise AudioError(f"{path}: expected sound, found 0 samples{lost}; leave the file out or record it again")


def load_parts(
    path: str | Path, sample_rate: int, parts: Iterable[tuple[int, int | None]], mono: bool = True
) -> Iterator[np.ndarray]:
    """Decode parts of a file one after the other, each equal to ``load_audio(path, sample_rate)[0][start:stop]``.

    The file is decoded once, whatever its format, and memory does not depend on its length.

    Parameters
    ----------
    path, sample_rate, mono
        As for :func:`load_audio`.
    parts
        Pairs of ``start`` and ``stop`` in samples at ``sample_rate``, ``None`` for the end. They may overlap, but none
        may begin before the part in front of it.

    Raises
    ------
    AudioError
        As for :func:`load_audio`, at the part in which the fault lies.
    """
    with _opened(path, mono) as sound:
        for start, stop in parts:
            yield _part(sound, sample_rate, start, stop)


def count_samples(path: str | Path) -> tuple[int, int]:
    """Return how many samples of each channel a file really holds, whatever its header says, and its sample rate (Hz).

    Raises AudioError as :func:`load_audio` does, but logs no warnings. Flac files are decoded for it; in others, the
    bytes tell.
    """
    with _opened(path, mono=True, warns=False) as sound:
        return sound.count(), sound.sample_rate


def save_audio(path: str | Path, waveform: np.ndarray, sample_rate: int, subtype: str = "PCM_16") -> Path:
    """Write a waveform to a file in the format of its suffix (``.wav``, ``.flac``, ``.ogg`` ...), and return its path.

    Parameters
    ----------
    path, sample_rate
        Name of the file, of which an older one is replaced once the new one is complete; Hz.
    waveform : float or int16 array, shape (samples,) or (channels, samples)
        Floats beyond [-1, 1] are clipped; int16 samples are written unchanged.
    subtype
        libsndfile's name of the sample format, for wav, flac, au and aiff: ``"PCM_16"``, ``"PCM_24"``, ``"FLOAT"`` ...

    Raises
    ------
    AudioError
        The format is unknown, or the waveform contains NaN or infinite values.
    """
    import soundfile

    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in WRITABLE:
        raise AudioError(f"{path}: expected a name that ends in one of {', '.join(WRITABLE)}, found {path.suffix!r}")
    waveform = np.asarray(waveform)
    if not np.isfinite(waveform).all():
        raise AudioError(
            f"{path}: the waveform holds values that are not finite (NaN or infinite); nothing was written"
        )
    if suffix in (".ogg", ".mp3"):
        subtype = None  # these have no PCM sample format
    if waveform.dtype != np.int16:
        waveform = to_int16(waveform) if subtype == "PCM_16" else np.clip(waveform, -1, 1)
    frames = waveform.T
    channels = 1 if frames.ndim == 1 else frames.shape[1]
    format = "AIFF" if suffix == ".aif" else None  # libsndfile knows the other suffixes
    with replacing(path) as unfinished:
        with soundfile.SoundFile(unfinished, "w", sample_rate, channels, subtype, format=format) as file:
            for start in range(0, len(frames), _BLOCK):
                file.write(frames[start : start + _BLOCK])
    return path


def resample(waveform: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """Change the sample rate (Hz) of a waveform, shape (..., samples), with soxr's high-quality (20-bit) filter."""
    if from_rate == to_rate:
        return np.asarray(waveform, dtype=np.float32)
    import soxr

    return soxr.resample(np.asarray(waveform, dtype=np.float32).T, from_rate, to_rate, quality="HQ").T


def fix_length(waveform: np.ndarray, samples: int, position: str = "start") -> np.ndarray:
    """Cut or zero-pad the last axis of an array to ``samples``.

    ``position="start"`` keeps the beginning and pads at the end; ``"centre"`` keeps the middle and pads on both sides.

    Examples
    --------
    >>> fix_length(np.array([1, 2, 3]), 5)
    array([1, 2, 3, 0, 0])
    >>> fix_length(np.array([1, 2, 3, 4, 5]), 3, position="centre")
    array([2, 3, 4])
    """
    if position not in ("start", "centre"):
        raise ValueError(f'position must be "start" or "centre", not {position!r}')
    missing = samples - waveform.shape[-1]
    before = 0 if position == "start" else abs(missing) // 2
    if missing <= 0:
        return waveform[..., before : before + samples]
    pad = [(0, 0)] * (waveform.ndim - 1) + [(before, missing - before)]
    return np.pad(waveform, pad)


def to_int16(waveform: np.ndarray) -> np.ndarray:
    """Round a waveform to 16-bit integers, 32,768 steps to 1.0; values beyond [-1, 1) are clipped.

    A 16-bit file that was loaded at its own sample rate gives back exactly its integers.

    Examples
    --------
    >>> to_int16(np.array([0.0, 0.5, -1.0, 2.0]))
    array([     0,  16384, -32768,  32767], dtype=int16)
    """
    return np.round(np.clip(waveform, -1, 32767 / 32768) * 32768).astype(np.int16)


def from_int16(samples: np.ndarray) -> np.ndarray:
    """Undo :func:`to_int16`: float32 in [-1, 1), within half a step (1.5e-5) of the original."""
    return np.asarray(samples, dtype=np.float32) / np.float32(32768)


def find_audio(folder: str | Path, suffixes: tuple[str, ...] = SUFFIXES) -> list[Path]:
    """List all files below ``folder`` that end in one of ``suffixes``, sorted and without hidden ones.

    Hidden folders, and those that systems put into archives and onto discs (``__MACOSX``), count as hidden.
    """
    files = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not is_hidden(name)]
        paths = [Path(parent, name) for name in names if not is_hidden(name)]
        files += [path for path in paths if path.suffix.lower() in suffixes and path.is_file()]
    return sorted(files)


def is_hidden(name: str) -> bool:
    """Return True if a file or folder of this name holds no data: ``.git``, ``._song.wav``, ``__MACOSX``.

    Examples
    --------
    >>> [is_hidden(name) for name in (".ipynb_checkpoints", "@eaDir", "jazz")]
    [True, True, False]
    """
    return name.startswith(".") or name.lower() in _NO_DATA


def _check_is_file(path: Path) -> None:
    if not path.exists():
        raise AudioError(f"{path}: no such file; check the spelling and the folder")
    if path.is_dir():
        raise AudioError(f"{path}: expected a sound file, found a folder")
    if path.stat().st_size == 0:
        raise AudioError(f"{path}: expected a sound file, found 0 bytes; copy or download it again")


@contextmanager
def _opened(path: str | Path, mono: bool, warns: bool = True) -> Iterator["decoding.Sound"]:
    """Open a sound file; whatever goes wrong while it is read is an AudioError that names it."""
    from musiclab.audio import decoding  # not at the top: training from a store needs no decoder

    path = Path(path)
    try:
        _check_is_file(path)
        with decoding.open_sound(path, mono, warns) as sound:
            yield sound
    except AudioError:
        raise
    except MemoryError as error:
        raise AudioError(f"{path}: too long for the memory; load it in parts, with offset and duration") from error
    except OSError as error:
        raise AudioError(f"{path}: expected a sound file that can be read, found {error.strerror or error}") from error
    except Exception as error:  # decoders raise errors of many classes
        raise AudioError(_undecodable(path, error)) from error


def _part(sound: "decoding.Sound", sample_rate: int, start: int, stop: int | None) -> np.ndarray:
    """Decode samples ``start`` to ``stop`` at ``sample_rate``, as they are when all of the sound is resampled."""
    if sample_rate == sound.sample_rate:
        return np.ascontiguousarray(sound.read(start, stop).T)
    # Resample from a little earlier to a little later, and from where a sample of one rate is one of the other.
    divisor = math.gcd(sample_rate, sound.sample_rate)
    step, new_step = sound.sample_rate // divisor, sample_rate // divisor
    margin = _MARGIN * max(sample_rate, sound.sample_rate) // sample_rate
    first = max(0, start * step // new_step - margin) // step
    last = None if stop is None else -(-stop * step // new_step) + margin
    samples = sound.read(first * step, last).T
    frames = samples.shape[-1]
    sound.check_size(frames * sample_rate // sound.sample_rate)
    skipped = first * new_step
    if first and (last is None or frames < last - first * step):  # with the end: soxr rounds the length of the whole
        samples = fix_length(samples, frames + step)
        end = int((first * step + frames) / (sound.sample_rate / sample_rate) + 0.5)
        stop = max(start, end if stop is None else min(stop, end))
    waveform = resample(np.ascontiguousarray(samples), sound.sample_rate, sample_rate)
    return waveform[..., start - skipped : None if stop is None else stop - skipped]


def _undecodable(path: Path, error: Exception) -> str:
    if path.suffix.lower() in TO_CONVERT:
        return (
            f"{path}: {path.suffix} files are not decoded here; convert it first: "
            f'ffmpeg -i "{path.name}" "{path.stem}.wav"'
        )
    reason = str(getattr(error, "error_string", error)).rstrip(".") or type(error).__name__
    contents = f"something that cannot be decoded ({reason})"
    return f"{path}: expected sound, found {contents}; check that it plays, or leave it out"
