"""Plan a track: choose groove, tempo, key, chords and patterns before any note is written.

Every decision has its own random stream, so changing one does not affect the others. Decisions about a section depend
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
    """The musical decisions behind a track, independent of its duration and performer."""

    genre: Genre
    writer: Artist  # artist whose habits shape the decisions
    groove: Groove
    seed: int
    tempo: float  # beats per minute
    swing: float  # position of the off-beat, 0.5 to 0.75, as a fraction of twice `groove.swing_unit`
    tonic: int  # pitch class
    mode: str  # "major" or "minor"
    start: float  # bar of the arrangement where the excerpt starts; an integer is a downbeat
    patterns: dict[str, str]  # name of each part's pattern, and the voicing

    @property
    def key(self) -> str:
        """Key such as ``"A minor"``."""
        return f"{PITCH_NAMES[self.tonic]} {self.mode}"

    @property
    def transpose(self) -> int:
        """Semitones from C, in which all parts are written, to the tonic: -5 to 6."""
        return (self.tonic + 5) % 12 - 5

    def draw(self, *names: str | int) -> np.random.Generator:
        """Return the random generator for one decision about this track."""
        return stream(self.seed, self.genre.name, *names)

    def chords(self, section: str) -> list[list[Chord]]:
        """List the chords of each bar of a section, in C: four bars for intro and break, eight or more otherwise."""
        # Intro and solo use the progression of the verse, the break that of the chorus.
        name = "chorus" if section in ("chorus", "break") else "verse"
        bars = parse_progression(pick(self.draw("progression", name), self.genre.progressions[self.mode]))
        while len(bars) < 8:
            bars = bars + bars
        return bars[:4] if section in ("intro", "break") else bars


def make_plan(
    genre: Genre, seed: int, tempo: float | None = None, key: str | None = None, swing: float | None = None
) -> Plan:
    """Choose groove, tempo, key, patterns and starting point; ``tempo``, ``key`` and ``swing`` override the choice.

    Raises :class:`DatasetError` if the key is invalid or the genre has no progression in its mode.
    """
    writer = make_artist(genre, seed % genre.artist_count)

    def draw(name):
        return stream(seed, genre.name, name)

    def choose(name, options):
        # Three times out of four the artist's favourite, otherwise any option.
        rng = draw(name)
        favourite = pick(stream(writer.habit, name), options)
        return favourite if rng.random() < 0.75 else pick(rng, options)

    groove = choose("groove", genre.grooves)
    low, high = groove.tempo
    tempo_share = draw("tempo").uniform(*writer.tempo)
    tonic = pick(draw("tonic"), writer.tonics)
    modes = tuple(genre.progressions)
    mode = modes[0] if len(modes) == 1 else ("major", "minor")[int(draw("mode").random() < 0.4)]
    if key is not None:
        tonic, key_mode = parse_key(key)
        mode = key_mode or mode
        if mode not in modes:
            raise DatasetError(f"key {key!r}: {genre.name} has only {modes[0]} progressions; choose a {modes[0]} key")
    names = {part: choose(part, getattr(groove, part)) for part in PATTERNS}
    return Plan(
        genre=genre,
        writer=writer,
        groove=groove,
        seed=seed,
        tempo=round(float(tempo or low * (high / low) ** tempo_share), 2),
        swing=round(float(swing or draw("swing").uniform(*groove.swing)), 3),
        tonic=tonic,
        mode=mode,
        start=float(draw("start").uniform(0, 7 * len(genre.form))),
        patterns=names | {"voicing": choose("voicing", genre.voicings)},
    )
