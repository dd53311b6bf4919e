"""Disco: a bass drum on every beat, octave basses, scratched guitars, strings and horns."""

from musiclab.studio.genre import Genre, Groove

DISCO = Genre(
    name="disco",
    grooves=(
        Groove(
            "four on the floor",
            tempo=(104, 128),
            drums=("four on the floor", "disco"),
            bass=("octaves", "octaves broken"),
            comping=("scratch", "off stab", "piano eighths"),
            melody=("horn stabs", "song", "hook"),
        ),
        Groove(
            "funk",
            tempo=(96, 116),
            drums=("disco", "backbeat"),
            bass=("sixteenths", "syncopated", "octaves broken"),
            comping=("scratch", "stabs"),
            melody=("horn stabs", "singing"),
            swing=(0.5, 0.56),
            swing_unit=0.25,
        ),
    ),
    progressions={
        "major": ("I | vi | ii7 | V7", "Imaj7 | iii7 | IVmaj7 | Vsus4", "IVmaj7 | iii7 | ii7 | V7"),
        "minor": ("i7 | i7 | iv7 | bVII", "i | bVII | bVI | V7", "i7 | iv7 | bVII7 | bIIImaj7"),
    },
    scales={"major": "major", "minor": "dorian"},
    kits=("acoustic", "dry", "drum machine"),
    bass=("electric bass", "synth bass", "picked bass"),
    chords=("clean guitar", "electric piano", "piano", "clavinet", "strings"),
    pad=("strings", "synth pad", "choir", "brass"),
    lead=("strings", "brass", "voice", "flute", "synth lead", "trumpet", "saxophone"),
    levels={"drums": 5.0, "pad": 2.0},
    tone=(1.0, -1.0, 5.0),
)
