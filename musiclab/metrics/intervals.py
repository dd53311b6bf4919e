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
    right, size = _by_group(correct, groups)
    if correct.all() or not correct.any():
        edge = float(beta.ppf(0.025, len(size), 1))  # Clopper and Pearson 1934, at k = n
        return (edge, 1.0) if correct.all() else (0.0, 1 - edge)
    if len(size) == 1:
        return 0.0, 1.0  # one group cannot say how another one would fare
    return _middle(right, size, seed)


def difference_interval(
    first: np.ndarray, second: np.ndarray, groups: np.ndarray, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of how much more accurate one model is than another on the same clips, by bootstrap over groups.

    The clips that both get right, or both wrong, say nothing of the difference; so this interval is narrower than the
    two accuracies' own let one think. It is a point of no width where the models are right on the same clips.

    Parameters
    ----------
    first, second : bool or float array, shape (n,)
        Whether each model named each clip rightly, or any other number in [0, 1] of each: a probability.
    groups : array, shape (n,)
    seed
        Of the draws.

    Returns
    -------
    low, high : float
        In [-1, 1]; above 0 where the first is better.

    Raises
    ------
    ValueError
        The three are not of one length.

    Examples
    --------
    >>> first, second = np.tile([True, True, True, False], 10), np.tile([True, True, False, False], 10)
    >>> difference_interval(first, second, np.arange(40) // 4)  # one clip of four, in every group
    (0.25, 0.25)
    """
    first, second, groups = (np.asarray(each) for each in (first, second, groups))
    if not first.shape == second.shape == groups.shape:
        raise ValueError(
            f"expected the same clips for both models, found {first.shape}, {second.shape} and groups {groups.shape}"
        )
    gained, size = _by_group(first.astype(float) - second, groups)
    if len(size) == 1:
        return -1.0, 1.0
    return _middle(gained, size, seed)


def _by_group(values: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum of the values and number of clips, for each group."""
    _, number = np.unique(groups, return_inverse=True)
    return np.bincount(number, weights=values), np.bincount(number)


def _middle(sums: np.ndarray, sizes: np.ndarray, seed: int) -> tuple[float, float]:
    """The middle 95 % of the mean over clips, when as many groups as there are are drawn with replacement."""
    draws = np.random.default_rng(seed).multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), RESAMPLES)
    low, high = np.percentile(draws @ sums / (draws @ sizes), [2.5, 97.5])
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
