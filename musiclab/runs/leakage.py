"""Leakage as a lesson: the same model on a split that leaks and on one that does not, side by side."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold

from musiclab import models
from musiclab.core.errors import DatasetError, RunError
from musiclab.datasets import Dataset, splits
from musiclab.metrics import McNemar, Result, mcnemar
from musiclab.runs.run import Run
from musiclab.store import Store, create, open_data
from musiclab.training import TrainConfig

UNITS = ("segment", "clip")


@dataclass(frozen=True)
class Leak:
    """What a leak is worth.

    Attributes
    ----------
    model, data : str
        Names.
    unit : str
        What was dealt out at random: "segment" or "clip".
    leaky, honest : Result
        Of the same segments or clips, each tested once, by random folds and by folds of whole groups.
    generated : bool
        Whether the data are generated, and no benchmark.
    """

    model: str
    data: str
    unit: str
    leaky: Result
    honest: Result
    generated: bool = False

    @property
    def inflation(self) -> float:
        """Accuracy of the leaky split less that of the honest one, in [-1, 1]."""
        return self.leaky.accuracy - self.honest.accuracy

    @property
    def test(self) -> McNemar:
        """McNemar's test of the two on the same clips; it takes the segments of a clip for independent."""
        return mcnemar(self.leaky, self.honest)

    def __str__(self) -> str:
        note = " (generated data, not a benchmark)" if self.generated else ""
        return (
            f"{self.model} on {self.data}{note}\n"
            f"  leaky ({self.unit}s at random): {_in_words(self.leaky, self.unit)}\n"
            f"  honest (whole groups): {_in_words(self.honest, self.unit)}\n"
            f"  the leak is worth {100 * self.inflation:+.1f} points"
        )


def compare_leak(
    model,
    data: str | Path | Dataset | Store,
    unit: str = "segment",
    folds: int = 5,
    frames: int = 64,
    config: TrainConfig = TrainConfig(),
    show_progress: bool = True,
    **sizes,
) -> Leak:
    """Cross-validate a model twice: with clips or segments dealt out at random, and with whole groups kept together.

    Both times there are the same clips, each tested once, as many folds of about the same size, and no validation
    part: the split is all that differs. Official folds are not used.

    Parameters
    ----------
    model
        Name of a network, or a scikit-learn classifier (give a pipeline with its scaler, so that this too is fitted
        on the training part alone); that one gets the mean and the deviation of each log-mel band over time.
    data
        As for :func:`musiclab.store.open_data`.
    unit
        ``"segment"``: clips are cut into segments, and segments of one clip come to stand on both sides, as happens
        when a set is cut before it is split. ``"clip"``: clips stay whole, and clips of one group (artist, recording)
        come to stand on both sides.
    folds
        As many, or as few as the class with the fewest groups allows.
    frames
        Length of a segment, and of what a network hears at once; 64 frames are 1.5 s.
    config
        The settings of a network.
    show_progress
        Draw a progress bar.
    **sizes
        Of a network.

    Returns
    -------
    Leak

    Raises
    ------
    DatasetError
        Nothing could leak: by clips, where each group is a single clip; by segments, where no clip is as long as two.
    """
    if unit not in UNITS:
        raise RunError(f"expected a unit among {', '.join(UNITS)}, found {unit!r}")
    if isinstance(model, str):
        if models.find(model).feature != "logmel":
            raise RunError(
                f"expected a model that hears log-mels, found {model}, which hears {models.find(model).feature}"
            )
        sizes = {"frames": frames, **sizes}
    store, _ = open_data(data)
    with _cut(store, frames if unit == "segment" else None) as (pieces, clips):
        whole = "group" if unit == "clip" else "clip"
        if (pieces.index["group"] if unit == "clip" else pd.Series(clips)).is_unique:
            raise DatasetError(
                f"{store.source.get('name')}: expected some {whole}s of several {unit}s, found one {unit} in each of "
                f"{len(pieces)}, so nothing can leak; " + ("take segments" if unit == "clip" else "take fewer frames")
            )
        honest = splits.with_folds(pieces.index.assign(fold=0, split=""), folds, config.seed)
        leaky = honest.assign(fold=_random_folds(honest, honest["fold"].max(), config.seed))
        results = [_crossval(model, pieces, index["fold"], config, show_progress, sizes) for index in (leaky, honest)]
    name = model if isinstance(model, str) else _name(model)
    return Leak(name, store.source.get("name", ""), unit, *results, generated=bool(store.source.get("generated")))


@contextmanager
def _cut(store: Store, frames: int | None) -> Iterator[tuple[Store, np.ndarray]]:
    """A store, for a while, of the clips or of the segments of ``frames`` in them, and the clip that each is of."""
    with tempfile.TemporaryDirectory() as folder:
        path, clips = Path(folder) / "pieces.h5", []
        with create(path, {"logmel": store.config["logmel"]}, store.source, store.classes) as writer:
            for clip, row in enumerate(store.index.to_dict("records")):
                picture = store.read("logmel", clip)  # (n_mels, frames)
                count = max(1, picture.shape[1] // frames) if frames else 1  # what is left over at the end is dropped
                length = frames if frames and count > 1 else picture.shape[1]
                for number in range(count):
                    name = f"{row['path']}#{number}" if frames else row["path"]
                    piece = picture[:, number * length : (number + 1) * length]
                    writer.append({**row, "path": name}, {"logmel": piece})
                    clips.append(clip)
        with Store(path) as pieces:
            yield pieces, np.array(clips)


def _random_folds(index, folds: int, seed: int) -> np.ndarray:
    numbers = np.zeros(len(index), dtype=int)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for number, (_, rows) in enumerate(splitter.split(index, index["label"]), start=1):
        numbers[rows] = number
    return numbers


def _crossval(model, pieces, folds, config: TrainConfig, show_progress: bool, sizes: dict) -> Result:
    results = []
    for fold in sorted(set(folds)):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if isinstance(model, str):
            split = splits.Split(train, test[:0], test, f"fold {fold} tests")
            results.append(Run(model, pieces, split, config, sizes).train_and_test(show_progress).to_the_end().result)
        else:
            results.append(_classical(model, pieces, train, test))
    return Result.join(results)


def _classical(estimator, pieces, train: np.ndarray, test: np.ndarray) -> Result:
    """A scikit-learn classifier on the mean and the deviation of each band."""
    values, offsets = pieces.read_all("logmel"), pieces.offsets("logmel")
    parts = (values[start:end].astype(np.float32) for start, end in pairwise(offsets))
    numbers = np.stack([np.concatenate([part.mean(axis=0), part.std(axis=0)]) for part in parts])
    fitted = clone(estimator).fit(numbers[train], pieces.labels[train])
    if hasattr(fitted, "predict_proba"):
        shares = np.zeros((len(test), len(pieces.classes)))
        shares[:, fitted.classes_] = fitted.predict_proba(numbers[test])
    else:
        shares = np.eye(len(pieces.classes))[fitted.predict(numbers[test])]
    shares = np.clip(shares, 1e-12, None)
    rows = pieces.index.iloc[test]
    log_probabilities = np.log(shares / shares.sum(axis=1, keepdims=True))
    groups, paths = (rows[column].to_numpy(dtype=str) for column in ("group", "path"))
    return Result(pieces.classes, pieces.labels[test], log_probabilities, groups, paths)


def _name(estimator) -> str:
    """Of the classifier itself, where it is the last step of a pipeline."""
    return type(getattr(estimator, "steps", [("", estimator)])[-1][1]).__name__


def _in_words(result: Result, unit: str) -> str:
    return str(result).replace(" clips in ", f" {unit}s in ")
