"""The description of a genre and its grooves; ``genres`` has ten of them."""

from collections.abc import Collection
from dataclasses import dataclass, field

from musiclab.core.checks import check_known
from musiclab.core.errors import DatasetError
from musiclab.studio.drums import KITS
from musiclab.studio.instruments import INSTRUMENTS
from musiclab.studio.patterns import PATTERNS
from musiclab.studio.theory import SCALES, parse_progression

STEMS = ("drums", "bass", "chords", "pad", "lead", "noise")
"""The parts of a mix; "noise" is the hiss and hum of the recording."""

# Probability that a stem plays in a section, and how hard.
SECTIONS = {
    "intro": {"drums": 0.6, "bass": 0.8, "chords": 1.0, "pad": 0.3, "lead": 0.1},
    "verse": {"drums": 0.95, "bass": 1.0, "chords": 1.0, "pad": 0.3, "lead": 0.85},
    "chorus": {"drums": 1.0, "bass": 1.0, "chords": 1.0, "pad": 0.9, "lead": 0.9},
    "solo": {"drums": 1.0, "bass": 1.0, "chords": 0.9, "pad": 0.3, "lead": 1.0},
    "break": {"drums": 0.35, "bass": 0.7, "chords": 1.0, "pad": 0.6, "lead": 0.35},
}
FORCE = {"intro": 0.8, "verse": 0.85, "chorus": 1.0, "solo": 1.0, "break": 0.7}


@dataclass(frozen=True)
class Groove:
    """A way of playing: tempo, metre, swing and the patterns that go together in it.

    Parameters
    ----------
    name
        Such as ``"shuffle"``.
    tempo, swing
        Least and greatest beats per minute, and position of the off-beat as in :func:`render`.
    drums, bass, comping, melody
        Names in ``patterns.PATTERNS`` to choose from.
    beats, swing_unit
        Beats in a bar, and length in beats of the swung notes: 0.5 for eighths, 0.25 for sixteenths.
    """

    name: str
    tempo: tuple[float, float]
    drums: tuple[str, ...]
    bass: tuple[str, ...]
    comping: tuple[str, ...]
    melody: tuple[str, ...]
    swing: tuple[float, float] = (0.5, 0.5)
    beats: int = 4
    swing_unit: float = 0.5


@dataclass(frozen=True)
class Genre:
    """A genre as the studio plays it.

    Parameters
    ----------
    name, grooves
        Label of its tracks, and ways of playing to choose from.
    progressions, scales
        Chords as read by :func:`theory.parse_progression`, and scale of the lead, a name in ``theory.SCALES``, for
        ``"major"``, ``"minor"`` or both.
    kits, bass, chords, pad, lead
        Names in ``drums.KITS`` and ``instruments.INSTRUMENTS`` that its artists may own, the most common first.
    voicings
        Ways to lay out a chord, as in :func:`theory.voice`.
    form
        Sections in order, names in ``SECTIONS``, repeated as long as the track lasts.
    levels, tone
        Changes to the usual level of a stem, and gain of lows, mids and highs, dB.
    artist_count
        Number of artists.

    Raises
    ------
    DatasetError
        A name is unknown; the message suggests the closest one.
    """

    name: str
    grooves: tuple[Groove, ...]
    progressions: dict[str, tuple[str, ...]]
    scales: dict[str, str]
    kits: tuple[str, ...]
    bass: tuple[str, ...]
    chords: tuple[str, ...]
    pad: tuple[str, ...]
    lead: tuple[str, ...]
    voicings: tuple[str, ...] = ("close",)
    form: tuple[str, ...] = ("intro", "verse", "chorus", "verse", "chorus", "break", "solo", "chorus")
    levels: dict[str, float] = field(default_factory=dict)
    tone: tuple[float, float, float] = (0.0, 0.0, 0.0)
    artist_count: int = 10

    def __post_init__(self):
        for groove in self.grooves:
            for part, known in PATTERNS.items():
                self._check(f"{part} pattern", getattr(groove, part), known)
        self._check("mode", self.progressions, ("major", "minor"))
        self._check("scale", self.scales.values(), SCALES)
        self._check("kit", self.kits, KITS)
        for owned in (self.bass, self.chords, self.pad, self.lead):
            self._check("instrument", owned, INSTRUMENTS)
        self._check("section", self.form, SECTIONS)
        for stem in self.levels:
            check_known(stem, STEMS, f"levels of genre {self.name!r}", DatasetError)
        for mode, texts in self.progressions.items():
            if mode not in self.scales:
                raise DatasetError(f"genre {self.name!r} has {mode} progressions but no scale for {mode}; add one")
            for text in texts:
                parse_progression(text)

    def _check(self, what: str, names: Collection[str], known: Collection[str]) -> None:
        if not names:
            raise DatasetError(f"genre {self.name!r} names no {what}; give at least one")
        for name in names:
            check_known(name, known, f"each {what} of genre {self.name!r}", DatasetError)
