"""Bootstrap intervals over groups of clips: how far could an accuracy be off by chance?"""

import numpy as np
from scipy.stats import beta

RESAMPLES = 2000  # bootstrap samples behind an interval


def group_interval(correct: np.ndarray, groups: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Compute the 95 % interval ``(low, high)`` of an accuracy, by bootstrap over groups.

    Clips of one artist or recording tend to be all correct or all incorrect, so whole groups are drawn instead of
    clips. If all clips are correct (or all incorrect), the result is the exact binomial interval for the number of
    groups. With fewer than about ten groups the interval is too narrow, as all bootstrap intervals are.

    Parameters
    ----------
    correct : bool array, shape (n,)
        Whether each clip was classified correctly.
    groups : array, shape (n,)
        Group of each clip.
    seed
        Random seed of the draws.

    Examples
    --------
    >>> low, high = group_interval(np.ones(10, bool), np.arange(10))
    >>> round(low, 3), high
    (0.692, 1.0)
    """
    sums, sizes = _by_group(correct, groups)
    if correct.all() or not correct.any():
        edge = float(beta.ppf(0.025, len(sizes), 1))  # Clopper and Pearson 1934, at k = n
        return (edge, 1.0) if correct.all() else (0.0, 1 - edge)
    if len(sizes) == 1:
        return 0.0, 1.0  # one group says nothing about another
    return _bootstrap(sums, sizes, seed)


def difference_interval(
    first: np.ndarray, second: np.ndarray, groups: np.ndarray, seed: int = 0
) -> tuple[float, float]:
    """Compute the 95 % interval ``(low, high)`` of the difference of two accuracies, by bootstrap over groups.

    It is above 0 where the first is better. Clips on which both models agree do not count, so it is narrower than the
    intervals of the two accuracies suggest.

    Parameters
    ----------
    first, second : bool or float array, shape (n,)
        Whether each model classified each clip correctly, or any other score in [0, 1], such as a probability.
    groups, seed
        As in :func:`group_interval`.

    Raises
    ------
    ValueError
        The three arrays differ in length.

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
    sums, sizes = _by_group(first.astype(float) - second, groups)
    return _bootstrap(sums, sizes, seed) if len(sizes) > 1 else (-1.0, 1.0)


def _by_group(values: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of the values and the number of clips of each group."""
    _, group_of_clip = np.unique(groups, return_inverse=True)
    return np.bincount(group_of_clip, weights=values), np.bincount(group_of_clip)


def _bootstrap(sums: np.ndarray, sizes: np.ndarray, seed: int) -> tuple[float, float]:
    """Draw as many groups as there are, with replacement; return the middle 95 % of the means over clips."""
    draws = np.random.default_rng(seed).multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), RESAMPLES)
    low, high = np.percentile(draws @ sums / (draws @ sizes), [2.5, 97.5])
    return float(low), float(high)
