"""Blues: twelve bars, dominant sevenths, a shuffle under guitar and harmonica licks."""

from musiclab.studio.genre import Genre, Groove

BLUES = Genre(
    name="blues",
    grooves=(
        Groove(
            "shuffle",
            tempo=(88, 138),
            drums=("shuffle", "shuffle hat"),
            bass=("walking", "boogie", "shuffle roots"),
            comping=("boogie", "charleston", "off beats"),
            melody=("licks",),
            swing=(0.62, 0.68),
        ),
        Groove(
            "slow",
            tempo=(54, 76),
            drums=("slow triplets",),
            bass=("triplet roots", "walking"),
            comping=("triplet chords", "held"),
            melody=("triplet licks",),
        ),
        Groove(
            "straight",
            tempo=(100, 130),
            drums=("backbeat", "train"),
            bass=("boogie", "eighths walk"),
            comping=("boogie", "stabs"),
            melody=("licks",),
        ),
    ),
    progressions={
        "major": (
            "I7 | I7 | I7 | I7 | IV7 | IV7 | I7 | I7 | V7 | IV7 | I7 | V7",
            "I7 | IV7 | I7 | I7 | IV7 | IV7 | I7 | VI7 | ii7 | V7 | I7 VI7 | ii7 V7",
            "I7 | V7 | IV7 | IV7 | I7 | V7 | I7 IV7 | I7 V7",
        ),
        "minor": ("i7 | i7 | i7 | i7 | iv7 | iv7 | i7 | i7 | bVI7 | V7 | i7 | V7",),
    },
    scales={"major": "blues", "minor": "blues"},
    kits=("acoustic", "dry", "brushes"),
    bass=("electric bass", "upright bass", "picked bass"),
    chords=("clean guitar", "piano", "organ", "crunch guitar", "steel guitar", "electric piano"),
    pad=("organ", "brass", "strings"),
    lead=("crunch guitar", "harmonica", "clean guitar", "overdriven guitar", "saxophone", "piano", "voice"),
    form=("verse", "verse", "solo", "break"),
    levels={"bass": 1.0, "lead": 1.0},
    tone=(-1.0, 3.0, -2.0),
)
