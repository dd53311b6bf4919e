"""Describe a genre and its grooves. Ten genres are defined in ``genres``."""

from collections.abc import Collection
from dataclasses import dataclass, field

from musiclab.core.checks import check_known
from musiclab.core.errors import DatasetError
from musiclab.studio.drums import KITS
from musiclab.studio.instruments import INSTRUMENTS
from musiclab.studio.patterns import PATTERNS
from musiclab.studio.theory import SCALES, parse_progression

STEMS = ("drums", "bass", "chords", "pad", "lead", "noise")
"""The stems of a mix. "noise" is the hiss and hum of the recording."""

# Probability that a stem plays in each section, and the average force of the players (a factor on velocity).
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
    """A style of playing: tempo, metre, swing and matching patterns.

    Parameters
    ----------
    name
        Name of the groove, such as ``"shuffle"``.
    tempo
        Lowest and highest tempo in beats per minute.
    drums, bass, comping, melody
        Patterns to choose from; names in ``patterns.PATTERNS``.
    swing
        Lowest and highest position of the off-beat, as in :func:`render`.
    beats
        Beats per bar.
    swing_unit
        Length of the swung notes in beats: 0.5 for eighths, 0.25 for sixteenths.
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
    """The grooves, harmony, instruments and form from which the studio composes tracks of one genre.

    Parameters
    ----------
    name
        Label of the tracks.
    grooves
        Grooves to choose from.
    progressions, scales
        For ``"major"``, ``"minor"`` or both: chord progressions in the notation of :func:`theory.parse_progression`,
        and the scale of the lead, a name in ``theory.SCALES``.
    kits, bass, chords, pad, lead
        Instruments that the artists may play, the most common first; names in ``drums.KITS`` and
        ``instruments.INSTRUMENTS``.
    voicings
        Chord voicings to choose from, as in :func:`theory.voice`.
    form
        Sections in order, names in ``SECTIONS``; repeated until the track ends.
    levels
        Change of the average level of a stem, in dB.
    tone
        Average gain of lows, mids and highs, in dB.
    artist_count
        Number of artists.

    Raises
    ------
    DatasetError
        If a name is unknown. The message suggests the closest one.
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
            for part, available in PATTERNS.items():
                self._check_names(f"{part} pattern", getattr(groove, part), available)
        self._check_names("mode", self.progressions, ("major", "minor"))
        self._check_names("scale", self.scales.values(), SCALES)
        self._check_names("kit", self.kits, KITS)
        for instruments in (self.bass, self.chords, self.pad, self.lead):
            self._check_names("instrument", instruments, INSTRUMENTS)
        self._check_names("section", self.form, SECTIONS)
        for stem in self.levels:
            check_known(stem, STEMS, f"levels of genre {self.name!r}", DatasetError)
        for mode, texts in self.progressions.items():
            if mode not in self.scales:
                raise DatasetError(f"genre {self.name!r}: {mode} progressions need a scale; set scales.{mode}")
            for text in texts:
                parse_progression(text)

    def _check_names(self, field_name: str, names: Collection[str], available: Collection[str]) -> None:
        if not names:
            raise DatasetError(f"genre {self.name!r} has no {field_name}; add at least one")
        for name in names:
            check_known(name, available, f"each {field_name} of genre {self.name!r}", DatasetError)
