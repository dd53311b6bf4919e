"""Measure how much a leaking split inflates a model's accuracy."""

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
    """Two results of a model on the same data: with a random split, which leaks, and with a split by group.

    A split leaks if training and test set share clips or groups, such as artists. Then the model can recognise what it
    saw in training, and its accuracy is too high.

    Attributes
    ----------
    model : str
        Name of the model.
    data : str
        Name of the data set.
    unit : str
        What the random split assigns to folds: "segment" (a part of a clip) or "clip".
    leaky : musiclab.metrics.Result
        Test result with the random split.
    honest : musiclab.metrics.Result
        Test result with the split by group.
    generated : bool
        True if the data were generated, so that the results are not a benchmark.
    """

    model: str
    data: str
    unit: str  # assigned to folds at random by the leaky split: "segment" or "clip"
    leaky: Result
    honest: Result
    generated: bool = False

    @property
    def inflation(self) -> float:
        """Leaky accuracy minus honest accuracy, in [-1, 1]."""
        return self.leaky.accuracy - self.honest.accuracy

    @property
    def test(self) -> McNemar:
        """McNemar's test of the two results, which treats the segments of a clip as independent."""
        return mcnemar(self.leaky, self.honest)

    def __str__(self) -> str:
        note = " (generated data, not a benchmark)" if self.generated else ""
        results = (self.leaky, self.honest)
        leaky, honest = (str(result).replace(" clips in ", f" {self.unit}s in ") for result in results)
        return (
            f"{self.model} on {self.data}{note}\n"
            f"  leaky ({self.unit}s split at random): {leaky}\n"
            f"  honest (split by group): {honest}\n"
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
    """Cross-validate a model twice: once with a random split, which leaks, and once with a split by group.

    Only the split differs. Both cross-validations test each clip once, and have the same number of folds of similar
    size. Neither uses a validation set or official folds.

    Parameters
    ----------
    model : str or scikit-learn classifier
        Name of a network that takes log-mel spectrograms, or a classifier. The features of a classifier are the mean
        and the standard deviation of each log-mel band over time. Use a pipeline if it needs a scaler.
    data : Store, Dataset, path or str
        Data to split, as in :func:`musiclab.store.open_data`.
    unit : str, default "segment"
        ``"segment"``: clips are cut before the split, so training and test set share clips. ``"clip"``: clips stay
        whole, but training and test set share groups (artists, recordings).
    folds : int, default 5
        Number of folds. If a class has fewer groups, the number of folds is lower.
    frames : int, default 64
        Length of a segment, and of a network's input, in frames. 64 frames are 1.5 s.
    seed : int, default 0
        Random seed of the folds and of the network.
    show_progress : bool, default True
        Show progress bars.
    **overrides
        Changes to the network's recipe (its default sizes and training settings), such as ``epochs=5``. See
        :func:`musiclab.training.recipe`.

    Returns
    -------
    Leak
        Both results. :attr:`Leak.inflation` is the difference between the two accuracies.

    Raises
    ------
    RunError
        The network does not take log-mel spectrograms.
    DatasetError
        Nothing can leak, because every group has a single clip, or every clip is shorter than two segments.

    Examples
    --------
    Each artist has four identical clips of noise, so the random split lets a classifier recognise the clips:

    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from musiclab.features import MelConfig
    >>> settings = {"logmel": MelConfig().to_dict()}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with create(f"{folder}/noise.h5", settings, {"name": "noise"}, ["jazz", "rock"]) as writer:
    ...         for clip, artist in enumerate(np.repeat(range(10), 4)):
    ...             row = {"path": f"{clip}.wav", "label": ["jazz", "rock"][artist % 2], "group": f"artist {artist}"}
    ...             writer.append(row, {"logmel": np.random.default_rng(artist).normal(size=(128, 64))})
    ...     leak = compare_leak(KNeighborsClassifier(1), f"{folder}/noise.h5", unit="clip")
    >>> leak.leaky.accuracy, leak.honest.accuracy < 0.8
    (1.0, True)
    """
    check_known(unit, ("segment", "clip"), "a unit")
    if isinstance(model, str):
        if (feature := models.find(model).feature) != "logmel":
            raise RunError(f"expected a model that takes log-mel spectrograms, found {model}, which takes {feature}")
        model = recipe(model, **{"frames": frames, "seed": seed} | overrides)
    store = open_data(data)
    with _cut_into_segments(store, frames) if unit == "segment" else nullcontext(store) as units:
        if unit == "segment":
            source, fix, sources = "clip", "Use fewer frames", units.index["path"].str.rpartition("#")[0]
        else:
            source, fix, sources = "group", 'Use unit="segment"', units.index["group"]
        if sources.is_unique:
            raise DatasetError(
                f"{store.source.get('name')}: nothing can leak, because each of the {len(units)} {source}s has only "
                f"one {unit}. {fix}."
            )
        honest = splits.with_folds(units.index.assign(fold=0, split=""), folds, seed)
        leaky = honest.assign(fold=_assign_random_folds(honest, honest["fold"].max(), seed))
        both_folds = [index["fold"].to_numpy() for index in (leaky, honest)]
        if isinstance(model, Recipe):
            name = model.model
            results = [_crossval_network(model, units, fold_of, show_progress) for fold_of in both_folds]
        else:
            name = type(getattr(model, "steps", [("", model)])[-1][1]).__name__  # the last step of a pipeline
            results = [_crossval_classifier(model, units, fold_of) for fold_of in both_folds]
    return Leak(name, store.source.get("name", ""), unit, *results, generated=bool(store.source.get("generated")))


@contextmanager
def _cut_into_segments(store: Store, frames: int) -> Iterator[Store]:
    """Yield a temporary store of segments; a shorter remainder at the end of a clip is dropped."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "segments.h5"
        with create(path, {"logmel": store.config["logmel"]}, store.source, store.classes) as writer:
            for clip, row in enumerate(store.index.to_dict("records")):
                log_mel = store.read("logmel", clip)  # (n_mels, frames)
                starts = range(0, log_mel.shape[1] - frames + 1, frames) or [0]
                length = frames if len(starts) > 1 else None  # a clip shorter than two segments stays whole
                for start in starts:
                    segment = log_mel[:, start:][:, :length]
                    writer.append({**row, "path": f"{row['path']}#{start}"}, {"logmel": segment})
        with Store(path) as segments:
            yield segments


def _assign_random_folds(index: pd.DataFrame, folds: int, seed: int) -> np.ndarray:
    fold_of = np.zeros(len(index), dtype=int)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for fold, (_, rows) in enumerate(splitter.split(index, index["label"]), start=1):
        fold_of[rows] = fold
    return fold_of


def _crossval_network(model_recipe: Recipe, store: Store, fold_of: np.ndarray, show_progress: bool) -> Result:
    results = []
    for fold in np.unique(fold_of):
        train, test = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        split = splits.Split(train, test[:0], test, f"fold {fold} tests")
        run = run_split(model_recipe, store, split, show_progress=show_progress)
        results.append(raise_if_interrupted(run).result)
    return Result.join(results)


def _crossval_classifier(classifier, store: Store, fold_of: np.ndarray) -> Result:
    values, offsets = store.values("logmel"), store.offsets("logmel")
    log_mels = (values[start:end].astype(np.float32) for start, end in pairwise(offsets))  # (frames, n_mels)
    inputs = np.stack([np.concatenate([log_mel.mean(axis=0), log_mel.std(axis=0)]) for log_mel in log_mels])
    method = "predict_proba" if hasattr(classifier, "predict_proba") else "predict"
    predictions = cross_val_predict(classifier, inputs, store.labels, cv=PredefinedSplit(fold_of), method=method)
    probabilities = np.eye(len(store.classes))[predictions] if method == "predict" else predictions
    log_probabilities = normalise(np.log(np.clip(probabilities, 1e-12, None)))
    groups, paths = (store.index[column].to_numpy(dtype=str) for column in ("group", "path"))
    return Result(store.classes, store.labels, log_probabilities, groups, paths)
