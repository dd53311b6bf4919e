"""Writing a store: from arrays in memory (:func:`create`) or piece by piece, however large (:func:`write`)."""

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
LIBRARIES = ("numpy", "soundfile", "soxr", "torch", "librosa", "h5py")
"""Libraries that a store's bytes depend on, apart from musiclab."""

_ALIGNMENT = {"alignment_threshold": 1, "alignment_interval": 64}  # bytes: mapped values begin where a number may


class Column(NamedTuple):
    """One feature of all clips, on its way into a store."""

    lengths: Sequence[int]  # samples or frames of each clip
    crc32: Sequence[int]  # checksum of each clip
    row: tuple[int, ...]  # shape of one sample, (), or of one frame, (dimensions,)
    dtype: np.dtype
    pieces: Iterable[np.ndarray]  # the values, one clip after the other, cut anywhere


def attributes(
    config: dict,
    source: dict,
    classes: Sequence[str],
    failures: Sequence[tuple[str, str]] = (),
    versions: dict | None = None,
    as_of: str = "",
) -> dict:
    """Make the attributes of a store, as they stand in the file; see :mod:`musiclab.store`."""
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
    """Look up the versions of musiclab and of the libraries that a store's numbers come from."""
    import musiclab

    return {"musiclab": musiclab.__version__, **{name: metadata.version(name) for name in LIBRARIES}}


def time_of(modified: np.ndarray) -> str:
    """Write the newest of some times (ns since 1970) as text, such as ``2024-05-01T12:00:00+00:00``."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or int(np.max(modified, initial=0)) // 10**9
    return datetime.fromtimestamp(int(seconds), UTC).isoformat(timespec="seconds")


def write(
    path: str | Path,
    attributes: dict,
    index: pd.DataFrame,
    columns: Mapping[str, Column],
    names: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write a store to ``path`` itself, holding no more than a piece of the values in memory.

    All lengths are known beforehand, so the file is laid out at its full size before the values are written into it,
    and its bytes depend on the content alone, not on how that was cut. Columns of the index that are missing are filled
    with 0 or "". Where the disk is full or read-only, an OSError says so.
    """
    index = complete_index(index)
    with ThreadPoolExecutor(1) as pool:  # because Ctrl-C comes to the main thread, and HDF5 must not meet it either
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
    """Make all of a store but its values and the first block, in memory."""
    memory, layouts = _Memory(), {}
    with h5py.File(memory, "w", userblock_size=SIZE, **_ALIGNMENT) as file:
        file.attrs.update(sorted(attributes.items()))  # in one order: it decides where they lie
        arrays = _write_index(file.create_group("index"), index)
        for name, column in columns.items():
            layouts[name] = _lay_out(file.create_group(group_name(name)), column, names.get(name, ()))
        if "audio" in columns:
            file["audio/values"].attrs["sample_rate"] = json.loads(attributes["config"])["audio"]["sample_rate"]
    return memory, Metadata(attributes, arrays, layouts)


def _write_values(file: BinaryIO, name: str, column: Column, index: pd.DataFrame) -> None:
    rows = 0
    for piece in column.pieces:
        if piece.dtype.kind == "f" and not (is_finite := np.isfinite(piece)).all():
            row = rows + int(np.flatnonzero(~is_finite.reshape(len(piece), -1).all(axis=1))[0])
            clip = int(np.searchsorted(np.cumsum(column.lengths), row, side="right"))
            raise StoreError(
                f"{index['path'].iloc[clip]}: expected finite values of {name}, found NaN or infinite ones; "
                "look for what is wrong with the sound with: musiclab scan"
            )
        file.write(np.ascontiguousarray(piece, column.dtype))
        rows += len(piece)


class _Memory(io.RawIOBase):
    """A file in memory that keeps only what is written to it.

    HDF5 can crash after a write that failed, at the latest when the program ends, so it never meets a disk.
    """

    def __init__(self):
        self._pieces: list[tuple[int, bytes]] = []  # where, what
        self._position = self._size = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self._size)[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def write(self, data) -> int:
        self._pieces.append((self._position, bytes(data)))
        self._size = max(self._size, self.seek(len(data), 1))
        return len(data)

    def readinto(self, buffer) -> int:
        end = self._position + len(buffer)
        for begin, data in self._pieces:
            first, last = max(begin, self._position), min(begin + len(data), end)
            if first < last:
                buffer[first - self._position : last - self._position] = data[first - begin : last - begin]
        self._position = end
        return len(buffer)

    def truncate(self, size: int | None = None) -> int:
        self._size = self._position if size is None else size
        return self._size

    def copy_to(self, file: BinaryIO) -> None:
        """Write everything to a file on a disk, with holes where nothing was written."""
        for begin, data in self._pieces:
            file.seek(begin)
            file.write(data)
        file.truncate(self._size)


def complete_index(index: pd.DataFrame) -> pd.DataFrame:
    """Add the columns of a store's index that are missing, filled with 0 or ""."""
    return index.assign(**{name: column() for name, column in COLUMNS.items() if name not in index})


def _write_index(group: h5py.Group, index: pd.DataFrame) -> dict[str, np.ndarray]:
    arrays = {}
    for name, column in COLUMNS.items():
        arrays[name] = index[name].to_numpy(dtype=object).astype(object if column is str else column)
        dtype = h5py.string_dtype() if column is str else column
        group.create_dataset(name, data=arrays[name], dtype=dtype)
    return arrays


def _lay_out(group: h5py.Group, column: Column, names: Sequence[str]) -> Layout:
    """Write all of a column but its values, and return where those begin."""
    group.attrs["names"] = _json(list(names))
    group["offsets"] = offsets = np.concatenate([[0], np.cumsum(column.lengths)]).astype(np.int64)
    group["crc32"] = crc32 = np.asarray(column.crc32, dtype=np.uint32)
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    plist.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    values = group.create_dataset("values", (int(offsets[-1]), *column.row), column.dtype, dcpl=plist)
    begin = values.id.get_offset() if values.size else 0
    return Layout(begin, values.shape, values.dtype, offsets, crc32, tuple(names))


class StoreWriter:
    """Gather the clips of a store in memory."""

    def __init__(self):
        self.rows: list[dict] = []
        self.clips: dict[str, list[np.ndarray]] = {}

    def append(self, row: Mapping, clip: Mapping[str, np.ndarray]) -> None:
        """Add a clip.

        Parameters
        ----------
        row
            Its ``path``, ``label``, and whatever else of the index is known.
        clip
            Its features, the same of each clip: ``"audio"``, int16, shape (samples,); all others, shape (dimensions,
            frames), of any type.
        """
        self.rows.append(dict(row))
        for name, values in clip.items():
            self.clips.setdefault(name, []).append(np.ascontiguousarray(values.T))  # .T: (frames, dimensions)

    def columns(self) -> dict[str, Column]:
        """Return what was gathered, ready for :func:`write`."""
        columns = {}
        for name, clips in self.clips.items():
            lengths, sums = [len(clip) for clip in clips], [checksum(clip) for clip in clips]
            columns[name] = Column(lengths, sums, clips[0].shape[1:], clips[0].dtype, clips)
        return columns


@contextmanager
def create(
    path: str | Path,
    config: dict,
    source: dict,
    classes: Sequence[str] | None = None,
    names: Mapping[str, Sequence[str]] | None = None,
) -> Iterator[StoreWriter]:
    """Make a store of a few clips: yield a :class:`StoreWriter`, and write the file once the block succeeds.

    Parameters
    ----------
    path
        An older store of that name is replaced at the end; a folder is refused (StoreError).
    config
        Settings of each feature, by its name.
    source
        What :meth:`musiclab.datasets.Dataset.describe` says of the data set.
    classes
        In the order of their numbers, default the sorted labels.
    names
        Name of each dimension of a feature.
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
    """Raise StoreError when a store cannot have that name."""
    if Path(path).is_dir():
        raise StoreError(f"{path}: expected the name of a store to make, such as sounds.h5, found a folder")


def _json(value) -> str:
    return json.dumps(value, ensure_ascii=False)
