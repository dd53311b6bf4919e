"""Seven machines: sounds that hum, drill, idle, hammer, honk, shoot and wail.

Each function takes the spans (start and end, s) in which the machine runs, the length of the recording (s) and a random
generator, which draws every setting left at None; the sound's ``truth`` holds all settings. A machine is one thing that
turns or strikes at a rate, and the bodies that ring with it. Draws whose count depends on the rate have a stream of
their own (``events``), so that another rate is the same machine at another rate.
"""

from collections.abc import Sequence

import numpy as np

from musiclab.core.checks import check_known
from musiclab.core.errors import DatasetError
from musiclab.studio.street.synthesis import (
    SAMPLE_RATE,
    Sound,
    Spans,
    drift,
    equalise,
    gate,
    hits,
    n_samples,
    noise,
    prefer,
    ringing,
    rms,
    stretches,
    wavetable,
    wavetable_at,
)

SPEED_OF_SOUND = 343.0  # m/s
SIREN_PERIODS = {"wail": (2.5, 6.0), "yelp": (0.25, 0.45), "hi-lo": (0.9, 1.5)}  # seconds: least and most


def air_conditioner(spans: Spans, seconds: float, rng: np.random.Generator, *, mains: float | None = None) -> Sound:
    """Hum at the mains' even harmonics, with the fan's blade tone and air through a grille, slowly beating.

    ``mains`` is 50 or 60 Hz. The hum is at twice that, because iron is pulled at both half waves. The truth holds
    ``mains`` and ``blade_tone`` (Hz).
    """
    n = n_samples(seconds)
    mains = prefer(mains, float(rng.choice([50.0, 60.0])))
    events = rng.spawn(1)[0]
    # A two- or four-pole motor turns a little slower than the mains (slip), geared by its belt.
    blade_tone = mains / rng.choice([2, 4]) * rng.uniform(0.93, 0.98) * rng.integers(3, 8)
    hum = wavetable(np.full(n, 2 * mains), rng.uniform(0.2, 1, 14) / np.arange(1, 15) ** 0.9)
    fan = wavetable(blade_tone * (1 + 0.002 * drift(n, rng, 1.0)), rng.uniform(0.2, 1, 6) / np.arange(1, 7))
    grille = rng.uniform(300, 2500)
    around = [(grille * 0.6, -8), (grille, -4), (grille * 1.7, -13)]
    air = noise(n, rng, [(60, -2), (150, 0), *around, (9000, rng.uniform(-45, -28))])
    air *= 1 + 0.12 * drift(n, rng, 3.0)
    x = rng.uniform(0.3, 1.1) * hum / rms(hum) + rng.uniform(0.1, 0.6) * fan / rms(fan) + air
    if rng.random() < 0.35:  # a loose panel, rattling once per turn
        turn = np.arange(0, seconds, 4 / mains)
        panel = ringing(rng.uniform(700, 3500, 4), [0.02] * 4, [1.0] * 4)
        rattle = hits(n, turn + events.normal(0, 0.002, len(turn)), events.uniform(0, 1, len(turn)), panel)
        x += rng.uniform(0.1, 0.4) * rattle / rms(rattle) * np.clip(drift(n, rng, 0.7), 0, None)
    beat = 1 + rng.uniform(0.03, 0.2) * np.sin(2 * np.pi * rng.uniform(0.2, 1.5) * np.arange(n) / SAMPLE_RATE)
    return Sound(x * beat * gate(n, spans, 0.15, 0.2), {"mains": mains, "blade_tone": float(blade_tone)})


def drilling(spans: Spans, seconds: float, rng: np.random.Generator, *, whine: float | None = None) -> Sound:
    """Drill: a motor's whine that sags under load, the bit's broad noise, and in half of the drills a hammer's blows.

    ``whine`` is the fundamental of the motor at full speed, 140 to 520 Hz. The truth holds ``whine``, ``blows`` (Hz, 0
    without a hammer) and ``bursts``, the spans of drilling.
    """
    n = n_samples(seconds)
    whine = prefer(whine, float(rng.uniform(140, 520)))
    blows = float(rng.uniform(26, 55)) if rng.random() < 0.5 else 0.0
    bursts = stretches(spans, rng, on=(0.9, 3.5), off=(0.15, 0.6))
    running = gate(n, bursts, rng.uniform(0.08, 0.3), rng.uniform(0.15, 0.4))
    load = np.clip(0.5 + 0.35 * drift(n, rng, 2.5), 0, 1) * running
    speed = whine * (0.35 + 0.65 * running) * (1 - 0.14 * load)
    motor = wavetable(speed, rng.uniform(0.15, 1, 40) / np.arange(1, 41) ** rng.uniform(0.5, 1.0))
    bite = rng.uniform(1500, 4500)
    cut = noise(n, rng, [(150, -26), (500, -14), (bite, 0), (bite * 1.8, -8), (10000, rng.uniform(-26, -12))])
    cut *= (0.25 + load) * (1 + 0.5 * wavetable(speed / 6, [1.0, 0.4]))  # the bit turns slower than the motor
    x = running * (rng.uniform(0.5, 1.1) * motor / rms(motor) + rng.uniform(0.5, 1.2) * cut / rms(cut))
    if blows:
        times = np.arange(0, seconds, 1 / blows)
        masonry = ringing(rng.uniform(250, 5000, 7), rng.uniform(0.01, 0.05, 7), rng.uniform(0.3, 1, 7))
        struck = hits(n, times, rng.uniform(0.7, 1, len(times)), masonry) * load
        x += rng.uniform(0.6, 1.3) * struck / rms(struck)
    return Sound(x, {"whine": whine, "blows": blows, "bursts": bursts})


def engine_idling(
    spans: Spans, seconds: float, rng: np.random.Generator, *, rpm: float | None = None, cylinders: int | None = None
) -> Sound:
    """Idle: exhaust pulses at the firing rate through the pipe's resonances, and noise of valves and intake.

    ``rpm`` is 600 to 1150 turns per minute; ``cylinders``, of a four-stroke engine, 2 to 8. The truth holds both and
    ``firing_rate`` (Hz) = rpm / 60 * cylinders / 2, because each cylinder fires at every second turn.
    """
    n = n_samples(seconds)
    rpm = prefer(rpm, float(rng.uniform(600, 1150)))
    cylinders = prefer(cylinders, int(rng.choice([2, 4, 4, 4, 6, 8])))
    events = rng.spawn(1)[0]
    firing_rate = rpm / 60 * cylinders / 2
    cycle = np.cumsum(firing_rate * (1 + 0.012 * drift(n, rng, 1.5) + 0.006 * drift(n, rng, 9.0))) / SAMPLE_RATE
    count = int(cycle[-1])
    times = np.interp(np.arange(1, count + 1), cycle, np.arange(n)) / SAMPLE_RATE
    # No two cylinders are alike: the sound repeats at every cycle of the engine, not only at every firing.
    uneven = events.uniform(1 - rng.uniform(0.05, 0.5), 1, cylinders)
    gains = np.resize(uneven, count) * (1 + 0.08 * events.standard_normal(count))
    modes = np.array([55, 110, 210, 420, 900]) * rng.uniform(0.75, 1.35, 5)
    pipe = ringing(modes, rng.uniform(0.02, 0.09, 5), [1.0, 0.9, *rng.uniform(0.1, 0.8, 3)])
    exhaust = hits(n, times, gains, pipe)
    click = rng.uniform(1200, 4000)
    valves = noise(n, rng, [(300, -30), (click, 0), (click * 2, -8), (10000, -24)])
    valves *= hits(n, times, gains, np.exp(-np.arange(400) / rng.uniform(25, 90)))
    intake = noise(n, rng, [(60, 0), (300, -6), (1500, -18), (8000, -36)])
    x = exhaust / rms(exhaust) + rng.uniform(0.08, 0.6) * valves / rms(valves) + rng.uniform(0.1, 0.4) * intake
    truth = {"rpm": rpm, "cylinders": cylinders, "firing_rate": firing_rate}
    return Sound(x * gate(n, spans, 0.12, 0.2), truth)


def jackhammer(spans: Spans, seconds: float, rng: np.random.Generator, *, rate: float | None = None) -> Sound:
    """Hammer at a steady rate: the chisel's metal rings, the ground thumps, the exhaust hisses, debris rattles.

    ``rate`` is 9 to 22 impacts per second. The truth holds ``rate``, ``modes`` (Hz, of the chisel) and ``bursts``,
    the spans of hammering.
    """
    n = n_samples(seconds)
    rate = prefer(rate, float(rng.uniform(9, 22)))
    events = rng.spawn(1)[0]
    bursts = stretches(spans, rng, on=(1.2, 5.0), off=(0.2, 0.5))
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
    return Sound(x, {"rate": rate, "modes": modes.round(1).tolist(), "bursts": bursts})


def car_horn(spans: Spans, seconds: float, rng: np.random.Generator, *, tones: Sequence[float] | None = None) -> Sound:
    """Honk with one to three vibrating plates, each with a flared horn.

    ``tones`` are their fundamentals: one of 290 to 470 Hz, mostly with a third and at times a fifth above it. The
    truth holds ``tones`` and ``honks``, the spans of sounding.
    """
    n = n_samples(seconds)
    chord = [(1, 1.26), (1, 1.19), (1, 1.25), (1, 1.26, 1.5), (1,)][rng.integers(5)]
    tones = prefer(tones, rng.uniform(290, 470) * np.array(chord))
    # A driver honks short and often, or leans on it.
    on, off = [((0.12, 0.35), (0.08, 0.3)), ((0.4, 1.2), (0.15, 0.6)), ((1.5, 4.0), (0.3, 0.6))][rng.integers(3)]
    honks = stretches(spans, rng, on, off)
    pressed = gate(n, honks, 0.025, 0.05)
    bell = rng.uniform(1800, 3600)  # the flare passes a broad band best
    partials = np.arange(1, 33)
    x = np.zeros(n)
    for tone in tones:
        amplitudes = 1 / (1 + ((tone * partials - bell) / (0.5 * bell)) ** 2) + 0.35 / partials
        # The plate starts a little flat, and its amplitude is never quite even.
        frequency = tone * (0.97 + 0.03 * np.sqrt(pressed)) * (1 + 0.0006 * rng.standard_normal())
        x += rng.uniform(0.5, 1) * wavetable(frequency, amplitudes * rng.uniform(0.5, 1, 32))
    return Sound(x * pressed, {"tones": [float(tone) for tone in tones], "honks": honks})


def gun_shot(spans: Spans, seconds: float, rng: np.random.Generator, *, shots: Sequence[float] | None = None) -> Sound:
    """Shoot: the muzzle's blast, at times the bullet's crack before it, echoes from walls and a decaying tail.

    The blast is a Friedlander wave, p(t) = (1 - t/T) exp(-t/T), the textbook shape of a small explosion; the crack of
    a supersonic bullet has the shape of an N. ``shots`` are times in seconds: single shots or automatic fire from the
    start of each span. The truth holds ``shots`` and ``supersonic`` (bool).
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
    for _ in range(rng.integers(3, 9)):  # walls, rough and so blurred over 300 samples, 14 ms
        wall = n_samples(rng.uniform(0.015, 0.3))
        echo = noise(300, rng, [(80, 0), (800, 0), (6000, -20)]) * np.exp(-np.arange(300) / 60)
        shot[wall : wall + 300] += rng.uniform(0.5, 2.5) * echo
    dull = rng.uniform(300, 1500)
    tail = noise(len(t), rng, [(60, -3), (150, 0), (dull, -4), (8000, -34)]) * np.exp(-6.9 * t / t[-1])
    shot = shot + rng.uniform(0.5, 2.0) * tail
    shot = equalise(shot, [(40, -12), (90, 0), (4000, 0), (10000, rng.uniform(-14, -3))])
    x = hits(n, shots, np.ones(len(shots)), shot)
    return Sound(x, {"shots": shots.round(4).tolist(), "supersonic": supersonic})


def _volleys(spans, rng, rate):
    """Draw times (s) of shots within ``spans``, single or ``rate`` per second."""
    shots = []
    for start, end in spans:
        time = start + 0.03
        while time < end - 0.1:
            volley = [time + k / rate for k in range(rng.integers(3, 9))] if rate else [time]
            shots += [shot for shot in volley if shot < end - 0.05]
            time = volley[-1] + rng.uniform(0.45, 1.6)
    return shots


def siren(
    spans: Spans,
    seconds: float,
    rng: np.random.Generator,
    *,
    kind: str | None = None,
    low: float | None = None,
    high: float | None = None,
    period: float | None = None,
    speed: float | None = None,
) -> Sound:
    """Drive past with a siren: its sweep, the Doppler shift of its speed, an echo from the houses.

    ``kind`` is "wail" (a slow sweep), "yelp" (a fast one) or "hi-lo" (two tones in turn), between ``low`` and
    ``high`` Hz; ``period`` is in seconds, from one low to the next; ``speed`` is that of the vehicle, 0 to 22 m/s.
    The truth holds all five. Another ``kind`` raises :class:`DatasetError`.
    """
    n = n_samples(seconds)
    kind = prefer(kind, str(rng.choice(list(SIREN_PERIODS), p=[0.45, 0.3, 0.25])))
    check_known(kind, SIREN_PERIODS, "a kind of siren", DatasetError)
    low = prefer(low, float(rng.uniform(380, 480) if kind == "hi-lo" else rng.uniform(450, 700)))
    high = prefer(high, float(low * (rng.uniform(1.25, 1.4) if kind == "hi-lo" else rng.uniform(1.7, 2.4))))
    period = prefer(period, float(rng.uniform(*SIREN_PERIODS[kind])))
    speed = prefer(speed, float(rng.choice([0.0, rng.uniform(6, 22)])))

    # The sweep is laid out in the siren's own time, from 1 s before the recording: sound takes time to arrive.
    own_time = np.arange(-SAMPLE_RATE, n) / SAMPLE_RATE
    turn = (own_time / period + rng.random()) % 1
    if kind == "hi-lo":
        up = (turn > 0.5).astype(float)
    else:
        rise = rng.uniform(0.35, 0.7) if kind == "wail" else 0.5
        up = np.where(turn < rise, turn / rise, (1 - turn) / (1 - rise))
        up = np.sin(np.pi / 2 * up) if kind == "wail" else up  # a motor's wail bends over at the top
    frequency = low * (high / low) ** up
    cycles = np.cumsum(frequency) / SAMPLE_RATE

    t = np.arange(n) / SAMPLE_RATE
    aside = rng.uniform(5, 25)  # metres from the road
    passing = rng.uniform(-0.3, 1.3) * seconds  # time of passing by
    distance = np.minimum(np.hypot(aside, speed * (t - passing)), 300.0)  # at most 0.87 s away
    heard = np.interp(t - distance / SPEED_OF_SOUND, own_time, cycles)  # the Doppler shift is this delay changing
    partials = np.arange(1, 20)
    throat = rng.uniform(1000, 2500)
    amplitudes = np.where(partials % 2, 1.0, rng.uniform(0.1, 0.6)) / partials ** rng.uniform(0.7, 1.2)
    amplitudes = amplitudes / (1 + ((partials * np.sqrt(low * high) - throat) / throat) ** 2)
    x = wavetable_at(heard, amplitudes, 1.1 * high) * (aside / distance) ** 0.5  # softened: a recorder rides its level
    x *= gate(n, spans, 0.1, 0.15)
    for _ in range(3):
        late = n_samples(rng.uniform(0.08, 0.4))
        x[late:] += rng.uniform(0.1, 0.4) * x[:-late]
    return Sound(x / rms(x), {"kind": kind, "low": low, "high": high, "period": period, "speed": speed})
