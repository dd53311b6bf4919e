"""Checksums of a store: what was written, and whether it is still there."""

import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from musiclab.core.progress import progress as progress_bar
from musiclab.store.reading import COLUMNS, Store, place


def checksum(values: np.ndarray) -> int:
    """CRC-32 of a clip's values as they are stored: shape (samples,) or (frames, dimensions), row after row.

    Examples
    --------
    >>> f"{checksum(np.array([1, 2], dtype=np.int16)):08x}"
    'abcedafb'
    """
    return zlib.crc32(np.ascontiguousarray(values).view(np.uint8).reshape(-1))


def index_checksum(index: pd.DataFrame) -> int:
    """CRC-32 of an index, column after column: a text is its UTF-8 and a zero byte, a number its 8 bytes."""
    crc = 0
    for name, kind in COLUMNS.items():
        if kind is str:
            column = b"".join(text.encode() + b"\0" for text in index[name])
        else:
            column = index[name].to_numpy(dtype=kind).tobytes()
        crc = zlib.crc32(column, crc)
    return crc


def verify(path: str | Path, progress: bool = False) -> list[str]:
    """Read a store through and compute its checksums again.

    Parameters
    ----------
    path
        The store.
    progress
        Draw a progress bar.

    Returns
    -------
    list of str
        A line for each fault: the feature, the number and the file of a damaged clip, or what else is wrong. Empty
        when the store is whole.

    Raises
    ------
    StoreError
        The file is so much damaged that it cannot be opened as a store.
    """
    faults = []
    with Store(path) as store:
        found = index_checksum(store.index)
        expected = int(store._open()["index"].attrs.get("crc32", -1))
        if found != expected:
            faults.append(f"index: expected checksum {expected:08x}, found {found:08x}")
        total = len(store) * len(store.features)
        with progress_bar(None, "verifying", total, unit="clip", show=progress) as bar:
            for feature in store.features:
                faults += _verify_feature(store, feature, bar)
    return faults


def _verify_feature(store: Store, feature: str, bar) -> list[str]:
    try:
        offsets, expected = store.offsets(feature), store.checksums(feature)
        length = store._open()[place(feature)]["values"].shape[0]
    except (KeyError, OSError, RuntimeError) as error:
        return [f"{feature}: cannot be read ({error})"]
    if len(offsets) != len(store) + 1 or len(expected) != len(store):
        return [
            f"{feature}: expected {len(store)} clips, as in the index, found {len(offsets) - 1} offsets "
            f"and {len(expected)} checksums"
        ]
    if offsets[0] != 0 or offsets[-1] != length or (np.diff(offsets) < 0).any():
        return [f"{feature}: expected offsets that rise from 0 to {length}, found others"]
    faults = []
    for clip, (start, stop) in enumerate(pairwise(offsets)):
        name = f"{feature}: clip {clip} ({store.index['path'][clip]})"
        try:
            found = checksum(store.read_part(feature, start, stop))
        except (OSError, RuntimeError) as error:
            faults.append(f"{name}: cannot be read ({error})")
        else:
            if found != expected[clip]:
                faults.append(f"{name}: expected checksum {expected[clip]:08x}, found {found:08x}")
        bar.update(1)
    return faults
