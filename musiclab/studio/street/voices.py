"""Throats: children at play, barking dogs, and the murmur of people far off.

A voice is a buzz (the vocal folds) and breath, through a chain of resonances (the formants of mouth and nose). A
child's mouth is short, so its formants lie a third higher than a man's; a dog's are few and broad.
"""

from collections.abc import Sequence

import numpy as np
from scipy import signal

from musiclab.studio.street.synthesis import (
    SAMPLE_RATE,
    Sound,
    Spans,
    drift,
    equalise,
    given,
    n_samples,
    noise,
    reverberate,
    rms,
    stretches,
    wavetable,
)

# First three formants of a man's vowels in Hz: Peterson and Barney (1952), Table II.
VOWELS = {
    "i": (270, 2290, 3010),
    "e": (530, 1840, 2480),
    "ae": (660, 1720, 2410),
    "a": (730, 1090, 2440),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
}

# How a phrase is said: syllables (least, most), seconds of each (least, most), pitch over the voice's middle.
MANNERS = {
    "talk": ((2, 6), (0.1, 0.24), 1.0),
    "shout": ((1, 3), (0.18, 0.5), 1.35),
    "laugh": ((4, 8), (0.07, 0.12), 1.2),
    "scream": ((1, 1), (0.5, 1.1), 2.2),
}


def utterance(
    f0: np.ndarray,
    envelope: np.ndarray,
    formants: Sequence[float],
    rng: np.random.Generator,
    *,
    breath: float = 0.1,
    roughness: float = 0.0,
) -> np.ndarray:
    """One voiced sound.

    Parameters
    ----------
    f0 : ndarray, shape (n,)
        Pitch in Hz at each sample.
    envelope : ndarray, shape (n,)
        Loudness at each sample.
    formants : sequence of float
        Resonances in Hz; each is as wide as 60 Hz and 6 % of its frequency.
    rng : numpy.random.Generator
        Draws the breath.
    breath : float
        Level of the noise beside the buzz.
    roughness : float
        Relative deviation of the pitch from one moment to the next (60 a second): 0.05 is hoarse.

    Returns
    -------
    ndarray, shape (n,)
        Loudest at about `envelope`'s peak.
    """
    n = len(f0)
    if roughness:
        f0 = f0 * (1 + roughness * np.clip(drift(n, rng, 60.0), -2, 2))
    source = wavetable(f0, 1 / np.arange(1, 61) ** 0.7)
    source = source / rms(source) + breath * rng.standard_normal(n)
    sections = []
    for formant in formants:
        radius = np.exp(-np.pi * (60 + 0.06 * formant) / SAMPLE_RATE)
        a1, a2 = -2 * radius * np.cos(2 * np.pi * formant / SAMPLE_RATE), radius**2
        sections.append([1 + a1 + a2, 0, 0, 1, a1, a2])  # unit gain at 0 Hz, as in Klatt (1980)
    x = signal.sosfilt(sections, source) * envelope
    return x / max(np.max(np.abs(x)), 1e-9) * np.max(envelope)


def _arch(n: int, attack: float, release: float) -> np.ndarray:
    """An envelope, shape (n,), up in `attack` and down in `release`, both as fractions of the whole."""
    t = np.linspace(0, 1, n)
    return np.clip(np.minimum(t / attack, (1 - t) / release), 0, 1) ** 1.5


def phrase(rng: np.random.Generator, pitch: float, scale: float, manner: str = "talk") -> np.ndarray:
    """A phrase without words.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws syllables, vowels and melody.
    pitch : float
        The voice's middle pitch in Hz.
    scale : float
        Formants over those of a man: 1.0 a man, 1.15 a woman, 1.3 and up a child.
    manner : {"talk", "shout", "laugh", "scream"}
        "laugh" is a row of short sighs, "scream" one long high vowel.

    Returns
    -------
    ndarray, shape (n,)
    """
    syllables, length, lift = MANNERS[manner]
    pieces = []
    for syllable in range(rng.integers(*syllables, endpoint=True)):
        n = n_samples(rng.uniform(*length))
        t = np.linspace(0, 1, n)
        bend = rng.uniform(-0.25, 0.25) * t + rng.uniform(0.05, 0.3) * np.sin(np.pi * t)
        f0 = pitch * lift * 2 ** (bend + 0.12 * rng.standard_normal() - 0.06 * syllable)
        vowel = "a" if manner == "laugh" else list(VOWELS)[rng.integers(len(VOWELS))]
        formants = scale * np.array([*VOWELS[vowel], 3500, 4500, 5500, 6500])
        voiced = utterance(f0, _arch(n, 0.15, 0.35), formants, rng, breath=0.5 if manner == "laugh" else 0.08)
        if manner != "scream" and rng.random() < 0.35:  # a consonant's hiss before the vowel
            m = n_samples(rng.uniform(0.03, 0.09))
            hiss = noise(m, rng, [(1000, -30), (2500 * scale, 0), (9000, -8)]) * np.hanning(m)
            pieces.append(0.12 * hiss)
        pieces.append(voiced * rng.uniform(0.6, 1))
        pieces.append(np.zeros(n_samples(rng.uniform(0.05, 0.1) if manner == "laugh" else rng.uniform(0.0, 0.06))))
    return np.concatenate(pieces)


def _talking(
    n: int, spans: Spans, rng: np.random.Generator, voices: list[dict], pause: tuple[float, float]
) -> np.ndarray:
    """Voices that speak phrase after phrase within `spans`, with pauses of `pause` s (least, most): shape (n,)."""
    x = np.zeros(n)
    for voice in voices:
        manners, odds = voice["manners"]
        for start, end in spans:
            time = start + rng.uniform(0, 0.6 * pause[1]) * (voice is not voices[0])  # somebody speaks at once
            while time < end - 0.1:
                said = phrase(rng, voice["pitch"], voice["scale"], str(rng.choice(manners, p=odds)))
                first, last = n_samples(time), min(n_samples(end), n_samples(time) + len(said), n)
                said = said[: max(last - first, 0)]
                fade = min(len(said), 220)  # 10 ms, for a phrase cut off by the end of the span
                said[len(said) - fade :] *= np.linspace(1, 0, fade)
                x[first : first + len(said)] += voice["level"] * said
                time += len(said) / SAMPLE_RATE + rng.uniform(*pause)
    return x


def murmur(seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Grown-ups talking some way off, shape (n,), unit RMS: part of a street's background."""
    voices = [
        {"pitch": pitch, "scale": 1.0 if pitch < 150 else 1.15, "level": 1.0, "manners": (("talk",), (1.0,))}
        for pitch in rng.uniform(90, 240, 3)
    ]
    n = n_samples(seconds)
    x = equalise(_talking(n, [(0, seconds)], rng, voices, (0.1, 1.2)), [(200, 0), (1500, -3), (6000, -20)])
    x = reverberate(x, rng, 0.7, 1.0)
    return x / rms(x)


def children_playing(spans: Spans, seconds: float, rng: np.random.Generator, *, children: int | None = None) -> Sound:
    """Several children who call, laugh and scream across one another in a hard playground.

    Parameters
    ----------
    spans : sequence of (float, float)
        When they are heard, in seconds.
    seconds : float
        Length of the recording.
    rng : numpy.random.Generator
        Draws what is not given.
    children : int, optional
        How many; 2 to 5 where not given.

    Returns
    -------
    Sound
        ``truth`` holds ``children`` and ``pitches``, the middle pitch of each in Hz.
    """
    n = n_samples(seconds)
    children = given(children, int(rng.integers(2, 6)))
    pitches = rng.uniform(250, 430, children)
    screams = rng.uniform(0.02, 0.2)
    manners = (("talk", "shout", "laugh", "scream"), (0.4, 0.45 - screams, 0.15, screams))
    voices = [
        {"pitch": pitch, "scale": rng.uniform(1.2, 1.45), "level": rng.uniform(0.3, 1), "manners": manners}
        for pitch in pitches
    ]
    x = _talking(n, spans, rng, voices, (0.1, 1.1))
    x = reverberate(x, rng, rng.uniform(0.3, 1.2), rng.uniform(0.2, 0.9))
    return Sound(x, {"children": children, "pitches": pitches.round(1).tolist()})


def dog_bark(spans: Spans, seconds: float, rng: np.random.Generator, *, pitch: float | None = None) -> Sound:
    """Barks: a pitch that leaps up and falls, rough folds, breath, and the two broad formants of a muzzle.

    Parameters
    ----------
    spans, seconds, rng
        As in `children_playing`.
    pitch : float, optional
        Top of a bark's pitch in Hz; where not given 220 (a mastiff) to 1000 (a terrier). Size sets length and formants.

    Returns
    -------
    Sound
        ``truth`` holds ``pitch`` (Hz) and ``barks``, their spans.
    """
    n = n_samples(seconds)
    pitch = given(pitch, float(220 * (1000 / 220) ** rng.random()))
    small = np.log(pitch / 220) / np.log(1000 / 220)  # 0 a mastiff, 1 a terrier
    length = 0.28 - 0.16 * small
    formants = np.array([480, 1150, 2600, 3900, 5200, 6500]) * (1 + 0.6 * small) * rng.uniform(0.9, 1.1, 6)
    rough, breath, hurry = rng.uniform(0.01, 0.08), rng.uniform(0.15, 0.6), rng.uniform(0.6, 1.8)
    barks = stretches(spans, rng, (0.7 * length, 1.3 * length), (0.1 * hurry, 0.5 * hurry))
    x = np.zeros(n)
    for start, end in barks:
        m = min(n_samples(end - start), n - n_samples(start))
        t = np.linspace(0, 1, m)
        f0 = pitch * rng.uniform(0.85, 1.0) * (0.55 + 0.45 * np.sin(np.pi * np.clip(t * 1.1, 0, 1)) ** 0.7)
        bark = utterance(f0, _arch(m, 0.08, 0.5), formants, rng, breath=breath, roughness=rough)
        x[n_samples(start) : n_samples(start) + m] += rng.uniform(0.6, 1) * bark
    return Sound(x, {"pitch": pitch, "barks": [list(span) for span in barks]})
