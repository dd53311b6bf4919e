"""Four machines: air conditioner, drill, idling engine, jackhammer.

Each is a function of the spans it runs in, the length of the recording and a random generator; what is left at None
is drawn. A machine is one thing that turns or strikes at a rate, and the bodies that ring with it. What depends on the
number of events is drawn from a stream of its own (`events`), so that another rate is the same machine at another rate.
"""

import numpy as np

from musiclab.studio.street.synthesis import (
    SAMPLE_RATE,
    Sound,
    Spans,
    drift,
    gate,
    given,
    hits,
    n_samples,
    noise,
    ringing,
    rms,
    stretches,
    wavetable,
)


def air_conditioner(spans: Spans, seconds: float, rng: np.random.Generator, *, mains: float | None = None) -> Sound:
    """Hum of the mains' even harmonics, the fan's blade tone, and air through a grille, slowly beating.

    Parameters
    ----------
    spans : sequence of (float, float)
        When it runs, in seconds.
    seconds : float
        Length of the recording.
    rng : numpy.random.Generator
        Draws what is not given.
    mains : float, optional
        Mains frequency in Hz; 50 or 60 where not given. The hum is at twice that: iron is pulled at both half waves.

    Returns
    -------
    Sound
        ``truth`` holds ``mains`` and ``blade_tone`` (Hz).
    """
    n = n_samples(seconds)
    mains = given(mains, float(rng.choice([50.0, 60.0])))
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
    if rng.random() < 0.35:  # a loose panel, rattling once a turn
        turn = np.arange(0, seconds, 4 / mains)
        panel = ringing(rng.uniform(700, 3500, 4), [0.02] * 4, [1.0] * 4)
        rattle = hits(n, turn + events.normal(0, 0.002, len(turn)), events.uniform(0, 1, len(turn)), panel)
        x += rng.uniform(0.1, 0.4) * rattle / rms(rattle) * np.clip(drift(n, rng, 0.7), 0, None)
    beat = 1 + rng.uniform(0.03, 0.2) * np.sin(2 * np.pi * rng.uniform(0.2, 1.5) * np.arange(n) / SAMPLE_RATE)
    return Sound(x * beat * gate(n, spans, 0.15, 0.2), {"mains": mains, "blade_tone": float(blade_tone)})


def drilling(spans: Spans, seconds: float, rng: np.random.Generator, *, whine: float | None = None) -> Sound:
    """A motor's whine that spins up and sags under load, the bit's broad noise, at times a hammer's blows.

    Parameters
    ----------
    spans, seconds, rng
        As in `air_conditioner`.
    whine : float, optional
        Fundamental of the motor and its gear at full speed, in Hz; 140 to 520 where not given.

    Returns
    -------
    Sound
        ``truth`` holds ``whine`` (Hz), ``blows`` (Hz, 0 without a hammer) and ``bursts``, the spans of drilling.
    """
    n = n_samples(seconds)
    whine = given(whine, float(rng.uniform(140, 520)))
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
    return Sound(x, {"whine": whine, "blows": blows, "bursts": [list(span) for span in bursts]})


def engine_idling(
    spans: Spans,
    seconds: float,
    rng: np.random.Generator,
    *,
    rpm: float | None = None,
    cylinders: int | None = None,
) -> Sound:
    """Exhaust pulses at the firing rate through the pipe's resonances, valves and knock, intake noise, a drifting idle.

    Parameters
    ----------
    spans, seconds, rng
        As in `air_conditioner`.
    rpm : float, optional
        Turns a minute; 600 to 1150 where not given.
    cylinders : int, optional
        Of a four-stroke engine; 2 to 8 where not given.

    Returns
    -------
    Sound
        ``truth`` holds ``rpm``, ``cylinders`` and ``firing_rate`` (Hz) = rpm / 60 * cylinders / 2: each cylinder
        fires at every second turn.
    """
    n = n_samples(seconds)
    rpm = given(rpm, float(rng.uniform(600, 1150)))
    cylinders = given(cylinders, int(rng.choice([2, 4, 4, 4, 6, 8])))
    events = rng.spawn(1)[0]
    firing_rate = rpm / 60 * cylinders / 2
    cycle = np.cumsum(firing_rate * (1 + 0.012 * drift(n, rng, 1.5) + 0.006 * drift(n, rng, 9.0))) / SAMPLE_RATE
    count = int(cycle[-1])
    times = np.interp(np.arange(1, count + 1), cycle, np.arange(n)) / SAMPLE_RATE
    # No two cylinders are alike: the sound repeats at every cycle of the engine, not only at every firing.
    uneven = events.uniform(1 - rng.uniform(0.05, 0.5), 1, cylinders)
    gains = np.resize(uneven, count) * (1 + 0.08 * events.standard_normal(count))
    pipe = ringing(
        np.array([55, 110, 210, 420, 900]) * rng.uniform(0.75, 1.35, 5),
        rng.uniform(0.02, 0.09, 5),
        [1.0, 0.9, *rng.uniform(0.1, 0.8, 3)],
    )
    exhaust = hits(n, times, gains, pipe)
    click = rng.uniform(1200, 4000)
    valves = noise(n, rng, [(300, -30), (click, 0), (click * 2, -8), (10000, -24)])
    valves *= hits(n, times, gains, np.exp(-np.arange(400) / rng.uniform(25, 90)))
    intake = noise(n, rng, [(60, 0), (300, -6), (1500, -18), (8000, -36)])
    x = exhaust / rms(exhaust) + rng.uniform(0.08, 0.6) * valves / rms(valves) + rng.uniform(0.1, 0.4) * intake
    truth = {"rpm": rpm, "cylinders": cylinders, "firing_rate": firing_rate}
    return Sound(x * gate(n, spans, 0.12, 0.2), truth)


def jackhammer(spans: Spans, seconds: float, rng: np.random.Generator, *, rate: float | None = None) -> Sound:
    """Impacts at a steady rate: the chisel's metal rings, the ground thumps, the exhaust hisses, debris rattles.

    Parameters
    ----------
    spans, seconds, rng
        As in `air_conditioner`.
    rate : float, optional
        Impacts a second; 9 to 22 where not given.

    Returns
    -------
    Sound
        ``truth`` holds ``rate`` (Hz), ``modes`` (Hz, of the chisel) and ``bursts``, the spans of hammering.
    """
    n = n_samples(seconds)
    rate = given(rate, float(rng.uniform(9, 22)))
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
    truth = {"rate": rate, "modes": modes.round(1).tolist(), "bursts": [list(span) for span in bursts]}
    return Sound(x, truth)
