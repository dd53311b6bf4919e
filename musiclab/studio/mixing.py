"""Mix stems into a finished recording.

Levels, equaliser and reverberation are linear, but compressor and limiter are not. Their gain is therefore computed
once from the full mix and applied to every selection of stems, so that the stems of a track always sum to its mix.
"""

from functools import lru_cache

import numpy as np
import scipy.fft
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

from musiclab.core.random import stream
from musiclab.studio.artist import Artist
from musiclab.studio.synthesis import SAMPLE_RATE

BLOCK = 64  # samples (2.9 ms) per step of the gain curve
CEILING = 10 ** (-1.2 / 20)  # highest peak of a master: -1.2 dBFS, which leaves a margin below -1 dBFS
FADE = 110  # samples (5 ms) of fade-in and fade-out
SENDS = {"drums": 0.6, "bass": 0.25, "chords": 1.0, "pad": 1.2, "lead": 1.1, "noise": 0.0}  # reverb send levels


def amplifier(waveform: np.ndarray, drive: float) -> np.ndarray:
    """Play a float32 waveform, shape (samples,), through a guitar amplifier and its cabinet.

    ``drive`` is the gain before the overdrive: about 0.3 sounds warm, 20 is fuzz. To keep aliasing inaudible, the
    waveshaper works at twice the sample rate on frequencies below about 5 kHz.
    """
    size = len(waveform)
    n_fft = 2 * scipy.fft.next_fast_len(size // 2 + 128, real=True)
    spectrum = scipy.fft.rfft(waveform, n_fft)
    frequencies = np.fft.rfftfreq(n_fft, 1 / SAMPLE_RATE).astype(np.float32)
    spectrum *= 1 / (1 + (frequencies / 3500) ** 4)
    double = scipy.fft.irfft(np.pad(spectrum, (0, n_fft // 2)), 2 * n_fft)
    double *= np.float32(2 * drive * 4)
    double += np.float32(0.15)  # a slightly asymmetric curve adds even harmonics, like a valve
    shaped = scipy.fft.rfft(np.tanh(double, out=double))[: n_fft // 2 + 1]
    cabinet = frequencies**2 / (frequencies**2 + 80**2) / (1 + (frequencies / 4200) ** 4)  # passes 80 Hz to 4.2 kHz
    cabinet *= 1 + 0.8 * np.exp(-(((frequencies - 2300) / 900) ** 2))  # presence peak of a 12-inch loudspeaker
    return scipy.fft.irfft(shaped * cabinet, n_fft)[:size] * np.float32(0.5)


def balance(waveform: np.ndarray, level: float) -> np.ndarray:
    """Scale a stem so that its passages with sound reach ``level`` dB."""
    power = np.mean(waveform[: len(waveform) // 2048 * 2048].reshape(-1, 2048) ** 2, axis=1)
    playing = power[power > 0.02 * power.max()]
    if not len(playing):
        return waveform
    return waveform * np.float32(10 ** (level / 20) * 0.1 / np.sqrt(playing.mean()))


def make_noise(size: int, artist: Artist, seed: int) -> np.ndarray:
    """Generate the background noise of a recording, shape (size,): coloured hiss, and mains hum with two harmonics."""
    hiss_level, slope, hum_level = artist.noise
    n_fft = scipy.fft.next_fast_len(size, real=True)
    frequencies = np.fft.rfftfreq(n_fft, 1 / SAMPLE_RATE).astype(np.float32)
    real, imaginary = stream(seed, "hiss").standard_normal((2, len(frequencies)), dtype=np.float32)
    colour = (np.maximum(frequencies, 60) / 1000) ** (slope / 6.02)
    noise = scipy.fft.irfft((real + 1j * imaginary) * colour, n_fft)[:size]
    noise *= np.float32(0.1 * 10 ** (hiss_level / 20) / (noise.std() + 1e-9))  # relative to a mix of RMS 0.1
    time = np.arange(size, dtype=np.float32) * np.float32(2 * np.pi * 50 / SAMPLE_RATE)
    hum = np.sin(time) + 0.5 * np.sin(2 * time) + 0.3 * np.sin(3 * time)
    return noise + np.float32(0.1 * 10 ** (hum_level / 20)) * hum


@lru_cache(maxsize=12)  # enough for all artists of a genre
def _transfer_functions(tone, bump, low_pass, room, habit, n_fft):
    """Compute equaliser and reverberation of an artist as spectra for an FFT of length ``n_fft``."""
    frequencies = np.fft.rfftfreq(n_fft, 1 / SAMPLE_RATE).astype(np.float32)
    octaves = np.log2(np.maximum(frequencies, 20))
    center, gain = bump
    decibels = np.interp(octaves, np.log2((100, 250, 700, 1600, 4000, 7000)), np.repeat(tone, 2))
    decibels += gain * np.exp(-((octaves - np.log2(center)) ** 2) / 0.7)
    equaliser = 10 ** (decibels / 20) * frequencies**4 / (frequencies**4 + 30**4)  # high-pass at 30 Hz, removes DC
    equaliser /= 1 + (frequencies / low_pass) ** 12
    equaliser[frequencies > 10_500] = 0
    seconds, level = room
    size = int(seconds * SAMPLE_RATE)
    time = np.arange(size) / SAMPLE_RATE
    tail = stream(habit, "room").standard_normal(size) * np.exp(-6.9 * time / seconds)
    tail[: int(0.008 * SAMPLE_RATE)] = 0  # the first reflection arrives after 8 ms: a wall 1.4 m away
    tail *= 10 ** (level / 20) / np.sqrt(np.sum(tail**2))
    echo = scipy.fft.rfft(tail.astype(np.float32), n_fft) / (1 + (frequencies / 5000) ** 2)
    return equaliser.astype(np.float32), echo.astype(np.complex64)


def desk(stems: dict[str, np.ndarray], artist: Artist) -> np.ndarray:
    """Mix balanced stems, each of shape (samples,), with the reverberation and equaliser of an artist."""
    dry = sum(stems.values())
    size = len(dry)
    n_fft = scipy.fft.next_fast_len(size + int(artist.room[0] * SAMPLE_RATE), real=True)
    equaliser, room = _transfer_functions(artist.tone, artist.bump, artist.low_pass, artist.room, artist.habit, n_fft)
    send = sum(np.float32(SENDS[name]) * waveform for name, waveform in stems.items())
    spectrum = scipy.fft.rfft(dry, n_fft) + scipy.fft.rfft(send, n_fft) * room
    return scipy.fft.irfft(spectrum * equaliser, n_fft)[:size]


def master_gain(mix: np.ndarray, artist: Artist, trim: float = 0.0) -> np.ndarray:
    """Compute the gain curve that masters a full mix: compressor, limiter, loudness and fades.

    The curve has shape (samples,). Multiply the mix or any of its stems by it; ``|mix * gain|`` stays below
    ``CEILING``. ``trim`` (dB) is added to the loudness of the artist's masters.
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
    for _ in range(12):  # limiting lowers the loudness, so approach the target in steps
        gain *= target / np.sqrt(np.mean(power * (curve * gain * _limit(peak * curve * gain, ceiling)) ** 2) + 1e-12)
    curve = curve * gain * _limit(peak * curve * gain, ceiling)
    # Interpolation between block centres can exceed the gain that a peak allows; the check below corrects that.
    centres = (np.arange(len(curve)) + 0.5) * BLOCK
    gains = np.interp(np.arange(size), centres, curve).astype(np.float32)
    excess = np.abs(mix * gains).max() / ceiling
    if excess > 1:
        gains /= np.float32(excess)
    fade = np.sin(np.linspace(0, np.pi / 2, min(FADE, size // 2), dtype=np.float32)) ** 2
    gains[: len(fade)] *= fade
    gains[size - len(fade) :] *= fade[::-1]
    return gains


def _limit(peak, ceiling):
    """Compute a smooth gain per block that keeps peaks below the ceiling and drops before they arrive."""
    allowed = np.minimum(1, ceiling / maximum_filter1d(peak, 3))
    return uniform_filter1d(minimum_filter1d(allowed, 9), 9)
