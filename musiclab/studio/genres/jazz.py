"""Jazz: ii-V-I with sevenths, walking basses, a swung ride cymbal, bossa novas and waltzes."""

from musiclab.studio.genre import Genre, Groove

JAZZ = Genre(
    name="jazz",
    grooves=(
        Groove(
            "swing",
            tempo=(112, 190),
            drums=("swing ride", "swing comped"),
            bass=("walking", "walking up", "walking down"),
            comping=("charleston", "jazz stabs", "freddie"),
            melody=("bop",),
            swing=(0.6, 0.67),
        ),
        Groove(
            "ballad",
            tempo=(60, 88),
            drums=("swing ride", "ballad"),
            bass=("halves", "walking"),
            comping=("held", "charleston", "half notes"),
            melody=("singing", "bop"),
            swing=(0.58, 0.66),
        ),
        Groove(
            "bossa nova",
            tempo=(108, 144),
            drums=("bossa",),
            bass=("bossa bass",),
            comping=("bossa chords",),
            melody=("song", "singing"),
        ),
        Groove(
            "waltz",
            tempo=(110, 160),
            drums=("waltz",),
            bass=("waltz bass",),
            comping=("waltz chords",),
            melody=("waltz", "waltz turning"),
            swing=(0.6, 0.67),
            beats=3,
        ),
    ),
    progressions={
        "major": (
            "ii7 | V7 | Imaj7 | VI7 | ii7 | V7 | Imaj7 | I6",
            "Imaj7 VI7 | ii7 V7 | iii7 VI7 | ii7 V7",
            "Imaj7 | IVmaj7 | iii7 VI7 | ii7 V7 | I7 | IVmaj7 | ii7 V7 | I6",
        ),
        "minor": (
            "i6 | i6 | iihdim7 | V7 | i6 | bVI7 | iihdim7 V7 | i6",
            "iv7 | bVII7 | bIIImaj7 | bVImaj7 | iihdim7 | V7 | i7 | i7",
        ),
    },
    scales={"major": "major", "minor": "dorian"},
    kits=("brushes", "acoustic", "dry"),
    bass=("upright bass", "electric bass", "cello"),
    chords=("piano", "clean guitar", "electric piano", "vibraphone", "organ", "nylon guitar"),
    pad=("brass", "strings", "organ"),
    lead=("saxophone", "trumpet", "clarinet", "flute", "vibraphone", "piano", "clean guitar", "voice"),
    voicings=("shell", "close"),
    form=("verse", "verse", "solo", "solo", "break"),
    levels={"drums": -5.0, "bass": 1.0},
    tone=(2.0, 2.0, -4.0),
)
