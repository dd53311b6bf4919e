"""Reading a store."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from musiclab.core.errors import StoreError, did_you_mean

FORMAT, VERSION = "musiclab-store", 2

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


class Store:
    """A store, open for reading.

    The file is opened when it is first read from, once in each process, and a store can be pickled and sent to
    workers: each has a handle of its own. It can be read while it is open elsewhere, in whatever way: a store is
    never changed, only replaced.

    Parameters
    ----------
    path
        File that :func:`musiclab.store.prepare` has made.

    Attributes
    ----------
    index : pandas.DataFrame
        One row a clip: ``path, label, group, fold, split`` as in the data set, ``size`` (bytes) and ``modified``
        (ns since 1970) of the source file, ``seconds`` of sound.
    attributes : dict
        Those of the file, as they stand in it; see :mod:`musiclab.store`.
    classes : list of str
        A clip's class number is the place of its label in this list.
    config : dict
        Settings of each feature: ``config["logmel"]`` has the fields of :class:`musiclab.features.MelConfig`.
    source : dict
        Name, licence, citation and protocol of the data set.
    failures : list of (path, reason)
        Clips of the data set that could not be read and are not in the store.
    versions : dict
        Of musiclab and of the libraries that the numbers come from.
    as_of : str
        Time (UTC) of the newest source file.

    Raises
    ------
    StoreError
        The file is missing, no HDF5 file, cut off, damaged, not a store, or of another format.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._file, self._process = None, None
        if not self.path.exists():
            raise StoreError(f"{self.path}: no such file; make it with: musiclab prepare SOURCE {self.path}")
        file = self._open()
        try:
            self._read_header(file)
        except StoreError:
            self.close()
            raise
        except (KeyError, TypeError, ValueError, OSError, RuntimeError) as error:
            self.close()
            raise StoreError(
                f"{self.path}: expected a whole store, found a damaged one ({error}); {self._remedy}"
            ) from error

    def _read_header(self, file: h5py.File) -> None:
        attributes = dict(file.attrs)
        if attributes.get("format") != FORMAT:
            raise StoreError(
                f"{self.path}: expected a store made by musiclab prepare, found another HDF5 file; {self._remedy}"
            )
        if attributes["version"] != VERSION:
            newer = "update musiclab, or " if attributes["version"] > VERSION else ""
            raise StoreError(
                f"{self.path}: expected store format {VERSION}, found {attributes['version']}; {newer}{self._remedy}"
            )
        self.attributes = attributes
        self.classes: list[str] = json.loads(attributes["classes"])
        self.config: dict[str, dict] = json.loads(attributes["config"])
        self.source: dict = json.loads(attributes["source"])
        self.failures: list[tuple[str, str]] = [(path, reason) for path, reason in json.loads(attributes["failures"])]
        self.versions: dict[str, str] = json.loads(attributes["versions"])
        self.as_of: str = attributes["as_of"]
        self.index = pd.DataFrame({name: _column(file["index"][name]) for name in COLUMNS})

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
        number = {label: place for place, label in enumerate(self.classes)}
        return self.index["label"].map(number).to_numpy(dtype=np.int64)

    @property
    def sample_rate(self) -> int:
        """Rate of the audio, in Hz."""
        return int(self._group("audio")["values"].attrs["sample_rate"])

    def names(self, feature: str) -> tuple[str, ...]:
        """What each dimension of a feature is, such as ``("mfcc 1", "mfcc 2", ...)``."""
        return tuple(json.loads(self._group(feature).attrs["names"]))

    def read(self, feature: str, clip: int) -> np.ndarray:
        """One clip: int16 audio, shape (samples,), or a feature, shape (dimensions, frames).

        Raises
        ------
        StoreError
            The store does not hold that feature.
        IndexError
            There is no such clip.
        """
        if not 0 <= clip < len(self):
            raise IndexError(f"clip must lie in 0 to {len(self) - 1}, not {clip}")
        group = self._group(feature)
        start, stop = group["offsets"][clip : clip + 2]
        return group["values"][start:stop].T

    def offsets(self, feature: str) -> np.ndarray:
        """Where each clip begins in ``values``, int64, shape (clips + 1,)."""
        return self._group(feature)["offsets"][:]

    def read_all(self, feature: str) -> np.ndarray:
        """``values`` of all clips, one after the other: shape (all samples,) or (all frames, dimensions)."""
        return self._group(feature)["values"][:]

    def read_part(self, feature: str, start: int, stop: int) -> np.ndarray:
        """``values[start:stop]``: samples, or frames, counted over all clips."""
        return self._group(feature)["values"][start:stop]

    def checksums(self, feature: str) -> np.ndarray:
        """CRC-32 of each clip's bytes, as noted when the store was made: uint32, shape (clips,)."""
        return self._group(feature)["crc32"][:]

    def bytes(self, feature: str) -> int:
        """Bytes that the values of a feature take on disk."""
        return self._group(feature)["values"].id.get_storage_size()

    def frame(self, feature: str = "summary") -> pd.DataFrame:
        """A feature of one frame a clip as a table: the index, then a column for each dimension.

        ``store.frame().to_csv("features.csv", index=False)`` makes a CSV file of it.

        Raises
        ------
        StoreError
            The feature has several frames a clip, or the store does not hold it.
        """
        lengths = np.diff(self.offsets(feature))
        if feature == "audio" or (lengths != 1).any():
            raise StoreError(
                f"{self.path}: expected a feature of one frame a clip, such as summary, found {feature} with up to "
                f'{lengths.max():,} a clip; read those with store.read("{feature}", clip)'
            )
        index = self.index[["path", "label", "group", "fold", "split"]]
        return pd.concat([index, pd.DataFrame(self.read_all(feature), columns=list(self.names(feature)))], axis=1)

    def describe(self) -> str:
        """What is in the store, for people: what ``musiclab inspect`` prints."""
        from musiclab.store.description import describe

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
        """Close the file; it is opened again when it is next read from."""
        if self._file is not None and self._process == os.getpid():
            self._file.close()
        self._file = None

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_file": None, "_process": None}

    @property
    def _remedy(self) -> str:
        return f"make it again with: musiclab prepare SOURCE {self.path} --replace"

    def _open(self) -> h5py.File:
        if self._file is None or self._process != os.getpid():  # a fork must not share its parent's handle
            try:
                try:
                    self._file = h5py.File(self.path, "r")
                except BlockingIOError:  # a viewer holds the file open for writing, which is no reason not to read
                    self._file = h5py.File(self.path, "r", locking=False)
            except OSError as error:
                raise StoreError(
                    f"{self.path}: expected an HDF5 file, found one that cannot be opened ({error}); {self._remedy}"
                ) from error
            self._process = os.getpid()
        return self._file

    def _group(self, feature: str) -> h5py.Group:
        self.check_has(feature)
        return self._open()[place(feature)]


def place(feature: str) -> str:
    """Name of a feature's group in the file."""
    return "audio" if feature == "audio" else f"features/{feature}"


def differences(asked: Mapping[str, dict], found: Mapping[str, dict]) -> str:
    """The settings that differ in the features that both have, side by side; empty when none does.

    Examples
    --------
    >>> print(differences({"logmel": {"n_mels": 64, "fmin": 0.0}}, {"logmel": {"n_mels": 128, "fmin": 0.0}}))
                         asked for    in the store
      logmel.n_mels      64           128
    """
    rows = []
    for feature in asked:
        if feature in found:
            here, there = json.loads(json.dumps(asked[feature])), found[feature]  # a tuple is a list in JSON
            for key in {**here, **there}:
                left, right = here.get(key, "(none)"), there.get(key, "(none)")
                if left != right:
                    rows.append(f"  {feature + '.' + key:<18} {left!s:<12} {right}")
    return "\n".join([f"{'':<20} {'asked for':<12} in the store", *rows]) if rows else ""


def _column(column: h5py.Dataset) -> np.ndarray:
    return column.asstr()[:] if h5py.check_string_dtype(column.dtype) else column[:]
