"""What is finished of a store is kept in parts, and the parts become the store: a stop costs little.

While ``sounds.h5`` is being made there is a folder ``.sounds.h5.parts`` beside it: each file in there is a small store
of a few clips, whole or not there. A preparation takes what it needs out of the old store and the parts, computes the
rest into new parts, puts all of it together in the order of the index, and gives the result the store's name.
"""

import logging
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from musiclab.core.errors import StoreError
from musiclab.store.checks import checksum, verify
from musiclab.store.reading import Store
from musiclab.store.writing import Column, create

log = logging.getLogger(__name__)

KEY = ["path", "size", "modified"]
"""Columns that say which file, in which state, a clip is from."""

_PIECE = 8 << 20  # bytes that are copied at once


class Parts:
    """The parts of a store in the making; made by :func:`open_parts`.

    Attributes
    ----------
    folder : pathlib.Path
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def usable(self, configs: Mapping[str, dict], versions: dict) -> list[Store]:
        """Parts that an earlier preparation left and that fit this one; the others are thrown away."""
        self._sweep()
        stores = []
        for file in self._files():
            if reason := _misfit(file, configs, versions):
                log.info("%s: thrown away, %s", file, reason)
                file.unlink()
            else:
                stores.append(Store(file))
                stores[-1].close()
        return stores

    def add(self, rows: list[dict], clips: list[dict], configs: Mapping[str, dict]) -> Store:
        """Keep a few clips, whole or not at all."""
        number = 1 + max((int(file.stem) for file in self._files()[-1:]), default=0)
        path = self.folder / f"{number:08d}.h5"
        with create(path, dict(configs), {}) as writer:
            for row, clip in zip(rows, clips, strict=True):
                writer.append(row, clip)
        store = Store(path)
        store.close()  # there can be more parts than files that a process may have open
        return store

    @contextmanager
    def whole(self, path: Path) -> Iterator[Path]:
        """Give a name to write the whole store to; it becomes ``path``, and the parts go, once the block ended well."""
        unfinished = self.folder / "whole.h5"
        try:
            yield unfinished
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
        self.remove()

    def remove(self) -> None:
        """Throw all parts away."""
        self._sweep()
        for file in self._files():
            file.unlink()

    def _sweep(self) -> None:
        """Remove what was being written when a preparation was killed."""
        for file in (*self.folder.glob(".*.h5"), self.folder / "whole.h5"):
            file.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return sorted(file for file in self.folder.glob("*.h5") if file.stem.isdigit())


def parts_folder(path: Path) -> Path:
    """Where the parts of a store are kept."""
    return path.with_name(f".{path.name}.parts")


@contextmanager
def open_parts(path: Path, wait: bool = False) -> Iterator[Parts]:
    """The parts of the store ``path``, for one process at a time; the folder goes when nothing is left in it.

    Parameters
    ----------
    path
        Of the store.
    wait
        Wait while another process makes that store, and do not refuse.

    Raises
    ------
    StoreError
        Another process is making that store.
    OSError
        The folder cannot be written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=-1 if wait else 0)
    except Timeout as error:
        raise StoreError(
            f"{path}: expected to be alone in making this store, found another preparation at work on it; "
            "wait until it has ended, or give another name"
        ) from error
    folder = parts_folder(path)
    try:
        folder.mkdir(exist_ok=True)
        yield Parts(folder)
    finally:
        with suppress(OSError):  # not empty: parts are kept
            folder.rmdir()
        with suppress(OSError):  # Windows removes nothing that is open
            os.unlink(lock.lock_file)  # before the release, or a second lock file could come beside one that is held
        lock.release()


class Finished:
    """Where each clip's features are to be had: in the old store or in one of the parts."""

    def __init__(self, stores: list[Store]):
        self.stores: list[Store] = []
        self._places: dict[tuple, list[tuple[int, int]]] = {}
        self._seconds: dict[tuple, float] = {}
        for store in stores:
            self.add(store)

    def add(self, store: Store) -> None:
        """Take what a store holds into account."""
        number = len(self.stores)
        self.stores.append(store)
        for position, key in enumerate(keys(store.index)):
            self._places.setdefault(key, []).append((number, position))
            self._seconds[key] = store.index["seconds"][position]

    def place(self, key: tuple, feature: str) -> tuple[int, int] | None:
        """Number of the store that has a feature of a file, and of the clip in it."""
        for number, position in self._places.get(key, ()):
            if feature in self.stores[number].config:
                return number, position
        return None

    def seconds(self, key: tuple) -> float:
        """Length of a clip."""
        return self._seconds[key]

    def column(self, feature: str, places: np.ndarray) -> Column:
        """A feature of the clips at ``places``, shape (clips, 2), in that order, for a store to be written."""
        offsets, crc32 = {}, {}
        for number in np.unique(places[:, 0]):
            with self.stores[number] as store:
                offsets[number], crc32[number] = store.offsets(feature), store.checksums(feature)
                like = store.read_part(feature, 0, 0)
        spans = np.array([offsets[number][position : position + 2] for number, position in places])
        sums = np.array([crc32[number][position] for number, position in places])
        row_bytes = like.dtype.itemsize * math.prod(like.shape[1:])
        pieces = self._pieces(feature, places, spans, sums, max(1, _PIECE // row_bytes))
        return Column(spans[:, 1] - spans[:, 0], sums, like.shape[1:], like.dtype, pieces)

    def _pieces(self, feature: str, places, spans, sums, most: int) -> Iterator[np.ndarray]:
        """The clips' values: as many clips at once as lie together, up to ``most`` rows, checked as they pass."""
        first = 0
        while first < len(places):
            last = first + 1
            while (
                last < len(places)
                and places[last][0] == places[first][0]
                and places[last][1] == places[last - 1][1] + 1
                and spans[last][1] - spans[first][0] <= most
            ):
                last += 1
            store = self.stores[places[first][0]]
            values = store.read_part(feature, spans[first][0], spans[last - 1][1])
            for clip in range(first, last):
                start, stop = spans[clip] - spans[first][0]
                if checksum(values[start:stop]) != sums[clip]:
                    raise StoreError(
                        f"{store.path}: expected {feature} of clip {places[clip][1]} as it was written, found it "
                        "damaged (checksum); prepare the store anew with --replace"
                    )
            yield values
            if last == len(places) or places[last][0] != places[first][0]:
                store.close()
            first = last


def keys(index: pd.DataFrame) -> list[tuple]:
    """What tells a clip's file from others, and from itself when it has changed."""
    return list(zip(*(index[name].tolist() for name in KEY), strict=True))


def with_files(index: pd.DataFrame) -> pd.DataFrame:
    """The index with ``size`` (bytes) and ``modified`` (ns) of each file; 0 where there is none."""
    found = np.array([_size_and_time(path) for path in index["path"]], dtype=np.int64)
    return index.assign(size=found[:, 0], modified=found[:, 1])


def _size_and_time(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _misfit(file: Path, configs: Mapping[str, dict], versions: dict) -> str:
    """Why a part cannot be used; empty when it can."""
    try:
        faults = verify(file)
        with Store(file) as store:
            if store.versions != versions:
                return "made by other versions of musiclab or its libraries"
            if any(configs.get(feature) != config for feature, config in store.config.items()):
                return "made for other features or with other settings"
    except StoreError as error:
        return str(error)
    return "; ".join(faults)
