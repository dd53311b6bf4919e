"""Read the ``.h5`` files that :class:`EncodedFilesDataset` writes, as UMTN's ``train.py`` does."""

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
from musiclab.umtn.encoded import WAV_FREQ, collect_failures, warn_of_failures
from musiclab.umtn.mulaw import encode

# Defaults for the args of DatasetSet. UMTN has 10 workers (5 in train.sh), but 0 works everywhere.
DEFAULTS = dict(data_aug=False, magnitude=0.5, h5_dataset_name="wav", short=False, batch_size=32, num_workers=0)
ENDLESS = 10**10  # segments per epoch, so that one iterator lasts for a whole training, as in UMTN


class H5Dataset(Dataset):
    """Data set of random segments from ``.h5`` files, each with an augmented copy.

    A segment and its copy are a pair (clean, augmented) of mu-law codes, uint8, shape (seq_len,). All files are equally
    likely, whatever their length. The random numbers come from torch's generator. They repeat after
    ``torch.manual_seed``, and differ between workers and epochs.

    Parameters
    ----------
    top : str or Path
        Folder of ``.h5`` files, searched with its subfolders.
    seq_len : int
        Segment length in samples.
    dataset_name : str
        HDF5 dataset to read from each file. The default ``"wav"`` contains 16-bit samples, stored as int16 or as UMTN's
        float64. Segments of other datasets are cut along the first axis and transposed. They are not encoded by mu-law.
    epoch_len : int
        Number of random segments per epoch. Default: 10,000.
    augmentation : callable, optional
        Function that receives a segment and returns an augmented one of the same shape. The segment is float32, shape
        (seq_len,), on the scale of 16-bit integers. Default: both segments of a pair are equal.
    short : bool
        True uses only the first file. Default: False.

    Attributes
    ----------
    file_paths : list of Path
        Files in use.
    lengths : dict of Path to int
        Number of samples in each file.
    failures : list of (path, reason)
        Files that are left out, because they can't be read, lack the dataset, or are shorter than a segment. One
        warning lists them.
    sample_rate : int or None
        Sample rate in Hz, or None if the files don't contain it (UMTN's don't).

    Raises
    ------
    DatasetError
        If none of the files can be used, or their sample rates differ.

    Examples
    --------
    >>> dataset = H5Dataset("preprocessed/Organ/train", seq_len=12000)  # doctest: +SKIP
    >>> clean, augmented = dataset[0]  # the index has no effect, because segments are random  # doctest: +SKIP
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
        self._headers, self.failures = collect_failures(paths, lambda path: read_header(path, dataset_name, seq_len))
        warn_of_failures(top, self._headers, self.failures)
        self.file_paths = list(self._headers)
        self.lengths = {path: header.samples for path, header in self._headers.items()}
        sample_rates = {header.sample_rate for header in self._headers.values()} - {None}
        if len(sample_rates) > 1:
            raise DatasetError(
                f"{top}: expected files of one sample rate, found {', '.join(map(str, sorted(sample_rates)))} Hz; "
                "write all of them with `musiclab umtn preprocess`"
            )
        self.sample_rate = sample_rates.pop() if sample_rates else None

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
        """Read consecutive samples of a file.

        Parameters
        ----------
        path : Path
            One of :attr:`file_paths`.
        start : int
            First sample. Default: 0.
        stop : int, optional
            End of the range, which is not included. Default: the end of the file.

        Returns
        -------
        array, shape (stop - start, ...)
            Samples, with the dtype of the file.
        """
        header = self._headers[path]
        if header.offset is not None:  # contiguous: reading bytes is much faster than opening it as HDF5
            count = (header.samples if stop is None else stop) - start
            return np.fromfile(path, header.dtype, count, offset=header.offset + start * header.dtype.itemsize)
        with open_hdf5(path) as file:  # chunked, as UMTN and earlier versions wrote it
            return file[self.dataset_name][start:stop]


class DatasetSet:
    """Training and validation segments of one domain, with their data loaders.

    A domain is one kind of music, such as Bach's works for solo cello. UMTN takes equally many batches from each
    domain, in turn with ``train.sh`` or in one process per domain with ``train_dist.sh``. Therefore all domains have
    the same weight, however long they are, and so do all files within a domain.

    Parameters
    ----------
    dir : str or Path
        Folder of the domain, with the subfolders ``train`` and ``val``.
    seq_len : int
        Segment length in samples.
    args : argparse.Namespace or similar object, optional
        Arguments of UMTN's ``train.sh``. All have a default:

        - ``data_aug``: True augments the training segments. UMTN also augments validation segments, but only uses the
          clean ones. Default: False.
        - ``magnitude``: largest pitch shift of the augmentation in semitones. Default: 0.5.
        - ``h5_dataset_name``: HDF5 dataset to read from each file. Default: ``"wav"``.
        - ``short``: True uses only the first file. Default: False.
        - ``batch_size``: number of segments per batch. Default: 32.
        - ``num_workers``: number of worker processes for loading. Default: 0, which loads in the main process.

    Attributes
    ----------
    train_dataset : H5Dataset
        Segments for training.
    valid_dataset : H5Dataset
        Segments for validation.
    train_loader : torch.utils.data.DataLoader
        Training batches (clean, augmented), uint8, shape (batch_size, seq_len).
    valid_loader : torch.utils.data.DataLoader
        Validation batches of the same kind.
    train_iter : iterator
        Practically endless iterator over ``train_loader``. It starts its workers on first use.
    valid_iter : iterator
        The same for ``valid_loader``.

    Raises
    ------
    DatasetError
        If a subfolder has no usable files, or their sample rates differ.

    Examples
    --------
    >>> domain = DatasetSet("preprocessed/Organ", seq_len=12000)  # doctest: +SKIP
    >>> clean, augmented = next(domain.train_iter)  # doctest: +SKIP
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
        self.train_iter, self.valid_iter = chain(self.train_loader), chain(self.valid_loader)  # iter() on first use


def wrap(data, device: str | torch.device | None = None):
    """Move tensors to a device.

    Parameters
    ----------
    data : tensor, or nested lists or tuples of tensors
        Tensors to move.
    device : str or torch.device, optional
        Target device. Default: the first GPU, or the CPU if there is none.

    Returns
    -------
    tensor, or nested tuples of tensors
        The same tensors on the device. Lists become tuples.

    Examples
    --------
    >>> [part.device.type for part in wrap([torch.zeros(1), torch.ones(1)], "cpu")]
    ['cpu', 'cpu']
    """
    if torch.is_tensor(data):
        return data.to(device or ("cuda" if torch.cuda.is_available() else "cpu"), non_blocking=True)
    return tuple(wrap(item, device) for item in data)


def inspect(
    top: str | Path, seq_len: int = 12000, dataset_name: str = "wav"
) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """Summarise the ``.h5`` files below a folder, with one row per subfolder.

    Parameters
    ----------
    top : str or Path
        Folder to search.
    seq_len : int
        Segment length in samples. Training leaves out shorter files. Default: 12,000.
    dataset_name : str
        HDF5 dataset to read from each file. Default: ``"wav"``.

    Returns
    -------
    table : pandas.DataFrame
        One row per subfolder, with these columns:

        - ``folder``: subfolder, relative to ``top``.
        - ``files``: number of files.
        - ``minutes``: total duration of the usable files.
        - ``shortest``: length of the shortest usable file in samples.
        - ``dtype``: data types of the samples.
        - ``sample_rate``: sample rates in Hz. A file that doesn't contain its sample rate counts as 16,000 Hz.
        - ``left_out``: number of files that training would leave out.
    failures : list of (path, reason)
        Files that training would leave out.

    Raises
    ------
    DatasetError
        If there are no ``.h5`` files.

    Examples
    --------
    >>> table, failures = inspect("preprocessed")  # doctest: +SKIP
    """
    paths = find_h5(top)
    headers, failures = collect_failures(paths, lambda path: read_header(path, dataset_name, seq_len))
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
    """Properties of the dataset in an ``.h5`` file; ``offset`` is its first byte if it is contiguous."""

    samples: int
    dtype: np.dtype
    sample_rate: int | None
    offset: int | None


def find_h5(top: str | Path) -> list[Path]:
    """List the ``.h5`` files below a folder, sorted. A folder without any raises DatasetError."""
    paths = find_audio(top, (".h5",))
    if not paths:
        raise DatasetError(
            f"{top}: no .h5 files found. Create them with `musiclab umtn split` and `musiclab umtn preprocess`."
        )
    return paths


def read_header(path: Path, dataset_name: str, min_samples: int) -> Header:
    """Read the header of an ``.h5`` file; raise StoreError if it is unusable or shorter than ``min_samples``."""
    try:
        with open_hdf5(path) as file:
            names = [name for name, item in file.items() if isinstance(item, h5py.Dataset) and item.ndim]
            if dataset_name not in names:
                raise StoreError(f"{path}: expected a dataset {dataset_name!r}, found {', '.join(names) or 'none'}")
            dataset = file[dataset_name]
            sample_rate = dataset.attrs.get("sample_rate")
            offset = dataset.id.get_offset() if dataset.ndim == 1 else None
            header = Header(len(dataset), dataset.dtype, None if sample_rate is None else int(sample_rate), offset)
    except OSError as error:
        raise StoreError(f"{path}: the file cannot be opened as HDF5 ({error})") from error
    if header.samples < min_samples:
        raise StoreError(
            f"{path}: expected at least {min_samples} samples, found {header.samples}; remove it or reduce seq_len"
        )
    return header


def as_int16(wav: np.ndarray) -> np.ndarray:
    """Convert samples on the scale of 16-bit integers, of any dtype, to int16."""
    return wav if wav.dtype == np.int16 else to_int16(wav / 32768)
