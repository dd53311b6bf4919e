"""Describe artists: the traits that all tracks of one band share, and how a song differs from them.

Instruments, habits and the average mix depend on the genre. The other traits, such as room and noise, identify the
artist. A classifier trained on an artist recognises the sound of its recordings, which is why results from a split that
ignores artists are too optimistic.

The ranges are wide, because real recordings differ a lot. Those that depend on the genre were chosen so that the
averages and the spread of 53 features agree with those of 900 tracks of GTZAN (see ``benchmarks/studio_transfer.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from musiclab.core.random import stream
from musiclab.studio.genre import BANDS, SOUND, Genre

MEAN_LEVELS = {  # dB, measured while they play
    "drums": 0.0,
    "bass": -2.0,
    "chords": -4.0,
    "pad": -10.0,
    "lead": -3.0,
    "vocals": 0.5,
}

# Standard deviation of the tonal balance between the artists of a genre, and between the songs of an artist, as a share
# of the genre's ``spread``.
ARTIST_SPREAD, SONG_SPREAD = 0.4, 0.62
ARTIST_LEVELS, SONG_LEVELS = 2.0, 3.0  # dB: the largest change of the level of a stem


def _neighbours() -> np.ndarray:
    """Compute a matrix that turns independent random numbers into a smooth curve over the bands.

    In real recordings, neighbouring bands rise together, and distant ones in opposite directions.
    """
    distances = np.abs(np.subtract.outer(np.arange(BANDS), np.arange(BANDS)))
    return np.linalg.cholesky(np.cos(np.pi * distances / 10) * np.exp(-distances / 12))


_SMOOTH = _neighbours()


@dataclass(frozen=True)
class Artist:
    """A band and its recording studio; split data sets by ``name``, such as ``"jazz-03"``."""

    name: str
    instruments: dict[str, str]  # instrument of each stem: a name in KITS for the drums, else in INSTRUMENTS
    tempo: tuple[float, float]  # preferred part of a groove's tempo range, as fractions from 0 to 1
    tonics: tuple[int, ...]  # preferred keys, as pitch classes
    habit: int  # seed of its favourite grooves, patterns and voicings
    levels: dict[str, float]  # level of each stem in dB
    spread: tuple[float, ...]  # standard deviation of the tonal balance of the genre in dB, for each band
    balance: tuple[float, ...]  # tonal balance of the masters: level of each band in dB
    brightness: float  # factor on the brightness of the instruments
    tuning: float  # factor on the pitch of the drums
    looseness: float  # standard deviation of the timing, in seconds
    strum: float  # seconds between two strings of a strummed chord
    dynamics: float  # relative standard deviation of the force of the notes
    legato: float  # duration of the notes of the bass, as a fraction of the written duration
    cymbals: float  # level of the cymbals relative to the drums, in dB
    kick: float  # level of the bass drum relative to the other drums, in dB
    ring: float  # factor on the decay times of the drums
    room_time: float  # reverberation time in seconds
    room_level: float  # level of the reverberation, in dB
    hiss: float  # level of the hiss, in dB
    slope: float  # slope of its spectrum, in dB per octave
    hum: float  # level of the mains hum, in dB
    rumble: float  # level of the rumble below 50 Hz, in dB
    loudness: float  # RMS of the masters, in dB relative to full scale
    crest: float  # highest peak of the masters relative to their RMS, in dB
    ratio: float  # compression ratio of the overall level
    low_pass: float  # cutoff frequency of the recordings in Hz; half of them end below 10 kHz, as if broadcast
    steady: float  # compression ratio of the balance between low and high frequencies


def make_artist(genre: Genre, index: int) -> Artist:
    """Draw artist ``index`` (from 0) of a genre. The result depends only on ``index`` and ``genre``.

    The artists of a genre are spread evenly over the range of each trait, as in a Latin hypercube.
    """
    name = f"{genre.name}-{index:02d}"
    rng = stream(index, "artist", name)

    def share(trait: str, count: int | None = None) -> np.ndarray:
        """Draw numbers from 0 to 1, such that each tenth of this range has one of ten artists."""
        ranks = np.tile(np.arange(genre.artist_count), (count or 1, 1))
        rank = stream(0, "artists", genre.name, trait).permuted(ranks, axis=1)[:, index]
        shares = (rank + stream(index, "artist", genre.name, trait).random(count or 1)) / genre.artist_count
        return shares if count else shares[0]

    def draw(trait: str, low: float, high: float) -> float:
        return float(low + share(trait) * (high - low))

    slow = draw("tempo", 0, 0.6)
    options = {"drums": genre.kits} | {stem: getattr(genre, stem) for stem in MEAN_LEVELS if stem != "drums"}
    levels = {stem: level + genre.levels.get(stem, 0.0) for stem, level in MEAN_LEVELS.items()}
    sound = {trait: genre.sound.get(trait, limits) for trait, limits in SOUND.items()}
    low, high = sound.pop("low_pass")
    return Artist(
        name=name,
        instruments={stem: _pick_instrument(float(share(stem)), names) for stem, names in options.items()},
        tempo=(slow, slow + 0.4),
        tonics=tuple(int(tonic) for tonic in rng.choice(12, size=3, replace=False)),
        habit=int(rng.integers(2**31)),
        levels={stem: level + draw(f"{stem} level", -ARTIST_LEVELS, ARTIST_LEVELS) for stem, level in levels.items()},
        spread=genre.spread,
        balance=_vary(genre.balance, genre.spread, ARTIST_SPREAD, ndtri(share("balance", BANDS))),
        low_pass=float(low + share("low_pass") ** 3 * (high - low)),
        **{trait: draw(trait, *limits) for trait, limits in sound.items()},
    )


def in_session(artist: Artist, rng: np.random.Generator) -> Artist:
    """Change the mix of an artist for one song: the levels of the stems and the tonal balance."""
    levels = {stem: level + rng.uniform(-SONG_LEVELS, SONG_LEVELS) for stem, level in artist.levels.items()}
    balance = _vary(artist.balance, artist.spread, SONG_SPREAD, rng.standard_normal(BANDS))
    return replace(artist, levels=levels, balance=balance)


def _vary(balance: Sequence[float], spread: Sequence[float], share: float, normal: np.ndarray) -> tuple[float, ...]:
    """Draw a tonal balance around ``balance``, or return it as it is if it is empty."""
    return tuple((balance + share * np.array(spread) * (_SMOOTH @ normal)).tolist()) if balance else ()


def _pick_instrument(share: float, options: Sequence[str]) -> str:
    """Pick one of ``options``, which are sorted from common to rare, by a number from 0 to 1."""
    weights = 1 / np.arange(1, len(options) + 1) ** 1.6
    return options[int(np.searchsorted(weights.cumsum() / weights.sum(), share, side="right"))]
