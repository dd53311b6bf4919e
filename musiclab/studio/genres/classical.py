"""Classical: cadences of a quartet or a keyboard, Alberti basses, minuets; no drummer."""

from musiclab.studio.genre import Genre, Groove

CLASSICAL = Genre(
    name="classical",
    grooves=(
        Groove(
            "allegro",
            tempo=(104, 148),
            drums=("none", "timpani"),
            bass=("quarters", "halves", "eighths"),
            comping=("alberti", "arpeggio", "piano eighths"),
            melody=("singing", "runs", "song"),
        ),
        Groove(
            "andante",
            tempo=(66, 96),
            drums=("none",),
            bass=("halves", "long"),
            comping=("alberti fast", "chorale", "half notes"),
            melody=("singing", "long", "runs"),
        ),
        Groove(
            "minuet",
            tempo=(96, 138),
            drums=("none", "timpani waltz"),
            bass=("waltz bass", "waltz long"),
            comping=("waltz arpeggio", "waltz chords", "chorale waltz"),
            melody=("waltz", "waltz turning"),
            beats=3,
        ),
    ),
    progressions={
        "major": (
            "I | IV | V7 | I | vi | ii | I V7 | I",
            "I | V7 | I | IV | ii | V7 | I V7 | I",
            "I | vi | IV | II7 | V | iii vi | ii V7 | I",
            "I V | vi iii | IV I | IV V7",
        ),
        "minor": (
            "i | iv | V7 | i | bVI | iv | i V7 | i",
            "i V7 | i | iv V7 | i | bIII bVII | bVI iv | V7 | i",
        ),
    },
    scales={"major": "major", "minor": "harmonic minor"},
    kits=("orchestral",),
    bass=("cello", "upright bass", "piano", "clarinet"),
    chords=("piano", "strings", "harp", "nylon guitar", "harpsichord", "clarinet"),
    pad=("strings", "choir", "cello", "organ"),
    lead=("violin", "flute", "oboe", "clarinet", "piano", "trumpet", "voice"),
    voicings=("close", "open"),
    form=("verse", "verse", "solo", "chorus", "break"),
    levels={"bass": -3.0, "drums": -6.0, "pad": 5.0},
    tone=(-4.0, 1.0, -4.0),
)
