"""Write the notes of drums, bass, comping, pad and lead for one section.

Times are in beats from the section's first downbeat. All notes are written in C; ``performance`` transposes them. They
depend on the seed and the section, not on tempo, key or performer.
"""

from musiclab.core.random import pick
from musiclab.studio import patterns
from musiclab.studio.patterns import onsets
from musiclab.studio.plan import Plan
from musiclab.studio.theory import QUALITIES, SCALES, Chord, nearest, voice

Note = tuple[float, float, int | str, float]  # start, length, pitch (or name of a drum) and velocity (0 to 1)
Bars = list[list[Chord]]  # the chords of each bar

LOWEST_ROOT = 33  # A1: transposed down by at most five semitones, it is E1, the lowest string of a bass
CADENCE = "x--- ---- ---- ----"  # a held chord
LOUD = {"X": 1.0, "x": 0.75, "o": 0.35, "y": 0.75}  # velocity of each letter in a pattern
LIGHT = ("hat", "ride", "rim", "shaker")  # pieces that a drummer keeps playing in a break


def write_drums(plan: Plan, section: str, index: int, bars: int, full: bool) -> list[Note]:
    """Write the drum groove, with small changes every fourth bar, a crash at the start and a fill at the end.

    The fill depends on ``index``, the section's position in the track. Unless ``full``, only the ``LIGHT`` pieces play.
    """
    groove = patterns.DRUMS[plan.patterns["drums"]]
    beats = plan.groove.beats
    rng = plan.draw("drums", section)
    extra_kick, extra_ghost, lift = rng.integers(1, 16), rng.integers(1, 16), rng.random()
    fill = pick(plan.draw("fill", index), patterns.FILLS)
    is_sixteenths = beats == 4 and all(len(patterns.steps(line)) == 16 for line in groove.values())
    has_fill = full and is_sixteenths and ("snare" in groove or "clap" in groove)  # no fill after bossa or ride alone
    has_variation = full and is_sixteenths and len(groove) > 2
    notes = []
    for bar in range(bars):
        is_last = bar == bars - 1
        for piece, line in (groove | fill if has_fill and is_last else groove).items():
            if full or piece in LIGHT:
                notes += [(bar * beats + at, length, piece, LOUD[x]) for at, length, x in onsets(line, beats)]
        if has_variation and bar % 4 == 3 and not is_last:
            notes.append((bar * beats + extra_kick / 4, 0.25, "kick", 0.6))
            notes.append((bar * beats + extra_ghost / 4, 0.25, "snare" if "snare" in groove else "rim", 0.3))
    if full and (section in ("chorus", "solo") or lift < 0.3) and len(groove) > 2:
        notes.append((0.0, 4.0, "crash", 0.8))
    return sorted(notes, key=lambda note: note[0])


def write_bass(plan: Plan, section: str, bars: Bars) -> list[Note]:
    """Write the bass line: the pattern applied to each chord, with an approach to the next root at each ``a``."""
    beats = plan.groove.beats
    rng = plan.draw("bass", section)
    notes = []
    for bar, chords in enumerate(bars):
        share = beats / len(chords)
        following = [*chords[1:], bars[(bar + 1) % len(bars)][0]]
        pattern = CADENCE.replace("x", "1") if _is_resting_bar(plan, bar, bars) else _bass_pattern(plan, bar)
        previous = 0
        for at, length, letter in onsets(pattern, beats):
            position = min(int(at / share), len(chords) - 1)
            if position != previous:
                letter = "1"  # a chord change within the bar starts on the root
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
    """Return the bass pattern of a bar; walking lines change direction from bar to bar."""
    name = plan.patterns["bass"]
    if name.startswith("walking"):
        name = ("walking", "walking up", "walking down")[(bar * 7 + plan.seed) % 3]
    return patterns.BASS[name]


def _degree(chord: Chord, letter: str) -> int:
    steps = QUALITIES[chord.quality]
    minor, diminished, major_seventh = 3 in steps, 6 in steps, 11 in steps
    degrees = {"1": 0, "3": 4 - minor, "5": 7 - diminished, "6": 9 - minor, "7": 10 + major_seventh, "8": 12}
    return degrees[letter]


def write_comping(plan: Plan, section: str, bars: Bars) -> list[Note]:
    """Write the chords in the rhythm of the pattern, with as little movement between voicings as possible."""
    beats = plan.groove.beats
    pattern_onsets = onsets(patterns.COMPING[plan.patterns["comping"]], beats)
    voicing = "power" if plan.patterns["comping"] == "boogie" else plan.patterns["voicing"]
    center = (46 if voicing == "power" else 57) + int(plan.draw("register").integers(-2, 5))
    notes, previous = [], None
    for bar, chords in enumerate(bars):
        rhythm = onsets(CADENCE, beats) if _is_resting_bar(plan, bar, bars) else pattern_onsets
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
            if rhythm[-1][0] < position * share:  # the pattern has no onset left for this chord
                start = bar * beats + position * share
                notes += [(start, share, pitch, 0.6) for pitch in voicings[position]]
    return notes


def _is_resting_bar(plan: Plan, bar: int, bars: Bars) -> bool:
    """Return True for the last bar of a section if no drum groove leads into the next section."""
    return bar == len(bars) - 1 and len(patterns.DRUMS[plan.patterns["drums"]]) < 2


def write_pad(plan: Plan, section: str, bars: Bars) -> list[Note]:
    """Write one held chord per chord change, in a high register."""
    beats = plan.groove.beats
    notes, previous = [], None
    for bar, chords in enumerate(bars):
        share = beats / len(chords)
        for position, chord in enumerate(chords):
            previous = voice(chord, "close", 65, previous)
            notes += [(bar * beats + position * share, share, pitch, 0.6) for pitch in previous]
    return notes


def write_lead(plan: Plan, section: str, bars: Bars) -> list[Note]:
    """Write the melody of the lead instrument."""
    return _write_melody(plan, section, bars, "lead", plan.patterns["melody"])


def write_vocals(plan: Plan, section: str, bars: Bars) -> list[Note]:
    """Write the melody of the singer, one syllable per note."""
    return _write_melody(plan, section, bars, "vocals", plan.patterns["vocals"])


def _write_melody(plan: Plan, section: str, bars: Bars, stem: str, pattern: str) -> list[Note]:
    """Write a melody in phrases of four bars, built from a motif, an answer, cadences and rests.

    Strong beats and phrase endings are chord tones. In between, the melody follows a contour along the scale.
    """
    beats = plan.groove.beats
    rng = plan.draw(stem, section)
    cells = patterns.MELODIES[pattern]
    order = rng.permutation(len(cells))
    motif, answer = cells[order[0]], cells[order[1]]
    contours = [rng.choice((-2, -1, -1, 0, 1, 1, 2, 3), size=24) for _ in range(2)]
    shape = pick(rng, ("aaba", "abac", "a.ac", "ab.c", "aabc"))
    if section == "solo":
        shape = pick(rng, ("abac", "aabc", "abbc"))
    scale = SCALES[plan.genre.scales[plan.mode]]
    home = 69 + int(plan.draw(f"{stem} register").integers(-3, 5))
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
            rhythm[-1] = (at, max(0.5, min(2.0, beats - 1 - at)), "x")  # a long last note, then a rest
        for index, (at, length, _) in enumerate(rhythm):
            chord = chords[min(int(at * len(chords) / beats), len(chords) - 1)]
            rung = min(range(len(ladder)), key=lambda i: abs(ladder[i] - pitch))
            pitch = ladder[min(max(rung + int(contour[index]), 0), len(ladder) - 1)]
            is_strong = at % 2 == 0 or length >= 1 or index == len(rhythm) - 1
            if is_strong:
                pitch = nearest(pitch, chord.pitch_classes)
            if pitch > home + 11:
                pitch -= 12
            elif pitch < home - 11:
                pitch += 12
            notes.append((bar * beats + at, 0.92 * length, pitch, 0.85 if is_strong else 0.7))
    return notes


PITCHED = {"bass": write_bass, "chords": write_comping, "pad": write_pad, "lead": write_lead, "vocals": write_vocals}
