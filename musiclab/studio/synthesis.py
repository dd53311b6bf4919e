"""Synthesise single notes of pitched instruments, without aliasing: no partial lies above 0.45 of the sample rate."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft

from musiclab.core.random import stream

SAMPLE_RATE = 22_050  # Hz, that of GTZAN
TABLE = 2048  # samples in one stored cycle: linear interpolation errs by under 0.3 % at the 50th partial
GOLDEN = 0.6180339887
VIBRATO_RATE = 5.5  # Hz


@dataclass(frozen=True)
class Instrument:
    """A way of making notes, with the settings of an amplifier for their sum."""

    drive: float = 0.0  # gain in front of the amplifier's overdrive; 0 is a clean sound without one
    strum: bool = False  # whether the notes of a chord come one after the other

    def play(self, pitch: int, seconds: float, brightness: float = 1.0) -> np.ndarray:
        """Play a MIDI pitch as a float32 waveform, shape (samples,), with an RMS near 0.2 where it is loudest.

        ``seconds`` is its length without the release; a ``brightness`` above 1 strengthens the high partials.
        """
        return self.tone(440.0 * 2 ** ((pitch - 69) / 12), seconds, brightness)

    def tone(self, frequency: float, seconds: float, brightness: float = 1.0) -> np.ndarray:
        """Play one note of any ``frequency`` in Hz."""
        raise NotImplementedError


@dataclass(frozen=True)
class Plucked(Instrument):
    """A plucked string, after Karplus and Strong (Computer Music Journal 7(2), 1983).

    Their loop is a delay of one period and a gentle low-pass. Its transfer function,
    ``1 / (1 - g(f) exp(-2 pi i f / frequency))``, is evaluated in the frequency domain, so that the pitch is exact, and
    on a circle a little outside the unit circle, so that the end of the note does not wrap around to its start.
    """

    strum: bool = True
    ring: float = 2.0  # seconds until the fundamental has fallen by 60 dB
    damping: float = 1.0  # how much faster high partials die
    pick: float = 0.18  # where it is plucked, as a share of its length: partials with a node at that point are missing

    def tone(self, frequency: float, seconds: float, brightness: float = 1.0) -> np.ndarray:
        release = 0.05  # seconds in which the finger damps the string
        size = int((min(seconds, 1.2 * self.ring) + release) * SAMPLE_RATE)
        fast = scipy.fft.next_fast_len(size + 512, real=True)  # room for what rings before the first sample
        bins = np.arange(fast // 2 + 1, dtype=np.float32) / np.float32(fast)  # cycles per sample
        hertz = bins * np.float32(SAMPLE_RATE)
        period = SAMPLE_RATE / frequency
        circle = 6.9 / fast  # nepers per sample: the end of the buffer is 60 dB down on the circle
        decay = 6.9 / self.ring * (1 + self.damping * (hertz / 1200) ** 2)  # nepers per second
        angle = np.float32(2 * np.pi * period) * bins
        loop = np.exp(np.float32(-period) * (np.float32(circle) + decay / SAMPLE_RATE))
        loop = loop * (np.cos(angle) - 1j * np.sin(angle))
        burst = _burst(period, round(frequency * 100))
        delay = max(1, round(self.pick * period))
        source = np.append(burst, np.zeros(delay))
        source[delay:] -= 0.9 * burst
        source *= np.exp(-circle * np.arange(len(source)))
        spectrum = scipy.fft.rfft((source - source.mean()).astype(np.float32), fast)
        # No sharp edges in these filters: they would ring, and the way back from the circle would amplify that.
        spectrum *= 1 / ((1 + (hertz / (1800 * brightness)) ** 2) * (1 + (hertz / 8500) ** 8))
        string = scipy.fft.irfft(spectrum / (1 - loop), fast)[:size]
        string *= np.exp(np.float32(circle) * np.arange(size, dtype=np.float32))
        return _level(string, release)


@dataclass(frozen=True)
class Struck(Instrument):
    """A piano string, whose higher partials decay sooner, or a bar or tine, whose partials are listed in ``ratios``.

    Each has a frequency ratio, an amplitude and a share of ``ring``.
    """

    slope: float = 1.2  # partial h has amplitude h ** -slope
    ring: float = 2.5  # seconds until the fundamental has fallen by 60 dB at middle C; low notes ring longer
    mallet: float = 0.0  # loudness of the knock at the start
    ratios: Sequence[tuple[float, float, float]] = ()

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
    """A note that is bowed, blown, sung or held on a keyboard, read from one cycle of a wave."""

    slope: float = 1.0  # partial h has amplitude h ** -slope
    even: float = 1.0  # factor on the even partials: a clarinet has few of those
    drawbars: Sequence[tuple[int, float]] = ()  # partials and amplitudes, as on an organ, instead of `slope`
    cutoff: float = 3000.0  # Hz over which partials fall off; brightness multiplies it
    bite: float = 0.0  # how much brighter the first tenth of a second is, 0 to 1: brass, synthesiser basses
    attack: float = 0.02  # seconds until the tone is full
    release: float = 0.08  # seconds of fade at the end
    vibrato: float = 0.0  # depth in semitones, setting in after a quarter of a second
    voices: int = 1  # players
    detune: float = 0.0  # semitones by which the outermost of them are off
    formants: Sequence[tuple[float, float]] = ()  # resonances of a throat or a body: centre and width in Hz
    breath: float = 0.0  # share of noise
    bend: float = 0.0  # semitones under the pitch at which the note starts

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
        wobble = np.zeros(size)  # seconds by which the wave runs ahead
        if self.vibrato:
            depth = self.vibrato * np.log(2) / 12 * np.clip(time / 0.25 - 1, 0, 1)
            wobble -= depth / (2 * np.pi * VIBRATO_RATE) * np.cos(2 * np.pi * VIBRATO_RATE * time)
        if self.bend:
            wobble -= (1 - 2 ** (-self.bend / 12)) * 0.07 * (1 - np.exp(-time / 0.07))
        for player, offset in enumerate(offsets):
            tone += read_cycle(wave, frequency * 2 ** (offset / 12) * (time + wobble) + player * GOLDEN)
        if self.bite:
            dull = read_cycle(_cycle(amplitudes / (1 + (partials / 3) ** 2)), frequency * time)
            edge = np.exp(-time / 0.1).astype(np.float32) * np.float32(self.bite) + np.float32(1 - self.bite)
            tone = edge * tone / self.voices + (1 - edge) * dull
        if self.breath:
            noise = stream(11, "breath").standard_normal(size).astype(np.float32)
            tone = tone + np.float32(self.breath * np.std(tone)) * noise
        rise = min(size, max(8, int(self.attack * SAMPLE_RATE)))
        tone[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)
        return _level(tone, self.release)


def read_cycle(cycle: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """Read a stored cycle, whose last value repeats its first, at ``phase`` (in cycles), interpolating linearly."""
    size = len(cycle) - 1
    position = ((phase - np.floor(phase)) * size).astype(cycle.dtype)
    left = np.minimum(position.astype(np.int32), size - 1)
    below = cycle[left]
    return below + (position - left.astype(cycle.dtype)) * (cycle[left + 1] - below)


def _burst(period: float, seed: int) -> np.ndarray:
    """Make one period of noise in which all partials are equally loud."""
    size = int(period)
    angles = stream(seed, "pluck").uniform(0, 2 * np.pi, size // 2 + 1)
    return scipy.fft.irfft(np.exp(1j * angles), size)


def _partials(frequency: float) -> np.ndarray:
    """Numbers of the partials below 0.45 of the sample rate, at most 60."""
    return np.arange(1.0, min(60, int(0.45 * SAMPLE_RATE / frequency)) + 1)


def _cycle(amplitudes: np.ndarray) -> np.ndarray:
    """Make one cycle of these partial amplitudes, shape (TABLE + 1,); scattered phases keep its peak low."""
    spectrum = np.zeros(TABLE // 2 + 1, np.complex64)
    partials = np.arange(1, len(amplitudes) + 1)
    spectrum[1 : len(amplitudes) + 1] = amplitudes * np.exp(2j * np.pi * GOLDEN * partials**2)
    cycle = scipy.fft.irfft(spectrum) * np.float32(TABLE / 2)
    return np.append(cycle, cycle[0])


def _level(tone: np.ndarray, release: float) -> np.ndarray:
    """Scale a note to an RMS near 0.2 in its first 0.2 s, and fade its ends."""
    head = tone[: min(len(tone), SAMPLE_RATE // 5)]
    tone = tone * np.float32(0.2 / (np.sqrt(np.mean(head**2)) + 1e-9))
    fade = min(len(tone), max(16, int(release * SAMPLE_RATE)))
    tone[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32) ** 2
    tone[:8] *= np.linspace(0, 1, 8, dtype=np.float32)[: len(tone)]
    return tone
