"""Cover a clip from start to end with segments."""

import numpy as np


def covering(spare: int, length: int, step: int | None = None) -> np.ndarray:
    """Compute the start positions of segments that cover a clip.

    Parameters
    ----------
    spare
        Length of the clip minus the length of a segment.
    length
        Length of a segment.
    step
        Distance between segments. Default: evenly spaced, at most half a segment apart.

    Examples
    --------
    >>> covering(spare=10, length=8).tolist(), covering(spare=10, length=8, step=4).tolist()
    ([0, 3, 7, 10], [0, 4, 8, 10])
    """
    if step is not None:
        return np.unique(np.append(np.arange(0, spare, step), spare))
    return np.linspace(0, spare, 1 - (-spare // max(1, length // 2))).round().astype(np.int64)
