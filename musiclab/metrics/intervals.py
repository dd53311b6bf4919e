"""95 % intervals for accuracies: how far could an accuracy be off by chance?

Clips of one artist or recording are often all correct or all incorrect. So we give random weights to groups instead of
clips (Bayesian bootstrap, Rubin 1981). A few groups cannot show how different other groups might be. Therefore the
lower end adds one group that is entirely incorrect, and the upper end one that is entirely correct, like the exact
interval for independent trials (Clopper and Pearson 1934). The two intervals are the same if groups have equal sizes
and each is entirely correct or incorrect. For the difference of two accuracies, adding half a group is enough.

We simulated 5 to 50 groups of equal or very different sizes, accuracies from 0.5 to 0.99, and clips that were between
independent and identical within a group. The interval of an accuracy contained the true value in at least 94 % of the
experiments (99 % on average), and that of a difference of accuracies in at least 93 %. If a clip becomes correct,
neither end falls.
"""

import numpy as np

DRAWS = 20_000  # random weightings per interval
_BLOCK = 500  # weightings computed at once, to limit memory use


def group_interval(correct: np.ndarray, groups: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Compute the 95 % interval of an accuracy by a Bayesian bootstrap over groups.

    Clips of one group, such as an artist, are often all correct or all incorrect. So the bootstrap gives random weights
    to groups instead of clips, and computes the weighted accuracy :data:`DRAWS` times. The interval contains the middle
    95 % of these accuracies. A few groups cannot show how different other groups might be. Therefore, one entirely
    incorrect group is added for the lower end, and one entirely correct group for the upper end.

    Parameters
    ----------
    correct : bool array, shape (n,)
        True for each correctly classified clip.
    groups : array, shape (n,)
        Group of each clip, such as its artist.
    seed : int, default 0
        Random seed of the weights.

    Returns
    -------
    low : float
        Lower end of the interval, in [0, 1].
    high : float
        Upper end of the interval, in [0, 1].

    Raises
    ------
    ValueError
        The arrays are empty or differ in length, or ``correct`` has other values.

    Examples
    --------
    >>> low, high = group_interval(np.ones(10, bool), np.arange(10))
    >>> round(low, 1), high
    (0.7, 1.0)
    """
    values = np.asarray(correct, dtype=float)
    if not ((values >= 0) & (values <= 1)).all():  # NaN neither
        raise ValueError("expected True or False for each clip, or shares from 0 to 1, found other values")
    return _interval(values, groups, (0.0, 1.0), 1.0, seed)


def difference_interval(
    first: np.ndarray, second: np.ndarray, groups: np.ndarray, seed: int = 0
) -> tuple[float, float]:
    """Compute the 95 % interval of the difference between two accuracies on the same clips.

    Values above 0 mean that the first model is better. The interval is narrower than the intervals of the two
    accuracies suggest, because clips on which both models agree do not contribute to the difference.

    Parameters
    ----------
    first : bool or float array, shape (n,)
        True for each clip that the first model classified correctly. Alternatively a score of each clip, such as a
        probability.
    second : bool or float array, shape (n,)
        The same for the second model.
    groups : array, shape (n,)
        Group of each clip, as in :func:`group_interval`. Here, half a group is added at each end. Its difference is the
        lowest or highest possible one or, for scores, the lowest or highest difference of any clip. So an interval of
        scores is too narrow if the few clips happen to have similar differences.
    seed : int, default 0
        Random seed of the weights, as in :func:`group_interval`.

    Returns
    -------
    low : float
        Lower end of the interval, at least -1 for accuracies.
    high : float
        Upper end of the interval, at most 1 for accuracies.

    Raises
    ------
    ValueError
        The arrays are empty or differ in length.

    Examples
    --------
    >>> first, second = np.tile([True, True, True, False], 10), np.tile([True, False, False, False], 10)
    >>> low, high = difference_interval(first, second, np.arange(40) // 4)  # two of the four clips in each group
    >>> round(low, 1), round(high, 1)
    (0.2, 0.6)
    """
    first, second = np.asarray(first), np.asarray(second)
    if first.shape != second.shape:
        raise ValueError(f"expected the same clips for both models, found {first.shape} and {second.shape}")
    values = first.astype(float) - second
    are_scores = not np.isin(first, (0, 1)).all() or not np.isin(second, (0, 1)).all()
    extremes = (values.min(), values.max()) if are_scores and len(values) else (-1.0, 1.0)
    return _interval(values, groups, extremes, 0.5, seed)


def _interval(
    values: np.ndarray, groups: np.ndarray, extremes: tuple[float, float], extra: float, seed: int
) -> tuple[float, float]:
    """Compute the 95 % interval of a mean, adding ``extra`` groups with the lowest and highest value."""
    groups = np.asarray(groups)
    if values.ndim != 1 or values.shape != groups.shape or not len(values):
        raise ValueError(
            f"expected at least one clip and one group per clip, found shapes {values.shape} and {groups.shape}"
        )
    _, group_of_clip = np.unique(groups, return_inverse=True)
    sizes, sums = np.bincount(group_of_clip), np.bincount(group_of_clip, weights=values)
    added_size = np.square(sizes).sum() / sizes.sum()  # mean size of the group of a random clip
    rng, lower, upper = np.random.default_rng(seed), [], []
    for _ in range(0, DRAWS, _BLOCK):
        weights = rng.exponential(size=(_BLOCK, len(sizes)))
        added = added_size * rng.gamma(extra, size=_BLOCK)
        total, clips = weights @ sums, weights @ sizes + added
        lower.append((total + extremes[0] * added) / clips)
        upper.append((total + extremes[1] * added) / clips)
    low, high = np.quantile(np.concatenate(lower), 0.025), np.quantile(np.concatenate(upper), 0.975)
    return float(max(low, extremes[0])), float(min(high, extremes[1]))
