"""From a genre and a seed to notes: the plan of a track, its sections, and the time of everything.

The composer works in beats and in sections that repeat: whatever it draws for the verse depends on the seed
and on the word "verse" alone, so the second verse is the first one again, played anew by hands that are never
quite on time.
"""

from dataclasses import dataclass

import numpy as np

from musiclab.core.errors import DatasetError
from musiclab.core.random import pick, stream
from musiclab.studio import parts
from musiclab.studio.genre import FORCE, SECTIONS
from musiclab.studio.theory import PITCH_NAMES, Chord, parse_progression

PREROLL = 0.6  # seconds played before the excerpt, so that it starts inside the reverberation of the bar before


@dataclass(frozen=True)
class Plan:
    """What is settled before the first note.

    Parameters
    ----------
    genre : Genre
    writer : Artist
    groove : Groove
    seed : int
    tempo : float
        Beats a minute.
    swing : float
        Where the off-beat falls, 0.5 to 0.75 of `groove.swing_unit` doubled.
    tonic : int
        Pitch class.
    mode : {"major", "minor"}
    start : float
        Bar of the arrangement where the excerpt starts; a whole number is a downbeat.
    patterns : dict
        Name of the pattern of each part, and the voicing.
    """

    genre: object
    writer: object
    groove: object
    seed: int
    tempo: float
    swing: float
    tonic: int
    mode: str
    start: float
    patterns: dict

    @property
    def key(self):
        """Key such as ``"A minor"``."""
        return f"{PITCH_NAMES[self.tonic]} {self.mode}"

    @property
    def transpose(self):
        """Semitones from C, where everything is written, to the key: -5 to 6."""
        return (self.tonic + 5) % 12 - 5

    def draw(self, *names):
        """Stream of this track for a decision."""
        return stream(self.seed, self.genre.name, *names)


@dataclass(frozen=True)
class Score:
    """A track written out, in seconds from the start of the excerpt; some notes start before it.

    Parameters
    ----------
    notes : dict
        For each stem a list of (start, length, pitch, velocity): seconds, seconds, MIDI number or name of a
        drum, 0 to 1.
    beats, downbeats : list of float
    chords, sections : list of (float, float, str)
        Start, end and name.
    """

    notes: dict
    beats: list
    downbeats: list
    chords: list
    sections: list


def make_plan(genre, writer, seed, tempo=None, key=None, swing=None):
    """Settle groove, tempo, key, patterns and starting point.

    Parameters
    ----------
    genre : Genre
    writer : Artist
        Whose habits lean the choice.
    seed : int
    tempo, swing : float, optional
        Instead of those drawn.
    key : (int, str or None), optional
        Tonic and mode instead of those drawn, as `theory.parse_key` returns them.

    Raises
    ------
    DatasetError
        If the genre has no progression in the mode asked for.
    """

    def draw(name):
        return stream(seed, genre.name, name)

    def habit(name, options):
        # Two of three times the artist's favourite, else anything from the list.
        rng = draw(name)
        favourite = pick(stream(writer.habit, name), options)
        return favourite if rng.random() < 0.75 else pick(rng, options)

    groove = habit("groove", genre.grooves)
    low, high = groove.tempo
    lean = draw("tempo").uniform(*writer.tempo)
    drawn_swing = draw("swing").uniform(*groove.swing)
    tonic = pick(draw("tonic"), writer.tonics)
    modes = tuple(genre.progressions)
    mode = modes[0] if len(modes) == 1 else ("major", "minor")[int(draw("mode").random() < 0.4)]
    if key:
        tonic, mode = key[0], key[1] or mode
        if mode not in genre.progressions:
            raise DatasetError(f"key is in {mode}, but {genre.name} has progressions in {' and '.join(modes)} only.")
    return Plan(
        genre=genre,
        writer=writer,
        groove=groove,
        seed=seed,
        tempo=round(float(tempo or low * (high / low) ** lean), 2),
        swing=round(float(swing or drawn_swing), 3),
        tonic=tonic,
        mode=mode,
        start=float(draw("start").uniform(0, 7 * len(genre.form))),
        patterns={
            "drums": habit("drums", groove.drums),
            "bass": habit("bass", groove.bass),
            "comping": habit("comping", groove.comping),
            "melody": habit("melody", groove.melody),
            "voicing": habit("voicing", genre.voicings),
        },
    )


def section_chords(plan, kind):
    """Chords of a section in C, a list of `Chord` a bar: four bars of intro or break, else eight or more."""
    options = plan.genre.progressions[plan.mode]
    # Verse and chorus mostly differ, intro and solo play the verse.
    name = "chorus" if kind in ("chorus", "break") else "verse"
    bars = parse_progression(pick(plan.draw("progression", name), options))
    while len(bars) < 8:
        bars = bars + bars
    return bars[:4] if kind in ("intro", "break") else bars


def swung(beat, swing, unit):
    """Move a time in beats as the groove asks; triplets stay where they are.

    Examples
    --------
    >>> round(swung(2.5, 0.66, 0.5), 2), swung(2.0, 0.66, 0.5)
    (2.66, 2.0)
    """
    place = (beat / (2 * unit)) % 1
    if abs(3 * place - round(3 * place)) < 1e-6:
        return beat
    bent = place * 2 * swing if place <= 0.5 else swing + (place - 0.5) * 2 * (1 - swing)
    return beat + (bent - place) * 2 * unit


def write(plan, player, seconds):
    """Write out the excerpt.

    Parameters
    ----------
    plan : Plan
    player : Artist
        Whose hands are loose.
    seconds : float
        Length of the excerpt.

    Returns
    -------
    Score
    """
    meter, beat = plan.groove.beats, 60 / plan.tempo
    origin = plan.start * meter  # in beats from the start of the arrangement
    first, last = origin - PREROLL / beat, origin + seconds / beat
    score = Score({stem: [] for stem in ("drums", "bass", "chords", "pad", "lead")}, [], [], [], [])
    cursor, number = 0, 0  # beat at which section `number` starts
    while cursor < last:
        kind = plan.genre.form[number % len(plan.genre.form)]
        bars = section_chords(plan, kind)
        end = cursor + len(bars) * meter
        if end > first - 8:
            _write_section(plan, player, score, kind, number, bars, cursor - origin, beat)
            score.sections.append([max(0.0, (cursor - origin) * beat), min(seconds, (end - origin) * beat), kind])
        cursor, number = end, number + 1
    for stem, notes in score.notes.items():
        score.notes[stem] = [note for note in notes if -PREROLL < note[0] + note[1] and note[0] < seconds]
    for spans in (score.chords, score.sections):
        kept = [[max(0.0, s), min(seconds, e), name] for s, e, name in spans if e > 1e-6 and s < seconds - 1e-6]
        spans[:] = [[round(s, 4), round(e, 4), name] for s, e, name in kept]
    for times in (score.beats, score.downbeats):
        times[:] = [round(t, 4) for t in times if 0 <= t < seconds]
    return score


def _write_section(plan, player, score, kind, number, bars, start, beat):
    """Append a section to the score; `start` is its first beat from the excerpt's, `beat` seconds a beat."""
    meter = plan.groove.beats
    chances = SECTIONS[kind]
    # Who plays in a verse is how this band arranges its verses.
    playing = {stem for stem in chances if stream(plan.writer.habit, "plays", kind, stem).random() < chances[stem]}
    written = {
        "drums": parts.drums(plan, kind, number, len(bars), full="drums" in playing),
        "bass": parts.bass(plan, kind, bars) if "bass" in playing else [],
        "chords": parts.comping(plan, kind, bars) if "chords" in playing else [],
        "pad": parts.pad(plan, bars) if "pad" in playing else [],
        "lead": parts.lead(plan, kind, bars) if "lead" in playing else [],
    }
    for stem, notes in written.items():
        hands = plan.draw("hands", stem, number)
        late = player.looseness * np.clip(hands.standard_normal(len(notes)), -2.5, 2.5)
        force = FORCE[kind] * (1 + 0.08 * hands.standard_normal(len(notes)))
        swing, unit = plan.swing, plan.groove.swing_unit
        for (at, length, pitch, velocity), delay, strength in zip(notes, late, force, strict=True):
            onset = swung(at, swing, unit)
            end = swung(at + length, swing, unit)
            time = (start + onset) * beat + float(delay)
            pitch = pitch if stem == "drums" else pitch + plan.transpose
            score.notes[stem].append((time, (end - onset) * beat, pitch, min(1.0, velocity * float(strength))))
    for index, chords in enumerate(bars):
        bar = (start + index * meter) * beat
        score.downbeats.append(bar)
        score.beats.extend(bar + step * beat for step in range(meter))
        share = meter * beat / len(chords)
        for place, chord in enumerate(chords):
            name = Chord((chord.root + plan.tonic) % 12, chord.quality).name
            score.chords.append([bar + place * share, bar + (place + 1) * share, name])
