"""Perform a plan: set the time of every note in seconds, then render one waveform per stem.

A repeated section has the same notes each time, with different deviations in timing and force.
"""

from dataclasses import dataclass, field

import numpy as np

from musiclab.core.random import stream
from musiclab.studio import parts
from musiclab.studio.artist import Artist
from musiclab.studio.drums import CYMBALS, KITS, hit, ring_longer
from musiclab.studio.genre import FORCE, SECTIONS
from musiclab.studio.instruments import INSTRUMENTS
from musiclab.studio.mixing import amplifier, balance
from musiclab.studio.parts import Note
from musiclab.studio.plan import Plan
from musiclab.studio.synthesis import SAMPLE_RATE
from musiclab.studio.theory import Chord
from musiclab.studio.voices import VOICES

PREROLL = 0.6  # seconds played before the excerpt, so that it starts with the reverberation of the bar before
TAKES = 5  # recordings of each stroke on a drum, so that no two strokes in a row sound the same
GRID = 0.02  # seconds: note lengths are rounded to this grid, so that equal notes are synthesised only once


@dataclass(frozen=True)
class Score:
    """All notes and annotations of a track, in seconds from the start of the excerpt; some notes start before it."""

    notes: dict[str, list[Note]] = field(default_factory=lambda: {stem: [] for stem in SECTIONS["verse"]})
    beats: list[float] = field(default_factory=list)
    downbeats: list[float] = field(default_factory=list)
    chords: list[list] = field(default_factory=list)  # start, end and name
    sections: list[list] = field(default_factory=list)  # start, end and name


def swung(beat: float, swing: float, unit: float) -> float:
    """Apply ``swing`` to a time in beats; triplets do not move.

    >>> round(swung(2.5, 0.66, 0.5), 2), swung(2.0, 0.66, 0.5)
    (2.66, 2.0)
    """
    phase = (beat / (2 * unit)) % 1
    if abs(3 * phase - round(3 * phase)) < 1e-6:
        return beat
    swung_phase = phase * 2 * swing if phase <= 0.5 else swing + (phase - 0.5) * 2 * (1 - swing)
    return beat + (swung_phase - phase) * 2 * unit


def write(plan: Plan, player: Artist, seconds: float) -> Score:
    """Write the score of the first ``seconds`` of a plan, with the timing of a performer."""
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
    """Append the notes of a section to the score; ``start`` is its first beat, relative to the excerpt."""
    beat, swing, unit = 60 / plan.tempo, plan.swing, plan.groove.swing_unit
    # A band uses the same stems for the same section in all its tracks.
    chances = SECTIONS[section].items()
    playing = {stem: stream(plan.writer.habit, "plays", section, stem).random() < chance for stem, chance in chances}
    if playing["vocals"] and plan.writer.instruments["vocals"] != "none":  # the lead leaves room for a singer
        playing["lead"] &= stream(plan.writer.habit, "answers", section).random() < 1 / 3
    stem_notes = {"drums": parts.write_drums(plan, section, index, len(bars), full=playing["drums"])}
    stem_notes |= {stem: write_part(plan, section, bars) for stem, write_part in parts.PITCHED.items() if playing[stem]}
    for stem, notes in stem_notes.items():
        rng = plan.draw("hands", stem, index)
        delays = player.looseness * np.clip(rng.standard_normal(len(notes)), -2.5, 2.5)
        forces = FORCE[section] * (1 + player.dynamics * rng.standard_normal(len(notes)))
        for (at, length, pitch, velocity), delay, force in zip(notes, delays, forces, strict=True):
            onset, end = swung(at, swing, unit), swung(at + length, swing, unit)
            pitch = pitch if stem == "drums" else pitch + plan.transpose
            time = (start + onset) * beat + float(delay)
            score.notes[stem].append((time, (end - onset) * beat, pitch, min(1.0, max(0.05, velocity * float(force)))))


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
    """Render a score as an artist plays it: one float32 waveform per stem, ``PREROLL`` plus ``seconds`` long."""
    size = round(seconds * SAMPLE_RATE) + round(PREROLL * SAMPLE_RATE)
    stems = {}
    for stem, notes in score.notes.items():
        name = artist.instruments[stem]
        if not notes or name == "none":
            stems[stem] = np.zeros(size, np.float32)
        elif stem == "drums":
            stems[stem] = _play_drums(size, notes, artist)
        elif stem == "vocals":
            stems[stem] = VOICES[name].sing(notes, size, PREROLL, artist.brightness, artist.habit)
        else:
            if stem == "bass":
                notes = [(start, artist.legato * length, *rest) for start, length, *rest in notes]
            stems[stem] = _play_notes(size, notes, INSTRUMENTS[name], artist)
            if stem == "chords" and INSTRUMENTS[name].drive > 1:  # rhythm guitars are usually recorded twice
                stems[stem] += _play_notes(size, _second_take(notes), INSTRUMENTS[name], artist, detune=0.08)
        stems[stem] = balance(stems[stem], artist.levels[stem])
    return stems


def _second_take(notes):
    """Play the same notes a little later: chords 9 to 15 ms, all notes of a chord at once."""
    return [(start + 0.012 + 0.003 * np.sin(7 * start), *rest) for start, *rest in notes]


def _play_drums(size, notes, artist):
    waveform = np.zeros(size, np.float32)
    kit, strokes = ring_longer(KITS[artist.instruments["drums"]], artist.ring), {}
    rng = stream(artist.habit, "strokes")
    takes, forces = rng.integers(TAKES, size=len(notes)), rng.uniform(0.8, 1.2, len(notes))
    for (start, _, piece, velocity), take, force in zip(notes, takes, forces, strict=True):
        if (piece, take) not in strokes:
            stroke = hit(piece, kit, artist.tuning * (1 + 0.02 * (take / TAKES - 0.5)), take)
            level = artist.kick if piece == "kick" else artist.cymbals if piece in (*CYMBALS, "shaker") else 0.0
            strokes[piece, take] = stroke * np.float32(10 ** (level / 20))
        _add(waveform, strokes[piece, take], start, force * velocity**1.5)
    return waveform


def _play_notes(size, notes, instrument, artist, detune=0.0):
    waveform = np.zeros(size, np.float32)
    tones, position, previous_start = {}, 0, -np.inf  # position: index of the note in its chord
    for start, length, pitch, velocity in notes:
        # The notes of a chord are sorted from low to high; strumming delays each one a little more.
        position = position + 1 if abs(start - previous_start) < 0.03 else 0
        previous_start = start
        delay = artist.strum * position if instrument.strum else 0.0
        steps = max(1, round(length / GRID))
        if (pitch, steps) not in tones:
            tones[pitch, steps] = instrument.play(pitch + detune, steps * GRID, artist.brightness)
        _add(waveform, tones[pitch, steps], start + delay, velocity)
    return amplifier(waveform, instrument.drive * artist.brightness) if instrument.drive else waveform


def _add(waveform, note, start, gain):
    """Add a note to ``waveform``, ``start`` seconds after the start of the excerpt, and cut it to fit."""
    first = round((start + PREROLL) * SAMPLE_RATE)
    skip = max(0, -first)
    end = min(len(waveform), first + len(note))
    if end > first + skip:
        waveform[first + skip : end] += np.float32(gain) * note[skip : end - first]
