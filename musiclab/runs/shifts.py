"""Measure in which features two sets of clips differ, and how far apart the sets are."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from musiclab.core.errors import counted
from musiclab.core.random import stream
from musiclab.metrics import frechet_distance

_DRAWS = 50  # random halves of the test set
_LEAST = 4  # clips in each sample of a distance


@dataclass(frozen=True)
class Distance:
    """Distance between a training set and a test set, with the distance between two halves of the test set.

    It is the Fréchet distance (:func:`musiclab.metrics.frechet_distance`) of the summary features, in squared standard
    deviations of the test set, divided by the number of features. Features that are constant in the test set are left
    out. All samples have the same number of clips of each class. So neither the sizes of the sets nor their shares of
    the classes play a role.

    Attributes
    ----------
    value : float
        Distance between training and test clips, the mean of 50 random samples.
    zero : float
        Distance between two random halves of the test set without common groups, which is what ``value`` would be if
        the training set were of the same kind. It is not 0, because small samples differ by chance.
    low : float
        Value that 2.5 % of the distances between two halves are below.
    high : float
        Value that 2.5 % of the distances between two halves are above.
    n : int
        Mean number of clips in a sample. If there are fewer than 4 in one of them, the distances are NaN.
    """

    value: float
    zero: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if np.isnan(self.value):
            return f"not measured, because halves of the test set have only {counted(self.n, 'clip')}"
        return (
            f"{self.value:.2f}, compared with {self.zero:.2f} ({self.low:.2f} to {self.high:.2f}) between two halves "
            f"of the test set, n = {self.n} clips each"
        )


def measure_shifts(train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Measure how far the features of each class are shifted (see :class:`Transfer`).

    Parameters
    ----------
    train : pandas.DataFrame
        One row per clip, with the columns ``path``, ``label`` and ``group``, followed by the features.
    test : pandas.DataFrame
        Clips of the same classes.

    Returns
    -------
    pandas.DataFrame
        Table with the columns ``class``, ``feature``, ``shift``, ``error``, ``train`` and ``test``.
    """
    names = _list_features(train)
    means, variances, counts = ([], []), ([], []), ([], [])
    classes = sorted(set(train["label"]) & set(test["label"]))
    for label in classes:
        for side, table in enumerate((train, test)):
            values = table.loc[table["label"] == label, names].to_numpy(dtype=np.float64)
            means[side].append(values.mean(axis=0))
            counts[side].append(len(values))
            variances[side].append(values.var(axis=0, ddof=1) if len(values) > 1 else np.full(len(names), np.nan))
    (train_means, test_means), (train_variances, test_variances) = np.array(means), np.array(variances)
    pooled = [_mean_variance(side) for side in variances]
    errors = sum(  # squared; a class with a single clip gets the mean variance of the others
        np.where(np.isnan(side), mean, side) / np.array(count)[:, None]
        for side, mean, count in zip((train_variances, test_variances), pooled, counts, strict=True)
    )
    rows = [*zip(classes, train_means, test_means, test_variances, errors, strict=True)]
    rows.append(("all", train_means.mean(0), test_means.mean(0), pooled[1], errors.mean(0) / len(classes)))
    tables = []
    for label, train_mean, test_mean, variance, error in rows:
        deviation = np.sqrt(variance)
        deviation[deviation <= 1e-6 * np.maximum(1, np.abs(test_mean))] = np.nan  # almost constant
        columns = {"class": label, "feature": names, "shift": (train_mean - test_mean) / deviation}
        columns |= {"error": np.sqrt(error) / deviation, "train": train_mean, "test": test_mean}
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables).sort_values("shift", key=np.abs, ascending=False, ignore_index=True, kind="stable")


def _mean_variance(variances: list[np.ndarray]) -> np.ndarray:
    """Return the mean over the classes that have a variance, or NaN if none has."""
    known = [variance for variance in variances if not np.isnan(variance).any()]
    return np.mean(known, axis=0) if known else variances[0]


def measure_distance(train: pd.DataFrame, test: pd.DataFrame, seed: int = 0) -> Distance:
    """Measure the distance between two sets of clips (see :class:`Distance`).

    Parameters
    ----------
    train : pandas.DataFrame
        As in :func:`measure_shifts`.
    test : pandas.DataFrame
        As in :func:`measure_shifts`.
    seed : int, default 0
        Random seed of the samples.

    Returns
    -------
    Distance
        Distance between the sets and between two halves of the test set.
    """
    names, rng = _list_features(train), stream(seed, "distance")
    train_values, test_values = (table[names].to_numpy(dtype=np.float64) for table in (train, test))
    mean, deviation = test_values.mean(axis=0), test_values.std(axis=0)
    varies = deviation > 1e-6 * np.maximum(1, np.abs(mean))
    train_values, test_values = (((values - mean) / deviation)[:, varies] for values in (train_values, test_values))
    groups = test["group"].to_numpy()
    pools = [
        tuple(np.flatnonzero(table["label"] == label) for table in (train, test))
        for label in sorted(set(train["label"]) & set(test["label"]))
    ]
    distances, sizes = [], []
    for _ in range(_DRAWS):
        samples = ([], [], [])  # training clips, and two halves of the test clips
        for own, others in pools:
            sides = (rng.permutation(own), *(others[half] for half in _halve(groups[others], rng)))
            size = min(map(len, sides))
            for sample, side in zip(samples, sides, strict=True):
                sample.extend(side[:size])
        sizes.append(len(samples[0]))
        if sizes[-1] < _LEAST or not varies.any():
            return Distance(np.nan, np.nan, np.nan, np.nan, sizes[-1])
        sample, half, other_half = train_values[samples[0]], test_values[samples[1]], test_values[samples[2]]
        distances.append((frechet_distance(sample, half), frechet_distance(other_half, half)))
    between, within = np.transpose(distances) / varies.sum()
    low, high = np.quantile(within, [0.025, 0.975])
    return Distance(float(between.mean()), float(within.mean()), float(low), float(high), round(np.mean(sizes)))


def _halve(groups: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Divide clips into two random halves without common groups, or any halves if there is only one group."""
    groups = groups if len(np.unique(groups)) > 1 else np.arange(len(groups))
    sides: tuple[list, list] = ([], [])
    for group in rng.permutation(np.unique(groups)):
        min(sides, key=len).extend(np.flatnonzero(groups == group))
    return [rng.permutation(np.array(side, dtype=int)) for side in sides]


def choose_typical(train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Find the medoid of each class in each of the two sets."""
    names = _list_features(train)
    deviation = test[names].std(ddof=0).replace(0, 1)
    medoids = (
        pd.Series({label: _medoid(rows, rows[names] / deviation) for label, rows in table.groupby("label")})
        for table in (train, test)
    )
    return pd.DataFrame(dict(zip(("train", "test"), medoids, strict=True))).rename_axis("class").reset_index()


def _medoid(table: pd.DataFrame, points: pd.DataFrame) -> str:
    points = points.to_numpy(dtype=np.float64)
    squares = np.square(points).sum(axis=1)
    distances = np.sqrt(np.maximum(0, squares[:, None] + squares - 2 * points @ points.T))
    return str(table["path"].iloc[distances.sum(axis=1).argmin()])


def _list_features(table: pd.DataFrame) -> list[str]:
    return [name for name in table if name not in ("path", "label", "group")]
