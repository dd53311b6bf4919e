"""Write the notes of each player for one section: drums, bass, comping, pad and lead.

Notes are in beats from the section's first downbeat and in C; ``performance`` transposes them. They depend on the seed
and the section, not on tempo, key or who plays.
"""

from musiclab.core.random import pick
from musiclab.studio import patterns
from musiclab.studio.patterns import onsets
from musiclab.studio.plan import Plan
from musiclab.studio.theory import QUALITIES, SCALES, Chord, nearest, voice

Note = tuple[float, float, int | str, float]  # start, length, pitch (or name of a drum) and velocity (0 to 1)
Bars = list[list[Chord]]

LOWEST_ROOT = 33  # A1, before transposition: at most five semitones down, E1, the lowest string of a bass
CADENCE = "x--- ---- ---- ----"  # a held chord
LOUD = {"X": 1.0, "x": 0.75, "o": 0.35, "y": 0.75}
LIGHT = ("hat", "ride", "rim", "shaker")  # what a drummer still plays in a break


def drums(plan: Plan, section: str, index: int, bars: int, full: bool) -> list[Note]:
    """Play the groove, with small changes every fourth bar, a fill at the end, and a crash to begin.

    The fill depends on ``index``, the section's position in the track. Unless ``full``, only cymbals and rim play.
    """
    groove = patterns.DRUMS[plan.patterns["drums"]]
    beats = plan.groove.beats
    rng = plan.draw("drums", section)
    extra_kick, extra_ghost, lift = rng.integers(1, 16), rng.integers(1, 16), rng.random()
    fill = pick(plan.draw("fill", index), patterns.FILLS)
    sixteenths = beats == 4 and all(len(patterns.steps(line)) == 16 for line in groove.values())
    fills = full and sixteenths and ("snare" in groove or "clap" in groove)  # a bossa or a ride alone flows on
    varies = full and sixteenths and len(groove) > 2
    notes = []
    for bar in range(bars):
        is_last = bar == bars - 1
        for piece, line in (groove | fill if fills and is_last else groove).items():
            if full or piece in LIGHT:
                notes += [(bar * beats + at, length, piece, LOUD[x]) for at, length, x in onsets(line, beats)]
        if varies and bar % 4 == 3 and not is_last:
            notes.append((bar * beats + extra_kick / 4, 0.25, "kick", 0.6))
            notes.append((bar * beats + extra_ghost / 4, 0.25, "snare" if "snare" in groove else "rim", 0.3))
    if full and (section in ("chorus", "solo") or lift < 0.3) and len(groove) > 2:
        notes.append((0.0, 4.0, "crash", 0.8))
    return sorted(notes, key=lambda note: note[0])


def bass(plan: Plan, section: str, bars: Bars) -> list[Note]:
    """Play the pattern on each chord, approaching the next root where the pattern has an ``a``."""
    beats = plan.groove.beats
    rng = plan.draw("bass", section)
    notes = []
    for bar, chords in enumerate(bars):
        share = beats / len(chords)
        following = [*chords[1:], bars[(bar + 1) % len(bars)][0]]
        pattern = CADENCE.replace("x", "1") if _comes_to_rest(plan, bar, bars) else _bass_pattern(plan, bar)
        previous = 0
        for at, length, letter in onsets(pattern, beats):
            position = min(int(at / share), len(chords) - 1)
            if position != previous:
                letter = "1"  # a new chord inside the bar is announced by its root
            previous = position
            if letter == "a":
                pitch = _root(following[position]) + int(rng.choice((-1, 1, 2)))
            else:
                pitch = _root(chords[position]) + _degree(chords[position], letter)
            accent = 1.0 if at == 0 else 0.8
            notes.append((bar * beats + at, min(length, (position + 1) * share - at), pitch, accent))
    return notes


def _root(chord: Chord) -> int:
    return LOWEST_ROOT + (chord.root - LOWEST_ROOT) % 12


def _bass_pattern(plan: Plan, bar: int) -> str:
    """Bass pattern of a bar: walking lines change direction from bar to bar, the others stay."""
    name = plan.patterns["bass"]
    if name.startswith("walking"):
        name = ("walking", "walking up", "walking down")[(bar * 7 + plan.seed) % 3]
    return patterns.BASS[name]


def _degree(chord: Chord, letter: str) -> int:
    steps = QUALITIES[chord.quality]
    minor, diminished, major_seventh = 3 in steps, 6 in steps, 11 in steps
    degrees = {"1": 0, "3": 4 - minor, "5": 7 - diminished, "6": 9 - minor, "7": 10 + major_seventh, "8": 12}
    return degrees[letter]


def comping(plan: Plan, section: str, bars: Bars) -> list[Note]:
    """Play the chords in the rhythm of the pattern, with as little movement between voicings as possible."""
    beats = plan.groove.beats
    usual = onsets(patterns.COMPING[plan.patterns["comping"]], beats)
    voicing = "power" if plan.patterns["comping"] == "boogie" else plan.patterns["voicing"]
    center = (46 if voicing == "power" else 57) + int(plan.draw("register").integers(-2, 5))
    notes, previous = [], None
    for bar, chords in enumerate(bars):
        rhythm = onsets(CADENCE, beats) if _comes_to_rest(plan, bar, bars) else usual
        share = beats / len(chords)
        voicings = []
        for chord in chords:
            previous = voice(chord, voicing, center, previous)
            voicings.append(previous)
        for at, length, letter in rhythm:
            position = min(int(at / share), len(chords) - 1)
            pitches = voicings[position]
            if letter in "1234":
                pitches = [pitches[int(letter) - 1]] if int(letter) <= len(pitches) else [pitches[0] + 12]
            elif letter == "y":
                pitches = [pitches[0], pitches[0] + 9, *pitches[2:]]
            length = min(length, (position + 1) * share - at)
            notes += [(bar * beats + at, length, pitch, LOUD.get(letter, 0.75)) for pitch in pitches]
        for position in range(1, len(chords)):
            if rhythm[-1][0] < position * share:  # the pattern has no stroke left for this chord
                start = bar * beats + position * share
                notes += [(start, share, pitch, 0.6) for pitch in voicings[position]]
    return notes


def _comes_to_rest(plan: Plan, bar: int, bars: Bars) -> bool:
    """Return True for the last bar of a section without a drummer who leads into the next."""
    return bar == len(bars) - 1 and len(patterns.DRUMS[plan.patterns["drums"]]) < 2


def pad(plan: Plan, section: str, bars: Bars) -> list[Note]:
    """Hold one chord for every change, high and wide, the same in every section."""
    beats = plan.groove.beats
    notes, previous = [], None
    for bar, chords in enumerate(bars):
        share = beats / len(chords)
        for position, chord in enumerate(chords):
            previous = voice(chord, "close", 65, previous)
            notes += [(bar * beats + position * share, share, pitch, 0.6) for pitch in previous]
    return notes


def lead(plan: Plan, section: str, bars: Bars) -> list[Note]:
    """Play a melody in phrases of four bars: a motif, its variation, the motif again, and a cadence with a rest.

    Strong beats and ends of phrases are chord tones; in between, the melody follows its contour along the scale.
    """
    beats = plan.groove.beats
    rng = plan.draw("lead", section)
    cells = patterns.MELODIES[plan.patterns["melody"]]
    order = rng.permutation(len(cells))
    motif, answer = cells[order[0]], cells[order[1]]
    contours = [rng.choice((-2, -1, -1, 0, 1, 1, 2, 3), size=24) for _ in range(2)]
    shape = pick(rng, ("aaba", "abac", "a.ac", "ab.c", "aabc"))
    if section == "solo":
        shape = pick(rng, ("abac", "aabc", "abbc"))
    scale = SCALES[plan.genre.scales[plan.mode]]
    home = 69 + int(plan.draw("lead register").integers(-3, 5))
    ladder = [pitch for pitch in range(48, 97) if pitch % 12 in scale]
    notes, pitch = [], nearest(home, bars[0][0].pitch_classes)
    for bar, chords in enumerate(bars):
        role = shape[bar % 4]
        if role == ".":
            continue
        cell, contour = (answer, contours[1]) if role == "b" else (motif, contours[0])
        rhythm = onsets(cell, beats)
        if role == "c":
            rhythm = rhythm[: max(1, len(rhythm) // 2)]
            at = rhythm[-1][0]
            rhythm[-1] = (at, max(0.5, min(2.0, beats - 1 - at)), "x")  # a long last note, then breath
        for index, (at, length, _) in enumerate(rhythm):
            chord = chords[min(int(at * len(chords) / beats), len(chords) - 1)]
            rung = min(range(len(ladder)), key=lambda i: abs(ladder[i] - pitch))
            pitch = ladder[min(max(rung + int(contour[index]), 0), len(ladder) - 1)]
            strong = at % 2 == 0 or length >= 1 or index == len(rhythm) - 1
            if strong:
                pitch = nearest(pitch, chord.pitch_classes)
            if pitch > home + 11:
                pitch -= 12
            elif pitch < home - 11:
                pitch += 12
            notes.append((bar * beats + at, 0.92 * length, pitch, 0.85 if strong else 0.7))
    return notes


PITCHED = {"bass": bass, "chords": comping, "pad": pad, "lead": lead}
