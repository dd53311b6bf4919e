"""Random segments of the files that :meth:`EncodedFilesDataset.dump_to_folder` makes: UMTN's ``H5Dataset``."""

import logging
import os
from collections import OrderedDict
from pathlib import Path

import h5py
import numpy as np
import torch
from torch.utils.data import Dataset

from musiclab.core.errors import DatasetError, StoreError
from musiclab.umtn.encoded import draw, report
from musiclab.umtn.mulaw import encode

OPEN_FILES = 128
"""Handles that a process keeps; the one unused for longest is closed when another is wanted."""
log = logging.getLogger(__name__)


class H5Dataset(Dataset):
    """Pairs (clean, augmented) of random segments of random files, mu-law encoded.

    Every file is as likely as any other, however long. Draws come from torch's generator: repeatable after
    ``torch.manual_seed``, different in every worker and every epoch. A worker opens the files it reads by itself.

    Parameters
    ----------
    top
        Folder of ``.h5`` files; subfolders are searched.
    seq_len
        Samples of a segment.
    dataset_name
        Dataset in each file. ``"wav"`` holds 16-bit samples, as int16 or as UMTN's float64, and is mu-law encoded;
        any other is given as it is, its segments cut along the first axis and transposed.
    epoch_len
        Draws of an epoch: not a pass over the files.
    augmentation
        Called with a segment on the scale of 16-bit integers, float32, shape (seq_len,): gives one of the same
        shape. Left out, both of a pair are equal.
    short
        Use the first file only, for a trial run.
    whole_samples
        Give whole files in place of segments.
    cache
        Read all files into memory now.

    Attributes
    ----------
    file_paths : list of pathlib.Path
        Files that are drawn from.
    lengths : dict of pathlib.Path to int
        Samples of each.
    failures : list of (path, reason)
        Files that cannot be read, lack the dataset, or are shorter than a segment: reported once and left out.
    sample_rate : int or None
        Hz, where the files say it (UMTN's do not).

    Raises
    ------
    DatasetError
        No files, none that can be used (where ``dataset_name`` is not in them, the message lists the names that
        are), or files of different rates.
    """

    def __init__(
        self,
        top,
        seq_len: int,
        dataset_name: str = "wav",
        epoch_len: int = 10000,
        augmentation=None,
        short: bool = False,
        whole_samples: bool = False,
        cache: bool = False,
    ):
        self.path, self.seq_len, self.dataset_name = Path(top), seq_len, dataset_name
        self.epoch_len, self.augmentation, self.whole_samples = epoch_len, augmentation, whole_samples
        found = sorted(self.path.rglob("*.h5"))
        if not found:
            raise DatasetError(f"{top}: expected .h5 files, found none; make them with: musiclab umtn preprocess")
        self.lengths: dict[Path, int] = {}
        self.failures: list[tuple[str, str]] = []
        rates: dict[Path, int | None] = {}
        for path in found[:1] if short else found:
            try:
                self.lengths[path], rates[path] = examine(path, dataset_name, 1 if whole_samples else seq_len)
            except StoreError as error:
                self.failures.append((str(path), str(error)))
        if not self.lengths:
            raise DatasetError(f"{top}: expected a file that can be used, found none:\n  {self.failures[0][1]}")
        report(self.path, self.failures)
        self.file_paths = list(self.lengths)
        self.sample_rate = _one_rate(rates)
        self._cached: dict[Path, np.ndarray] = {}
        self._open: OrderedDict[Path, h5py.File] = OrderedDict()
        self._process = os.getpid()
        if cache:
            self._cached = {path: self._dataset(path)[:] for path in self.file_paths}
            self.close()

    def __len__(self) -> int:
        return self.epoch_len

    def __getitem__(self, _) -> tuple[torch.Tensor, torch.Tensor]:
        """A random pair; uint8 codes 0 to 255, shape (seq_len,): make them float or int64 before doing sums."""
        path = self.file_paths[draw(len(self.file_paths))]
        dataset = self.samples(path)
        if self.whole_samples:
            clean = dataset[:]
        else:
            start = draw(len(dataset) - self.seq_len + 1)
            clean = dataset[start : start + self.seq_len]
        clean = clean.T
        augmented = clean if self.augmentation is None else self.augmentation(clean.astype(np.float32))
        if self.dataset_name == "wav":
            clean, augmented = encode(to_samples(clean)), encode(to_samples(augmented))
        return torch.tensor(clean), torch.tensor(np.asarray(augmented))

    def samples(self, path: Path) -> np.ndarray | h5py.Dataset:
        """The dataset of one of :attr:`file_paths`: an array where it is cached, else of the open file."""
        return self._cached[path] if path in self._cached else self._dataset(path)

    def close(self) -> None:
        """Close the files; they are opened again when they are next read."""
        if self._process == os.getpid():
            for file in self._open.values():
                file.close()
        self._open = OrderedDict()

    def __enter__(self) -> "H5Dataset":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_open": OrderedDict()}

    def _dataset(self, path: Path) -> h5py.Dataset:
        if self._process != os.getpid():  # a fork must not share its parent's handles: forget, do not close them
            self._open, self._process = OrderedDict(), os.getpid()
        if path not in self._open:
            if len(self._open) >= OPEN_FILES:
                self._open.popitem(last=False)[1].close()
            self._open[path] = h5py.File(path, "r")
        self._open.move_to_end(path)
        return self._open[path][self.dataset_name]


def examine(path: Path, dataset_name: str, least: int) -> tuple[int, int | None]:
    """Length of a file's dataset and its sample rate in Hz, where the file says it.

    Raises
    ------
    StoreError
        The file cannot be opened, lacks the dataset, or is shorter than ``least``.
    """
    try:
        with h5py.File(path, "r") as file:
            names = [name for name, item in file.items() if isinstance(item, h5py.Dataset)]
            if dataset_name not in names:
                raise StoreError(f"{path}: expected a dataset {dataset_name!r}, found {', '.join(names) or 'none'}")
            dataset = file[dataset_name]
            length, rate = dataset.shape[0] if dataset.ndim else 0, dataset.attrs.get("sample_rate")
    except OSError as error:
        raise StoreError(f"{path}: expected an HDF5 file, found one that cannot be opened ({error})") from error
    if length < least:
        raise StoreError(f"{path}: expected {least} samples at least, found {length}; leave it out, or shorten seq_len")
    return length, None if rate is None else int(rate)


def to_samples(wav: np.ndarray) -> np.ndarray:
    """16-bit samples that are held as floats, back to int16: rounded, clipped to the range."""
    if wav.dtype == np.int16:
        return wav
    return np.clip(np.rint(wav), -32768, 32767).astype(np.int16)


def _one_rate(rates: dict[Path, int | None]) -> int | None:
    known: dict[int, Path] = {}
    for path, rate in rates.items():
        if rate is not None:
            known.setdefault(rate, path)
    if len(known) > 1:
        (one, first), (other, second) = list(known.items())[:2]
        raise DatasetError(
            f"{second}: expected the rate of {first.name}, {one} Hz, found {other} Hz; make both by: "
            "musiclab umtn preprocess"
        )
    return next(iter(known), None)
