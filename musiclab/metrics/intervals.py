"""Intervals over groups of clips: how far could an accuracy be off by chance?

Clips of one artist or recording tend to be all correct or all incorrect, so we weight whole groups, not clips, at
random: the Bayesian bootstrap (Rubin 1981). Few groups cannot show how bad other groups might be. So the lower end
counts one more group that is entirely incorrect, and the upper end one that is entirely correct, as the exact interval
for independent trials does (Clopper and Pearson 1934). If each group is all correct or all incorrect, and the groups
are of one size, the result is that exact interval for the number of groups. For a difference of accuracies, half a
group at each end suffices.

With 5 to 50 groups of equal or very unequal sizes, accuracies of 0.5 to 0.99, and clips from independent to identical
within a group, the interval covers the true accuracy in 94 % of the experiments or more (99 % on average), and that of
a difference in 93 % or more. One more correct clip never lowers either end.
"""

import numpy as np

DRAWS = 20_000  # random weightings behind an interval
_BLOCK = 500  # of them at once, so that memory does not depend on the number of groups


def group_interval(correct: np.ndarray, groups: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Compute the 95 % interval ``(low, high)`` of an accuracy.

    Parameters
    ----------
    correct : bool array, shape (n,)
        Whether each clip was classified correctly.
    groups : array, shape (n,)
        Group of each clip.
    seed
        Random seed of the weights.

    Raises
    ------
    ValueError
        There are no clips, or the arrays differ in length.

    Examples
    --------
    >>> low, high = group_interval(np.ones(10, bool), np.arange(10))
    >>> round(low, 1), high
    (0.7, 1.0)
    """
    return _interval(np.asarray(correct, dtype=float), groups, (0.0, 1.0), 1.0, seed)


def difference_interval(
    first: np.ndarray, second: np.ndarray, groups: np.ndarray, seed: int = 0
) -> tuple[float, float]:
    """Compute the 95 % interval ``(low, high)`` of the difference of two accuracies on the same clips.

    It is above 0 where the first is better. Clips on which both models agree do not count, so it is narrower than the
    intervals of the two accuracies suggest.

    Parameters
    ----------
    first, second : bool or float array, shape (n,)
        Whether each model classified each clip correctly; or scores, such as probabilities, and then the half group has
        the lowest or highest difference of a clip.
    groups, seed
        As in :func:`group_interval`.

    Raises
    ------
    ValueError
        There are no clips, or the arrays differ in length.

    Examples
    --------
    >>> first, second = np.tile([True, True, True, False], 10), np.tile([True, False, False, False], 10)
    >>> low, high = difference_interval(first, second, np.arange(40) // 4)  # two clips of four, in every group
    >>> round(low, 1), round(high, 1)
    (0.2, 0.6)
    """
    first, second = np.asarray(first), np.asarray(second)
    if first.shape != second.shape:
        raise ValueError(f"expected the same clips for both models, found {first.shape} and {second.shape}")
    values = first.astype(float) - second
    are_scores = first.dtype.kind == "f" or second.dtype.kind == "f"
    extremes = (values.min(), values.max()) if are_scores and len(values) else (-1.0, 1.0)
    return _interval(values, groups, extremes, 0.5, seed)


def _interval(
    values: np.ndarray, groups: np.ndarray, extremes: tuple[float, float], extra: float, seed: int
) -> tuple[float, float]:
    """Compute the 95 % interval of a mean, with so much of a group added that has the lowest or highest value."""
    groups = np.asarray(groups)
    if values.ndim != 1 or values.shape != groups.shape or not len(values):
        raise ValueError(
            f"expected one or more clips with a group each, found {values.shape} and groups {groups.shape}"
        )
    _, group_of_clip = np.unique(groups, return_inverse=True)
    sizes, sums = np.bincount(group_of_clip), np.bincount(group_of_clip, weights=values)
    size = np.square(sizes).sum() / sizes.sum()  # of the group that is added: of the group of a random clip
    rng, lower, upper = np.random.default_rng(seed), [], []
    for _ in range(0, DRAWS, _BLOCK):
        weights = rng.exponential(size=(_BLOCK, len(sizes)))
        added = size * rng.gamma(extra, size=_BLOCK)
        total, clips = weights @ sums, weights @ sizes + added
        lower.append((total + extremes[0] * added) / clips)
        upper.append((total + extremes[1] * added) / clips)
    low, high = np.quantile(np.concatenate(lower), 0.025), np.quantile(np.concatenate(upper), 0.975)
    return float(max(low, extremes[0])), float(min(high, extremes[1]))
