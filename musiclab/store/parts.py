"""What is finished of a store in the making, so that a stop costs little.

While ``sounds.h5`` is being made there is a folder ``.sounds.h5.parts`` beside it. Each file in it is a small store of
a few clips that is complete or absent.
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
    """Where one feature of one clip is kept: in which store, and which of its clips it is."""

    path: Path
    position: int
    length: int
    crc32: int
    seconds: float


def parts_folder(path: Path) -> Path:
    """Say where the parts of a store are kept."""
    return path.with_name(f".{path.name}.parts")


@contextmanager
def open_parts(path: Path, wait: bool = False) -> Iterator[Path]:
    """Make the folder for the parts of a store, for one process at a time; it goes when nothing is left in it.

    While another process is making that store, wait, or raise a StoreError.
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
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EIO):
            raise
        log.info("%s: no locks on this disk (%s); make this store with one process at a time", path, error.strerror)
    folder = parts_folder(path)
    try:
        folder.mkdir(exist_ok=True)
        yield folder
    finally:
        with suppress(OSError):  # not empty: parts are kept
            folder.rmdir()
        with suppress(OSError):  # Windows removes nothing that is open
            os.unlink(lock.lock_file)  # before the release, or a second lock file could come beside one that is held
        lock.release()


def usable_parts(folder: Path, configs: Mapping[str, dict], versions: dict) -> Iterator[Store]:
    """Open the parts that an earlier preparation left and that fit this one; remove all else."""
    for file in sorted(folder.iterdir()):
        try:
            part = _open_part(file, configs, versions)
        except StoreError as error:
            log.info("%s: thrown away, %s", file, error)
            file.unlink()
        else:
            yield part


def _open_part(file: Path, configs: Mapping[str, dict], versions: dict) -> Store:
    if faults := verify(file) if file.stem.isdigit() else ["not complete"]:
        raise StoreError("; ".join(faults))
    part = Store(file)
    if part.versions != versions or not part.config.items() <= configs.items():
        raise StoreError("made with other settings or versions")
    return part


def clips_of(store: Store) -> dict[tuple, Clip]:
    """List the clips in a store by path, size and time of the file that they are from, and by feature."""
    clips = {}
    for feature in store.features:
        lengths, sums = np.diff(store.offsets(feature)).tolist(), store.checksums(feature).tolist()
        rows = zip(keys(store.index), lengths, sums, store.index["seconds"].tolist(), strict=True)
        for position, (key, *facts) in enumerate(rows):
            clips[*key, feature] = Clip(store.path, position, *facts)
    return clips


def keys(index: pd.DataFrame) -> list[tuple]:
    """Give what tells a clip's file from others, and from itself when it has changed: path, size and time."""
    return list(zip(index["path"], index["size"].tolist(), index["modified"].tolist(), strict=True))


def column(feature: str, clips: list[Clip]) -> Column:
    """Gather a feature of some clips from where they are kept, for a store to be written."""
    values = Store(clips[0].path).values(feature)
    lengths, sums = [clip.length for clip in clips], [clip.crc32 for clip in clips]
    return Column(lengths, sums, values.shape[1:], values.dtype, _read(feature, clips))


def _read(feature: str, clips: list[Clip]) -> Iterator[np.ndarray]:
    open_store = lru_cache(maxsize=8)(Store)  # there can be more parts than files that a process may have open
    for clip in clips:
        store = open_store(clip.path)
        start = store.offsets(feature)[clip.position]
        values = store.values(feature)[start : start + clip.length]
        if checksum(values) != clip.crc32:
            raise StoreError(
                f"{clip.path}: expected {feature} of clip {clip.position} as it was written, found it damaged "
                "(checksum); prepare the store anew with --replace"
            )
        yield values
