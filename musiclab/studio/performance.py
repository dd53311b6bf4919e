"""Perform a plan: time every note, then play one waveform per stem.

The plan counts in beats and in sections that repeat. A repeated section has the same notes, with new deviations in
timing and force.
"""

from dataclasses import dataclass, field

import numpy as np

from musiclab.core.random import stream
from musiclab.studio import parts
from musiclab.studio.artist import Artist
from musiclab.studio.drums import KITS, hit
from musiclab.studio.genre import FORCE, SECTIONS
from musiclab.studio.instruments import INSTRUMENTS
from musiclab.studio.mixing import amplifier, balance
from musiclab.studio.parts import Note
from musiclab.studio.plan import Plan
from musiclab.studio.synthesis import SAMPLE_RATE
from musiclab.studio.theory import Chord

PREROLL = 0.6  # seconds played before the excerpt, so that it starts inside the reverberation of the bar before
GRID = 0.02  # seconds: lengths of notes are rounded to it, so that equal notes are made once


@dataclass(frozen=True)
class Score:
    """A track written out, in seconds from the start of the excerpt; some notes start before it."""

    notes: dict[str, list[Note]] = field(default_factory=lambda: {stem: [] for stem in SECTIONS["verse"]})
    beats: list[float] = field(default_factory=list)
    downbeats: list[float] = field(default_factory=list)
    chords: list[list] = field(default_factory=list)  # start, end and name
    sections: list[list] = field(default_factory=list)  # start, end and name


def swung(beat: float, swing: float, unit: float) -> float:
    """Move a time in beats according to ``swing``; triplets stay where they are.

    >>> round(swung(2.5, 0.66, 0.5), 2), swung(2.0, 0.66, 0.5)
    (2.66, 2.0)
    """
    phase = (beat / (2 * unit)) % 1
    if abs(3 * phase - round(3 * phase)) < 1e-6:
        return beat
    bent = phase * 2 * swing if phase <= 0.5 else swing + (phase - 0.5) * 2 * (1 - swing)
    return beat + (bent - phase) * 2 * unit


def write(plan: Plan, player: Artist, seconds: float) -> Score:
    """Write out ``seconds`` of a plan, with the timing of a player."""
    meter, beat = plan.groove.beats, 60 / plan.tempo
    origin = plan.start * meter  # in beats from the start of the arrangement
    first, last = origin - PREROLL / beat, origin + seconds / beat
    score = Score()
    start, index = 0, 0  # beat at which section `index` starts
    while start < last:
        section = plan.genre.form[index % len(plan.genre.form)]
        bars = plan.chords(section)
        end = start + len(bars) * meter
        if end > first - 8:
            _write_notes(score, plan, player, section, index, bars, start - origin)
            _write_bars(score, plan, bars, start - origin)
            score.sections.append([(start - origin) * beat, (end - origin) * beat, section])
        start, index = end, index + 1
    for notes in score.notes.values():
        notes[:] = [note for note in notes if -PREROLL < note[0] + note[1] and note[0] < seconds]
    for spans in (score.chords, score.sections):
        inside = [span for span in spans if span[1] > 1e-6 and span[0] < seconds - 1e-6]
        spans[:] = [[round(max(0.0, s), 4), round(min(seconds, e), 4), name] for s, e, name in inside]
    for times in (score.beats, score.downbeats):
        times[:] = [round(t, 4) for t in times if 0 <= t < seconds]
    return score


def _write_notes(score, plan, player, section, index, bars, start):
    """Append the notes of a section to the score; ``start`` is its first beat, counted from the excerpt's."""
    beat, swing, unit = 60 / plan.tempo, plan.swing, plan.groove.swing_unit
    # A band arranges all its verses alike, in every track.
    chances = SECTIONS[section].items()
    playing = {stem: stream(plan.writer.habit, "plays", section, stem).random() < chance for stem, chance in chances}
    written = {"drums": parts.drums(plan, section, index, len(bars), full=playing["drums"])}
    written |= {stem: part(plan, section, bars) for stem, part in parts.PITCHED.items() if playing[stem]}
    for stem, notes in written.items():
        hands = plan.draw("hands", stem, index)
        late = player.looseness * np.clip(hands.standard_normal(len(notes)), -2.5, 2.5)
        force = FORCE[section] * (1 + 0.08 * hands.standard_normal(len(notes)))
        for (at, length, pitch, velocity), delay, strength in zip(notes, late, force, strict=True):
            onset, end = swung(at, swing, unit), swung(at + length, swing, unit)
            pitch = pitch if stem == "drums" else pitch + plan.transpose
            time = (start + onset) * beat + float(delay)
            score.notes[stem].append((time, (end - onset) * beat, pitch, min(1.0, velocity * float(strength))))


def _write_bars(score, plan, bars, start):
    """Append the beats and chords of a section to the score."""
    meter, beat = plan.groove.beats, 60 / plan.tempo
    for bar, chords in enumerate(bars):
        downbeat = (start + bar * meter) * beat
        score.downbeats.append(downbeat)
        score.beats.extend(downbeat + step * beat for step in range(meter))
        share = meter * beat / len(chords)
        for position, chord in enumerate(chords):
            name = Chord((chord.root + plan.tonic) % 12, chord.quality).name
            score.chords.append([downbeat + position * share, downbeat + (position + 1) * share, name])


def perform(score: Score, artist: Artist, seconds: float) -> dict[str, np.ndarray]:
    """Play ``PREROLL`` and ``seconds`` of a score as an artist: one float32 waveform, shape (samples,), per stem."""
    stems = {}
    for stem, notes in score.notes.items():
        waveform = np.zeros(round(seconds * SAMPLE_RATE) + round(PREROLL * SAMPLE_RATE), np.float32)
        if stem == "drums":
            _play_drums(waveform, notes, artist)
        elif notes:
            instrument = INSTRUMENTS[artist.instruments[stem]]
            _play_notes(waveform, notes, instrument, artist)
            if instrument.drive:
                waveform = amplifier(waveform, instrument.drive * artist.brightness)
        stems[stem] = balance(waveform, artist.levels[stem])
    return stems


def _play_drums(waveform, notes, artist):
    kit, strokes = KITS[artist.instruments["drums"]], {}
    for index, (start, _, piece, velocity) in enumerate(notes):
        take = index % 2
        if (piece, take) not in strokes:
            strokes[piece, take] = hit(piece, kit, artist.tuning, take)
        _add(waveform, strokes[piece, take], start, velocity**1.5)


def _play_notes(waveform, notes, instrument, artist):
    played, together, previous = {}, 0, -np.inf
    for start, length, pitch, velocity in notes:
        # Chords are written from the lowest note up: strumming delays each a little more than the one before.
        together = together + 1 if abs(start - previous) < 0.03 else 0
        previous = start
        delay = artist.strum * together if instrument.strum else 0.0
        grain = max(1, round(length / GRID))
        if (pitch, grain) not in played:
            played[pitch, grain] = instrument.play(pitch, grain * GRID, artist.brightness)
        _add(waveform, played[pitch, grain], start + delay, velocity)


def _add(waveform, note, start, gain):
    """Add a note that starts ``start`` seconds from the excerpt, cut to what fits."""
    first = round((start + PREROLL) * SAMPLE_RATE)
    skip = max(0, -first)
    end = min(len(waveform), first + len(note))
    if end > first + skip:
        waveform[first + skip : end] += np.float32(gain) * note[skip : end - first]
