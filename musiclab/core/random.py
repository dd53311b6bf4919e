"""Create independent random number streams that are identified by names or keys.

If all random choices of a track came from one generator, changing the first choice would change all later ones, and
"the same track, only slower" could not be rendered. With separate streams, changing the key does not affect the drums.
"""

import zlib
from collections.abc import Sequence

import numpy as np


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Create a random generator that depends only on ``seed`` and ``names``, in any process.

    Parameters
    ----------
    seed
        Seed of the track or the data set, at least 0.
    *names
        Name of the stream, such as ``"lead", "verse", 3``. Streams with different names are independent.

    Examples
    --------
    >>> bool(stream(1, "key").random() == stream(1, "key").random())
    True
    >>> bool(stream(1, "key").random() == stream(1, "tempo").random())
    False
    """
    return np.random.default_rng([int(seed), *(zlib.crc32(str(name).encode()) for name in names)])


def pick(rng: np.random.Generator, options: Sequence):
    """Pick a random element with equal probabilities. Unlike ``rng.choice``, return the original object."""
    return options[int(rng.integers(len(options)))]


def uniform(*keys: int | np.ndarray) -> np.ndarray:
    """Draw uniform random numbers from [0, 1) that depend only on their keys, such as seed, epoch and clip.

    The same keys give the same number in any order and any process. Arrays of keys are broadcast. Each number is the
    upper 53 bits of a 64-bit hash. The hash starts at 0; each key is combined with it by exclusive or, followed by a
    mixing step of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).

    Examples
    --------
    >>> uniform(0, 1, [0, 1, 2]).round(3)
    array([0.269, 0.275, 0.367])
    """
    return (_hash(*keys) >> np.uint64(11)) * 2.0**-53


def _hash(*keys: int | np.ndarray) -> np.ndarray:
    state = np.uint64(0)
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64
        for key in keys:
            state = (state ^ np.asarray(key).astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    return state
