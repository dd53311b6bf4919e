"""The instruments of the studio: each is a way of making a tone (see `synthesis`) and its settings."""

from collections.abc import Callable
from dataclasses import dataclass, field

from musiclab.studio.synthesis import plucked, struck, sustained


@dataclass(frozen=True)
class Instrument:
    """How an instrument makes a note, and what its amplifier does to the sum of them.

    Parameters
    ----------
    make : callable
        `plucked`, `struck` or `sustained`.
    settings : dict
        Keyword arguments of `make`.
    drive : float
        0 for a clean sound; above, the gain in front of the amplifier's overdrive (see `mixing.amplifier`).
    strum : bool
        Whether the notes of a chord come one after the other.
    octave : int
        Octaves by which it sounds higher than written.
    """

    make: Callable
    settings: dict = field(default_factory=dict)
    drive: float = 0.0
    strum: bool = False
    octave: int = 0

    def play(self, pitch, seconds, brightness=1.0):
        """One note.

        Parameters
        ----------
        pitch : int
            MIDI number.
        seconds : float
            Length of the note; its release comes on top.
        brightness : float
            1 is the instrument's own.

        Returns
        -------
        numpy.ndarray, shape (samples,), float32
            RMS near 0.2 where it is loudest.
        """
        frequency = 440.0 * 2 ** ((pitch + 12 * self.octave - 69) / 12)
        return self.make(frequency, seconds, brightness, **self.settings)


def _string(drive=0.0, strum=True, **settings):
    return Instrument(plucked, settings, drive=drive, strum=strum)


def _tone(**settings):
    return Instrument(sustained, settings)


_AH = ((700, 130), (1150, 150), (2700, 300))
_OO = ((350, 90), (800, 120), (2500, 300))

INSTRUMENTS = {
    "nylon guitar": _string(ring=1.8, damping=3.0, pick=0.3),
    "steel guitar": _string(ring=3.0, damping=0.8, pick=0.2),
    "clean guitar": _string(ring=3.5, damping=1.2, pick=0.13, drive=0.3),
    "crunch guitar": _string(ring=4.0, damping=1.0, pick=0.15, drive=2.5),
    "overdriven guitar": _string(ring=5.0, damping=0.8, pick=0.12, drive=9.0),
    "fuzz guitar": _string(ring=5.0, damping=0.5, pick=0.1, drive=22.0),
    "banjo": _string(ring=0.7, damping=0.6, pick=0.1),
    "harp": _string(ring=2.5, damping=1.6, pick=0.5, strum=True),
    "harpsichord": _string(ring=2.0, damping=0.3, pick=0.08, strum=False),
    "clavinet": _string(ring=1.0, damping=0.5, pick=0.06, strum=False),
    "electric bass": _string(ring=3.0, damping=4.0, pick=0.25, strum=False),
    "picked bass": _string(ring=3.0, damping=1.5, pick=0.12, strum=False, drive=0.5),
    "overdriven bass": _string(ring=3.0, damping=1.5, pick=0.12, strum=False, drive=3.0),
    "upright bass": _string(ring=1.1, damping=7.0, pick=0.35, strum=False),
    "piano": Instrument(struck, {"slope": 1.1, "ring": 2.8, "mallet": 0.05}),
    "electric piano": Instrument(
        struck, {"ratios": ((1, 1, 1), (2, 0.25, 0.6), (3, 0.1, 0.4), (7, 0.12, 0.08)), "ring": 2.4}
    ),
    "vibraphone": Instrument(struck, {"ratios": ((1, 1, 1), (3.98, 0.25, 0.35), (10.1, 0.06, 0.1)), "ring": 3.0}),
    "organ": _tone(
        drawbars=((1, 1), (2, 0.8), (3, 0.6), (4, 0.35), (6, 0.2), (8, 0.25)),
        vibrato=0.12,
        attack=0.008,
        release=0.04,
    ),
    "harmonica": _tone(slope=0.6, cutoff=3200, attack=0.03, vibrato=0.18, voices=2, detune=0.06, bend=0.7, breath=0.04),
    "melodica": _tone(slope=0.7, cutoff=2600, attack=0.03, even=0.6, vibrato=0.08, breath=0.03),
    "violin": _tone(
        slope=0.9,
        cutoff=4200,
        attack=0.07,
        vibrato=0.25,
        formants=((480, 150), (1100, 300), (2700, 700)),
        breath=0.03,
    ),
    "fiddle": _tone(
        slope=0.8,
        cutoff=4800,
        attack=0.03,
        vibrato=0.1,
        formants=((500, 150), (1200, 300), (3000, 900)),
        bend=0.5,
        breath=0.04,
    ),
    "cello": _tone(
        slope=1.0,
        cutoff=2200,
        attack=0.07,
        vibrato=0.18,
        formants=((250, 90), (600, 150), (1400, 400)),
        breath=0.03,
    ),
    "strings": _tone(slope=1.0, cutoff=3600, attack=0.1, release=0.2, vibrato=0.12, voices=3, detune=0.1),
    "pedal steel": _tone(slope=1.3, cutoff=2800, attack=0.04, release=0.2, vibrato=0.2, bend=2.0),
    "flute": _tone(slope=2.0, cutoff=2400, attack=0.05, vibrato=0.2, breath=0.08),
    "clarinet": _tone(slope=0.9, even=0.08, cutoff=2400, attack=0.04, breath=0.02),
    "oboe": _tone(slope=0.6, cutoff=3600, attack=0.04, vibrato=0.12, formants=((1100, 250), (2800, 500)), breath=0.02),
    "saxophone": _tone(
        slope=0.9,
        cutoff=3000,
        attack=0.04,
        vibrato=0.2,
        formants=((600, 200), (1500, 400)),
        breath=0.06,
        bite=0.3,
        bend=0.6,
    ),
    "trumpet": _tone(slope=0.7, cutoff=3600, attack=0.03, vibrato=0.12, bite=0.5),
    "brass": _tone(slope=0.8, cutoff=3000, attack=0.04, voices=3, detune=0.08, bite=0.5),
    "voice": _tone(slope=0.8, cutoff=4000, attack=0.06, vibrato=0.3, formants=_AH, bend=0.8, breath=0.05),
    "choir": _tone(
        slope=0.8,
        cutoff=3500,
        attack=0.15,
        release=0.25,
        vibrato=0.2,
        voices=3,
        detune=0.15,
        formants=_OO,
        breath=0.05,
    ),
    "synth bass": _tone(slope=0.9, cutoff=900, attack=0.005, bite=0.7, voices=2, detune=0.06, release=0.03),
    "sub bass": _tone(slope=2.2, cutoff=500, attack=0.008, release=0.06),
    "synth pad": _tone(slope=1.0, cutoff=1800, attack=0.18, release=0.3, voices=3, detune=0.14),
    "synth lead": _tone(slope=1.0, cutoff=3200, attack=0.01, voices=2, detune=0.12, vibrato=0.15),
    "square lead": _tone(slope=1.0, even=0.02, cutoff=3600, attack=0.008, vibrato=0.12),
}
