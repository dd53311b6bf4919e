"""Sound files and waveforms: load, save, resample, cut, pad.

A *waveform* is a float32 array in [-1, 1], shape ``(samples,)`` for mono and ``(channels, samples)`` otherwise.
Files are decoded and written by libsndfile (soundfile) and resampled by soxr, so that the same file gives the
same numbers on every machine.
"""

import re
from pathlib import Path

import numpy as np

from musiclab.core.errors import AudioError
from musiclab.core.files import replacing

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".au", ".aif", ".aiff")
"""File name endings (lower case) of the formats that :func:`load_audio` reads."""

_STREAMED_SIZES = (0, 0x7FFFFFFF, 0xFFFFFFFF)  # what recorders write when the length is not known beforehand
_BLOCK = 65536  # frames written at once: libsndfile ends the process on a minute of Ogg Vorbis in one piece


def load_audio(
    path: str | Path,
    sample_rate: int | None = 22050,
    mono: bool = True,
    offset: float = 0.0,
    duration: float | None = None,
) -> tuple[np.ndarray, int]:
    """Decode a sound file of any rate, depth and channel count.

    Parameters
    ----------
    path
        A wav, flac, ogg, mp3, au or aiff file.
    sample_rate
        Rate to resample to, in Hz; ``None`` keeps the file's own.
    mono
        Average the channels. With ``False`` a file of several channels gives ``(channels, samples)``.
    offset, duration
        The part to decode, in seconds; ``duration=None`` is up to the end.

    Returns
    -------
    waveform : float32 array, shape (samples,) or (channels, samples)
        In [-1, 1]; a float file or resampling can go slightly over.
    sample_rate : int
        In Hz.

    Raises
    ------
    AudioError
        The file is missing, empty, cut off, not sound in a known format, or holds values that are not finite;
        or nothing lies at ``offset``, or ``duration`` is not positive.
    """
    soundfile = _soundfile()
    path = Path(path)
    _check_is_file(path)
    try:
        with soundfile.SoundFile(path) as file:
            found_rate, expected = file.samplerate, file.frames
            _check_whole(path, file)
            start = round(offset * found_rate)
            if not 0 <= start < max(expected, 1):
                raise AudioError(
                    f"{path}: expected an offset in 0 to {expected / found_rate:.3f} s (its length), found {offset} s"
                )
            if duration is not None and duration <= 0:
                raise AudioError(f"{path}: expected a duration over 0 s, found {duration} s")
            file.seek(start)
            wanted = expected - start if duration is None else min(round(duration * found_rate), expected - start)
            if file.subtype == "PCM_16":  # the same numbers as libsndfile's own float32, six times as fast
                channels = from_int16(file.read(wanted, dtype="int16", always_2d=True))
            else:
                channels = file.read(wanted, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: a .raw file, which says nothing of itself
        raise AudioError(_undecodable(path, error)) from error
    if len(channels) < wanted:
        raise AudioError(
            f"{path}: expected {wanted} samples, found {len(channels)}: the file is cut off; copy or download it again"
        )
    if len(channels) == 0:
        raise AudioError(f"{path}: expected sound, found 0 samples; leave the file out or record it again")
    if not np.isfinite(channels).all():
        where = int(np.flatnonzero(~np.isfinite(channels).all(axis=1))[0])
        raise AudioError(
            f"{path}: expected finite samples, found {channels[where].tolist()} at sample {where}; "
            "export the sound again from the program that made it"
        )
    if channels.shape[1] == 1:
        waveform = channels[:, 0]
    else:
        waveform = channels.mean(axis=1) if mono else np.ascontiguousarray(channels.T)
    if sample_rate is None:
        return waveform, found_rate
    return resample(waveform, found_rate, sample_rate), sample_rate


def save_audio(path: str | Path, waveform: np.ndarray, sample_rate: int, subtype: str = "PCM_16") -> Path:
    """Write a waveform to a file; the ending of the name (``.wav``, ``.flac``, ``.ogg`` ...) says the format.

    Parameters
    ----------
    path
        An older file of that name is replaced once the new one is whole.
    waveform : float or int16 array, shape (samples,) or (channels, samples)
        Floats beyond [-1, 1] are clipped; int16 samples are written as they are.
    sample_rate
        In Hz.
    subtype
        libsndfile's name of the sample format, for wav, flac, au and aiff: ``"PCM_16"``, ``"PCM_24"``, ``"FLOAT"`` ...

    Returns
    -------
    pathlib.Path
        ``path``.

    Raises
    ------
    AudioError
        The ending is not one that can be written, or the waveform holds values that are not finite.
    """
    soundfile = _soundfile()
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise AudioError(f"{path}: expected a name that ends in one of {', '.join(SUFFIXES)}, found {path.suffix!r}")
    waveform = np.asarray(waveform)
    if not np.isfinite(waveform).all():
        raise AudioError(
            f"{path}: the waveform holds values that are not finite (NaN or infinite); nothing was written"
        )
    coded = path.suffix.lower() in (".ogg", ".mp3")  # these have no PCM sample format
    if waveform.dtype != np.int16:
        waveform = to_int16(waveform) if subtype == "PCM_16" and not coded else np.clip(waveform, -1, 1)
    frames = waveform.T
    channels = 1 if frames.ndim == 1 else frames.shape[1]
    with replacing(path) as unfinished:
        format = "AIFF" if path.suffix.lower() == ".aif" else None  # the others are known by their ending
        subtype = None if coded else subtype
        with soundfile.SoundFile(unfinished, "w", sample_rate, channels, subtype, format=format) as file:
            for start in range(0, len(frames), _BLOCK):
                file.write(frames[start : start + _BLOCK])
    return path


def resample(waveform: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """Change the sample rate, with the low-pass filter that keeps frequencies from folding back (aliasing).

    Parameters
    ----------
    waveform : float array, shape (samples,) or (channels, samples)
    from_rate, to_rate
        In Hz.

    Returns
    -------
    float32 array, shape (ceil(samples * to_rate / from_rate),) or so
        By soxr at its high quality setting (20-bit).
    """
    if from_rate == to_rate:
        return np.asarray(waveform, dtype=np.float32)
    import soxr

    return soxr.resample(np.asarray(waveform, dtype=np.float32).T, from_rate, to_rate, quality="HQ").T


def fix_length(waveform: np.ndarray, samples: int, position: str = "start") -> np.ndarray:
    """Cut or zero-pad the last axis to ``samples``.

    Parameters
    ----------
    waveform : array, shape (..., n)
    samples
        The length wanted, in samples.
    position
        ``"start"`` keeps the beginning and pads at the end; ``"centre"`` keeps the middle and pads on both sides.

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
    """Round a waveform to 16-bit integers: 32,768 steps to 1.0, as libsndfile reads them; beyond [-1, 1) is clipped.

    A 16-bit file that was loaded at its own rate gives back the very integers that it holds.

    Examples
    --------
    >>> to_int16(np.array([0.0, 0.5, -1.0, 2.0]))
    array([     0,  16384, -32768,  32767], dtype=int16)
    """
    return np.round(np.clip(waveform, -1, 32767 / 32768) * 32768).astype(np.int16)


def from_int16(samples: np.ndarray) -> np.ndarray:
    """Undo :func:`to_int16`: float32 in [-1, 1), within half a step (1.5e-5) of what was rounded."""
    return np.asarray(samples, dtype=np.float32) / np.float32(32768)


def find_audio(folder: str | Path) -> list[Path]:
    """All files below ``folder`` whose ending is in :data:`SUFFIXES`, sorted; hidden files are left out."""
    return sorted(
        file
        for file in Path(folder).rglob("*")
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()
    )


def _soundfile():
    import soundfile  # not at the top: training from a store needs no decoder

    return soundfile


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


def _check_whole(path: Path, file) -> None:
    """Raise when the file ends early: libsndfile itself reads the beginning and says nothing."""
    if file.format == "OGG":
        whole = _ogg_ends(path)
    else:  # libsndfile notes "data : 44100 (should be 19956)" when a chunk is longer than the file
        sizes = re.search(r"^\s*(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)", file.extra_info, re.MULTILINE)
        whole = not sizes or int(sizes[1]) <= int(sizes[2]) or int(sizes[1]) in _STREAMED_SIZES
    if not whole:
        after = f" (after {file.frames / file.samplerate:.2f} s)" if file.frames else ""
        raise AudioError(f"{path}: expected a whole file, found one that ends early{after}; copy or download it again")


def _ogg_ends(path: Path) -> bool:
    """Whether the last Ogg page is complete and carries the end-of-stream flag (RFC 3533, section 6)."""
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
