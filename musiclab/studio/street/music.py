"""Street music: a Studio track from across the square, with people around it."""

import numpy as np

from musiclab.studio.street.synthesis import Sound, Spans, equalise, gate, given, n_samples, reverberate, rms
from musiclab.studio.street.voices import murmur

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")


def street_music(spans: Spans, seconds: float, rng: np.random.Generator, *, genre: str | None = None) -> Sound:
    """A band played by `musiclab.studio`, dulled by distance, in the echo of a square and the talk of a crowd.

    Parameters
    ----------
    spans : sequence of (float, float)
        When it is heard, in seconds.
    seconds : float
        Length of the recording.
    rng : numpy.random.Generator
        Draws what is not given.
    genre : str, optional
        One of Studio's genres; any of GTZAN's ten where not given.

    Returns
    -------
    Sound
        ``truth`` holds ``genre`` and ``track_seed``, with which `musiclab.studio.render` plays it again.
    """
    from musiclab import studio  # here, not above: only this one sound of the ten needs a band

    n = n_samples(seconds)
    genre = given(genre, GENRES[rng.integers(len(GENRES))])
    track_seed = int(rng.integers(2**31))
    samples = studio.render(genre, track_seed, seconds=seconds).samples
    x = np.zeros(n)
    x[: len(samples)] = samples[:n] / 32768
    x = equalise(x, [(60, -12), (200, 0), (2000, 0), (9000, rng.uniform(-24, -6))])
    x = reverberate(x / rms(x), rng, rng.uniform(0.4, 1.2), rng.uniform(0.2, 0.8))
    x += rng.uniform(0.02, 0.25) * murmur(seconds, rng)
    return Sound(x * gate(n, spans, 0.1, 0.2), {"genre": genre, "track_seed": track_seed})
