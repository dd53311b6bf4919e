"""The ten genres of GTZAN, as the studio plays them; they share tempos, keys and instruments on purpose.

A genre of your own needs no registration: pass a ``Genre``, or a changed copy of one of these
(``dataclasses.replace``), to ``render``.
"""

from musiclab.studio.genre import Genre, Groove

# Blues: twelve bars, dominant sevenths, a shuffle under guitar and harmonica licks.
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

# Classical: cadences of a quartet or a keyboard, Alberti basses, minuets; no drummer.
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

# Country: a bass in two, boom-chick guitars, train beats and waltzes under fiddle and steel.
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

# Disco: a bass drum on every beat, octave basses, scratched guitars, strings and horns.
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

# Hip-hop: short minor loops over deep basses, backbeats swung by the sixteenth.
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

# Jazz: ii-V-I with sevenths, walking basses, a swung ride cymbal, bossa novas and waltzes.
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

# Metal: distorted power chords in minor and phrygian, gallops, double bass drums, doom.
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

# Pop: four chords round and round, a hook, keyboards and pads.
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

# Reggae: chords off the beat, a heavy bass that leaves gaps, one drop, rockers and steppers.
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

# Rock: driving eighths, guitars in fifths, bVII and IV, backbeats and arena tempos.
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

GENRES = {genre.name: genre for genre in (BLUES, CLASSICAL, COUNTRY, DISCO, HIPHOP, JAZZ, METAL, POP, REGGAE, ROCK)}
