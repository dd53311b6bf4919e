"""Random numbers by name or by address: every decision draws from a stream of its own.

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


def uniform(*keys: int | np.ndarray) -> np.ndarray:
    """Draw numbers evenly from [0, 1), each of which depends on its own keys only, such as seed, epoch and clip.

    Whoever asks for some of them, in whatever order or process, gets the same ones. Arrays of keys are broadcast. The
    numbers are the upper 53 bits of a 64-bit hash: from 0 on, each key is combined with the hash by exclusive or, and
    mixed by a step of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).

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
