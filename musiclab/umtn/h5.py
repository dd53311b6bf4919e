"""Read the folders of ``.h5`` files that :class:`EncodedFilesDataset` writes, as UMTN's ``train.py`` does."""

from functools import partial
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset

from musiclab.audio import find_audio, to_int16
from musiclab.core.errors import DatasetError, StoreError
from musiclab.store.metadata import open_hdf5
from musiclab.umtn.augmentation import WavFrequencyAugmentation
from musiclab.umtn.encoded import WAV_FREQ, report, try_each
from musiclab.umtn.mulaw import encode

# Settings of a DatasetSet that its args leave out. UMTN has 10 workers; 0 works everywhere.
DEFAULTS = dict(data_aug=False, magnitude=0.5, h5_dataset_name="wav", short=False, batch_size=32, num_workers=0)
ENDLESS = 10**10  # draws: one iterator lasts for a whole training, as in UMTN


class H5Dataset(Dataset):
    """Draw pairs (clean, augmented) of random segments of random files, as mu-law codes (uint8, shape (seq_len,)).

    Every file is as likely as any other, however long it is. Draws come from torch's generator: they repeat after
    ``torch.manual_seed``, and differ in every worker and every epoch.

    Parameters
    ----------
    top
        Folder of ``.h5`` files; subfolders are searched. With ``short``, only the first file is used.
    seq_len
        Length of a segment in samples.
    dataset_name
        Data set to read from each file. ``"wav"`` holds 16-bit samples, as int16 or as UMTN's float64. Segments of any
        other are not coded, but cut along the first axis and transposed.
    epoch_len
        Number of draws in an epoch; it isn't a pass over the files.
    augmentation
        Function of a segment (float32, shape (seq_len,), on the scale of 16-bit integers) that returns another of
        the same shape; without one, both segments of a pair are equal.

    Attributes
    ----------
    file_paths, lengths : list of pathlib.Path, dict of pathlib.Path to int
        The files to draw from, and the number of samples in each.
    failures : list of (path, reason)
        Files that can't be read, lack the data set, or are shorter than a segment. They are left out; one warning
        lists them.
    sample_rate : int or None
        In Hz, if the files hold it (UMTN's don't).

    Raises
    ------
    DatasetError
        There are no files, none can be used, or their sample rates differ.
    """

    def __init__(
        self,
        top,
        seq_len: int,
        dataset_name: str = "wav",
        epoch_len: int = 10000,
        augmentation=None,
        short: bool = False,
    ):
        self.path, self.seq_len, self.dataset_name = Path(top), seq_len, dataset_name
        self.epoch_len, self.augmentation = epoch_len, augmentation
        paths = find_h5(top)[: 1 if short else None]
        self._headers, self.failures = try_each(paths, lambda path: read_header(path, dataset_name, seq_len))
        report(top, self._headers, self.failures)
        self.file_paths = list(self._headers)
        self.lengths = {path: header.samples for path, header in self._headers.items()}
        rates = {header.sample_rate for header in self._headers.values()} - {None}
        if len(rates) > 1:
            raise DatasetError(
                f"{top}: expected files of one sample rate, found {', '.join(map(str, sorted(rates)))} Hz; "
                "make all of them by: musiclab umtn preprocess"
            )
        self.sample_rate = rates.pop() if rates else None

    def __len__(self) -> int:
        return self.epoch_len

    def __getitem__(self, _) -> tuple[torch.Tensor, torch.Tensor]:
        path = self.file_paths[torch.randint(len(self.file_paths), ())]
        start = int(torch.randint(self.lengths[path] - self.seq_len + 1, ()))
        clean = self.read(path, start, start + self.seq_len).T
        augmented = clean if self.augmentation is None else np.asarray(self.augmentation(clean.astype(np.float32)))
        if self.dataset_name == "wav":
            clean, augmented = encode(as_int16(clean)), encode(as_int16(augmented))
        return torch.tensor(clean), torch.tensor(augmented)

    def read(self, path: Path, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Read ``[start:stop]`` of the data set of one of :attr:`file_paths`."""
        header = self._headers[path]
        if header.offset is not None:  # in one piece: much faster than opening it as HDF5, and no handle is kept
            count = (header.samples if stop is None else stop) - start
            return np.fromfile(path, header.dtype, count, offset=header.offset + start * header.dtype.itemsize)
        with open_hdf5(path) as file:  # in chunks, as UMTN and earlier versions wrote it
            return file[self.dataset_name][start:stop]


class DatasetSet:
    """Load training and validation segments of one domain.

    UMTN's training asks each domain for one batch after the other. So a domain of one hour and a domain of ten hours
    count the same, and so does every file within a domain.

    Parameters
    ----------
    dir
        Folder of the domain, with ``train`` and ``val`` below it.
    seq_len
        Length of a segment in samples.
    args : argparse.Namespace or the like
        As in ``train.sh``, with :data:`DEFAULTS` for what is missing: ``data_aug`` (augment training segments; UMTN
        augments validation segments, too), ``magnitude`` (semitones), ``h5_dataset_name``, ``short``, ``batch_size``,
        ``num_workers``.

    Attributes
    ----------
    train_dataset, valid_dataset : H5Dataset
    train_loader, valid_loader : torch.utils.data.DataLoader
        Batches (clean, augmented), uint8, shape (batch_size, seq_len).
    train_iter, valid_iter : iterator
        Endless iterators over the loaders, which start their workers when they are first used.
    """

    def __init__(self, dir: str | Path, seq_len: int, args=None):
        settings = SimpleNamespace(**(DEFAULTS | ({} if args is None else vars(args))))
        shift = WavFrequencyAugmentation(WAV_FREQ, settings.magnitude) if settings.data_aug else None
        name, short, workers = settings.h5_dataset_name, settings.short, settings.num_workers
        self.train_dataset = H5Dataset(Path(dir) / "train", seq_len, name, ENDLESS, shift, short)
        self.valid_dataset = H5Dataset(Path(dir) / "val", seq_len, name, ENDLESS, short=short)
        load = partial(DataLoader, batch_size=settings.batch_size, pin_memory=torch.cuda.is_available())
        self.train_loader = load(self.train_dataset, num_workers=workers)
        self.valid_loader = load(self.valid_dataset, num_workers=-(-workers // 10))
        self.train_iter, self.valid_iter = chain(self.train_loader), chain(self.valid_loader)  # iter() at the first use


def wrap(data, device: str | torch.device | None = None):
    """Move a tensor, or a list or tuple of tensors however deep, to a device: the first GPU, if there is one.

    Examples
    --------
    >>> [part.device.type for part in wrap([torch.zeros(1), torch.ones(1)], "cpu")]
    ['cpu', 'cpu']
    """
    if torch.is_tensor(data):
        return data.to(device or ("cuda" if torch.cuda.is_available() else "cpu"), non_blocking=True)
    return tuple(wrap(part, device) for part in data)


def inspect(
    top: str | Path, seq_len: int = 12000, dataset_name: str = "wav"
) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """Summarise the ``.h5`` files below a folder, one row for each folder that holds some.

    Parameters
    ----------
    top
        Folder of domains, of parts, or of files; DatasetError if there are none.
    seq_len, dataset_name
        As for :class:`H5Dataset`.

    Returns
    -------
    table : pandas.DataFrame
        ``folder`` (relative), ``files``, ``minutes``, ``shortest`` (samples), ``dtype``, ``sample_rate`` (Hz, 16,000
        for files without it), ``left_out``.
    failures : list of (path, reason)
        Files that training leaves out.
    """
    paths = find_h5(top)
    headers, failures = try_each(paths, lambda path: read_header(path, dataset_name, seq_len))
    rows = []
    for folder in sorted({path.parent for path in paths}):
        files = [path for path in paths if path.parent == folder]
        usable = [headers[path] for path in files if path in headers]
        seconds = [header.samples / (header.sample_rate or WAV_FREQ) for header in usable]
        rows.append(
            {
                "folder": folder.relative_to(top).as_posix(),
                "files": len(files),
                "minutes": round(sum(seconds) / 60, 3),
                "shortest": min((header.samples for header in usable), default=None),
                "dtype": ", ".join(sorted({str(header.dtype) for header in usable})),
                "sample_rate": ", ".join(sorted({str(header.sample_rate or WAV_FREQ) for header in usable})),
                "left_out": len(files) - len(usable),
            }
        )
    return pd.DataFrame(rows), failures


class Header(NamedTuple):
    """Properties of the data set in an ``.h5`` file; ``offset`` is its first byte if it lies in one piece."""

    samples: int
    dtype: np.dtype
    sample_rate: int | None
    offset: int | None


def find_h5(top: str | Path) -> list[Path]:
    """List the ``.h5`` files below a folder, sorted; raise DatasetError if there are none."""
    paths = find_audio(top, (".h5",))
    if not paths:
        raise DatasetError(
            f"{top}: expected .h5 files, found none; make them with: musiclab umtn split, musiclab umtn preprocess"
        )
    return paths


def read_header(path: Path, dataset_name: str, least: int) -> Header:
    """Read what training needs to know of a file; raise StoreError if it is unusable or shorter than ``least``."""
    try:
        with open_hdf5(path) as file:
            names = [name for name, item in file.items() if isinstance(item, h5py.Dataset) and item.ndim]
            if dataset_name not in names:
                raise StoreError(f"{path}: expected a dataset {dataset_name!r}, found {', '.join(names) or 'none'}")
            dataset = file[dataset_name]
            rate = dataset.attrs.get("sample_rate")
            offset = dataset.id.get_offset() if dataset.ndim == 1 else None
            header = Header(len(dataset), dataset.dtype, None if rate is None else int(rate), offset)
    except OSError as error:
        raise StoreError(f"{path}: expected an HDF5 file, found one that cannot be opened ({error})") from error
    if header.samples < least:
        raise StoreError(
            f"{path}: expected {least} samples at least, found {header.samples}; leave it out, or shorten seq_len"
        )
    return header


def as_int16(wav: np.ndarray) -> np.ndarray:
    """Convert samples of any type on the scale of 16-bit integers to int16."""
    return wav if wav.dtype == np.int16 else to_int16(wav / 32768)
