"""Read a store and verify its checksums."""

import math
import os
import zlib
from collections.abc import Sequence
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
    read_in_subprocess,
    read_metadata,
)
from musiclab.store.seal import read_seal


class Store:
    """A store that is open for reading: the audio, features and labels of all clips of a data set.

    The index is read immediately. The values are memory-mapped, so they are read from disk only when they are used.
    Files of stores are never modified, only replaced, and an open store keeps using the file that it opened. A store
    can be sent to other processes, and each process maps the file itself.

    Parameters
    ----------
    path : str or Path
        Path of a file written by :func:`musiclab.store.prepare`.

    Attributes
    ----------
    index : pandas.DataFrame
        Table with one row per clip. The columns ``path``, ``label``, ``group``, ``fold`` and ``split`` are as in the
        data set, and ``seconds`` is the duration. ``size`` (bytes) and ``modified`` (ns since 1970) describe the source
        file. ``duplicate`` is a number that all copies of a recording share, or 0 for clips without copies.
    classes : list of str
        Class names. The class index of a clip is the position of its label in this list.
    config : dict of dicts
        Settings of each feature: ``config["logmel"]`` has the fields of :class:`musiclab.features.MelConfig`.
    failures : list of (str, str)
        Path and error message of each clip that could not be read. These clips are missing from the store.
    source : dict
        Description of the data set: name, licence, citation and protocol. ``ignore_copies`` is there, and True, if
        copies of the same recording were not looked for.
    versions : dict of str
        Versions of musiclab and its dependencies with which the store was prepared.
    as_of : str
        Modification time (UTC) of the newest source file.
    attributes : dict
        Raw attributes of the HDF5 file (see :mod:`musiclab.store`).

    Raises
    ------
    StoreError
        If the file is missing, damaged or incomplete, is not a store, has another format version, or refers to data in
        another file. Damage to the values themselves is only detected by :func:`verify`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from musiclab.store import create
    >>> with TemporaryDirectory() as folder:
    ...     with create(f"{folder}/tones.h5", {"audio": {"sample_rate": 8000}}, {"name": "tones"}) as writer:
    ...         writer.append({"path": "a.wav", "label": "sine"}, {"audio": np.zeros(8000, np.int16)})
    ...     with Store(f"{folder}/tones.h5") as store:
    ...         samples = store.read("audio", 0)
    >>> store, samples.shape
    (<Store tones.h5: 1 clips, 1 classes, audio>, (8000,))
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._identity, metadata, faults = _read_sealed(self.path)
        if faults:
            raise damaged(path, "; ".join(faults))
        self._set_metadata(metadata)

    @classmethod
    def _open_unsealed(cls, path: str | Path) -> tuple["Store", list[str]]:
        """Open a store that may be damaged, and list the damage outside the values."""
        store = cls.__new__(cls)
        store.path = Path(path)
        store._identity, metadata, faults = _read_sealed(store.path)
        store._set_metadata(metadata)
        return store, faults

    def _set_metadata(self, metadata: Metadata) -> None:
        self.attributes = metadata.attributes
        decoded = decode(metadata.attributes)
        self.classes: list[str] = decoded["classes"]
        self.config: dict[str, dict] = decoded["config"]
        self.source: dict = decoded["source"]
        self.failures: list[tuple[str, str]] = [(path, reason) for path, reason in decoded["failures"]]
        self.versions: dict[str, str] = decoded["versions"]
        self.as_of: str = metadata.attributes["as_of"]
        self.index = pd.DataFrame(metadata.index)
        self._layouts = metadata.layouts
        self._maps: dict[str, np.memmap] = {}
        if unknown := set(metadata.index["label"]) - set(self.classes):
            raise damaged(self.path, f"attribute classes: the label {printable(min(unknown), 100)!r} is missing")
        for feature in self.features:
            self.values(feature)  # map the values now, because the file may be replaced later

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        return f"<Store {self.path.name}: {len(self)} clips, {len(self.classes)} classes, {', '.join(self.features)}>"

    @property
    def features(self) -> list[str]:
        """Names of the stored features, including ``"audio"``."""
        return list(self.config)

    @property
    def labels(self) -> np.ndarray:
        """Class index of each clip, int64, shape (clips,)."""
        positions = {label: position for position, label in enumerate(self.classes)}
        return self.index["label"].map(positions).to_numpy(dtype=np.int64)

    @property
    def sample_rate(self) -> int:
        """Sample rate of the audio in Hz. Stores without audio raise a StoreError."""
        self.check_has("audio")
        return self.config["audio"]["sample_rate"]

    def names(self, feature: str) -> tuple[str, ...]:
        """Return the name of each dimension of a feature.

        Parameters
        ----------
        feature : str
            Name of the feature.

        Returns
        -------
        tuple of str
            Names such as ``("mfcc_0", "mfcc_1", ...)``.

        Raises
        ------
        StoreError
            If the store does not have this feature.
        """
        return self._layout_of(feature).names

    def offsets(self, feature: str) -> np.ndarray:
        """Return the row of ``values(feature)`` at which each clip begins.

        Parameters
        ----------
        feature : str
            Name of the feature.

        Returns
        -------
        int64 array, shape (clips + 1,)
            Clip i consists of the rows from ``offsets[i]`` up to, but not including, ``offsets[i + 1]``.

        Raises
        ------
        StoreError
            If the store does not have this feature.
        """
        return self._layout_of(feature).offsets

    def checksums(self, feature: str) -> np.ndarray:
        """Return the checksums of the clips that were recorded when the store was written.

        Parameters
        ----------
        feature : str
            Name of the feature.

        Returns
        -------
        uint32 array, shape (clips,)
            CRC-32 of the bytes of each clip.

        Raises
        ------
        StoreError
            If the store does not have this feature.
        """
        return self._layout_of(feature).crc32

    def values(self, feature: str) -> np.memmap:
        """Return the values of all clips, joined along time.

        Parameters
        ----------
        feature : str
            Name of the feature.

        Returns
        -------
        numpy.memmap, read-only, shape (all samples,) or (all frames, dimensions)
            Values that are read from disk when they are used. Clip i is ``values[offsets[i]:offsets[i + 1]]``.

        Raises
        ------
        StoreError
            If the store does not have this feature.
        """
        layout = self._layout_of(feature)
        values = self._maps.get(feature)
        if values is None:  # work on the local variable, because another thread may close the store
            values = map_values(self.path, self._identity, layout.begin, layout.shape, layout.dtype)
            self._maps[feature] = values
        return values

    def read(self, feature: str, clip: int) -> np.ndarray:
        """Read one clip into memory.

        Parameters
        ----------
        feature : str
            Name of the feature.
        clip : int
            Row of the clip in ``index``, from 0.

        Returns
        -------
        array, shape (samples,) or (dimensions, frames)
            Audio as int16, or a feature in its stored type.

        Raises
        ------
        StoreError
            If the store does not have this feature.
        IndexError
            If the clip doesn't exist.
        """
        if not 0 <= clip < len(self):
            raise IndexError(f"clip must be from 0 to {len(self) - 1}, not {clip}")
        start, stop = self.offsets(feature)[clip : clip + 2]
        return np.array(self.values(feature)[start:stop]).T

    def frame(self, feature: str = "summary") -> pd.DataFrame:
        """Return a table with the index and a feature that has one vector per clip.

        ``store.frame().to_csv("features.csv", index=False)`` writes the table to a CSV file.

        Parameters
        ----------
        feature : str, default "summary"
            Name of the feature.

        Returns
        -------
        pandas.DataFrame
            Table with one row per clip. The columns are ``path``, ``label``, ``group``, ``fold`` and ``split``,
            followed by one column per dimension of the feature.

        Raises
        ------
        StoreError
            If the store does not have this feature, or if it has several frames per clip.
        """
        lengths = np.diff(self.offsets(feature))
        if feature == "audio" or (lengths != 1).any():
            raise StoreError(
                f"{self.path}: {feature} has up to {lengths.max():,} frames per clip, so it does not fit into a table "
                f'with one row per clip; choose a feature such as summary, or use store.read("{feature}", clip)'
            )
        index = self.index[["path", "label", "group", "fold", "split"]]
        values = np.array(self.values(feature))
        return pd.concat([index, pd.DataFrame(values, columns=list(self.names(feature)) or None)], axis=1)

    def describe(self) -> str:
        """Describe the store as text, as ``musiclab inspect`` prints it.

        Returns
        -------
        str
            Several lines with size, source, licence, features, classes and failures.
        """
        return describe(self)

    def check_has(self, feature: str) -> None:
        """Raise an error if the store does not have a feature.

        Parameters
        ----------
        feature : str
            Name of the feature.

        Raises
        ------
        StoreError
            If the store does not have this feature. The message says how to add it.
        """
        if feature not in self.config:
            raise StoreError(
                f"{self.path}: expected {feature!r} in the store, found {', '.join(self.features)}"
                f"{did_you_mean(feature, self.features)}; "
                f"add it with: musiclab prepare SOURCE {self.path} --features {feature}"
            )

    def close(self) -> None:
        """Close the file. It is opened again the next time values are read."""
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
    """Return the HDF5 group of a feature."""
    return "audio" if feature == "audio" else f"features/{feature}"


def file_identity(path: str | Path) -> tuple[int, int, int]:
    """Return the inode, size and modification time of a file, which tell whether it was replaced or written to."""
    status = os.stat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns


def map_values(
    path: str | Path, identity: tuple[int, int, int], begin: int, shape: tuple[int, ...], dtype: np.dtype
) -> np.memmap:
    """Map an array in a file, read-only. Raise StoreError if the file no longer has this :func:`file_identity`."""
    if file_identity(path) != identity:
        raise StoreError(f"{path}: the store was replaced or changed after it was opened; open it again")
    if 0 in shape:  # numpy cannot map an empty array
        return np.zeros(shape, dtype).view(np.memmap)
    return np.memmap(path, dtype, "r", begin, shape)


def checksum(values: np.ndarray) -> int:
    """Compute the CRC-32 of a clip in its stored shape, (samples,) or (frames, dimensions).

    Examples
    --------
    >>> f"{checksum(np.array([1, 2], dtype=np.int16)):08x}"
    'abcedafb'
    """
    return zlib.crc32(np.ascontiguousarray(values).view(np.uint8).reshape(-1))


def verify(path: str | Path, progress: bool = False) -> list[str]:
    """Check a store for damage by comparing all its values with their checksums.

    Parameters
    ----------
    path : str or Path
        Path of the store.
    progress : bool, default False
        Show a progress bar.

    Returns
    -------
    list of str
        One line for each fault, so the list is empty if the store is intact. A line names the damaged part
        (``attributes``, ``index`` or the layout of a feature), or the feature, row and source file of a damaged clip.

    Raises
    ------
    StoreError
        If the file is too damaged to be opened.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from musiclab.store import create
    >>> with TemporaryDirectory() as folder:
    ...     with create(f"{folder}/tones.h5", {"audio": {"sample_rate": 8000}}, {"name": "tones"}) as writer:
    ...         writer.append({"path": "a.wav", "label": "sine"}, {"audio": np.zeros(8000, np.int16)})
    ...     verify(f"{folder}/tones.h5")
    []
    """
    store, faults = Store._open_unsealed(path)
    with store:
        return faults + find_damage(store, store.features, progress)


def find_damage(store: Store, features: Sequence[str], progress: bool = False) -> list[str]:
    """Compare the values of all clips with their checksums, as :func:`verify` does, and describe the faults."""
    faults = []
    with open(store.path, "rb") as file:
        clips, total = product(features, range(len(store))), len(store) * len(features)
        for feature, clip in progress_bar(clips, "verifying", total, unit="clip", show=progress):
            if fault := _find_damage(file, store._layouts[feature], clip):
                faults.append(f"{feature}: clip {clip} ({printable(store.index['path'][clip])}): {fault}")
    return faults


def _find_damage(file, layout: Layout, clip: int) -> str:
    """Describe the damage to a clip. The file is read directly, because a disk error in a map kills the process."""
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
    """Return the identity and the metadata of a store, and the damage outside its values."""
    if not path.exists():
        raise StoreError(f"{path}: no such file; make it with: musiclab prepare SOURCE {path}")
    if not path.is_file():
        raise StoreError(f"{path}: expected an HDF5 file, found a folder or a device; give the path of a store")
    try:
        identity = file_identity(path)
        with open(path, "rb") as file:
            expected, is_intact = read_seal(file)
    except OSError as error:
        raise StoreError(f"{path}: the file cannot be read ({error})") from error
    if is_intact:
        return identity, read_metadata(path), []
    metadata = read_in_subprocess(path)
    if not expected:
        return identity, metadata, ["seal: expected checksums in the first block of the file, found none"]
    faults = [
        f"{part}: expected checksum {expected.get(part, 'none')}, found {crc}"
        for part, crc in checksums(metadata).items()
        if expected.get(part) != crc
    ]
    if not faults:
        faults = ["structure: expected the checksum in the seal, found another one"]
    return identity, metadata, faults
