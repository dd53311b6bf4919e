"""Load, save, resample, trim and pad audio.

A *waveform* is a float32 array in [-1, 1] with shape ``(samples,)`` for mono and ``(channels, samples)`` otherwise.
libsndfile reads and writes files and soxr resamples them, so a file gives the same samples on every machine.

Examples
--------
>>> import numpy as np
>>> from musiclab import audio
>>> tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100).astype(np.float32)  # 1 s
>>> audio.resample(tone, 44100, 22050).shape
(22050,)
>>> path = audio.save_audio("tone.wav", tone, 44100)  # doctest: +SKIP
>>> waveform, sample_rate = audio.load_audio("tone.wav")  # doctest: +SKIP
>>> waveform.shape, sample_rate  # doctest: +SKIP
((22050,), 22050)
"""

import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musiclab.core.checks import check_whole
from musiclab.core.errors import AudioError, counted
from musiclab.core.files import replacing

if TYPE_CHECKING:
    from musiclab.audio import decoding

WRITABLE = (".wav", ".flac", ".ogg", ".mp3", ".au", ".aif", ".aiff")
"""File extensions (lower case) that :func:`save_audio` can write."""

SUFFIXES = (*WRITABLE, ".opus", ".oga", ".caf", ".aifc", ".snd", ".voc", ".w64", ".rf64", ".bwf", ".sph")
"""File extensions (lower case) that :func:`load_audio` can read."""

TO_CONVERT = (
    *(".m4a", ".m4b", ".aac", ".mp4", ".wma", ".webm", ".mkv", ".mka", ".mov", ".avi", ".3gp", ".amr"),
    *(".ape", ".wv", ".mpc", ".mp2", ".ac3", ".dts", ".ra", ".dsf"),
)
"""Extensions of audio files that need to be converted first, for example with ffmpeg."""

_SYSTEM_FOLDERS = ("__macosx", "@eadir", "$recycle.bin", "#recycle", "system volume information", "lost+found")

_MARGIN = 1024  # samples at the lower rate; the resampling filter reaches no further
_MOST_CHANNELS = 1024  # of libsndfile
_BLOCK = 65536  # frames per write; libsndfile crashes when it writes a minute of Ogg Vorbis at once


def load_audio(
    path: str | Path,
    sample_rate: int | None = 22050,
    mono: bool = True,
    offset: float = 0.0,
    duration: float | None = None,
) -> tuple[np.ndarray, int]:
    """Load an audio file as a floating-point waveform.

    The length in the file header is not trusted. If it is wrong, the file is read to its actual end and a warning is
    logged. A few missing bytes at the end also cause a warning. More missing bytes are an error.

    Parameters
    ----------
    path : str or Path
        Path of an audio file in a format that libsndfile supports: wav, flac, ogg, mp3, au, aiff and others.
    sample_rate : int or None, Hz, default 22050
        Sample rate to convert to. ``None`` keeps the sample rate of the file.
    mono : bool, default True
        Average the channels. With ``False``, multi-channel files keep their channels.
    offset : float, seconds, default 0
        Start of the excerpt to load.
    duration : float or None, seconds, default None
        Length of the excerpt to load. ``None`` loads up to the end of the file.

    Returns
    -------
    waveform : float32 array, shape (samples,) or (channels, samples)
        Samples in [-1, 1]. Float files and resampling can slightly exceed this range.
    sample_rate : int, Hz
        Sample rate of the waveform.

    Raises
    ------
    AudioError
        If the file is missing, empty, incomplete or not in a supported format. If its sample rate is implausible, or
        its samples are not finite, far beyond full scale, or integers stored as floats. If ``offset`` or ``duration``
        is out of range. If more than 2^30 samples are requested at once, or none remain after resampling.

    Notes
    -----
    An excerpt equals the corresponding slice of the full waveform, up to 1e-6 after resampling. Formats without random
    access (mp3, ogg, flac and others) are decoded from the start of the file. To load many excerpts, use
    :func:`load_parts`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = save_audio(f"{folder}/tone.wav", np.sin(np.arange(44100)), 44100)
    ...     waveform, sample_rate = load_audio(path, sample_rate=22050, duration=0.5)
    >>> waveform.shape, sample_rate
    ((11025,), 22050)
    """
    if sample_rate is not None:
        _check_rate(path, sample_rate)
    for name, seconds in (("offset", offset), ("duration", duration)):
        if not isinstance(seconds, Real) and (name, seconds) != ("duration", None):
            raise AudioError(f"{path}: expected {name} to be a number of seconds, found {seconds!r}")
    if duration is not None and not duration > 0:
        raise AudioError(f"{path}: duration must be greater than 0 s, found {duration} s")
    with _open_reader(path, mono) as reader:
        rate = sample_rate or reader.sample_rate
        start = round(offset * rate) if -np.inf < offset < np.inf else -1
        stop = None if duration in (None, np.inf) else start + max(1, round(duration * rate))
        waveform = _read_part(reader, rate, start, stop) if start >= 0 else np.zeros(0)
        if waveform.shape[-1]:
            return waveform, rate
        length = reader.count() / reader.sample_rate
    if start:
        raise AudioError(f"{path}: offset must be from 0 to {length:.3f} s, the length of the file, found {offset} s")
    if reader.position:
        samples = counted(reader.position, "sample")
        reason = f"nothing is left after resampling {samples} from {reader.sample_rate:,} Hz to {rate:,} Hz"
    else:
        reason = "the file has no samples"
    raise AudioError(f"{path}: {reason}; leave the file out or record it again")


def load_parts(
    path: str | Path, sample_rate: int, parts: Iterable[tuple[int, int | None]], mono: bool = True
) -> Iterator[np.ndarray]:
    """Load several excerpts of an audio file, one after the other, while decoding the file only once.

    Each excerpt equals ``load_audio(path, sample_rate)[0][..., start:stop]``. Only one excerpt at a time is in memory,
    so the file may be of any length.

    Parameters
    ----------
    path : str or Path
        As in :func:`load_audio`.
    sample_rate : int, Hz
        Sample rate of the excerpts.
    parts : iterable of (int, int or None), samples
        Start and stop of each excerpt at ``sample_rate``. A stop of ``None`` is the end of the file. Excerpts may
        overlap, but their starts must not decrease.
    mono : bool, default True
        As in :func:`load_audio`.

    Yields
    ------
    float32 array, shape (samples,) or (channels, samples)
        Waveform of the next excerpt.

    Raises
    ------
    AudioError
        As in :func:`load_audio`. The error is raised when the damaged excerpt is reached.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = save_audio(f"{folder}/tone.wav", np.sin(np.arange(44100)), 44100)
    ...     [part.shape for part in load_parts(path, 22050, [(0, 1000), (500, 1500), (20000, None)])]
    [(1000,), (1000,), (2050,)]
    """
    last = 0
    with _open_reader(path, mono) as reader:
        for start, stop in parts:
            if start < last:
                raise AudioError(
                    f"{path}: a part starts at sample {start}, before the last one ({last}); sort the parts"
                )
            last = start
            yield _read_part(reader, sample_rate, start, stop)


def count_samples(path: str | Path) -> tuple[int, int]:
    """Count the samples of an audio file, without trusting the length in its header.

    Flac files are decoded to count their samples. No warnings are logged.

    Parameters
    ----------
    path : str or Path
        As in :func:`load_audio`.

    Returns
    -------
    samples : int
        Number of samples per channel.
    sample_rate : int, Hz
        Sample rate of the file.

    Raises
    ------
    AudioError
        As in :func:`load_audio`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     count_samples(save_audio(f"{folder}/tone.wav", np.sin(np.arange(44100)), 44100))
    (44100, 44100)
    """
    with _open_reader(path, mono=True, warns=False) as reader:
        return reader.count(), reader.sample_rate


def save_audio(path: str | Path, waveform: np.ndarray, sample_rate: int, subtype: str = "PCM_16") -> Path:
    """Save a waveform as an audio file.

    Parameters
    ----------
    path : str or Path
        Path of the file. Its extension selects the format (one of :data:`WRITABLE`). An existing file is replaced when
        the new file is complete.
    waveform : float or int16 array, shape (samples,) or (channels, samples)
        Samples. Floats outside [-1, 1] are clipped. int16 samples are written unchanged.
    sample_rate : int, Hz
        Sample rate of the waveform.
    subtype : str, default "PCM_16"
        Sample format for wav, flac, au and aiff, as named by libsndfile: ``"PCM_16"``, ``"PCM_24"``, ``"FLOAT"`` and
        others. Ogg and mp3 files ignore it.

    Returns
    -------
    pathlib.Path
        Path of the file.

    Raises
    ------
    AudioError
        If the format is unknown, the waveform is not of shape (samples,) or (channels, samples), has integers other
        than int16, or NaN or infinite values, or the format does not allow its sample rate, channels or ``subtype``.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     save_audio(f"{folder}/tone.flac", 0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000), 8000).name
    'tone.flac'
    """
    import soundfile

    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in WRITABLE:
        raise AudioError(f"{path}: cannot write {path.suffix!r} files; use one of {', '.join(WRITABLE)}")
    waveform = np.asarray(waveform)
    _check_rate(path, sample_rate)
    if waveform.ndim not in (1, 2) or (waveform.ndim == 2 and len(waveform) > _MOST_CHANNELS):
        raise AudioError(
            f"{path}: expected a waveform of shape (samples,) or (channels, samples), found {waveform.shape}; "
            "transpose it if its channels come last"
        )
    if waveform.dtype != np.int16 and waveform.dtype.kind != "f":
        raise AudioError(f"{path}: expected samples in [-1, 1] as floats, or as int16, found {waveform.dtype}")
    if not np.isfinite(waveform).all():
        raise AudioError(f"{path}: the waveform has NaN or infinite values, so the file was not written")
    if suffix in (".ogg", ".mp3"):
        subtype = None  # these formats do not store PCM samples
    if waveform.dtype != np.int16:
        dtype = np.float32 if waveform.dtype.itemsize <= 4 else np.float64  # libsndfile has no other floats
        waveform = to_int16(waveform) if subtype == "PCM_16" else np.clip(waveform, -1, 1).astype(dtype, copy=False)
    frames = waveform.T
    channels = 1 if frames.ndim == 1 else frames.shape[1]
    format = "AIFF" if suffix == ".aif" else None  # libsndfile knows the other suffixes
    with replacing(path) as unfinished:
        try:
            with soundfile.SoundFile(unfinished, "w", sample_rate, channels, subtype, format=format) as file:
                for start in range(0, len(frames), _BLOCK):
                    file.write(frames[start : start + _BLOCK])
        except (soundfile.LibsndfileError, ValueError, TypeError) as error:
            if isinstance(error, soundfile.LibsndfileError) and "System error" in str(error):
                raise
            kind = f" as {subtype}" if subtype else ""
            raise AudioError(
                f"{path}: {suffix} files can't have {counted(channels, 'channel')} at {sample_rate:,} Hz{kind}; choose "
                "another format, or resample the waveform"
            ) from error
    return path


def resample(waveform: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """Convert a waveform to another sample rate.

    The result does not contain frequencies above half the target rate. We use the "HQ" filter of the soxr library,
    which is accurate to 20 bits.

    Parameters
    ----------
    waveform : array, shape (samples,) or (channels, samples)
        Waveform to convert.
    from_rate : int, Hz
        Sample rate of ``waveform``.
    to_rate : int, Hz
        Target sample rate.

    Returns
    -------
    float32 array, shape (samples,) or (channels, samples)
        Waveform at ``to_rate``. If the rates are equal, the samples are unchanged.

    Raises
    ------
    ValueError
        If the waveform consists of integers.

    Examples
    --------
    >>> resample(np.zeros(44100), 44100, 22050).shape
    (22050,)
    """
    waveform = np.asarray(waveform)
    if waveform.dtype.kind in "iu":
        raise ValueError("expected a waveform of floats, found integers; convert int16 with audio.from_int16")
    waveform = waveform.astype(np.float32, copy=False)
    if from_rate == to_rate:
        return waveform
    import soxr

    return soxr.resample(waveform.T, from_rate, to_rate, quality="HQ").T


def fix_length(waveform: np.ndarray, samples: int, position: str = "start") -> np.ndarray:
    """Trim or zero-pad a waveform to a fixed length.

    Parameters
    ----------
    waveform : array, shape (..., samples)
        Waveform, or any other array whose last axis is time.
    samples : int
        Target length of the last axis.
    position : {"start", "centre"}, default "start"
        ``"start"`` keeps the start and pads the end. ``"centre"`` keeps the middle and pads both ends.

    Returns
    -------
    array, shape (..., samples), same dtype as ``waveform``
        Waveform with the target length.

    Raises
    ------
    ValueError
        If ``position`` is unknown, or ``samples`` is not a whole number of at least 0.

    Examples
    --------
    >>> fix_length(np.array([1, 2, 3]), 5)
    array([1, 2, 3, 0, 0])
    >>> fix_length(np.array([1, 2, 3, 4, 5]), 3, position="centre")
    array([2, 3, 4])
    """
    if position not in ("start", "centre"):
        raise ValueError(f'position must be "start" or "centre", not {position!r}')
    check_whole({"samples": samples}, "samples", least=0, error=ValueError)
    missing = samples - waveform.shape[-1]
    before = 0 if position == "start" else abs(missing) // 2
    if missing <= 0:
        return waveform[..., before : before + samples]
    pad = [(0, 0)] * (waveform.ndim - 1) + [(before, missing - before)]
    return np.pad(waveform, pad)


def to_int16(waveform: np.ndarray) -> np.ndarray:
    """Convert a floating-point waveform to 16-bit integers.

    The samples are multiplied by 32768 and rounded. A 16-bit file that was loaded at its own sample rate gets its
    original samples back.

    Parameters
    ----------
    waveform : float array, any shape
        Samples. Values outside [-1, 1) are clipped.

    Returns
    -------
    int16 array, same shape
        Samples from -32768 to 32767.

    Raises
    ------
    ValueError
        If the waveform does not consist of floats, or has NaN values.

    Examples
    --------
    >>> to_int16(np.array([0.0, 0.5, -1.0, 2.0]))
    array([     0,  16384, -32768,  32767], dtype=int16)
    """
    waveform = np.asarray(waveform)
    if waveform.dtype.kind != "f":
        raise ValueError(f"expected a waveform of floats in [-1, 1], found {waveform.dtype}; see audio.from_int16")
    if np.isnan(waveform).any():
        raise ValueError("the waveform has NaN values; replace them or leave it out")
    return np.round(np.clip(waveform, -1, 32767 / 32768) * 32768).astype(np.int16)


def from_int16(samples: np.ndarray) -> np.ndarray:
    """Convert 16-bit integers to a floating-point waveform.

    This is the inverse of :func:`to_int16`, up to its rounding error of 1.5e-5.

    Parameters
    ----------
    samples : int16 array, any shape
        Samples from -32768 to 32767.

    Returns
    -------
    float32 array, same shape
        Samples in [-1, 1).

    Raises
    ------
    ValueError
        If the samples are not integers.

    Examples
    --------
    >>> from_int16(np.array([0, 16384, -32768], dtype=np.int16))
    array([ 0. ,  0.5, -1. ], dtype=float32)
    """
    samples = np.asarray(samples)
    if samples.dtype.kind not in "iu":
        raise ValueError(f"expected integers from -32768 to 32767, found {samples.dtype}; they need no conversion")
    return samples.astype(np.float32) / np.float32(32768)


def find_audio(folder: str | Path, suffixes: tuple[str, ...] = SUFFIXES) -> list[Path]:
    """List all audio files in a folder and its subfolders.

    Hidden files and folders are skipped (see :func:`is_hidden`).

    Parameters
    ----------
    folder : str or Path
        Folder to search.
    suffixes : tuple of str, optional
        Extensions to look for, in lower case and with the dot. Upper-case extensions match too. Default:
        :data:`SUFFIXES`, the extensions that :func:`load_audio` can read.

    Returns
    -------
    list of pathlib.Path
        Paths of the files in alphabetical order. They begin with ``folder``.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for name in ("b.wav", "a/c.flac", "a/._c.flac", "notes.txt"):
    ...         Path(folder, "a").mkdir(exist_ok=True)
    ...         Path(folder, name).touch()
    ...     [path.relative_to(folder).as_posix() for path in find_audio(folder)]
    ['a/c.flac', 'b.wav']
    """
    files = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not is_hidden(name)]
        paths = [Path(parent, name) for name in names if not is_hidden(name)]
        files += [path for path in paths if path.suffix.lower() in suffixes and path.is_file()]
    return sorted(files)


def is_hidden(name: str) -> bool:
    """Return True if a file or folder is hidden, or was created by the operating system.

    Parameters
    ----------
    name : str
        Name of the file or folder, without its path. Hidden names start with a dot. Operating systems create folders
        such as ``__MACOSX``.

    Returns
    -------
    bool
        True for names that a search for audio files should skip.

    Examples
    --------
    >>> [is_hidden(name) for name in (".ipynb_checkpoints", "@eaDir", "jazz")]
    [True, True, False]
    """
    return name.startswith(".") or name.lower() in _SYSTEM_FOLDERS


def _check_rate(path: str | Path, sample_rate: int) -> None:
    check_whole({"sample_rate": sample_rate}, "sample_rate", error=lambda message: AudioError(f"{path}: {message}"))


def _check_is_file(name: str | Path) -> None:
    path = Path(name)
    if "://" in str(name) and not path.exists():
        raise AudioError(f"{name}: expected a file, found a web address; download the file first")
    if not path.exists():
        raise AudioError(f"{path}: no such file; check the spelling and the folder")
    if path.is_dir():
        raise AudioError(f"{path}: expected an audio file, found a folder")
    if not path.is_file():
        raise AudioError(f"{path}: expected an audio file, found a pipe or device; musiclab predict reads a pipe as -")
    if path.stat().st_size == 0:
        raise AudioError(f"{path}: the file is empty; copy or download it again")


@contextmanager
def _open_reader(path: str | Path, mono: bool, warns: bool = True) -> Iterator["decoding.SoundReader"]:
    """Open an audio file, and turn all errors in the block into an AudioError with its path."""
    from musiclab.audio import decoding  # not at the top, because training from a store needs no decoder

    try:
        _check_is_file(path)
        path = Path(path)
        with decoding.open_sound(path, mono, warns) as reader:
            yield reader
    except AudioError:
        raise
    except MemoryError as error:
        raise AudioError(f"{path}: not enough memory; load the file in parts with offset and duration") from error
    except OSError as error:
        raise AudioError(f"{path}: the file cannot be read: {error.strerror or error}") from error
    except Exception as error:  # decoders raise many different errors
        raise AudioError(_explain_undecodable(path, error)) from error


def _read_part(reader: "decoding.SoundReader", sample_rate: int, start: int, stop: int | None) -> np.ndarray:
    """Read samples ``start`` to ``stop`` at ``sample_rate``, as if the whole file were resampled and then sliced."""
    if sample_rate == reader.sample_rate:
        return np.ascontiguousarray(reader.read(start, stop).T)
    # Resample with a margin on both sides, starting where the sample positions of both rates coincide.
    divisor = math.gcd(sample_rate, reader.sample_rate)
    step, new_step = reader.sample_rate // divisor, sample_rate // divisor
    margin = _MARGIN * max(sample_rate, reader.sample_rate) // sample_rate
    first = max(0, start * step // new_step - margin) // step
    last = None if stop is None else -(-stop * step // new_step) + margin
    samples = reader.read(first * step, last).T
    frames = samples.shape[-1]
    reader.check_size(frames * sample_rate // reader.sample_rate)
    skipped = first * new_step
    if first and (last is None or frames < last - first * step):  # at the end, soxr rounds the length of the whole file
        samples = fix_length(samples, frames + step)
        end = int((first * step + frames) / (reader.sample_rate / sample_rate) + 0.5)
        stop = max(start, end if stop is None else min(stop, end))
    waveform = resample(np.ascontiguousarray(samples), reader.sample_rate, sample_rate)
    return waveform[..., start - skipped : None if stop is None else stop - skipped]


def _explain_undecodable(path: Path, error: Exception) -> str:
    if path.suffix.lower() in TO_CONVERT:
        return (
            f"{path}: {path.suffix} files are not supported. Convert the file first, for example with "
            f'`ffmpeg -i "{path.name}" "{path.stem}.wav"`'
        )
    reason = str(getattr(error, "error_string", error)).rstrip(".") or type(error).__name__
    if "possibly a pipe" in reason:  # libsndfile's guess for an mp3 file without sound
        reason = "Format not recognised"
    return f"{path}: the file cannot be decoded ({reason}); check that it plays, or leave it out"
