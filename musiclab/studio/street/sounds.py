"""Synthesise the ten classes of city sounds: seven machines, children, dogs and a street band.

The function of a class takes the spans (start and end in s) in which the sound occurs, the length of the recording in
s, and a random generator that draws every setting left at None. The ``truth`` of the result contains all settings.
Draws whose number depends on a rate use their own random stream (``events``), so that you hear the same machine at any
rate.

Machines turn or strike at a certain rate and make other bodies resonate. Voices are a buzz (the vocal folds) and
breath, filtered by formants (the resonances of mouth and nose). Because a child's vocal tract is short, its formants
are about a third higher than a man's.
"""

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from scipy import signal

from musiclab import studio
from musiclab.core.checks import check_known
from musiclab.core.errors import DatasetError
from musiclab.studio.street.synthesis import (
    SAMPLE_RATE,
    RenderedSound,
    Spans,
    drift,
    equalise,
    gate,
    hits,
    n_samples,
    noise,
    prefer,
    reverberate,
    ringing,
    rms,
    stretches,
    wavetable,
    wavetable_at,
)
from musiclab.studio.voices import VOWELS

SPEED_OF_SOUND = 343.0  # m/s
SIREN_PERIODS = {"wail": (2.5, 6.0), "yelp": (0.25, 0.45), "hi-lo": (0.9, 1.5)}  # shortest and longest, in seconds

SPOKEN = ("i", "e", "ae", "a", "o", "u")  # vowels of speech, names in VOWELS

# Syllables per phrase (lowest, highest), seconds per syllable (lowest, highest), factor on the voice's mean pitch.
MANNERS = {
    "talk": ((2, 6), (0.1, 0.24), 1.0),
    "shout": ((1, 3), (0.18, 0.5), 1.35),
    "laugh": ((4, 8), (0.07, 0.12), 1.2),
    "scream": ((1, 1), (0.5, 1.1), 2.2),
}


def air_conditioner(spans: Spans, seconds: float, rng: Generator, *, mains: float | None = None) -> RenderedSound:
    """Synthesise an air conditioner: mains hum, a fan's blade tone and air through a grille, with slow beats.

    ``mains`` is the mains frequency, 50 or 60 Hz. The hum is at twice that frequency, because both half waves attract
    iron. ``truth`` contains ``mains`` and ``blade_tone`` (Hz).
    """
    n = n_samples(seconds)
    mains = prefer(mains, float(rng.choice([50.0, 60.0])))
    events = rng.spawn(1)[0]
    # A motor with two or four poles turns a little slower than the mains (slip).
    blade_tone = mains / rng.choice([2, 4]) * rng.uniform(0.93, 0.98) * rng.integers(3, 8)
    hum = wavetable(np.full(n, 2 * mains), rng.uniform(0.2, 1, 14) / np.arange(1, 15) ** 0.9)
    fan = wavetable(blade_tone * (1 + 0.002 * drift(n, rng, 1.0)), rng.uniform(0.2, 1, 6) / np.arange(1, 7))
    grille = rng.uniform(300, 2500)
    resonance = [(grille * 0.6, -8), (grille, -4), (grille * 1.7, -13)]
    air = noise(n, rng, [(60, -2), (150, 0), *resonance, (9000, rng.uniform(-45, -28))])
    air *= 1 + 0.12 * drift(n, rng, 3.0)
    x = rng.uniform(0.3, 1.1) * hum / rms(hum) + rng.uniform(0.1, 0.6) * fan / rms(fan) + air
    if rng.random() < 0.35:  # a loose panel that rattles once per turn
        times = np.arange(0, seconds, 4 / mains)
        panel = ringing(rng.uniform(700, 3500, 4), [0.02] * 4, [1.0] * 4)
        rattle = hits(n, times + events.normal(0, 0.002, len(times)), events.uniform(0, 1, len(times)), panel)
        x += rng.uniform(0.1, 0.4) * rattle / rms(rattle) * np.clip(drift(n, rng, 0.7), 0, None)
    beat = 1 + rng.uniform(0.03, 0.2) * np.sin(2 * np.pi * rng.uniform(0.2, 1.5) * np.arange(n) / SAMPLE_RATE)
    return RenderedSound(x * beat * gate(n, spans, 0.15, 0.2), {"mains": mains, "blade_tone": float(blade_tone)})


def drilling(spans: Spans, seconds: float, rng: Generator, *, whine: float | None = None) -> RenderedSound:
    """Synthesise a drill: a motor that slows down under load, the noise of the bit, and in half of the cases hammering.

    ``whine`` is the fundamental of the motor at full speed, 140 to 520 Hz. ``truth`` contains ``whine``, ``blows`` (the
    hammer's rate in Hz, or 0) and ``bursts``, the spans of drilling.
    """
    n = n_samples(seconds)
    whine = prefer(whine, float(rng.uniform(140, 520)))
    blows = float(rng.uniform(26, 55)) if rng.random() < 0.5 else 0.0
    bursts = stretches(spans, rng, on=(0.9, 3.5), off=(0.15, rng.uniform(0.4, 2.0)))
    running = gate(n, bursts, rng.uniform(0.08, 0.3), rng.uniform(0.15, 0.4))
    load = np.clip(0.5 + 0.35 * drift(n, rng, 2.5), 0, 1) * running
    speed = whine * (0.35 + 0.65 * running) * (1 - 0.14 * load)
    motor = wavetable(speed, rng.uniform(0.15, 1, 40) / np.arange(1, 41) ** rng.uniform(0.5, 1.0))
    bite = rng.uniform(1500, 4500)
    cut = noise(n, rng, [(150, -26), (500, -14), (bite, 0), (bite * 1.8, -8), (10000, rng.uniform(-26, -12))])
    cut *= (0.25 + load) * (1 + 0.5 * wavetable(speed / 6, [1.0, 0.4]))  # the bit turns six times slower than the motor
    x = running * (rng.uniform(0.5, 1.1) * motor / rms(motor) + rng.uniform(0.5, 1.2) * cut / rms(cut))
    if blows:
        times = np.arange(0, seconds, 1 / blows)
        masonry = ringing(rng.uniform(250, 5000, 7), rng.uniform(0.01, 0.05, 7), rng.uniform(0.3, 1, 7))
        hammering = hits(n, times, rng.uniform(0.7, 1, len(times)), masonry) * load
        x += rng.uniform(0.6, 1.3) * hammering / rms(hammering)
    return RenderedSound(x, {"whine": whine, "blows": blows, "bursts": bursts})


def engine_idling(
    spans: Spans, seconds: float, rng: Generator, *, rpm: float | None = None, cylinders: int | None = None
) -> RenderedSound:
    """Synthesise an idling four-stroke engine: exhaust pulses through a resonant pipe, and noise of valves and intake.

    ``rpm`` is 600 to 1150 turns per minute, ``cylinders`` is 2 to 8. ``truth`` contains both and ``firing_rate`` (Hz) =
    rpm / 60 * cylinders / 2, because each cylinder fires once every two turns.
    """
    n = n_samples(seconds)
    rpm = prefer(rpm, float(rng.uniform(600, 1150)))
    cylinders = prefer(cylinders, int(rng.choice([2, 4, 4, 4, 6, 8])))
    events = rng.spawn(1)[0]
    firing_rate = rpm / 60 * cylinders / 2
    cycle = np.cumsum(firing_rate * (1 + 0.012 * drift(n, rng, 1.5) + 0.006 * drift(n, rng, 9.0))) / SAMPLE_RATE
    count = int(cycle[-1])
    times = np.interp(np.arange(1, count + 1), cycle, np.arange(n)) / SAMPLE_RATE
    # Cylinders differ in strength, so the sound repeats once per engine cycle and not at every firing.
    strengths = events.uniform(1 - rng.uniform(0.05, 0.5), 1, cylinders)
    gains = np.resize(strengths, count) * (1 + 0.08 * events.standard_normal(count))
    modes = np.array([55, 110, 210, 420, 900]) * rng.uniform(0.75, 1.35, 5)
    pipe = ringing(modes, rng.uniform(0.02, 0.09, 5), [1.0, 0.9, *rng.uniform(0.1, 0.8, 3)])
    exhaust = hits(n, times, gains, pipe)
    click = rng.uniform(1200, 4000)
    valves = noise(n, rng, [(300, -30), (click, 0), (click * 2, -8), (10000, -24)])
    valves *= hits(n, times, gains, np.exp(-np.arange(400) / rng.uniform(25, 90)))
    intake = noise(n, rng, [(60, 0), (300, -6), (1500, -18), (8000, -36)])
    x = exhaust / rms(exhaust) + rng.uniform(0.08, 0.6) * valves / rms(valves) + rng.uniform(0.1, 0.4) * intake
    truth = {"rpm": rpm, "cylinders": cylinders, "firing_rate": firing_rate}
    return RenderedSound(x * gate(n, spans, 0.12, 0.2), truth)


def jackhammer(spans: Spans, seconds: float, rng: Generator, *, rate: float | None = None) -> RenderedSound:
    """Synthesise a jackhammer: a ringing chisel, thumps of the ground, hissing exhaust and rattling debris.

    ``rate`` is 9 to 22 impacts per second. ``truth`` contains ``rate``, ``modes`` (resonances of the chisel in Hz) and
    ``bursts``, the spans of hammering.
    """
    n = n_samples(seconds)
    rate = prefer(rate, float(rng.uniform(9, 22)))
    events = rng.spawn(1)[0]
    bursts = stretches(spans, rng, on=(1.2, 5.0), off=(0.2, rng.uniform(0.4, 2.0)))
    times = np.concatenate([np.arange(start, end - 0.03, 1 / rate) for start, end in bursts])
    times += events.normal(0, 0.012 / rate, len(times))
    gains = events.uniform(0.75, 1, len(times))
    modes = np.sort(rng.uniform(500, 6500, 8))
    chisel = hits(n, times, gains, ringing(modes, rng.uniform(0.02, 0.12, 8), rng.uniform(0.2, 1, 8)))
    ground = hits(n, times, gains, ringing(rng.uniform(60, 240, 3), [0.07, 0.06, 0.05], [1.0, 0.8, 0.6]))
    puff = np.convolve(np.exp(-np.arange(1200) / rng.uniform(120, 350)), np.hanning(120) / 60)
    hiss = noise(n, rng, [(200, -18), (rng.uniform(900, 3000), 0), (9000, -10)]) * hits(n, times, gains, puff)
    rubble = rng.random(int(seconds * 90)) * seconds
    rattle = hits(n, rubble, rng.exponential(1, len(rubble)), ringing(rng.uniform(1500, 7000, 5), [0.01] * 5, [1] * 5))
    x = rng.uniform(0.5, 1.1) * chisel / rms(chisel) + rng.uniform(0.4, 1.1) * ground / rms(ground)
    x += rng.uniform(0.3, 0.9) * hiss / rms(hiss) + 0.15 * rattle / rms(rattle) * gate(n, bursts, 0.05, 0.05)
    return RenderedSound(x, {"rate": rate, "modes": modes.round(1).tolist(), "bursts": bursts})


def car_horn(spans: Spans, seconds: float, rng: Generator, *, tones: Sequence[float] | None = None) -> RenderedSound:
    """Synthesise a car horn with one to three vibrating plates, each in a flared horn.

    ``tones`` are the fundamentals: one of 290 to 470 Hz, usually with a third and sometimes a fifth above it. ``truth``
    contains ``tones`` and ``honks``, the spans of honking.
    """
    n = n_samples(seconds)
    chord = [(1, 1.26), (1, 1.19), (1, 1.25), (1, 1.26, 1.5), (1,)][rng.integers(5)]
    tones = prefer(tones, rng.uniform(290, 470) * np.array(chord))
    # From short, frequent honks to leaning on the horn.
    on, off = [((0.12, 0.35), (0.08, 0.3)), ((0.4, 1.2), (0.15, 0.6)), ((1.5, 4.0), (0.3, 0.6))][rng.integers(3)]
    honks = stretches(spans, rng, on, np.multiply(off, np.exp(rng.uniform(0, np.log(3)))))
    pressed = gate(n, honks, 0.025, 0.05)
    bell = rng.uniform(1800, 3600)  # Hz: centre of the broad band that the flare radiates best
    partials = np.arange(1, 33)
    x = np.zeros(n)
    for tone in tones:
        amplitudes = 1 / (1 + ((tone * partials - bell) / (0.5 * bell)) ** 2) + 0.35 / partials
        # The plate starts a little flat.
        frequency = tone * (0.97 + 0.03 * np.sqrt(pressed)) * (1 + 0.0006 * rng.standard_normal())
        x += rng.uniform(0.5, 1) * wavetable(frequency, amplitudes * rng.uniform(0.5, 1, 32))
    return RenderedSound(x * pressed, {"tones": [float(tone) for tone in tones], "honks": honks})


def gun_shot(spans: Spans, seconds: float, rng: Generator, *, shots: Sequence[float] | None = None) -> RenderedSound:
    """Synthesise gunshots: muzzle blast, sometimes the crack of the bullet, echoes from walls and a decaying tail.

    The blast is a Friedlander wave, p(t) = (1 - t/T) exp(-t/T), the standard model of an explosion. The crack of a
    supersonic bullet is an N-wave and precedes the blast. ``shots`` are times in s: by default single shots or
    automatic fire from the start of each span. ``truth`` contains ``shots`` and ``supersonic`` (bool).
    """
    n = n_samples(seconds)
    automatic, rate = rng.random() < 0.3, rng.uniform(8, 13)
    shots = np.asarray(prefer(shots, _volleys(spans, rng.spawn(1)[0], rate if automatic else 0.0)), dtype=float)
    supersonic = bool(rng.random() < 0.4)
    t = np.arange(n_samples(rng.uniform(0.5, 1.4))) / SAMPLE_RATE
    width = rng.uniform(0.0004, 0.003)
    shot = 14 * (1 - t / width) * np.exp(-t / width)
    if supersonic:
        lead, crack = n_samples(rng.uniform(0.005, 0.05)), np.linspace(1, -1, 7)  # 7 samples are 0.3 ms
        shot = np.concatenate([np.zeros(lead), shot])
        shot[:7] += 6 * crack
        t = np.arange(len(shot)) / SAMPLE_RATE
    for _ in range(rng.integers(3, 9)):  # rough walls, which blur each echo over 300 samples (14 ms)
        wall = n_samples(rng.uniform(0.015, 0.3))
        echo = noise(300, rng, [(80, 0), (800, 0), (6000, -20)]) * np.exp(-np.arange(300) / 60)
        shot[wall : wall + 300] += rng.uniform(0.5, 2.5) * echo
    dull = rng.uniform(300, 1500)
    tail = noise(len(t), rng, [(60, -3), (150, 0), (dull, -4), (8000, -34)]) * np.exp(-6.9 * t / t[-1])
    shot = shot + np.exp(rng.uniform(np.log(0.1), np.log(2.5))) * tail
    shot = equalise(shot, [(40, -12), (90, 0), (4000, 0), (10000, rng.uniform(-14, -3))])
    x = hits(n, shots, np.ones(len(shots)), shot)
    return RenderedSound(x, {"shots": shots.round(4).tolist(), "supersonic": supersonic})


def _volleys(spans, rng, rate):
    """Draw the times (s) of shots within ``spans``: volleys at ``rate`` Hz, or single shots if ``rate`` is 0."""
    shots = []
    for start, end in spans:
        time = start + 0.03
        while time < end - 0.1:
            volley = [time + k / rate for k in range(rng.integers(3, 9))] if rate else [time]
            shots += [shot for shot in volley if shot < end - 0.05]
            time = volley[-1] + rng.uniform(0.45, 2.4)
    return shots


def siren(
    spans: Spans,
    seconds: float,
    rng: Generator,
    *,
    kind: str | None = None,
    low: float | None = None,
    high: float | None = None,
    period: float | None = None,
    speed: float | None = None,
) -> RenderedSound:
    """Synthesise the siren of a passing vehicle, with Doppler shift and echoes from houses.

    ``kind`` is "wail" (a slow sweep), "yelp" (a fast sweep) or "hi-lo" (two alternating tones), between ``low`` and
    ``high`` Hz. ``period`` is the time in s from one low to the next, ``speed`` the speed of the vehicle, 0 to 22 m/s.
    ``truth`` contains all five. An unknown ``kind`` raises :class:`DatasetError`.
    """
    n = n_samples(seconds)
    kind = prefer(kind, str(rng.choice(list(SIREN_PERIODS), p=[0.45, 0.3, 0.25])))
    check_known(kind, SIREN_PERIODS, "a kind of siren", DatasetError)
    low = prefer(low, float(rng.uniform(380, 480) if kind == "hi-lo" else rng.uniform(450, 700)))
    high = prefer(high, float(low * (rng.uniform(1.25, 1.4) if kind == "hi-lo" else rng.uniform(1.7, 2.4))))
    period = prefer(period, float(rng.uniform(*SIREN_PERIODS[kind])))
    speed = prefer(speed, float(rng.choice([0.0, rng.uniform(6, 22)])))

    # The sweep runs on the clock of the siren and starts 1 s before the recording, because sound takes time to arrive.
    siren_time = np.arange(-SAMPLE_RATE, n) / SAMPLE_RATE
    turn = (siren_time / period + rng.random()) % 1
    if kind == "hi-lo":
        up = (turn > 0.5).astype(float)
    else:
        rise = rng.uniform(0.35, 0.7) if kind == "wail" else 0.5
        up = np.where(turn < rise, turn / rise, (1 - turn) / (1 - rise))
        up = np.sin(np.pi / 2 * up) if kind == "wail" else up  # the sweep of a wail slows down at the top
    frequency = low * (high / low) ** up
    cycles = np.cumsum(frequency) / SAMPLE_RATE

    t = np.arange(n) / SAMPLE_RATE
    aside = rng.uniform(5, 25)  # metres from the road
    passing_time = rng.uniform(-0.3, 1.3) * seconds
    distance = np.minimum(np.hypot(aside, speed * (t - passing_time)), 300.0)  # metres; a delay of at most 0.87 s
    phase = np.interp(t - distance / SPEED_OF_SOUND, siren_time, cycles)  # the changing delay causes the Doppler shift
    partials = np.arange(1, 20)
    throat = rng.uniform(1000, 2500)
    amplitudes = np.where(partials % 2, 1.0, rng.uniform(0.1, 0.6)) / partials ** rng.uniform(0.7, 1.2)
    amplitudes = amplitudes / (1 + ((partials * np.sqrt(low * high) - throat) / throat) ** 2)
    x = wavetable_at(phase, amplitudes, 1.1 * high) * (aside / distance) ** 0.5  # less than 1/r: automatic gain control
    x *= gate(n, spans, 0.1, 0.15)
    for _ in range(3):
        delay = n_samples(rng.uniform(0.08, 0.4))
        x[delay:] += rng.uniform(0.1, 0.4) * x[:-delay]
    return RenderedSound(x / rms(x), {"kind": kind, "low": low, "high": high, "period": period, "speed": speed})


def utterance(
    f0: np.ndarray,
    envelope: np.ndarray,
    formants: Sequence[float],
    rng: Generator,
    *,
    breath: float = 0.1,
    roughness: float = 0.0,
    slope: float = 0.7,
) -> np.ndarray:
    """Synthesise a voiced sound with pitch ``f0`` (Hz) and amplitude ``envelope``, all of shape (n,).

    ``formants`` are in Hz; the bandwidth of a formant is 60 Hz plus 6 % of its frequency. ``breath`` is the level of
    the noise relative to the buzz. ``roughness`` is the relative standard deviation of the pitch, drawn 60 times per
    second; 0.05 sounds hoarse. Partial k of the buzz has the amplitude k ** -``slope``.
    """
    n = len(f0)
    if roughness:
        f0 = f0 * (1 + roughness * np.clip(drift(n, rng, 60.0), -2, 2))
    source = wavetable(f0, 1 / np.arange(1, 61) ** slope)
    source = source / rms(source) + breath * rng.standard_normal(n)
    sections = []
    for formant in formants:
        radius = np.exp(-np.pi * (60 + 0.06 * formant) / SAMPLE_RATE)
        a1, a2 = -2 * radius * np.cos(2 * np.pi * formant / SAMPLE_RATE), radius**2
        sections.append([1 + a1 + a2, 0, 0, 1, a1, a2])  # resonator with unit gain at 0 Hz (Klatt 1980)
    x = signal.sosfilt(sections, source) * envelope
    return x / max(np.max(np.abs(x)), 1e-9) * np.max(envelope)


def _arch(n, attack, release):
    """Compute an envelope, shape (n,); ``attack`` and ``release`` are fractions of its length."""
    t = np.linspace(0, 1, n)
    return np.clip(np.minimum(t / attack, (1 - t) / release), 0, 1) ** 1.5


def _phrase(rng, pitch, scale, manner):
    """Synthesise a phrase without words, shape (n,), in one of the ``MANNERS``.

    ``pitch`` is the mean pitch of the voice in Hz. ``scale`` is the ratio of its formants to those of a man: 1.15 for a
    woman, 1.2 or more for a child.
    """
    syllables, syllable_seconds, pitch_factor = MANNERS[manner]
    pieces = []
    for syllable in range(rng.integers(*syllables, endpoint=True)):
        n = n_samples(rng.uniform(*syllable_seconds))
        t = np.linspace(0, 1, n)
        bend = rng.uniform(-0.25, 0.25) * t + rng.uniform(0.05, 0.3) * np.sin(np.pi * t)
        f0 = pitch * pitch_factor * 2 ** (bend + 0.12 * rng.standard_normal() - 0.06 * syllable)
        vowel = "a" if manner == "laugh" else SPOKEN[rng.integers(len(SPOKEN))]
        formants = scale * np.array([*VOWELS[vowel], 3500, 4500, 5500, 6500])
        voiced = utterance(f0, _arch(n, 0.15, 0.35), formants, rng, breath=0.5 if manner == "laugh" else 0.08)
        if manner != "scream" and rng.random() < 0.35:  # hiss of a consonant before the vowel
            m = n_samples(rng.uniform(0.03, 0.09))
            hiss = noise(m, rng, [(1000, -30), (2500 * scale, 0), (9000, -8)]) * np.hanning(m)
            pieces.append(0.12 * hiss)
        pieces.append(voiced * rng.uniform(0.6, 1))
        pieces.append(np.zeros(n_samples(rng.uniform(0.05, 0.1) if manner == "laugh" else rng.uniform(0.0, 0.06))))
    return np.concatenate(pieces)


def _talking(n, spans, rng, voices, pause):
    """Synthesise talking voices within ``spans``, shape (n,), with pauses of ``pause`` s (shortest, longest)."""
    x = np.zeros(n)
    for voice in voices:
        manners, weights = voice["manners"]
        for start, end in spans:
            time = start + rng.uniform(0, 0.6 * pause[1]) * (voice is not voices[0])  # the first voice starts at once
            while time < end - 0.1:
                phrase = _phrase(rng, voice["pitch"], voice["scale"], str(rng.choice(manners, p=weights)))
                first, last = n_samples(time), min(n_samples(end), n_samples(time) + len(phrase), n)
                phrase = phrase[: max(last - first, 0)]
                fade = min(len(phrase), 220)  # 10 ms, in case the end of the span cuts off the phrase
                phrase[len(phrase) - fade :] *= np.linspace(1, 0, fade)
                x[first : first + len(phrase)] += voice["level"] * phrase
                time += len(phrase) / SAMPLE_RATE + rng.uniform(*pause)
    return x


def murmur(seconds: float, rng: Generator) -> np.ndarray:
    """Synthesise adults who talk in the distance, shape (n,), with unit RMS."""
    voices = [
        {"pitch": pitch, "scale": 1.0 if pitch < 150 else 1.15, "level": 1.0, "manners": (("talk",), (1.0,))}
        for pitch in rng.uniform(90, 240, 3)
    ]
    x = _talking(n_samples(seconds), [(0, seconds)], rng, voices, (0.1, 1.2))
    x = reverberate(equalise(x, [(200, 0), (1500, -3), (6000, -20)]), rng, 0.7, 1.0)
    return x / rms(x)


def children_playing(spans: Spans, seconds: float, rng: Generator, *, children: int | None = None) -> RenderedSound:
    """Synthesise 2 to 5 ``children`` who talk, shout, laugh and scream in a reverberant playground.

    ``truth`` contains ``children`` and ``pitches``, the mean pitch of each child in Hz.
    """
    n = n_samples(seconds)
    children = prefer(children, int(rng.integers(2, 6)))
    pitches = rng.uniform(250, 500, children)
    screams = rng.uniform(0.02, 0.2)
    manners = (("talk", "shout", "laugh", "scream"), (0.4, 0.45 - screams, 0.15, screams))
    voices = [
        {"pitch": pitch, "scale": rng.uniform(1.2, 1.45), "level": rng.uniform(0.3, 1), "manners": manners}
        for pitch in pitches
    ]
    x = _talking(n, spans, rng, voices, (0.1, rng.uniform(0.5, 2.5)))
    x = reverberate(x, rng, rng.uniform(0.2, 1.2), rng.uniform(0.05, 0.9))
    return RenderedSound(x, {"children": children, "pitches": pitches.round(1).tolist()})


def dog_bark(spans: Spans, seconds: float, rng: Generator, *, pitch: float | None = None) -> RenderedSound:
    """Synthesise one to three dogs that bark, and now and then growl or whine.

    ``pitch`` is the highest pitch of the first dog's barks, from 260 Hz (a mastiff) to 1400 Hz (a terrier); it also
    determines duration and formants. ``truth`` contains ``pitch``, ``barks``, the spans of the first dog's sounds, and
    ``dogs``.
    """
    n = n_samples(seconds)
    drawn, others = 260 * (1400 / 260) ** rng.random(), int(np.count_nonzero(rng.random(2) < 0.15))
    pitch = prefer(pitch, float(drawn))
    first, *other_dogs = rng.spawn(1 + others)
    x, barks = _dog(n, spans, first, pitch)
    for dog in other_dogs:
        x += dog.uniform(0.1, 0.8) * _dog(n, spans, dog, 260 * (1400 / 260) ** dog.random())[0]
    return RenderedSound(x, {"pitch": pitch, "barks": barks, "dogs": 1 + others})


def _dog(n, spans, rng, pitch):
    """Synthesise a dog within ``spans``; return its waveform, shape (n,), and the spans of its sounds.

    A bark is a rough, breathy voice whose pitch rises quickly and falls.
    """
    smallness = np.log(pitch / 260) / np.log(1400 / 260)  # 0 for a mastiff, 1 for a terrier
    length = (0.28 - 0.16 * smallness) * rng.uniform(0.7, 1.4)  # seconds
    formants = np.array([480, 1150, 2600, 3900, 5200, 6500]) * (1 + 0.6 * smallness) * rng.uniform(0.8, 1.5, 6)
    roughness, breath, slope = rng.uniform(0.0, 0.08), rng.uniform(0.05, 0.8), rng.uniform(0.0, 1.2)
    attack, release, lowest = rng.uniform(0.04, 0.25), rng.uniform(0.3, 0.7), rng.uniform(0.45, 0.85)
    pause = np.exp(rng.uniform(np.log(0.07), np.log(1.6)))  # seconds
    growls, whines = 0.4 * rng.random(2) ** 3  # most dogs hardly ever do
    x, barks = np.zeros(n), []
    for start, end in spans:
        while end - start > 0.08:
            manner = rng.choice(["growl", "whine", "bark"], p=[growls, whines, 1 - growls - whines])
            # Factors on pitch, strength and length, and the roughness.
            factor, strength, stretch, rough = {
                "growl": (0.25, 0.5, 3, 0.12),
                "whine": (1.3, 0.3, 2, 0.0),
                "bark": (1, 1, 1, roughness),
            }[manner]
            stop = min(end, start + length * stretch * rng.uniform(0.7, 1.3))
            stop = end if end - stop < 0.08 else stop
            m = min(n_samples(stop - start), n - n_samples(start))
            rise = np.sin(np.pi * np.clip(np.linspace(0, 1.1, m), 0, 1)) ** 0.7
            f0 = factor * pitch * rng.uniform(0.85, 1.0) * (lowest + (1 - lowest) * rise)
            bark = utterance(f0, _arch(m, attack, release), formants, rng, breath=breath, roughness=rough, slope=slope)
            x[n_samples(start) : n_samples(start) + m] += strength * rng.uniform(0.5, 1) * bark
            barks.append([start, stop])
            start = stop + pause * rng.uniform(0.5, 1.5) + (rng.random() < 0.1) * rng.uniform(0.5, 2.0)
    return x, barks


def street_music(spans: Spans, seconds: float, rng: Generator, *, genre: str | None = None) -> RenderedSound:
    """Render a Studio track of ``genre`` as street music: at a distance, with reverberation and a murmuring crowd.

    ``truth`` contains ``genre`` and ``track_seed``, the arguments with which ``studio.render`` reproduces the track.
    """
    genres = list(studio.GENRES)
    genre = prefer(genre, genres[rng.integers(len(genres))])
    track_seed = int(rng.integers(2**31))
    x = studio.render(genre, track_seed, seconds=seconds).waveform.astype(float)
    x = equalise(x, [(60, -12), (200, 0), (2000, 0), (9000, rng.uniform(-24, -6))])
    x = reverberate(x / rms(x), rng, rng.uniform(0.4, 1.2), rng.uniform(0.2, 0.8))
    x += rng.uniform(0.02, 0.25) * murmur(seconds, rng)
    return RenderedSound(x * gate(len(x), spans, 0.1, 0.2), {"genre": genre, "track_seed": track_seed})
