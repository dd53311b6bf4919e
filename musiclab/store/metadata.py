"""Read the metadata of a store: its attributes, its index and the location of its values.

HDF5 reads nothing else of a store. Because it may crash or hang on a damaged file, a file with a broken seal is read in
a subprocess with a time limit. The subprocess returns the metadata as JSON.
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
"""Columns of the index, with their types."""

TEXTS = ("format", "about", "classes", "config", "source", "licence", "failures", "versions", "as_of")
"""Text attributes of a store, some of which are JSON. The only other attribute is the integer ``version``."""

PATIENCE = 15.0
"""Time limit for reading a damaged file in a subprocess, in seconds."""


class Layout(NamedTuple):
    """Location, type and checksums of the values of a feature."""

    begin: int  # byte offset in the file
    shape: tuple[int, ...]
    dtype: np.dtype
    offsets: np.ndarray
    crc32: np.ndarray
    names: tuple[str, ...]

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self.dtype.itemsize * int(np.prod(self.shape, dtype=object))


class Metadata(NamedTuple):
    """Content of a store file without the values."""

    attributes: dict[str, str | int]
    index: dict[str, np.ndarray]  # by column; text columns have dtype object
    layouts: dict[str, Layout]  # by feature


def open_hdf5(path: str | Path) -> h5py.File:
    """Open an HDF5 file for reading without a lock, because some network file systems do not support locks."""
    try:
        return h5py.File(path, "r", locking=False)
    except OSError:  # HDF5 refuses to mix modes, and this process may already have opened the file with a lock
        return h5py.File(path, "r")


def read_metadata(path: str | Path) -> Metadata:
    """Read the metadata of a store in this process.

    Raises
    ------
    StoreError
        The file is not HDF5, is not a store, has another format version, is damaged, or refers to another file.
    """
    remedy = remake(path)
    try:
        file = open_hdf5(path)
    except OSError as error:
        raise StoreError(f"{path}: not a readable HDF5 file ({error}); {remedy}") from error
    try:
        with file:
            attributes = _read_attributes(file, path, remedy)
            index = _open(file, "index", h5py.Group)
            columns = {name: _read_array(index, name, dtype) for name, dtype in COLUMNS.items()}
            lengths = {len(column) for column in columns.values()}
            if len(lengths) != 1:
                raise ValueError(f"/index: columns have different lengths {sorted(lengths)}")
            config = decode(attributes)["config"]
            layouts = {feature: _read_layout(_feature_group(file, feature), *lengths) for feature in config}
            return Metadata(attributes, columns, layouts)
    except (StoreError, MemoryError):
        raise
    except Exception as error:  # a damaged file can cause any error
        raise damaged(path, printable(error, 300)) from error


def read_in_subprocess(path: str | Path) -> Metadata:
    """Call :func:`read_metadata` in a subprocess, which may crash or hang."""
    code = f"from {__name__} import print_metadata; print_metadata()"
    command = [sys.executable, "-c", code, os.path.abspath(path), str(path)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        process = subprocess.run(command, env=env, timeout=PATIENCE, capture_output=True, stdin=subprocess.DEVNULL)
        result = json.loads(process.stdout)
    except subprocess.TimeoutExpired:
        raise damaged(path, f"reading it took more than {PATIENCE:g} s") from None
    except ValueError:
        raise damaged(path, f"reading it crashed with status {process.returncode}") from None
    if isinstance(result, str):
        raise StoreError(result)
    attributes, index, layouts = result
    types = {name: object if dtype is str else dtype for name, dtype in COLUMNS.items()}
    index = {name: np.array(column, types[name]) for name, column in index.items()}
    return Metadata(attributes, index, {feature: _make_layout(*fields) for feature, fields in layouts.items()})


def print_metadata() -> None:
    """Print metadata or an error message as JSON. Arguments: path of the store, and its name in messages."""
    path, name = sys.argv[1:]
    try:
        result = read_metadata(path)
    except StoreError as error:
        result = str(error).replace(path, name)
    print(json.dumps(result, default=lambda value: value.tolist() if isinstance(value, np.ndarray) else value.str))


def decode(attributes: Mapping) -> dict:
    """Decode the JSON attributes of a store. Raise ValueError if one has an unexpected form."""
    decoded = {}
    for name, is_valid in _JSON_CHECKS.items():
        decoded[name] = json.loads(attributes[name])
        if not is_valid(decoded[name]):
            raise ValueError(f"attribute {name}: unexpected {decoded[name]!r}")
    return decoded


def checksums(metadata: Metadata) -> dict[str, str]:
    """Compute the CRC-32 of the attributes, the index, and the layout of each feature.

    The index is hashed column by column: text as UTF-8 with a zero byte at the end, numbers as 8 bytes.
    """
    crcs = {"attributes": zlib.crc32(json.dumps(metadata.attributes, sort_keys=True).encode()), "index": 0}
    for name, column in metadata.index.items():
        is_text = COLUMNS[name] is str
        content = b"".join(encode(value) + b"\0" for value in column) if is_text else np.ascontiguousarray(column)
        crcs["index"] = zlib.crc32(content, crcs["index"])
    for feature, layout in metadata.layouts.items():
        header = [layout.begin, layout.shape, layout.dtype.str, layout.names]
        crcs[feature] = zlib.crc32(json.dumps(header).encode())
        for array in (layout.offsets, layout.crc32):
            crcs[feature] = zlib.crc32(np.ascontiguousarray(array), crcs[feature])
    return {part: f"{crc:08x}" for part, crc in crcs.items()}


def damaged(path: str | Path, reason: str) -> StoreError:
    """Create the error for a damaged store."""
    return StoreError(f"{path}: the store is damaged ({reason}); {remake(path)}")


def remake(path: str | Path) -> str:
    """Return the end of an error message: the command that creates a store from scratch."""
    return f"make it again with: musiclab prepare SOURCE {path} --replace"


def printable(text, limit: int = 1000) -> str:
    """Escape characters that a terminal cannot show, and shorten the text to ``limit`` characters."""
    escaped = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in str(text)[:limit])
    return escaped + " ..." * (len(str(text)) > limit)


def encode(text: str) -> bytes:
    """Encode text that may contain file names that are not UTF-8."""
    return text.encode("utf-8", "surrogatepass")


def _read_attributes(file: h5py.File, path: str | Path, remedy: str) -> dict[str, str | int]:
    values = {name: file.attrs.get(name) for name in ("version", *TEXTS)}
    file_format, version = values["format"], values["version"]
    if not (isinstance(file_format, str) and file_format == FORMAT):
        raise StoreError(f"{path}: expected a store made by musiclab prepare, found another HDF5 file; {remedy}")
    if not isinstance(version, (int, np.integer)):
        raise ValueError(f"attribute version: unexpected {version!r}")
    if version != VERSION:
        update = "update musiclab, or " if version > VERSION else ""
        raise StoreError(f"{path}: expected store format {VERSION}, found {version}; {update}{remedy}")
    for name in TEXTS:
        if not isinstance(values[name], str):
            raise ValueError(f"attribute {name}: unexpected {values[name]!r}")
    return {**values, "version": int(version)}


def _feature_group(file: h5py.File, feature: str) -> h5py.Group:
    parent = file if feature == "audio" else _open(file, "features", h5py.Group)
    return _open(parent, feature, h5py.Group)


def _open(group: h5py.Group, name: str, item_class: type):
    """Open a group or an array. Links and arrays that are stored in another file are rejected."""
    item_path = f"{group.name.rstrip('/')}/{name}"
    if "/" in name:
        raise ValueError(f"invalid feature name {name!r}")
    if not group.id.links.exists(encode(name)):
        raise ValueError(f"{item_path}: missing")
    if group.id.links.get_info(encode(name)).type != h5py.h5l.TYPE_HARD:
        raise ValueError(f"{item_path}: links are not followed")
    item = group[name]
    if not isinstance(item, item_class):
        expected, actual = item_class.__name__.lower(), type(item).__name__.lower()
        raise ValueError(f"{item_path}: expected a {expected}, found a {actual}")
    if item_class is h5py.Dataset:
        plist = item.id.get_create_plist()
        if plist.get_external_count():
            raise ValueError(f"{item_path}: stored in another file")
        if plist.get_layout() != h5py.h5d.CONTIGUOUS:
            raise ValueError(f"{item_path}: not contiguous")
        if item.size * item.dtype.itemsize > group.file.id.get_filesize():
            raise ValueError(f"{item_path}: {item.size} values are more than the file can hold")
    return item


def _read_array(group: h5py.Group, name: str, dtype: type) -> np.ndarray:
    array = _open(group, name, h5py.Dataset)
    string = h5py.check_string_dtype(array.dtype)
    has_dtype = string is not None and string.length is None if dtype is str else array.dtype == dtype
    if not has_dtype or array.ndim != 1:
        raise ValueError(f"{group.name}/{name}: unexpected array with {array.ndim} dimensions of type {array.dtype}")
    return array.asstr()[:] if dtype is str else array[:]


def _read_layout(group: h5py.Group, clips: int) -> Layout:
    values = _open(group, "values", h5py.Dataset)
    offsets, crc32 = _read_array(group, "offsets", np.int64), _read_array(group, "crc32", np.uint32)
    if len(offsets) != clips + 1 or len(crc32) != clips:
        raise ValueError(f"{group.name}: {len(offsets)} offsets and {len(crc32)} checksums for {clips} clips")
    if not values.ndim or values.dtype.kind not in "biuf":
        raise ValueError(f"{group.name}/values: unexpected array with {values.ndim} dimensions of type {values.dtype}")
    if offsets[0] != 0 or offsets[-1] != len(values) or (np.diff(offsets) < 0).any():
        raise ValueError(f"{group.name}/offsets: not increasing from 0 to {len(values)}")
    names = json.loads(group.attrs["names"])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{group.name}: unexpected names {names!r}")
    if names and len(names) != int(np.prod(values.shape[1:])):
        raise ValueError(f"{group.name}: {len(names)} names for {values.shape[1:]} dimensions")
    begin = values.id.get_offset() if values.size else 0
    if begin is None or begin + values.size * values.dtype.itemsize > group.file.id.get_filesize():
        raise ValueError(f"{group.name}/values: outside the file")
    return _make_layout(begin, values.shape, values.dtype, offsets, crc32, names)


def _make_layout(begin: int, shape, dtype, offsets, crc32, names) -> Layout:
    offsets, crc32 = np.asarray(offsets, np.int64), np.asarray(crc32, np.uint32)
    return Layout(begin, tuple(shape), np.dtype(dtype), offsets, crc32, tuple(names))


def _is_str_list(value) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_config(value) -> bool:
    if not isinstance(value, dict) or not all(isinstance(settings, dict) for settings in value.values()):
        return False
    rates = [settings.get("sample_rate", 0 if name == "audio" else 1) for name, settings in value.items()]
    return all(type(rate) in (int, float) and 0 < rate < 1e9 for rate in rates)


_JSON_CHECKS = {
    "classes": lambda value: _is_str_list(value) and len(set(value)) == len(value),
    "config": _is_config,
    "source": lambda value: isinstance(value, dict),
    "failures": lambda value: isinstance(value, list) and all(_is_str_list(pair) and len(pair) == 2 for pair in value),
    "versions": lambda value: isinstance(value, dict) and _is_str_list(list(value.values())),
}
"""JSON attributes, with a check for each."""
