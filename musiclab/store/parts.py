"""Save the finished clips of an unfinished store, so that an interruption costs little.

While ``sounds.h5`` is being prepared, the folder ``.sounds.h5.parts`` next to it holds the *parts*: small, complete
stores of a few clips each.
"""

import errno
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from musiclab.core.errors import StoreError
from musiclab.store.reading import Store, checksum, verify
from musiclab.store.writing import Column

log = logging.getLogger(__name__)


class Clip(NamedTuple):
    """Location of one feature of one clip, in a finished store or a part."""

    path: Path  # of the store
    position: int  # index of the clip in that store
    length: int  # samples or frames
    crc32: int
    seconds: float


def parts_folder(path: Path) -> Path:
    """Return the folder for the parts of a store."""
    return path.with_name(f".{path.name}.parts")


@contextmanager
def open_parts(path: Path, wait: bool = False) -> Iterator[Path]:
    """Create and lock the folder for the parts of a store, and remove it at the end if it is empty.

    If another process is preparing the same store, wait for it or raise a StoreError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=-1 if wait else 0)
    except Timeout as error:
        raise StoreError(
            f"{path}: another process is preparing this store; wait until it has finished, or choose another name"
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EIO):
            raise
        log.info("%s: no file locks on this disk (%s); use only one process at a time", path, error.strerror)
    folder = parts_folder(path)
    try:
        folder.mkdir(exist_ok=True)
        yield folder
    finally:
        with suppress(OSError):  # keep the parts if there are any
            folder.rmdir()
        with suppress(OSError):  # Windows cannot remove an open file
            os.unlink(lock.lock_file)  # before the release, otherwise another process may already hold this lock file
        lock.release()


def open_usable_parts(folder: Path, configs: Mapping[str, dict], versions: dict) -> Iterator[Store]:
    """Open the parts of an earlier preparation that can be reused, and delete all other files in the folder."""
    for file in sorted(folder.iterdir()):
        try:
            part = _open_part(file, configs, versions)
        except StoreError as error:
            log.info("%s: deleted, %s", file, error)
            file.unlink()
        else:
            yield part


def _open_part(file: Path, configs: Mapping[str, dict], versions: dict) -> Store:
    if faults := verify(file) if file.stem.isdigit() else ["incomplete"]:
        raise StoreError("; ".join(faults))
    part = Store(file)
    if part.versions != versions or not part.config.items() <= configs.items():
        raise StoreError("made with other settings or versions")
    return part


def list_clips(store: Store) -> dict[tuple, Clip]:
    """List the clips of a store by file key (see :func:`file_keys`) and feature."""
    clips = {}
    for feature in store.features:
        lengths, crcs = np.diff(store.offsets(feature)).tolist(), store.checksums(feature).tolist()
        rows = zip(file_keys(store.index), lengths, crcs, store.index["seconds"].tolist(), strict=True)
        for position, (key, *fields) in enumerate(rows):
            clips[*key, feature] = Clip(store.path, position, *fields)
    return clips


def file_keys(index: pd.DataFrame) -> list[tuple]:
    """Return path, size and modification time of each clip's file. A new key means a new or changed file."""
    return list(zip(index["path"], index["size"].tolist(), index["modified"].tolist(), strict=True))


def make_column(feature: str, clips: list[Clip]) -> Column:
    """Collect a feature of some clips from the stores that hold them, ready to be written."""
    values = Store(clips[0].path).values(feature)
    lengths, crcs = [clip.length for clip in clips], [clip.crc32 for clip in clips]
    return Column(lengths, crcs, values.shape[1:], values.dtype, _read(feature, clips))


def _read(feature: str, clips: list[Clip]) -> Iterator[np.ndarray]:
    open_store = lru_cache(maxsize=8)(Store)  # a process may not open as many files as there can be parts
    for clip in clips:
        store = open_store(clip.path)
        start = store.offsets(feature)[clip.position]
        values = store.values(feature)[start : start + clip.length]
        if checksum(values) != clip.crc32:
            raise StoreError(
                f"{clip.path}: {feature} of clip {clip.position} is damaged (wrong checksum); "
                "prepare the store from scratch with --replace"
            )
        yield values
