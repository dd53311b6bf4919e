"""Artists: what the tracks of one band have in common, whatever they play.

Instruments, habits and the middle settings of desk and equaliser come from the genre. Room, noise, loudness,
one resonance and how far the artist strays from those settings come from the same distribution for every
genre: they tell artists apart, not genres. A classifier that has heard an artist in training recognises the
sound of the recording, which is why a split that ignores artists flatters it.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from musiclab.core.errors import DatasetError
from musiclab.core.random import stream
from musiclab.studio.genre import STEMS
from musiclab.studio.theory import near_match

USUAL_LEVELS = {
    "drums": 0.0,
    "bass": -2.0,
    "chords": -4.0,
    "pad": -10.0,
    "lead": -2.0,
}  # dB, of stems that play


@dataclass(frozen=True)
class Artist:
    """A band and its recordings.

    Parameters
    ----------
    name : str
        Such as ``"jazz-03"``; the `group` to split by.
    kit, bass, chords, pad, lead : str
        What it plays, names in `drums.KITS` and `instruments.INSTRUMENTS`.
    tempo : (float, float)
        Part of a groove's tempo range that it likes, each end 0 to 1.
    tonics : tuple of int
        Pitch classes it plays in.
    habit : int
        Seed of its favourite grooves, patterns and voicings.
    levels : dict
        Level of each stem in dB.
    brightness, tuning : float
        Factors on the brightness of its instruments and the pitch of its drums.
    looseness : float
        Standard deviation of its timing, seconds.
    strum : float
        Seconds between two strings of a strummed chord.
    tone : (float, float, float)
        Gain in dB of what lies under 200 Hz, around 1 kHz and over 4 kHz.
    bump : (float, float)
        Centre in Hz and gain in dB of one broad resonance.
    low_pass : float
        Hz over which its recordings hold nothing.
    room : (float, float)
        Reverberation time in seconds, and the level of the reverberation in dB.
    noise : (float, float, float)
        Level of hiss in dB under the music, its slope in dB an octave, and the level of hum in dB under the
        music.
    loudness : float
        RMS of its masters, dB under full scale.
    crest : float
        Highest peak over the RMS that its masters keep, dB.
    ratio : float
        Ratio of its bus compressor.
    """

    name: str
    kit: str
    bass: str
    chords: str
    pad: str
    lead: str
    tempo: tuple
    tonics: tuple
    habit: int
    levels: dict
    brightness: float
    tuning: float
    looseness: float
    strum: float
    tone: tuple
    bump: tuple
    low_pass: float
    room: tuple
    noise: tuple
    loudness: float
    crest: float
    ratio: float

    @property
    def instruments(self):
        """What plays each stem, a dict."""
        return {
            "drums": self.kit,
            "bass": self.bass,
            "chords": self.chords,
            "pad": self.pad,
            "lead": self.lead,
        }


def _typical(rng, options):
    """One of `options`, the first more often than the last."""
    weights = 1 / np.arange(1, len(options) + 1) ** 0.8
    return options[int(rng.choice(len(options), p=weights / weights.sum()))]


@lru_cache(maxsize=1024)
def _make(name, kits, bass, chords, pad, lead, levels, tone):
    number = int(name.rsplit("-", 1)[1])
    rng = stream(number, "artist", name)
    uniform = rng.uniform
    slow = uniform(0, 0.6)
    return Artist(
        name=name,
        kit=_typical(rng, kits),
        bass=_typical(rng, bass),
        chords=_typical(rng, chords),
        pad=_typical(rng, pad),
        lead=_typical(rng, lead),
        tempo=(slow, slow + 0.4),
        tonics=tuple(int(tonic) for tonic in rng.choice(12, size=3, replace=False)),
        habit=int(rng.integers(2**31)),
        levels={
            stem: USUAL_LEVELS[stem] + dict(levels).get(stem, 0.0) + uniform(-2, 2) for stem in STEMS if stem != "noise"
        },
        brightness=float(np.exp(uniform(-0.2, 0.2))),
        tuning=float(np.exp(uniform(-0.15, 0.15))),
        looseness=uniform(0.002, 0.010),
        strum=uniform(0.005, 0.02),
        tone=tuple(float(gain + uniform(-2, 2)) for gain in tone),
        bump=(float(np.exp(uniform(np.log(250), np.log(5000)))), uniform(-4, 4)),
        low_pass=uniform(7000, 10_000),
        room=(uniform(0.25, 1.3), uniform(-20, -7)),
        noise=(uniform(-62, -44), uniform(-6, -2), uniform(-65, -45)),
        loudness=uniform(-20, -14),
        crest=uniform(9.5, 12.5),
        ratio=uniform(1.5, 4.0),
    )


def make_artist(genre, number):
    """Artist `number` (from 0) of a genre; the same for the same description of the genre.

    Returns
    -------
    Artist
    """
    owned = (tuple(names) for names in (genre.kits, genre.bass, genre.chords, genre.pad, genre.lead))
    levels = tuple(sorted(genre.levels.items()))
    return _make(f"{genre.name}-{number:02d}", *owned, levels, tuple(genre.tone))


def artists_of(genre):
    """All artists of a `Genre`, a tuple of `Artist`."""
    return tuple(make_artist(genre, number) for number in range(genre.artist_count))


def find_artist(name, genre, genres):
    """Artist of this name, of `genre` or of any of `genres`.

    Raises
    ------
    DatasetError
        If nobody is called that.
    """
    known = {artist.name: artist for other in (*genres, genre) for artist in artists_of(other)}
    if name not in known:
        raise DatasetError(f"no artist is called {name!r}; {near_match(name, known) if known else ''}")
    return known[name]
