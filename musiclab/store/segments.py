"""Segments of a fixed length out of clips of any length: what a model is trained on and tested with.

Reading them is what training waits for, so a whole batch is one call; :mod:`musiclab.store.values` says where from.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch.utils.data import Dataset

from musiclab.core import random as streams
from musiclab.core.errors import RunError, StoreError, did_you_mean
from musiclab.store.reading import Store
from musiclab.store.values import OnDisk, open_values

PLACES = ("random", "centred", "covering")
INT16_STEP = 1 / 32768


class Segments(Dataset):
    """Segments of the clips' values, as a torch data set that gives a whole batch in one call.

    Parameters
    ----------
    values : array, tensor or :class:`musiclab.store.values.OnDisk`, shape (all samples,) or (all frames, dimensions)
        The clips, one after the other; int16 samples are taken for audio. Segments made of one tensor share it.
    offsets : int array, shape (clips + 1,)
        Clip i is ``values[offsets[i]:offsets[i + 1]]``.
    labels : int array, shape (clips,)
    clips
        Numbers of the clips to take segments of; all of them when left out.
    classes
        Number of classes; when left out, one more than the largest label.
    length
        Of a segment, in samples or frames. A shorter clip is padded at its end.
    silence : float or float array, shape (dimensions,)
        What to pad with, in the units of the batch.
    places
        ``"random"``: an item is a clip, and each epoch takes another segment of it, for training. ``"centred"``: an
        item is a clip, and its segment is the middle one. ``"covering"``: the items are segments that cover every
        clip from its first value to its last, at most half a segment apart, for testing.
    seed
        Of the random places: the segment of a clip begins ``floor(u * (spare + 1))`` after the clip's beginning,
        where ``spare`` is by how much the clip is longer than a segment, and u is
        ``streams.uniform(seed, epoch, clip)``. It depends on nothing else: a resumed run, a run on several machines
        and a run with workers all draw the same.
    device
        Where the batches are given and where values that fit are kept; when left out, where ``values`` are.
    paths
        Names of the clips, for messages.

    Attributes
    ----------
    clips : int array, shape (len,)
        Number of the clip that each item is from.
    labels : int64 tensor, shape (clips,)
    epoch : int
        Set by :meth:`set_epoch`, before the loader is asked for the epoch's first batch; 0 at first. Workers of a
        loader with ``persistent_workers=True`` keep the epoch they were started in.

    Raises
    ------
    RunError
        There is no such kind of places, or ``length`` is not positive.
    StoreError
        ``values``, ``offsets``, ``labels`` and ``clips`` do not belong together.
    """

    def __init__(
        self,
        values,
        offsets,
        labels,
        clips: Sequence[int] | None = None,
        classes: int | None = None,
        length: int = 128,
        silence: float | np.ndarray = 0.0,
        places: str = "random",
        seed: int = 0,
        device: str | torch.device | None = None,
        paths: Sequence[str] | None = None,
    ):
        if places not in PLACES:
            raise RunError(
                f"expected places among {', '.join(PLACES)}, found {places!r}{did_you_mean(str(places), PLACES)}"
            )
        if length < 1:
            raise RunError(f"length of a segment must be positive, not {length}")
        offsets = np.asarray(offsets, dtype=np.int64)
        clips = np.arange(len(offsets) - 1) if clips is None else np.asarray(clips, dtype=np.int64)
        _check(values, offsets, labels, clips)

        self.labels = torch.from_numpy(np.array(labels, dtype=np.int64))
        self.classes = int(self.labels.max()) + 1 if classes is None else classes
        self.length, self.silence, self.places, self.seed, self.epoch = length, silence, places, seed, 0
        self.paths = None if paths is None else np.asarray(paths, dtype=str)
        self.values, self.device = _placed(values, length, device)

        starts, lengths = offsets[clips], np.diff(offsets)[clips]
        spare = np.maximum(0, lengths - length)  # by how much a segment can move
        if places == "covering":
            counts = 1 + -(-spare // max(1, length // 2))  # enough for steps of at most half a segment
            moves = [np.linspace(0, room, count).round().astype(int) for room, count in zip(spare, counts, strict=True)]
            starts = np.repeat(starts, counts) + np.concatenate(moves or [spare])
            clips, lengths, spare = (np.repeat(column, counts) for column in (clips, lengths, spare))
        elif places == "centred":
            starts = starts + spare // 2
        self.clips = clips
        self._drawn = clips  # what the places are drawn by, whatever a caller does with the attribute above
        self._starts, self._spare, self._filled = starts, spare, np.minimum(lengths, length)
        self._labels = self.labels[torch.from_numpy(clips)]
        self._silence = torch.as_tensor(silence, dtype=torch.float32, device=self.device)

    @classmethod
    def of_store(
        cls,
        store: Store,
        feature: str,
        clips: Sequence[int] | None = None,
        *,
        where: str | torch.device = "auto",
        limit: float | None = None,
        **settings,
    ) -> "Segments":
        """Segments of a feature of a store.

        Parameters
        ----------
        where, limit
            As in :func:`musiclab.store.values.open_values`, whose result several Segments may share.
        **settings
            ``length``, ``silence``, ``places``, ``seed``, ``device``.
        """
        values = open_values(store, feature, where, limit)
        return cls(values, store.offsets(feature), store.labels, clips, len(store.classes), **settings)

    def set_epoch(self, epoch: int) -> None:
        """Move on: random segments lie at other places in each epoch, and at the same ones when it comes again."""
        self.epoch = int(epoch)

    def __len__(self) -> int:
        return len(self.clips)

    def __getitems__(self, items: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """A batch.

        Returns
        -------
        batch : float32 tensor, shape (batch, dimensions, length), or (batch, length) for audio, then in [-1, 1)
        labels : int64 tensor, shape (batch,)
        """
        items = np.asarray(items, dtype=np.int64)
        starts, filled = self._starts[items], self._filled[items]
        if self.places == "random":
            draws = streams.uniform(self.seed, self.epoch, self._drawn[items])
            starts = starts + (draws * (self._spare[items] + 1)).astype(np.int64)
        batch = self._cut(starts)
        is_audio = batch.ndim == 2 and batch.dtype == torch.int16
        batch = batch.float()
        if is_audio:
            batch *= INT16_STEP

        short = np.flatnonzero(filled < self.length)
        if len(short):
            rows = torch.from_numpy(short).to(self.device, non_blocking=True)
            past_end = torch.from_numpy(np.arange(self.length) >= filled[short, None]).to(
                self.device, non_blocking=True
            )
            past_end = past_end.view(*past_end.shape, *(1,) * (batch.ndim - 2))  # (short, length) or (short, length, 1)
            batch[rows] = torch.where(past_end, self._silence, batch[rows])
        labels = self._labels[torch.from_numpy(items)].to(self.device, non_blocking=True)
        return (batch.transpose(1, 2) if batch.ndim == 3 else batch), labels

    def __getitem__(self, item: int) -> tuple[torch.Tensor, torch.Tensor]:
        batch, labels = self.__getitems__([item])
        return batch[0], labels[0]

    def _cut(self, starts: np.ndarray) -> torch.Tensor:
        """Stretches as they are stored, shape (batch, length, ...); past the end of all values, anything."""
        last = len(self.values) - self.length
        inside = np.minimum(starts, last)
        if isinstance(self.values, OnDisk):
            batch = torch.from_numpy(self.values.stretches(inside, self.length)).to(self.device, non_blocking=True)
        else:
            # every stretch there is, as a view without a copy, so that a batch is a choice of rows: half the time of
            # indexing frame by frame for features, a tenth of it for audio
            strides = self.values.stride()
            every = self.values.as_strided((last + 1, self.length, *self.values.shape[1:]), (strides[0], *strides))
            batch = every.index_select(0, torch.from_numpy(inside).to(self.device, non_blocking=True))
        for row in np.flatnonzero(starts > last):  # a short clip at the very end
            batch[row] = batch[row].roll(int(last - starts[row]), dims=0)
        return batch


def _placed(values, length: int, device) -> tuple[torch.Tensor | OnDisk, torch.device]:
    """Values where they are wanted, at least ``length`` of them, and the device of the batches."""
    if isinstance(values, OnDisk):
        if len(values) >= length:
            return values, torch.device(device or "cpu")
        values = values[:]
    values = torch.as_tensor(values, device=device).contiguous()
    if len(values) < length:
        values = torch.cat([values, values.new_zeros(length - len(values), *values.shape[1:])])
    return values, values.device


def _check(values, offsets: np.ndarray, labels, clips: np.ndarray) -> None:
    count = len(offsets) - 1
    if len(labels) != count:
        raise StoreError(f"expected a label for each of {count} clips, found {len(labels)}")
    if count and (np.diff(offsets).min() < 0 or offsets[0] < 0 or offsets[-1] > len(values)):
        raise StoreError(f"expected offsets that ascend from 0 to at most {len(values)}, the number of values")
    if len(clips) and not 0 <= clips.min() <= clips.max() < count:
        raise StoreError(f"expected clips of 0 to {count - 1}, found {clips.min()} to {clips.max()}")
