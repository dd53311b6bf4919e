"""Reggae: chords off the beat, a heavy bass that leaves gaps, one drop, rockers and steppers."""

from musiclab.studio.genre import Genre, Groove

REGGAE = Genre(
    name="reggae",
    grooves=(
        Groove(
            "roots",
            tempo=(66, 92),
            drums=("one drop", "rockers"),
            bass=("dub", "dub drop", "dub steps"),
            comping=("skank", "bubble"),
            melody=("singing", "sparse", "horn stabs"),
            swing=(0.5, 0.6),
            swing_unit=0.25,
        ),
        Groove(
            "steppers",
            tempo=(112, 144),
            drums=("steppers", "two step"),
            bass=("dub steps", "syncopated", "halves"),
            comping=("skank slow", "skank"),
            melody=("song", "sparse", "horn stabs"),
        ),
    ),
    progressions={
        "major": ("I | IV", "I | V | ii | IV", "I | vi | IV | V", "I | IV | I | V"),
        "minor": ("i | iv", "i | bVII", "i | bVII | bVI | bVII"),
    },
    scales={"major": "major pentatonic", "minor": "minor"},
    kits=("dry", "acoustic", "drum machine"),
    bass=("electric bass", "sub bass", "synth bass"),
    chords=("clean guitar", "organ", "piano", "steel guitar", "clavinet"),
    pad=("organ", "brass", "synth pad"),
    lead=("voice", "melodica", "trumpet", "organ", "saxophone", "clean guitar", "harmonica"),
    levels={"bass": 5.0, "chords": 1.0},
    tone=(5.0, 1.0, -6.0),
)
