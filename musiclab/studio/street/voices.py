"""Voices and music: children at play, barking dogs, the murmur of people far off, and a band on a square.

A voice is a buzz (the vocal folds) and breath, through a chain of resonances (the formants of mouth and nose). A
child's mouth is short, so its formants lie a third higher than a man's; a dog's are few and broad. The functions of
the three classes take the same arguments as those of ``machines``.
"""

from collections.abc import Sequence

import numpy as np
from scipy import signal

from musiclab import studio
from musiclab.studio.street.synthesis import (
    SAMPLE_RATE,
    Sound,
    Spans,
    drift,
    equalise,
    gate,
    n_samples,
    noise,
    prefer,
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

# How a phrase is spoken: syllables (least, most), seconds of each (least, most), pitch over the voice's middle.
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
    """Utter a voiced sound, shape (n,), of pitch ``f0`` (Hz) and loudness ``envelope``, both of shape (n,).

    Each of the ``formants`` (Hz) is 60 Hz plus 6 % of its frequency wide. ``breath`` is the level of the noise relative
    to the buzz, ``roughness`` the relative standard deviation of the pitch, drawn 60 times per second: 0.05 is hoarse.
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


def _arch(n, attack, release):
    """An envelope, shape (n,), up in ``attack`` and down in ``release``, both as fractions of its length."""
    t = np.linspace(0, 1, n)
    return np.clip(np.minimum(t / attack, (1 - t) / release), 0, 1) ** 1.5


def _phrase(rng, pitch, scale, manner):
    """Utter a phrase without words, shape (n,), in one of the ``MANNERS``.

    ``pitch`` is the middle of the voice in Hz, ``scale`` the ratio of its formants to a man's: 1.15 for a woman, 1.2
    and up for a child.
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


def _talking(n, spans, rng, voices, pause):
    """Let voices talk in phrases within ``spans``, with pauses of ``pause`` s (least, most): shape (n,)."""
    x = np.zeros(n)
    for voice in voices:
        manners, odds = voice["manners"]
        for start, end in spans:
            time = start + rng.uniform(0, 0.6 * pause[1]) * (voice is not voices[0])  # somebody speaks at once
            while time < end - 0.1:
                spoken = _phrase(rng, voice["pitch"], voice["scale"], str(rng.choice(manners, p=odds)))
                first, last = n_samples(time), min(n_samples(end), n_samples(time) + len(spoken), n)
                spoken = spoken[: max(last - first, 0)]
                fade = min(len(spoken), 220)  # 10 ms, for a phrase cut off by the end of the span
                spoken[len(spoken) - fade :] *= np.linspace(1, 0, fade)
                x[first : first + len(spoken)] += voice["level"] * spoken
                time += len(spoken) / SAMPLE_RATE + rng.uniform(*pause)
    return x


def murmur(seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Let adults talk some way off, shape (n,), unit RMS: part of a street's background."""
    voices = [
        {"pitch": pitch, "scale": 1.0 if pitch < 150 else 1.15, "level": 1.0, "manners": (("talk",), (1.0,))}
        for pitch in rng.uniform(90, 240, 3)
    ]
    x = _talking(n_samples(seconds), [(0, seconds)], rng, voices, (0.1, 1.2))
    x = reverberate(equalise(x, [(200, 0), (1500, -3), (6000, -20)]), rng, 0.7, 1.0)
    return x / rms(x)


def children_playing(spans: Spans, seconds: float, rng: np.random.Generator, *, children: int | None = None) -> Sound:
    """Let 2 to 5 ``children`` call, laugh and scream at once in a playground that echoes.

    The truth holds ``children`` and ``pitches``, the middle pitch of each in Hz.
    """
    n = n_samples(seconds)
    children = prefer(children, int(rng.integers(2, 6)))
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
    """Bark: a pitch that leaps up and falls, rough folds, breath, and the formants of a muzzle.

    ``pitch`` is the top of a bark's pitch, 220 (a mastiff) to 1000 Hz (a terrier); length and formants follow from it.
    The truth holds ``pitch`` and ``barks``, their spans.
    """
    n = n_samples(seconds)
    pitch = prefer(pitch, float(220 * (1000 / 220) ** rng.random()))
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
    return Sound(x, {"pitch": pitch, "barks": barks})


def street_music(spans: Spans, seconds: float, rng: np.random.Generator, *, genre: str | None = None) -> Sound:
    """Play a Studio track of a ``genre`` from across a square, dulled by distance, amid the talk of a crowd.

    The truth holds ``genre`` and ``track_seed``, with which ``studio.render`` plays it again.
    """
    genres = list(studio.GENRES)
    genre = prefer(genre, genres[rng.integers(len(genres))])
    track_seed = int(rng.integers(2**31))
    x = studio.render(genre, track_seed, seconds=seconds).waveform.astype(float)
    x = equalise(x, [(60, -12), (200, 0), (2000, 0), (9000, rng.uniform(-24, -6))])
    x = reverberate(x / rms(x), rng, rng.uniform(0.4, 1.2), rng.uniform(0.2, 0.8))
    x += rng.uniform(0.02, 0.25) * murmur(seconds, rng)
    return Sound(x * gate(len(x), spans, 0.1, 0.2), {"genre": genre, "track_seed": track_seed})
