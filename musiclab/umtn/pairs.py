"""Cut pairs of segments from clips in memory: those of :class:`~musiclab.umtn.H5Dataset`, a whole batch at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from musiclab.core.errors import DatasetError
from musiclab.core.random import uniform
from musiclab.store import Segments, Store
from musiclab.umtn.augmentation import WavFrequencyAugmentation, shift_pitch
from musiclab.umtn.encoded import WAV_FREQ, report
from musiclab.umtn.h5 import H5Dataset, as_int16
from musiclab.umtn.mulaw import code_table, encode


class SegmentPairs(Dataset):
    """Cut pairs (clean, augmented) of random segments of 16-bit clips, as mu-law codes, a whole batch in one call.

    Domains take turns: segment i is of domain ``i % domains``, so each gives as many segments as the others, however
    much sound it has. Within a domain every clip is as likely as any other. Samples and codes together take three
    bytes for each sample, 173 MB for an hour; :class:`~musiclab.umtn.H5Dataset` reads what doesn't fit into memory.

    Parameters
    ----------
    source : Store or sequence of int16 arrays, shape (samples,)
        A store that holds ``audio`` at 16 kHz, or the clips themselves.
    seq_len
        Length of a segment in samples. Shorter clips are left out; one warning lists them.
    domains : int sequence, shape (clips,), optional
        Domain of each clip, default its label in the store, or 0 for arrays. In batches, the domains that have clips
        are numbered from 0, in this order.
    clips, epoch_len
        Indices of the clips to draw from, default all, and number of segments in an epoch, which isn't a pass over
        the clips.
    magnitude
        Largest pitch shift of the augmentation in semitones; 0 leaves both segments of a pair equal.
    seed
        Seed of all draws. ``musiclab.core.random.uniform(seed, epoch, i, 0 to 4)`` decides on segment i (clip, start,
        and the augmentation's three), in whatever process, batch or order it is cut.
    device
        Where the clips are kept and the batches are made, default the CPU.

    Attributes
    ----------
    domains, failures
        Number of domains, and (name, reason) of each clip that is left out.

    Raises
    ------
    DatasetError
        A domain has no clip left, or the store's audio is not at 16 kHz.
    TypeError
        The arrays are not int16.
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
        values, offsets, labels, names = _of_store(source) if isinstance(source, Store) else _of_arrays(source)
        lengths = np.diff(offsets)
        clips = np.arange(len(lengths)) if clips is None else np.asarray(clips, dtype=np.int64)
        labels = np.asarray(labels if domains is None else domains)[clips]
        fits = lengths[clips] >= seq_len
        self.failures = [
            (names[clip], f"{names[clip]}: expected {seq_len} samples at least, found {lengths[clip]}")
            for clip in clips[~fits]
        ]
        report("SegmentPairs", clips[fits].tolist(), self.failures)
        self._members = [clips[fits & (labels == label)] for label in np.unique(labels)]
        if not all(map(len, self._members)):
            empty = sorted(set(labels.tolist()) - set(labels[fits].tolist()))
            raise DatasetError(f"expected a clip of {seq_len} samples in every domain, found none in {empty}")
        self.seq_len, self.epoch_len, self.seed = seq_len, epoch_len, seed
        self.domains, self.sample_rate = len(self._members), WAV_FREQ
        self.augmentation = WavFrequencyAugmentation(WAV_FREQ, magnitude)
        self._begins, self._room = offsets[:-1], lengths - seq_len + 1
        self._samples, self._codes = (
            Segments(array, offsets, np.zeros_like(lengths), length=seq_len, device=device)
            for array in (values, encode(values))
        )
        self.device = self._samples.device
        self._table = torch.tensor(code_table(), device=self.device)
        self.set_epoch(0)

    @classmethod
    def of_folders(cls, folders: Sequence[str | Path], part: str = "train", seq_len: int = 12000, **settings):
        """Read the ``.h5`` files below ``<folder>/<part>`` into memory, one domain for each folder."""
        arrays, domains = [], []
        for domain, folder in enumerate(folders):
            dataset = H5Dataset(Path(folder) / part, seq_len)
            arrays += [as_int16(dataset.read(path)) for path in dataset.file_paths]
            domains += [domain] * len(dataset.file_paths)
        return cls(arrays, seq_len, domains, **settings)

    def __len__(self) -> int:
        return self.epoch_len

    def set_epoch(self, epoch: int) -> None:
        """Draw the segments of another epoch; without a call every pass is the same, which suits validation."""
        self.epoch = epoch
        draws = uniform(self.seed, epoch, np.arange(self.epoch_len), np.arange(5)[:, None])
        clips = np.empty(self.epoch_len, dtype=np.int64)
        for domain, members in enumerate(self._members):
            turns = slice(domain, None, self.domains)
            clips[turns] = members[(draws[0, turns] * len(members)).astype(np.int64)]
        self._starts = self._begins[clips] + (draws[1] * self._room[clips]).astype(np.int64)
        self._stretches = self.augmentation.place(torch.from_numpy(draws[2:]), self.seq_len)

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Cut the segments of this epoch with these indices: (clean, augmented, domains).

        Codes are uint8, shape (batch, seq_len): convert them before you calculate with them. Domains are int64.
        """
        indices = np.asarray(indices, dtype=np.int64)
        starts = self._starts[indices]
        clean = self._codes.cut(starts)
        augmented = clean.clone()
        if self.augmentation.magnitude:
            stretch = (part[indices].to(self.device) for part in self._stretches)
            shifted = shift_pitch(self._samples.cut(starts).float(), *stretch)
            bits = shifted.round().clip(-32768, 32767).int() & 0xFFFF  # of int16, as the table is sorted
            augmented = self._table.index_select(0, bits.flatten()).view_as(clean)
        return clean, augmented, torch.from_numpy(indices % self.domains).to(self.device)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        clean, augmented, domains = self.batch([index])
        return clean[0], augmented[0], domains[0]

    def batches(self, batch_size: int = 32) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Cut all segments of this epoch, batch by batch, in order; the last batch may be smaller."""
        for first in range(0, self.epoch_len, batch_size):
            yield self.batch(range(first, min(first + batch_size, self.epoch_len)))


def _of_store(store: Store):
    if store.sample_rate != WAV_FREQ:
        raise DatasetError(
            f"{store.path}: expected audio at {WAV_FREQ} Hz, found {store.sample_rate} Hz; prepare it at {WAV_FREQ}"
        )
    return store.values("audio"), store.offsets("audio"), store.labels, store.index["path"].tolist()


def _of_arrays(arrays: Sequence[np.ndarray]):
    offsets = np.cumsum([0, *map(len, arrays)])
    names = [f"clip {clip}" for clip in range(len(arrays))]
    return np.concatenate([np.zeros(0, np.int16), *arrays]), offsets, np.zeros(len(arrays), np.int64), names
