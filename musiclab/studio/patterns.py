"""Rhythms as text.

Every pattern is one bar, divided into as many equal steps as it has letters; spaces only help the eye. Sixteen
steps in four beats are sixteenths, twelve steps in four beats are triplets, twelve in three beats are
sixteenths of a waltz.

- drums: ``X`` accent, ``x`` hit, ``o`` ghost note, ``.`` nothing;
- bass: ``1 3 5 6 7`` degree of the chord, ``8`` octave, ``a`` a step from the next root, ``-`` hold, ``.`` rest;
- comping: ``X x o`` the chord (loud, normal, soft), ``y`` the chord with its fifth raised to the sixth,
  ``1 2 3 4`` one voice of it counted from below, ``-`` hold, ``.`` rest;
- melodies: ``x`` a new note, ``-`` hold, ``.`` rest.
"""

import re

DRUMS = {
    "shuffle": {"kick": "x... .... x..x ....", "snare": ".... X... .... X...", "ride": "X.x. x.x. X.x. x.x."},
    "shuffle hat": {"kick": "x... ..x. x... ....", "snare": ".... X... .... X..o", "hat": "X.x. x.x. X.x. x.x."},
    "slow triplets": {"kick": "x.. ..x x.. ...", "snare": "... X.. ... X..", "hat": "Xxx xxx Xxx xxx"},
    "train": {"kick": "x... x... x... x...", "snare": "o.oo X.oo o.oo X.oo", "hat": ".... x... .... x..."},
    "two step": {"kick": "x... .... x... ....", "snare": ".... x... .... x...", "hat": "x.x. x.x. x.x. x.x."},
    "waltz": {"kick": "x... .... ....", "snare": ".... o... o...", "hat": "X... x... x.x."},
    "four on the floor": {
        "kick": "X... X... X... X...",
        "clap": ".... X... .... X...",
        "hat": "X..x X..x X..x X..x",
        "open hat": "..x. ..x. ..x. ..x.",
    },
    "disco": {"kick": "X... X... X... X...", "snare": ".... X... .... X...", "hat": "Xoxo Xoxo Xoxo Xoxo"},
    "house pop": {"kick": "X... X... X... X...", "clap": ".... X... .... X...", "shaker": "o.x. o.x. o.x. o.xo"},
    "boom bap": {"kick": "X..x .... ..x. ....", "snare": ".... X... .... X..o", "hat": "x.x. x.x. x.x. x.xx"},
    "lazy": {"kick": "X... ...x ..x. ....", "snare": ".... X... .... X...", "hat": "x.x. x.xo x.x. x.xo"},
    "trap": {"kick": "X... ..x. .... x...", "clap": ".... .... X... ....", "hat": "x.x. xxx. x.x. x.xx"},
    "swing ride": {"kick": "o... o... o... o...", "ride": "x... X.x. x... X.x.", "hat": ".... x... .... x..."},
    "swing comped": {"kick": "o... ..o. .... ....", "snare": "..o. .... ...o ..o.", "ride": "x... X.x. x... X.x."},
    "bossa": {"kick": "x..x x..x x..x x..x", "rim": "x..x ..x. ..x. x...", "hat": "xoxo xoxo xoxo xoxo"},
    "double kick": {"kick": "xxxx xxxx xxxx xxxx", "snare": ".... X... .... X...", "ride": "X... x... X... x..."},
    "blast": {"kick": "x.x. x.x. x.x. x.x.", "snare": ".x.x .x.x .x.x .x.x", "ride": "x.x. x.x. x.x. x.x."},
    "gallop": {"kick": "x.xx x.xx x.xx x.xx", "snare": ".... X... .... X...", "hat": "X... X... X... X..."},
    "half time": {"kick": "X... ..x. .... ..x.", "snare": ".... .... X... ....", "ride": "X... x... X... x..."},
    "backbeat": {"kick": "X... .... x.x. ....", "snare": ".... X... .... X...", "hat": "x.x. x.x. x.x. x.x."},
    "driving": {"kick": "X... ..x. x... ..x.", "snare": ".... X... .... X...", "hat": "X.x. X.x. X.x. X.x."},
    "arena": {"kick": "X.x. .... X.x. ....", "snare": ".... X... .... X...", "open hat": "x... x... x... x..."},
    "ballad": {"kick": "X... .... ..x. ....", "rim": ".... x... .... x...", "hat": "x.x. x.x. x.x. x.x."},
    "one drop": {"kick": ".... .... X... ....", "rim": ".... .... X... ....", "hat": "x.x. x.x. x.x. x.xo"},
    "rockers": {"kick": "x... x... x... x...", "snare": ".... .... X... ...o", "hat": "x.x. x.xo x.x. x.x."},
    "steppers": {"kick": "X... X... X... X...", "rim": "...x ..x. ...x ..x.", "hat": "..x. ..x. ..x. ..x."},
    "timpani": {"low tom": "x... .... .... ....", "crash": ".... .... .... ...."},
    "timpani waltz": {"low tom": "x... .... ...."},
    "none": {},
}

# For the last bar of a section; pieces that a fill does not name go on as before.
FILLS = (
    {"snare": ".... X... .... XxXx"},
    {"snare": ".... X... xxxx XXXX", "kick": "x... x... x... x..."},
    {"high tom": ".... .... xx.. ....", "mid tom": ".... .... ..xx ....", "low tom": ".... .... .... xxXX"},
    {"snare": ".... X... ..xx ....", "low tom": ".... .... .... x.Xx"},
    {"kick": "x... .... .... ....", "snare": ".... X... .... .x.X", "open hat": ".... .... x... ...."},
)

BASS = {
    "walking": "1--- 3--- 5--- a---",
    "walking up": "1--- 5--- 6--- a---",
    "walking down": "8--- 7--- 5--- a---",
    "boogie": "1-1- 3-3- 5-5- 6-5-",
    "shuffle roots": "1-1- 1-1- 1-1- 1-5-",
    "triplet roots": "1-- --1 5-- a--",
    "root fifth": "1--- .... 5--- ....",
    "root fifth walk": "1--- .... 5--- 6-a-",
    "waltz bass": "1--- ---- 5---",
    "waltz long": "1--- ---- ----",
    "octaves": "1-8- 1-8- 1-8- 1-8-",
    "octaves broken": "1..8 ..8. 1..8 .18.",
    "sixteenths": "1.11 8.1. 1.11 8.7.",
    "boom": "1--- ---- ..1- ....",
    "boom long": "1--- --1- ---- ----",
    "lazy bass": "1--- ..1- ..5- 7-1-",
    "bossa bass": "1--5 5--5 1--5 5--5",
    "eighths": "1-1- 1-1- 1-1- 1-1-",
    "eighths walk": "1-1- 1-1- 1-1- 5-a-",
    "gallop bass": "1-11 1-11 1-11 1-11",
    "pedal sixteenths": "1111 1111 1111 1111",
    "push": "1--1 --1- 1--- ..5-",
    "syncopated": "1-.1 ..1- .15- 1-7-",
    "dub": "1-.. 1-5- ..8- 5-..",
    "dub drop": ".... 1-1- 5-.. 3-1-",
    "dub steps": "1-.1 3-.. 5-.. 1-..",
    "long": "1--- ---- ---- ----",
    "halves": "1--- ---- 5--- ----",
    "quarters": "1--- 1--- 1--- 1---",
    "none": "....",
}

COMPING = {
    "boogie": "x-x- y-y- x-x- y-y-",
    "charleston": "x--. ..x- .... ....",
    "jazz stabs": "..x. .... x-.. ..x.",
    "freddie": "x-.. x-.. x-.. x-..",
    "off beats": "..x. ..x. ..x. ..x.",
    "triplet chords": "x-x x-x x-x x-x",
    "held": "x--- ---- ---- ----",
    "half notes": "x--- ---- x--- ----",
    "alberti": "1-3- 2-3- 1-3- 2-3-",
    "alberti fast": "1323 1323 1323 1323",
    "arpeggio": "1-2- 3-4- 3-2- 3-2-",
    "waltz chords": ".... x--. x--.",
    "waltz arpeggio": "1-2- 3-4- 3-2-",
    "chorale": "x--- x--- x--- x---",
    "chorale waltz": "x--- x--- x---",
    "boom chick": "1--. x-.. 2--. x-..",
    "strum": "x-.. x-x. .xx- x-x-",
    "strum fast": "x-xx x-xx x-xx x-xx",
    "banjo roll": "1342 3142 1342 3142",
    "scratch": "x.xo .xo. x.xo .xox",
    "stabs": "x... ..x. ...x ....",
    "off stab": "..x. ..x. ..x. ..x.",
    "piano eighths": "x-o- x-o- x-o- x-o-",
    "pushed": "x--- --x- ---- x---",
    "loop": "x--- ---- ..x- ....",
    "chops": "x-.. .... x-.x ....",
    "bossa chords": "x-.x -.x- .x-. x-..",
    "power held": "X--- ---- x--- --x-",
    "power eighths": "x-x- x-x- x-x- x-x-",
    "power drive": "X-x- .xx- X-x- x-x-",
    "chug": "xxx. xxx. xx.x x.x.",
    "chug gallop": "x.xx x.xx x.xx x.xx",
    "tremolo": "xxxx xxxx xxxx xxxx",
    "riff": "X-.x x-.x X-.x x-x-",
    "skank": "..x. ..x. ..x. ..x.",
    "skank slow": ".... x... .... x...",
    "bubble": "o.xo o.xo o.xo o.xo",
}

MELODIES = {
    "long": ("x--- ---- x--- ----", "x--- ---- ---- ....", "x--- --x- x--- ----"),
    "song": ("x-x- x--- x-x- ....", "..x- x-x- x--- ....", "x--x --x- x--- ....", "x-x- x-x- ..x- x---"),
    "singing": ("x--- x-x- x--- ..x-", "x--- --x- x-x- x---", "x-x- x--- ---- ...."),
    "licks": (".... x-x- x-xx x---", "x-xx x--- .... ....", "..xx x-x- ..x- x---", "x--- ..x- x-x- ...."),
    "triplet licks": ("x-x xxx x-- ...", "... xxx x-x x--", "x-- ..x x-x x--"),
    "bop": ("x-x- x-x- x-x- x-..", "..x- x-x- x-x- xxx-", "x--x --x- .... x-x-", "x-x- xxx- x--- ...."),
    "runs": ("xxxx xxxx x--- ....", "x-xx x-xx xxxx x---", "xxxx x-x- x-x- x---", "x--- --xx xxxx x---"),
    "hook": ("x..x ..x. x... x...", "x-.x -.x- .... ....", "x.x. x..x .... ...."),
    "sparse": ("x--- .... .... ....", "..x- x--- .... ....", ".... .... x-x- x---"),
    "fiddle": ("x-xx x-xx x-x- x---", "x-x- x-xx x-xx x-..", "x--- x-x- x-xx x---"),
    "horn stabs": ("x.x. .... ..x- ....", ".... ..x. x-.. ....", "x-.. ..x. x.x. ...."),
    "riff": ("x.xx ..x. x.xx ..x.", "x--x --x- x-x- ....", "x.x. xx.x .xx. x---"),
    "waltz": ("x--- ---- x---", "x--- x-x- x---", "x-x- x--- ....", "x--- ---- ----"),
    "waltz turning": ("x-xx x-x- x---", "x--- x-x- x-x-", "x--- ---- ...."),
}

PATTERNS = {"drums": DRUMS, "bass": BASS, "comping": COMPING, "melody": MELODIES}


def steps(pattern: str) -> str:
    """Strip the spaces from a pattern."""
    return pattern.replace(" ", "")


def onsets(pattern: str, beats: int) -> list[tuple[float, float, str]]:
    """List start and length in beats and the letter of each note of a pattern, a bar of ``beats`` beats.

    >>> onsets("1-.. 5---", beats=4)
    [(0.0, 1.0, '1'), (2.0, 2.0, '5')]
    """
    letters = steps(pattern)
    step = beats / len(letters)
    notes = re.finditer(r"[^.-]-*", letters)
    return [(note.start() * step, len(note[0]) * step, note[0][0]) for note in notes]
