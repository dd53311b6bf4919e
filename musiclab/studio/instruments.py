"""Define the instruments of the studio."""

from musiclab.studio.synthesis import Plucked, Struck, Sustained

# Centre and width in Hz of the resonances of throats and bodies.
_AH = ((700, 130), (1150, 150), (2700, 300))
_OO = ((350, 90), (800, 120), (2500, 300))
_VIOLIN = ((480, 150), (1100, 300), (2700, 700))
_FIDDLE = ((500, 150), (1200, 300), (3000, 900))
_CELLO = ((250, 90), (600, 150), (1400, 400))
_OBOE = ((1100, 250), (2800, 500))
_SAXOPHONE = ((600, 200), (1500, 400))

# Frequency ratio, amplitude and share of the ringing of each partial.
_TINE = ((1, 1, 1), (2, 0.25, 0.6), (3, 0.1, 0.4), (7, 0.12, 0.08))
_BAR = ((1, 1, 1), (3.98, 0.25, 0.35), (10.1, 0.06, 0.1))

_DRAWBARS = ((1, 1), (2, 0.8), (3, 0.6), (4, 0.35), (6, 0.2), (8, 0.25))

INSTRUMENTS = {
    "nylon guitar": Plucked(ring=1.8, damping=3.0, pick=0.3),
    "steel guitar": Plucked(ring=3.0, damping=0.8, pick=0.2),
    "clean guitar": Plucked(ring=3.5, damping=1.2, pick=0.13, drive=0.3),
    "crunch guitar": Plucked(ring=4.0, damping=1.0, pick=0.15, drive=2.5),
    "overdriven guitar": Plucked(ring=5.0, damping=0.8, pick=0.12, drive=9.0),
    "fuzz guitar": Plucked(ring=5.0, damping=0.5, pick=0.1, drive=22.0),
    "banjo": Plucked(ring=0.7, damping=0.6, pick=0.1),
    "harp": Plucked(ring=2.5, damping=1.6, pick=0.5),
    "harpsichord": Plucked(ring=2.0, damping=0.3, pick=0.08, strum=False),
    "clavinet": Plucked(ring=1.0, damping=0.5, pick=0.06, strum=False),
    "electric bass": Plucked(ring=3.0, damping=4.0, pick=0.25, strum=False),
    "picked bass": Plucked(ring=3.0, damping=1.5, pick=0.12, strum=False, drive=0.5),
    "overdriven bass": Plucked(ring=3.0, damping=1.5, pick=0.12, strum=False, drive=3.0),
    "upright bass": Plucked(ring=1.1, damping=7.0, pick=0.35, strum=False),
    "piano": Struck(slope=1.1, ring=2.8, mallet=0.05),
    "electric piano": Struck(ratios=_TINE, ring=2.4),
    "vibraphone": Struck(ratios=_BAR, ring=3.0),
    "organ": Sustained(drawbars=_DRAWBARS, vibrato=0.12, attack=0.008, release=0.04),
    "harmonica": Sustained(
        slope=0.6, cutoff=3200, attack=0.03, vibrato=0.18, voices=2, detune=0.06, bend=0.7, breath=0.04
    ),
    "melodica": Sustained(slope=0.7, cutoff=2600, attack=0.03, even=0.6, vibrato=0.08, breath=0.03),
    "accordion": Sustained(slope=0.5, cutoff=3600, attack=0.03, voices=3, detune=0.09, breath=0.02),
    "violin": Sustained(slope=0.9, cutoff=4200, attack=0.07, vibrato=0.25, formants=_VIOLIN, breath=0.03),
    "fiddle": Sustained(slope=0.8, cutoff=4800, attack=0.03, vibrato=0.1, formants=_FIDDLE, bend=0.5, breath=0.04),
    "cello": Sustained(cutoff=2200, attack=0.07, vibrato=0.18, formants=_CELLO, breath=0.03),
    "strings": Sustained(cutoff=3600, attack=0.1, release=0.2, vibrato=0.12, voices=3, detune=0.1),
    "pedal steel": Sustained(slope=1.3, cutoff=2800, attack=0.04, release=0.2, vibrato=0.2, bend=2.0),
    "flute": Sustained(slope=2.0, cutoff=2400, attack=0.05, vibrato=0.2, breath=0.08),
    "clarinet": Sustained(slope=0.9, even=0.08, cutoff=2400, attack=0.04, breath=0.02),
    "oboe": Sustained(slope=0.6, cutoff=3600, attack=0.04, vibrato=0.12, formants=_OBOE, breath=0.02),
    "saxophone": Sustained(
        cutoff=3000, formants=_SAXOPHONE, slope=0.9, attack=0.04, vibrato=0.2, breath=0.06, bite=0.3, bend=0.6
    ),
    "trumpet": Sustained(slope=0.7, cutoff=3600, attack=0.03, vibrato=0.12, bite=0.5),
    "brass": Sustained(slope=0.8, cutoff=3000, attack=0.04, voices=3, detune=0.08, bite=0.5),
    "voice": Sustained(slope=0.8, cutoff=4000, attack=0.06, vibrato=0.3, formants=_AH, bend=0.8, breath=0.05),
    "choir": Sustained(
        slope=0.8, cutoff=3500, attack=0.15, release=0.25, vibrato=0.2, voices=3, detune=0.15, formants=_OO, breath=0.05
    ),
    "synth bass": Sustained(slope=0.9, cutoff=900, attack=0.005, bite=0.7, voices=2, detune=0.06, release=0.03),
    "sub bass": Sustained(slope=2.2, cutoff=500, attack=0.008, release=0.06),
    "synth pad": Sustained(cutoff=1800, attack=0.18, release=0.3, voices=3, detune=0.14),
    "synth lead": Sustained(cutoff=3200, attack=0.01, voices=2, detune=0.12, vibrato=0.15),
    "square lead": Sustained(even=0.02, cutoff=3600, attack=0.008, vibrato=0.12),
}
