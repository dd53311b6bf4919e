"""Decode sound files (mp3, flac, m4a, wav ...): random segments of them, or a folder of 16 kHz ``.h5`` files."""

import io
import logging
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
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

WAV_FREQ = 16000  # sample rate of everything in this package, Hz

log = logging.getLogger(__name__)


class EncodedFilesDataset(Dataset):
    """Draw random segments from encoded files, or decode all of them for training with :meth:`dump_to_folder`.

    A segment is float32, shape (seq_len,), on the scale of 16-bit integers; a shorter file is padded with zeros. Every
    file is as likely as any other, however long it is.

    Parameters
    ----------
    top
        Folder of sound files; subfolders are searched. DatasetError if there are none.
    seq_len
        Length of a segment in samples at 16 kHz; only :meth:`dump_to_folder` works without it.
    file_type, epoch_len
        The only ending to take, such as ``"wav"``, default all that can be decoded, and the number of draws in an
        epoch, which isn't a pass over the files.

    Attributes
    ----------
    file_paths : list of pathlib.Path
    failures : list of (path, reason)
        Files that :meth:`dump_to_folder` could not decode.

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
        """Decode every file to 16 kHz mono 16-bit, and write it as ``.h5`` under the same relative path.

        Returns the paths written. One warning lists the files that can't be decoded; they are in :attr:`failures`.
        Raises DatasetError if two files would get the same name, or none can be decoded.

        Parameters
        ----------
        output
            Folder to write to. Existing files are replaced.
        norm_db
            Even out the level first (:func:`musiclab.umtn.compand`).
        """
        targets = {path: Path(output, path.relative_to(self.path)).with_suffix(".h5") for path in self.file_paths}
        target, count = Counter(targets.values()).most_common(1)[0]
        if count > 1:
            raise DatasetError(f"{self.path}: found two files for {target}; rename one, or take one file_type")
        files = progress(self.file_paths, "decoding", unit="file")
        written, self.failures = try_each(files, lambda path: write_h5(targets[path], decode(path, norm_db)))
        report(self.path, written, self.failures)
        return list(written.values())


def write_h5(path: str | Path, samples: np.ndarray, sample_rate: int = WAV_FREQ) -> Path:
    """Write int16 samples as UMTN's data set ``wav``, uncompressed in one piece, with its ``sample_rate`` in Hz."""
    image = io.BytesIO()  # because HDF5 can crash after a write to a full disk
    with h5py.File(image, "w") as file:
        file.create_dataset("wav", data=samples).attrs["sample_rate"] = sample_rate
    with replacing(path) as unfinished:
        unfinished.write_bytes(image.getbuffer())
    return Path(path)


def find_encoded(top: str | Path, file_type: str | None = None) -> list[Path]:
    """List the recordings below a folder, sorted: all that can be decoded, or those of one ending."""
    endings = (f".{file_type.lower().lstrip('.')}",) if file_type else (*SUFFIXES, *TO_CONVERT)
    files = find_audio(top, endings)
    if not files:
        raise DatasetError(f"{top}: expected a folder of recordings ({', '.join(endings)}), found none; check its name")
    return files


def decode(path: Path, norm_db: bool = False) -> np.ndarray:
    """Decode a file to 16 kHz mono int16 samples, after companding it if ``norm_db`` is set."""
    with _readable(path) as file:
        if not norm_db:
            return to_int16(load_audio(file, WAV_FREQ)[0])
        waveform, sample_rate = load_audio(file, None, mono=False)  # UMTN compands the file itself, then mixes it down
        mono = np.atleast_2d(compand(waveform, sample_rate)).mean(axis=0)
        samples = to_int16(resample(mono, sample_rate, WAV_FREQ))
    if not len(samples):
        raise AudioError(f"{path}: expected sound, found 0 samples at {WAV_FREQ:,} Hz; leave the file out")
    return samples


@contextmanager
def _readable(path: Path) -> Iterator[Path]:
    """Yield a file that libsndfile can decode: the file itself, or a temporary copy made by ffmpeg."""
    if path.suffix.lower() not in TO_CONVERT:
        yield path
        return
    if not shutil.which("ffmpeg"):
        raise AudioError(
            f"{path}: expected ffmpeg, which {path.suffix} needs, found none; install it, or convert to wav"
        )
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "decoded.wav"
        command = ["ffmpeg", "-v", "error", "-i", str(path), "-vn", "-c:a", "pcm_f32le", str(wav)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1:] or ["no sound in it"]
            raise AudioError(f"{path}: expected sound that ffmpeg decodes, found none ({reason[0]}); leave it out")
        try:
            yield wav
        except AudioError as error:  # the temporary folder is of no help to the reader
            raise AudioError(str(error).replace(str(wav), str(path))) from error


def try_each(paths: Iterable[Path], work: Callable[[Path], Any]) -> tuple[dict[Path, Any], list[tuple[str, str]]]:
    """Return the results of ``work`` by file, and (path, reason) for each file that it fails for."""
    results, failures = {}, []
    for path in paths:
        try:
            results[path] = work(path)
        except MusiclabError as error:
            failures.append((str(path), str(error)))
    return results, failures


def report(top: str | Path, usable, failures: list[tuple[str, str]]) -> None:
    """Warn once about all files that are left out; raise DatasetError if none is left."""
    reasons = "".join(f"\n  {reason}" for _, reason in failures)
    if not usable:
        raise DatasetError(f"{top}: expected sound that can be used, found none{reasons}")
    if failures:
        log.warning("%s: %d left out:%s", top, len(failures), reasons)
