"""Train, test and cross-validate models."""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from musiclab import encoders, features, models
from musiclab.core.checks import check_list
from musiclab.core.errors import DatasetError, Problems, RunError, StoreError, counted, differing
from musiclab.core.extras import MissingExtraError
from musiclab.datasets import Dataset, splits
from musiclab.datasets.splits import Split
from musiclab.metrics import Calibration, calibrate
from musiclab.runs.run import (
    Run,
    RunSettings,
    check_out,
    clip_digests,
    data_digest,
    is_finished,
    join_folds,
    load,
    note_copies,
    open_with_warning,
)
from musiclab.store import Segments, Store, must_render, open_index
from musiclab.store.metadata import remake
from musiclab.training import (
    History,
    ProbeFit,
    Recipe,
    State,
    TrainConfig,
    evaluate,
    fit,
    fit_probe,
    log_probabilities,
    pick_device,
    recipe,
)
from musiclab.training.devices import is_main, main_first, pick_precision
from musiclab.training.recipes import list_feature_settings

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
    """Train a model, choose its best epoch on the validation set, and test it once on the test set.

    Parameters
    ----------
    model : str
        Name of the model, one of :data:`musiclab.models.NAMES`, such as ``"cnn"``.
    data : Store, Dataset, path or str
        Data to train on: a store (a file with the features of a data set) or its path (``.h5``), a data set, or a
        source such as ``"folder:recordings"``. Anything but a store is first prepared for the model and cached.
    out : path, optional
        Run folder, which receives the model, its results and a report. By default, nothing is saved.
    fold : int, optional
        Official fold to test on. The next fold is used for validation. By default,
        :func:`musiclab.datasets.splits.choose_split` chooses the split.
    resume : bool, default False
        Continue an interrupted training in ``out``. The result is the same as without the interruption. If the run in
        ``out`` is finished, it is loaded.
    overwrite : bool, default False
        Replace a finished run in ``out``. Otherwise, a finished run raises an error before any data are read.
    split_seed : int, optional
        Random seed of a split by group. By default, this is the training seed (``seed``), which also determines initial
        weights, clip order, segments and augmentation.
    ignore_copies : bool, default False
        Split the data as if they contained no copies of recordings. By default, all copies of a recording belong to one
        group. With official folds or splits, they are left out of training and validation.
    show_progress : bool, default True
        Show a progress bar.
    command : str, default ""
        Command line to store with the run, for later reference.
    **overrides
        Changes to the model's recipe (its default sizes and training settings), such as ``epochs=5, width=16``. See
        :func:`musiclab.training.recipe`.

    Returns
    -------
    Run
        Trained model with its settings, its training history and its test result.

    Raises
    ------
    MusiclabError
        The data, the model and the settings do not fit together. As much as possible is checked before any clip is
        decoded, and all problems are reported at once.
    KeyboardInterrupt
        Training was interrupted in the first epoch. After a later interruption, the best model so far is tested.

    Examples
    --------
    Train on random features of two classes, with two clips per artist:

    >>> from tempfile import TemporaryDirectory
    >>> from musiclab.store import create
    >>> settings = {"summary": features.SummaryConfig(kind="full").to_dict()}
    >>> with TemporaryDirectory() as folder:
    ...     with create(f"{folder}/noise.h5", settings, {"name": "noise"}, ["jazz", "rock"]) as writer:
    ...         for clip in range(24):
    ...             row = {"path": f"{clip}.wav", "label": ["jazz", "rock"][clip // 12], "group": f"artist {clip // 2}"}
    ...             writer.append(row, {"summary": np.random.default_rng(clip).normal(size=(128, 1))})
    ...     run = train("mlp", f"{folder}/noise.h5", epochs=2, device="cpu", show_progress=False)
    >>> run.settings.clips, len(run.history), run.result.confusion.shape
    ({'train': 12, 'valid': 6, 'test': 6}, 2, (2, 2))
    """
    plan = {"fold": fold, "resume": resume, "overwrite": overwrite, "split_seed": split_seed}
    model_recipe, opened = check_train(model, data, out, **plan, **overrides)
    store = _open_store(model_recipe, opened, warns=isinstance(data, str | Path))
    index = _index_to_split(store, ignore_copies)
    split = splits.choose_split(index, fold, _choose_split_seed(model_recipe, split_seed))
    run = run_split(model_recipe, store, split, out, resume=resume, show_progress=show_progress, command=command)
    return _save_run(run, out, with_report=True)


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
    """Cross-validate a model: test each fold once with a model trained on the other folds.

    If the data set's protocol has a validation fold (UrbanSound8K, Street), the fold after the test fold is used to
    choose the best epoch. Otherwise all other folds are used for training, with a fixed number of epochs.

    Parameters
    ----------
    model : str
        As in :func:`train`.
    data : Store, Dataset, path or str
        As in :func:`train`.
    folds : sequence of int, optional
        Folds to test. By default, all folds are tested. Data without official folds are split into five folds by group.
    out : path, optional
        Folder for the report, with one run folder per fold: ``fold1``, ``fold2``, ... If you call the function again,
        finished folds are loaded and unfinished ones resumed. By default, nothing is saved.
    split_seed : int, optional
        As in :func:`train`.
    ignore_copies : bool, default False
        As in :func:`train`.
    show_progress : bool, default True
        Show a progress bar for each fold.
    command : str, default ""
        As in :func:`train`.
    **overrides
        As in :func:`train`.

    Returns
    -------
    Run
        Run whose ``folds`` are the single runs, and whose ``result`` covers the clips of all tested folds.

    Raises
    ------
    MusiclabError
        The data, the model and the settings do not fit together, as in :func:`train`.
    RunError
        A fold in ``out`` was made with another model, other settings or other data.

    Examples
    --------
    The five official folds of ESC-10:

    >>> print(crossval("mlp", "esc10:ESC-50-master", out="runs/mlp"))  # doctest: +SKIP
    """
    model_recipe, opened = check_crossval(model, data, folds, out, split_seed=split_seed, **overrides)
    store = _open_store(model_recipe, opened, warns=isinstance(data, str | Path))
    index = _index_to_split(store, ignore_copies)
    index = splits.with_folds(index, seed=_choose_split_seed(model_recipe, split_seed))
    all_folds = sorted(set(index["fold"]) - {0})
    test_folds = all_folds if folds is None else sorted(set(folds))
    runs = {}
    for fold in test_folds:
        valid_fold = splits.next_fold(index, fold) if store.source.get("validates") else None
        split = splits.by_fold(index, fold, valid_fold)
        folder = None if out is None else Path(out) / f"fold{fold}"
        run = run_split(model_recipe, store, split, folder, resume=True, show_progress=show_progress, command=command)
        runs[int(fold)] = _save_run(raise_if_interrupted(run), folder)
    origin = "official folds" if (store.index["fold"] > 0).any() else "folds by group"
    description = f"all {len(all_folds)} {origin}"
    if test_folds != all_folds:
        description = f"{len(runs)} of {len(all_folds)} {origin}: not comparable with results on all"
    settings = replace(run.settings, split=description, test_paths=[], clips={}, trained_on={})
    return _save_run(join_folds(runs, settings), out, with_report=True)


def check_train(
    model: str, data, out=None, *, fold=None, resume=False, overwrite=False, split_seed=None, **overrides
) -> tuple[Recipe, Dataset | Store]:
    """Check the arguments of :func:`train` before any clip is decoded, and return the recipe and the opened data.

    Parameters
    ----------
    model : str
        As in :func:`train`.
    data : Store, Dataset, path or str
        As in :func:`train`.
    out : path, optional
        As in :func:`train`.
    fold : int, optional
        As in :func:`train`.
    resume : bool, default False
        As in :func:`train`.
    overwrite : bool, default False
        As in :func:`train`.
    split_seed : int, optional
        As in :func:`train`.
    **overrides
        As in :func:`train`.

    Returns
    -------
    recipe : musiclab.training.Recipe
        Recipe of the model with the ``overrides``.
    data : Dataset or Store
        The opened data.

    Raises
    ------
    MusiclabError
        All problems with the folder, the model, its settings, the device, the data and their splits, in one message.
    """
    problems = Problems()
    problems.check(check_out, out, overwrite or resume, can_resume=True)
    return _check_plan(problems, model, data, overrides, split_seed, [partial(splits.choose_split, fold=fold)])


def check_crossval(
    model: str, data, folds=None, out=None, *, split_seed=None, **overrides
) -> tuple[Recipe, Dataset | Store]:
    """Check the arguments of :func:`crossval` before any clip is decoded, and return the recipe and the opened data.

    Parameters
    ----------
    model : str
        As in :func:`train`.
    data : Store, Dataset, path or str
        As in :func:`train`.
    folds : sequence of int, optional
        As in :func:`crossval`.
    out : path, optional
        As in :func:`crossval`.
    split_seed : int, optional
        As in :func:`train`.
    **overrides
        As in :func:`train`.

    Returns
    -------
    recipe : musiclab.training.Recipe
        Recipe of the model with the ``overrides``.
    data : Dataset or Store
        The opened data.

    Raises
    ------
    MusiclabError
        All problems that were found, in one message, as in :func:`check_train`.
    """
    problems = Problems()
    with problems:
        check_out(out)
        if out is not None and (Path(out) / "model.json").is_file():
            raise RunError(f"{out}: this folder contains a single run. Choose another folder for a cross-validation.")
    if folds is not None:
        check_list({"folds": folds}, "folds")
    tests = [partial(_test_fold, fold=fold) for fold in folds or ()]
    return _check_plan(problems, model, data, overrides, split_seed, [splits.with_folds, *tests])


def _check_plan(
    problems: Problems, model: str, data, overrides: Mapping, split_seed: int | None, make_splits: Sequence[Callable]
) -> tuple[Recipe, Dataset | Store]:
    """Check everything except the output folder; ``make_splits`` are functions of an index table and a seed."""
    opened, main_process_first, seed = None, nullcontext(), split_seed or 0
    model_recipe = problems.check(recipe, model, **overrides)
    device = problems.check(pick_device, overrides.get("device", "auto"))
    if model_recipe is not None:
        seed = _choose_split_seed(model_recipe, split_seed)
        if device is not None:
            problems.check(pick_precision, model_recipe.training.precision, device)
            main_process_first = main_first(model_recipe.training.device)
        problems.check(model_recipe.training.augmentation.check, models.find(model).feature)
        problems.check(_check_encoders, model_recipe)
    if not (problems.errors and must_render(data)):
        with problems, main_process_first:
            opened = open_index(data)
    if model_recipe is not None and opened is not None:
        network = problems.check(_check_sizes, model_recipe, opened)
        if device is not None and network is not None:
            problems.check(pick_precision, model_recipe.training.precision, device, network)
        problems.check(_check_overrides, model_recipe, opened, overrides)
    if opened is not None:
        index = opened.index.drop(columns="duplicate", errors="ignore")  # copies are detected later
        with problems:
            _check_classes(opened)
            for make_split in make_splits:
                problems.check(make_split, index, seed=seed)
    problems.raise_if_any()
    return model_recipe, opened


def _check_sizes(model_recipe: Recipe, data: Dataset | Store) -> nn.Module:
    """Return the model without values, or raise an error if its sizes do not fit the data."""
    model_class, feature_settings = models.find(model_recipe.model), model_recipe.feature_config
    if isinstance(data, Store):
        data.check_has(model_class.feature)
        feature_settings = _feature_settings(data, model_class)
    with torch.device("meta"):  # allocates no memory
        return model_recipe.make(max(2, data.index["label"].nunique()), feature_settings)


def _check_encoders(model_recipe: Recipe) -> None:
    """Raise an error if the encoder of a probe, or the weights to start from, cannot be loaded."""
    if model_recipe.model == "probe":
        encoders.load_for(model_recipe.feature_config)
    if model_recipe.training.start:
        encoders.start_from(model_recipe.make(2), model_recipe.training.start)


def _check_overrides(model_recipe: Recipe, data: Dataset | Store, overrides: Mapping) -> None:
    """Raise an error if a store was prepared with other feature settings than those that were asked for."""
    feature = models.find(model_recipe.model).feature
    if isinstance(data, Store) and feature in data.config:
        asked = {name: getattr(model_recipe.feature_config, name, None) for name in overrides}
        asked = {name: value for name, value in asked.items() if name in list_feature_settings(model_recipe.model)}
        if difference := differing(asked, {name: data.config[feature].get(name) for name in asked}):
            raise StoreError(
                f"{data.path}: expected {feature} with {difference[0]}, found {difference[1]}. Prepare another store "
                f"with: musiclab prepare SOURCE OTHER.h5 --features {feature} --set {feature}.NAME=VALUE"
            )


def _check_classes(data: Dataset | Store) -> None:
    labels = data.index["label"].unique()
    if len(labels) < 2:
        raise DatasetError(
            f"{data_name(data)}: expected clips of at least two classes, found {len(labels)} ({', '.join(labels)}). "
            "Add clips of another class."
        )


def data_name(data: Dataset | Store) -> str:
    """Return the name of a data set, or the path of a store that doesn't state it."""
    return data.name if isinstance(data, Dataset) else str(data.source.get("name") or data.path)


def _test_fold(index: pd.DataFrame, fold: int, seed: int) -> Split:
    return splits.by_fold(splits.with_folds(index, seed=seed), fold)


def _choose_split_seed(model_recipe: Recipe, split_seed: int | None) -> int:
    return model_recipe.training.seed if split_seed is None else split_seed


def _open_store(model_recipe: Recipe, data: Dataset | Store, warns: bool) -> Store:
    """Open the store to train on, and log a message if its feature settings are not those of the recipe."""
    feature = models.find(model_recipe.model).feature
    with main_first(model_recipe.training.device):
        store = open_with_warning(data, feature, model_recipe.feature_config)
    if difference := differing(model_recipe.feature_config.to_dict(), store.config[feature]):
        log.log(
            logging.WARNING if warns else logging.INFO,
            "%s: %s was prepared with %s, but the recipe of %s expects %s, so results will differ. To prepare the data "
            "for this recipe, use: musiclab prepare SOURCE OTHER.h5 --for %s",
            store.path, feature, difference[1], model_recipe.model, difference[0], model_recipe.model,
        )  # fmt: skip
    return store


def _index_to_split(store: Store, ignore_copies: bool) -> pd.DataFrame:
    """Return the index table to split, and report how copies of recordings are treated."""
    if ignore_copies:
        return store.index.assign(duplicate=0)
    note_copies(store)
    copies = store.index[store.index["duplicate"] > 0]
    copies = copies[copies["duplicate"].duplicated(keep=False)]  # without those whose copies were left out
    if len(copies):
        recordings = copies["duplicate"].nunique()
        first, second = copies.loc[copies["duplicate"] == copies["duplicate"].iloc[0], "path"].iloc[:2]
        log.info(
            "%s more than once, such as %s and %s: copies stay on the same side of the split",
            f"{counted(recordings, 'recording')} {'appears' if recordings == 1 else 'appear'}", first, second,
        )  # fmt: skip
    return store.index


def run_split(
    model_recipe: Recipe,
    store: Store,
    split: Split,
    folder: str | Path | None = None,
    *,
    resume: bool = False,
    show_progress: bool = True,
    command: str = "",
) -> Run:
    """Train and test a recipe on a split; ``folder`` receives the training state, but not the run."""
    settings, model = _make_untrained(model_recipe, store, split, command)
    if folder is not None and resume and is_finished(folder):
        return _load_finished(Path(folder), settings)
    log.info("training %s on %s", model_recipe.model, settings.computed)
    started = time.perf_counter()
    values = _move_to_gpu_if_small(store.values(settings.feature), model_recipe.training.device)
    offsets, paths = store.offsets(settings.feature), store.index["path"].to_numpy()
    options = {"length": model.length, "silence": settings.feature_settings.silence, "seed": model_recipe.training.seed}
    train_segments, valid_segments, test_segments = (
        Segments(values, offsets, store.labels, clips, len(store.classes), places=places, paths=paths, **options)
        for clips, places in ((split.train, "random"), (split.valid, "covering"), (split.test, "covering"))
    )
    state = None if folder is None else State(Path(folder) / "state.pt", _identity(settings), resume)
    valid_segments = valid_segments if len(split.valid) else None
    # predictions for clips that had no influence on the weights
    scores, labels, novelties = np.zeros((0, len(store.classes))), np.zeros(0, np.int64), None
    if model_recipe.model == "probe":
        fitted = _fit_probe(store, split.train, model_recipe)
        model, settings = fitted.model, replace(settings, sizes=fitted.model.sizes)
        history = History(stopped=f"probe of {'+'.join(fitted.parts)}, strength {fitted.strength:g}")
        scores, labels, novelties = fitted.log_probabilities, fitted.labels, fitted.novelties
    else:
        history = fit(model, train_segments, valid_segments, model_recipe.training, show_progress, state)
        if not history.epochs:
            raise KeyboardInterrupt("training was interrupted in the first epoch, so nothing was saved")
    training = model_recipe.training
    if valid_segments is not None:
        clips, valid_scores = log_probabilities(
            model, valid_segments, training.device, training.precision, training.batch_size
        )
        scores, labels = np.concatenate([scores, valid_scores]), np.concatenate([labels, store.labels[clips]])
        if novelties is not None:
            novelties = np.concatenate([novelties, _measure_distance(model, store, clips)])
    calibration = calibrate(scores, labels, novelties)
    settings = replace(settings, calibration=asdict(calibration))
    result = evaluate(model, store, test_segments, training)
    result = replace(result, log_probabilities=calibration.apply(result.log_probabilities))
    seconds = time.perf_counter() - started
    return Run(settings, model, result, history.to_frame(), history.best_epoch, history.stopped, seconds)


def measure_novelty(run: Run, store: Store, clips: np.ndarray) -> np.ndarray:
    """Measure how strange the tested clips of a store are to the model of a run, shape (clips,)."""
    if run.settings.model == "probe":
        return _measure_distance(run.model, store, clips)
    return Calibration().novelties(run.result.log_probabilities)  # which are calibrated already


def _measure_distance(model: models.Probe, store: Store, clips: np.ndarray) -> np.ndarray:
    return model.novelty(torch.from_numpy(mean_embeddings(store)[clips]).to(model.mean.device)).cpu().numpy()


def _fit_probe(store: Store, clips: np.ndarray, model_recipe: Recipe) -> ProbeFit:
    """Fit a probe on the mean embedding of each clip. Copies of a recording belong to one group."""
    config = _feature_settings(store, models.Probe)
    groups = splits.join_copies(store.index)["group"].to_numpy(dtype=str)[clips]
    embeddings = mean_embeddings(store)[clips]
    return fit_probe(
        len(store.classes), embeddings, store.labels[clips], groups, config.sizes, model_recipe.training.seed
    )


def mean_embeddings(store: Store) -> np.ndarray:
    """Return the mean embedding of each clip of a store, float32, shape (clips, dimensions)."""
    values, offsets = store.values("embedding"), store.offsets("embedding")
    return np.stack([values[start:end].mean(axis=0) for start, end in pairwise(offsets)])


def raise_if_interrupted(run: Run) -> Run:
    """Return the run, or raise KeyboardInterrupt if its training was interrupted."""
    if run.stopped == "interrupted":
        raise KeyboardInterrupt
    return run


def _save_run(run: Run, folder: str | Path | None, with_report: bool = False) -> Run:
    """Save a run, in the main process only, unless it was loaded from the folder."""
    if folder is None or not is_main():
        return run
    if run.folder is None:
        run = run.save(folder)
    if with_report:
        try:
            run.report()
        except MissingExtraError as error:
            log.warning("no report was written. %s\nThen write it with: musiclab report %s", error, folder)
    return run


def _make_untrained(model_recipe: Recipe, store: Store, split: Split, command: str) -> tuple[RunSettings, nn.Module]:
    model_class = models.find(model_recipe.model)
    feature = model_class.feature
    store.check_has(feature)
    feature_settings = _feature_settings(store, model_class)
    if (class_count := len(np.unique(store.labels[split.train]))) < 2:
        raise RunError(f"{store.path}: expected training clips of at least two classes, found {class_count}")
    model_recipe.training.augmentation.check(feature)
    torch.manual_seed(model_recipe.training.seed)  # initial weights
    model = model_recipe.make(len(store.classes), feature_settings)
    model.standardise_by(*mean_and_deviation(store, feature, split.train))
    if model_recipe.training.start:
        encoders.start_from(model, model_recipe.training.start)
    paths, digests = store.index["path"].to_numpy(), clip_digests(store, feature)
    used = np.concatenate([split.train, split.valid])
    device = pick_device(model_recipe.training.device)
    settings = RunSettings(
        model=model_recipe.model,
        sizes=model.sizes,
        classes=store.classes,
        feature=feature,
        feature_config=feature_settings.to_dict(),
        data={**store.source, "digest": data_digest(store, feature)},
        split=split.name,
        training=model_recipe.training.to_dict(),
        test_paths=paths[split.test].tolist(),
        command=command,
        clips={"train": len(split.train), "valid": len(split.valid), "test": len(split.test)},
        trained_on=dict(zip(paths[used].tolist(), digests[used].tolist(), strict=True)),
        computed=f"{device.type} in {pick_precision(model_recipe.training.precision, device, model)}",
    )
    return settings, model


def _load_finished(folder: Path, settings: RunSettings) -> Run:
    """Load a finished run, or raise RunError if its settings differ."""
    run = load(folder)
    if difference := differing(_identity(settings), _identity(run.settings)):
        expected, actual = difference
        raise RunError(
            f"{folder}: expected a run made with {expected}, found one made with {actual}. "
            "Choose another folder, or delete this one to train again."
        )
    log.info("%s: loaded the finished run, %s", folder, run.settings.split)
    return run


def _move_to_gpu_if_small(values: np.ndarray, device_name: str) -> np.ndarray | torch.Tensor:
    """Move values to the GPU if they take less than a quarter of its free memory."""
    device = pick_device(device_name)
    if device.type == "cuda" and values.nbytes < torch.cuda.mem_get_info(device)[0] / 4:
        return torch.tensor(values, device=device)
    return values


def _feature_settings(store: Store, model_class: type):
    """Return the settings of a model's feature in a store, or raise StoreError if the model cannot use them."""
    feature = model_class.feature
    try:
        feature_settings = features.config(feature, store.config[feature])
    except (ValueError, TypeError) as error:
        raise StoreError(f"{store.path}: {error}; {remake(store.path)}") from error
    expected, actual = model_class.feature_config.sample_rate, feature_settings.sample_rate
    if feature == "audio" and actual != expected:  # otherwise the kernels would have another length in ms
        raise StoreError(
            f"{store.path}: expected audio at {expected} Hz, found {actual} Hz. Prepare the data again with: "
            f"musiclab prepare SOURCE OTHER.h5 --features audio --set audio.sample_rate={expected}"
        )
    return feature_settings


def _identity(settings: RunSettings) -> dict:
    """Return all settings that affect the result as a flat dictionary."""
    flat = {}
    settings = replace(settings, training=TrainConfig(**settings.training).to_dict())  # add new settings to old runs
    for key, value in asdict(settings).items():
        flat |= {f"{key}.{name}": entry for name, entry in value.items()} if isinstance(value, dict) else {key: value}
    ignored = {"training.device", "training.workers", "training.compile", "command", "computed"}
    ignored |= {key for key in flat if key.startswith(("data.", "clips", "trained_on", "calibration"))} - {
        "data.digest"
    }
    return json.loads(json.dumps({key: flat[key] for key in flat if key not in ignored}))  # tuples become lists


def mean_and_deviation(store: Store, feature: str, clips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the mean and standard deviation of each dimension clip by clip, without loading all clips at once."""
    values, offsets = store.values(feature), store.offsets(feature)
    count, total, squares = 0, 0.0, 0.0
    for clip in clips:
        frames = np.atleast_2d(values[offsets[clip] : offsets[clip + 1]].T).astype(np.float64)  # (dimensions, frames)
        if feature == "audio":
            frames /= 32768
        count += frames.shape[1]
        total, squares = total + frames.sum(axis=1), squares + np.square(frames).sum(axis=1)
    mean = total / count
    return mean, np.sqrt(np.maximum(0.0, squares / count - mean**2))
