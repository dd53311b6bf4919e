"""Cut batches of segment pairs from clips in memory, as a fast alternative to :class:`~musiclab.umtn.H5Dataset`."""

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from musiclab.core.errors import DatasetError, Problems
from musiclab.core.random import uniform
from musiclab.store import Segments, Store
from musiclab.store.reading import checksum
from musiclab.umtn.augmentation import WavFrequencyAugmentation, shift_pitch
from musiclab.umtn.encoded import WAV_FREQ, warn_of_failures
from musiclab.umtn.h5 import H5Dataset, as_int16
from musiclab.umtn.mulaw import encode, encode_tensor


class SegmentPairs(Dataset):
    """Data set of random segments, each with an augmented copy, cut from clips in memory.

    A segment and its copy are a pair (clean, augmented) of mu-law codes. In the copy, one stretch has a shifted pitch.
    UMTN trains on such pairs. Each clip belongs to a *domain*, which is one kind of music.

    Segment i belongs to domain ``i % domains``, so all domains have the same weight, however long they are. Within a
    domain, all clips are equally likely. In memory, a sample and its code take three bytes, which is 173 MB per hour.
    Use :class:`~musiclab.umtn.H5Dataset` for data that don't fit into memory.

    Parameters
    ----------
    source : Store or sequence of int16 arrays, shape (samples,)
        Store with ``audio`` at 16 kHz, or the clips themselves at 16 kHz.
    seq_len : int
        Segment length in samples. Shorter clips are left out and listed in one warning. Default: 12,000 (0.75 s).
    domains : int sequence, shape (clips,), optional
        Domain of each clip. Default: its label in the store, or 0 for arrays. In batches, the domains that have clips
        are numbered from 0 in ascending order.
    clips : int sequence, optional
        Indices of the clips to use. Default: all.
    epoch_len : int
        Number of random segments per epoch. Default: 10,000.
    magnitude : float
        Largest pitch shift of the augmentation in semitones, at most 2. With 0, both segments of a pair are equal.
        Default: 0.5.
    seed : int
        Random seed. The five numbers ``musiclab.core.random.uniform(seed, epoch, i, 0 to 4)`` determine segment i: its
        clip, its start and the augmentation. The result doesn't depend on the process, batch or order. Default: 0.
    device : str or torch.device, optional
        Device that stores the clips and computes the batches. Default: the CPU.

    Attributes
    ----------
    domains : int
        Number of domains.
    epoch : int
        Current epoch, set by :meth:`set_epoch`.
    clips : int array, shape (epoch_len,)
        Index of the clip that each segment of the current epoch comes from.
    paths : list of str
        Paths or names of the clips, which error messages mention.
    failures : list of (name, reason)
        Clips that are left out.
    digest : str
        Eight-digit checksum of the clips and their domains, independent of paths.

    Raises
    ------
    DatasetError
        If a domain has no clips left, or the store's audio is not at 16 kHz.
    TypeError
        If the arrays are not int16.
    ValueError
        If ``magnitude`` is out of range.

    Examples
    --------
    >>> clips = [np.zeros(16000, np.int16), np.ones(20000, np.int16)]
    >>> pairs = SegmentPairs(clips, seq_len=12000, domains=[0, 1])
    >>> clean, augmented, domains = pairs.batch(range(4))
    >>> clean.shape, domains
    (torch.Size([4, 12000]), tensor([0, 1, 0, 1]))
    """

    def __init__(
        self,
        source: Store | Sequence[np.ndarray],
        seq_len: int = 12000,
        domains: Sequence[int] | None = None,
        clips: Sequence[int] | None = None,
        epoch_len: int = 10000,
        magnitude: float = 0.5,
        seed: int = 0,
        device: str | torch.device | None = None,
    ):
        values, offsets, labels, names = _unpack_store(source) if isinstance(source, Store) else _unpack_arrays(source)
        lengths = np.diff(offsets)
        clips = np.arange(len(lengths)) if clips is None else np.asarray(clips, dtype=np.int64)
        labels = np.asarray(labels if domains is None else domains)[clips]
        is_usable = lengths[clips] >= seq_len
        self.failures = [
            (names[clip], f"{names[clip]}: expected at least {seq_len} samples, found {lengths[clip]}")
            for clip in clips[~is_usable]
        ]
        warn_of_failures("SegmentPairs", clips[is_usable].tolist(), self.failures)
        self._members = [clips[is_usable & (labels == label)] for label in np.unique(labels)]
        if not all(map(len, self._members)):
            empty = sorted(set(labels.tolist()) - set(labels[is_usable].tolist()))
            raise DatasetError(f"expected clips of at least {seq_len} samples in every domain, found none in {empty}")
        self.seq_len, self.epoch_len, self.seed = seq_len, epoch_len, seed
        self.domains, self.sample_rate, self.paths = len(self._members), WAV_FREQ, names
        self.augmentation = WavFrequencyAugmentation(WAV_FREQ, magnitude)
        layout = str([part.tolist() for part in (offsets, *self._members)])
        self.digest = f"{zlib.crc32(layout.encode(), checksum(values)):08x}"
        self._offsets, self._start_counts = offsets[:-1], lengths - seq_len + 1
        self._samples, self._codes = (
            Segments(array, offsets, np.zeros_like(lengths), length=seq_len, device=device)
            for array in (values, encode(values))
        )
        self.device = self._samples.device
        self.set_epoch(0)

    @classmethod
    def of_folders(cls, folders: Sequence[str | Path], part: str = "train", seq_len: int = 12000, **settings):
        """Read the ``.h5`` files of several domains into memory.

        Parameters
        ----------
        folders : sequence of str or Path
            One folder per domain. The domains are numbered in this order.
        part : str
            Subfolder to read, ``"train"``, ``"val"`` or ``"test"``. Default: ``"train"``.
        seq_len : int
            Segment length in samples. Default: 12,000.
        **settings
            Other parameters of :class:`SegmentPairs`, such as ``seed`` or ``device``.

        Returns
        -------
        SegmentPairs
            Segments of all folders.

        Raises
        ------
        DatasetError
            If a subfolder is missing, has no usable ``.h5`` files, or its files are not at 16 kHz.

        Examples
        --------
        >>> pairs = SegmentPairs.of_folders(["preprocessed/Organ", "preprocessed/Solo_Piano"])  # doctest: +SKIP
        """
        problems = Problems()
        datasets = [problems.check(H5Dataset, Path(folder) / part, seq_len) for folder in folders]
        for dataset in datasets:
            if dataset is not None and dataset.sample_rate not in (None, WAV_FREQ):
                with problems:
                    raise DatasetError(
                        f"{dataset.path}: expected files at {WAV_FREQ} Hz, found {dataset.sample_rate} Hz; convert the "
                        "recordings with `musiclab umtn preprocess`"
                    )
        problems.raise_if_any()
        arrays = [as_int16(dataset.read(path)) for dataset in datasets for path in dataset.file_paths]
        domains = np.repeat(range(len(datasets)), [len(dataset.file_paths) for dataset in datasets])
        pairs = cls(arrays, seq_len, domains, **settings)
        pairs.paths = [str(path) for dataset in datasets for path in dataset.file_paths]
        return pairs

    def __len__(self) -> int:
        return self.epoch_len

    def set_epoch(self, epoch: int) -> None:
        """Draw new segments for an epoch.

        Without this call, all epochs have the same segments, which suits validation.

        Parameters
        ----------
        epoch : int
            Number of the epoch. A number always gives the same segments.
        """
        self.epoch = epoch
        draws = uniform(self.seed, epoch, np.arange(self.epoch_len), np.arange(5)[:, None])
        clips = np.empty(self.epoch_len, dtype=np.int64)
        for domain, members in enumerate(self._members):
            turns = slice(domain, None, self.domains)
            clips[turns] = members[(draws[0, turns] * len(members)).astype(np.int64)]
        self.clips = clips
        self._starts = self._offsets[clips] + (draws[1] * self._start_counts[clips]).astype(np.int64)
        self._stretches = self.augmentation.place(torch.from_numpy(draws[2:]), self.seq_len)

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Cut segments of the current epoch.

        Parameters
        ----------
        indices : int sequence, shape (batch,)
            Numbers of the segments, from 0 to ``epoch_len - 1``.

        Returns
        -------
        clean : uint8 tensor, shape (batch, seq_len)
            Codes of the segments. Convert them before any arithmetic, because uint8 overflows above 255.
        augmented : uint8 tensor, shape (batch, seq_len)
            Codes of the same segments with a shifted pitch in one stretch.
        domains : int64 tensor, shape (batch,)
            Domain of each segment.
        """
        indices = np.asarray(indices, dtype=np.int64)
        clean = self._codes.cut(self._starts[indices])
        augmented = encode_tensor(self._augment(indices)) if self.augmentation.magnitude else clean.clone()
        return clean, augmented, self._domains_of(indices)

    def samples(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Cut segments of the current epoch like :meth:`batch`, but as 16-bit samples.

        Parameters
        ----------
        indices : int sequence, shape (batch,)
            Numbers of the segments, from 0 to ``epoch_len - 1``.

        Returns
        -------
        clean : int16 tensor, shape (batch, seq_len)
            Samples of the segments.
        augmented : int16 tensor, shape (batch, seq_len)
            Samples of the same segments with a shifted pitch in one stretch.
        domains : int64 tensor, shape (batch,)
            Domain of each segment.
        """
        indices = np.asarray(indices, dtype=np.int64)
        clean = self._samples.cut(self._starts[indices])
        augmented = self._augment(indices) if self.augmentation.magnitude else clean.clone()
        return clean, augmented, self._domains_of(indices)

    def _augment(self, indices: np.ndarray) -> torch.Tensor:
        stretch = (part[indices].to(self.device) for part in self._stretches)
        shifted = shift_pitch(self._samples.cut(self._starts[indices]).float(), *stretch)
        return shifted.round().clip(-32768, 32767).short()

    def _domains_of(self, indices: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(indices % self.domains).to(self.device)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        clean, augmented, domains = self.batch([index])
        return clean[0], augmented[0], domains[0]

    def batches(self, batch_size: int = 32) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Yield the segments of the current epoch in order, batch by batch.

        Parameters
        ----------
        batch_size : int
            Number of segments per batch. The last batch may be smaller. Default: 32.

        Yields
        ------
        tuple of (tensor, tensor, tensor)
            Clean segments, augmented segments and domains, as in :meth:`batch`.
        """
        for first in range(0, self.epoch_len, batch_size):
            yield self.batch(range(first, min(first + batch_size, self.epoch_len)))


def _unpack_store(store: Store):
    if store.sample_rate != WAV_FREQ:
        raise DatasetError(
            f"{store.path}: expected audio at {WAV_FREQ} Hz, found {store.sample_rate} Hz; prepare another store with "
            f"audio.sample_rate={WAV_FREQ}"
        )
    return store.values("audio"), store.offsets("audio"), store.labels, store.index["path"].tolist()


def _unpack_arrays(arrays: Sequence[np.ndarray]):
    offsets = np.cumsum([0, *map(len, arrays)])
    names = [f"clip {clip}" for clip in range(len(arrays))]
    return np.concatenate([np.zeros(0, np.int16), *arrays]), offsets, np.zeros(len(arrays), np.int64), names
