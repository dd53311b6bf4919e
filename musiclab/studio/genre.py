"""What a genre is: a short description that the composer reads.

Copy one of `genres`, change it, and there is an eleventh genre.
"""

from dataclasses import dataclass, field

from musiclab.core.errors import DatasetError
from musiclab.studio import patterns
from musiclab.studio.drums import KITS
from musiclab.studio.instruments import INSTRUMENTS
from musiclab.studio.theory import SCALES, near_match, parse_progression

# Who plays: the parts that `render` can mute. "noise" is the hiss and hum of the recording.
STEMS = ("drums", "bass", "chords", "pad", "lead", "noise")

# For each kind of section, the chance that a stem plays in it.
SECTIONS = {
    "intro": {"drums": 0.6, "bass": 0.8, "chords": 1.0, "pad": 0.3, "lead": 0.1},
    "verse": {"drums": 0.95, "bass": 1.0, "chords": 1.0, "pad": 0.3, "lead": 0.85},
    "chorus": {"drums": 1.0, "bass": 1.0, "chords": 1.0, "pad": 0.9, "lead": 0.9},
    "solo": {"drums": 1.0, "bass": 1.0, "chords": 0.9, "pad": 0.3, "lead": 1.0},
    "break": {"drums": 0.35, "bass": 0.7, "chords": 1.0, "pad": 0.6, "lead": 0.35},
}

# How hard they play there.
FORCE = {"intro": 0.8, "verse": 0.85, "chorus": 1.0, "solo": 1.0, "break": 0.7}


@dataclass(frozen=True)
class Groove:
    """A way of playing: tempo, metre, swing and the patterns that go together in it.

    Parameters
    ----------
    name : str
    tempo : (float, float)
        Slowest and fastest, beats a minute.
    drums, bass, comping, melody : tuple of str
        Names in `patterns.DRUMS`, `patterns.BASS`, `patterns.COMPING` and `patterns.MELODIES` to choose from.
    swing : (float, float)
        Where the off-beat falls, as a share of the beat: 0.5 is straight, 0.67 is a triplet.
    beats : int
        Beats in a bar.
    swing_unit : float
        Length in beats of what is swung: 0.5 for eighths, 0.25 for sixteenths.
    """

    name: str
    tempo: tuple
    drums: tuple
    bass: tuple
    comping: tuple
    melody: tuple
    swing: tuple = (0.5, 0.5)
    beats: int = 4
    swing_unit: float = 0.5


@dataclass(frozen=True)
class Genre:
    """Everything the studio knows about a genre.

    Parameters
    ----------
    name : str
    grooves : tuple of Groove
    progressions : dict
        For ``"major"`` and ``"minor"`` (one may be missing) a tuple of progressions in roman numerals, bars
        parted by ``|``; see `theory.roman`.
    scales : dict
        For each mode the scale of the lead, a name in `theory.SCALES`.
    voicings : tuple of str
        Ways to lay out a chord, see `theory.voice`.
    kits, bass, chords, pad, lead : tuple of str
        Names in `drums.KITS` and `instruments.INSTRUMENTS` that an artist of the genre may own.
    form : tuple of str
        Kinds of section in their order, names in `SECTIONS`; played over and over.
    levels : dict
        Level of a stem in dB where it differs from the usual mix.
    tone : (float, float, float)
        Gain in dB that its engineers give to the lows, the mids and the highs.
    artist_count : int
        Number of artists.

    Raises
    ------
    DatasetError
        If a name is unknown; the message says which, and what was probably meant.
    """

    name: str
    grooves: tuple
    progressions: dict
    scales: dict
    kits: tuple
    bass: tuple
    chords: tuple
    pad: tuple
    lead: tuple
    voicings: tuple = ("close",)
    form: tuple = ("intro", "verse", "chorus", "verse", "chorus", "break", "solo", "chorus")
    levels: dict = field(default_factory=dict)
    tone: tuple = (0.0, 0.0, 0.0)
    artist_count: int = 10

    def __post_init__(self):
        for groove in self.grooves:
            self._check("drum pattern", groove.drums, patterns.DRUMS)
            self._check("bass pattern", groove.bass, patterns.BASS)
            self._check("comping pattern", groove.comping, patterns.COMPING)
            self._check("melody", groove.melody, patterns.MELODIES)
        self._check("mode", self.progressions, ("major", "minor"))
        self._check("scale", self.scales.values(), SCALES)
        self._check("kit", self.kits, KITS)
        for part in (self.bass, self.chords, self.pad, self.lead):
            self._check("instrument", part, INSTRUMENTS)
        self._check("section", self.form, SECTIONS)
        self._check("stem", self.levels, STEMS)
        for mode, texts in self.progressions.items():
            if mode not in self.scales:
                raise DatasetError(f"genre {self.name!r} has {mode} progressions but no scale for {mode}; add one.")
            for text in texts:
                parse_progression(text)

    def _check(self, what, names, known):
        names = tuple(names)
        if not names and what not in ("stem",):
            raise DatasetError(f"genre {self.name!r} names no {what}; give at least one.")
        for name in names:
            if name not in known:
                raise DatasetError(f"genre {self.name!r}: no {what} is called {name!r}; {near_match(name, known)}")
