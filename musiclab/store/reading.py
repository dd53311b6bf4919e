"""Reading a store, and comparing it with its checksums."""

import json
import math
import os
import zlib
from itertools import product
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd

from musiclab.core.errors import StoreError, did_you_mean
from musiclab.core.progress import progress as progress_bar
from musiclab.store.description import describe

FORMAT, VERSION = "musiclab-store", 3

COLUMNS = {
    "path": str,
    "label": str,
    "group": str,
    "fold": np.int64,
    "split": str,
    "size": np.int64,
    "modified": np.int64,
    "seconds": np.float64,
}
"""Columns of the index and their types."""


class Layout(NamedTuple):
    """Where the values of a feature lie in the file, and what is noted about them."""

    begin: int  # byte of the file
    shape: tuple[int, ...]
    dtype: np.dtype
    offsets: np.ndarray
    crc32: np.ndarray
    names: tuple[str, ...]


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
        (ns since 1970) of the source file, ``seconds`` of sound.
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
        The file is missing, no HDF5 file, cut off, damaged, not a store, or of another format.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not self.path.exists():
            raise StoreError(f"{self.path}: no such file; make it with: musiclab prepare SOURCE {self.path}")
        remedy = f"make it again with: musiclab prepare SOURCE {self.path} --replace"
        self._identity = file_identity(self.path)
        self._maps: dict[str, np.memmap] = {}
        try:
            file = _open(self.path)
        except OSError as error:
            raise StoreError(
                f"{self.path}: expected an HDF5 file, found one that cannot be opened ({error}); {remedy}"
            ) from error
        try:
            with file:
                self._read_header(file, remedy)
            for feature in self.features:
                self.values(feature)  # mapped now: the file may be replaced later
        except StoreError:
            raise
        except (KeyError, TypeError, ValueError, OSError, RuntimeError) as error:
            raise StoreError(f"{self.path}: expected a whole store, found a damaged one ({error}); {remedy}") from error

    def _read_header(self, file: h5py.File, remedy: str) -> None:
        attributes = dict(file.attrs)
        if attributes.get("format") != FORMAT:
            raise StoreError(
                f"{self.path}: expected a store made by musiclab prepare, found another HDF5 file; {remedy}"
            )
        if attributes["version"] != VERSION:
            newer = "update musiclab, or " if attributes["version"] > VERSION else ""
            raise StoreError(
                f"{self.path}: expected store format {VERSION}, found {attributes['version']}; {newer}{remedy}"
            )
        self.attributes = attributes
        self.classes: list[str] = json.loads(attributes["classes"])
        self.config: dict[str, dict] = json.loads(attributes["config"])
        self.source: dict = json.loads(attributes["source"])
        self.failures: list[tuple[str, str]] = [(path, reason) for path, reason in json.loads(attributes["failures"])]
        self.versions: dict[str, str] = json.loads(attributes["versions"])
        self.as_of: str = attributes["as_of"]
        index = file["index"]
        self.index = pd.DataFrame(
            {name: index[name].asstr()[:] if column is str else index[name][:] for name, column in COLUMNS.items()}
        )
        self._index_crc32 = int(index.attrs.get("crc32", -1))
        self._layouts = {feature: _layout(file[group_name(feature)], len(self)) for feature in self.config}

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
        if feature not in self._maps:
            self._maps[feature] = map_values(self.path, self._identity, layout.begin, layout.shape, layout.dtype)
        return self._maps[feature]

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
        return pd.concat([index, pd.DataFrame(values, columns=list(self.names(feature)))], axis=1)

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


def index_checksum(index: pd.DataFrame) -> int:
    """Compute the CRC-32 of an index, column after column: a text is its UTF-8 and a zero byte, a number 8 bytes."""
    crc = 0
    for name, column in COLUMNS.items():
        if column is str:
            crc = zlib.crc32(b"".join(text.encode() + b"\0" for text in index[name]), crc)
        else:
            crc = zlib.crc32(index[name].to_numpy(dtype=column).tobytes(), crc)
    return crc


def verify(path: str | Path, progress: bool = False) -> list[str]:
    """Read a store from beginning to end and compare it with its checksums.

    Returns
    -------
    list of str
        A line for each fault, such as the feature, the number and the file of a damaged clip.

    Raises
    ------
    StoreError
        The file is so much damaged that it cannot be opened as a store.
    """
    faults = []
    with Store(path) as store, open(path, "rb") as file:
        crc = index_checksum(store.index)
        if crc != store._index_crc32:
            faults.append(f"index: expected checksum {store._index_crc32:08x}, found {crc:08x}")
        clips = product(store.features, range(len(store)))
        total = len(store) * len(store.features)
        for feature, clip in progress_bar(clips, "verifying", total, unit="clip", show=progress):
            if fault := _damage(file, store._layouts[feature], clip):
                faults.append(f"{feature}: clip {clip} ({store.index['path'][clip]}): {fault}")
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


def _open(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r")
    except BlockingIOError:  # a viewer holds the file open for writing, which is no reason not to read
        return h5py.File(path, "r", locking=False)


def _layout(group: h5py.Group, clips: int) -> Layout:
    values, offsets, crc32 = group["values"], group["offsets"][:], group["crc32"][:]
    if len(offsets) != clips + 1 or len(crc32) != clips:
        raise ValueError(f"{group.name}: {len(offsets)} offsets and {len(crc32)} checksums of {clips} clips")
    if offsets[0] != 0 or offsets[-1] != len(values) or (np.diff(offsets) < 0).any():
        raise ValueError(f"{group.name}: offsets that do not rise from 0 to {len(values)}")
    begin = values.id.get_offset() if values.size else 0
    if begin is None:
        raise ValueError(f"{group.name}: values that are not in one piece")
    return Layout(begin, values.shape, values.dtype, offsets, crc32, tuple(json.loads(group.attrs["names"])))
