"""Writing a store: from arrays in memory (:func:`create`) or piece by piece, however large (:func:`write`)."""

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from musiclab.core.errors import StoreError
from musiclab.core.files import replacing
from musiclab.store.checks import checksum, index_checksum
from musiclab.store.reading import COLUMNS, FORMAT, VERSION, place

ABOUT = (
    "Recordings and what was computed of them, for training classifiers. Clip i of a feature is "
    "values[offsets[i]:offsets[i + 1]]; row i of every column in /index says what it is; config has the settings."
)
LIBRARIES = ("numpy", "soundfile", "soxr", "torch", "librosa", "h5py")
"""Libraries that a store's bytes depend on, apart from musiclab."""

_CHUNK = (64 << 10, 8 << 20)  # bytes: smaller ones are all overhead, larger ones are too much to read for a segment


@dataclass(frozen=True)
class Column:
    """One feature of all clips, on its way into a store.

    Attributes
    ----------
    lengths : int array, shape (clips,)
        Samples, or frames, of each clip.
    crc32 : int array, shape (clips,)
        Checksum of each clip (:func:`musiclab.store.checks.checksum`).
    row : tuple of int
        Shape of one sample, ``()``, or of one frame, ``(dimensions,)``.
    dtype : numpy.dtype
    pieces : iterable of arrays, shape (any number, *row)
        The values, one clip after the other, cut anywhere.
    """

    lengths: np.ndarray
    crc32: np.ndarray
    row: tuple[int, ...]
    dtype: np.dtype
    pieces: Iterable[np.ndarray]


def attributes(
    config: dict,
    source: dict,
    classes: Sequence[str],
    failures: Sequence[tuple[str, str]] = (),
    versions: dict | None = None,
    as_of: str = "",
) -> dict:
    """The attributes of a store, as they stand in the file; see :mod:`musiclab.store`."""
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
    """Versions of musiclab and of the libraries that a store's numbers come from."""
    import musiclab

    return {"musiclab": musiclab.__version__, **{name: metadata.version(name) for name in LIBRARIES}}


def time_of(modified: np.ndarray) -> str:
    """The newest of some times (ns since 1970) as text, such as ``2024-05-01T12:00:00+00:00``."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or int(np.max(modified, initial=0)) // 10**9
    return datetime.fromtimestamp(int(seconds), UTC).isoformat(timespec="seconds")


def write(
    path: str | Path,
    attributes: dict,
    index: pd.DataFrame,
    columns: Mapping[str, Column],
    names: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write a store to ``path`` as the pieces come; no more than a piece is held in memory.

    All lengths are known beforehand, so everything is laid out at its full size before it is filled, and the bytes
    depend on the content alone, not on how it was cut.

    Parameters
    ----------
    path
        The file itself: who calls this sees to it that it takes the place of another one only when it is whole.
    attributes
        Of :func:`attributes`.
    index
        One row a clip; columns that are missing are filled with 0 or "".
    columns
        The features by name; every ``config`` of the attributes has one.
    names
        What each dimension of a feature is.

    Raises
    ------
    OSError
        The file cannot be written: the disk is full, the folder read-only.
    """
    index = _complete(index)
    try:
        with h5py.File(path, "w") as file:
            file.attrs.update(sorted(attributes.items()))  # in one order: it decides where they lie
            _write_index(file.create_group("index"), index)
            config = json.loads(attributes["config"])
            for name, column in columns.items():
                group = file.create_group(place(name))
                group.attrs["names"] = _json(list((names or {}).get(name, ())))
                _write_column(group, column)
                if name == "audio":
                    group["values"].attrs["sample_rate"] = config["audio"]["sample_rate"]
    except RuntimeError as error:  # what h5py makes of a write that failed while it closes the file
        raise OSError(str(error)) from error


def _write_index(group: h5py.Group, index: pd.DataFrame) -> None:
    for name, kind in COLUMNS.items():
        dtype = h5py.string_dtype() if kind is str else kind
        group.create_dataset(name, data=index[name].to_numpy(dtype=object).astype(dtype), dtype=dtype)
    group.attrs["crc32"] = np.uint32(index_checksum(index))


def _write_column(group: h5py.Group, column: Column) -> None:
    offsets = np.concatenate([[0], np.cumsum(column.lengths)]).astype(np.int64)
    group["offsets"], group["crc32"] = offsets, np.asarray(column.crc32, dtype=np.uint32)
    shape = (int(offsets[-1]), *column.row)
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)  # chunks lie in order, however they are filled
    layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)  # not written twice
    chunk = (_chunk_length(column), *column.row) if shape[0] else None
    values = group.create_dataset("values", shape, column.dtype, chunks=chunk, dcpl=layout)
    start = 0
    for piece in column.pieces:
        values[start : start + len(piece)] = piece
        start += len(piece)
    if start != shape[0]:
        raise ValueError(f"{group.name}: expected {shape[0]} rows in all, found {start}")


def _chunk_length(column: Column) -> int:
    """Rows of a chunk: the median clip, within bounds."""
    row = math.prod(column.row) * np.dtype(column.dtype).itemsize
    smallest, largest = (max(1, size // row) for size in _CHUNK)
    median = int(np.sort(column.lengths)[len(column.lengths) // 2])
    return max(1, min(max(median, smallest), largest, int(np.sum(column.lengths))))


class StoreWriter:
    """Gathers the clips of a store in memory; made by :func:`create`."""

    def __init__(self):
        self.rows: list[dict] = []
        self.clips: dict[str, list[np.ndarray]] = {}

    def append(self, row: Mapping, clip: Mapping[str, np.ndarray]) -> None:
        """Add a clip.

        Parameters
        ----------
        row
            Its row of the index: ``path``, ``label``, and whatever else is known.
        clip
            Its features: ``"audio"``, int16, shape (samples,); all others, shape (dimensions, frames), kept as they
            are typed. Each clip has the same features.
        """
        self.rows.append(dict(row))
        for name, values in clip.items():
            self.clips.setdefault(name, []).append(np.ascontiguousarray(values.T))  # .T: (frames, dimensions)

    def columns(self) -> dict[str, Column]:
        """What was gathered, ready for :func:`write`."""
        return {
            name: Column(
                lengths=np.array([len(clip) for clip in clips]),
                crc32=np.array([checksum(clip) for clip in clips]),
                row=clips[0].shape[1:],
                dtype=clips[0].dtype,
                pieces=clips,
            )
            for name, clips in self.clips.items()
        }


@contextmanager
def create(
    path: str | Path,
    config: dict,
    source: dict,
    classes: Sequence[str] | None = None,
    names: Mapping[str, Sequence[str]] | None = None,
) -> Iterator[StoreWriter]:
    """Make a store of a few clips: give a :class:`StoreWriter`, and write the file once the block has ended well.

    Parameters
    ----------
    path
        An older store of that name is replaced at the end, whole.
    config
        Settings of each feature, by its name.
    source
        What is known of the data set (:meth:`musiclab.datasets.Dataset.describe`).
    classes
        Names in the order of their numbers; sorted labels when left out.
    names
        What each dimension of a feature is.

    Raises
    ------
    StoreError
        ``path`` is a folder.
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


def _complete(index: pd.DataFrame) -> pd.DataFrame:
    """The columns of a store's index, in their order; what is missing is 0 or empty."""
    empty = {str: "", np.int64: 0, np.float64: 0.0}
    return pd.DataFrame(
        {
            name: index[name].to_numpy() if name in index else np.full(len(index), empty[kind])
            for name, kind in COLUMNS.items()
        }
    )


def _json(value) -> str:
    return json.dumps(value, ensure_ascii=False)
