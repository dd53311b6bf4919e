"""The same pairs as :class:`~musiclab.umtn.H5Dataset`, batch by batch from memory: what to train from."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from musiclab.core.errors import DatasetError
from musiclab.store import Store
from musiclab.umtn.augmentation import WavFrequencyAugmentation, shifted_stretch
from musiclab.umtn.encoded import WAV_FREQ, report
from musiclab.umtn.h5 import H5Dataset, to_samples
from musiclab.umtn.mulaw import code_table, encode


class SegmentPairs(Dataset):
    """Pairs (clean, augmented) of random segments of 16-bit clips, as mu-law codes, a whole batch in one call.

    Domains take turns: item i is of domain ``i % domains``, so each gives the same number of segments however much
    or little sound it has; within a domain every clip is as likely as any other. What is drawn depends on the seed,
    the epoch and the item alone: one process, many workers and a resumed run draw the same. The clips are kept
    in memory as samples and as codes, three bytes a sample: 173 MB an hour. (What does not fit is read from files by
    :class:`~musiclab.umtn.H5Dataset`.) In a DataLoader, ``collate_fn`` has to hand a batch on as it is.

    Parameters
    ----------
    source : Store or sequence of int16 arrays, shape (samples,)
        A store that holds ``audio``, or the clips themselves.
    seq_len
        Samples of a segment. Clips that are shorter are reported once and left out.
    domains : int sequence, shape (clips,), optional
        Domain of each clip; a store's labels unless given, and one domain for clips that come without. Those that
        have clips are numbered from 0 in batches, in order.
    clips
        Numbers of the clips to draw from; all of them when left out.
    epoch_len
        Draws of an epoch: not a pass over the clips.
    magnitude
        Of the augmentation, semitones; 0 leaves both of a pair equal.
    seed
        Of all draws.
    device
        Where the clips are kept and the batches are made.

    Attributes
    ----------
    domains : int
        How many.
    failures : list of (name, reason)
        Clips that are left out.
    sample_rate : int
        Hz.

    Raises
    ------
    DatasetError
        A domain has no clip left, or the clips are not of 16 kHz.
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
        values, offsets, labels, names, self.sample_rate = (
            _of_store(source) if isinstance(source, Store) else _of_arrays(source)
        )
        labels = np.asarray(labels if domains is None else domains, dtype=np.int64)
        clips = np.arange(len(offsets) - 1) if clips is None else np.asarray(clips, dtype=np.int64)
        wanted = sorted({int(labels[clip]) for clip in clips})
        lengths = np.diff(offsets)
        self.failures = [
            (names[clip], f"{names[clip]}: expected {seq_len} samples at least, found {lengths[clip]}")
            for clip in clips[lengths[clips] < seq_len]
        ]
        report("SegmentPairs", self.failures)
        clips = clips[lengths[clips] >= seq_len]
        members = [clips[labels[clips] == label] for label in wanted]
        if not wanted or any(len(member) == 0 for member in members):
            empty = [label for label, member in zip(wanted, members, strict=True) if len(member) == 0]
            raise DatasetError(f"expected a clip of {seq_len} samples in every domain, found none in {empty or 'any'}")
        self.seq_len, self.epoch_len, self.seed, self.epoch = seq_len, epoch_len, seed, 0
        self.domains = len(wanted)
        self.augmentation = WavFrequencyAugmentation(self.sample_rate, magnitude)
        self.device = torch.device(device or "cpu")
        self._values = torch.as_tensor(values).to(self.device)
        self._codes = torch.from_numpy(encode(values)).to(self.device)
        self._table = torch.from_numpy(np.roll(code_table(), 32768)).to(self.device)  # entry 0 is of -32768
        self._members = np.concatenate(members)  # clips, domain after domain
        self._counts = np.array([len(member) for member in members])
        self._firsts = np.concatenate([[0], np.cumsum(self._counts)[:-1]])
        self._starts, self._room = offsets[self._members], lengths[self._members] - seq_len + 1

    @classmethod
    def of_folders(cls, folders: Sequence[str | Path], part: str = "train", seq_len: int = 12000, **settings):
        """Segments of the ``.h5`` files below ``<folder>/<part>``, one domain a folder, read into memory."""
        arrays, domains = [], []
        for number, folder in enumerate(folders):
            with H5Dataset(Path(folder) / part, seq_len, cache=True) as files:
                arrays += [to_samples(files.samples(path)) for path in files.file_paths]
            domains += [number] * (len(arrays) - len(domains))
        return cls(arrays, seq_len, domains, **settings)

    def __len__(self) -> int:
        return self.epoch_len

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, other draws; without a call every pass is the same, which suits validation."""
        self.epoch = epoch

    def __getitems__(self, items: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """A batch.

        Returns
        -------
        clean, augmented : uint8 tensors, shape (batch, seq_len)
            Codes 0 to 255: make them float or int64 before doing sums.
        domains : int64 tensor, shape (batch,)
        """
        items = np.asarray(items, dtype=np.int64)
        domains = items % self.domains
        uniform = uniform_of(self.seed, self.epoch, items, 5)
        members = self._firsts[domains] + (uniform[0] * self._counts[domains]).astype(np.int64)
        starts = self._starts[members] + (uniform[1] * self._room[members]).astype(np.int64)
        starts = starts.tolist()
        clean = torch.stack([self._codes[start : start + self.seq_len] for start in starts])
        augmented = clean.clone()
        if self.augmentation.magnitude:
            samples = torch.stack([self._values[start : start + self.seq_len] for start in starts]).float()
            drawn = self.augmentation.place(torch.from_numpy(uniform[2:]).float(), self.seq_len)
            places, inside, shifted = shifted_stretch(samples, *(part.to(self.device) for part in drawn))
            codes = self._table.index_select(0, (shifted.round().clip(-32768, 32767).int() + 32768).flatten())
            codes = torch.where(inside, codes.view_as(shifted), clean.gather(1, places))
            augmented.scatter_(1, places, codes)
        return clean, augmented, torch.from_numpy(domains).to(self.device)

    def __getitem__(self, item: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        clean, augmented, domains = self.__getitems__([item])
        return clean[0], augmented[0], domains[0]

    def batches(self, batch_size: int = 32):
        """The batches of this epoch, in order; the last may be smaller."""
        for first in range(0, self.epoch_len, batch_size):
            yield self.__getitems__(range(first, min(first + batch_size, self.epoch_len)))


def uniform_of(seed: int, epoch: int, items: np.ndarray, count: int) -> np.ndarray:
    """Random numbers that depend on their arguments alone, for many items at once.

    SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014): a counter, well mixed.

    Returns
    -------
    float64 array, shape (count, items)
        In [0, 1).
    """
    key = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)
    counter = items.astype(np.uint64)[None] * np.uint64(count) + np.arange(count, dtype=np.uint64)[:, None]
    mixed = key + (counter + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


def _of_store(store: Store):
    store.check_has("audio")
    rate = store.sample_rate
    if rate != WAV_FREQ:
        raise DatasetError(f"{store.path}: expected audio at {WAV_FREQ} Hz, found {rate} Hz; prepare it at {WAV_FREQ}")
    return store.read_all("audio"), store.offsets("audio"), store.labels, store.index["path"].tolist(), rate


def _of_arrays(arrays: Sequence[np.ndarray]):
    arrays = [np.asarray(array) for array in arrays]
    if not arrays:
        raise DatasetError("expected clips to draw from, found none")
    for number, array in enumerate(arrays):
        if array.dtype != np.int16 or array.ndim != 1:
            raise DatasetError(
                f"clip {number}: expected int16, shape (samples,), found {array.dtype}, shape {array.shape}"
            )
    offsets = np.cumsum([0, *(len(array) for array in arrays)])
    names = [f"clip {number}" for number in range(len(arrays))]
    return np.concatenate(arrays), offsets, np.zeros(len(arrays), np.int64), names, WAV_FREQ
