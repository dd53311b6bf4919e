"""Define scales, keys, chords and voice leading.

Pitches are MIDI note numbers (60 is middle C) and pitch classes are 0 to 11 (0 is C). Chord labels such as ``C:maj``,
``A:min7`` and ``Bb:7`` follow Harte et al. (ISMIR 2005), as in mir_eval.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from musiclab.core.errors import DatasetError

PITCH_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
}

# Chord qualities in semitones above the root.
QUALITIES = {
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "dim": (0, 3, 6),
    "sus4": (0, 5, 7),
    "5": (0, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10),
    "hdim7": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "maj6": (0, 4, 7, 9),
    "min6": (0, 3, 7, 9),
}

_ACCIDENTALS = {"b": -1, "": 0, "#": 1}
_KEY = re.compile(r"\s*([A-Ga-g])([b#]?)(?:\s+((?i:major|minor)))?\s*")
_NUMERAL = re.compile(r"([b#]?)(VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)(.*)")
_DEGREES = ("I", "II", "III", "IV", "V", "VI", "VII")


@dataclass(frozen=True)
class Chord:
    """A chord with a root (pitch class 0 to 11) and a quality, a name in ``QUALITIES``."""

    root: int
    quality: str

    @property
    def name(self) -> str:
        """Chord label such as ``"F#:min7"``."""
        return f"{PITCH_NAMES[self.root]}:{self.quality}"

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """Pitch classes from the root up, such as ``(7, 11, 2, 5)`` for G:7."""
        return tuple((self.root + step) % 12 for step in QUALITIES[self.quality])


def parse_key(key: str) -> tuple[int, str | None]:
    """Parse a key into the pitch class of its tonic and its mode; the mode is None if ``key`` is only a tonic.

    Raises :class:`DatasetError` if tonic or mode is unknown.

    >>> parse_key("F# minor"), parse_key("Bb")
    ((6, 'minor'), (10, None))
    """
    match = _KEY.fullmatch(str(key))
    if not match:
        raise DatasetError(f"expected a key such as 'A minor', 'Bb major' or 'F#', found {key!r}")
    letter, accidental, mode = match.groups()
    tonic = (PITCH_NAMES.index(letter.upper()) + _ACCIDENTALS[accidental]) % 12
    return tonic, mode and mode.lower()


def parse_chord(numeral: str) -> Chord:
    """Parse a Roman numeral into a chord in C.

    A numeral is a degree of the major scale, in upper case for major and lower case for minor chords, after an optional
    ``b`` or ``#`` (a minor key has ``i``, ``bVI``, ``bVII``). It may end in ``7``, ``6`` or a name in ``QUALITIES``.
    Raises :class:`DatasetError` for anything else.

    >>> parse_chord("ii7").name, parse_chord("bVII").name
    ('D:min7', 'Bb:maj')
    """
    match = _NUMERAL.fullmatch(numeral)
    accidental, degree, suffix = match.groups() if match else ("", "I", "unknown")
    if suffix in ("", "7", "6"):
        plain = {"": "min", "7": "min7", "6": "min6"} if degree.islower() else {"": "maj", "7": "7", "6": "maj6"}
        suffix = plain[suffix]
    if suffix not in QUALITIES:
        raise DatasetError(f"expected a chord such as 'I', 'ii7', 'bVII', 'Vsus4' or 'iihdim7', found {numeral!r}")
    step = SCALES["major"][_DEGREES.index(degree.upper())]
    return Chord((step + _ACCIDENTALS[accidental]) % 12, suffix)


def parse_progression(text: str) -> list[list[Chord]]:
    """Parse bars of Roman numerals, such as ``"I | vi | ii7 V7 | I"``, into one list of chords per bar."""
    return [[parse_chord(numeral) for numeral in bar.split()] for bar in text.split("|")]


def voice(chord: Chord, voicing: str, center: int, previous: Sequence[int] | None = None) -> list[int]:
    """Choose the pitches of a chord near the pitch ``center``, sorted from low to high.

    ``voicing`` is ``"close"`` (all chord tones within an octave), ``"open"`` (the second voice from the top an octave
    lower), ``"shell"`` (chords of four notes without their root) or ``"power"`` (root, fifth, octave). If the pitches
    of the ``previous`` chord are given, the inversion that moves the voices least is chosen.
    """
    if voicing == "power":
        root = center - 6 + (chord.root - center + 6) % 12
        return [root, root + 7, root + 12]
    classes = list(chord.pitch_classes)
    if voicing == "shell" and len(classes) > 3:
        classes = classes[1:]
    options = []
    for inversion in range(len(classes)):
        order = classes[inversion:] + classes[:inversion]
        lows = (low for low in range(center - 12, center + 1) if low % 12 == order[0])
        options += [_stack(low, order, voicing == "open") for low in lows]
    return min(options, key=lambda pitches: _voice_leading_cost(pitches, center, previous))


def _stack(low: int, order: Sequence[int], is_open: bool) -> list[int]:
    pitches = [low]
    for pitch_class in order[1:]:
        pitches.append(pitches[-1] + 1 + (pitch_class - pitches[-1] - 1) % 12)
    return sorted([*pitches[:-2], pitches[-2] - 12, pitches[-1]]) if is_open else pitches


def _voice_leading_cost(pitches: Sequence[int], center: int, previous: Sequence[int] | None) -> float:
    """Sum the semitones that the voices move, and 0.6 times the distance of their mean from ``center``."""
    moved = sum(min(abs(pitch - other) for other in previous) for pitch in pitches) if previous else 0
    return moved + 0.6 * abs(sum(pitches) / len(pitches) - center)


def nearest(pitch: int, pitch_classes: Collection[int]) -> int:
    """Move a pitch to the closest one whose class is in ``pitch_classes``; ties go upwards.

    >>> nearest(61, (0, 4, 7))
    60
    """
    candidates = [other for other in range(pitch - 6, pitch + 7) if other % 12 in pitch_classes]
    return min(candidates, key=lambda other: (abs(other - pitch), -other))
