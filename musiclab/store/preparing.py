"""The whole of a preparation: what is there already, what is missing, and one store of both."""

import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd

from musiclab import features as known
from musiclab.core.checks import check_known
from musiclab.core.errors import DatasetError, StoreError, differing
from musiclab.core.progress import progress as progress_bar
from musiclab.datasets import Dataset, open_source
from musiclab.datasets.fingerprints import mark_file, number_copies
from musiclab.store.extraction import in_order, spread_over, try_extract
from musiclab.store.parts import Clip, clips_of, column, keys, open_parts, parts_folder, usable_parts
from musiclab.store.reading import Store
from musiclab.store.writing import attributes, check_name, complete_index, create, current_versions, time_of, write

log = logging.getLogger(__name__)

PART_CLIPS, PART_BYTES = 16, 4 << 20
"""What is kept at once when it is finished: so many clips, or fewer that take more bytes than this."""


@dataclass(frozen=True)
class Report:
    """Say what a preparation has made.

    Attributes
    ----------
    path : pathlib.Path
        The store.
    clips, seconds : int, float
        How many clips are in the store, and how long they are together.
    computed : int
        Clips of which something was computed now; all else was there already.
    failures : list of (path, reason)
        Clips that were left out.
    """

    path: Path
    clips: int
    seconds: float
    computed: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        megabytes = self.path.stat().st_size / 1e6
        line = f"{self.path}: {self.clips} clips, {self.seconds / 3600:.2f} h, {megabytes:.1f} MB"
        if self.computed < self.clips:
            line += f", {self.computed} computed now"
        return f"{line}, {len(self.failures)} left out" if self.failures else line


def prepare(
    dataset: Dataset | str,
    path: str | Path,
    features: Sequence[str] | Mapping = ("audio", "logmel"),
    *,
    feature_settings: Mapping[str, Mapping] | None = None,
    workers: int = -1,
    progress: bool = True,
    replace: bool = False,
    backend: str | None = None,
    scheduler: str | None = None,
    wait: bool = False,
    ignore_copies: bool = False,
) -> Report:
    """Make a store from a data set, or add to it what is missing.

    Where the store is there already, the features that are asked for are added to those that it has, and only what is
    missing is computed: new features, new files, files that have changed (their size or their time), and clips that
    could not be read before. Files that have left the data set leave the store.

    A preparation that is stopped, in whatever way, leaves the old store as it was, or none, and keeps what is finished
    in a folder ``.NAME.parts`` beside it; the next call goes on from there and ends with the same bytes. The disk must
    have room for the store twice. Memory holds some clips for each worker, however many there are.

    Parameters
    ----------
    dataset
        Any of :mod:`musiclab.datasets`, or its source, such as ``"esc10:DIR"``.
    path
        The store.
    features
        Names among :data:`musiclab.features.FEATURES`, or a dictionary of their settings by name. Left to themselves,
        features that the store has keep their settings, and new ones get the usual ones.
    feature_settings
        Settings that differ from the usual ones, by feature: ``{"logmel": {"n_mels": 64}}``.
    workers
        How many decode and compute; default -1, one for each core, or all of a cluster.
    progress
        Draw a progress bar.
    replace
        Start from scratch and replace whatever has that name.
    backend
        ``"threading"``, ``"loky"`` (processes) or ``"dask"``; default what ``joblib.parallel_config`` says, or else
        threads.
    scheduler
        Address of a Dask scheduler, such as ``"tcp://host:8786"``, default that of the ``distributed.Client`` that is
        open; its workers must see the source files under the same names.
    wait
        Wait while another process makes the same store, instead of refusing.
    ignore_copies
        Do not look for copies of one recording, which splits keep together (column ``duplicate``). Generated sound has
        none.

    Returns
    -------
    Report
        With the clips that could not be read, and why: they are left out, and tried again the next time.

    Raises
    ------
    DatasetError
        No clip could be read, or none of a class.
    StoreError
        An unknown feature; a file of that name that is no store, is of another data set, or was made with other
        settings; a place that cannot be written to; another process that makes the same store.
    KeyboardInterrupt
        With a text that says how to go on.
    """
    path = Path(path)
    check_name(path)
    asked = chosen_configs(features, feature_settings)
    if isinstance(dataset, str):
        dataset = open_source(dataset)
    with _explained(path), open_parts(path, wait) as folder:
        old = Store(path) if path.exists() and not replace else None
        must_agree = isinstance(features, Mapping) or bool(feature_settings)
        configs = asked if old is None else _with_old(old, dataset, asked, must_agree)
        settings = {name: config.to_dict() for name, config in configs.items()}
        index = with_files(dataset.index)
        finished: dict[tuple, Clip] = {}
        for part in usable_parts(folder, settings, current_versions()):
            finished |= clips_of(part)
        if old is not None:
            finished |= clips_of(old)
        with spread_over(backend, scheduler, configs):
            failures = _compute(index, configs, folder, finished, workers, progress)
            if not (ignore_copies or dataset.generated):
                index = index.assign(duplicate=_number_copies(index["path"], workers, progress))
        report = _assemble(path, dataset, index, configs, folder, finished, failures, old)
        shutil.rmtree(folder)
        return report


def chosen_configs(features: Sequence[str] | Mapping, changes: Mapping[str, Mapping] | None = None) -> dict:
    """Complete the settings of features, in the order of the registry: bytes must not depend on the order of asking."""
    names = [features] if isinstance(features, str) else list(features)
    if not names:
        raise StoreError(f"expected at least one feature among {', '.join(known.FEATURES)}, found none")
    for name in names:
        check_known(name, known.FEATURES, "features", StoreError)
    for name, settings in (changes or {}).items():
        check_known(name, names, "settings of a feature", StoreError)
        if not isinstance(settings, Mapping):
            raise StoreError(f"{name}: expected settings by name, such as {name}.sample_rate=22050, found {settings!r}")
    usual = {name: config.to_dict() for name, config in features.items()} if isinstance(features, Mapping) else {}
    chosen = {name: known.config(name, {**usual.get(name, {}), **(changes or {}).get(name, {})}) for name in names}
    return {name: chosen[name] for name in known.FEATURES if name in names}


def with_files(index: pd.DataFrame) -> pd.DataFrame:
    """Add ``size`` (bytes) and ``modified`` (ns) of each file to an index; 0 where there is no file."""
    files = [os.stat(path) if os.path.exists(path) else None for path in index["path"]]
    return index.assign(
        size=[file.st_size if file else 0 for file in files],
        modified=[file.st_mtime_ns if file else 0 for file in files],
    )


def _with_old(old: Store, dataset: Dataset, asked: dict, must_agree: bool) -> dict:
    """Add the features of the old store, with their settings, to those that were asked for."""
    name, old_name = dataset.describe()["name"], old.source.get("name")
    if old_name != name:
        raise StoreError(
            f"{old.path}: expected a store of {name}, found one of {old_name}; give another name, "
            "or replace it with --replace"
        )
    configs = {**asked, **{name: known.config(name, settings) for name, settings in old.config.items()}}
    if must_agree and (apart := differing(_flat(asked), _flat({name: configs[name] for name in asked}))):
        raise StoreError(
            f"{old.path}: expected a store made with {apart[0]}, found one made with {apart[1]}; give another name, "
            "or make the store anew with --replace"
        )
    return chosen_configs(configs)


def _flat(configs: Mapping) -> dict:
    return {f"{name}.{key}": value for name, config in configs.items() for key, value in config.to_dict().items()}


def _compute(
    index: pd.DataFrame, configs: Mapping, folder: Path, finished: dict[tuple, Clip], workers: int, progress: bool
) -> dict[str, str]:
    """Compute what is missing and keep it in parts; return the reason for each clip that cannot be read."""
    lacking: dict[tuple, list[dict]] = {}
    for row, key in zip(index.to_dict("records"), keys(index), strict=True):
        if missing := tuple(name for name in configs if (*key, name) not in finished):
            lacking.setdefault(missing, []).append(row)
    total = sum(map(len, lacking.values()))
    numbers = count(1 + max((int(file.stem) for file in folder.iterdir()), default=0))
    failures: dict[str, str] = {}
    with progress_bar(None, "preparing", total, unit="clip", show=progress and total > 0) as bar:
        for missing, rows in lacking.items():
            chosen = {name: configs[name] for name in missing}
            for part in _extract_in_parts(rows, chosen, workers, failures, bar):
                path = folder / f"{next(numbers):08d}.h5"
                with create(path, {name: config.to_dict() for name, config in chosen.items()}, {}) as writer:
                    for row, clip in part:
                        writer.append(row, clip)
                finished |= clips_of(Store(path))
    return failures


def _extract_in_parts(
    rows: list[dict], configs: Mapping, workers: int, failures: dict[str, str], bar
) -> Iterator[list[tuple[dict, dict]]]:
    """Extract clips and yield them, with their rows, when there are enough for a part; note why others cannot be."""
    part, size = [], 0
    with closing(in_order(try_extract, [(row["path"], configs) for row in rows], workers)) as clips:
        for row, clip in zip(rows, clips, strict=True):
            bar.update(1)
            if isinstance(clip, str):
                failures[row["path"]] = clip
                continue
            part.append(({**row, "seconds": clip.pop("seconds")}, clip))
            size += sum(values.nbytes for values in clip.values())
            if len(part) == PART_CLIPS or size >= PART_BYTES:
                yield part
                part, size = [], 0
    if part:
        yield part


def _number_copies(paths: pd.Series, workers: int, progress: bool) -> np.ndarray:
    marks = in_order(mark_file, [(path,) for path in paths], workers)
    with closing(marks):
        bar = progress_bar(marks, "looking for copies", len(paths), unit="clip", show=progress)
        return number_copies(list(bar), progress)


def _assemble(
    path: Path,
    dataset: Dataset,
    index: pd.DataFrame,
    configs: Mapping,
    folder: Path,
    finished: Mapping[tuple, Clip],
    failures: dict[str, str],
    old: Store | None,
) -> Report:
    """Put the store together out of the old one and the parts, unless the old one is that store already."""
    clips = [[finished.get((*key, name)) for name in configs] for key in keys(index)]
    complete = np.array([None not in row for row in clips])
    left_out = [(name, failures[name]) for name in index["path"][~complete]]
    _check_classes(dataset, index[complete], left_out)
    clips = [row for row in clips if None not in row]
    index = index[complete].assign(seconds=[row[0].seconds for row in clips]).reset_index(drop=True)
    index = complete_index(index)

    computed = sum(any(old is None or clip.path != path for clip in row) for row in clips)
    versions = old.versions if old is not None and not computed else current_versions()
    if old is not None and old.versions != versions:
        log.warning("%s: holds clips made by other versions: %s, now %s", path, old.versions, versions)
    facts = attributes(
        config={name: config.to_dict() for name, config in configs.items()},
        source=dataset.describe(),
        classes=dataset.classes,
        failures=left_out,
        versions=versions,
        as_of=time_of(index["modified"].to_numpy()),
    )
    is_there = old is not None and not computed and old.attributes == facts and old.index.equals(index[list(old.index)])
    if not is_there:
        columns = {name: column(name, list(some)) for name, some in zip(configs, zip(*clips, strict=True), strict=True)}
        unfinished = folder / "unfinished.h5"
        try:
            write(unfinished, facts, index, columns, {name: config.names for name, config in configs.items()})
            if old is not None:
                old.close()  # Windows replaces nothing that is open
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
    return Report(path, len(index), float(index["seconds"].sum()), computed, left_out)


def _check_classes(dataset: Dataset, left: pd.DataFrame, failures: list) -> None:
    gone = sorted(set(dataset.classes) - set(left["label"]))
    if gone:
        reasons = "\n  ".join(reason for _, reason in failures[:10])
        which = "any clip" if left.empty else f"a clip of {', '.join(gone)}"
        raise DatasetError(f"{dataset.name}: expected {which} that can be read, found none:\n  {reasons}")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say how to go on where the block is stopped, or the disk is full."""
    parts = parts_folder(path)
    try:
        yield
    except KeyboardInterrupt:
        kept = f"what is finished is kept in {parts}, and the same call goes on from there"
        raise KeyboardInterrupt(f"{path}: stopped; {kept if parts.exists() else 'nothing was kept'}") from None
    except OSError as error:
        if parts.exists():
            what = f"what is finished is kept in {parts}: make room there, and the same call goes on from there"
        else:
            what = "give a place that can be written to"
        raise StoreError(f"{path}: expected to be able to write the store, found: {error}; {what}") from error
