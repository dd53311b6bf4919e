"""Measure how many examples a probe needs, and how well it recognises sounds of classes it does not know."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from musiclab import features, models
from musiclab.core.checks import check_list, check_whole
from musiclab.core.errors import DatasetError, RunError
from musiclab.core.progress import progress
from musiclab.core.random import stream
from musiclab.datasets import Dataset, splits
from musiclab.runs.experiments import check_crossval, check_train, mean_embeddings, measure_novelty, run_split
from musiclab.runs.run import open_with_warning
from musiclab.store import Store
from musiclab.training.probing import Regression


def few_shot(
    data: str | Path | Dataset | Store,
    shots: Sequence[int] = (1, 2, 5, 10, 20),
    draws: int = 50,
    *,
    seed: int = 0,
    show_progress: bool = True,
    **overrides,
) -> pd.DataFrame:
    """Measure the accuracy of a probe that is trained on few examples per class.

    Each draw takes one fold as the test set, and draws examples from the other folds at random, from different groups
    if possible. The folds take turns. Within a draw, larger training sets contain the smaller ones. There are too few
    examples to choose a strength, so it is 100, and all encoders are used.

    Parameters
    ----------
    data : Store, Dataset, path or str
        As in :func:`musiclab.train`.
    shots : sequence of int, default (1, 2, 5, 10, 20)
        Numbers of examples per class.
    draws : int, default 50
        Number of random training sets.
    seed : int, default 0
        Random seed of the draws, and of the folds if the data have none.
    show_progress : bool, default True
        Show a progress bar.
    **overrides
        Changes to the recipe of the probe, such as ``encoder="musicnn"``.

    Returns
    -------
    pandas.DataFrame
        One row per number of ``shots``: mean ``accuracy`` over the draws, and the limits ``low`` and ``high`` between
        which 95 % of the draws lie. They say how much the choice of examples matters, and are not a confidence
        interval. ``n`` is the number of clips, each of which is tested in the draws of its fold.

    Raises
    ------
    MusiclabError
        The data and the settings do not fit together, or a class has too few examples outside a test fold.

    Examples
    --------
    >>> few_shot("esc10:ESC-50-master", shots=[1, 5], encoder="musicnn")  # doctest: +SKIP
    """
    check_list({"shots": shots}, "shots")
    for count in shots:
        check_whole({"shots": count}, "shots")
    check_whole({"draws": draws}, "draws")
    model_recipe, opened = check_crossval("probe", data, seed=seed, **overrides)
    store = open_with_warning(opened, "embedding", model_recipe.feature_config)
    index = splits.with_folds(store.index, seed=seed)
    folds = sorted(set(index["fold"]) - {0})
    parts = features.config("embedding", store.config["embedding"]).sizes
    groups = splits.join_copies(index)["group"].to_numpy(dtype=str)
    embeddings, labels, accuracies = mean_embeddings(store), store.labels, []
    training_sets = {fold: splits.by_fold(index, fold).train for fold in folds}
    _check_counts(store, training_sets, shots)
    for draw in progress(range(draws), "drawing", draws, unit="draw", show=show_progress):
        fold = folds[draw % len(folds)]
        order = _draw_order(training_sets[fold], labels, groups, stream(seed, "few-shot", draw))
        test = np.flatnonzero(index["fold"] == fold)
        for count in shots:
            chosen = np.concatenate([clips[:count] for clips in order])
            regression = Regression(embeddings[chosen], labels[chosen], parts).fit()
            scores = regression.score(embeddings[test], len(store.classes))
            accuracies.append((count, (scores.argmax(axis=1) == labels[test]).mean()))
    grouped = pd.DataFrame(accuracies, columns=["shots", "accuracy"]).groupby("shots")["accuracy"]
    table = pd.DataFrame({"accuracy": grouped.mean(), "low": grouped.quantile(0.025), "high": grouped.quantile(0.975)})
    return table.reset_index().assign(n=int(index["fold"].isin(folds[:draws]).sum()))


def _check_counts(store: Store, training_sets: dict[int, np.ndarray], shots: Sequence[int]) -> None:
    for fold, clips in training_sets.items():
        counts = np.bincount(store.labels[clips], minlength=len(store.classes))
        if counts.min() < max(shots):
            raise DatasetError(
                f"shots={max(shots)}: {store.classes[counts.argmin()]} has only {counts.min()} clips outside test fold "
                f"{fold}. Use at most {counts.min()} shots, or add clips."
            )


def _draw_order(clips: np.ndarray, labels: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> list:
    """Shuffle the clips of each class, such that the first clip of each group comes before the second of any group."""
    order = []
    for label in np.unique(labels[clips]):
        shuffled = rng.permutation(clips[labels[clips] == label])
        repeats = pd.Series(groups[shuffled]).groupby(groups[shuffled]).cumcount().to_numpy()
        order.append(shuffled[np.argsort(repeats, kind="stable")])
    return order


def measure_unknown(
    model: str,
    data: str | Path | Dataset | Store,
    classes: Sequence[str] | None = None,
    *,
    fold: int | None = None,
    show_progress: bool = True,
    **overrides,
) -> pd.DataFrame:
    """Measure how well a model recognises sounds of a class that it was not trained on.

    For each class, a model is trained without it, and tested on clips of all classes. A clip counts as unknown if the
    model finds it stranger than 95 % of the validation clips (see :class:`musiclab.metrics.Calibration`).

    Parameters
    ----------
    model : str
        As in :func:`musiclab.train`.
    data : Store, Dataset, path or str
        As in :func:`musiclab.train`.
    classes : sequence of str, optional
        Classes to leave out, one at a time. By default, all.
    fold : int, optional
        As in :func:`musiclab.train`.
    show_progress : bool, default True
        Show progress bars.
    **overrides
        As in :func:`musiclab.train`.

    Returns
    -------
    pandas.DataFrame
        One row per ``class``: ``auroc``, the probability that a clip of this class seems stranger than a clip of the
        other classes; ``recognised``, the share of its clips that are called unknown; ``false_alarms``,
        the share of the other clips that are called unknown; and the numbers of clips ``n_unknown`` and ``n_known``.

    Raises
    ------
    MusiclabError
        The data and the settings do not fit together, or there are fewer than three classes.

    Examples
    --------
    >>> measure_unknown("probe", "esc10:ESC-50-master", encoder="musicnn")  # doctest: +SKIP
    """
    model_recipe, opened = check_train(model, data, fold=fold, **overrides)
    store = open_with_warning(opened, models.find(model).feature, model_recipe.feature_config)
    if len(store.classes) < 3:
        raise DatasetError(
            f"{store.path}: expected at least three classes, so that two are left, found {store.classes}"
        )
    chosen = store.classes if classes is None else list(classes)
    if missing := sorted(set(chosen) - set(store.classes)):
        raise RunError(f"classes: {store.path} has no class {', '.join(missing)}; it has {', '.join(store.classes)}")
    split = splits.choose_split(store.index, fold, model_recipe.training.seed)
    rows = []
    for name in progress(chosen, "leaving out", len(chosen), unit="class", show=show_progress):
        is_known = store.labels != store.classes.index(name)
        known = replace(split, train=split.train[is_known[split.train]], valid=split.valid[is_known[split.valid]])
        run = run_split(model_recipe, store, known, show_progress=False)
        clips = pd.Index(store.index["path"]).get_indexer(run.result.paths)
        novelties, is_known = measure_novelty(run, store, clips), is_known[clips]
        if is_known.all():
            raise DatasetError(f"{store.path}: the test set has no clips of {name}. Choose another fold.")
        is_rejected = novelties > run.settings.calibrated.threshold
        rows.append(
            {
                "class": name,
                "auroc": float(roc_auc_score(~is_known, novelties)),
                "recognised": float(is_rejected[~is_known].mean()),
                "false_alarms": float(is_rejected[is_known].mean()),
                "n_unknown": int((~is_known).sum()),
                "n_known": int(is_known.sum()),
            }
        )
    return pd.DataFrame(rows)
