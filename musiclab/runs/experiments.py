"""Train or cross-validate a model: from data to a run."""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from musiclab import features, models
from musiclab.core.errors import DatasetError, Problems, RunError, StoreError, counted, differing
from musiclab.datasets import Dataset, splits
from musiclab.datasets.splits import Split
from musiclab.runs.run import (
    Run,
    RunSettings,
    check_out,
    clip_digests,
    data_digest,
    is_finished,
    join_folds,
    load,
    open_with_warning,
)
from musiclab.store import Segments, Store, must_render, open_index
from musiclab.store.metadata import remake
from musiclab.training import Recipe, State, TrainConfig, evaluate, fit, pick_device, recipe
from musiclab.training.devices import is_main, main_first, pick_precision

log = logging.getLogger(__name__)


def train(
    model: str,
    data: str | Path | Dataset | Store,
    out: str | Path | None = None,
    *,
    fold: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    split_seed: int | None = None,
    ignore_copies: bool = False,
    show_progress: bool = True,
    command: str = "",
    **overrides,
) -> Run:
    """Train a model on the training set, choose the epoch on the validation set, and test it once on the test set.

    Parameters
    ----------
    model
        Name of the model, one of :data:`musiclab.models.NAMES`.
    data
        Store or its path (``.h5``), data set, or source such as ``"folder:recordings"``. Data that are not a store are
        prepared for the model and cached.
    out
        Run folder to write, with the model, its results and a report.
    fold
        Official fold that tests; the next one validates. Default: as :func:`musiclab.datasets.splits.choose_split`.
    resume
        Continue a training in ``out`` that was stopped; the result is as if it had never stopped. A finished run is
        loaded.
    overwrite
        Replace a finished run in ``out``; without it, such a folder is refused before anything is read.
    split_seed
        Random seed of a split by group, default the seed of the training (``seed``), which also decides the initial
        weights, the order of the clips, their segments and the augmentation.
    ignore_copies
        Split as if there were no copies of recordings. Without it, copies of one recording count as one group; where
        the data set has official folds or a split, they are left out of training and validation.
    show_progress
        Draw a progress bar.
    command
        Command to keep with the run.
    **overrides
        Changes of the model's recipe, such as ``epochs=5, width=16`` (:func:`musiclab.training.recipe`).

    Raises
    ------
    MusiclabError
        The data, the model or the settings do not fit. What the names of files, classes and settings tell is checked
        before any clip is decoded, and all of it is reported at once.
    KeyboardInterrupt
        It was stopped in its first epoch. If it is stopped later, the model is tested as it is.

    Examples
    --------
    >>> run = train("cnn", "folder:recordings", out="runs/mine", epochs=5, width=16)  # doctest: +SKIP
    >>> print(run)  # doctest: +SKIP
    """
    plan = {"fold": fold, "resume": resume, "overwrite": overwrite, "split_seed": split_seed}
    chosen, opened = check_train(model, data, out, **plan, **overrides)
    store = _open_for(chosen, opened, warns=isinstance(data, str | Path))
    index = _index_to_split(store, ignore_copies)
    split = splits.choose_split(index, fold, _seed_of_split(chosen, split_seed))
    run = run_split(chosen, store, split, out, resume=resume, show_progress=show_progress, command=command)
    return _keep(run, out, with_report=True)


def crossval(
    model: str,
    data: str | Path | Dataset | Store,
    folds: Sequence[int] | None = None,
    out: str | Path | None = None,
    *,
    split_seed: int | None = None,
    ignore_copies: bool = False,
    show_progress: bool = True,
    command: str = "",
    **overrides,
) -> Run:
    """Test each fold once with a model that was trained on the others.

    If the protocol of the data set validates (UrbanSound8K, Street), the next fold chooses the epoch. Otherwise all
    other folds train for a fixed number of epochs.

    Parameters
    ----------
    model, data, split_seed, ignore_copies, show_progress, command, **overrides
        As for :func:`train`.
    folds
        Folds to test, default all. Data without official folds get five, by group.
    out
        Folder to write, with a run folder ``fold1``, ``fold2`` ... for each fold, and a report. Finished folds in it
        are loaded, and unfinished ones resumed.

    Returns
    -------
    Run
        Its ``folds`` are runs; its ``result`` holds the clips of all tested folds.

    Raises
    ------
    RunError
        A fold in ``out`` was made with another model, other settings or other data.

    Examples
    --------
    >>> print(crossval("mlp", "esc10:ESC-50-master", out="runs/mlp"))  # doctest: +SKIP
    """
    chosen, opened = check_crossval(model, data, folds, out, split_seed=split_seed, **overrides)
    store = _open_for(chosen, opened, warns=isinstance(data, str | Path))
    index = _index_to_split(store, ignore_copies)
    index = splits.with_folds(index, seed=_seed_of_split(chosen, split_seed))
    known = sorted(set(index["fold"]) - {0})
    tested = known if folds is None else sorted(set(folds))
    runs = {}
    for fold in tested:
        validating = splits.next_fold(index, fold) if store.source.get("validates") else None
        split = splits.by_fold(index, fold, validating)
        folder = None if out is None else Path(out) / f"fold{fold}"
        run = run_split(chosen, store, split, folder, resume=True, show_progress=show_progress, command=command)
        runs[int(fold)] = _keep(raise_if_interrupted(run), folder)
    origin = "official folds" if (store.index["fold"] > 0).any() else "folds by group"
    words = f"all {len(known)} {origin}"
    if tested != known:
        words = f"{len(runs)} of {len(known)} {origin}: not comparable with results on all"
    settings = replace(run.settings, split=words, test_paths=[], clips={}, trained_on={})
    return _keep(join_folds(runs, settings), out, with_report=True)


def check_train(
    model: str, data, out=None, *, fold=None, resume=False, overwrite=False, split_seed=None, **overrides
) -> tuple[Recipe, Dataset | Store]:
    """Check the arguments of :func:`train` before any clip is decoded; return the recipe and the data, opened.

    Raises
    ------
    MusiclabError
        Everything that is wrong with the folder, the model, its settings, the device, the data and their splits, in
        one message.
    """
    problems = Problems()
    problems.check(check_out, out, overwrite or resume)
    return _check_plan(problems, model, data, overrides, split_seed, [partial(splits.choose_split, fold=fold)])


def check_crossval(
    model: str, data, folds=None, out=None, *, split_seed=None, **overrides
) -> tuple[Recipe, Dataset | Store]:
    """Check the arguments of :func:`crossval` as :func:`check_train` does those of a training."""
    problems = Problems()
    with problems:
        check_out(out)
        if out is not None and (Path(out) / "model.json").is_file():
            raise RunError(f"{out}: expected a folder for a cross-validation, found a single run; name another folder")
    tests = [partial(_test_fold, fold=fold) for fold in folds or ()]
    return _check_plan(problems, model, data, overrides, split_seed, [splits.with_folds, *tests])


def _check_plan(
    problems: Problems, model: str, data, overrides: Mapping, split_seed: int | None, make_splits: Sequence[Callable]
) -> tuple[Recipe, Dataset | Store]:
    """Check what both have in common: ``make_splits`` are functions of an index table and a seed."""
    opened, others_wait, seed = None, nullcontext(), split_seed or 0
    chosen = problems.check(recipe, model, **overrides)
    device = problems.check(pick_device, overrides.get("device", "auto"))
    if chosen is not None:
        seed = _seed_of_split(chosen, split_seed)
        if device is not None:
            problems.check(pick_precision, chosen.training.precision, device)
            others_wait = main_first(chosen.training.device)
        problems.check(chosen.training.augmentation.check, models.find(model).feature)
    if not (problems.errors and must_render(data)):
        with problems, others_wait:
            opened = open_index(data)
    if chosen is not None and opened is not None:
        problems.check(_check_sizes, chosen, opened)
    if opened is not None:
        index = opened.index.drop(columns="duplicate", errors="ignore")  # copies are found later
        with problems:
            _check_classes(opened)
            for make_split in make_splits:
                problems.check(make_split, index, seed=seed)
    problems.raise_if_any()
    return chosen, opened


def _check_sizes(chosen: Recipe, data: Dataset | Store) -> None:
    """Raise an error if the model cannot be made for these data; on the device ``meta`` it takes no memory."""
    model_class, settings = models.find(chosen.model), chosen.feature_config
    if isinstance(data, Store):
        data.check_has(model_class.feature)
        settings = _feature_settings(data, model_class)
    with torch.device("meta"):
        chosen.make(max(2, data.index["label"].nunique()), settings)


def _check_classes(data: Dataset | Store) -> None:
    labels = data.index["label"].unique()
    if len(labels) < 2:
        raise DatasetError(
            f"{_name_of(data)}: expected clips of two classes or more, found {len(labels)} ({', '.join(labels)}); "
            "add clips of another class"
        )


def _name_of(data: Dataset | Store) -> str:
    return data.name if isinstance(data, Dataset) else str(data.source.get("name") or data.path)


def _test_fold(index: pd.DataFrame, fold: int, seed: int) -> Split:
    return splits.by_fold(splits.with_folds(index, seed=seed), fold)


def _seed_of_split(chosen: Recipe, split_seed: int | None) -> int:
    return chosen.training.seed if split_seed is None else split_seed


def _open_for(chosen: Recipe, data: Dataset | Store, warns: bool) -> Store:
    """Open the store that a recipe trains on, and log which clips could not be read.

    If its feature was prepared with other settings than those that the recipe was made for, log that too, as a warning
    or else for information.
    """
    feature = models.find(chosen.model).feature
    with main_first(chosen.training.device):
        store = open_with_warning(data, feature, chosen.feature_config)
    if apart := differing(chosen.feature_config.to_dict(), store.config[feature]):
        log.log(
            logging.WARNING if warns else logging.INFO,
            "%s: %s was prepared with %s, but the recipe of %s was made for %s, so the model is another one than with "
            "a data set that is prepared for it; for that, use: musiclab prepare SOURCE OTHER.h5 --for %s",
            store.path, feature, apart[1], chosen.model, apart[0], chosen.model,
        )  # fmt: skip
    return store


def _index_to_split(store: Store, ignore_copies: bool) -> pd.DataFrame:
    """Return the table of clips that a split is made from, and say what becomes of copies."""
    if ignore_copies:
        return store.index.assign(duplicate=0)
    copies = store.index[store.index["duplicate"] > 0]
    if len(copies):
        recordings = copies["duplicate"].nunique()
        first, second = copies.loc[copies["duplicate"] == copies["duplicate"].iloc[0], "path"].iloc[:2]
        log.info(
            "%s there more than once, such as %s and %s: copies stay on one side of the split",
            f"{counted(recordings, 'recording')} {'is' if recordings == 1 else 'are'}", first, second,
        )  # fmt: skip
    return store.index


def run_split(
    chosen: Recipe,
    store: Store,
    split: Split,
    folder: str | Path | None = None,
    *,
    resume: bool = False,
    show_progress: bool = True,
    command: str = "",
) -> Run:
    """Train and test a recipe on a split of a store; ``folder`` gets the state of the training, not yet the run."""
    settings, model = _untrained(chosen, store, split, command)
    if folder is not None and resume and is_finished(folder):
        return _take_over(Path(folder), settings)
    log.info("training %s on %s", chosen.model, settings.computed)
    started = time.perf_counter()
    values = _near(store.values(settings.feature), chosen.training.device)
    offsets, paths = store.offsets(settings.feature), store.index["path"].to_numpy()
    cut = {"length": model.length, "silence": settings.feature_settings.silence, "seed": chosen.training.seed}
    train_clips, valid_clips, test_clips = (
        Segments(values, offsets, store.labels, clips, len(store.classes), places=places, paths=paths, **cut)
        for clips, places in ((split.train, "random"), (split.valid, "covering"), (split.test, "covering"))
    )
    state = None if folder is None else State(Path(folder) / "state.pt", _identity(settings), resume)
    valid_clips = valid_clips if len(split.valid) else None
    history = fit(model, train_clips, valid_clips, chosen.training, show_progress, state)
    if not history.epochs:
        raise KeyboardInterrupt("stopped before an epoch was finished: nothing is kept")
    result = evaluate(model, store, test_clips, chosen.training)
    seconds = time.perf_counter() - started
    return Run(settings, model, result, history.to_frame(), history.best_epoch, history.stopped, seconds)


def raise_if_interrupted(run: Run) -> Run:
    """Return the run, or raise KeyboardInterrupt if it was stopped."""
    if run.stopped == "interrupted":
        raise KeyboardInterrupt
    return run


def _keep(run: Run, folder: str | Path | None, with_report: bool = False) -> Run:
    """Save a run in the first of several processes, unless it was loaded from the folder."""
    if folder is None or not is_main():
        return run
    if run.folder is None:
        run = run.save(folder)
    if with_report:
        try:
            run.report()
        except ImportError as error:  # a GPU machine may lack matplotlib
            log.warning("no report (%s): make it elsewhere, with musiclab report %s", error, folder)
    return run


def _untrained(chosen: Recipe, store: Store, split: Split, command: str) -> tuple[RunSettings, nn.Module]:
    """Make the settings, and the model with its initial weights."""
    model_class = models.find(chosen.model)
    feature = model_class.feature
    store.check_has(feature)
    feature_settings = _feature_settings(store, model_class)
    if (known := len(np.unique(store.labels[split.train]))) < 2:
        raise RunError(f"{store.path}: expected training clips of two classes or more, found {known}")
    chosen.training.augmentation.check(feature)
    torch.manual_seed(chosen.training.seed)  # initial weights
    model = chosen.make(len(store.classes), feature_settings)
    model.standardise_by(*_mean_and_deviation(store, feature, split.train))
    paths, digests = store.index["path"].to_numpy(), clip_digests(store, feature)
    learnt = np.concatenate([split.train, split.valid])
    device = pick_device(chosen.training.device)
    settings = RunSettings(
        model=chosen.model,
        sizes=model.sizes,
        classes=store.classes,
        feature=feature,
        feature_config=feature_settings.to_dict(),
        data={**store.source, "digest": data_digest(store, feature)},
        split=split.name,
        training=chosen.training.to_dict(),
        test_paths=paths[split.test].tolist(),
        command=command,
        clips={"train": len(split.train), "valid": len(split.valid), "test": len(split.test)},
        trained_on=dict(zip(paths[learnt].tolist(), digests[learnt].tolist(), strict=True)),
        computed=f"{device.type} in {pick_precision(chosen.training.precision, device, model)}",
    )
    return settings, model


def _take_over(folder: Path, settings: RunSettings) -> Run:
    """Load a finished run if it has the same settings."""
    run = load(folder)
    if apart := differing(_identity(settings), _identity(run.settings)):
        wanted, present = apart
        raise RunError(
            f"{folder}: expected a run made with {wanted}, found one made with {present}; "
            "name another folder, or remove this one to train it again"
        )
    log.info("%s: taken over, %s", folder, run.settings.split)
    return run


def _near(values: np.ndarray, device: str) -> np.ndarray | torch.Tensor:
    """Move values to the GPU if they take less than a quarter of its free memory; otherwise they stay in the file."""
    chosen = pick_device(device)
    if chosen.type == "cuda" and values.nbytes < torch.cuda.mem_get_info(chosen)[0] / 4:
        return torch.tensor(values, device=chosen)
    return values


def _feature_settings(store: Store, model_class: type):
    """Return the settings of a model's feature in a store, or raise StoreError if they don't suit the model."""
    feature = model_class.feature
    try:
        settings = features.config(feature, store.config[feature])
    except (ValueError, TypeError) as error:
        raise StoreError(f"{store.path}: {error}; {remake(store.path)}") from error
    wanted = model_class.feature_config.sample_rate
    if feature == "audio" and settings.sample_rate != wanted:  # its kernels would have another length in ms
        raise StoreError(
            f"{store.path}: expected audio at {wanted} Hz, found {settings.sample_rate} Hz; "
            f"make it with: musiclab prepare SOURCE OTHER.h5 --features audio --set audio.sample_rate={wanted}"
        )
    return settings


def _identity(settings: RunSettings) -> dict:
    """Return all settings that decide the result, one level deep."""
    facts = {}
    settings = replace(settings, training=TrainConfig(**settings.training).to_dict())  # as this version writes them
    for key, value in asdict(settings).items():
        facts |= {f"{key}.{name}": entry for name, entry in value.items()} if isinstance(value, dict) else {key: value}
    ignored = {"training.device", "training.workers", "training.compile", "command", "computed"}
    ignored |= {key for key in facts if key.startswith(("data.", "clips", "trained_on"))} - {"data.digest"}
    return json.loads(json.dumps({key: facts[key] for key in facts if key not in ignored}))  # lists for tuples


def _mean_and_deviation(store: Store, feature: str, clips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute mean and standard deviation of each dimension over some clips, clip by clip, without a copy of all."""
    values, offsets = store.values(feature), store.offsets(feature)
    count, total, squares = 0, 0.0, 0.0
    for clip in clips:
        part = np.atleast_2d(values[offsets[clip] : offsets[clip + 1]].T).astype(np.float64)  # (dimensions, frames)
        if feature == "audio":
            part /= 32768
        count += part.shape[1]
        total, squares = total + part.sum(axis=1), squares + np.square(part).sum(axis=1)
    mean = total / count
    return mean, np.sqrt(np.maximum(0.0, squares / count - mean**2))
