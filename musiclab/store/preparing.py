"""Prepare a store: reuse finished clips, compute the missing ones, and write everything into one file."""

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

from musiclab import encoders
from musiclab import features as registry
from musiclab.core.checks import check_known
from musiclab.core.errors import DatasetError, StoreError, differing
from musiclab.core.progress import progress as progress_bar
from musiclab.datasets import AudioFolder, Dataset, open_source
from musiclab.datasets.fingerprints import mark_file, number_copies
from musiclab.store.extraction import in_order, spread_over, try_extract
from musiclab.store.parts import Clip, file_keys, list_clips, make_column, open_parts, open_usable_parts, parts_folder
from musiclab.store.reading import Store
from musiclab.store.writing import attributes, check_name, complete_index, create, current_versions, time_of, write

log = logging.getLogger(__name__)

PART_CLIPS, PART_BYTES = 16, 4 << 20
"""A part is saved as soon as it holds this many clips or this many bytes."""


@dataclass(frozen=True)
class Report:
    """Summary of a finished preparation, returned by :func:`prepare`.

    Attributes
    ----------
    path : pathlib.Path
        Path of the store.
    clips : int
        Number of clips in the store.
    seconds : float
        Total duration of the clips.
    computed : int
        Number of clips for which at least one feature was computed in this call.
    failures : list of (str, str)
        Path and error message of each clip that could not be read. These clips were left out.
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
    """Prepare a store from a data set, or update an existing store.

    A store is a file with the audio and other features of all clips. If it exists, the requested features are added to
    those it already has. Only what is missing is computed: new features, new files, files whose size or modification
    time changed, and clips that failed before. Files that are no longer in the data set are dropped from the store.

    Parameters
    ----------
    dataset : Dataset or str
        Data set from :mod:`musiclab.datasets`, or its source, such as ``"esc10:DIR"``.
    path : str or Path
        Path of the store (``.h5``).
    features : sequence of str or dict, default ("audio", "logmel")
        Feature names from :data:`musiclab.features.FEATURES`, or a dictionary that maps names to settings. With names
        alone, features already in the store keep their settings and new ones get the default settings.
    feature_settings : dict, optional
        Settings that override the defaults, by feature: ``{"logmel": {"n_mels": 64}}``.
    workers : int, default -1
        Number of parallel workers. -1 uses one per core, or all workers of a cluster.
    progress : bool, default True
        Show a progress bar.
    replace : bool, default False
        Start from scratch and replace any file at ``path``.
    backend : str, optional
        How joblib runs the workers: ``"threading"``, ``"loky"`` (processes) or ``"dask"`` (a cluster). Default: the
        backend set by ``joblib.parallel_config``, otherwise threads.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``"tcp://host:8786"``. Its workers must see the source files under the same
        paths. Default: the current ``distributed.Client``.
    wait : bool, default False
        Wait if another process is preparing the same store, instead of raising an error.
    ignore_copies : bool, default False
        Skip the search for copies of the same recording. The copies that it finds get the same number in the column
        ``duplicate``, and splits keep them together. Numbers from earlier searches are kept. Generated data sets have
        no copies, so they are never searched.

    Returns
    -------
    Report
        Summary that lists the clips that could not be read. They are tried again in the next call.

    Raises
    ------
    DatasetError
        If no clip can be read, or all clips of a class fail.
    StoreError
        If a feature is unknown, or ``path`` cannot be written to. If the file at ``path`` is not a store, belongs to
        another data set or has other settings. If another process is preparing the same store.
    KeyboardInterrupt
        If the preparation is interrupted. The message says how to continue.

    Notes
    -----
    An interrupted preparation leaves an existing store untouched. It keeps the finished clips in the folder
    ``.NAME.parts`` next to the store. The next call continues from there and produces the same bytes as an
    uninterrupted one. The disk needs room for two copies of the store. Memory use grows with the number of workers, not
    with the number of clips.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from musiclab.audio import save_audio
    >>> with TemporaryDirectory() as folder:
    ...     _ = save_audio(f"{folder}/sounds/silence/a.wav", np.zeros(8000), 8000)
    ...     report = prepare(f"folder:{folder}/sounds", f"{folder}/sounds.h5", ["audio"], progress=False)
    >>> report.clips, report.seconds
    (1, 1.0)
    """
    path = Path(path)
    check_name(path)
    requested = complete_configs(features, feature_settings)
    if isinstance(dataset, str):
        dataset = open_source(dataset)
    with _adding_recovery_hint(path), open_parts(path, wait) as folder:
        old = Store(path) if path.exists() and not replace else None
        must_agree = isinstance(features, Mapping) or bool(feature_settings)
        index = add_file_status(dataset.index)
        configs = requested if old is None else _merge_configs(old, dataset, index, requested, must_agree)
        if "embedding" in configs:  # fails now if its weights are missing
            encoders.load_for(configs["embedding"])
        settings = {name: config.to_dict() for name, config in configs.items()}
        finished: dict[tuple, Clip] = {}
        for part in open_usable_parts(folder, settings, current_versions()):
            finished |= list_clips(part)
        if old is not None:
            finished |= list_clips(old)
        with spread_over(backend, scheduler, configs):
            failures = _compute(index, configs, folder, finished, workers, progress)
            source = dataset.describe()
            if ignore_copies and not dataset.generated:
                index, is_searched = _take_over_copies(index, old, failures)
                source |= {} if is_searched else {"ignore_copies": True}
            elif not dataset.generated:
                index = index.assign(duplicate=_number_copies(index["path"], workers, progress))
        report = _assemble(path, dataset, source, index, configs, folder, finished, failures, old)
        shutil.rmtree(folder)
        return report


def complete_configs(features: Sequence[str] | Mapping, overrides: Mapping[str, Mapping] | None = None) -> dict:
    """Complete the settings of features and sort them by registry order, so that a store's bytes don't depend on it."""
    names = [features] if isinstance(features, str) else list(features)
    if not names:
        raise StoreError(f"no features requested; choose at least one of {', '.join(registry.FEATURES)}")
    for name in names:
        check_known(name, registry.FEATURES, "features", StoreError)
    for name, settings in (overrides or {}).items():
        check_known(name, names, "settings of a feature", StoreError)
        if not isinstance(settings, Mapping):
            raise StoreError(f"{name}: expected settings by name, such as {name}.sample_rate=22050, found {settings!r}")
    base = {name: config.to_dict() for name, config in features.items()} if isinstance(features, Mapping) else {}
    chosen = {}
    for name in names:
        settings = {**base.get(name, {}), **(overrides or {}).get(name, {})}
        if name == "embedding" and not settings.get("checksum"):
            wanted = {key: settings[key] for key in ("encoder", "sample_rate") if key in settings}
            known = encoders.settings(**wanted)
            settings |= {"dimensions": known.dimensions, "checksum": known.checksum}
        chosen[name] = registry.config(name, settings)
    return {name: chosen[name] for name in registry.FEATURES if name in names}


def add_file_status(index: pd.DataFrame) -> pd.DataFrame:
    """Add the columns ``size`` (bytes) and ``modified`` (ns) to an index. Both are 0 for files that do not exist."""
    statuses = [os.stat(path) if os.path.exists(path) else None for path in index["path"]]
    return index.assign(
        size=[status.st_size if status else 0 for status in statuses],
        modified=[status.st_mtime_ns if status else 0 for status in statuses],
    )


def _merge_configs(old: Store, dataset: Dataset, index: pd.DataFrame, requested: dict, must_agree: bool) -> dict:
    """Add the features of the old store, with their settings, to the requested ones."""
    name, old_name = dataset.describe()["name"], old.source.get("name")
    if old_name != name:
        raise StoreError(
            f"{old.path}: expected a store of {name}, found one of {old_name}; choose another name, "
            "or replace the file with --replace"
        )
    if isinstance(dataset, AudioFolder) and not _has_common_clips(old.index, index):
        raise StoreError(
            f"{old.path}: this store has none of the clips, such as {index['path'][0]}. It comes from another folder "
            f"of this name, with {old.index['path'][0]}. Choose another name, or replace the file with --replace."
        )
    configs = {**requested, **{name: registry.config(name, settings) for name, settings in old.config.items()}}
    merged = {name: configs[name] for name in requested}
    if must_agree and (mismatch := differing(_flatten(requested), _flatten(merged))):
        raise StoreError(
            f"{old.path}: expected a store made with {mismatch[0]}, found one made with {mismatch[1]}; choose another "
            "name, or start from scratch with --replace"
        )
    return complete_configs(configs)


def _has_common_clips(old: pd.DataFrame, new: pd.DataFrame) -> bool:
    """Return True if a clip has the same path in two indices, or if its file was moved."""
    moved = [{(os.path.basename(path), *status) for path, *status in file_keys(index)} for index in (old, new)]
    return bool(set(old["path"]) & set(new["path"]) or moved[0] & moved[1])


def _flatten(configs: Mapping) -> dict:
    return {f"{name}.{key}": value for name, config in configs.items() for key, value in config.to_dict().items()}


def _compute(
    index: pd.DataFrame, configs: Mapping, folder: Path, finished: dict[tuple, Clip], workers: int, progress: bool
) -> dict[str, str]:
    """Compute the missing features and save them in parts. Return the reason for each clip that cannot be read."""
    rows_by_missing: dict[tuple, list[dict]] = {}
    for row, key in zip(index.to_dict("records"), file_keys(index), strict=True):
        if missing := tuple(name for name in configs if (*key, name) not in finished):
            rows_by_missing.setdefault(missing, []).append(row)
    total = sum(map(len, rows_by_missing.values()))
    part_numbers = count(1 + max((int(part.stem) for part in folder.iterdir()), default=0))
    failures: dict[str, str] = {}
    with progress_bar(None, "preparing", total, unit="clip", show=progress and total > 0) as bar:
        for missing, rows in rows_by_missing.items():
            chosen = {name: configs[name] for name in missing}
            for part in _extract_in_parts(rows, chosen, workers, failures, bar):
                path = folder / f"{next(part_numbers):08d}.h5"
                with create(path, {name: config.to_dict() for name, config in chosen.items()}, {}) as writer:
                    for row, clip in part:
                        writer.append(row, clip)
                finished |= list_clips(Store(path))
    return failures


def _extract_in_parts(
    rows: list[dict], configs: Mapping, workers: int, failures: dict[str, str], bar
) -> Iterator[list[tuple[dict, dict]]]:
    """Extract clips and yield them with their rows, one part at a time. Add unreadable clips to ``failures``."""
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


def _take_over_copies(index: pd.DataFrame, old: Store | None, failures: Mapping[str, str]) -> tuple[pd.DataFrame, bool]:
    """Add the copies in the old store to an index, and say whether copies of all its clips have been looked for."""
    numbers = {} if old is None else dict(zip(file_keys(old.index), old.index["duplicate"], strict=True))
    keys = file_keys(index)
    is_searched = old is not None and not old.source.get("ignore_copies")
    is_searched &= all(key in numbers or key[0] in failures for key in keys)
    return index.assign(duplicate=[numbers.get(key, 0) for key in keys]), is_searched


def _assemble(
    path: Path,
    dataset: Dataset,
    source: dict,
    index: pd.DataFrame,
    configs: Mapping,
    folder: Path,
    finished: Mapping[tuple, Clip],
    failures: dict[str, str],
    old: Store | None,
) -> Report:
    """Write the store from the old one and the parts, unless the old one is already up to date."""
    clips = [[finished.get((*key, name)) for name in configs] for key in file_keys(index)]
    is_complete = np.array([None not in row for row in clips])
    left_out = [(name, failures[name]) for name in index["path"][~is_complete]]
    _check_classes(dataset, index[is_complete], left_out)
    clips = [row for row in clips if None not in row]
    index = index[is_complete].assign(seconds=[row[0].seconds for row in clips]).reset_index(drop=True)
    index = complete_index(index)

    computed = sum(any(old is None or clip.path != path for clip in row) for row in clips)
    versions = old.versions if old is not None and not computed else current_versions()
    if old is not None and old.versions != versions:
        log.warning("%s: some clips were computed with other versions: %s, now %s", path, old.versions, versions)
    new_attributes = attributes(
        config={name: config.to_dict() for name, config in configs.items()},
        source=source,
        classes=dataset.classes,
        failures=left_out,
        versions=versions,
        as_of=time_of(index["modified"].to_numpy()),
    )
    is_unchanged = old is not None and not computed and old.attributes == new_attributes
    if not (is_unchanged and old.index.equals(index[list(old.index)])):
        clips_by_feature = zip(configs, zip(*clips, strict=True), strict=True)
        columns = {feature: make_column(feature, list(column_clips)) for feature, column_clips in clips_by_feature}
        unfinished = folder / "unfinished.h5"
        try:
            write(unfinished, new_attributes, index, columns, {name: config.names for name, config in configs.items()})
            if old is not None:
                old.close()  # Windows cannot replace an open file
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
    return Report(path, len(index), float(index["seconds"].sum()), computed, left_out)


def _check_classes(dataset: Dataset, readable: pd.DataFrame, failures: list) -> None:
    lost_classes = sorted(set(dataset.classes) - set(readable["label"]))
    if lost_classes:
        reasons = "\n  ".join(reason for _, reason in failures[:10])
        problem = "no clip can be read" if readable.empty else f"no clip of {', '.join(lost_classes)} can be read"
        raise DatasetError(f"{dataset.name}: {problem}:\n  {reasons}")


@contextmanager
def _adding_recovery_hint(path: Path) -> Iterator[None]:
    """Say how to continue if the block is interrupted or the disk is full."""
    parts = parts_folder(path)
    try:
        yield
    except KeyboardInterrupt:
        kept = f"finished clips are kept in {parts}, and the same call continues from there"
        raise KeyboardInterrupt(f"{path}: stopped; {kept if parts.exists() else 'nothing was kept'}") from None
    except OSError as error:
        if parts.exists():
            hint = f"free some disk space; finished clips are kept in {parts}, and the same call continues from there"
        else:
            hint = "choose a folder that you can write to"
        raise StoreError(f"{path}: the store cannot be written ({error}); {hint}") from error
