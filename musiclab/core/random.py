"""Create independent random number streams that are identified by names or keys.

If all random choices of a track came from one generator, changing the first choice would change all later ones, and
"the same track, only slower" could not be rendered. With separate streams, changing the key does not affect the drums.
"""

import zlib
from collections.abc import Sequence

import numpy as np


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Create a random generator that depends only on a seed and on names.

    Equal seeds and names give the same numbers in any process. Streams with different names are independent.

    Parameters
    ----------
    seed : int
        Seed of the track or the data set, at least 0.
    *names : str or int
        Name of the stream, in one or more pieces, such as ``"lead", "verse", 3``.

    Returns
    -------
    numpy.random.Generator
        New generator at the start of its stream.

    Examples
    --------
    >>> bool(stream(1, "key").random() == stream(1, "key").random())
    True
    >>> bool(stream(1, "key").random() == stream(1, "tempo").random())
    False
    """
    return np.random.default_rng([int(seed), *(zlib.crc32(str(name).encode()) for name in names)])


def pick(rng: np.random.Generator, options: Sequence):
    """Pick a random element of a sequence. All elements are equally likely.

    Unlike ``rng.choice``, this returns the original object instead of a copy in numpy's data type.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of random numbers.
    options : sequence
        Elements to choose from.

    Returns
    -------
    object
        One of ``options``.

    Examples
    --------
    >>> pick(stream(1, "key"), ["C", "D", "E"]) in ["C", "D", "E"]
    True
    """
    return options[int(rng.integers(len(options)))]


def uniform(*keys: int | np.ndarray) -> np.ndarray:
    """Draw uniform random numbers that depend only on their keys, such as seed, epoch and clip.

    Equal keys give the same number in any order and any process.

    Parameters
    ----------
    *keys : int or int array
        Keys of the numbers. Arrays are broadcast, as in numpy's arithmetic.

    Returns
    -------
    float or float array
        Numbers from 0 to less than 1, one for each combination of keys.

    Notes ----- Each number is the upper 53 bits of a 64-bit hash. The hash starts at 0. Each key is combined with it by
    exclusive or, followed by a mixing step of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).

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
