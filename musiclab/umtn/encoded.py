"""Decode sound files (mp3, flac, m4a, wav ...) to random segments, or to a folder of ``.h5`` files at 16 kHz."""

import io
import logging
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch.utils.data import Dataset

from musiclab.audio import SUFFIXES, TO_CONVERT, find_audio, fix_length, load_audio, resample, to_int16
from musiclab.core.errors import AudioError, DatasetError, MusiclabError
from musiclab.core.files import replacing
from musiclab.core.progress import progress
from musiclab.umtn.companding import compand

WAV_FREQ = 16000
"""Sample rate of UMTN in Hz."""

log = logging.getLogger(__name__)


class EncodedFilesDataset(Dataset):
    """Data set of sound files (mp3, flac, m4a, wav ...), which can be converted to ``.h5`` or cut into random segments.

    :meth:`dump_to_folder` converts the files. A segment is float32, shape (seq_len,), on the scale of 16-bit integers.
    Files that are shorter than a segment are padded with zeros. All files are equally likely, whatever their length.

    Parameters
    ----------
    top : str or Path
        Folder of sound files, searched with its subfolders.
    seq_len : int, optional
        Segment length in samples at 16 kHz. Without it, only :meth:`dump_to_folder` works.
    file_type : str, optional
        Extension of the files to use, such as ``"wav"``. Default: all formats that can be decoded.
    epoch_len : int
        Number of random segments per epoch. Default: 10,000.

    Attributes
    ----------
    file_paths : list of Path
        Sound files in the folder.
    failures : list of (path, reason)
        Files that :meth:`dump_to_folder` could not decode.

    Raises
    ------
    DatasetError
        If the folder has no sound files.

    Examples
    --------
    >>> EncodedFilesDataset("recordings").dump_to_folder("preprocessed")  # doctest: +SKIP
    """

    WAV_FREQ = WAV_FREQ

    def __init__(self, top, seq_len: int | None = None, file_type: str | None = None, epoch_len: int = 10000):
        self.path, self.seq_len, self.epoch_len = Path(top), seq_len, epoch_len
        self.file_paths = find_encoded(top, file_type)
        self.failures: list[tuple[str, str]] = []

    def __len__(self) -> int:
        return self.epoch_len

    def __getitem__(self, _) -> torch.Tensor:
        samples = decode(self.file_paths[torch.randint(len(self.file_paths), ())])
        start = torch.randint(max(0, len(samples) - self.seq_len) + 1, ())
        return torch.from_numpy(fix_length(samples[start:], self.seq_len).astype(np.float32))

    def dump_to_folder(self, output: str | Path, norm_db: bool = False) -> list[Path]:
        """Convert each file to 16-bit mono sound at 16 kHz, stored as ``.h5``.

        The new files have the same relative paths. Files that can't be decoded are listed in one warning and in
        :attr:`failures`.

        Parameters
        ----------
        output : str or Path
            Folder to write to. Existing files are replaced.
        norm_db : bool
            Even out the volume first, with :func:`musiclab.umtn.compand`. Default: False.

        Returns
        -------
        list of Path
            Paths of the new files.

        Raises
        ------
        DatasetError
            If two files would get the same name, or no file can be decoded.
        """
        targets = {path: Path(output, path.relative_to(self.path)).with_suffix(".h5") for path in self.file_paths}
        check_targets(targets, "Rename them, or choose one file type.")
        files = progress(self.file_paths, "decoding", unit="file")
        written, self.failures = collect_failures(files, lambda path: write_h5(targets[path], decode(path, norm_db)))
        warn_of_failures(self.path, written, self.failures)
        return list(written.values())


def check_targets(targets: Mapping[Path, Path], advice: str) -> None:
    """Raise DatasetError if two files have the same target, the file that is written for them."""
    for target, count in Counter(targets.values()).most_common(1):
        if count > 1:
            files = ", ".join([str(path) for path in targets if targets[path] == target][:5])
            raise DatasetError(f"{target}: found {count} files that would be written to it ({files}). {advice}")


def write_h5(path: str | Path, samples: np.ndarray, sample_rate: int = WAV_FREQ) -> Path:
    """Write 16-bit samples to an ``.h5`` file.

    The samples are stored in the HDF5 dataset ``wav``, contiguous and uncompressed, so that reading them is fast. Its
    attribute ``sample_rate`` is the sample rate.

    Parameters
    ----------
    path : str or Path
        File to write. An existing file is replaced.
    samples : int16 array, shape (samples,)
        Samples.
    sample_rate : int
        Sample rate in Hz. Default: 16,000.

    Returns
    -------
    Path
        Path of the file.

    Examples
    --------
    >>> write_h5("silence.h5", np.zeros(16000, np.int16))  # doctest: +SKIP
    """
    image = io.BytesIO()  # written to memory first, because HDF5 can crash if the disk is full
    with h5py.File(image, "w") as file:
        file.create_dataset("wav", data=samples).attrs["sample_rate"] = sample_rate
    with replacing(path) as unfinished:
        unfinished.write_bytes(image.getbuffer())
    return Path(path)


def find_encoded(top: str | Path, file_type: str | None = None) -> list[Path]:
    """List the sound files below a folder, sorted: all that can be decoded, or those with one extension."""
    extensions = (f".{file_type.lower().lstrip('.')}",) if file_type else (*SUFFIXES, *TO_CONVERT)
    files = find_audio(top, extensions)
    if not files:
        raise DatasetError(f"{top}: no sound files found ({', '.join(extensions)}). Check the name of the folder.")
    return files


def decode(path: Path, norm_db: bool = False) -> np.ndarray:
    """Decode a file to mono int16 samples at 16 kHz, with companding if ``norm_db`` is set."""
    with _convert_if_needed(path) as file:
        if not norm_db:
            return to_int16(load_audio(file, WAV_FREQ)[0])
        waveform, sample_rate = load_audio(file, None, mono=False)  # UMTN compands before mixing to mono
        mono = np.atleast_2d(compand(waveform, sample_rate)).mean(axis=0)
        samples = to_int16(resample(mono, sample_rate, WAV_FREQ))
    if not len(samples):
        raise AudioError(f"{path}: nothing is left after resampling to {WAV_FREQ:,} Hz; leave the file out")
    return samples


@contextmanager
def _convert_if_needed(path: Path) -> Iterator[Path]:
    """Yield a file that libsndfile can decode: the file itself, or a temporary WAV file made by ffmpeg."""
    if path.suffix.lower() not in TO_CONVERT:
        yield path
        return
    if not shutil.which("ffmpeg"):
        raise AudioError(f"{path}: ffmpeg is needed to decode {path.suffix} files. Install it, or convert them to wav.")
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "decoded.wav"
        command = ["ffmpeg", "-v", "error", "-i", str(path), "-vn", "-c:a", "pcm_f32le", str(wav)]
        process = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if process.returncode:
            reason = process.stderr.strip().splitlines()[-1:] or ["no sound in it"]
            raise AudioError(f"{path}: ffmpeg cannot decode this file ({reason[0]}); remove or replace it")
        try:
            yield wav
        except AudioError as error:  # name the original file instead of the temporary one
            raise AudioError(str(error).replace(str(wav), str(path))) from error


def collect_failures(
    paths: Iterable[Path], function: Callable[[Path], Any]
) -> tuple[dict[Path, Any], list[tuple[str, str]]]:
    """Apply ``function`` to each file; return the results by path, and (path, reason) for each file that fails."""
    results, failures = {}, []
    for path in paths:
        try:
            results[path] = function(path)
        except MusiclabError as error:
            failures.append((str(path), str(error)))
    return results, failures


def warn_of_failures(source: str | Path, usable, failures: list[tuple[str, str]]) -> None:
    """Log one warning about all files that are left out, or raise DatasetError if none is ``usable``."""
    reasons = "".join(f"\n  {reason}" for _, reason in failures)
    if not usable:
        raise DatasetError(f"{source}: no usable sound{reasons}")
    if failures:
        log.warning("%s: %d left out:%s", source, len(failures), reasons)
