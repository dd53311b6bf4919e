"""Read all of a store but its values: attributes, index, and where the values lie.

Everything that HDF5 reads of a store is read here. On a damaged file, HDF5 may crash or never return, so a file whose
seal is broken is read by another process, with a time limit, which hands it over as JSON.
"""

import json
import os
import subprocess
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from musiclab.core.errors import StoreError
from musiclab.store.seal import FORMAT, VERSION

COLUMNS = {
    "path": str,
    "label": str,
    "group": str,
    "fold": np.int64,
    "split": str,
    "size": np.int64,
    "modified": np.int64,
    "seconds": np.float64,
    "duplicate": np.int64,
}
"""Columns of the index and their types."""

TEXTS = ("format", "about", "classes", "config", "source", "licence", "failures", "versions", "as_of")
"""Attributes of a store that are text, some of them JSON; ``version`` is an integer."""

PATIENCE = 15.0
"""Seconds that another process gets for reading a damaged file."""


class Layout(NamedTuple):
    """Where the values of a feature lie in the file, and what is noted about them."""

    begin: int  # byte of the file
    shape: tuple[int, ...]
    dtype: np.dtype
    offsets: np.ndarray
    crc32: np.ndarray
    names: tuple[str, ...]

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self.dtype.itemsize * int(np.prod(self.shape, dtype=object))


class Metadata(NamedTuple):
    """All of a store but its values, as it stands in the file."""

    attributes: dict[str, str | int]
    index: dict[str, np.ndarray]  # by column; text is of type object
    layouts: dict[str, Layout]  # by feature


def open_hdf5(path: str | Path) -> h5py.File:
    """Open an HDF5 file for reading, without a lock: some network file systems have none."""
    try:
        return h5py.File(path, "r", locking=False)
    except OSError:  # this process may have the file open with a lock: HDF5 wants it to be the same each time
        return h5py.File(path, "r")


def read_metadata(path: str | Path) -> Metadata:
    """Read all of a store but its values, in this process.

    Raises
    ------
    StoreError
        The file is no HDF5 file, not a store, of another format, or damaged; or a part of it lies in another file.
    """
    remedy = remake(path)
    try:
        file = open_hdf5(path)
    except OSError as error:
        raise StoreError(
            f"{path}: expected an HDF5 file, found one that cannot be opened ({error}); {remedy}"
        ) from error
    try:
        with file:
            attributes = _read_attributes(file, path, remedy)
            index = _open(file, "index", h5py.Group)
            columns = {name: _read_array(index, name, dtype) for name, dtype in COLUMNS.items()}
            lengths = {len(column) for column in columns.values()}
            if len(lengths) != 1:
                raise ValueError(f"/index: columns of {sorted(lengths)} clips")
            config = decode(attributes)["config"]
            layouts = {feature: _read_layout(_feature_group(file, feature), *lengths) for feature in config}
            return Metadata(attributes, columns, layouts)
    except (StoreError, MemoryError):
        raise
    except Exception as error:  # of any kind, in a file that can hold anything
        raise damaged(path, printable(error, 300)) from error


def read_apart(path: str | Path) -> Metadata:
    """Do what :func:`read_metadata` does in a process of its own, which may crash or never end."""
    code = f"from {__name__} import hand_over; hand_over()"
    command = [sys.executable, "-c", code, os.path.abspath(path), str(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(command, env=environment, timeout=PATIENCE, capture_output=True, stdin=subprocess.DEVNULL)
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise damaged(path, f"reading it took more than {PATIENCE:g} s") from None
    except ValueError:
        raise damaged(path, f"the process that read it crashed with status {done.returncode}") from None
    if isinstance(answer, str):
        raise StoreError(answer)
    attributes, index, layouts = answer
    types = {name: object if dtype is str else dtype for name, dtype in COLUMNS.items()}
    index = {name: np.array(column, types[name]) for name, column in index.items()}
    return Metadata(attributes, index, {feature: _layout(*facts) for feature, facts in layouts.items()})


def hand_over() -> None:
    """Print what is in the store that is the first argument, called the second in messages, or the message, as JSON."""
    path, name = sys.argv[1:]
    try:
        answer = read_metadata(path)
    except StoreError as error:
        answer = str(error).replace(path, name)
    print(json.dumps(answer, default=lambda value: value.tolist() if isinstance(value, np.ndarray) else value.str))


def decode(attributes: Mapping) -> dict:
    """Decode the attributes of a store that are JSON, or raise ValueError if one of them is not what it should be."""
    facts = {}
    for name, fits in _DECODED.items():
        facts[name] = json.loads(attributes[name])
        if not fits(facts[name]):
            raise ValueError(f"attribute {name}: unexpected {facts[name]!r}")
    return facts


def checksums(metadata: Metadata) -> dict[str, str]:
    """Compute the CRC-32 of each part of a store but the values: attributes, index, and the layout of each feature.

    Of the index it is taken column after column: a text is its UTF-8 and a zero byte, a number 8 bytes.
    """
    sums = {"attributes": zlib.crc32(json.dumps(metadata.attributes, sort_keys=True).encode()), "index": 0}
    for name, column in metadata.index.items():
        text = COLUMNS[name] is str
        content = b"".join(encode(value) + b"\0" for value in column) if text else np.ascontiguousarray(column)
        sums["index"] = zlib.crc32(content, sums["index"])
    for feature, layout in metadata.layouts.items():
        facts = [layout.begin, layout.shape, layout.dtype.str, layout.names]
        sums[feature] = zlib.crc32(json.dumps(facts).encode())
        for array in (layout.offsets, layout.crc32):
            sums[feature] = zlib.crc32(np.ascontiguousarray(array), sums[feature])
    return {part: f"{crc:08x}" for part, crc in sums.items()}


def damaged(path: str | Path, reason: str) -> StoreError:
    """Make the error that says what is wrong with a damaged store."""
    return StoreError(f"{path}: expected a whole store, found a damaged one ({reason}); {remake(path)}")


def remake(path: str | Path) -> str:
    """Say how to make a store again, for the end of a message."""
    return f"make it again with: musiclab prepare SOURCE {path} --replace"


def printable(text, limit: int = 1000) -> str:
    """Escape what a terminal would not show as it is, and cut off what is too long for a line."""
    escaped = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in str(text)[:limit])
    return escaped + " ..." * (len(str(text)) > limit)


def encode(text: str) -> bytes:
    """Encode text, with file names that are not UTF-8 in it."""
    return text.encode("utf-8", "surrogatepass")


def _read_attributes(file: h5py.File, path: str | Path, remedy: str) -> dict[str, str | int]:
    values = {name: file.attrs.get(name) for name in ("version", *TEXTS)}
    form, version = values["format"], values["version"]
    if not (isinstance(form, str) and form == FORMAT):
        raise StoreError(f"{path}: expected a store made by musiclab prepare, found another HDF5 file; {remedy}")
    if not isinstance(version, (int, np.integer)):
        raise ValueError(f"attribute version: unexpected {version!r}")
    if version != VERSION:
        newer = "update musiclab, or " if version > VERSION else ""
        raise StoreError(f"{path}: expected store format {VERSION}, found {version}; {newer}{remedy}")
    for name in TEXTS:
        if not isinstance(values[name], str):
            raise ValueError(f"attribute {name}: unexpected {values[name]!r}")
    return {**values, "version": int(version)}


def _feature_group(file: h5py.File, feature: str) -> h5py.Group:
    parent = file if feature == "audio" else _open(file, "features", h5py.Group)
    return _open(parent, feature, h5py.Group)


def _open(group: h5py.Group, name: str, item_class: type):
    """Open a group or an array in this very file: a link, or an array with bytes in another file, is refused."""
    where = f"{group.name.rstrip('/')}/{name}"
    if "/" in name:
        raise ValueError(f"a feature called {name!r}")
    if not group.id.links.exists(encode(name)):
        raise ValueError(f"{where}: nothing of that name")
    if group.id.links.get_info(encode(name)).type != h5py.h5l.TYPE_HARD:
        raise ValueError(f"{where}: a link to somewhere else, which is not followed")
    item = group[name]
    if not isinstance(item, item_class):
        raise ValueError(f"{where}: expected a {item_class.__name__.lower()}, found a {type(item).__name__.lower()}")
    if item_class is h5py.Dataset:
        plist = item.id.get_create_plist()
        if plist.get_external_count():
            raise ValueError(f"{group.name}: {name} that lie in another file")
        if plist.get_layout() != h5py.h5d.CONTIGUOUS:
            raise ValueError(f"{group.name}: {name} that are not in one piece")
        if item.size * item.dtype.itemsize > group.file.id.get_filesize():
            raise ValueError(f"{where}: {item.size} of them, more than the file has room for")
    return item


def _read_array(group: h5py.Group, name: str, dtype: type) -> np.ndarray:
    array = _open(group, name, h5py.Dataset)
    text = h5py.check_string_dtype(array.dtype)
    is_right = text is not None and text.length is None if dtype is str else array.dtype == dtype
    if not is_right or array.ndim != 1:
        raise ValueError(f"{group.name}/{name}: {array.ndim} dimensions of {array.dtype}")
    return array.asstr()[:] if dtype is str else array[:]


def _read_layout(group: h5py.Group, clips: int) -> Layout:
    values = _open(group, "values", h5py.Dataset)
    offsets, crc32 = _read_array(group, "offsets", np.int64), _read_array(group, "crc32", np.uint32)
    if len(offsets) != clips + 1 or len(crc32) != clips:
        raise ValueError(f"{group.name}: {len(offsets)} offsets and {len(crc32)} checksums of {clips} clips")
    if not values.ndim or values.dtype.kind not in "biuf":
        raise ValueError(f"{group.name}: values of {values.ndim} dimensions of {values.dtype}")
    if offsets[0] != 0 or offsets[-1] != len(values) or (np.diff(offsets) < 0).any():
        raise ValueError(f"{group.name}: offsets that do not rise from 0 to {len(values)}")
    names = json.loads(group.attrs["names"])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{group.name}: unexpected names {names!r}")
    if names and len(names) != int(np.prod(values.shape[1:])):
        raise ValueError(f"{group.name}: {len(names)} names of {values.shape[1:]} dimensions")
    begin = values.id.get_offset() if values.size else 0
    if begin is None or begin + values.size * values.dtype.itemsize > group.file.id.get_filesize():
        raise ValueError(f"{group.name}: values that are not in the file")
    return _layout(begin, values.shape, values.dtype, offsets, crc32, names)


def _layout(begin: int, shape, dtype, offsets, crc32, names) -> Layout:
    offsets, crc32 = np.asarray(offsets, np.int64), np.asarray(crc32, np.uint32)
    return Layout(begin, tuple(shape), np.dtype(dtype), offsets, crc32, tuple(names))


def _are_texts(value) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _are_settings(value) -> bool:
    if not isinstance(value, dict) or not all(isinstance(settings, dict) for settings in value.values()):
        return False
    rates = [settings.get("sample_rate", 0 if name == "audio" else 1) for name, settings in value.items()]
    return all(type(rate) in (int, float) and 0 < rate < 1e9 for rate in rates)


_DECODED = {
    "classes": lambda value: _are_texts(value) and len(set(value)) == len(value),
    "config": _are_settings,
    "source": lambda value: isinstance(value, dict),
    "failures": lambda value: isinstance(value, list) and all(_are_texts(pair) and len(pair) == 2 for pair in value),
    "versions": lambda value: isinstance(value, dict) and _are_texts(list(value.values())),
}
"""Attributes that are JSON, and how each must look."""
