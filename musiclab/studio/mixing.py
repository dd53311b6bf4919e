"""Mix stems to a finished recording.

Level, equaliser and room are linear in the stems. The gain of compressor and limiter is not, so it is computed once
from the full mix and applied to every selection of stems: the stems of a track always sum to its mix.
"""

from functools import lru_cache

import numpy as np
import scipy.fft
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

from musiclab.core.random import stream
from musiclab.studio.artist import Artist
from musiclab.studio.synthesis import SAMPLE_RATE

BLOCK = 64  # samples (2.9 ms) that share a step of the gain curve
CEILING = 10 ** (-1.2 / 20)  # highest peak of a master: -1.2 dBFS, a little under the promised -1
FADE = 110  # samples (5 ms) of fade at both edges
SENDS = {"drums": 0.6, "bass": 0.25, "chords": 1.0, "pad": 1.2, "lead": 1.1, "noise": 0.0}  # to the room


def amplifier(waveform: np.ndarray, drive: float) -> np.ndarray:
    """Play a float32 waveform, shape (samples,), through a guitar amplifier and its cabinet.

    ``drive`` is the gain before the overdrive; about 0.3 is warm, 20 is fuzz. The waveshaper runs at twice the sample
    rate on frequencies below about 5 kHz, so that aliasing stays inaudible.
    """
    size = len(waveform)
    fast = 2 * scipy.fft.next_fast_len(size // 2 + 128, real=True)
    spectrum = scipy.fft.rfft(waveform, fast)
    hertz = np.fft.rfftfreq(fast, 1 / SAMPLE_RATE).astype(np.float32)
    spectrum *= 1 / (1 + (hertz / 3500) ** 4)
    double = scipy.fft.irfft(np.pad(spectrum, (0, fast // 2)), 2 * fast)
    double *= np.float32(2 * drive * 4)
    double += np.float32(0.15)  # a little asymmetry gives even partials, as a valve does
    shaped = scipy.fft.rfft(np.tanh(double, out=double))[: fast // 2 + 1]
    cabinet = hertz**2 / (hertz**2 + 80**2) / (1 + (hertz / 4200) ** 4)  # from 80 Hz to 4.2 kHz
    cabinet *= 1 + 0.8 * np.exp(-(((hertz - 2300) / 900) ** 2))  # the presence of a 12-inch loudspeaker
    return scipy.fft.irfft(shaped * cabinet, fast)[:size] * np.float32(0.5)


def balance(waveform: np.ndarray, level: float) -> np.ndarray:
    """Bring a stem to ``level`` dB, measured where it plays; silence stays silence."""
    power = np.mean(waveform[: len(waveform) // 2048 * 2048].reshape(-1, 2048) ** 2, axis=1)
    playing = power[power > 0.02 * power.max()]
    if not len(playing):
        return waveform
    return waveform * np.float32(10 ** (level / 20) * 0.1 / np.sqrt(playing.mean()))


def hiss_and_hum(size: int, artist: Artist, seed: int) -> np.ndarray:
    """Make the noise of a recording, shape (size,): coloured hiss, and mains hum with two harmonics."""
    hiss_level, slope, hum_level = artist.noise
    fast = scipy.fft.next_fast_len(size, real=True)
    hertz = np.fft.rfftfreq(fast, 1 / SAMPLE_RATE).astype(np.float32)
    real, imaginary = stream(seed, "hiss").standard_normal((2, len(hertz)), dtype=np.float32)
    colour = (np.maximum(hertz, 60) / 1000) ** (slope / 6.02)
    noise = scipy.fft.irfft((real + 1j * imaginary) * colour, fast)[:size]
    noise *= np.float32(0.1 * 10 ** (hiss_level / 20) / (noise.std() + 1e-9))  # relative to a mix of RMS 0.1
    time = np.arange(size, dtype=np.float32) * np.float32(2 * np.pi * 50 / SAMPLE_RATE)
    hum = np.sin(time) + 0.5 * np.sin(2 * time) + 0.3 * np.sin(3 * time)
    return noise + np.float32(0.1 * 10 ** (hum_level / 20)) * hum


@lru_cache(maxsize=12)  # the artists of a genre, and a few more
def _curves(tone, bump, low_pass, room, habit, fast):
    """Equaliser and room of an artist as spectra of an FFT of length ``fast``."""
    hertz = np.fft.rfftfreq(fast, 1 / SAMPLE_RATE).astype(np.float32)
    octaves = np.log2(np.maximum(hertz, 20))
    center, gain = bump
    decibels = np.interp(octaves, np.log2((100, 250, 700, 1600, 4000, 7000)), np.repeat(tone, 2))
    decibels += gain * np.exp(-((octaves - np.log2(center)) ** 2) / 0.7)
    equaliser = 10 ** (decibels / 20) * hertz**4 / (hertz**4 + 30**4)  # nothing under 30 Hz, so no DC
    equaliser /= 1 + (hertz / low_pass) ** 12
    equaliser[hertz > 10_500] = 0
    seconds, level = room
    size = int(seconds * SAMPLE_RATE)
    time = np.arange(size) / SAMPLE_RATE
    tail = stream(habit, "room").standard_normal(size) * np.exp(-6.9 * time / seconds)
    tail[: int(0.008 * SAMPLE_RATE)] = 0  # the nearest wall is a metre and a half away
    tail *= 10 ** (level / 20) / np.sqrt(np.sum(tail**2))
    echo = scipy.fft.rfft(tail.astype(np.float32), fast) / (1 + (hertz / 5000) ** 2)
    return equaliser.astype(np.float32), echo.astype(np.complex64)


def desk(stems: dict[str, np.ndarray], artist: Artist) -> np.ndarray:
    """Sum balanced stems, each of shape (samples,), through the room and the equaliser of an artist."""
    dry = sum(stems.values())
    size = len(dry)
    fast = scipy.fft.next_fast_len(size + int(artist.room[0] * SAMPLE_RATE), real=True)
    equaliser, room = _curves(artist.tone, artist.bump, artist.low_pass, artist.room, artist.habit, fast)
    send = sum(np.float32(SENDS[name]) * waveform for name, waveform in stems.items())
    spectrum = scipy.fft.rfft(dry, fast) + scipy.fft.rfft(send, fast) * room
    return scipy.fft.irfft(spectrum * equaliser, fast)[:size]


def master_gain(mix: np.ndarray, artist: Artist, trim: float = 0.0) -> np.ndarray:
    """Compute the gain curve of compressor, limiter, loudness and fades for a full mix, float32 of shape (samples,).

    Multiply the mix, or any of its stems, by it: ``|mix * gain|`` stays below ``CEILING``. ``trim`` (dB) is added to
    the loudness of the artist's masters.
    """
    size = len(mix)
    blocks = np.pad(mix, (0, -size % BLOCK)).reshape(-1, BLOCK)
    peak, power = np.abs(blocks).max(axis=1) + 1e-9, np.mean(blocks.astype(np.float64) ** 2, axis=1)
    loud = np.sqrt(uniform_filter1d(power, 31) + 1e-12)  # over 90 ms
    over = np.maximum(loud / np.sqrt(power.mean() + 1e-12), 0.5)
    curve = over ** (1 / artist.ratio - 1)
    target = 10 ** ((artist.loudness + trim) / 20)
    ceiling = min(CEILING, target * 10 ** (artist.crest / 20))
    gain = 1.0
    for _ in range(12):  # louder until the limited master is as loud as it should be
        gain *= target / np.sqrt(np.mean(power * (curve * gain * _limit(peak * curve * gain, ceiling)) ** 2) + 1e-12)
    curve = curve * gain * _limit(peak * curve * gain, ceiling)
    # Interpolated between centres of blocks, so no block may need less gain than its neighbours were given.
    centres = (np.arange(len(curve)) + 0.5) * BLOCK
    samples = np.interp(np.arange(size), centres, curve).astype(np.float32)
    excess = np.abs(mix * samples).max() / ceiling
    if excess > 1:
        samples /= np.float32(excess)
    edge = np.sin(np.linspace(0, np.pi / 2, min(FADE, size // 2), dtype=np.float32)) ** 2
    samples[: len(edge)] *= edge
    samples[size - len(edge) :] *= edge[::-1]
    return samples


def _limit(peak, ceiling):
    """Gain of each block that keeps its peak below the ceiling, smooth and in advance of the peak."""
    wanted = np.minimum(1, ceiling / maximum_filter1d(peak, 3))
    return uniform_filter1d(minimum_filter1d(wanted, 9), 9)
