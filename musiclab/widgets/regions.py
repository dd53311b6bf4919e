"""Read and write the regions of a :class:`~musiclab.widgets.Player`, as CSV, Audacity labels or JAMS."""

import csv
import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import traitlets

from musiclab.core.errors import MusiclabError, counted
from musiclab.core.files import replacing

COLUMNS = ["start", "end", "label"]


class WithRegions(traitlets.HasTraits):
    """Mixin of a widget with a ``duration`` in s and a title in ``_scene``, which has regions."""

    _regions = traitlets.List(traitlets.Dict()).tag(sync=True)

    @property
    def regions(self) -> pd.DataFrame:
        return check_regions(self._regions, self.duration)[0]

    @regions.setter
    def regions(self, regions) -> None:
        self._set_regions(regions, "regions")

    def _set_regions(self, regions, source: str) -> None:
        table, problem = check_regions(regions, self.duration, source)
        if problem:
            warnings.warn(problem, stacklevel=3)
        self._regions = table.to_dict("records")

    def save_regions(self, path: str | Path) -> None:
        """Save the regions as CSV, Audacity labels or JAMS.

        Parameters
        ----------
        path : path
            File to write: ``.csv``, ``.txt`` for Audacity labels, or ``.jams`` (namespace ``segment_open``).

        Raises
        ------
        MusiclabError
            If the name has another suffix.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> from musiclab.widgets import Player
        >>> player = Player(np.zeros(22050), 22050)
        >>> player.regions = [{"start": 0.25, "end": 0.75, "label": "a bar"}]
        >>> with TemporaryDirectory() as folder:
        ...     player.save_regions(f"{folder}/bars.txt")
        ...     Path(folder, "bars.txt").read_text()
        '0.250000\\t0.750000\\ta bar\\n'
        """
        write_regions(self.regions, Path(path), self._scene["title"], self.duration)

    def load_regions(self, path: str | Path) -> None:
        """Replace the regions by those of a file that :meth:`save_regions` or another program wrote.

        Regions that don't lie in the sound are passed over with a warning.

        Parameters
        ----------
        path : path
            File to read: ``.csv`` with the columns ``start, end, label``, ``.txt`` or ``.jams``.

        Raises
        ------
        MusiclabError
            If the file can't be read as regions. The regions of the player stay.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> from musiclab.widgets import Player
        >>> player = Player(np.zeros(22050), 22050)
        >>> with TemporaryDirectory() as folder:
        ...     _ = Path(folder, "bars.csv").write_text("start,end,label\\n0.25,0.75,a bar\\n")
        ...     player.load_regions(f"{folder}/bars.csv")
        >>> player.regions["label"].tolist()
        ['a bar']
        """
        self._set_regions(read_regions(Path(path)), str(path))


def check_regions(regions, duration: float, source: str = "regions") -> tuple[pd.DataFrame, str]:
    """Check a table of regions with the columns ``start, end, label``, and sort it.

    Returns the regions that lie within ``duration`` seconds, and a message about the others, or "". Raises
    MusiclabError if there is no column ``start`` or ``end``.
    """
    table = pd.DataFrame(regions if regions is not None and len(regions) else {name: [] for name in COLUMNS})
    if table.columns.tolist() == [0, 1, 2]:  # made of tuples
        table.columns = COLUMNS
    if missing := [name for name in COLUMNS[:2] if name not in table]:
        raise MusiclabError(
            f"{source}: expected a table with the columns start, end (in s) and label, "
            f"found no {' and no '.join(missing)}"
        )
    times = table[COLUMNS[:2]].apply(pd.to_numeric, errors="coerce")
    labels = table["label"].astype(object) if "label" in table else pd.Series("", index=table.index)
    table = times.assign(label=labels.where(labels.notna(), "").astype(str))
    is_good = (times["start"] >= 0) & (times["start"] <= times["end"]) & (times["end"] <= duration + 1e-3)
    bad = [int(row) for row in np.flatnonzero(~is_good)]
    table = table[is_good].astype({"start": float, "end": float}).sort_values("start", kind="stable", ignore_index=True)
    table["end"] = table["end"].clip(upper=duration)
    if not bad:
        return table, ""
    rows = ", ".join(str(row + 1) for row in bad[:5]) + (", ..." if len(bad) > 5 else "")
    return table, (
        f"{source}: passed over {counted(len(bad), 'region')} ({rows}) of {len(is_good)}; "
        f"a region needs 0 <= start <= end <= {duration:g} s"
    )


def read_regions(path: Path) -> pd.DataFrame:
    """Read a file that :func:`write_regions` or another program wrote; its suffix is its format."""
    read, _ = _format_of(path)
    try:
        return read(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise MusiclabError(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise MusiclabError(f"{path}: can't be read as regions ({error}); {_EXPECTED[path.suffix.lower()]}") from error


def write_regions(regions: pd.DataFrame, path: Path, title: str, duration: float) -> None:
    """Write regions as CSV (``.csv``), Audacity labels (``.txt``) or JAMS (``.jams``, namespace ``segment_open``)."""
    _, write = _format_of(path)
    with replacing(path) as unfinished:
        unfinished.write_text(write(regions, title, duration), encoding="utf-8")


def _format_of(path: Path):
    if path.suffix.lower() not in _FORMATS:
        raise MusiclabError(f"{path}: expected a name that ends in .csv, .txt (Audacity labels) or .jams")
    return _FORMATS[path.suffix.lower()]


def _read_csv(text: str) -> pd.DataFrame:
    return pd.DataFrame(list(csv.DictReader(text.splitlines(keepends=True))))


def _write_csv(regions: pd.DataFrame, title: str, duration: float) -> str:
    return regions.to_csv(index=False, float_format="%.6f", lineterminator="\n")


def _read_labels(text: str) -> pd.DataFrame:
    lines = [line.split("\t") for line in text.splitlines() if line and not line.startswith("\\")]  # \: frequencies
    if any(len(line) < 2 for line in lines):
        raise ValueError("a line has no tab")
    return pd.DataFrame([[*line, ""][:3] for line in lines], columns=COLUMNS)


def _write_labels(regions: pd.DataFrame, title: str, duration: float) -> str:
    rows = zip(regions["start"], regions["end"], regions["label"], strict=True)
    return "".join(f"{start:.6f}\t{end:.6f}\t{' '.join(label.split())}\n" for start, end, label in rows)


def _read_jams(text: str) -> pd.DataFrame:
    annotations = [found for found in json.loads(text)["annotations"] if found["namespace"] == "segment_open"]
    if not annotations:
        raise ValueError("no annotation has the namespace segment_open")
    rows = [(row["time"], row["time"] + row["duration"], row["value"]) for row in annotations[0]["data"]]
    return pd.DataFrame(rows, columns=COLUMNS)


def _write_jams(regions: pd.DataFrame, title: str, duration: float) -> str:
    data = [
        {"time": row.start, "duration": row.end - row.start, "value": row.label, "confidence": None}
        for row in regions.itertuples()
    ]
    annotation = {
        "annotation_metadata": {"data_source": "musiclab"},
        "namespace": "segment_open",
        "data": data,
        "sandbox": {},
        "time": 0,
        "duration": duration,
    }
    about = {
        "title": title,
        "artist": "",
        "release": "",
        "duration": duration,
        "identifiers": {},
        "jams_version": "0.3.4",
    }
    return json.dumps({"annotations": [annotation], "file_metadata": about, "sandbox": {}}, indent=2)


_FORMATS = {
    ".csv": (_read_csv, _write_csv),
    ".txt": (_read_labels, _write_labels),
    ".jams": (_read_jams, _write_jams),
}
_EXPECTED = {
    ".csv": "expected a first line start,end,label",
    ".txt": "expected Audacity labels: lines of start, end and label, separated by tabs",
    ".jams": "expected JSON with an annotation of the namespace segment_open",
}
