"""Synthesise single notes of pitched instruments. To avoid aliasing, partials end at 0.45 times the sample rate."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft

from musiclab.core.random import stream

SAMPLE_RATE = 22_050
"""Sample rate of generated sound in Hz, as in GTZAN."""

TABLE = 2048  # samples per wavetable cycle: linear interpolation is off by less than 0.3 % at the 50th partial
GOLDEN = 0.6180339887
VIBRATO_RATE = 5.5  # Hz


def to_hertz(pitch: float, bend: float | np.ndarray = 0) -> float | np.ndarray:
    """Return the frequency in Hz of a MIDI pitch, ``bend`` semitones higher.

    >>> to_hertz(57)
    220.0
    """
    return 440.0 * 2 ** ((pitch - 69 + bend) / 12)


@dataclass(frozen=True)
class Instrument:
    """Base class of instruments, with the settings of the amplifier that they play through."""

    drive: float = 0.0  # gain before the amplifier's overdrive; 0 bypasses the amplifier
    strum: bool = False  # play the notes of a chord one after the other

    def play(self, pitch: int, seconds: float, brightness: float = 1.0) -> np.ndarray:
        """Synthesise one note of a MIDI pitch as a float32 waveform of shape (samples,), with an RMS near 0.2.

        ``seconds`` is its duration without the release. A ``brightness`` above 1 strengthens the high partials.

        >>> Struck().play(69, 0.5).dtype
        dtype('float32')
        """
        return self.tone(to_hertz(pitch), seconds, brightness)

    def tone(self, frequency: float, seconds: float, brightness: float = 1.0) -> np.ndarray:
        """Synthesise one note with a fundamental of ``frequency`` Hz."""
        raise NotImplementedError


@dataclass(frozen=True)
class Plucked(Instrument):
    """A plucked string, after Karplus and Strong (Computer Music Journal 7(2), 1983).

    Their loop is a delay of one period and a gentle low-pass filter. We evaluate its transfer function,
    ``1 / (1 - g(f) exp(-2 pi i f / frequency))``, in the frequency domain, which makes the pitch exact. The evaluation
    circle lies slightly outside the unit circle, so that the end of the note does not wrap around to its start.
    """

    strum: bool = True
    ring: float = 2.0  # seconds until the fundamental has fallen by 60 dB
    damping: float = 1.0  # how much faster high partials decay
    pick: float = 0.18  # plucking point as a fraction of the string; partials with a node there are missing

    def tone(self, frequency: float, seconds: float, brightness: float = 1.0) -> np.ndarray:
        release = 0.05  # seconds in which the finger damps the string
        size = int((min(seconds, 1.2 * self.ring) + release) * SAMPLE_RATE)
        n_fft = scipy.fft.next_fast_len(size + 512, real=True)  # extra room for ringing before the first sample
        bins = np.arange(n_fft // 2 + 1, dtype=np.float32) / np.float32(n_fft)  # cycles per sample
        frequencies = bins * np.float32(SAMPLE_RATE)  # Hz
        period = SAMPLE_RATE / frequency
        circle = 6.9 / n_fft  # nepers per sample: attenuates the end of the buffer by 60 dB
        decay = 6.9 / self.ring * (1 + self.damping * (frequencies / 1200) ** 2)  # nepers per second
        angle = np.float32(2 * np.pi * period) * bins
        loop = np.exp(np.float32(-period) * (np.float32(circle) + decay / SAMPLE_RATE))
        loop = loop * (np.cos(angle) - 1j * np.sin(angle))
        burst = _burst(period, round(frequency * 100))
        delay = max(1, round(self.pick * period))
        source = np.append(burst, np.zeros(delay))
        source[delay:] -= 0.9 * burst
        source *= np.exp(-circle * np.arange(len(source)))
        spectrum = scipy.fft.rfft((source - source.mean()).astype(np.float32), n_fft)
        # Steeper filters would ring, and the exponential below would amplify the ringing.
        spectrum *= 1 / ((1 + (frequencies / (1800 * brightness)) ** 2) * (1 + (frequencies / 8500) ** 8))
        string = scipy.fft.irfft(spectrum / (1 - loop), n_fft)[:size]
        string *= np.exp(np.float32(circle) * np.arange(size, dtype=np.float32))
        return _level(string, release)


@dataclass(frozen=True)
class Struck(Instrument):
    """A struck piano string, bar or tine.

    Higher partials of a string decay sooner. The partials of bars and tines are listed in ``ratios``.
    """

    slope: float = 1.2  # partial h has amplitude h ** -slope
    ring: float = 2.5  # seconds until the fundamental of middle C has fallen by 60 dB; lower notes ring longer
    mallet: float = 0.0  # loudness of the knock at the start
    ratios: Sequence[tuple[float, float, float]] = ()  # frequency ratio, amplitude and share of `ring`

    def tone(self, frequency: float, seconds: float, brightness: float = 1.0) -> np.ndarray:
        ring = self.ring * min(2.0, (261.6 / frequency) ** 0.4)
        release = 0.12  # seconds
        size = int((min(seconds, 1.2 * ring) + release) * SAMPLE_RATE)
        time = np.arange(size, dtype=np.float32) / SAMPLE_RATE
        tone = np.zeros(size, np.float32)
        if self.ratios:
            for ratio, amplitude, share in self.ratios:
                if ratio * frequency < 0.45 * SAMPLE_RATE:
                    gain = amplitude * min(1.5, brightness if ratio > 1.5 else 1.0)
                    sine = np.sin(np.float32(2 * np.pi * ratio * frequency) * time)
                    tone += gain * np.exp(-6.9 / (ring * share) * time) * sine
        else:
            partials = _partials(frequency)
            amplitudes = partials**-self.slope / (1 + (partials * frequency / (2600 * brightness)) ** 2)
            phase = frequency * np.arange(size) / SAMPLE_RATE
            for low, high, share in ((1, 2, 1.0), (3, 6, 0.55), (7, 60, 0.22)):
                group = np.where((partials >= low) & (partials <= high), amplitudes, 0)
                if group.any():
                    tone += np.exp(-6.9 / (ring * share) * time) * read_cycle(_cycle(group), phase)
        if self.mallet:
            knock = stream(7, "mallet").standard_normal(min(size, 500)) * np.exp(-np.arange(min(size, 500)) / 60)
            tone[: len(knock)] += (self.mallet * np.convolve(knock, np.ones(6) / 6, "same")).astype(np.float32)
        return _level(tone, release)


@dataclass(frozen=True)
class Sustained(Instrument):
    """A bowed, blown, sung or keyboard sound that lasts as long as its note, read from a wavetable."""

    slope: float = 1.0  # partial h has amplitude h ** -slope
    even: float = 1.0  # factor on the even partials, which are weak in a clarinet
    drawbars: Sequence[tuple[int, float]] = ()  # partials and amplitudes, as on an organ; replaces `slope`
    cutoff: float = 3000.0  # low-pass cutoff of the partials in Hz; brightness multiplies it
    bite: float = 0.0  # extra brightness in the first tenth of a second, 0 to 1: brass, synthesiser basses
    attack: float = 0.02  # seconds of fade-in
    release: float = 0.08  # seconds of fade-out
    vibrato: float = 0.0  # depth in semitones; the vibrato starts after a quarter of a second
    voices: int = 1  # number of players
    detune: float = 0.0  # semitones by which the outermost players are out of tune
    formants: Sequence[tuple[float, float]] = ()  # resonances of throat or body: centre and width in Hz
    breath: float = 0.0  # share of noise
    bend: float = 0.0  # semitones below the pitch at which the note starts

    def tone(self, frequency: float, seconds: float, brightness: float = 1.0) -> np.ndarray:
        size = int((seconds + self.release) * SAMPLE_RATE)
        time = np.arange(size) / SAMPLE_RATE
        partials = _partials(frequency)
        if self.drawbars:
            amplitudes = np.zeros(len(partials))
            for partial, amplitude in self.drawbars:
                if partial <= len(partials):
                    amplitudes[partial - 1] = amplitude * (brightness if partial > 3 else 1.0)
        else:
            amplitudes = partials**-self.slope * np.where(partials % 2 == 0, self.even, 1.0)
            amplitudes /= 1 + (partials * frequency / (self.cutoff * brightness)) ** 4
        if self.formants:
            resonances = [1 / (1 + ((partials * frequency - center) / width) ** 2) for center, width in self.formants]
            amplitudes = amplitudes * (0.06 + np.sum(resonances, axis=0))
        wave = _cycle(amplitudes)
        offsets = np.linspace(-1, 1, self.voices) * self.detune if self.voices > 1 else (0.0,)
        tone = np.zeros(size, np.float32)
        time_shift = np.zeros(size)  # seconds
        if self.vibrato:
            depth = self.vibrato * np.log(2) / 12 * np.clip(time / 0.25 - 1, 0, 1)
            time_shift -= depth / (2 * np.pi * VIBRATO_RATE) * np.cos(2 * np.pi * VIBRATO_RATE * time)
        if self.bend:
            time_shift -= (1 - 2 ** (-self.bend / 12)) * 0.07 * (1 - np.exp(-time / 0.07))
        for player, offset in enumerate(offsets):
            tone += read_cycle(wave, frequency * 2 ** (offset / 12) * (time + time_shift) + player * GOLDEN)
        if self.bite:
            dark = read_cycle(_cycle(amplitudes / (1 + (partials / 3) ** 2)), frequency * time)
            edge = np.exp(-time / 0.1).astype(np.float32) * np.float32(self.bite) + np.float32(1 - self.bite)
            tone = edge * tone / self.voices + (1 - edge) * dark
        if self.breath:
            noise = stream(11, "breath").standard_normal(size).astype(np.float32)
            tone = tone + np.float32(self.breath * np.std(tone)) * noise
        attack = min(size, max(8, int(self.attack * SAMPLE_RATE)))  # samples
        tone[:attack] *= np.linspace(0, 1, attack, dtype=np.float32)
        return _level(tone, self.release)


def read_cycle(cycle: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """Read a wavetable at ``phase`` (in cycles) with linear interpolation; its last value must repeat its first."""
    size = len(cycle) - 1
    position = ((phase - np.floor(phase)) * size).astype(cycle.dtype)
    left = np.minimum(position.astype(np.int32), size - 1)
    below = cycle[left]
    return below + (position - left.astype(cycle.dtype)) * (cycle[left + 1] - below)


def _burst(period: float, seed: int) -> np.ndarray:
    """Generate one period of noise with equally loud partials."""
    size = int(period)
    angles = stream(seed, "pluck").uniform(0, 2 * np.pi, size // 2 + 1)
    return scipy.fft.irfft(np.exp(1j * angles), size)


def _partials(frequency: float) -> np.ndarray:
    """List the indices of the partials below 0.45 times the sample rate, at most 60."""
    return np.arange(1.0, min(60, int(0.45 * SAMPLE_RATE / frequency)) + 1)


def _cycle(amplitudes: np.ndarray) -> np.ndarray:
    """Compute one wavetable cycle, shape (TABLE + 1,), from the amplitudes of its partials.

    Scattered phases keep the peak low.
    """
    spectrum = np.zeros(TABLE // 2 + 1, np.complex64)
    partials = np.arange(1, len(amplitudes) + 1)
    spectrum[1 : len(amplitudes) + 1] = amplitudes * np.exp(2j * np.pi * GOLDEN * partials**2)
    cycle = scipy.fft.irfft(spectrum) * np.float32(TABLE / 2)
    return np.append(cycle, cycle[0])


def _level(tone: np.ndarray, release: float) -> np.ndarray:
    """Scale a note to an RMS near 0.2 in its first 0.2 s, and fade it in and out."""
    head = tone[: min(len(tone), SAMPLE_RATE // 5)]
    tone = tone * np.float32(0.2 / (np.sqrt(np.mean(head**2)) + 1e-9))
    fade = min(len(tone), max(16, int(release * SAMPLE_RATE)))
    tone[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32) ** 2
    tone[:8] *= np.linspace(0, 1, 8, dtype=np.float32)[: len(tone)]
    return tone
