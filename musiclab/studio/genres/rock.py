"""Rock: driving eighths, guitars in fifths, bVII and IV, backbeats and arena tempos."""

from musiclab.studio.genre import Genre, Groove

ROCK = Genre(
    name="rock",
    grooves=(
        Groove(
            "driving",
            tempo=(104, 158),
            drums=("driving", "backbeat"),
            bass=("eighths", "eighths walk"),
            comping=("power eighths", "power drive", "strum"),
            melody=("song", "riff", "licks"),
        ),
        Groove(
            "arena",
            tempo=(72, 112),
            drums=("arena", "backbeat"),
            bass=("push", "quarters", "eighths"),
            comping=("power held", "power drive", "arpeggio"),
            melody=("singing", "song", "licks"),
        ),
        Groove(
            "boogie",
            tempo=(112, 146),
            drums=("shuffle hat",),
            bass=("shuffle roots", "boogie"),
            comping=("boogie", "power eighths"),
            melody=("licks",),
            swing=(0.6, 0.66),
        ),
    ),
    progressions={
        "major": ("I | bVII | IV | I", "I | IV | V | IV", "I | V | vi | IV", "I | I | IV | V"),
        "minor": ("i | bVII | bVI | bVII", "i | bVI | bIII | bVII", "i | iv | i | bVII"),
    },
    scales={"major": "blues", "minor": "minor pentatonic"},
    kits=("acoustic", "heavy", "dry"),
    bass=("picked bass", "electric bass", "overdriven bass"),
    chords=("crunch guitar", "overdriven guitar", "clean guitar", "steel guitar", "organ", "piano"),
    pad=("organ", "strings", "synth pad"),
    lead=("voice", "crunch guitar", "overdriven guitar", "clean guitar", "saxophone"),
    voicings=("power", "close"),
    levels={"chords": 3.0, "drums": 1.0},
    tone=(-1.0, 2.0, 1.0),
)
