"""Where the values of a store are read from: memory, a device, or the file they are in.

========  ==========================================================================================================
memory    the default for whatever fits: a batch of segments is one gather and one conversion to float32
device    the values lie on the GPU; a batch is gathered there, and only the numbers of its places cross the bus
disk      for what is larger than memory: each segment is read from the file, and nothing but the batch is held
========  ==========================================================================================================
"""

import os
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import torch

from musiclab.core.errors import RunError, StoreError
from musiclab.store.reading import Store

SHARE_OF_MEMORY = 1 / 4  # of what is free: the model, its gradients and other processes need the rest


def open_values(
    store: Store, feature: str, where: str | torch.device = "auto", limit: float | None = None
) -> "np.ndarray | torch.Tensor | OnDisk":
    """The values of a feature, for one or several :class:`Segments`.

    Parameters
    ----------
    where
        ``"memory"``; ``"disk"``; a torch device such as ``"cuda"``, to which they are moved; or ``"auto"``: memory for
        what is not larger than ``limit``, and disk for what is.
    limit
        In MiB; when left out, a quarter of the memory that is free.

    Raises
    ------
    StoreError
        The store does not hold that feature.
    RunError
        ``where`` is none of these.
    """
    if where not in ("auto", "memory", "disk"):
        try:
            device = torch.device(where)
        except RuntimeError as error:
            raise RunError(f"expected auto, memory, disk or a torch device such as cuda, found {where!r}") from error
        return torch.from_numpy(store.read_all(feature)).to(device)
    store.offsets(feature)  # says what there is, where the feature is not
    name = "audio/values" if feature == "audio" else f"features/{feature}/values"
    if where == "auto":
        with h5py.File(store.path, "r") as file:
            size = file[name].nbytes
        where = "disk" if size > (SHARE_OF_MEMORY * free_memory() if limit is None else limit * 2**20) else "memory"
    return OnDisk(store.path, name) if where == "disk" else store.read_all(feature)


class OnDisk:
    """Values of a feature, left in the file of their store: slices and stretches are read when they are asked for.

    HDF5 loads a whole clip for a short segment of it unless told otherwise, and wants a handle that each process opens
    for itself; once opened, it is as fast. A store is not compressed, so once it is known where each chunk lies, the
    file's bytes are the values.

    The file is opened at each call and no handle is kept: nothing has to survive a fork, a pickle or a thread.

    Parameters
    ----------
    path
        The HDF5 file.
    name
        Of the data set in it, such as ``"features/logmel/values"``.

    Raises
    ------
    StoreError
        The data set is compressed or was not written to its end; later: the file was replaced or changed.
    """

    def __init__(self, path: str | Path, name: str):
        self.path, self.name = Path(path), name
        with h5py.File(self.path, "r") as file:
            dataset = file[name]
            self.shape, self.dtype = dataset.shape, dataset.dtype
            if dataset.id.get_create_plist().get_nfilters():
                raise StoreError(f"{path}: expected {name} uncompressed, found it compressed; read it into memory")
            self._rows, self._places = _chunks(dataset)
        expected = -(-len(self) // self._rows)
        if len(self._places) != expected:
            raise StoreError(
                f"{path}: expected {expected} chunks of {name}, found {len(self._places)}; prepare the store again"
            )
        self._identity = _identity(os.stat(self.path))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        """``values[start:stop]``, read from the file."""
        start, stop, _ = rows.indices(len(self))
        return self.stretches([start], max(0, stop - start))[0]

    def stretches(self, starts: Sequence[int], length: int) -> np.ndarray:
        """Stretches of one length, shape (len(starts), length, ...), read in the order in which they lie in the file.

        Raises
        ------
        StoreError
            The file is no longer the one that was opened first.
        """
        found = np.empty((len(starts), length, *self.shape[1:]), self.dtype)
        row_bytes = self.dtype.itemsize * int(np.prod(self.shape[1:]))
        with open(self.path, "rb", buffering=0) as file:
            if _identity(os.fstat(file.fileno())) != self._identity:
                raise StoreError(f"{self.path}: expected the store that was opened, found it changed; start again")
            for number in np.argsort(starts):
                row, done = int(starts[number]), 0
                while done < length:  # once, or once a chunk where the stretch goes on in the next one
                    chunk, skipped = divmod(row + done, self._rows)
                    count = min(length - done, self._rows - skipped)
                    file.seek(int(self._places[chunk]) + skipped * row_bytes)
                    wanted = memoryview(found[number, done : done + count]).cast("B")
                    if file.readinto(wanted) != len(wanted):
                        raise StoreError(f"{self.path}: expected {len(self)} rows of {self.name}, found it cut off")
                    done += count
        return found


def _chunks(dataset: h5py.Dataset) -> tuple[int, np.ndarray]:
    """Rows of a chunk, and the byte of the file at which each chunk begins."""
    if dataset.chunks is None:
        return max(1, len(dataset)), np.array([dataset.id.get_offset()], dtype=np.int64)
    found = []
    dataset.id.chunk_iter(lambda chunk: found.append((chunk.chunk_offset[0], chunk.byte_offset)))
    return dataset.chunks[0], np.array([byte for _, byte in sorted(found)], dtype=np.int64)


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def free_memory() -> int:
    """Bytes that may still be taken, by the system's count and the container's limit; 8 GiB where neither is told."""
    found = [8 * 2**30]
    memory = Path("/proc/meminfo")
    if memory.exists():
        lines = dict(line.split(":", 1) for line in memory.read_text(encoding="ascii").splitlines())
        found = [int(lines["MemAvailable"].split()[0]) * 1024]
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.exists() and (text := limit.read_text(encoding="ascii").strip()).isdigit():
        found.append(int(text))
    return min(found)
