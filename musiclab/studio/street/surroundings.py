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
        "wind": float(rng.choice([0.0, rng.uniform(0.2, 1.2)])),
        "murmur": float(rng.choice([0.0, rng.uniform(0.2, 0.8)])),
        "birds": float(rng.choice([0.0, 0.0, rng.uniform(0.1, 0.4)])),
    }
    curve = [(40, -4), (90, 0), (250, -8), (tyres, -13), (2.5 * tyres, -26), (9000, -48)]
    rumble = noise(n, rng, curve) * (1 + 0.15 * drift(n, rng, 0.8))
    cars = rng.uniform(-2, seconds + 2, rng.poisson(0.12 * seconds))
    passing = sum((1 / (1 + ((t - car) / rng.uniform(0.5, 1.5)) ** 2) for car in cars), np.zeros(n))
    if len(cars):
        rumble += 1.2 * passing * noise(n, rng, [(80, -6), (tyres, 0), (2.5 * tyres, -10), (9000, -30)])
    street = levels["traffic"] * rumble
    if levels["wind"]:  # rumble of gusts at the microphone, squared because the force of wind grows quadratically
        gusts = drift(n, rng, 0.9) ** 2
        street += levels["wind"] * gusts * noise(n, rng, [(40, 0), (100, -4), (300, -20), (2000, -50)])
    if levels["murmur"]:
        street += levels["murmur"] * murmur(seconds, rng)
    if levels["birds"]:
        street += levels["birds"] * _birds(n, rng)
    truth = {name: round(level, 3) for name, level in levels.items()}
    return street / rms(street), {**truth, "cars": cars.round(2).tolist()}


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
    farness = np.clip(rng.random() + 0.3 * drift(len(sound), rng, 0.4), 0, 1)  # 0 nearby, 1 round the corner
    distant = reverberate(equalise(sound, [(500, 0), (2500, -6), (9000, -26)]), rng, rng.uniform(0.25, 1.3), 0.9)
    return ((1 - farness) * sound + farness * distant) * 10 ** (4 * drift(len(sound), rng, 0.4) / 20)


def apply_microphone(x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, dict]:
    """Record ``x``, shape (n,), as int16 samples with a peak of at most -1 dBFS and no DC offset.

    Also returns the ground truth of the microphone: ``tilt_db`` (dB per octave), ``low_cut`` and ``high_cut`` (Hz),
    ``noise_db`` (relative to the sound), ``level_db`` (target RMS, dBFS), ``automatic`` (strength of the automatic gain
    control, 0 to 1) and ``headroom`` (limiter threshold in dB above the RMS).
    """
    tilt = rng.uniform(-1.0, 1.0)
    low_cut, high_cut = np.exp(rng.uniform(np.log([45, 5500]), np.log([180, 10500])))
    bump, height = np.exp(rng.uniform(np.log(300), np.log(6000))), rng.uniform(-5, 5)
    noise_db, level_db = rng.uniform(-50, -26), rng.uniform(-30, -14)
    automatic, headroom = rng.uniform(0.1, 0.7), rng.uniform(8, 18)
    octaves = np.log2(np.array([low_cut, bump / 1.6, bump, bump * 1.6, high_cut]) / 1000)
    colour = tilt * octaves + [0, 0, height, 0, 0]
    points = sorted(zip(1000 * 2**octaves, colour, strict=True))
    points = [(low_cut / 4, points[0][1] - 36), *points, (min(high_cut * 1.5, 11025), points[-1][1] - 30)]
    x = equalise(x, points)
    x /= rms(x)
    x += 10 ** (noise_db / 20) * noise(len(x), rng, [(100, 0), (1000, 0), (high_cut, 2), (11025, -20)])
    loudness = np.sqrt(uniform_filter1d(x * x, n_samples(0.1), mode="nearest").clip(1e-6))
    x *= loudness**-automatic
    # To limit without distortion, hold the gain that each peak needs for 5 ms, then smooth it over the same 5 ms.
    x *= 10 ** (-headroom / 20) / rms(x)
    width = n_samples(0.005) | 1
    peaks = maximum_filter1d(np.abs(x), width, mode="nearest")
    x *= uniform_filter1d(1 / peaks.clip(1), width, mode="nearest")
    x = signal.sosfilt(signal.butter(2, 30, "highpass", fs=SAMPLE_RATE, output="sos"), x)
    x *= min(10 ** (level_db / 20) / rms(x), PEAK / np.max(np.abs(x)))
    names = ("tilt_db", "low_cut", "high_cut", "noise_db", "level_db", "automatic", "headroom")
    values = (tilt, low_cut, high_cut, noise_db, level_db, automatic, headroom)
    samples = np.clip(np.round(x * 32768), -PEAK * 32768, PEAK * 32768).astype(np.int16)
    return samples, {name: round(float(value), 2) for name, value in zip(names, values, strict=True)}
