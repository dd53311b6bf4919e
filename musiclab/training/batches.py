"""Shuffle training examples into batches, divide them among processes, and time how long they take to load."""

import math
import time
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler

from musiclab.core.errors import RunError, counted
from musiclab.core.random import stream
from musiclab.store.segments import Segments


class Batches(Sampler):
    """Draw the batches of an epoch from its number and the seed alone.

    So a resumed training continues with the same batches, and several processes together use the batches of a single
    one. A last batch with fewer than two examples per process is dropped, because batch norm cannot learn from one.

    Parameters
    ----------
    items, size
        Number of training examples, and of examples per batch over all processes. Fewer than one per process raise
        RunError.
    accumulate
        Batches per optimiser step, of which an epoch has ``steps``.
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
                f"each process needs at least one training clip per batch, found {counted(items, 'clip')} and a batch "
                f"size of {size} for {counted(processes, 'process')}"
            )
        self.size, self.accumulate, self.seed = min(size, items), accumulate, seed
        self.process, self.processes, self.epoch, self._shuffled = process, processes, 0, items
        last = items % self.size
        self.items = items if last >= 2 * processes else items - last
        self.steps = math.ceil(len(self) / accumulate)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch whose batches are drawn next."""
        self.epoch = epoch

    def of_all_processes(self) -> list[np.ndarray]:
        """List the examples in each batch of the epoch, over all processes."""
        order = stream(self.seed, "order", self.epoch).permutation(self._shuffled)[: self.items]
        return np.split(order, range(self.size, self.items, self.size))

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.of_all_processes():
            yield batch[self.process :: self.processes].tolist()

    def __len__(self) -> int:
        return math.ceil(self.items / self.size)

    def ends_step(self, batch: int) -> bool:
        """Return True if the optimiser takes a step after the batch with this index."""
        return (batch + 1) % self.accumulate == 0 or batch + 1 == len(self)

    def items_of_step(self, batch: int) -> int:
        """Count the examples in the optimiser step that includes the batch with this index."""
        step_size = self.accumulate * self.size
        return min(step_size, self.items - batch // self.accumulate * step_size)


class Stopwatch:
    """Measure the total time spent waiting for an iterable."""

    def __init__(self):
        self.seconds = 0.0

    def timed(self, iterable: Iterable) -> Iterator:
        started = time.perf_counter()
        for item in iterable:
            self.seconds += time.perf_counter() - started
            yield item
            started = time.perf_counter()


def make_loader(train: Segments, batches: Batches, workers: int, device: torch.device) -> DataLoader:
    """Create the data loader. Segments on the CPU are read by workers and pinned; segments on the GPU stay there."""
    on_cpu = train.device.type == "cpu"
    return DataLoader(
        train,
        batch_sampler=batches,
        collate_fn=_keep_batch,
        num_workers=workers if on_cpu else 0,  # worker processes cannot use this process's GPU memory
        pin_memory=device.type == "cuda" and on_cpu,
        generator=torch.Generator(),  # for the workers' seed, so that it does not advance dropout's generator
    )


def class_weights(train: Segments) -> torch.Tensor:
    """Compute class weights for the loss, so that rare classes count as much as frequent ones.

    The weight of a class is proportional to the inverse of its number of training clips. The mean weight of a clip is
    1.

    Parameters
    ----------
    train : musiclab.store.Segments
        Segments of the training clips.

    Returns
    -------
    tensor, shape (classes,)
        Weight of each class. A class without training clips has weight 0.

    Examples
    --------
    >>> class_weights(Segments(np.zeros(8, np.float32), range(9), [0, 0, 0, 0, 0, 0, 1, 1], length=1))
    tensor([0.6667, 2.0000])
    """
    counts = np.bincount(train.labels.numpy()[train.clips], minlength=train.classes)
    weights = np.divide(len(train.clips), counts, out=np.zeros(len(counts)), where=counts > 0) / (counts > 0).sum()
    return torch.tensor(weights, dtype=torch.float32)


def _keep_batch(batch):
    return batch  # Segments already returns batches, so there is nothing to collate
