"""Describe artists: the traits that all tracks of one band share.

Instruments, habits and the average mix depend on the genre. Room, noise, loudness and deviations from that mix have the
same distribution in every genre, so they identify the artist but not the genre. A classifier trained on an artist
recognises the sound of the recordings, which is why results from a split that ignores artists are too optimistic.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musiclab.core.random import stream
from musiclab.studio.genre import Genre

MEAN_LEVELS = {"drums": 0.0, "bass": -2.0, "chords": -4.0, "pad": -10.0, "lead": -2.0}  # dB, measured while they play


@dataclass(frozen=True)
class Artist:
    """A band and its recording studio; split data sets by ``name``, such as ``"jazz-03"``."""

    name: str
    instruments: dict[str, str]  # instrument of each stem: a name in KITS for the drums, else in INSTRUMENTS
    tempo: tuple[float, float]  # preferred part of a groove's tempo range, as fractions from 0 to 1
    tonics: tuple[int, ...]  # preferred keys, as pitch classes
    habit: int  # seed of its favourite grooves, patterns and voicings
    levels: dict[str, float]  # level of each stem in dB
    brightness: float  # factor on the brightness of the instruments
    tuning: float  # factor on the pitch of the drums
    looseness: float  # standard deviation of the timing, in seconds
    strum: float  # seconds between two strings of a strummed chord
    tone: tuple[float, float, float]  # gain in dB below 200 Hz, around 1 kHz and above 4 kHz
    bump: tuple[float, float]  # one broad resonance: centre in Hz and gain in dB
    low_pass: float  # cutoff frequency of the recordings, in Hz
    room: tuple[float, float]  # reverberation time in seconds, and level of the reverberation in dB
    noise: tuple[float, float, float]  # level of hiss in dB, its slope in dB per octave, level of hum in dB
    loudness: float  # RMS of the masters, in dB relative to full scale
    crest: float  # highest peak of the masters relative to their RMS, in dB
    ratio: float  # compression ratio of the bus compressor


def make_artist(genre: Genre, index: int) -> Artist:
    """Draw artist ``index`` (from 0) of a genre. The result depends only on ``index`` and ``genre``."""
    name = f"{genre.name}-{index:02d}"
    rng = stream(index, "artist", name)
    uniform = rng.uniform
    slow = uniform(0, 0.6)
    choices = {"drums": genre.kits, "bass": genre.bass, "chords": genre.chords, "pad": genre.pad, "lead": genre.lead}
    return Artist(
        name=name,
        instruments={stem: _pick_instrument(rng, names) for stem, names in choices.items()},
        tempo=(slow, slow + 0.4),
        tonics=tuple(int(tonic) for tonic in rng.choice(12, size=3, replace=False)),
        habit=int(rng.integers(2**31)),
        levels={stem: level + genre.levels.get(stem, 0.0) + uniform(-2, 2) for stem, level in MEAN_LEVELS.items()},
        brightness=float(np.exp(uniform(-0.2, 0.2))),
        tuning=float(np.exp(uniform(-0.15, 0.15))),
        looseness=uniform(0.002, 0.010),
        strum=uniform(0.005, 0.02),
        tone=tuple(float(gain + uniform(-2, 2)) for gain in genre.tone),
        bump=(float(np.exp(uniform(np.log(250), np.log(5000)))), uniform(-4, 4)),
        low_pass=uniform(7000, 10_000),
        room=(uniform(0.25, 1.3), uniform(-20, -7)),
        noise=(uniform(-62, -44), uniform(-6, -2), uniform(-65, -45)),
        loudness=uniform(-20, -14),
        crest=uniform(9.5, 12.5),
        ratio=uniform(1.5, 4.0),
    )


def _pick_instrument(rng: np.random.Generator, options: Sequence[str]) -> str:
    """Pick one of ``options``, which are sorted from common to rare."""
    weights = 1 / np.arange(1, len(options) + 1) ** 0.8
    return options[int(rng.choice(len(options), p=weights / weights.sum()))]
