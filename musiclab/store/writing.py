"""Write a store, either from arrays in memory (:func:`create`) or in blocks of any size (:func:`write`)."""

import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import BinaryIO, NamedTuple

import h5py
import numpy as np
import pandas as pd

from musiclab.core.errors import StoreError
from musiclab.core.files import replacing
from musiclab.store.metadata import COLUMNS, Layout, Metadata, checksums
from musiclab.store.reading import checksum, group_name
from musiclab.store.seal import FORMAT, SIZE, VERSION, make_seal

ABOUT = (
    "Recordings and what was computed of them, for training classifiers. Clip i of a feature is "
    "values[offsets[i]:offsets[i + 1]]; row i of every column in /index says what it is; config has the settings."
)
LIBRARIES = ("numpy", "soundfile", "soxr", "torch", "h5py")
"""Libraries that influence the bytes of a store, apart from musiclab."""

_ALIGNMENT = {"alignment_threshold": 1, "alignment_interval": 64}  # bytes; memory-mapped values must be aligned


class Column(NamedTuple):
    """Values of one feature for all clips, ready to be written."""

    lengths: Sequence[int]  # samples or frames of each clip
    crc32: Sequence[int]  # checksum of each clip
    row_shape: tuple[int, ...]  # () for samples, (dimensions,) for frames
    dtype: np.dtype
    blocks: Iterable[np.ndarray]  # values of all clips in order; a block may end anywhere


def attributes(
    config: dict,
    source: dict,
    classes: Sequence[str],
    failures: Sequence[tuple[str, str]] = (),
    versions: dict | None = None,
    as_of: str = "",
) -> dict:
    """Create the HDF5 attributes of a store; see :mod:`musiclab.store`."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "about": ABOUT,
        "classes": _json(list(classes)),
        "config": _json(config),
        "source": _json(source),
        "licence": source.get("licence", ""),
        "failures": _json([list(failure) for failure in failures]),
        "versions": _json(current_versions() if versions is None else versions),
        "as_of": as_of,
    }


def current_versions() -> dict[str, str]:
    """Return the versions of musiclab and of all other libraries that influence the bytes of a store."""
    import musiclab

    return {"musiclab": musiclab.__version__, **{name: metadata.version(name) for name in LIBRARIES}}


def time_of(modified: np.ndarray) -> str:
    """Format the newest of some times (ns since 1970), for example as ``2024-05-01T12:00:00+00:00``."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or int(np.max(modified, initial=0)) // 10**9
    return datetime.fromtimestamp(int(seconds), UTC).isoformat(timespec="seconds")


def write(
    path: str | Path,
    attributes: dict,
    index: pd.DataFrame,
    columns: Mapping[str, Column],
    names: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write a store directly to ``path``, keeping only one block of values in memory.

    The file gets its full size before the values are written, because all lengths are known. Its bytes depend on the
    content alone, not on how the content is divided into blocks. Missing index columns are filled with 0 or "". An
    OSError is raised if the disk is full or read-only.
    """
    index = complete_index(index)
    with ThreadPoolExecutor(1) as pool:  # Ctrl-C interrupts only the main thread, and it must not interrupt HDF5
        memory, metadata = pool.submit(_lay_out_file, attributes, index, columns, names or {}).result()
    ordered = sorted(metadata.layouts.values(), key=lambda layout: layout.begin)
    with open(path, "w+b") as file:
        memory.copy_to(file)
        for name, column in columns.items():
            file.seek(metadata.layouts[name].begin)
            _write_values(file, name, column, index)
        extents = [[layout.begin, layout.size] for layout in ordered if layout.size]
        seal = make_seal(file, extents, checksums(metadata))
        file.seek(0)
        file.write(seal)


def _lay_out_file(
    attributes: dict, index: pd.DataFrame, columns: Mapping[str, Column], names: Mapping[str, Sequence[str]]
) -> tuple["_Memory", Metadata]:
    """Lay out a store in memory, without its values and its seal."""
    memory, layouts = _Memory(), {}
    with h5py.File(memory, "w", userblock_size=SIZE, **_ALIGNMENT) as file:
        file.attrs.update(sorted(attributes.items()))  # sorted, because their order changes the bytes of the file
        arrays = _write_index(file.create_group("index"), index)
        for name, column in columns.items():
            layouts[name] = _lay_out(file.create_group(group_name(name)), column, names.get(name, ()))
        if "audio" in columns:
            file["audio/values"].attrs["sample_rate"] = json.loads(attributes["config"])["audio"]["sample_rate"]
    return memory, Metadata(attributes, arrays, layouts)


def _write_values(file: BinaryIO, name: str, column: Column, index: pd.DataFrame) -> None:
    rows = 0
    for block in column.blocks:
        if block.dtype.kind == "f" and not (is_finite := np.isfinite(block)).all():
            row = rows + int(np.flatnonzero(~is_finite.reshape(len(block), -1).all(axis=1))[0])
            clip = int(np.searchsorted(np.cumsum(column.lengths), row, side="right"))
            raise StoreError(
                f"{index['path'].iloc[clip]}: {name} has NaN or infinite values; "
                "check the sound file with: musiclab scan"
            )
        file.write(np.ascontiguousarray(block, column.dtype))
        rows += len(block)


class _Memory(io.RawIOBase):
    """Sparse file in memory.

    HDF5 writes to this file instead of a disk, because a failed write can make it crash, if only at exit.
    """

    def __init__(self):
        self._chunks: list[tuple[int, bytes]] = []  # (position, data)
        self._position = self._size = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self._size)[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def write(self, data) -> int:
        self._chunks.append((self._position, bytes(data)))
        self._size = max(self._size, self.seek(len(data), 1))
        return len(data)

    def readinto(self, buffer) -> int:
        end = self._position + len(buffer)
        for begin, data in self._chunks:
            first, last = max(begin, self._position), min(begin + len(data), end)
            if first < last:
                buffer[first - self._position : last - self._position] = data[first - begin : last - begin]
        self._position = end
        return len(buffer)

    def truncate(self, size: int | None = None) -> int:
        self._size = self._position if size is None else size
        return self._size

    def copy_to(self, file: BinaryIO) -> None:
        """Write the content to a file on disk, leaving holes where nothing was written."""
        for begin, data in self._chunks:
            file.seek(begin)
            file.write(data)
        file.truncate(self._size)


def complete_index(index: pd.DataFrame) -> pd.DataFrame:
    """Add missing columns to the index of a store, filled with 0 or ""."""
    return index.assign(**{name: column() for name, column in COLUMNS.items() if name not in index})


def _write_index(group: h5py.Group, index: pd.DataFrame) -> dict[str, np.ndarray]:
    arrays = {}
    for name, column in COLUMNS.items():
        arrays[name] = index[name].to_numpy(dtype=object).astype(object if column is str else column)
        dtype = h5py.string_dtype() if column is str else column
        group.create_dataset(name, data=arrays[name], dtype=dtype)
    return arrays


def _lay_out(group: h5py.Group, column: Column, names: Sequence[str]) -> Layout:
    """Write a column without its values, and return its layout."""
    group.attrs["names"] = _json(list(names))
    group["offsets"] = offsets = np.concatenate([[0], np.cumsum(column.lengths)]).astype(np.int64)
    group["crc32"] = crc32 = np.asarray(column.crc32, dtype=np.uint32)
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    plist.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    values = group.create_dataset("values", (int(offsets[-1]), *column.row_shape), column.dtype, dcpl=plist)
    begin = values.id.get_offset() if values.size else 0
    return Layout(begin, values.shape, values.dtype, offsets, crc32, tuple(names))


class StoreWriter:
    """Collector for the clips of a new store, which keeps them in memory until :func:`create` writes the file."""

    def __init__(self):
        self.rows: list[dict] = []
        self.clips: dict[str, list[np.ndarray]] = {}

    def append(self, row: Mapping, clip: Mapping[str, np.ndarray]) -> None:
        """Add a clip to the store.

        Parameters
        ----------
        row : dict
            Row of the clip in the index: ``path``, ``label`` and any other columns.
        clip : dict of arrays
            Features of the clip by name. All clips must have the same features. ``"audio"`` is int16 with shape
            (samples,). All others have shape (dimensions, frames) and any dtype.
        """
        self.rows.append(dict(row))
        for name, values in clip.items():
            self.clips.setdefault(name, []).append(np.ascontiguousarray(values.T))  # .T: (frames, dimensions)

    def columns(self) -> dict[str, Column]:
        """Return the collected clips as columns for :func:`write`."""
        columns = {}
        for name, clips in self.clips.items():
            lengths, crcs = [len(clip) for clip in clips], [checksum(clip) for clip in clips]
            columns[name] = Column(lengths, crcs, clips[0].shape[1:], clips[0].dtype, clips)
        return columns


@contextmanager
def create(
    path: str | Path,
    config: dict,
    source: dict,
    classes: Sequence[str] | None = None,
    names: Mapping[str, Sequence[str]] | None = None,
) -> Iterator[StoreWriter]:
    """Create a store from clips in memory.

    Use it in a ``with`` block. The file is written when the block ends without an error.

    Parameters
    ----------
    path : str or Path
        Path of the store (``.h5``). An existing file is replaced at the end of the block.
    config : dict of dicts
        Settings of each feature by name, such as ``{"audio": {"sample_rate": 8000}}``.
    source : dict
        Description of the data set, from :meth:`musiclab.datasets.Dataset.describe`.
    classes : sequence of str, optional
        Class names in the order of their indices. Default: the sorted labels.
    names : dict, optional
        Names of the dimensions of each feature, by feature. Default: no names.

    Yields
    ------
    StoreWriter
        Object whose method ``append`` adds a clip.

    Raises
    ------
    StoreError
        If ``path`` is a folder.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with create(f"{folder}/tones.h5", {"audio": {"sample_rate": 8000}}, {"name": "tones"}) as writer:
    ...         writer.append({"path": "a.wav", "label": "sine"}, {"audio": np.zeros(8000, np.int16)})
    ...     os.listdir(folder)
    ['tones.h5']
    """
    check_name(path)
    writer = StoreWriter()
    yield writer
    index = pd.DataFrame(writer.rows)
    classes = sorted(index["label"].unique()) if classes is None else classes
    as_of = time_of(index["modified"].to_numpy()) if "modified" in index else ""
    with replacing(path) as unfinished:
        write(unfinished, attributes(config, source, classes, as_of=as_of), index, writer.columns(), names)


def check_name(path: str | Path) -> None:
    """Raise StoreError if ``path`` is a folder."""
    if Path(path).is_dir():
        raise StoreError(f"{path}: expected the name of a new store, such as sounds.h5, found a folder")


def _json(value) -> str:
    return json.dumps(value, ensure_ascii=False)
