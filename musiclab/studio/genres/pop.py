"""Pop: four chords round and round, a hook, keyboards and pads."""

from musiclab.studio.genre import Genre, Groove

POP = Genre(
    name="pop",
    grooves=(
        Groove(
            "dance",
            tempo=(100, 130),
            drums=("four on the floor", "house pop"),
            bass=("eighths", "octaves", "push"),
            comping=("piano eighths", "stabs", "pushed"),
            melody=("hook", "song"),
        ),
        Groove(
            "backbeat",
            tempo=(84, 124),
            drums=("backbeat", "driving", "boom bap"),
            bass=("push", "eighths", "boom"),
            comping=("pushed", "strum", "arpeggio"),
            melody=("song", "singing", "hook"),
        ),
        Groove(
            "ballad",
            tempo=(62, 88),
            drums=("ballad", "none"),
            bass=("long", "halves"),
            comping=("arpeggio", "half notes", "piano eighths"),
            melody=("singing", "song"),
        ),
    ),
    progressions={
        "major": ("I | V | vi | IV", "vi | IV | I | V", "I | vi | IV | V", "IV | V | iii7 | vi"),
        "minor": ("i | bVI | bIII | bVII", "i | iv | bVI | bVII"),
    },
    scales={"major": "major pentatonic", "minor": "minor pentatonic"},
    kits=("drum machine", "acoustic", "dry"),
    bass=("synth bass", "electric bass", "sub bass", "picked bass"),
    chords=("piano", "clean guitar", "electric piano", "steel guitar", "synth pad", "clavinet"),
    pad=("synth pad", "strings", "choir"),
    lead=("voice", "synth lead", "square lead", "clean guitar", "strings", "saxophone"),
    levels={"lead": 3.0, "pad": 2.0},
    tone=(-1.0, -3.0, 3.0),
)
