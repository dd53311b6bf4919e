"""Load, save, resample, cut and pad sound.

A *waveform* is a float32 array in [-1, 1], shape ``(samples,)`` for mono and ``(channels, samples)`` otherwise.
libsndfile reads and writes files and soxr resamples, so that the same file gives the same numbers on every machine.
"""

import re
from pathlib import Path

import numpy as np

from musiclab.core.errors import AudioError
from musiclab.core.files import replacing

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".au", ".aif", ".aiff")
"""File name endings (lower case) of the formats that :func:`load_audio` reads."""

_STREAMED_SIZES = (0, 0x7FFFFFFF, 0xFFFFFFFF)  # written by recorders that do not know the length beforehand
_BLOCK = 65536  # frames written at once: a minute of Ogg Vorbis in one piece makes libsndfile end the process


def load_audio(
    path: str | Path,
    sample_rate: int | None = 22050,
    mono: bool = True,
    offset: float = 0.0,
    duration: float | None = None,
) -> tuple[np.ndarray, int]:
    """Decode a sound file of any sample rate, depth and number of channels.

    Parameters
    ----------
    path
        A wav, flac, ogg, mp3, au or aiff file.
    sample_rate
        Sample rate to resample to, in Hz; ``None`` keeps the file's own.
    mono
        Average the channels. With ``False`` a file of several channels gives ``(channels, samples)``.
    offset, duration
        Start and length of the part to decode, in seconds; ``duration=None`` decodes up to the end.

    Returns
    -------
    waveform, sample_rate
        Float32 in [-1, 1] (a float file or resampling can go slightly beyond), and Hz.

    Raises
    ------
    AudioError
        The file is missing, empty, cut off, not finite, or not sound in a known format; or ``offset`` or ``duration``
        does not fit it.

    Examples
    --------
    >>> waveform, sample_rate = load_audio("song.ogg", duration=10)  # doctest: +SKIP
    """
    import soundfile  # not at the top: training from a store needs no decoder

    path = Path(path)
    _check_is_file(path)
    if duration is not None and duration <= 0:
        raise AudioError(f"{path}: expected a duration over 0 s, found {duration} s")
    try:
        with soundfile.SoundFile(path) as file:
            file_rate, frames = file.samplerate, file.frames
            _check_complete(path, file)
            start = round(offset * file_rate)
            if not 0 <= start < max(frames, 1):
                raise AudioError(
                    f"{path}: expected an offset in 0 to {frames / file_rate:.3f} s (its length), found {offset} s"
                )
            file.seek(start)
            wanted = frames - start if duration is None else min(round(duration * file_rate), frames - start)
            if file.subtype == "PCM_16":  # the same numbers as libsndfile's own float32, six times as fast
                channels = from_int16(file.read(wanted, dtype="int16", always_2d=True))
            else:
                channels = file.read(wanted, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: a .raw file, which has no header
        raise AudioError(_undecodable(path, error)) from error
    if len(channels) < wanted:
        raise AudioError(
            f"{path}: expected {wanted} samples, found {len(channels)}: the file is cut off; copy or download it again"
        )
    if len(channels) == 0:
        raise AudioError(f"{path}: expected sound, found 0 samples; leave the file out or record it again")
    if not np.isfinite(channels).all():
        first = int(np.flatnonzero(~np.isfinite(channels).all(axis=1))[0])
        raise AudioError(
            f"{path}: expected finite samples, found {channels[first].tolist()} at sample {first}; "
            "export the sound again from the program that made it"
        )
    if channels.shape[1] == 1:
        waveform = channels[:, 0]
    else:
        waveform = channels.mean(axis=1) if mono else np.ascontiguousarray(channels.T)
    if sample_rate is None:
        return waveform, file_rate
    return resample(waveform, file_rate, sample_rate), sample_rate


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
    if suffix not in SUFFIXES:
        raise AudioError(f"{path}: expected a name that ends in one of {', '.join(SUFFIXES)}, found {path.suffix!r}")
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
    """List all files below ``folder`` that end in one of ``suffixes``, sorted and without hidden files."""
    return sorted(
        file
        for file in Path(folder).rglob("*")
        if file.suffix.lower() in suffixes and not file.name.startswith(".") and file.is_file()
    )


def _check_is_file(path: Path) -> None:
    if not path.exists():
        raise AudioError(f"{path}: no such file; check the spelling and the folder")
    if path.is_dir():
        raise AudioError(f"{path}: expected a sound file, found a folder")
    if path.stat().st_size == 0:
        raise AudioError(f"{path}: expected a sound file, found 0 bytes; copy or download it again")


def _undecodable(path: Path, error: Exception) -> str:
    if path.suffix.lower() in (".m4a", ".aac", ".mp4", ".wma", ".webm", ".opus"):
        return (
            f"{path}: expected one of {', '.join(SUFFIXES)}, found {path.suffix}, which is not decoded here; "
            f'convert it first: ffmpeg -i "{path.name}" "{path.stem}.wav"'
        )
    return (
        f"{path}: expected sound in one of {', '.join(SUFFIXES)}, found something that cannot be decoded "
        f"({str(error).rstrip('.')}); check that it plays, or leave it out"
    )


def _check_complete(path: Path, file) -> None:
    """Raise AudioError if the file ends early, because libsndfile reads its beginning without a warning."""
    if file.format == "OGG":
        is_complete = _ogg_is_complete(path)
    else:  # libsndfile notes "data : 44100 (should be 19956)" when a chunk is longer than the file
        sizes = re.search(r"^\s*(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)", file.extra_info, re.MULTILINE)
        is_complete = not sizes or int(sizes[1]) <= int(sizes[2]) or int(sizes[1]) in _STREAMED_SIZES
    if not is_complete:
        after = f" (after {file.frames / file.samplerate:.2f} s)" if file.frames else ""
        raise AudioError(f"{path}: expected a whole file, found one that ends early{after}; copy or download it again")


def _ogg_is_complete(path: Path) -> bool:
    """Return True if the last Ogg page is complete and has the end-of-stream flag (RFC 3533, section 6)."""
    longest_page = 27 + 255 + 255 * 255
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - longest_page))
        tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27 or not page[:4] == b"OggS":
        return False
    segments = page[26]
    length = 27 + segments + sum(page[27 : 27 + segments])
    return bool(page[5] & 4) and len(page) >= length
