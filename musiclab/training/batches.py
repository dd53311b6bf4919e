"""The batches of an epoch: in an order that the seed and the epoch decide, shared out to processes, and timed."""

import math
import time
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler

from musiclab.core.errors import RunError
from musiclab.core.random import stream
from musiclab.store.segments import Segments


class Batches(Sampler):
    """Which items are in each batch of an epoch; it depends on the seed and the epoch alone.

    A training that is resumed goes on with the batches that it would have had, and several processes together have
    those of a single one: each takes a part of every batch.

    A last batch with fewer than two items for each process is left out, since batch norm cannot learn from one.

    Parameters
    ----------
    items
        Number of items to be shuffled.
    size
        Of a batch, over all processes together.
    accumulate
        Batches whose gradients make one step of the optimiser.
    seed
        0 or more.
    process, processes
        Number of this process, and how many there are.

    Attributes
    ----------
    epoch : int
        Whose batches are given; set by :meth:`set_epoch`, 0 at first.
    items : int
        How many an epoch has, over all processes together.
    steps : int
        How many the optimiser takes in an epoch.

    Raises
    ------
    RunError
        There is nothing to learn from, or not one item for each process.

    Examples
    --------
    >>> batches = Batches(items=10, size=4, accumulate=2)
    >>> batches.items, len(batches), batches.steps
    (10, 3, 2)
    >>> [len(batch) for batch in batches]
    [4, 4, 2]
    >>> [batches.items_of_step(batch) for batch in range(3)], [batches.ends_step(batch) for batch in range(3)]
    ([8, 8, 2], [False, True, True])
    """

    def __init__(self, items: int, size: int, accumulate: int = 1, seed: int = 0, process: int = 0, processes: int = 1):
        if items < processes or size < processes:
            raise RunError(
                f"expected at least one training clip and a batch size of 1 for each of {processes} processes, found "
                f"{items} clips and batch size {size}"
            )
        self.size, self.accumulate, self.seed = min(size, items), accumulate, seed
        self.process, self.processes, self.epoch, self._shuffled = process, processes, 0, items
        left_over = items % self.size
        self.items = items if left_over >= 2 * processes else items - left_over
        self.steps = math.ceil(len(self) / accumulate)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch's batches come next."""
        self.epoch = epoch

    def whole(self) -> list[np.ndarray]:
        """Items of each batch of the epoch, over all processes together."""
        order = stream(self.seed, "order", self.epoch).permutation(self._shuffled)[: self.items]
        return np.split(order, range(self.size, self.items, self.size))

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.whole():
            yield batch[self.process :: self.processes].tolist()

    def __len__(self) -> int:
        return math.ceil(self.items / self.size)

    def ends_step(self, batch: int) -> bool:
        """Whether the optimiser steps after a batch, counted from 0."""
        return (batch + 1) % self.accumulate == 0 or batch + 1 == len(self)

    def items_of_step(self, batch: int) -> int:
        """How many items make the gradient of the step that a batch, counted from 0, belongs to."""
        items = self.accumulate * self.size
        return min(items, self.items - batch // self.accumulate * items)


class Stopwatch:
    """Adds up how long one waits for the items of an iterable."""

    def __init__(self):
        self.seconds = 0.0

    def over(self, iterable: Iterable) -> Iterator:
        """The same items."""
        started = time.perf_counter()
        for item in iterable:
            self.seconds += time.perf_counter() - started
            yield item
            started = time.perf_counter()


def make_loader(train: Segments, batches: Batches, workers: int, device: torch.device) -> DataLoader:
    """A loader of ``batches``.

    Where the segments are on the device already, batches are gathered there and nothing is copied; otherwise they
    are pinned, so that copying them overlaps with computing.
    """
    in_memory = train.device.type == "cpu"
    return DataLoader(
        train,
        batch_sampler=batches,
        collate_fn=_as_batch,
        num_workers=workers if in_memory else 0,  # other processes cannot use what is on this one's GPU
        pin_memory=device.type == "cuda" and in_memory,
        generator=torch.Generator(),  # it draws a seed for its workers: not from the generator of dropout
    )


def class_weights(train: Segments) -> torch.Tensor:
    """One number a class, whose mean over the training clips is 1; 0 for a class that has none."""
    counts = np.bincount(train.labels.numpy()[train.clips], minlength=train.classes)
    weights = np.divide(len(train.clips), counts, out=np.zeros(len(counts)), where=counts > 0) / (counts > 0).sum()
    return torch.tensor(weights, dtype=torch.float32)


def _as_batch(batch):
    return batch  # Segments gives whole batches: there is nothing left to collate
