"""Reading a store, and comparing it with its checksums."""

import math
import os
import zlib
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from musiclab.core.errors import StoreError, did_you_mean
from musiclab.core.progress import progress as progress_bar
from musiclab.store.description import describe
from musiclab.store.metadata import (
    Layout,
    Metadata,
    checksums,
    damaged,
    decode,
    printable,
    read_apart,
    read_metadata,
)
from musiclab.store.seal import read_seal


class Store:
    """Open a store for reading.

    The index is read at once. The values stay in the file, mapped into memory: the system reads what is looked at. A
    store can be sent to other processes, each of which maps the file for itself. A store is never changed, only
    replaced, and an open one keeps the file that it has opened.

    Parameters
    ----------
    path
        File that :func:`musiclab.store.prepare` has made.

    Attributes
    ----------
    index : pandas.DataFrame
        One row for each clip: ``path, label, group, fold, split`` as in the data set, ``size`` (bytes) and ``modified``
        (ns since 1970) of the source file, ``seconds`` of sound, ``duplicate``: 0, or a number from 1 that all clips of
        the same sound share.
    classes : list of str
        A clip's class number is the position of its label in this list.
    config : dict
        Settings of each feature: ``config["logmel"]`` has the fields of :class:`musiclab.features.MelConfig`.
    failures : list of (path, reason)
        Clips of the data set that could not be read and are not in the store.
    source, versions : dict
    as_of : str
    attributes : dict
        All of these as they stand in the file; see :mod:`musiclab.store`.

    Raises
    ------
    StoreError
        The file is missing, no HDF5 file, cut off, damaged, changed since it was written, not a store, or of another
        format; or a part of it lies in another file. That the values are whole, only :func:`verify` checks.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._identity, metadata, faults = _read_sealed(self.path)
        if faults:
            raise damaged(path, "; ".join(faults))
        self._take(metadata)

    @classmethod
    def _as_it_is(cls, path: str | Path) -> tuple["Store", list[str]]:
        """Open a store that may be damaged; also return what is damaged except the values."""
        store = cls.__new__(cls)
        store.path = Path(path)
        store._identity, metadata, faults = _read_sealed(store.path)
        store._take(metadata)
        return store, faults

    def _take(self, metadata: Metadata) -> None:
        self.attributes = metadata.attributes
        facts = decode(metadata.attributes)
        self.classes: list[str] = facts["classes"]
        self.config: dict[str, dict] = facts["config"]
        self.source: dict = facts["source"]
        self.failures: list[tuple[str, str]] = [(path, reason) for path, reason in facts["failures"]]
        self.versions: dict[str, str] = facts["versions"]
        self.as_of: str = metadata.attributes["as_of"]
        self.index = pd.DataFrame(metadata.index)
        self._layouts = metadata.layouts
        self._maps: dict[str, np.memmap] = {}
        if unknown := set(metadata.index["label"]) - set(self.classes):
            raise damaged(self.path, f"attribute classes: without {printable(min(unknown), 100)!r}, which is a label")
        for feature in self.features:
            self.values(feature)  # mapped now: the file may be replaced later

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        return f"<Store {self.path.name}: {len(self)} clips, {len(self.classes)} classes, {', '.join(self.features)}>"

    @property
    def features(self) -> list[str]:
        """What the store holds of each clip: ``"audio"`` and the features' names."""
        return list(self.config)

    @property
    def labels(self) -> np.ndarray:
        """Class number of each clip, int64, shape (clips,)."""
        positions = {label: position for position, label in enumerate(self.classes)}
        return self.index["label"].map(positions).to_numpy(dtype=np.int64)

    @property
    def sample_rate(self) -> int:
        """Rate of the audio, in Hz."""
        self.check_has("audio")
        return self.config["audio"]["sample_rate"]

    def names(self, feature: str) -> tuple[str, ...]:
        """Name each dimension of a feature, such as ``("mfcc 1", "mfcc 2", ...)``."""
        return self._layout_of(feature).names

    def offsets(self, feature: str) -> np.ndarray:
        """Say where each clip begins in ``values``: int64, shape (clips + 1,)."""
        return self._layout_of(feature).offsets

    def checksums(self, feature: str) -> np.ndarray:
        """Give the CRC-32 of each clip's bytes, as noted when the store was made: uint32, shape (clips,)."""
        return self._layout_of(feature).crc32

    def values(self, feature: str) -> np.memmap:
        """Map the values of all clips, one after the other.

        Returns
        -------
        numpy.memmap, read-only, shape (all samples,) or (all frames, dimensions)
            Clip i is ``values[offsets[i]:offsets[i + 1]]``.

        Raises
        ------
        StoreError
            The store does not hold that feature.
        """
        layout = self._layout_of(feature)
        values = self._maps.get(feature)
        if values is None:  # and not by the name from here on: another thread may close the store
            values = map_values(self.path, self._identity, layout.begin, layout.shape, layout.dtype)
            self._maps[feature] = values
        return values

    def read(self, feature: str, clip: int) -> np.ndarray:
        """Read one clip: int16 audio, shape (samples,), or a feature, shape (dimensions, frames)."""
        if not 0 <= clip < len(self):
            raise IndexError(f"clip must lie in 0 to {len(self) - 1}, not {clip}")
        start, stop = self.offsets(feature)[clip : clip + 2]
        return np.array(self.values(feature)[start:stop]).T

    def frame(self, feature: str = "summary") -> pd.DataFrame:
        """Make a table of a feature with one frame per clip: the index, then a column for each dimension.

        ``store.frame().to_csv("features.csv", index=False)`` writes it to a CSV file.
        """
        lengths = np.diff(self.offsets(feature))
        if feature == "audio" or (lengths != 1).any():
            raise StoreError(
                f"{self.path}: expected a feature of one frame a clip, such as summary, found {feature} with up to "
                f'{lengths.max():,} a clip; read those with store.read("{feature}", clip)'
            )
        index = self.index[["path", "label", "group", "fold", "split"]]
        values = np.array(self.values(feature))
        return pd.concat([index, pd.DataFrame(values, columns=list(self.names(feature)) or None)], axis=1)

    def describe(self) -> str:
        """Say what is in the store, for people: what ``musiclab inspect`` prints."""
        return describe(self)

    def check_has(self, feature: str) -> None:
        """Raise StoreError when the store does not hold a feature."""
        if feature not in self.config:
            raise StoreError(
                f"{self.path}: expected {feature!r} in the store, found {', '.join(self.features)}"
                f"{did_you_mean(feature, self.features)}; "
                f"add it with: musiclab prepare SOURCE {self.path} --features {feature}"
            )

    def close(self) -> None:
        """Let go of the file; it is mapped again when it is next read from."""
        self._maps.clear()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_maps": {}}

    def _layout_of(self, feature: str) -> Layout:
        self.check_has(feature)
        return self._layouts[feature]


def group_name(feature: str) -> str:
    """Name of a feature's group in the file."""
    return "audio" if feature == "audio" else f"features/{feature}"


def file_identity(path: str | Path) -> tuple[int, int, int]:
    """What changes when a file is replaced or written to: its inode, size and time."""
    status = os.stat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns


def map_values(
    path: str | Path, identity: tuple[int, int, int], begin: int, shape: tuple[int, ...], dtype: np.dtype
) -> np.memmap:
    """Map an array in a file, read-only, unless the file is no longer the one of that :func:`file_identity`."""
    if file_identity(path) != identity:
        raise StoreError(f"{path}: expected the store that was opened, found it changed; start again")
    if 0 in shape:  # no bytes: nothing to map
        return np.zeros(shape, dtype).view(np.memmap)
    return np.memmap(path, dtype, "r", begin, shape)


def checksum(values: np.ndarray) -> int:
    """Compute the CRC-32 of a clip's values as they are stored: shape (samples,) or (frames, dimensions).

    Examples
    --------
    >>> f"{checksum(np.array([1, 2], dtype=np.int16)):08x}"
    'abcedafb'
    """
    return zlib.crc32(np.ascontiguousarray(values).view(np.uint8).reshape(-1))


def verify(path: str | Path, progress: bool = False) -> list[str]:
    """Read a store from beginning to end and compare every byte with its checksums.

    Returns
    -------
    list of str
        A line for each fault: the part of the store that is damaged (``attributes``, ``index``, the layout of a
        feature), or the feature, the number and the file of a damaged clip.

    Raises
    ------
    StoreError
        The file is so much damaged that it cannot be opened as a store.
    """
    store, faults = Store._as_it_is(path)
    with store, open(path, "rb") as file:
        clips = product(store.features, range(len(store)))
        total = len(store) * len(store.features)
        for feature, clip in progress_bar(clips, "verifying", total, unit="clip", show=progress):
            if fault := _damage(file, store._layouts[feature], clip):
                faults.append(f"{feature}: clip {clip} ({printable(store.index['path'][clip])}): {fault}")
    return faults


def _damage(file, layout: Layout, clip: int) -> str:
    """Say what is wrong with a clip's bytes, read without the map: there, a fault of the disk ends the program."""
    row_bytes = layout.dtype.itemsize * math.prod(layout.shape[1:])
    start, stop = layout.offsets[clip : clip + 2].tolist()
    try:
        file.seek(layout.begin + start * row_bytes)
        crc = zlib.crc32(file.read((stop - start) * row_bytes))
    except OSError as error:
        return f"cannot be read ({error})"
    expected = layout.crc32[clip]
    return "" if crc == expected else f"expected checksum {expected:08x}, found {crc:08x}"


def _read_sealed(path: Path) -> tuple[tuple, Metadata, list[str]]:
    """Read all of a store but its values; return its identity, and what is damaged, too."""
    if not path.exists():
        raise StoreError(f"{path}: no such file; make it with: musiclab prepare SOURCE {path}")
    if not path.is_file():
        raise StoreError(f"{path}: expected an HDF5 file, found a folder or a device; give the name of a store")
    try:
        identity = file_identity(path)
        with open(path, "rb") as file:
            expected, is_intact = read_seal(file)
    except OSError as error:
        raise StoreError(f"{path}: expected an HDF5 file, found one that cannot be read ({error})") from error
    if is_intact:
        return identity, read_metadata(path), []
    metadata = read_apart(path)
    if not expected:
        return identity, metadata, ["first block: expected checksums of the rest of the file, found something else"]
    faults = [
        f"{part}: expected checksum {expected.get(part, 'none')}, found {crc}"
        for part, crc in checksums(metadata).items()
        if expected.get(part) != crc
    ]
    if not faults:
        faults = ["structure: expected the checksum in the first block of the file, found another"]
    return identity, metadata, faults
