"""Random numbers by name: every decision draws from a stream of its own.

If all choices of a track came from one generator, changing the first would change all later ones, and "the same track,
only slower" could not be rendered. Here, asking for another key leaves the stream of the drums alone.
"""

import zlib
from collections.abc import Sequence

import numpy as np


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Make a random generator that depends on ``seed`` and ``names`` only, the same in every process.

    Parameters
    ----------
    seed
        Seed of the track or of the data set, 0 or more.
    *names
        What the numbers are for, such as ``"lead", "verse", 3``; streams of different names are independent.

    Examples
    --------
    >>> bool(stream(1, "key").random() == stream(1, "key").random())
    True
    >>> bool(stream(1, "key").random() == stream(1, "tempo").random())
    False
    """
    return np.random.default_rng([int(seed), *(zlib.crc32(str(name).encode()) for name in names)])


def pick(rng: np.random.Generator, options: Sequence):
    """Pick one of ``options``, all equally likely; unlike ``rng.choice`` it returns the object itself."""
    return options[int(rng.integers(len(options)))]
