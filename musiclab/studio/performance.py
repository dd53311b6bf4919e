"""Playing a score: every note from its instrument, summed into one waveform a stem."""

import numpy as np

from musiclab.studio.composition import PREROLL
from musiclab.studio.drums import KITS, hit
from musiclab.studio.instruments import INSTRUMENTS
from musiclab.studio.mixing import amplifier, balance
from musiclab.studio.synthesis import SAMPLE_RATE

GRID = 0.02  # seconds: lengths of notes are rounded to it, so that equal notes are made once


def perform(score, artist, seconds):
    """Play a score with the instruments of an artist.

    Parameters
    ----------
    score : composition.Score
    artist : artist.Artist
    seconds : float
        Length of the excerpt; `composition.PREROLL` seconds come before it.

    Returns
    -------
    dict of str to numpy.ndarray
        Stems at the levels of the artist, each float32 of shape (samples,).
    """
    samples = round(seconds * SAMPLE_RATE) + round(PREROLL * SAMPLE_RATE)
    stems = {}
    for stem, notes in score.notes.items():
        waveform = np.zeros(samples, np.float32)
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
    kit, strokes = KITS[artist.kit], {}
    for number, (start, _, piece, velocity) in enumerate(notes):
        take = number % 2
        if (piece, take) not in strokes:
            strokes[piece, take] = hit(piece, kit, artist.tuning, take)
        _add(waveform, strokes[piece, take], start, velocity**1.5)


def _play_notes(waveform, notes, instrument, artist):
    made, together, previous = {}, 0, None
    for start, length, pitch, velocity in notes:
        # Chords are written from the lowest note up: strumming delays each a little more than the one before.
        together = together + 1 if previous is not None and abs(start - previous) < 0.03 else 0
        previous = start
        delay = artist.strum * together if instrument.strum else 0.0
        grain = max(1, round(length / GRID))
        if (pitch, grain) not in made:
            made[pitch, grain] = instrument.play(pitch, grain * GRID, artist.brightness)
        _add(waveform, made[pitch, grain], start + delay, velocity)


def _add(waveform, note, start, gain):
    """Add a note that starts `start` seconds from the excerpt, cut to what fits."""
    at = round((start + PREROLL) * SAMPLE_RATE)
    skip = max(0, -at)
    end = min(len(waveform), at + len(note))
    if end > at + skip:
        waveform[at + skip : end] += np.float32(gain) * note[skip : end - at]
