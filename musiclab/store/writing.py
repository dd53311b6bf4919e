"""Writing a store: from arrays in memory (:func:`create`) or piece by piece, however large (:func:`write`)."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd

from musiclab.core.errors import StoreError
from musiclab.core.files import replacing
from musiclab.store.reading import COLUMNS, FORMAT, VERSION, checksum, group_name, index_checksum

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
    begins = {}
    try:
        with h5py.File(path, "w", **_ALIGNMENT) as file:
            file.attrs.update(sorted(attributes.items()))  # in one order: it decides where they lie
            _write_index(file.create_group("index"), index)
            for name, column in columns.items():
                begins[name] = _lay_out(file.create_group(group_name(name)), column, (names or {}).get(name, ()))
            if "audio" in columns:
                file["audio/values"].attrs["sample_rate"] = json.loads(attributes["config"])["audio"]["sample_rate"]
    except RuntimeError as error:  # what h5py makes of a write that failed while it closes the file
        raise OSError(str(error)) from error
    with open(path, "r+b") as file:  # without HDF5, which can crash after a write that failed
        for name, column in columns.items():
            file.seek(begins[name])
            for piece in column.pieces:
                file.write(np.ascontiguousarray(piece, column.dtype))


def _write_index(group: h5py.Group, index: pd.DataFrame) -> None:
    index = index.assign(**{name: column() for name, column in COLUMNS.items() if name not in index})
    for name, column in COLUMNS.items():
        dtype = h5py.string_dtype() if column is str else column
        group.create_dataset(name, data=index[name].to_numpy(dtype=object).astype(dtype), dtype=dtype)
    group.attrs["crc32"] = np.uint32(index_checksum(index))


def _lay_out(group: h5py.Group, column: Column, names: Sequence[str]) -> int:
    """Write all of a column but its values, and return the byte of the file where those begin."""
    group.attrs["names"] = _json(list(names))
    group["offsets"] = offsets = np.concatenate([[0], np.cumsum(column.lengths)]).astype(np.int64)
    group["crc32"] = np.asarray(column.crc32, dtype=np.uint32)
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    values = group.create_dataset("values", (int(offsets[-1]), *column.row), column.dtype, dcpl=layout)
    return values.id.get_offset() or 0  # None where there are no values


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
