"""Hip-hop: short minor loops over deep basses, backbeats swung by the sixteenth."""

from musiclab.studio.genre import Genre, Groove

HIPHOP = Genre(
    name="hiphop",
    grooves=(
        Groove(
            "boom bap",
            tempo=(80, 104),
            drums=("boom bap", "lazy"),
            bass=("boom", "lazy bass", "syncopated"),
            comping=("loop", "chops", "held", "off beats"),
            melody=("sparse", "hook"),
            swing=(0.52, 0.62),
            swing_unit=0.25,
        ),
        Groove(
            "trap",
            tempo=(66, 84),
            drums=("trap",),
            bass=("boom long", "boom"),
            comping=("loop", "held", "arpeggio"),
            melody=("sparse", "hook"),
        ),
    ),
    progressions={
        "major": ("Imaj7 | vi7", "IVmaj7 | iii7 | ii7 | Imaj7", "ii7 | V7 | Imaj7 | VI7"),
        "minor": ("i7 | i7 | bVI | V7", "i | iv", "i7 | bVImaj7 | iv7 | v7", "i | bVI | bVII | i"),
    },
    scales={"major": "major pentatonic", "minor": "minor pentatonic"},
    kits=("drum machine", "dry", "acoustic"),
    bass=("sub bass", "synth bass", "electric bass", "upright bass"),
    chords=("electric piano", "piano", "vibraphone", "nylon guitar", "strings", "organ", "harp"),
    pad=("synth pad", "strings", "choir"),
    lead=("voice", "synth lead", "flute", "vibraphone", "trumpet", "electric piano", "square lead"),
    form=("verse", "chorus", "verse", "chorus", "break"),
    levels={"drums": 4.0, "bass": 3.0, "lead": -3.0},
    tone=(5.0, -3.0, 1.0),
)
