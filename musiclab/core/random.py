"""Random numbers by name: every decision of Studio and Street draws from a stream of its own.

A track makes hundreds of choices. If they all came from one generator, changing the first would change every
later one, and "the same track, only slower" could not be rendered. Here the key is drawn from the stream
named "key" and the timing of the drums from the stream named "timing", "drums": asking for another key leaves
the drums alone. Where one number each is wanted for very many things, such as the places of segments, `uniform` gives
it without a generator.
"""

import zlib

import numpy as np


def stream(seed, *names):
    """Random generator that depends on `seed` and `names` only.

    Parameters
    ----------
    seed : int
        Seed of the track or of the data set, 0 or more.
    *names : str or int
        What the numbers are for, such as ``"lead", "verse", 3``; streams of different names are independent, so
        that one purpose may draw more numbers without changing another.

    Returns
    -------
    numpy.random.Generator
        The same numbers in every process: names are hashed by CRC-32, not by Python's salted ``hash``.

    Examples
    --------
    >>> bool(stream(1, "key").random() == stream(1, "key").random())
    True
    >>> bool(stream(1, "key").random() == stream(1, "tempo").random())
    False
    """
    return np.random.default_rng([int(seed), *(zlib.crc32(str(name).encode()) for name in names)])


def pick(rng, options):
    """One of `options`, each equally likely; unlike ``rng.choice`` it returns the object itself."""
    return options[int(rng.integers(len(options)))]


def uniform(*keys):
    """Numbers drawn evenly from [0, 1), each of which depends on its keys only.

    A generator gives its numbers in order, so whoever asks second gets another one. Here every number has an
    address instead: whoever asks, in whatever order or process, finds the same one, and a million of them cost
    a few array operations.

    Parameters
    ----------
    *keys : int or int array
        The address, such as seed, epoch and clip; arrays are broadcast against each other.

    Returns
    -------
    float64 array of the keys' common shape (a scalar for scalars)
        The upper 53 bits of a 64-bit hash: starting from 0, each key is combined with the hash so far by exclusive
        or, and mixed by a step of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
        generators", OOPSLA 2014).

    Examples
    --------
    >>> uniform(0, 1, [0, 1, 2]).round(3)
    array([0.269, 0.275, 0.367])
    >>> bool(uniform(0, 1, 2) == uniform(0, 1, [0, 1, 2])[2])
    True
    """
    return (_hashed(*keys) >> np.uint64(11)) * 2.0**-53


def _hashed(*keys):
    state = np.uint64(0)
    with np.errstate(over="ignore"):  # arithmetic modulo 2 ** 64 is meant
        for key in keys:
            state = (state ^ np.asarray(key).astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    return state
