"""Place a sound in its surroundings: street noise, distance and microphone."""

import numpy as np
from scipy import signal
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from musiclab.studio.street.sounds import murmur
from musiclab.studio.street.synthesis import SAMPLE_RATE, drift, equalise, n_samples, noise, reverberate, rms

PEAK = 0.89  # -1.01 dBFS


def make_street_noise(seconds: float, rng: np.random.Generator) -> tuple[np.ndarray, dict]:
    """Generate street noise, shape (n,), with unit RMS: traffic, passing cars, wind, and sometimes birds and people.

    Also returns the ground truth: levels of ``traffic``, ``wind``, ``murmur`` and ``birds``, and the times (s) at which
    ``cars`` pass.
    """
    n = n_samples(seconds)
    t = np.arange(n) / SAMPLE_RATE
    tyres = rng.uniform(500, 1400)
    levels = {
        "traffic": float(rng.uniform(0.4, 1)),
        "wind": float(rng.choice([0.0, rng.uniform(0.2, 3.0)])),
        "murmur": float(rng.choice([0.0, rng.uniform(0.2, 0.8)])),
        "birds": float(rng.choice([0.0, 0.0, rng.uniform(0.1, 0.4)])),
    }
    hiss = rng.uniform(0, 12)  # dB more treble than far traffic has, from wet roads, leaves or water
    curve = [(40, -4), (90, 0), (250, -8), (tyres, -13), (2.5 * tyres, -26 + hiss / 2), (9000, -48 + 1.5 * hiss)]
    rumble = noise(n, rng, curve) * (1 + 0.15 * drift(n, rng, 0.8))
    cars = rng.uniform(-2, seconds + 2, rng.poisson(0.12 * seconds))
    passing = sum((1 / (1 + ((t - car) / rng.uniform(0.5, 1.5)) ** 2) for car in cars), np.zeros(n))
    if len(cars):
        rumble += 1.2 * passing * noise(n, rng, [(80, -6), (tyres, 0), (2.5 * tyres, -10), (9000, -30)])
    street = levels["traffic"] * rumble
    if levels["wind"]:
        street += levels["wind"] * _wind(n, rng)
    if levels["murmur"]:
        street += levels["murmur"] * murmur(seconds, rng)
    if levels["birds"]:
        street += levels["birds"] * _birds(n, rng)
    truth = {name: round(level, 3) for name, level in levels.items()}
    return street / rms(street), {**truth, "cars": cars.round(2).tolist()}


def _wind(n, rng):
    """Generate the rumble of gusts at the microphone, shape (n,), which falls steeply above 60 to 300 Hz."""
    corner = np.exp(rng.uniform(np.log(60), np.log(300)))
    gusts = drift(n, rng, rng.uniform(0.5, 3.0)) ** 2  # squared because the force of wind grows quadratically
    return gusts * noise(n, rng, [(30, 0), (corner, -3), (4 * corner, -24), (20 * corner, -60)])


def _birds(n, rng):
    """Generate bird chirps, shape (n,), as quick glides between 2.5 and 6 kHz."""
    x = np.zeros(n)
    for start in rng.integers(0, n, rng.poisson(1.5 * n / SAMPLE_RATE)):
        m = min(n_samples(rng.uniform(0.05, 0.2)), n - start)
        glide = np.linspace(rng.uniform(2500, 6000), rng.uniform(2500, 6000), m)
        x[start : start + m] += np.hanning(m) * np.sin(2 * np.pi * np.cumsum(glide) / SAMPLE_RATE)
    return 4 * x


def add_distance(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move ``sound``, shape (n,), to a varying distance, where air damps its treble and houses reflect it."""
    # 0 is right at the microphone, without any echo, and 1 is round the corner.
    farness = np.clip(rng.uniform(-0.8, 1.1) + 0.3 * drift(len(sound), rng, 0.4), 0, 1)
    air = rng.uniform(0.3, 2.0)  # 1 damps the treble by 26 dB at 9 kHz
    damped = equalise(sound, [(500, 0), (2500, -6 * air), (9000, -26 * air)])
    distant = reverberate(damped, rng, np.exp(rng.uniform(np.log(0.15), np.log(2.0))), rng.uniform(0.3, 1.4))
    return ((1 - farness) * sound + farness * distant) * 10 ** (4 * drift(len(sound), rng, 0.4) / 20)


def apply_microphone(x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, dict]:
    """Record ``x``, shape (n,), as int16 samples with a peak of at most -1 dBFS and no DC offset.

    The microphones range from phones, whose codec cuts the treble, to studio microphones. Also returns the ground truth
    of the microphone: ``tilt_db`` (dB per octave), ``low_cut`` and ``high_cut`` (Hz), ``noise_db`` (relative to the
    sound), ``level_db`` (target RMS, dBFS), ``automatic`` (strength of the automatic gain control, 0 to 1), ``gate_db``
    (level relative to the RMS under which noise suppression fades the sound out, or -100 without it), ``headroom``
    (highest peak in dB above the RMS) and ``clips`` (1 if higher peaks are clipped, 0 if a limiter lowers them).
    """
    tilt = rng.uniform(-1.5, 1.5)
    low_cut, high_cut = np.exp(rng.uniform(np.log([30, 3500]), np.log([250, 14000])))
    steepness = rng.uniform(1.1, 1.5)  # codecs cut more steeply than microphones
    bumps, heights = np.exp(rng.uniform(np.log(300), np.log(6000), 2)), rng.uniform(-6, 6, 2)
    noise_db, level_db = rng.uniform(-80, -30), rng.uniform(-40, -12)
    automatic = max(rng.uniform(-0.8, 0.7), 0.0)
    gate_db = rng.choice([-100.0, -100.0, rng.uniform(-45, -25)])
    headroom, clips = rng.uniform(8, 24), float(rng.random() < 0.2)
    highest = min(high_cut, 11000.0)
    grid = np.geomspace(low_cut, highest, 25)
    colour = tilt * np.log2(grid / 1000)
    for bump, height in zip(bumps, heights, strict=True):
        colour += height * np.exp(-2 * np.log2(grid / bump) ** 2)
    beyond = (highest * steepness, colour[-1] - 30 * (highest == high_cut))
    x = equalise(x, [(low_cut / 4, colour[0] - 36), *zip(grid, colour, strict=True), beyond])
    x /= rms(x)
    x += 10 ** (noise_db / 20) * noise(len(x), rng, [(100, 0), (1000, 0), (highest, 2), (11025, -20)])
    loudness = np.sqrt(uniform_filter1d(x * x, n_samples(0.1), mode="nearest").clip(1e-8))
    x *= loudness**-automatic * np.minimum(loudness / 10 ** (gate_db / 20), 1) ** 3
    x *= 10 ** (-headroom / 20) / rms(x)
    if clips:
        x = np.clip(x, -1, 1)
    else:  # to limit without distortion, hold the gain that each peak needs for 5 ms, then smooth it over the same 5 ms
        width = n_samples(0.005) | 1
        peaks = maximum_filter1d(np.abs(x), width, mode="nearest")
        x *= uniform_filter1d(1 / peaks.clip(1), width, mode="nearest")
    x = signal.sosfilt(signal.butter(2, 30, "highpass", fs=SAMPLE_RATE, output="sos"), x)
    x *= min(10 ** (level_db / 20) / rms(x), PEAK / np.max(np.abs(x)))
    names = ("tilt_db", "low_cut", "high_cut", "noise_db", "level_db", "automatic", "gate_db", "headroom", "clips")
    values = (tilt, low_cut, high_cut, noise_db, level_db, automatic, gate_db, headroom, clips)
    samples = np.clip(np.round(x * 32768), -PEAK * 32768, PEAK * 32768).astype(np.int16)
    return samples, {name: round(float(value), 2) for name, value in zip(names, values, strict=True)}
