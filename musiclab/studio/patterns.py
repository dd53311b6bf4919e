"""Read rhythms written as text; ``patterns.toml`` holds them and explains their letters."""

import re
import tomllib
from pathlib import Path

_PATTERNS = tomllib.loads(Path(__file__).with_name("patterns.toml").read_text(encoding="utf-8"))
DRUMS, BASS, COMPING, MELODIES = (_PATTERNS[part] for part in ("drums", "bass", "comping", "melody"))
FILLS = _PATTERNS["fills"]  # for the last bar of a section
PATTERNS = {"drums": DRUMS, "bass": BASS, "comping": COMPING, "melody": MELODIES, "vocals": MELODIES}


def steps(pattern: str) -> str:
    """Strip the spaces from a pattern."""
    return pattern.replace(" ", "")


def onsets(pattern: str, beats: int) -> list[tuple[float, float, str]]:
    """List the notes of a one-bar pattern as (start, length, letter), with times in beats.

    >>> onsets("1-.. 5---", beats=4)
    [(0.0, 1.0, '1'), (2.0, 2.0, '5')]
    """
    letters = steps(pattern)
    step = beats / len(letters)
    notes = re.finditer(r"[^.-]-*", letters)
    return [(note.start() * step, len(note[0]) * step, note[0][0]) for note in notes]
