"""Encoded recordings (mp3, flac, m4a, wav ...): random segments of them, and the 16 kHz files made from them once."""

import logging
import shutil
import subprocess
from pathlib import Path

import h5py
import numpy as np
import torch
from torch.utils.data import Dataset

from musiclab.audio import SUFFIXES, load_audio, resample, to_int16
from musiclab.core.errors import AudioError, DatasetError
from musiclab.core.files import replacing
from musiclab.core.progress import progress
from musiclab.umtn.companding import compand

WAV_FREQ = 16000
"""Sample rate of everything in this package, Hz."""
BY_FFMPEG = (".m4a", ".aac", ".ape", ".mkv", ".mp4", ".wma", ".opus", ".webm")
"""Endings that ffmpeg decodes, where it is installed; libsndfile decodes the others."""
CHUNK = 10_000  # samples, as UMTN's; a segment of 12,000 lies in two or three
log = logging.getLogger(__name__)


class EncodedFilesDataset(Dataset):
    """Random segments cut straight out of encoded files, decoded at every draw.

    Good for a look at a folder; to train, :meth:`dump_to_folder` decodes everything once.

    Parameters
    ----------
    top
        Folder; subfolders are searched.
    seq_len
        Samples of a segment, at 16 kHz; ``None`` where only :meth:`dump_to_folder` is wanted.
    file_type
        Ending to take alone, such as ``"wav"``.
    epoch_len
        Draws that an epoch has: not a pass over the files.

    Attributes
    ----------
    file_paths : list of pathlib.Path
        Files that are drawn from, each as likely as any other, however long.
    failures : list of (path, reason)
        Files that cannot be decoded or are shorter than a segment: reported once, in one warning, and left out.

    Raises
    ------
    DatasetError
        No file is left to draw from.
    """

    WAV_FREQ = WAV_FREQ

    def __init__(self, top, seq_len: int | None = None, file_type: str | None = None, epoch_len: int = 10000):
        self.path, self.seq_len, self.epoch_len = Path(top), seq_len, epoch_len
        self.file_paths = find_encoded(top, file_type)
        self.failures: list[tuple[str, str]] = []
        self._seconds: dict[Path, float] = {}
        if seq_len is not None:
            for path in self.file_paths:
                try:
                    self._seconds[path] = _long_enough(path, seq_len)
                except AudioError as error:
                    self.failures.append((str(path), str(error)))
            self.file_paths = list(self._seconds)
            report(self.path, self.failures)
            if not self.file_paths:
                raise DatasetError(f"{top}: expected a file of {seq_len} samples at {WAV_FREQ} Hz, found none")

    def __len__(self) -> int:
        return self.epoch_len

    def __getitem__(self, _) -> torch.Tensor:
        """A segment: float32, shape (seq_len,), on the scale of 16-bit integers, as UMTN gives it."""
        if self.seq_len is None:
            raise DatasetError(f"{self.path}: no seq_len was given, so there are no segments; make it with one")
        path = self.file_paths[draw(len(self.file_paths))]
        seconds = self.seq_len / WAV_FREQ
        offset = float(torch.rand(())) * max(0.0, self._seconds[path] - seconds)
        waveform = decode(path, offset=offset, duration=min(seconds + 0.01, self._seconds[path] - offset))
        segment = to_int16(waveform)[: self.seq_len]  # the hundredth of a second more is for rounding
        return torch.from_numpy(np.pad(segment, (0, self.seq_len - len(segment))).astype(np.float32))

    def dump_to_folder(self, output, norm_db: bool = False) -> list[Path]:
        """Decode every file to 16 kHz mono 16-bit and keep it as ``.h5``, dataset ``wav``, by the same relative path.

        Parameters
        ----------
        output
            Folder; a file in it of the same name is replaced once the new one is whole.
        norm_db
            Even out the level first (:func:`musiclab.umtn.compand`).

        Returns
        -------
        list of pathlib.Path
            The files made. What could not be decoded is in :attr:`failures`, reported in one warning.

        Raises
        ------
        DatasetError
            Two files would have the same name, or none could be decoded.
        """
        output = Path(output)
        targets = [output / path.relative_to(self.path).with_suffix(".h5") for path in self.file_paths]
        twice = {target for target in targets if targets.count(target) > 1}
        if twice:
            raise DatasetError(
                f"{self.path}: expected names that differ before the ending, found two files for {min(twice)}; "
                "rename one, or take one file_type"
            )
        made, failures = [], []
        for path, target in zip(progress(self.file_paths, "decoding", unit="file"), targets, strict=True):
            try:
                samples = to_int16(_companded(path) if norm_db else decode(path))
            except AudioError as error:
                failures.append((str(path), str(error)))
                continue
            made.append(write_h5(target, samples))
        report(self.path, failures)
        self.failures += failures
        if not made:
            raise DatasetError(f"{self.path}: expected files that can be decoded, found none:\n  {failures[0][1]}")
        return made


def write_h5(path: str | Path, samples: np.ndarray, sample_rate: int = WAV_FREQ) -> Path:
    """Write int16 samples as UMTN's dataset ``wav``: a quarter of the size of UMTN's float64.

    Attributes of the dataset: ``sample_rate`` (Hz).
    """
    with replacing(path) as unfinished, h5py.File(unfinished, "w") as file:
        dataset = file.create_dataset("wav", data=samples, chunks=(min(CHUNK, len(samples)),))
        dataset.attrs["sample_rate"] = sample_rate
    return Path(path)


def find_encoded(top: str | Path, file_type: str | None = None) -> list[Path]:
    """Recordings below a folder, sorted; hidden files and macOS's ``__MACOSX`` copies are left out.

    Raises
    ------
    DatasetError
        No such folder, or nothing in it.
    """
    top = Path(top)
    if not top.is_dir():
        raise DatasetError(f"{top}: expected a folder of recordings, found none of that name")
    endings = (f".{file_type.lower().lstrip('.')}",) if file_type else (*SUFFIXES, *BY_FFMPEG)
    files = [
        path
        for path in sorted(top.rglob("*"))
        if path.suffix.lower() in endings
        and path.is_file()
        and not path.name.startswith(".")
        and "__MACOSX" not in path.parts
    ]
    if not files:
        raise DatasetError(f"{top}: expected recordings ({', '.join(endings)}), found none")
    return files


def decode(
    path: str | Path, sample_rate: int | None = WAV_FREQ, mono: bool = True, offset=0.0, duration=None
) -> np.ndarray:
    """A waveform of a file (:func:`musiclab.audio.load_audio`); by ffmpeg where the format needs it.

    Raises
    ------
    AudioError
        The file cannot be decoded, or needs ffmpeg and there is none.
    """
    path = Path(path)
    if path.suffix.lower() not in BY_FFMPEG:
        return load_audio(path, sample_rate, mono, offset, duration)[0]
    if not shutil.which("ffmpeg"):
        raise AudioError(
            f"{path}: expected ffmpeg, which {path.suffix} needs, found none; install it, or convert to wav"
        )
    part = ["-ss", str(offset)] + (["-t", str(duration)] if duration is not None else [])
    form = ["-f", "f32le", "-ac", "1", "-ar", str(sample_rate or WAV_FREQ)]
    done = subprocess.run(
        ["ffmpeg", "-v", "error", *part, "-i", str(path), *form, "-"], capture_output=True, check=False
    )
    waveform = np.frombuffer(done.stdout, dtype="<f4")
    if done.returncode or not len(waveform):
        reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no sound in it"]
        raise AudioError(
            f"{path}: expected sound that ffmpeg decodes, found something else ({reason[0]}); leave it out"
        )
    return waveform.copy()


def draw(n: int) -> int:
    """A whole number below ``n`` from torch's generator: seeded by ``torch.manual_seed``, and anew in every worker."""
    return int(torch.randint(n, ()))


def report(top: Path, failures: list[tuple[str, str]]) -> None:
    """One warning about all that is left out."""
    if failures:
        reasons = "\n  ".join(reason for _, reason in failures)
        log.warning("%s: %d left out:\n  %s", top, len(failures), reasons)


def _companded(path: Path) -> np.ndarray:
    """Companded at the file's own rate and before the channels are mixed, as UMTN does."""
    if path.suffix.lower() in BY_FFMPEG:
        return compand(decode(path), WAV_FREQ)
    waveform, sample_rate = load_audio(path, None, mono=False)
    companded = compand(waveform, sample_rate)
    return resample(companded if companded.ndim == 1 else companded.mean(axis=0), sample_rate, WAV_FREQ)


def _long_enough(path: Path, seq_len: int) -> float:
    """Length of a file in seconds, from its header where there is one."""
    if path.suffix.lower() in BY_FFMPEG:
        seconds = len(decode(path)) / WAV_FREQ
    else:
        import soundfile

        load_audio(path, None, duration=1e-3)  # its errors say what is wrong
        seconds = soundfile.info(path).duration
    if round(seconds * WAV_FREQ) < seq_len:
        raise AudioError(
            f"{path}: expected {seq_len} samples at {WAV_FREQ} Hz at least, found {round(seconds * WAV_FREQ)}; "
            "leave it out, or ask for a shorter seq_len"
        )
    return seconds
