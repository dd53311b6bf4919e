"""Country: a bass in two, boom-chick guitars, train beats and waltzes under fiddle and steel."""

from musiclab.studio.genre import Genre, Groove

COUNTRY = Genre(
    name="country",
    grooves=(
        Groove(
            "train beat",
            tempo=(96, 132),
            drums=("train",),
            bass=("root fifth", "root fifth walk"),
            comping=("boom chick", "banjo roll", "strum fast"),
            melody=("fiddle", "song"),
        ),
        Groove(
            "two step",
            tempo=(84, 126),
            drums=("two step", "backbeat"),
            bass=("root fifth", "root fifth walk"),
            comping=("strum", "boom chick"),
            melody=("song", "fiddle", "singing"),
            swing=(0.5, 0.6),
        ),
        Groove(
            "waltz",
            tempo=(92, 132),
            drums=("waltz",),
            bass=("waltz bass", "waltz long"),
            comping=("waltz chords", "waltz arpeggio"),
            melody=("waltz",),
            beats=3,
        ),
    ),
    progressions={
        "major": (
            "I | I | IV | I | I | I | V7 | V7",
            "I | IV | I | V7 | I | IV | V7 | I",
            "I | V | vi | IV | I | V | IV V | I",
            "I | I7 | IV | IV | V7 | V7 | I | I V7",
        ),
        "minor": ("i | bVII | i | i | bIII | bVII | i V7 | i",),
    },
    scales={"major": "major pentatonic", "minor": "minor pentatonic"},
    kits=("acoustic", "brushes", "dry"),
    bass=("upright bass", "electric bass", "picked bass"),
    chords=("steel guitar", "nylon guitar", "banjo", "clean guitar", "piano"),
    pad=("strings", "organ", "pedal steel"),
    lead=("fiddle", "pedal steel", "clean guitar", "banjo", "harmonica", "voice", "steel guitar"),
    levels={"chords": 3.0, "drums": -4.0, "bass": -2.0},
    tone=(-4.0, 1.0, 3.0),
)
