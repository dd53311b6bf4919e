"""Measure what a leak is worth: the same model on a split that leaks and on one that does not."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import PredefinedSplit, StratifiedKFold, cross_val_predict

from musiclab import models
from musiclab.core.checks import check_known
from musiclab.core.errors import DatasetError, RunError
from musiclab.datasets import Dataset, splits
from musiclab.metrics import McNemar, Result, mcnemar
from musiclab.runs.experiments import raise_if_interrupted, run_split
from musiclab.store import Store, create, open_data
from musiclab.training import Recipe, normalise, recipe


@dataclass(frozen=True)
class Leak:
    """Results of a model on the same segments or clips, tested once by random folds and once by whole groups."""

    model: str
    data: str
    unit: str  # dealt out at random: "segment" or "clip"
    leaky: Result
    honest: Result
    generated: bool = False

    @property
    def inflation(self) -> float:
        """Accuracy with the leak minus the honest one, in [-1, 1]."""
        return self.leaky.accuracy - self.honest.accuracy

    @property
    def test(self) -> McNemar:
        """McNemar's test of the two; it treats the segments of a clip as independent."""
        return mcnemar(self.leaky, self.honest)

    def __str__(self) -> str:
        note = " (generated data, not a benchmark)" if self.generated else ""
        leaky, honest = (str(each).replace(" clips in ", f" {self.unit}s in ") for each in (self.leaky, self.honest))
        return (
            f"{self.model} on {self.data}{note}\n"
            f"  leaky ({self.unit}s at random): {leaky}\n"
            f"  honest (whole groups): {honest}\n"
            f"  the leak is worth {100 * self.inflation:+.1f} points"
        )


def compare_leak(
    model,
    data: str | Path | Dataset | Store,
    unit: str = "segment",
    folds: int = 5,
    frames: int = 64,
    seed: int = 0,
    show_progress: bool = True,
    **overrides,
) -> Leak:
    """Cross-validate a model twice: on clips or segments dealt out at random, and on whole groups.

    Only the split differs: both have the same clips, each tested once, equally many folds of about the same size, and
    no validation part. Official folds are not used.

    Parameters
    ----------
    model
        Name of a network, or a scikit-learn classifier, which gets the mean and the standard deviation over time of
        each log-mel band; give a pipeline if it needs a scaler.
    data
        As for :func:`musiclab.store.open_data`.
    unit
        ``"segment"``: clips are cut before the split, so that segments of one clip come on both sides. ``"clip"``:
        clips stay whole, and clips of one group (artist, recording) come on both sides.
    folds
        Number of folds, or as many as the class with the fewest groups allows.
    frames
        Length of a segment, and of the input of a network; 64 frames are 1.5 s.
    seed
        Random seed of the folds and of a network.
    show_progress
        Draw a progress bar.
    **overrides
        Changes of a network's recipe (:func:`musiclab.training.recipe`).

    Raises
    ------
    DatasetError
        Nothing can leak, because each group is a single clip, or no clip is as long as two segments.

    Examples
    --------
    >>> print(compare_leak(SVC(), "studio", unit="clip"))  # doctest: +SKIP
    """
    check_known(unit, ("segment", "clip"), "a unit")
    if isinstance(model, str):
        if (feature := models.find(model).feature) != "logmel":
            raise RunError(f"expected a model that takes log-mels as input, found {model}, which takes {feature}")
        model = recipe(model, **{"frames": frames, "seed": seed} | overrides)
    store = open_data(data)
    with _cut(store, frames) if unit == "segment" else nullcontext(store) as pieces:
        if unit == "segment":
            wholes, remedy, origins = "clips", "take fewer frames", pieces.index["path"].str.rpartition("#")[0]
        else:
            wholes, remedy, origins = "groups", "take segments", pieces.index["group"]
        if origins.is_unique:
            raise DatasetError(
                f"{store.source.get('name')}: expected some {wholes} of several {unit}s, found one {unit} in each of "
                f"{len(pieces)}, so nothing can leak; {remedy}"
            )
        honest = splits.with_folds(pieces.index.assign(fold=0, split=""), folds, seed)
        leaky = honest.assign(fold=_random_folds(honest, honest["fold"].max(), seed))
        both_folds = [index["fold"].to_numpy() for index in (leaky, honest)]
        if isinstance(model, Recipe):
            name = model.model
            results = [_crossval_network(model, pieces, each, show_progress) for each in both_folds]
        else:
            name = type(getattr(model, "steps", [("", model)])[-1][1]).__name__  # of a pipeline the last step
            results = [_crossval_classifier(model, pieces, each) for each in both_folds]
    return Leak(name, store.source.get("name", ""), unit, *results, generated=bool(store.source.get("generated")))


@contextmanager
def _cut(store: Store, frames: int) -> Iterator[Store]:
    """Yield a temporary store of the segments of ``frames`` in each clip; the rest of a clip is dropped."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "segments.h5"
        with create(path, {"logmel": store.config["logmel"]}, store.source, store.classes) as writer:
            for clip, row in enumerate(store.index.to_dict("records")):
                picture = store.read("logmel", clip)  # (n_mels, frames)
                starts = range(0, picture.shape[1] - frames + 1, frames) or [0]
                length = frames if len(starts) > 1 else None  # a clip of less than two segments stays whole
                for start in starts:
                    piece = picture[:, start:][:, :length]
                    writer.append({**row, "path": f"{row['path']}#{start}"}, {"logmel": piece})
        with Store(path) as pieces:
            yield pieces


def _random_folds(index: pd.DataFrame, folds: int, seed: int) -> np.ndarray:
    fold_of = np.zeros(len(index), dtype=int)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for fold, (_, rows) in enumerate(splitter.split(index, index["label"]), start=1):
        fold_of[rows] = fold
    return fold_of


def _crossval_network(chosen: Recipe, pieces: Store, folds: np.ndarray, show_progress: bool) -> Result:
    results = []
    for fold in np.unique(folds):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        split = splits.Split(train, test[:0], test, f"fold {fold} tests")
        run = run_split(chosen, pieces, split, show_progress=show_progress)
        results.append(raise_if_interrupted(run).result)
    return Result.join(results)


def _crossval_classifier(classifier, pieces: Store, folds: np.ndarray) -> Result:
    values, offsets = pieces.values("logmel"), pieces.offsets("logmel")
    parts = (values[start:end].astype(np.float32) for start, end in pairwise(offsets))
    inputs = np.stack([np.concatenate([part.mean(axis=0), part.std(axis=0)]) for part in parts])
    method = "predict_proba" if hasattr(classifier, "predict_proba") else "predict"
    shares = cross_val_predict(classifier, inputs, pieces.labels, cv=PredefinedSplit(folds), method=method)
    if method == "predict":
        shares = np.eye(len(pieces.classes))[shares]
    log_probabilities = normalise(np.log(np.clip(shares, 1e-12, None)))
    groups, paths = (pieces.index[column].to_numpy(dtype=str) for column in ("group", "path"))
    return Result(pieces.classes, pieces.labels, log_probabilities, groups, paths)
