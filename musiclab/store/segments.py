"""Segments of a fixed length, cut from clips of any length: what a model is trained on and tested with.

Training waits for them, so a batch is cut in one call, from values that are mapped into memory or lie on the GPU.
"""

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch.utils.data import Dataset

from musiclab.core.checks import check_known, check_whole
from musiclab.core.errors import StoreError
from musiclab.core.random import uniform
from musiclab.store.reading import Store, file_identity, map_values


class Segments(Dataset):
    """Cut segments out of the values of many clips, a batch at a time.

    Parameters
    ----------
    values : array or tensor, shape (all samples,) or (all frames, dimensions)
        The clips, one after the other; int16 samples are taken for audio. What :meth:`musiclab.store.Store.values`
        maps stays in its file. Segments made of one tensor share it.
    offsets : int array, shape (clips + 1,)
        Clip i is ``values[offsets[i]:offsets[i + 1]]``.
    labels : int array, shape (clips,)
        Class number of each clip.
    clips
        Numbers of the clips to cut segments from, default all.
    classes
        Number of classes, default one more than the largest label.
    length
        Of a segment, in samples or frames. A shorter clip is padded at its end.
    silence : float or float array, shape (dimensions,)
        What to pad with, in the units of the batch.
    places
        ``"random"``: one segment of each clip, elsewhere in each epoch, for training. ``"centred"``: the middle segment
        of each clip. ``"covering"``: as many segments as it takes to cover each clip from its beginning to its end,
        for testing. An int array says where in ``values`` each segment begins, all of them in the one clip that
        ``clips`` names.
    step
        From one covering segment to the next, in samples or frames; the last one ends with the clip. Default: evenly
        spaced, at most half a segment apart.
    seed
        Of the random places. In an epoch, the segment of clip i begins ``floor(u * (spare + 1))`` after the clip does,
        with ``u = musiclab.core.random.uniform(seed, epoch, i)``, where the clip is longer than a segment by
        ``spare``. It does not matter which clips are asked for, in which order, by which process.
    device
        Where the values are kept and batches are cut, default where ``values`` are.
    paths
        Names of the clips, for messages.

    Attributes
    ----------
    clips : int array, shape (len,)
        Number of the clip that each segment is from.
    labels : int64 tensor, shape (clips,)
    epoch : int
        Set by :meth:`set_epoch`, before the loader is asked for the epoch's first batch; 0 at first. Workers of a
        loader with ``persistent_workers=True`` keep the epoch they were started in.

    Examples
    --------
    >>> clips = np.arange(10, dtype=np.float32)[:, None]  # one of 6 frames and one of 4
    >>> batch, labels = Segments(clips, [0, 6, 10], [0, 1], length=4, places="covering").batch([0, 1, 2])
    >>> batch[:, 0].tolist(), labels.tolist()
    ([[0.0, 1.0, 2.0, 3.0], [2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0]], [0, 0, 1])
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
        places: str | np.ndarray = "random",
        step: int | None = None,
        seed: int = 0,
        device: str | torch.device | None = None,
        paths: Sequence[str] | None = None,
    ):
        if isinstance(places, str):
            check_known(places, ("random", "centred", "covering"), "places")
        check_whole({"length": length}, "length")
        offsets = np.asarray(offsets, dtype=np.int64)
        clips = np.arange(len(offsets) - 1) if clips is None else np.asarray(clips, dtype=np.int64)
        _check(values, offsets, labels, clips)

        self.labels = torch.from_numpy(np.array(labels, dtype=np.int64))
        self.classes = int(self.labels.max()) + 1 if classes is None else classes
        self.length, self.silence, self.seed = length, silence, seed
        self.paths = None if paths is None else np.asarray(paths, dtype=str)
        self.values, self._mapped = _as_tensor(values, length, device)
        self.device = self.values.device

        starts, lengths = offsets[clips], np.diff(offsets)[clips]
        spare = np.maximum(0, lengths - length)  # by how much a segment can move
        if not isinstance(places, str):
            starts = np.asarray(places, dtype=np.int64)
            items = np.zeros(len(starts), dtype=np.int64)
        elif places == "covering":
            moves = [covering(room, length, step) for room in spare]
            items = np.repeat(np.arange(len(clips)), [len(each) for each in moves])
            starts = starts[items] + np.concatenate([*moves, spare[:0]])
        else:
            starts = starts + spare // 2 * (places == "centred")
            items = np.arange(len(clips))
        self.clips = clips[items]
        self._drawn_by = self.clips  # a caller may change the attribute
        self._starts, self._spare, self._filled = starts, spare[items], np.minimum(lengths, length)[items]
        self._labels = self.labels[torch.from_numpy(self.clips)]
        self._silence = torch.as_tensor(silence, dtype=torch.float32, device=self.device)
        self._is_random = isinstance(places, str) and places == "random"
        self.set_epoch(0)

    @classmethod
    def of_store(cls, store: Store, feature: str, clips: Sequence[int] | None = None, **settings) -> "Segments":
        """Cut segments from a feature of a store; the settings are those of the class, from ``length`` on."""
        values = store.values(feature)
        return cls(values, store.offsets(feature), store.labels, clips, len(store.classes), **settings)

    def set_epoch(self, epoch: int) -> None:
        """Move on: random segments lie at other places in each epoch, and at the same ones when it comes again."""
        self.epoch = int(epoch)
        if self._is_random:
            self._draws = uniform(self.seed, self.epoch, np.arange(len(self.labels)))

    def __len__(self) -> int:
        return len(self.clips)

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Cut the segments with these numbers, from 0 to ``len(segments) - 1``.

        Returns
        -------
        batch : float32 tensor, shape (batch, dimensions, length), or (batch, length) for audio, then in [-1, 1)
        labels : int64 tensor, shape (batch,)
        """
        indices = np.asarray(indices, dtype=np.int64)
        starts, filled = self._starts[indices], self._filled[indices]
        if self._is_random:
            draws = self._draws[self._drawn_by[indices]]
            starts = starts + (draws * (self._spare[indices] + 1)).astype(np.int64)
        batch = self.cut(starts)
        is_audio = batch.ndim == 2 and batch.dtype == torch.int16
        batch = batch.float()
        if is_audio:
            batch /= 32768

        short = np.flatnonzero(filled < self.length)
        if len(short):
            rows = torch.from_numpy(short).to(self.device)
            past_end = torch.from_numpy(np.arange(self.length) >= filled[short, None]).to(self.device)
            past_end = past_end.view(*past_end.shape, *(1,) * (batch.ndim - 2))  # (short, length) or (short, length, 1)
            batch[rows] = torch.where(past_end, self._silence, batch[rows])
        labels = self._labels[torch.from_numpy(indices)].to(self.device, non_blocking=True)
        return (batch.transpose(1, 2) if batch.ndim == 3 else batch), labels

    def __getitems__(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        return self.batch(indices)  # by this name torch's DataLoader asks for a batch

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        batch, labels = self.batch([index])
        return batch[0], labels[0]

    def cut(self, starts: np.ndarray) -> torch.Tensor:
        """Cut the segments that begin at ``starts``, as they are stored: shape (batch, length, ...).

        What lies past the end of all values may be anything.
        """
        last = len(self.values) - self.length
        # every stretch there is, as a view without a copy, so that a batch is a choice of rows: half the time of
        # indexing frame by frame for features, a tenth of it for audio
        strides = self.values.stride()
        every = self.values.as_strided((last + 1, self.length, *self.values.shape[1:]), (strides[0], *strides))
        inside = torch.from_numpy(np.minimum(starts, last)).to(self.device, non_blocking=True)
        batch = every.index_select(0, inside)
        for row in np.flatnonzero(starts > last):  # a short clip at the very end
            batch[row] = batch[row].roll(int(last - starts[row]), dims=0)
        return batch

    def __getstate__(self) -> dict:
        return self.__dict__ if self._mapped is None else {**self.__dict__, "values": None}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        if self._mapped is not None:  # another process maps the file for itself
            self.values = _without_copy(map_values(*self._mapped))


def covering(spare: int, length: int, step: int | None = None) -> np.ndarray:
    """Place the segments that cover a clip that is longer than a segment by ``spare``.

    They lie ``step`` apart, or evenly spaced, at most half a segment apart.
    """
    if step is not None:
        return np.unique(np.append(np.arange(0, spare, step), spare))
    return np.linspace(0, spare, 1 - (-spare // max(1, length // 2))).round().astype(np.int64)


def _as_tensor(values, length: int, device) -> tuple[torch.Tensor, tuple | None]:
    """The values as a tensor, at least ``length`` of them, and what it takes to map them again if they are mapped."""
    mapped = None
    if isinstance(values, np.memmap) and len(values) >= length and torch.device(device or "cpu").type == "cpu":
        mapped = values.filename, file_identity(values.filename), values.offset, values.shape, values.dtype
    tensor = _without_copy(values) if isinstance(values, np.ndarray) else torch.as_tensor(values)
    tensor = tensor.to(device).contiguous()
    if len(tensor) < length:
        tensor = torch.cat([tensor, tensor.new_zeros(length - len(tensor), *tensor.shape[1:])])
    return tensor, mapped


def _without_copy(array: np.ndarray) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a map is read-only, and nothing here writes to it
        return torch.from_numpy(array)


def _check(values, offsets: np.ndarray, labels, clips: np.ndarray) -> None:
    count = len(offsets) - 1
    if len(labels) != count:
        raise StoreError(f"expected a label for each of {count} clips, found {len(labels)}")
    if count and (np.diff(offsets).min() < 0 or offsets[0] < 0 or offsets[-1] > len(values)):
        raise StoreError(f"expected offsets that ascend from 0 to at most {len(values)}, the number of values")
    if len(clips) and not 0 <= clips.min() <= clips.max() < count:
        raise StoreError(f"expected clips of 0 to {count - 1}, found {clips.min()} to {clips.max()}")
