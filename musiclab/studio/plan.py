"""Plan a track: settle everything that precedes the first note.

Every decision has a random stream of its own, so one can be changed and the others stay. Draws for a section depend
only on the seed and the section's name, so the second verse repeats the first.
"""

from dataclasses import dataclass

import numpy as np

from musiclab.core.errors import DatasetError
from musiclab.core.random import pick, stream
from musiclab.studio.artist import Artist, make_artist
from musiclab.studio.genre import Genre, Groove
from musiclab.studio.patterns import PATTERNS
from musiclab.studio.theory import PITCH_NAMES, Chord, parse_key, parse_progression


@dataclass(frozen=True)
class Plan:
    """The decisions behind a track, independent of its length and of who plays it."""

    genre: Genre
    writer: Artist  # whose habits lean the choice
    groove: Groove
    seed: int
    tempo: float  # beats per minute
    swing: float  # where the off-beat falls, 0.5 to 0.75 of twice `groove.swing_unit`
    tonic: int  # pitch class
    mode: str  # "major" or "minor"
    start: float  # bar of the arrangement where the excerpt starts; an integer is a downbeat
    patterns: dict[str, str]  # name of the pattern of each part, and the voicing

    @property
    def key(self) -> str:
        """Key such as ``"A minor"``."""
        return f"{PITCH_NAMES[self.tonic]} {self.mode}"

    @property
    def transpose(self) -> int:
        """Semitones from C, where everything is written, to the key: -5 to 6."""
        return (self.tonic + 5) % 12 - 5

    def draw(self, *names: str | int) -> np.random.Generator:
        """Open the random stream of this track for a decision."""
        return stream(self.seed, self.genre.name, *names)

    def chords(self, section: str) -> list[list[Chord]]:
        """List the chords (in C) of each bar of a section: four bars of intro or break, else eight or more."""
        # Verse and chorus mostly differ, intro and solo play the verse.
        name = "chorus" if section in ("chorus", "break") else "verse"
        bars = parse_progression(pick(self.draw("progression", name), self.genre.progressions[self.mode]))
        while len(bars) < 8:
            bars = bars + bars
        return bars[:4] if section in ("intro", "break") else bars


def make_plan(
    genre: Genre, seed: int, tempo: float | None = None, key: str | None = None, swing: float | None = None
) -> Plan:
    """Settle groove, tempo, key, patterns and starting point; tempo, key and swing may be fixed.

    Raises :class:`DatasetError` if the key cannot be read or the genre has no progression in its mode.
    """
    writer = make_artist(genre, seed % genre.artist_count)

    def draw(name):
        return stream(seed, genre.name, name)

    def habit(name, options):
        # Three of four times the artist's favourite, else anything from the list.
        rng = draw(name)
        favourite = pick(stream(writer.habit, name), options)
        return favourite if rng.random() < 0.75 else pick(rng, options)

    groove = habit("groove", genre.grooves)
    low, high = groove.tempo
    lean = draw("tempo").uniform(*writer.tempo)
    tonic = pick(draw("tonic"), writer.tonics)
    modes = tuple(genre.progressions)
    mode = modes[0] if len(modes) == 1 else ("major", "minor")[int(draw("mode").random() < 0.4)]
    if key is not None:
        tonic, key_mode = parse_key(key)
        mode = key_mode or mode
        if mode not in modes:
            raise DatasetError(f"expected a key in {' or '.join(modes)}, as {genre.name} has no other, found {key!r}")
    names = {part: habit(part, getattr(groove, part)) for part in PATTERNS}
    return Plan(
        genre=genre,
        writer=writer,
        groove=groove,
        seed=seed,
        tempo=round(float(tempo or low * (high / low) ** lean), 2),
        swing=round(float(swing or draw("swing").uniform(*groove.swing)), 3),
        tonic=tonic,
        mode=mode,
        start=float(draw("start").uniform(0, 7 * len(genre.form))),
        patterns=names | {"voicing": habit("voicing", genre.voicings)},
    )
