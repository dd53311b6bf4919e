"""Notes, scales, chords and the moves between them.

Pitches are MIDI numbers (60 is middle C, 69 is the A of 440 Hz), pitch classes are 0 to 11 (C is 0), and
chord names follow Harte et al. (ISMIR 2005) as mir_eval reads them: ``C:maj``, ``A:min7``, ``Bb:7``.
"""

import difflib
import re
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

# Semitones above the root.
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

_NUMERALS = {"I": 0, "II": 2, "III": 4, "IV": 5, "V": 7, "VI": 9, "VII": 11}
_ROMAN = re.compile(r"([b#]?)(VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)(.*)")
_ALIASES = {
    "C#": "Db",
    "D#": "Eb",
    "Gb": "F#",
    "G#": "Ab",
    "A#": "Bb",
    "Cb": "B",
    "B#": "C",
    "E#": "F",
    "Fb": "E",
}


def near_match(name, known):
    """End of an error message: the closest known name if there is one, else all of them."""
    close = difflib.get_close_matches(str(name), list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(map(str, known))}."


@dataclass(frozen=True)
class Chord:
    """A root (pitch class 0-11) and a quality named in `QUALITIES`."""

    root: int
    quality: str

    @property
    def name(self):
        """Name such as ``"F#:min7"``."""
        return f"{PITCH_NAMES[self.root]}:{self.quality}"

    @property
    def pitch_classes(self):
        """Pitch classes from the root up, such as ``(7, 11, 2, 5)`` for G:7."""
        return tuple((self.root + step) % 12 for step in QUALITIES[self.quality])


def parse_key(key):
    """Split a key into tonic and mode.

    Parameters
    ----------
    key : str
        ``"A minor"``, ``"Bb major"``, or a tonic alone, ``"F#"``.

    Returns
    -------
    (int, str or None)
        Pitch class of the tonic, and ``"major"``, ``"minor"`` or None where no mode was given.

    Raises
    ------
    DatasetError
        If the tonic or the mode is unknown.

    Examples
    --------
    >>> parse_key("F# minor")
    (6, 'minor')
    """
    words = str(key).split()
    tonic = words[0][0].upper() + words[0][1:] if words else ""
    tonic = _ALIASES.get(tonic, tonic)
    mode = words[1].lower() if len(words) > 1 else None
    if tonic not in PITCH_NAMES or mode not in ("major", "minor", None) or len(words) > 2:
        raise DatasetError(f"key is {key!r}; expected a tonic and a mode, such as 'A minor', 'Bb major' or 'F#'.")
    return PITCH_NAMES.index(tonic), mode


def roman(numeral, tonic=0):
    """Chord of a roman numeral.

    Parameters
    ----------
    numeral : str
        Degree of the major scale of the tonic, with ``b`` or ``#`` before it where it is altered (a minor key
        writes ``i``, ``bVI``, ``bVII``); capitals are major, small letters minor; then ``7``, ``6`` or any
        name in `QUALITIES`.
    tonic : int
        Pitch class of the tonic.

    Raises
    ------
    DatasetError
        If the numeral cannot be read.

    Examples
    --------
    >>> roman("ii7", tonic=0).name, roman("bVII", tonic=9).name, roman("V7", tonic=7).name
    ('D:min7', 'G:maj', 'D:7')
    """
    match = _ROMAN.fullmatch(numeral)
    accidental, degree, suffix = match.groups() if match else ("", "I", "?")
    minor = degree.islower()
    if suffix in ("", "7", "6"):
        plain = {"": "min", "7": "min7", "6": "min6"} if minor else {"": "maj", "7": "7", "6": "maj6"}
        suffix = plain[suffix]
    if suffix not in QUALITIES:
        raise DatasetError(
            f"chord {numeral!r} cannot be read; expected such as 'I', 'ii7', 'bVII', 'Vsus4', 'iihdim7'."
        )
    shift = {"b": -1, "#": 1, "": 0}[accidental]
    return Chord((tonic + _NUMERALS[degree.upper()] + shift) % 12, suffix)


def parse_progression(text, tonic=0):
    """Bars of chords, ``"I | vi | ii7 V7 | I"``, as a list with one list of `Chord` a bar."""
    return [[roman(numeral, tonic) for numeral in bar.split()] for bar in text.split("|")]


def voice(chord, kind, center, previous=None):
    """Pitches that play a chord.

    Parameters
    ----------
    chord : Chord
    kind : {"close", "open", "shell", "power"}
        ``close``: every chord tone inside an octave; ``open``: the second from the top an octave lower;
        ``shell``: third and seventh with the fifth between, no root (the bass has it); ``power``: root,
        fifth, octave.
    center : int
        Pitch to stay near.
    previous : sequence of int, optional
        Pitches of the chord before: the inversion that moves least from there is taken (voice leading).

    Returns
    -------
    list of int
        MIDI pitches, lowest first.
    """
    if kind == "power":
        root = center - 6 + (chord.root - center + 6) % 12
        return [root, root + 7, root + 12]
    classes = list(chord.pitch_classes)
    if kind == "shell" and len(classes) > 3:
        classes = classes[1:]
    best, best_cost = None, float("inf")
    for inversion in range(len(classes)):
        order = classes[inversion:] + classes[:inversion]
        for low in range(center - 12, center + 1):
            if low % 12 != order[0]:
                continue
            pitches = [low]
            for pitch_class in order[1:]:
                pitches.append(pitches[-1] + 1 + (pitch_class - pitches[-1] - 1) % 12)
            if kind == "open":
                pitches = sorted([*pitches[:-2], pitches[-2] - 12, pitches[-1]])
            middle = abs(sum(pitches) / len(pitches) - center)
            moved = sum(min(abs(p - q) for q in previous) for p in pitches) if previous else 0
            cost = moved + 0.6 * middle
            if cost < best_cost:
                best, best_cost = pitches, cost
    return best


def nearest(pitch, pitch_classes):
    """Pitch closest to `pitch` whose class is in `pitch_classes`; upwards where two are equally close.

    Examples
    --------
    >>> nearest(61, (0, 4, 7))
    60
    """
    for distance in range(12):
        for candidate in (pitch + distance, pitch - distance):
            if candidate % 12 in pitch_classes:
                return candidate
    raise DatasetError("pitch_classes is empty; expected at least one pitch class.")
