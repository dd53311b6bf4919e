"""Synthesise voices that sing, shout, growl or rap syllables without words.

The vocal folds make a buzz or noise, the source. Mouth and throat filter it: their resonances, the formants, make the
vowel. A consonant before the vowel is a short noise or a hum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft

from musiclab.core.random import stream
from musiclab.studio.synthesis import SAMPLE_RATE, TABLE, VIBRATO_RATE, read_cycle, to_hertz

# First three formants in Hz of vowels spoken by men: Peterson and Barney (1952), Table II.
VOWELS = {
    "i": (270, 2290, 3010),
    "e": (530, 1840, 2480),
    "ae": (660, 1720, 2410),
    "a": (730, 1090, 2440),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
    "ih": (390, 1990, 2550),
    "oo": (440, 1020, 2240),
    "uh": (640, 1190, 2390),
    "er": (490, 1350, 1690),
}
HIGHER_FORMANTS = (3400, 4500)  # Hz, of all vowels

# Lowest and highest frequency in Hz, duration in s, and level of the noise of a consonant. A level of 0 is a hum.
CONSONANTS = {
    "s": (4500, 9500, 0.10, 0.45),
    "sh": (2200, 7000, 0.09, 0.45),
    "f": (1500, 9000, 0.07, 0.10),
    "h": (500, 4000, 0.06, 0.15),
    "t": (3000, 9000, 0.025, 0.5),
    "k": (1400, 3500, 0.03, 0.5),
    "p": (300, 2000, 0.02, 0.4),
    "n": (200, 500, 0.06, 0.0),
    "": (200, 500, 0.0, 0.0),
}
NOISE = 8192  # samples of a noise that is repeated

Note = tuple[float, float, int | str, float]  # start, length, pitch and velocity (0 to 1), as in `parts`


@dataclass(frozen=True)
class Voice:
    """A voice and its manner of singing."""

    register: int  # MIDI pitch around which the voice sings
    size: float = 1.0  # factor on the formants of a man: 1.15 for a woman
    slope: float = 1.0  # partial h of the vocal folds has amplitude h ** -slope; a loud voice is brighter
    breath: float = 0.05  # level of the breath relative to the tone
    growl: float = 0.0  # roughness, 0 to 1
    vibrato: float = 0.3  # depth in semitones
    speaks: bool = False  # rap: follow the melody of speech instead of the notes
    double: float = 0.0  # level of a second take, a few cents out of tune

    def sing(self, notes: Sequence[Note], size: int, preroll: float, brightness: float, seed: int) -> np.ndarray:
        """Sing a melody as a float32 waveform of shape (size,), which starts ``preroll`` s before time 0.

        Each note becomes a syllable: a vowel that glides towards another one, often after a consonant. ``seed`` decides
        which ones. Notes are moved by octaves to the register of the voice. Start and length of a note are in s.
        """
        waveform = np.zeros(size + SAMPLE_RATE, np.float32)
        takes = [(0.0, 0.0, 1.0)] + [(0.12, 0.018, self.double)] * (self.double > 0)
        for detune, delay, level in takes:  # semitones, seconds and a factor
            previous = self.register
            for index, (start, length, pitch, velocity) in enumerate(notes):
                rng = stream(seed, "syllable", index, detune)
                pitch = self._choose_pitch(pitch, rng)
                syllable, lead_in = self._syllable(pitch + detune, previous + detune, length, brightness, rng)
                previous = pitch
                first = round((start + delay + preroll - lead_in) * SAMPLE_RATE)
                skip = max(0, -first)
                if first + skip < size:
                    part = syllable[skip : size - first]
                    waveform[first + skip : first + skip + len(part)] += np.float32(level * velocity) * part
        return waveform[:size]

    def _choose_pitch(self, pitch, rng):
        """Move a note to the register; speech only hints at the melody."""
        distance = (pitch - self.register + 6) % 12 - 6
        return self.register + 0.35 * distance + rng.uniform(-1.5, 1.5) if self.speaks else self.register + distance

    def _syllable(self, pitch, previous, length, brightness, rng):
        """Synthesise a syllable; return it, and the duration of its consonant in s, which comes before the beat."""
        names = list(VOWELS)
        vowels = [names[i] for i in rng.integers(len(names), size=2)]
        low, high, lead_in, level = list(CONSONANTS.values())[rng.integers(len(CONSONANTS))]
        seconds = max(0.08, min(length, 3.0)) + 0.05
        frequency = self._glide(seconds, pitch, previous, rng)
        vowel = self._vowel(seconds, vowels, frequency, round(pitch), brightness, rng)
        consonant = int(lead_in * SAMPLE_RATE)
        syllable = np.zeros(len(vowel) + consonant, np.float32)
        syllable[consonant:] = 0.2 * vowel
        if consonant and level:
            hiss = _consonant_noise(low, high)[int(rng.integers(NOISE // 2)) :][:consonant]
            hiss = hiss * np.hanning(consonant + 2)[1:-1]
            syllable[:consonant] += np.float32(0.2 * level * rng.uniform(0.5, 1.2)) * hiss
        elif consonant:
            hum = np.sin(2 * np.pi * frequency[0] * np.arange(consonant) / SAMPLE_RATE)
            syllable[:consonant] += np.float32(0.08) * (hum * np.linspace(0, 1, consonant)).astype(np.float32)
        return syllable, lead_in

    def _glide(self, seconds, pitch, previous, rng):
        """Compute the frequency in Hz at each sample: singers glide to a note, speech falls."""
        n = int(seconds * SAMPLE_RATE)
        time = np.arange(n, dtype=np.float32) / SAMPLE_RATE
        bend = 3 - 5 * time / seconds if self.speaks else (previous - pitch) * np.exp(-time / 0.03)
        bend = np.clip(bend, -5, 5) + 0.15 * _drift(n, rng)
        depth = self.vibrato * np.clip(time / 0.2 - 1, 0, 1)
        bend = bend + depth * np.sin(2 * np.pi * VIBRATO_RATE * rng.uniform(0.9, 1.1) * time)
        return to_hertz(pitch, bend)

    def _vowel(self, seconds, vowels, frequency, pitch, brightness, rng):
        """Synthesise a vowel that glides to another one, with breath and roughness, shape (samples,)."""
        n = len(frequency)
        time = np.arange(n, dtype=np.float32) / SAMPLE_RATE
        phase = np.cumsum(frequency, dtype=np.float64) / SAMPLE_RATE
        share = np.clip((time / seconds - 0.15) / 0.5, 0, 1).astype(np.float32) * np.float32(rng.uniform(0.3, 1))
        first, second = (
            read_cycle(_vowel_cycle(vowel, pitch, self.size, self.slope, brightness), phase) for vowel in vowels
        )
        tone = (1 - share) * first + share * second
        position = (np.arange(n) + int(rng.integers(NOISE))) % NOISE
        first, second = (_vowel_noise(vowel, self.size)[position] for vowel in vowels)
        breath = first * (1 - share) + second * share
        if self.growl:
            tone = tone * (1 + np.float32(self.growl) * (np.abs(_drift(n, rng, 90.0)) - 0.8))
            breath = breath * (1 + 4 * np.float32(self.growl))
        tone = tone + np.float32(self.breath) * breath
        envelope = np.minimum(1, time / 0.025) * np.clip((seconds - time) / 0.06, 0, 1)
        return (tone * envelope * (1 - 0.25 * time / seconds)).astype(np.float32)


def _drift(n, rng, rate=6.0):
    """Draw a smooth random curve with ``rate`` values per second."""
    points = rng.standard_normal(int(n * rate / SAMPLE_RATE) + 3).astype(np.float32)
    return np.interp(np.arange(n) * (rate / SAMPLE_RATE), np.arange(len(points)), points).astype(np.float32)


def _vocal_tract(frequencies, vowel, size):
    """Compute the gain of the vocal tract for a vowel at each frequency: the product of its resonances."""
    gain = np.ones(len(frequencies))
    for formant in np.array((*VOWELS[vowel], *HIGHER_FORMANTS)) * size:
        width = 60 + 0.06 * formant
        gain *= formant**2 / np.sqrt((formant**2 - frequencies**2) ** 2 + (width * frequencies) ** 2)
    return gain * (1 + (frequencies / 3500) ** 2)  # formants above the fifth


@lru_cache(maxsize=2000)
def _vowel_cycle(vowel, pitch, size, slope, brightness):
    frequency = to_hertz(pitch)
    partials = np.arange(1, min(90, int(0.45 * SAMPLE_RATE / frequency)) + 1)
    amplitudes = partials ** -(slope / brightness) * _vocal_tract(partials * frequency, vowel, size)
    spectrum = np.zeros(TABLE // 2 + 1, np.complex64)
    spectrum[partials] = amplitudes * np.exp(-1j * np.pi * partials * (partials - 1) / len(partials))
    cycle = scipy.fft.irfft(spectrum)
    cycle /= np.sqrt(np.mean(cycle**2)) + 1e-9
    return np.append(cycle, cycle[0]).astype(np.float32)


@lru_cache(maxsize=100)
def _vowel_noise(vowel, size):
    frequencies = np.fft.rfftfreq(NOISE, 1 / SAMPLE_RATE)
    phases = stream(5, "breath", vowel).uniform(0, 2 * np.pi, len(frequencies))
    noise = scipy.fft.irfft(_vocal_tract(frequencies, vowel, size) * (frequencies > 300) * np.exp(1j * phases))
    return (noise / noise.std()).astype(np.float32)


@lru_cache(maxsize=20)
def _consonant_noise(low, high):
    frequencies = np.fft.rfftfreq(NOISE, 1 / SAMPLE_RATE)
    phases = stream(6, "consonant", low).uniform(0, 2 * np.pi, len(frequencies))
    gains = 1 / (1 + (low / np.maximum(frequencies, 1)) ** 6) / (1 + (frequencies / high) ** 6)
    noise = scipy.fft.irfft(gains * np.exp(1j * phases))
    return (noise / noise.std()).astype(np.float32)


VOICES = {
    "baritone": Voice(50, 1.0, slope=1.0, breath=0.06),
    "tenor": Voice(57, 1.04, slope=0.9, breath=0.05, double=0.5),
    "alto": Voice(62, 1.12, slope=1.0, breath=0.08),
    "soprano": Voice(68, 1.17, slope=0.9, breath=0.06, double=0.5),
    "crooner": Voice(52, 1.0, slope=1.3, breath=0.12, vibrato=0.4),
    "opera singer": Voice(71, 1.1, slope=0.8, breath=0.02, vibrato=0.7),
    "shouter": Voice(61, 1.02, slope=0.6, breath=0.15, growl=0.35, vibrato=0.15, double=0.5),
    "growler": Voice(45, 0.92, slope=0.4, breath=0.8, growl=0.8, vibrato=0.0, double=0.7),
    "rapper": Voice(47, 1.0, slope=0.8, breath=0.1, growl=0.1, vibrato=0.0, speaks=True, double=0.4),
    "toaster": Voice(54, 1.05, slope=0.8, breath=0.1, growl=0.15, vibrato=0.1, speaks=True),
}
"""The voices by name."""
