"""Measure how far apart two sets of feature vectors are."""

import numpy as np


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Compute the Fréchet distance between two sets of vectors, as if both were normally distributed.

    With means m, m' and covariances S, S', it is ``|m - m'|² + tr(S + S' - 2 (S S')^½)``. On the embeddings of a
    network, this is the Fréchet audio distance (Kilgour et al. 2019, "Fréchet Audio Distance"). Small sets give values
    that are too large, so compare only distances between sets of the same sizes.

    Parameters
    ----------
    first : float array, shape (n, dimensions)
        First set, with at least one vector.
    second : float array, shape (m, dimensions)
        Second set.

    Returns
    -------
    float
        Distance in squared units of the vectors. It is 0 if means and covariances are equal.

    Examples
    --------
    >>> points = np.random.default_rng(0).normal(size=(50, 3))
    >>> round(frechet_distance(points, points + [2, 0, 0]), 6)
    4.0
    """
    first, second = (np.asarray(values, dtype=np.float64) for values in (first, second))
    between = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    # R'R is the covariance, and the trace of (S S')^½ is the sum of the singular values of R R''. Unlike the root of
    # a matrix, this also works with fewer vectors than dimensions.
    roots = [np.linalg.qr(values - values.mean(axis=0), mode="r") / np.sqrt(len(values)) for values in (first, second)]
    common = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    spread = sum(np.square(root).sum() for root in roots) - 2 * common
    return float(between + max(0.0, spread))
