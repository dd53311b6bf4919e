"""Generate pairs of similar sounds for :mod:`benchmarks.studio_encoder`.

A *patch* is a random setting of a small synthesiser. Two variants of a patch differ in the times and levels of their
events, in the noise and the room, and a little in every setting. So they sound like two recordings of the same kind of
thing. Other pairs are two excerpts from a track of Studio or from a recording of Street.
"""

import numpy as np
from scipy import signal

from musiclab import features, studio
from musiclab.core.random import pick, stream
from musiclab.studio import street
from musiclab.studio.drums import KITS
from musiclab.studio.instruments import INSTRUMENTS as TUNED
from musiclab.training.devices import keeping_memory

SAMPLE_RATE = 22050
FRAMES = 160  # frames of a sound, 3.7 s
SAMPLES = FRAMES * 512  # 2**14 * 5, so that Fourier transforms are fast
SOURCES = {"synthesis": 0.7, "studio": 0.2, "street": 0.1}  # shares of the pairs
ARTISTS = 8  # of each genre's ten; the others are kept for tests
INSTRUMENTS = (*TUNED, *KITS)
KEYS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def render_pairs(seeds) -> list[tuple[np.ndarray, list[dict]]]:
    """Render several pairs."""
    with keeping_memory():
        return [render_pair(int(seed)) for seed in seeds]


def render_pair(seed: int) -> tuple[np.ndarray, list[dict]]:
    """Render two variants of a sound as log-mel spectrograms, shape (2, 128, FRAMES), with their settings."""
    rng = stream(seed, "pair")
    source = rng.choice(list(SOURCES), p=list(SOURCES.values()))
    if source == "synthesis":
        (first, first_settings), (second, second_settings) = (synthesise(seed, variant) for variant in (0, 1))
        settings = [first_settings, second_settings]
    elif source == "studio":
        first, second, settings = excerpt_track(seed, rng)
    else:
        first, second, settings = excerpt_street(seed, rng)
    waveforms = np.stack([first, second])
    waveforms *= 0.1 / (np.sqrt((waveforms**2).mean(1, keepdims=True)) + 1e-6)
    return features.log_mel(waveforms.astype(np.float32))[..., :FRAMES].astype(np.float16), settings


def excerpt_track(seed, rng):
    """Cut two excerpts from a track of an artist who is not held out, half of the time from one or two stems."""
    genre = pick(rng, list(studio.GENRES))
    stems, mute = list(studio.STEMS[:-1]), []
    if rng.random() < 0.5:
        mute = [str(stem) for stem in rng.permutation(stems)[rng.integers(1, 3) :]]
    seconds = 2 * SAMPLES / SAMPLE_RATE + 1
    track_seed = int(seed * 10 + rng.integers(ARTISTS))
    track = studio.render(genre, track_seed, mute=mute, seconds=seconds)
    record = track.record
    settings = {f"genre {name}": float(name == genre) for name in studio.GENRES} | {"tempo": record["tempo"] / 100}
    settings |= {f"key {pitch}": float(record["key"].startswith(pitch + " ")) for pitch in KEYS}
    settings |= {f"instrument {name}": 0.0 for name in INSTRUMENTS}
    settings |= {f"stem {stem}": float(stem not in mute) for stem in stems}
    settings |= {f"instrument {record['instruments'][stem]}": 1.0 for stem in stems if stem not in mute}
    return track.waveform[:SAMPLES], track.waveform[-SAMPLES:], [settings] * 2


def excerpt_street(seed, rng):
    """Cut two excerpts from a recording of a street."""
    label = pick(rng, street.CLASSES)
    recording = street.render_recording(100_000 + seed, label, seed=1)
    waveform = np.resize(recording.samples / 32768, max(len(recording.samples), SAMPLES))
    starts = rng.integers(0, len(waveform) - SAMPLES + 1, 2)
    settings = {f"street {name}": float(name == label) for name in street.CLASSES} | {
        "snr": recording.truth["snr_db"] / 10
    }
    return waveform[starts[0] :][:SAMPLES], waveform[starts[1] :][:SAMPLES], [settings] * 2


class Patch:
    """Random settings of a sound, which change a little from variant to variant."""

    def __init__(self, seed: int, variant: int, change: float):
        self.seed, self.variant, self.change = seed, variant, change
        self.rng = stream(seed, variant, "events")
        self.settings = {}

    def number(self, name: str, low: float, high: float) -> float:
        """Draw a setting from a range, on a logarithmic scale if the range is positive."""
        position = stream(self.seed, name).random() + self.change * stream(self.seed, self.variant, name).normal()
        position = 1 - abs(1 - abs(position) % 2)  # reflected at both ends
        self.settings[name] = position
        return low * (high / low) ** position if low > 0 else low + (high - low) * position

    def choose(self, name: str, options, weights=None):
        """Draw a setting that all variants share."""
        choice = stream(self.seed, name).choice(len(options), p=weights)
        self.settings |= {f"{name} {option}": float(option == choice) for option in range(len(options))}
        return options[choice]


def synthesise(seed: int, variant: int, change: float = 0.08) -> tuple[np.ndarray, dict]:
    """Render a variant of a random sound: one to three layers of bursts or particles in a room."""
    patch = Patch(seed, variant, change)
    sound = np.zeros(SAMPLES)
    for layer in range(patch.choose("layers", (1, 2, 3), (0.5, 0.35, 0.15))):
        render_layer = patch.choose(f"kind{layer}", (render_bursts, render_particles), (0.6, 0.4))
        waveform = shape_layer(patch, layer, render_layer(patch, layer))
        sound += waveform / (waveform.std() + 1e-9) * (patch.number(f"gain{layer}", 0.05, 1) if layer else 1)
    return add_room(sound / (sound.std() + 1e-9), patch.rng), patch.settings


def draw_onsets(patch, layer, rate):
    """Draw the onsets of events in s: regular or random, in groups, and faster or slower towards the end."""
    rng, name = patch.rng, f"onsets{layer}"
    count = int(rate * 8) + 2
    irregular = patch.choose(name + "kind", (0.02, 0.1, 0.4, 1.0))
    gaps = (1 - irregular + irregular * rng.exponential(size=count)) / rate
    if patch.choose(name + "grouped", (True, False), (0.4, 0.6)):
        gaps[patch.choose(name + "size", (2, 3, 4, 6)) - 1 :: patch.choose(name + "size", (2, 3, 4, 6))] += (
            patch.number(name + "pause", 0.1, 2)
        )
    if rate < 12:
        gaps *= np.linspace(1, patch.choose(name + "speed", (1, 1, 1, 0.5, 2)), count)
    return np.cumsum(gaps) - rng.uniform(0.5, 1.5) * gaps[0] - 0.3


def render_bursts(patch, layer):
    """Render tones, voices or noise whose level, pitch and formants follow a contour in each event."""
    rng, name = patch.rng, f"bursts{layer}"
    rate = patch.number(name + "rate", 0.25, 9)
    onsets = (
        np.array([-0.5])
        if patch.choose(name + "steady", (True, False), (0.3, 0.7))
        else draw_onsets(patch, layer, rate)
    )
    length = 8.0 if len(onsets) == 1 else patch.number(name + "length", 0.15, 1.3) / rate
    lengths = length * np.exp(patch.choose(name + "lengths", (0.05, 0.4)) * rng.normal(size=len(onsets)))
    pitches = patch.choose(name + "pitches", (0.2, 1, 4, 8)) * rng.normal(size=len(onsets))
    if patch.choose(name + "scale", (True, False)):
        pitches = np.round(pitches)
    time = np.arange(SAMPLES) / SAMPLE_RATE
    index = np.searchsorted(onsets, time, side="right") - 1
    place = np.where(index >= 0, (time - onsets[index]) / lengths[index], 2)  # from 0 to 1 within an event
    peak, sharpness = patch.number(name + "peak", 0.02, 0.6), patch.number(name + "sharpness", 0.4, 3)
    level = np.clip(np.minimum(place / peak, (1 - place) / (1 - peak)), 0, 1) ** sharpness
    if len(onsets) == 1:
        level = np.ones(SAMPLES)
    level *= np.exp(patch.choose(name + "levels", (0.1, 0.6)) * rng.normal(size=len(onsets)))[index]
    place = place.clip(0, 1)
    semitones = pitches[index] + patch.number(name + "slope", -8, 8) * patch.choose(name + "slopes", (0.1, 1)) * (
        place - 0.5
    )
    semitones += patch.number(name + "arch", -6, 14) * patch.choose(name + "arches", (0.1, 1)) * 4 * place * (1 - place)
    semitones += patch.number(name + "depth", 0.02, 2) * np.sin(
        2 * np.pi * patch.number(name + "vibrato", 3, 30) * time
    )
    semitones += patch.choose(name + "rough", (0.02, 0.3, 1.0)) * drift(rng, patch.number(name + "jitter", 10, 200))
    hertz = np.minimum(patch.number(name + "pitch", 50, 3000) * 2 ** (semitones / 12), 9000)
    phase = 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE
    if patch.choose(name + "wave", ("harmonics", "fm"), (0.75, 0.25)) == "fm":
        modulator = np.sin(patch.choose(name + "ratio", (0.5, 1, 1.41, 2, 2.76, 3, 5.4)) * phase)
        tone = np.sin(phase + patch.number(name + "index", 0.1, 6) * level * modulator)
    else:
        order = np.arange(1, max(2, min(100, int(10_000 / hertz.max()))))
        strengths = order ** -patch.number(name + "tilt", 0.2, 3) * np.where(
            order % 2, 1, patch.choose(name + "even", (1, 1, 0.1))
        )
        table = np.sin(2 * np.pi * np.outer(np.arange(1025) / 1024, order)) @ strengths
        tone = np.interp(phase / 2 / np.pi % 1 * 1024, np.arange(1025), table)
    hiss = rng.normal(size=SAMPLES)
    if patch.choose(name + "pulsed", (True, False), (0.3, 0.7)):
        hiss *= 1 + np.cos(phase)
    breath = patch.choose(name + "breath", (0, 0.1, 0.5, 1), (0.25, 0.25, 0.15, 0.35))
    sound = (1 - breath) * tone / (tone.std() + 1e-9) + breath * hiss
    if patch.choose(name + "formants", (True, False), (0.65, 0.35)):
        first, last = (resonate(sound, patch, f"{name}{end}") for end in "ab")
        sound = first + place * (last - first)
    return sound * level


def render_particles(patch, layer):
    """Render grains, drops, impacts, clicks or the strokes of an engine: many copies of a few short sounds."""
    rng, name = patch.rng, f"particles{layer}"
    rate = (
        patch.number(name + "rate", 0.5, 3000)
        if patch.choose(name + "fast", (True, False))
        else patch.number(name + "slow", 0.5, 30)
    )
    onsets = draw_onsets(patch, layer, rate)
    onsets = onsets[(onsets >= 0) & (onsets < SAMPLES / SAMPLE_RATE - 0.001)]
    levels = np.exp(patch.choose(name + "levels", (0.05, 0.4, 1.2)) * rng.normal(size=len(onsets)))
    cycle = patch.choose(name + "cycle", (1, 1, 2, 3, 4))
    levels *= stream(patch.seed, name + "cycle").uniform(0.2, 1, cycle)[np.arange(len(onsets)) % cycle]
    decay, low = patch.number(name + "decay", 0.001, 0.5), patch.number(name + "low", 60, 4000)
    material = patch.choose(name + "material", ("modes", "noise", "drop", "click"), (0.4, 0.3, 0.2, 0.1))
    modes, spread = patch.choose(name + "modes", (1, 3, 8, 20)), patch.number(name + "spread", 1.3, 12)
    time = np.arange(int(min(1.5, 7 * decay) * SAMPLE_RATE) + 2) / SAMPLE_RATE
    shapes = stream(patch.seed, name + "shapes")  # shared by all variants
    sound = np.zeros(SAMPLES)
    for variety in range(varieties := patch.choose(name + "varieties", (1, 2, 5))):
        size = shapes.uniform(0.7, 1.4) if varieties > 1 else 1
        if material == "modes":
            hertz = np.minimum(low * size * spread ** shapes.random(modes), 10_500)
            fading = decay * (low / hertz) ** shapes.uniform(0, 1)
            grain = (
                np.sin(2 * np.pi * hertz[:, None] * time + 1)
                * np.exp(-time / fading[:, None])
                * shapes.uniform(0.2, 1, (modes, 1))
            ).sum(0)
        elif material == "noise":
            grain = rng.normal(size=len(time)) * np.exp(-time / decay)
        elif material == "drop":
            glide = np.exp(patch.number(name + "glide", -1.5, 1.5) * np.minimum(time / decay, 2))
            grain = np.sin(2 * np.pi * np.cumsum(np.minimum(low * size * glide, 10_000)) / SAMPLE_RATE) * np.exp(
                -time / decay
            )
        else:
            grain = np.r_[1.0, -0.9 * np.ones(1), np.zeros(len(time) - 2)]
        mine = np.arange(len(onsets)) % varieties == variety
        train = np.bincount((onsets[mine] * SAMPLE_RATE).astype(int), levels[mine], SAMPLES)
        sound += signal.fftconvolve(train, grain / (np.abs(grain).max() + 1e-9))[:SAMPLES]
    if material == "noise" or patch.choose(name + "formants", (True, False), (0.3, 0.7)):
        sound = resonate(sound, patch, name)
    if patch.choose(name + "gusts", (True, False)):
        sound *= np.exp(patch.choose(name + "gust", (0.5, 1.5)) * drift(rng, patch.number(name + "gustiness", 0.2, 8)))
    return sound


def shape_layer(patch, layer, sound):
    """Apply tremolo or chopping, a spectral tilt, and the limits of a band."""
    rng, name = patch.rng, f"shape{layer}"
    if patch.choose(name + "tremolo", (True, False), (0.3, 0.7)):
        phase = 2 * np.pi * (patch.number(name + "rate", 0.3, 60) * np.arange(SAMPLES) / SAMPLE_RATE + rng.random())
        phase += 0.3 * drift(rng, 2)
        sound = sound * np.exp(patch.number(name + "depth", 0.2, 3) * (np.cos(phase) - 1))
    tilt, low, high = (
        patch.number(name + "tilt", -12, 3),
        patch.number(name + "low", 20, 600),
        patch.number(name + "high", 1500, 30_000),
    )
    octaves = np.log2(np.fft.rfftfreq(SAMPLES, 1 / SAMPLE_RATE).clip(20) / 500)
    edges = 1 / np.sqrt((1 + (low / 500 * 2.0**-octaves) ** 6) * (1 + (500 / high * 2.0**octaves) ** 6))
    gain = 10 ** (tilt * patch.choose(name + "tilted", (0.2, 1)) * octaves / 20) * edges
    return np.fft.irfft(np.fft.rfft(sound) * gain, SAMPLES)


def resonate(sound, patch, name):
    """Filter a sound by one to four resonances, such as formants."""
    output = patch.number(name + "dry", 0.01, 0.5) * sound
    for resonance in range(patch.choose(name + "resonances", (1, 2, 3, 4))):
        centre = patch.number(f"{name}centre{resonance}", 150, 7000)
        numerator, denominator = signal.iirpeak(centre, patch.number(f"{name}quality{resonance}", 1, 15), SAMPLE_RATE)
        output = output + patch.number(f"{name}strength{resonance}", 0.2, 1) * signal.lfilter(
            numerator, denominator, sound
        )
    return output


def drift(rng, hertz):
    """Draw a smooth random curve with a standard deviation of about 1 that changes ``hertz`` times per second."""
    knots = rng.normal(size=int(SAMPLES / SAMPLE_RATE * hertz) + 3)
    return np.interp(np.arange(SAMPLES) * hertz / SAMPLE_RATE + rng.random(), np.arange(len(knots)), knots)


def add_room(sound, rng):
    """Add reverberation: noise that decays within 0.1 to 1.5 s, on average softer than the sound."""
    seconds, wet = 0.1 * 15 ** rng.random(), 10 ** (rng.uniform(-35, 0) / 20)
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    response = signal.lfilter(
        [1 - 0.6], [1, -0.6 * (rng.random() < 0.6)], rng.normal(size=len(time)) * np.exp(-6.9 * time / seconds)
    )
    response *= wet / np.linalg.norm(response)
    response[0] += 1
    return signal.fftconvolve(sound, response)[:SAMPLES]
