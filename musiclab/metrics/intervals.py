"""How far a number could be off by chance: over groups of clips, and over seeds."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import beta

RESAMPLES = 2000
"""Bootstrap samples behind an interval."""


def group_interval(correct: np.ndarray, groups: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """95 % interval of an accuracy, by bootstrap over groups.

    Clips of one artist or recording are right or wrong together, so whole groups are drawn, not clips. Where all
    are right (or all wrong) every draw is the same; then the exact binomial interval of the number of groups is given.
    With fewer than about ten groups the interval comes out too narrow, as bootstrap intervals do.

    Parameters
    ----------
    correct : bool array, shape (n,)
    groups : array, shape (n,)
    seed
        Of the draws.

    Returns
    -------
    low, high : float
        In [0, 1].

    Examples
    --------
    >>> low, high = group_interval(np.ones(10, bool), np.arange(10))
    >>> round(low, 3), high
    (0.692, 1.0)
    """
    _, number = np.unique(groups, return_inverse=True)
    right, size = np.bincount(number, weights=correct), np.bincount(number)
    if correct.all() or not correct.any():
        edge = float(beta.ppf(0.025, len(size), 1))  # Clopper and Pearson 1934, at k = n
        return (edge, 1.0) if correct.all() else (0.0, 1 - edge)
    if len(size) == 1:
        return 0.0, 1.0  # one group cannot say how another one would fare
    draws = np.random.default_rng(seed).multinomial(len(size), np.full(len(size), 1 / len(size)), RESAMPLES)
    low, high = np.percentile(draws @ right / (draws @ size), [2.5, 97.5])
    return float(low), float(high)


def mean_and_deviation(results: Sequence) -> tuple[float, float]:
    """Mean accuracy of runs that differ in their seed alone, and its standard deviation (of a sample: n - 1).

    Parameters
    ----------
    results : sequence of Result
        The deviation of a single one is not a number.
    """
    accuracies = np.array([result.accuracy for result in results])
    return float(accuracies.mean()), float(accuracies.std(ddof=1)) if len(accuracies) > 1 else float("nan")
