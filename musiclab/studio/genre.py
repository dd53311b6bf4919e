"""Describe a genre and its grooves. Ten genres are defined in ``genres``."""

from collections.abc import Collection
from dataclasses import dataclass, field

from musiclab.core.checks import check_known
from musiclab.core.errors import DatasetError
from musiclab.studio.drums import KITS
from musiclab.studio.instruments import INSTRUMENTS
from musiclab.studio.patterns import PATTERNS
from musiclab.studio.theory import SCALES, parse_progression
from musiclab.studio.voices import VOICES

BANDS = 15
"""Number of bands of the tonal balance. Their middles are at 0.12 to 7.9 kHz, equally spaced in mel."""

STEMS = ("drums", "bass", "chords", "pad", "lead", "vocals", "noise")
"""The stems of a mix. "noise" is the hiss and hum of the recording."""

# Lowest and highest value of each trait of a recording, unless the genre has its own.
SOUND = {
    "brightness": (0.7, 1.5),
    "tuning": (0.86, 1.16),
    "looseness": (0.002, 0.01),
    "strum": (0.005, 0.02),
    "dynamics": (0.06, 0.12),
    "legato": (0.3, 1.0),
    "cymbals": (-3.0, 2.0),
    "kick": (-1.0, 4.0),
    "ring": (0.9, 1.5),
    "room_time": (0.25, 1.3),
    "room_level": (-24.0, -10.0),
    "hiss": (-56.0, -32.0),
    "slope": (-6.0, 1.5),
    "hum": (-65.0, -45.0),
    "rumble": (-37.0, -17.0),
    "loudness": (-22.0, -14.0),
    "crest": (11.5, 17.0),
    "ratio": (0.9, 1.2),
    "steady": (1.0, 1.8),
    "low_pass": (9400.0, 13400.0),
}

# Probability that a stem plays in each section, and the average force of the players (a factor on velocity).
SECTIONS = {
    "intro": {"drums": 0.9, "bass": 0.95, "chords": 1.0, "pad": 0.3, "lead": 0.1, "vocals": 0.1},
    "verse": {"drums": 0.95, "bass": 1.0, "chords": 1.0, "pad": 0.3, "lead": 0.85, "vocals": 0.95},
    "chorus": {"drums": 1.0, "bass": 1.0, "chords": 1.0, "pad": 0.9, "lead": 0.9, "vocals": 1.0},
    "solo": {"drums": 1.0, "bass": 1.0, "chords": 0.9, "pad": 0.3, "lead": 1.0, "vocals": 0.05},
    "break": {"drums": 0.8, "bass": 0.9, "chords": 1.0, "pad": 0.6, "lead": 0.35, "vocals": 0.3},
}
FORCE = {"intro": 0.8, "verse": 0.85, "chorus": 1.0, "solo": 1.0, "break": 0.7}


@dataclass(frozen=True)
class Groove:
    """A style of playing, with its tempo, metre, swing and matching patterns.

    A pattern is the rhythm or melody that one part repeats. The patterns are in ``patterns.toml``.

    Parameters
    ----------
    name : str
        Name of the groove, such as ``"shuffle"``.
    tempo : tuple of (float, float), beats per minute
        Lowest and highest tempo.
    drums : tuple of str
        Drum patterns to choose from, names in ``patterns.PATTERNS["drums"]``.
    bass : tuple of str
        Bass patterns to choose from, names in ``patterns.PATTERNS["bass"]``.
    comping : tuple of str
        Rhythms of the chords to choose from, names in ``patterns.PATTERNS["comping"]``.
    melody : tuple of str
        Patterns of the lead to choose from, names in ``patterns.PATTERNS["melody"]``.
    vocals : tuple of str
        Patterns of the singer to choose from, as for ``melody``. The default suits songs in four beats.
    swing : tuple of (float, float)
        Range for the start of the second of two ``swing_unit`` notes, as a fraction of the pair. The default is
        (0.5, 0.5), which is straight.
    beats : int
        Beats per bar, by default 4.
    swing_unit : float, beats
        Length of the swung notes: 0.5 for eighths (the default), 0.25 for sixteenths.

    Examples
    --------
    >>> slow = Groove("slow", (60, 80), ("shuffle",), bass=("walking",), comping=("half notes",), melody=("licks",))
    >>> slow.beats, slow.swing
    (4, (0.5, 0.5))
    """

    name: str
    tempo: tuple[float, float]
    drums: tuple[str, ...]
    bass: tuple[str, ...]
    comping: tuple[str, ...]
    melody: tuple[str, ...]
    vocals: tuple[str, ...] = ("song", "singing", "hook")
    swing: tuple[float, float] = (0.5, 0.5)
    beats: int = 4
    swing_unit: float = 0.5


@dataclass(frozen=True)
class Genre:
    """The description of a genre, from which the studio composes tracks.

    It names the grooves, harmony, instruments and form that the tracks may use. All tracks of a genre are written and
    played by a few invented artists. The ten built-in genres are in :data:`GENRES`.

    Parameters
    ----------
    name : str
        Label of the tracks.
    grooves : tuple of Groove
        Grooves to choose from.
    progressions : dict from str to tuple of str
        Chord progressions to choose from, for the modes ``"major"``, ``"minor"`` or both. Bars of Roman numerals are
        separated by ``|``, as in ``"I | vi | ii7 V7 | I"``.
    scales : dict from str to str
        Scale of the lead for each mode in ``progressions``, a name in ``theory.SCALES``.
    kits : tuple of str
        Drum kits that the artists may play, the most common first. Names in ``drums.KITS``, or ``"none"``.
    bass : tuple of str
        Instruments for the bass, the most common first. Names in ``instruments.INSTRUMENTS``.
    chords : tuple of str
        Instruments for the chords, as for ``bass``.
    pad : tuple of str
        Instruments for the pad (long, soft chords in the background), as for ``bass``.
    lead : tuple of str
        Instruments for the lead (the melody), as for ``bass``.
    voicings : tuple of str
        Ways to arrange the notes of a chord: ``"close"`` (the default), ``"open"``, ``"shell"`` or ``"power"``, as in
        :func:`theory.voice`.
    form : tuple of str
        Sections in order, which repeat until the track ends: ``"intro"``, ``"verse"``, ``"chorus"``, ``"solo"`` or
        ``"break"``.
    levels : dict from str to float, dB
        Change of the average level of a stem (one part of the mix, such as the drums). By default no changes.
    vocals : tuple of str
        Singers, as for ``kits``: names in ``voices.VOICES``, or ``"none"``, which is the default.
    balance : tuple of float, dB
        Average tonal balance of the masters: the level of the mix in each of 15 bands, relative to their mean. The
        middles of the bands are at 0.12 to 7.9 kHz, equally spaced in mel. By default 0 dB for each. An empty tuple
        leaves the mix as it is.
    spread : tuple of float, dB
        Standard deviation of the tonal balance between tracks. By default 3 dB for each, and empty if ``balance`` is.
    sound : dict from str to tuple of (float, float)
        Range of a trait of the recordings, such as ``{"room_time": (0.25, 1.3)}``, for those that shouldn't have the
        range of all genres. The traits are listed in ``genre.SOUND``.
    artist_count : int
        Number of artists, by default 10.

    Raises
    ------
    DatasetError
        If a name is unknown (the message suggests the closest one), a list is empty, or a mode has no scale.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from musiclab import studio
    >>> loud_bass = replace(studio.GENRES["blues"], name="loud bass", levels={"bass": 6.0})
    >>> studio.render(loud_bass, seed=3, seconds=1).record["genre"]
    'loud bass'
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
    vocals: tuple[str, ...] = ("none",)
    voicings: tuple[str, ...] = ("close",)
    form: tuple[str, ...] = ("intro", "verse", "chorus", "verse", "chorus", "break", "solo", "chorus")
    levels: dict[str, float] = field(default_factory=dict)
    balance: tuple[float, ...] = (0.0,) * BANDS
    spread: tuple[float, ...] = (3.0,) * BANDS
    sound: dict[str, tuple[float, float]] = field(default_factory=dict)
    artist_count: int = 10

    def __post_init__(self):
        for groove in self.grooves:
            for part, available in PATTERNS.items():
                self._check_names(f"{part} pattern", getattr(groove, part), available)
        self._check_names("mode", self.progressions, ("major", "minor"))
        self._check_names("scale", self.scales.values(), SCALES)
        self._check_names("kit", self.kits, (*KITS, "none"))
        for instruments in (self.bass, self.chords, self.pad, self.lead):
            self._check_names("instrument", instruments, INSTRUMENTS)
        self._check_names("voice", self.vocals, (*VOICES, "none"))
        self._check_names("section", self.form, SECTIONS)
        for curve in ("balance", "spread"):
            if (count := len(getattr(self, curve))) not in (0, BANDS):
                raise DatasetError(f"genre {self.name!r}: {curve} needs {BANDS} numbers, one per band, found {count}")
        for stem in self.levels:
            check_known(stem, STEMS, f"levels of genre {self.name!r}", DatasetError)
        for trait in self.sound:
            check_known(trait, SOUND, f"sound of genre {self.name!r}", DatasetError)
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
