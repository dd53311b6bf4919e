"""Calibrate probabilities, so that a model that is 80 % sure is correct in 80 % of the cases, and define "unknown"."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from scipy.stats import binomtest

from musiclab.core.checks import check_number, check_positive

KEPT = 0.95
"""Share of the clips for calibration whose novelty is below the threshold for "unknown"."""

_LEAST = 20  # clips; fewer say too little
_LEAST_ERRORS = 3  # with fewer, nothing tells that a model is too modest
_HOTTEST = 20.0


@dataclass(frozen=True)
class Calibration:
    """Temperature of a model and threshold for "unknown", both found on clips that it was not trained on.

    Attributes
    ----------
    temperature : float, default 1
        Number that log-probabilities are divided by. Above 1, the model was too sure of itself.
    threshold : float, default 0
        Novelty above which a clip counts as "unknown". Novelty is a distance from all classes for a probe, and 1 minus
        the highest probability for all other models.
    n : int, default 0
        Number of clips that both were found on. With 0, they have their default values.

    Examples
    --------
    >>> Calibration(temperature=2.0).apply(np.log([[0.9, 0.1]])).round(2)  # 75 % and 25 %
    array([[-0.29, -1.39]])
    """

    temperature: float = 1.0
    threshold: float = 0.0
    n: int = 0

    def __post_init__(self):
        check_positive(vars(self), "temperature")
        check_number(vars(self), "threshold", least=-np.inf)

    def novelties(self, log_probabilities: np.ndarray) -> np.ndarray:
        """Return 1 minus the highest calibrated probability of each clip, shape (n,)."""
        return 1 - np.exp(self.apply(log_probabilities).max(axis=1))

    def apply(self, log_probabilities: np.ndarray) -> np.ndarray:
        """Divide log-probabilities, shape (n, classes), by the temperature, and normalise them again."""
        return log_softmax(np.asarray(log_probabilities, np.float64) / self.temperature, axis=-1)


def calibrate(log_probabilities: np.ndarray, labels: Sequence[int], novelties: np.ndarray | None = None) -> Calibration:
    """Find the temperature with the lowest loss, and the threshold that keeps 95 % of the clips.

    Temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural Networks") changes how sure a model is, but
    not what it predicts.

    Parameters
    ----------
    log_probabilities : array, shape (n, classes)
        Log-probabilities of clips that the model was not trained on.
    labels : int array, shape (n,)
        Class index of each clip.
    novelties : array, shape (n,), optional
        Distance of each clip from all classes. By default, 1 minus its highest probability.

    Returns
    -------
    Calibration
        Temperature and threshold. With fewer than 20 clips, the default. With fewer than 3 errors, the temperature is
        at least 1, because clips without errors always look as if the model could be surer.

    Raises
    ------
    ValueError
        If the log-probabilities and labels don't fit together.

    Examples
    --------
    A model that is always 99 % sure, but wrong in one case of five:

    >>> scores, labels = np.log(np.tile([0.99, 0.01], (100, 1))), np.arange(100) % 5 == 0
    >>> result = calibrate(scores, labels.astype(int))
    >>> round(result.temperature, 1), np.exp(result.apply(scores[:1])).round(2)
    (3.3, array([[0.8, 0.2]]))
    """
    labels = _check_labels(log_probabilities, labels)
    if len(labels) < _LEAST:
        return Calibration()

    def loss(log_temperature: float) -> float:
        scores = Calibration(float(np.exp(log_temperature))).apply(log_probabilities)
        return -scores[np.arange(len(labels)), labels].mean()

    limit = np.log(_HOTTEST)
    has_errors = (np.argmax(log_probabilities, axis=1) != labels).sum() >= _LEAST_ERRORS
    best = minimize_scalar(loss, bounds=(-limit if has_errors else 0, limit), method="bounded", options={"xatol": 1e-6})
    temperature = float(np.exp(best.x))
    if novelties is None:
        novelties = Calibration(temperature).novelties(log_probabilities)
    return Calibration(temperature, float(np.quantile(novelties, KEPT)), len(labels))


def reliability(log_probabilities: np.ndarray, labels: Sequence[int], bins: int = 10) -> pd.DataFrame:
    """Compare how sure a model is with how often it is correct.

    Parameters
    ----------
    log_probabilities : array, shape (n, classes)
        Log-probabilities of each clip.
    labels : int array, shape (n,)
        Class index of each clip.
    bins : int, default 10
        Number of groups of clips with similar probabilities.

    Returns
    -------
    pandas.DataFrame
        One row for each bin that contains clips: its limits ``low`` and ``high``, number of clips ``n``, mean
        ``probability`` of the predicted class, and ``accuracy`` with its 95 % interval (Wilson) from ``accuracy_low``
        to ``accuracy_high``, which treats clips as independent.

    Raises
    ------
    ValueError
        If the log-probabilities and labels don't fit together, or are not log-probabilities.

    Examples
    --------
    >>> reliability(np.log([[0.9, 0.1], [0.3, 0.7]]), [0, 0])[["probability", "accuracy"]].to_numpy().tolist()
    [[0.7, 0.0], [0.9, 1.0]]
    """
    labels = _check_labels(log_probabilities, labels)
    if np.max(log_probabilities, initial=0) > 1e-6:
        raise ValueError("expected log-probabilities, which are at most 0; pass np.log(probabilities)")
    surest = np.exp(np.max(log_probabilities, axis=1))
    table = pd.DataFrame({"probability": surest, "accuracy": np.argmax(log_probabilities, axis=1) == labels})
    edges = np.linspace(0, 1, bins + 1)
    table["bin"] = np.clip(np.searchsorted(edges, surest, side="left") - 1, 0, bins - 1)
    grouped = table.groupby("bin")
    means = grouped.agg(n=("accuracy", "size"), probability=("probability", "mean"), accuracy=("accuracy", "mean"))
    intervals = [
        binomtest(int(hits), int(n)).proportion_ci(method="wilson")
        for n, hits in grouped["accuracy"].agg(["size", "sum"]).to_numpy()
    ]
    means["accuracy_low"], means["accuracy_high"] = np.transpose(intervals)
    rows = means.index.to_numpy()
    return pd.DataFrame({"low": edges[rows], "high": edges[rows + 1]}).join(means.reset_index(drop=True))


def calibration_error(log_probabilities: np.ndarray, labels: Sequence[int], bins: int = 10) -> float:
    """Compute the expected calibration error, the mean distance between probability and accuracy over all clips.

    Parameters
    ----------
    log_probabilities, labels, bins
        As in :func:`reliability`.

    Returns
    -------
    float
        Error in [0, 1].

    Examples
    --------
    >>> round(calibration_error(np.log([[0.9, 0.1], [0.3, 0.7]]), [0, 0]), 2)  # (0.1 + 0.7) / 2
    0.4
    """
    table = reliability(log_probabilities, labels, bins)
    return float(np.average((table["probability"] - table["accuracy"]).abs(), weights=table["n"]))


def _check_labels(log_probabilities: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """Return the labels as an array, or raise ValueError if they don't fit the log-probabilities."""
    scores, labels = np.asarray(log_probabilities), np.asarray(labels)
    if scores.ndim != 2 or labels.shape != scores.shape[:1]:
        raise ValueError(
            "expected log-probabilities of shape (n, classes) and n labels, found shapes "
            f"{scores.shape} and {labels.shape}"
        )
    if len(labels) and (labels.dtype.kind not in "iub" or labels.min() < 0 or labels.max() >= scores.shape[1]):
        raise ValueError(f"expected class indices from 0 to {scores.shape[1] - 1} as labels, found {labels[:3]} ...")
    return labels
