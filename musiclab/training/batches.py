"""The batches of an epoch: shuffled by seed and epoch, shared among processes, and timed."""

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
    """The batches of an epoch, drawn from the seed and the epoch alone.

    So a resumed training continues with the batches it would have had, and several processes, each with a part of every
    batch, together have those of a single one. A last batch with fewer than two items per process is left out, because
    batch norm cannot learn from one.

    Parameters
    ----------
    items, size
        Number of items to shuffle, and in a batch, over all processes together. RunError if there are fewer than
        processes.
    accumulate
        Number of batches whose gradients make one of the epoch's ``steps`` of the optimiser.
    process, processes
        Index of this process, and number of processes.

    Examples
    --------
    >>> batches = Batches(items=10, size=4, accumulate=2)
    >>> [len(batch) for batch in batches], batches.steps
    ([4, 4, 2], 2)
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
        """Choose the epoch whose batches come next."""
        self.epoch = epoch

    def of_all_processes(self) -> list[np.ndarray]:
        """List the items of each batch of the epoch, over all processes together."""
        order = stream(self.seed, "order", self.epoch).permutation(self._shuffled)[: self.items]
        return np.split(order, range(self.size, self.items, self.size))

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.of_all_processes():
            yield batch[self.process :: self.processes].tolist()

    def __len__(self) -> int:
        return math.ceil(self.items / self.size)

    def ends_step(self, batch: int) -> bool:
        """Return True if the optimiser steps after a batch, counted from 0."""
        return (batch + 1) % self.accumulate == 0 or batch + 1 == len(self)

    def items_of_step(self, batch: int) -> int:
        """Count the items in the optimiser step that a batch, counted from 0, is part of."""
        items = self.accumulate * self.size
        return min(items, self.items - batch // self.accumulate * items)


class Stopwatch:
    """Total time spent waiting for the items of an iterable."""

    def __init__(self):
        self.seconds = 0.0

    def timed(self, iterable: Iterable) -> Iterator:
        started = time.perf_counter()
        for item in iterable:
            self.seconds += time.perf_counter() - started
            yield item
            started = time.perf_counter()


def make_loader(train: Segments, batches: Batches, workers: int, device: torch.device) -> DataLoader:
    """Make the loader of ``batches``; segments on the device are gathered there, others are pinned for the copy."""
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
    """Weigh each class by the inverse of its number of training clips; the mean weight of a clip is 1."""
    counts = np.bincount(train.labels.numpy()[train.clips], minlength=train.classes)
    weights = np.divide(len(train.clips), counts, out=np.zeros(len(counts)), where=counts > 0) / (counts > 0).sum()
    return torch.tensor(weights, dtype=torch.float32)


def _as_batch(batch):
    return batch  # Segments gives whole batches: there is nothing left to collate
