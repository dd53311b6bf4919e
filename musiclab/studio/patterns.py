"""Rhythms as text: the patterns of ``patterns.toml``, which says what their letters mean."""

import re
import tomllib
from pathlib import Path

_PATTERNS = tomllib.loads(Path(__file__).with_name("patterns.toml").read_text(encoding="utf-8"))
DRUMS, BASS, COMPING, MELODIES = (_PATTERNS[part] for part in ("drums", "bass", "comping", "melody"))
FILLS = _PATTERNS["fills"]  # for the last bar of a section
PATTERNS = {"drums": DRUMS, "bass": BASS, "comping": COMPING, "melody": MELODIES}


def steps(pattern: str) -> str:
    """Strip the spaces from a pattern."""
    return pattern.replace(" ", "")


def onsets(pattern: str, beats: int) -> list[tuple[float, float, str]]:
    """List start and length in beats and the letter of each note of a pattern, a bar of ``beats`` beats.

    >>> onsets("1-.. 5---", beats=4)
    [(0.0, 1.0, '1'), (2.0, 2.0, '5')]
    """
    letters = steps(pattern)
    step = beats / len(letters)
    notes = re.finditer(r"[^.-]-*", letters)
    return [(note.start() * step, len(note[0]) * step, note[0][0]) for note in notes]
