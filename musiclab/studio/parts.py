"""What each player makes of the chords: drums, bass, comping, pad and lead of one section.

Every function returns a list of (beat, length in beats, pitch or drum, velocity), beats counted from the
section's first downbeat. Everything is written in C and transposed by the composer. What is drawn here
depends on the seed and the kind of section, not on tempo, key or who plays.
"""

from musiclab.core.random import pick
from musiclab.studio import patterns
from musiclab.studio.patterns import onsets
from musiclab.studio.theory import SCALES, nearest, voice

LOWEST_ROOT = 33  # A1, before transposition: at most five semitones down, E1, the lowest string of a bass
CADENCE = "x--- ---- ---- ----"  # a held chord
LOUD = {"X": 1.0, "x": 0.75, "o": 0.35, "y": 0.75}


def drums(plan, kind, number, bars, full=True):
    """Drums of a section: the groove, small changes every fourth bar, a fill at the end, a crash to begin.

    Parameters
    ----------
    plan : composition.Plan
    kind : str
        Kind of section.
    number : int
        Number of the section in the track: fills differ, the groove does not.
    bars : int
    full : bool
        If False only cymbals and rim play, as in a break.
    """
    groove = patterns.DRUMS[plan.patterns["drums"]]
    beats = plan.groove.beats
    if not groove:
        return []
    rng = plan.draw("drums", kind)
    extra_kick, extra_ghost, lift = rng.integers(1, 16), rng.integers(1, 16), rng.random()
    fill = pick(plan.draw("fill", number), patterns.FILLS)
    sixteenths = beats == 4 and len(patterns.steps(next(iter(groove.values())))) == 16
    fills = "snare" in groove or "clap" in groove  # a bossa or a ride cymbal alone flows on
    notes = []
    for bar in range(bars):
        lines = dict(groove)
        if bar == bars - 1 and sixteenths and full and fills:
            lines.update(fill)
        for piece, line in lines.items():
            if not full and piece not in ("hat", "ride", "rim", "shaker"):
                continue
            for at, length, letter in onsets(line, beats):
                notes.append((bar * beats + at, length, piece, LOUD[letter]))
        if sixteenths and full and len(groove) > 2 and bar % 4 == 3 and bar < bars - 1:
            notes.append((bar * beats + extra_kick / 4, 0.25, "kick", 0.6))
            notes.append((bar * beats + extra_ghost / 4, 0.25, "snare" if "snare" in groove else "rim", 0.3))
    if full and (kind in ("chorus", "solo") or lift < 0.3) and len(groove) > 2:
        notes.append((0.0, 4.0, "crash", 0.8))
    return sorted(notes, key=lambda note: note[0])


def bass(plan, kind, bars):
    """Bass line of a section: the pattern on each chord, approaching the next root where it says so."""
    beats = plan.groove.beats
    rng = plan.draw("bass", kind)
    notes = []
    roots = [chord for chords in bars for chord in chords]
    count = 0  # chords in the bars before this one
    for bar, chords in enumerate(bars):
        share = beats / len(chords)
        pattern = CADENCE.replace("x", "1") if _comes_to_rest(plan, bar, bars) else _bass_pattern(plan, bar)
        previous = 0
        for at, length, letter in onsets(pattern, beats):
            place = min(int(at / share), len(chords) - 1)
            if place != previous:
                letter = "1"  # a new chord inside the bar is announced by its root
            chord, following = chords[place], roots[(count + place + 1) % len(roots)]
            previous = place
            if letter == "a":
                pitch = _root(following) + int(rng.choice((-1, 1, 2)))
            else:
                pitch = _root(chord) + _degree(chord, letter)
            accent = 1.0 if at == 0 else 0.8
            notes.append((bar * beats + at, min(length, (place + 1) * share - at), pitch, accent))
        count += len(chords)
    return notes


def _root(chord):
    """Lowest pitch of the bass that is the root of a chord."""
    return LOWEST_ROOT + (chord.root - LOWEST_ROOT) % 12


def _bass_pattern(plan, bar):
    """Bass pattern of a bar: walking lines change direction from bar to bar, the others stay."""
    name = plan.patterns["bass"]
    if name.startswith("walking"):
        name = ("walking", "walking up", "walking down")[(bar * 7 + plan.seed) % 3]
    return patterns.BASS[name]


def _degree(chord, letter):
    """Semitones of a bass letter above the root."""
    classes = [(pitch - chord.root) % 12 for pitch in chord.pitch_classes]
    minor = 3 in classes
    if letter == "3":
        return 3 if minor else 4
    if letter == "5":
        return 6 if 6 in classes else 7
    if letter == "6":
        return 8 if minor else 9
    if letter == "7":
        return 11 if 11 in classes else 10
    return {"1": 0, "8": 12}[letter]


def comping(plan, kind, bars):
    """Chords of a section in the rhythm of the pattern, each voiced to move little from the one before."""
    beats = plan.groove.beats
    usual = onsets(patterns.COMPING[plan.patterns["comping"]], beats)
    kind_of_voicing = plan.patterns["voicing"]
    if plan.patterns["comping"] == "boogie":
        kind_of_voicing = "power"
    center = (46 if kind_of_voicing == "power" else 57) + int(plan.draw("register").integers(-2, 5))
    notes, previous = [], None
    for bar, chords in enumerate(bars):
        rhythm = onsets(CADENCE, beats) if _comes_to_rest(plan, bar, bars) else usual
        share = beats / len(chords)
        voicings = []
        for chord in chords:
            previous = voice(chord, kind_of_voicing, center, previous)
            voicings.append(previous)
        for at, length, letter in rhythm:
            place = min(int(at / share), len(chords) - 1)
            pitches = voicings[place]
            if letter in "1234":
                pitches = [pitches[int(letter) - 1]] if int(letter) <= len(pitches) else [pitches[0] + 12]
            elif letter == "y":
                pitches = [pitches[0], pitches[0] + 9, *pitches[2:]]
            length = min(length, (place + 1) * share - at)
            notes.extend((bar * beats + at, length, pitch, LOUD.get(letter, 0.75)) for pitch in pitches)
        for place in range(1, len(chords)):
            if rhythm[-1][0] < place * share:  # the pattern has no stroke left for this chord
                start = bar * beats + place * share
                notes.extend((start, share, pitch, 0.6) for pitch in voicings[place])
    return notes


def _comes_to_rest(plan, bar, bars):
    """Whether a bar ends a section that no drummer carries over into the next."""
    return bar == len(bars) - 1 and len(patterns.DRUMS[plan.patterns["drums"]]) < 2


def pad(plan, bars):
    """One long chord for every change, high and wide."""
    beats = plan.groove.beats
    notes, previous = [], None
    for bar, chords in enumerate(bars):
        share = beats / len(chords)
        for place, chord in enumerate(chords):
            previous = voice(chord, "close", 65, previous)
            notes.extend((bar * beats + place * share, share, pitch, 0.6) for pitch in previous)
    return notes


def lead(plan, kind, bars):
    """A melody in phrases of four bars: a motif, its variation, the motif again, and a cadence with a rest.

    On the strong beats and at the end of a phrase it rests on a tone of the chord; between, it follows its
    contour along the scale.
    """
    beats = plan.groove.beats
    rng = plan.draw("lead", kind)
    cells = patterns.MELODIES[plan.patterns["melody"]]
    order = rng.permutation(len(cells))
    motif, answer = cells[order[0]], cells[order[1]]
    contours = [rng.choice((-2, -1, -1, 0, 1, 1, 2, 3), size=24) for _ in range(2)]
    shape = pick(rng, ("aaba", "abac", "a.ac", "ab.c", "aabc"))
    if kind == "solo":
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
        rhythm = list(onsets(cell, beats))
        if role == "c":
            rhythm = rhythm[: max(1, len(rhythm) // 2)]
            at = rhythm[-1][0]
            rhythm[-1] = (at, max(0.5, min(2.0, beats - 1 - at)), "x")  # a long last note, then breath
        for index, (at, length, _) in enumerate(rhythm):
            chord = chords[min(int(at * len(chords) / beats), len(chords) - 1)]
            rung = min(range(len(ladder)), key=lambda i: abs(ladder[i] - pitch))
            rung = min(max(rung + int(contour[index]), 0), len(ladder) - 1)
            pitch = ladder[rung]
            strong = at % 2 == 0 or length >= 1 or index == len(rhythm) - 1
            if strong:
                pitch = nearest(pitch, chord.pitch_classes)
            if pitch > home + 11:
                pitch -= 12
            elif pitch < home - 11:
                pitch += 12
            notes.append((bar * beats + at, 0.92 * length, pitch, 0.85 if strong else 0.7))
    return notes
