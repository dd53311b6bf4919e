"""The whole of a preparation: what is there already, what is missing, and one store of both."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd

from musiclab import features as known
from musiclab.core.errors import DatasetError, StoreError, did_you_mean
from musiclab.core.progress import progress as progress_bar
from musiclab.datasets import Dataset
from musiclab.store.extraction import extract_block, in_order, spread_over
from musiclab.store.parts import Finished, Parts, keys, open_parts, parts_folder, with_files
from musiclab.store.reading import Store, differences
from musiclab.store.writing import attributes, check_name, current_versions, time_of, write

log = logging.getLogger(__name__)

BLOCK_CLIPS, BLOCK_BYTES = 16, 4 << 20
"""What is computed and kept at once: so many clips, or fewer when their sound would take more bytes than this."""

_EXPANSION = {".ogg": 10, ".mp3": 10, ".flac": 2}  # bytes of 16-bit sound that come out of one byte of a file, or so


@dataclass(frozen=True)
class Report:
    """What became of a preparation.

    Attributes
    ----------
    path : pathlib.Path
        The store.
    clips : int
        In the store.
    seconds : float
        Of sound, in all.
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
    dataset: Dataset,
    path: str | Path,
    features: Sequence[str] | Mapping = ("audio", "logmel"),
    *,
    workers: int = -1,
    progress: bool = True,
    replace: bool = False,
    backend: str | None = None,
    scheduler: str | None = None,
    wait: bool = False,
) -> Report:
    """Make a store from a data set, or add to it what is missing.

    Where the store is there already, the features that are asked for are added to those that it has, and only what is
    missing is computed: new features, new files, files that have changed (their size or their time), and clips that
    could not be read before. Files that have left the data set leave the store.

    A preparation that is stopped, in whatever way, leaves the old store as it was, or none, and keeps what is finished
    in a folder ``.NAME.parts`` beside it; the next call goes on from there and ends with the same bytes. The disk must
    have room for the store twice. Memory holds a few blocks of clips a worker, whatever the number of clips; one very
    long clip is held whole, at its own rate.

    Parameters
    ----------
    dataset
        Any of :mod:`musiclab.datasets`.
    path
        The store.
    features
        Names among :data:`musiclab.features.FEATURES`, or a dictionary of their settings by name. Left to themselves,
        features that the store has keep their settings, and new ones get the usual ones.
    workers
        That decode and compute; -1 is one a core, or all of a cluster's.
    progress
        Draw a progress bar.
    replace
        Start anew and replace whatever has that name.
    backend
        ``"threading"``, ``"loky"`` (processes) or ``"dask"``; left out, what ``joblib.parallel_config`` says, or else
        threads.
    scheduler
        Address of a Dask scheduler, such as ``"tcp://host:8786"``; its workers must see the source files under the
        same names. Left out, that of the ``distributed.Client`` that is open.
    wait
        Wait while another process makes the same store, and do not refuse.

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
    asked = chosen_configs(features)
    with _explained(path), open_parts(path, wait) as parts:
        old = Store(path) if path.exists() and not replace else None
        configs = asked if old is None else _with_old(old, dataset, features, asked)
        index = with_files(dataset.index)
        left = parts.usable({name: config.to_dict() for name, config in configs.items()}, current_versions())
        finished = Finished([*([old] if old else []), *left])
        blocks = _blocks(index, finished, configs)
        with spread_over(backend, scheduler, configs):
            failures = _compute(blocks, configs, parts, finished, workers, progress)
        return _assemble(path, dataset, index, configs, parts, finished, failures, old)


def chosen_configs(features: Sequence[str] | Mapping) -> dict:
    """Settings by feature, in the order of the registry: the bytes must not depend on the order of asking."""
    if isinstance(features, str):
        features = (features,)
    for name in features:
        if name not in known.FEATURES:
            raise StoreError(
                f"expected features among {', '.join(known.FEATURES)}, found {name}{did_you_mean(name, known.FEATURES)}"
            )
    if not features:
        raise StoreError(f"expected at least one feature among {', '.join(known.FEATURES)}, found none")
    given = features if isinstance(features, Mapping) else {name: known.config(name, None) for name in features}
    return {name: given[name] for name in known.FEATURES if name in given}


def _with_old(old: Store, dataset: Dataset, features: Sequence[str] | Mapping, asked: Mapping) -> dict:
    """All features of the new store, with their settings: those of the old one and those that were asked for."""
    name, found = dataset.describe()["name"], old.source.get("name")
    if found != name:
        raise StoreError(
            f"{old.path}: expected a store of {name}, found one of {found}; give another name, "
            "or replace it with --replace"
        )
    if isinstance(features, Mapping):
        apart = differences({name: config.to_dict() for name, config in asked.items()}, old.config)
        if apart:
            raise StoreError(
                f"{old.path}: expected the settings that the store was made with, found others:\n{apart}\n"
                "give another name, or make the store anew with --replace"
            )
    try:
        kept = {name: known.config(name, settings) for name, settings in old.config.items()}
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"{old.path}: expected features and settings that this musiclab knows, found others ({error}); "
            "make the store anew with --replace"
        ) from error
    return {name: {**asked, **kept}[name] for name in known.FEATURES if name in {**asked, **kept}}


def _blocks(index: pd.DataFrame, finished: Finished, configs: Mapping) -> list[tuple[list[dict], tuple[str, ...]]]:
    """The work: rows of the index that stand together, with the features that are missing of all of them."""
    rows = index.to_dict("records")
    missing = [tuple(name for name in configs if not finished.place(key, name)) for key in keys(index)]
    blocks = []
    for lacks, run in groupby(zip(rows, missing, strict=True), key=lambda pair: pair[1]):
        clips, room = BLOCK_CLIPS, 0  # a run begins with a new block
        for row, _ in run if lacks else ():
            size = row["size"] * _EXPANSION.get(Path(row["path"]).suffix.lower(), 1)
            if clips == BLOCK_CLIPS or room < size:
                blocks.append(([], lacks))
                clips, room = 0, BLOCK_BYTES
            blocks[-1][0].append(row)
            clips, room = clips + 1, room - size
    return blocks


def _compute(
    blocks: list, configs: Mapping, parts: Parts, finished: Finished, workers: int, progress: bool
) -> dict[str, str]:
    """Compute the blocks and keep them as parts; give the reason for each clip that could not be read."""
    failures = {}
    tasks = [([row["path"] for row in rows], {name: configs[name] for name in lacks}) for rows, lacks in blocks]
    clips = sum(len(rows) for rows, _ in blocks)
    bar = progress_bar(None, "preparing", clips, unit="clip", show=progress and clips > 0)
    with bar, closing(in_order(extract_block, tasks, workers)) as computed:
        for (rows, lacks), results in zip(blocks, computed, strict=True):
            done = []
            for row, clip in zip(rows, results, strict=True):
                if isinstance(clip, str):
                    failures[row["path"]] = clip
                else:
                    done.append(({**row, "seconds": clip.pop("seconds")}, clip))
            if done:
                finished.add(parts.add(*zip(*done, strict=True), {name: configs[name].to_dict() for name in lacks}))
            bar.update(len(rows))
    return failures


def _assemble(
    path: Path,
    dataset: Dataset,
    index: pd.DataFrame,
    configs: Mapping,
    parts: Parts,
    finished: Finished,
    failures: dict[str, str],
    old: Store | None,
) -> Report:
    """Put the store together out of the old one and the parts, unless the old one is that store already."""
    found = {name: [finished.place(key, name) for key in keys(index)] for name in configs}
    whole = np.array([all(places) for places in zip(*found.values(), strict=True)])
    left_out = [(name, failures[name]) for name in index["path"][~whole]]
    _check_classes(dataset, index[whole], left_out)
    index = index[whole].reset_index(drop=True)
    index["seconds"] = [finished.seconds(key) for key in keys(index)]
    places = {name: np.array([place for place, ok in zip(found[name], whole, strict=True) if ok]) for name in configs}

    computed = np.zeros(len(index), dtype=bool)
    for each in places.values():
        computed |= (each[:, 0] > 0) | (old is None)  # number 0 is the old store, if there is one
    if old is not None and computed.any() and old.versions != current_versions():
        log.warning("%s: holds clips made by other versions: %s, now %s", path, old.versions, current_versions())
    facts = attributes(
        config={name: config.to_dict() for name, config in configs.items()},
        source=dataset.describe(),
        classes=dataset.classes,
        failures=left_out,
        versions=old.versions if old is not None and not computed.any() else current_versions(),
        as_of=time_of(index["modified"].to_numpy()),
    )
    if old is not None and not computed.any() and _is(old, facts, index):
        parts.remove()
    else:
        columns = {name: finished.column(name, places[name]) for name in configs}
        names = {name: config.names for name, config in configs.items()}
        with parts.whole(path) as unfinished:
            write(unfinished, facts, index, columns, names)
    return Report(path, len(index), float(index["seconds"].sum()), int(computed.sum()), left_out)


def _is(old: Store, facts: dict, index: pd.DataFrame) -> bool:
    """Whether the old store, which has all that is needed, is the new one already."""
    return old.attributes == facts and old.index.equals(index[list(old.index)])


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
