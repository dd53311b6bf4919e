"""Three loud ones: car horn, gun shot, siren.

Each is a function of the spans it is heard in, the length of the recording and a random generator, as in
`musiclab.studio.street.machines`; what is left at None is drawn.
"""

from collections.abc import Sequence

import numpy as np

from musiclab.studio.street.synthesis import (
    SAMPLE_RATE,
    Sound,
    Spans,
    equalise,
    gate,
    given,
    hits,
    n_samples,
    noise,
    rms,
    stretches,
    wavetable,
    wavetable_at,
)

SPEED_OF_SOUND = 343.0  # m/s
SIREN_KINDS = ("wail", "yelp", "hi-lo")


def car_horn(spans: Spans, seconds: float, rng: np.random.Generator, *, tones: Sequence[float] | None = None) -> Sound:
    """Two or three vibrating plates with a flared horn each, honked in a pattern.

    Parameters
    ----------
    spans : sequence of (float, float)
        When it is heard, in seconds.
    seconds : float
        Length of the recording.
    rng : numpy.random.Generator
        Draws what is not given.
    tones : sequence of float, optional
        Fundamentals in Hz; where not given, one of 290 to 470 Hz with a third above it, at times a fifth or alone.

    Returns
    -------
    Sound
        ``truth`` holds ``tones`` (Hz) and ``honks``, the spans of sounding.
    """
    n = n_samples(seconds)
    chord = [(1, 1.26), (1, 1.19), (1, 1.25), (1, 1.26, 1.5), (1,)][rng.integers(5)]
    tones = given(tones, rng.uniform(290, 470) * np.array(chord))
    # A driver honks short and often, or leans on it.
    on, off = [((0.12, 0.35), (0.08, 0.3)), ((0.4, 1.2), (0.15, 0.6)), ((1.5, 4.0), (0.3, 0.6))][rng.integers(3)]
    honks = stretches(spans, rng, on, off)
    pressed = gate(n, honks, 0.025, 0.05)
    bell = rng.uniform(1800, 3600)  # the flare passes a broad band best
    x = np.zeros(n)
    for tone in tones:
        partials = np.arange(1, 33)
        amplitudes = 1 / (1 + ((tone * partials - bell) / (0.5 * bell)) ** 2) + 0.35 / partials
        # The plate starts a little flat, and its amplitude is never quite even.
        frequency = tone * (0.97 + 0.03 * np.sqrt(pressed)) * (1 + 0.0006 * rng.standard_normal())
        x += rng.uniform(0.5, 1) * wavetable(frequency, amplitudes * rng.uniform(0.5, 1, 32))
    truth = {"tones": [float(tone) for tone in tones], "honks": [list(span) for span in honks]}
    return Sound(x * pressed, truth)


def gun_shot(spans: Spans, seconds: float, rng: np.random.Generator, *, shots: Sequence[float] | None = None) -> Sound:
    """The muzzle's blast, at times the bullet's N-wave before it, echoes from walls and a tail that rolls away.

    The blast is a Friedlander wave, p(t) = (1 - t/T) exp(-t/T), the textbook shape of a small explosion; the crack
    of a supersonic bullet is a wave of the shape of an N, about 0.3 ms long.

    Parameters
    ----------
    spans, seconds, rng
        As in `car_horn`.
    shots : sequence of float, optional
        Times in seconds; where not given, single shots or automatic fire from the start of each span.

    Returns
    -------
    Sound
        ``truth`` holds ``shots`` (s) and ``supersonic`` (bool).
    """
    n = n_samples(seconds)
    automatic, rate = rng.random() < 0.3, rng.uniform(8, 13)
    shots = np.asarray(given(shots, _volleys(spans, rng.spawn(1)[0], rate if automatic else 0.0)), dtype=float)
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


def _volleys(spans: Spans, rng: np.random.Generator, rate: float) -> list[float]:
    """Times (s) of shots within `spans`, the first 30 ms after each start: single, or in volleys at `rate` a second."""
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
    """A siren on a vehicle that drives past: the sweep, the Doppler shift of its speed, an echo from the houses.

    Parameters
    ----------
    spans, seconds, rng
        As in `car_horn`.
    kind : {"wail", "yelp", "hi-lo"}, optional
        Slow sweep, fast sweep, or two tones in turn.
    low, high : float, optional
        Ends of the sweep, or the two tones, in Hz.
    period : float, optional
        Seconds from one low to the next.
    speed : float, optional
        Of the vehicle, in m/s; 0 stands still and shifts nothing. 0 to 22 where not given.

    Returns
    -------
    Sound
        ``truth`` holds ``kind``, ``low``, ``high``, ``period`` and ``speed``.

    Raises
    ------
    ValueError
        If `kind` is none of the three.
    """
    n = n_samples(seconds)
    kind = given(kind, str(rng.choice(SIREN_KINDS, p=[0.45, 0.3, 0.25])))
    if kind not in SIREN_KINDS:
        raise ValueError(f"kind is {kind!r}, expected one of {', '.join(SIREN_KINDS)}")
    low = given(low, float(rng.uniform(380, 480) if kind == "hi-lo" else rng.uniform(450, 700)))
    high = given(high, float(low * (rng.uniform(1.25, 1.4) if kind == "hi-lo" else rng.uniform(1.7, 2.4))))
    least, most = {"wail": (2.5, 6.0), "yelp": (0.25, 0.45), "hi-lo": (0.9, 1.5)}[kind]
    period = given(period, float(rng.uniform(least, most)))
    speed = given(speed, float(rng.choice([0.0, rng.uniform(6, 22)])))

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
    aside, passing = (
        rng.uniform(5, 25),
        rng.uniform(-0.3, 1.3) * seconds,
    )  # metres from the road, time of passing by
    distance = np.hypot(aside, speed * (t - passing))
    distance = np.minimum(distance, 300.0)  # 0.87 s away
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
    truth = {"kind": kind, "low": low, "high": high, "period": period, "speed": speed}
    return Sound(x / rms(x), truth)
