"""Cut clips of any length into segments of a fixed length, for training and testing models.

Training waits for this step, so a whole batch is cut in one call, from memory-mapped values or from a tensor on the
GPU.
"""

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch.utils.data import Dataset

from musiclab.core.checks import check_known, check_whole
from musiclab.core.covering import covering
from musiclab.core.errors import StoreError
from musiclab.core.random import uniform
from musiclab.store.reading import Store, file_identity, map_values


class Segments(Dataset):
    """Torch data set of segments of a fixed length, cut from clips one batch at a time.

    Parameters
    ----------
    values : array or tensor, shape (all samples,) or (all frames, dimensions)
        All clips, joined along time. int16 samples are treated as audio. Values mapped by
        :meth:`musiclab.store.Store.values` stay in their file, and tensors are shared, not copied.
    offsets : int array, shape (clips + 1,)
        Row of ``values`` at which each clip begins: clip i is ``values[offsets[i]:offsets[i + 1]]``.
    labels : int array, shape (clips,)
        Class index of each clip.
    clips : sequence of int, optional
        Indices of the clips to cut segments from. Default: all clips.
    classes : int, optional
        Number of classes. Default: one more than the largest label.
    length : int, samples or frames, default 128
        Length of a segment. Shorter clips are padded at the end.
    silence : float or float array, shape (dimensions,), default 0
        Value that clips are padded with, in the units of the batch.
    places : {"random", "centred", "covering"} or int array, default "random"
        Position of the segments. ``"random"`` is for training: one segment per clip, at a new position in each epoch.
        ``"centred"`` cuts the middle segment of each clip. ``"covering"`` is for testing: it cuts as many segments as
        are needed to cover each clip from start to end. An int array gives the first row of each segment in ``values``.
        In that case, ``clips`` must name the single clip that contains all segments.
    step : int, samples or frames, optional
        Distance between covering segments. The last segment always ends with the clip. Default: evenly spaced, at most
        half a segment apart.
    seed : int, default 0
        Random seed of the positions (see Notes).
    device : str or torch.device, optional
        Device on which the values are kept and batches are cut. Default: the device of ``values``.
    paths : sequence of str, optional
        Paths of the clips, which error messages mention.

    Attributes
    ----------
    clips : int array, shape (segments,)
        Index of the clip that each segment comes from.
    labels : int64 tensor, shape (clips,)
        Class index of each clip.
    epoch : int
        Current epoch, starting at 0. Call :meth:`set_epoch` before loading the first batch of an epoch. Loader workers
        with ``persistent_workers=True`` stay in the epoch in which they were started.

    Raises
    ------
    StoreError
        If labels, offsets or clip indices do not fit together.
    RunError (a ValueError)
        If ``places`` is unknown, or ``length`` is not a whole number of at least 1.

    Notes
    -----
    The random position of a segment does not depend on the other clips, on their order or on the process. The segment
    of clip i begins ``floor(u * (spare + 1))`` after the start of the clip. Here ``u`` is
    ``musiclab.core.random.uniform(seed, epoch, i)``, and ``spare`` is the length of the clip minus the length of a
    segment.

    Examples
    --------
    >>> clips = np.arange(10, dtype=np.float32)[:, None]  # a clip of 6 frames and a clip of 4 frames
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
        spare = np.maximum(0, lengths - length)  # largest offset of a segment within its clip
        if not isinstance(places, str):
            starts = np.asarray(places, dtype=np.int64)
            rows = np.zeros(len(starts), dtype=np.int64)  # row in clips of each segment
        elif places == "covering":
            shifts = [covering(clip_spare, length, step) for clip_spare in spare]
            rows = np.repeat(np.arange(len(clips)), [len(clip_shifts) for clip_shifts in shifts])
            starts = starts[rows] + np.concatenate([*shifts, spare[:0]])
        else:
            starts = starts + spare // 2 * (places == "centred")
            rows = np.arange(len(clips))
        self.clips = clips[rows]
        self._draw_indices = self.clips  # a separate reference, because callers may replace the public attribute
        self._starts, self._spare, self._filled = starts, spare[rows], np.minimum(lengths, length)[rows]
        self._labels = self.labels[torch.from_numpy(self.clips)]
        self._silence = torch.as_tensor(silence, dtype=torch.float32, device=self.device)
        self._is_random = isinstance(places, str) and places == "random"
        self.set_epoch(0)

    @classmethod
    def of_store(cls, store: Store, feature: str, clips: Sequence[int] | None = None, **settings) -> "Segments":
        """Cut segments from a feature of a store.

        Parameters
        ----------
        store : Store
            Open store.
        feature : str
            Name of the feature, such as ``"logmel"``.
        clips : sequence of int, optional
            Rows of the clips to cut segments from. Default: all clips.
        **settings
            Parameters of the class from ``length`` on, such as ``length=256``.

        Returns
        -------
        Segments
            Data set of the segments.

        Raises
        ------
        StoreError
            If the store does not have this feature.
        """
        values = store.values(feature)
        return cls(values, store.offsets(feature), store.labels, clips, len(store.classes), **settings)

    def set_epoch(self, epoch: int) -> None:
        """Select the random positions of an epoch.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0. An epoch always gives the same positions.
        """
        self.epoch = int(epoch)
        if self._is_random:
            self._draws = uniform(self.seed, self.epoch, np.arange(len(self.labels)))

    def __len__(self) -> int:
        return len(self.clips)

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Cut several segments and convert them to the input of a model.

        Parameters
        ----------
        indices : sequence of int
            Indices of the segments, from 0 to ``len(segments) - 1``.

        Returns
        -------
        batch : float32 tensor, shape (batch, dimensions, length) or (batch, length)
            Segments of a feature, or of audio in [-1, 1). Clips shorter than a segment are padded.
        labels : int64 tensor, shape (batch,)
            Class index of each segment.
        """
        indices = np.asarray(indices, dtype=np.int64)
        starts, filled = self._starts[indices], self._filled[indices]
        if self._is_random:
            draws = self._draws[self._draw_indices[indices]]
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
        return self.batch(indices)  # called by torch's DataLoader to load a batch

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        batch, labels = self.batch([index])
        return batch[0], labels[0]

    def cut(self, starts: np.ndarray) -> torch.Tensor:
        """Cut the segments that begin at given rows of ``values``, without converting or padding them.

        Parameters
        ----------
        starts : int64 array, shape (batch,)
            First row of each segment in ``values``.

        Returns
        -------
        tensor, shape (batch, length) or (batch, length, dimensions)
            Segments in their stored type. Values past the end of the last clip are undefined.
        """
        last = len(self.values) - self.length
        # A view of all possible segments makes cutting a row selection. Compared with indexing frame by frame, this
        # takes half the time for features and a tenth for audio.
        strides = self.values.stride()
        windows = self.values.as_strided((last + 1, self.length, *self.values.shape[1:]), (strides[0], *strides))
        inside = torch.from_numpy(np.minimum(starts, last)).to(self.device, non_blocking=True)
        batch = windows.index_select(0, inside)
        for row in np.flatnonzero(starts > last):  # a short clip at the end of the values
            batch[row] = batch[row].roll(int(last - starts[row]), dims=0)
        return batch

    def __getstate__(self) -> dict:
        return self.__dict__ if self._mapped is None else {**self.__dict__, "values": None}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        if self._mapped is not None:  # each process maps the file itself
            self.values = _without_copy(map_values(*self._mapped))


def _as_tensor(values, length: int, device) -> tuple[torch.Tensor, tuple | None]:
    """Convert values to a tensor of at least ``length`` rows. Also return the arguments to map them again, or None."""
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
        warnings.simplefilter("ignore", UserWarning)  # torch warns about read-only maps, but we never write to them
        return torch.from_numpy(array)


def _check(values, offsets: np.ndarray, labels, clips: np.ndarray) -> None:
    count = len(offsets) - 1
    if len(labels) != count:
        raise StoreError(f"expected one label for each of {count} clips, found {len(labels)}")
    if count and (np.diff(offsets).min() < 0 or offsets[0] < 0 or offsets[-1] > len(values)):
        raise StoreError(f"expected offsets that increase from 0 to at most {len(values)}, the number of values")
    if len(clips) and not 0 <= clips.min() <= clips.max() < count:
        raise StoreError(f"expected clip indices from 0 to {count - 1}, found {clips.min()} to {clips.max()}")
