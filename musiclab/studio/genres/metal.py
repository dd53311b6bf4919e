"""Metal: distorted power chords in minor and phrygian, gallops, double bass drums, doom."""

from musiclab.studio.genre import Genre, Groove

METAL = Genre(
    name="metal",
    grooves=(
        Groove(
            "thrash",
            tempo=(112, 176),
            drums=("double kick", "gallop", "blast"),
            bass=("gallop bass", "pedal sixteenths", "eighths"),
            comping=("chug", "chug gallop", "tremolo"),
            melody=("runs", "riff"),
        ),
        Groove(
            "heavy",
            tempo=(88, 132),
            drums=("half time", "driving", "double kick"),
            bass=("eighths", "push"),
            comping=("riff", "power held", "chug"),
            melody=("riff", "song", "runs"),
        ),
        Groove(
            "doom",
            tempo=(60, 84),
            drums=("half time",),
            bass=("quarters", "push"),
            comping=("power held", "riff"),
            melody=("long", "singing"),
        ),
    ),
    progressions={
        "minor": ("i | i | bVI | bVII", "i | bII | i | bVII", "i | bVI | bIII | bVII", "i | i | iv | bVI V"),
    },
    scales={"minor": "phrygian"},
    kits=("heavy", "acoustic", "dry"),
    bass=("picked bass", "electric bass", "overdriven bass"),
    chords=("overdriven guitar", "crunch guitar", "fuzz guitar"),
    pad=("strings", "choir", "synth pad", "organ"),
    lead=("overdriven guitar", "fuzz guitar", "voice", "crunch guitar", "violin", "synth lead"),
    voicings=("power",),
    form=("intro", "verse", "chorus", "solo", "break"),
    levels={"chords": 5.0, "bass": -2.0},
    tone=(1.0, -4.0, 4.0),
)
