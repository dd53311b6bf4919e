"""The workbench of the Street sounds: noise, pulses, resonances, contours, spans of time and rooms.

Everything here is a pure function of its arguments; what is random takes a ``numpy.random.Generator``. Sounds are
source and filter: something periodic or noisy (`wavetable`, `noise`, `hits`) through something that rings
(`ringing`, `equalise`, `reverberate`). Nothing makes a partial above `HIGHEST`, so nothing whistles by aliasing.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import fft, signal

SAMPLE_RATE = 22050
HIGHEST = 10_000.0  # Hz: the highest partial made, a tenth under the Nyquist frequency of 11,025 Hz

Spans = Sequence[tuple[float, float]]  # stretches of time, (start, end) in seconds


class Sound(NamedTuple):
    """A rendered sound and what is true of it.

    Attributes
    ----------
    waveform : ndarray, shape (n,)
        float64 samples at `SAMPLE_RATE`, of any level: the scene sets the level.
    truth : dict
        What was asked or drawn (rates, frequencies, times), of numbers, strings and lists, ready for JSON.
    """

    waveform: np.ndarray
    truth: dict


def n_samples(seconds: float) -> int:
    """Samples in `seconds` at `SAMPLE_RATE`, rounded to the nearest."""
    return round(seconds * SAMPLE_RATE)


def given(value, drawn):
    """`value`, or what was drawn where `value` is None.

    The draw is made either way, so that fixing one thing about a sound leaves what is drawn after it as it was.
    """
    return drawn if value is None else value


def rms(x: np.ndarray) -> float:
    """Root of the mean square of `x`, at least 1e-12 so that it can be divided by."""
    return max(float(np.sqrt(np.mean(np.square(x)))), 1e-12)


def _gains(size: int, curve: Sequence[tuple[float, float]]) -> np.ndarray:
    """Amplitude gains of a curve of (Hz, dB) points at the frequencies of a real FFT of `size`; none at 0 Hz."""
    hz, decibels = np.array(curve, dtype=float).T
    grid = np.geomspace(1, SAMPLE_RATE / 2, 500)  # 37 an octave: logarithms of 500 points, not of 100,000
    gains = 10 ** (np.interp(np.log(grid), np.log(hz), decibels) / 20)
    gains = np.interp(fft.rfftfreq(size, 1 / SAMPLE_RATE), grid, gains)
    gains[0] = 0.0
    return gains


def noise(n: int, rng: np.random.Generator, curve: Sequence[tuple[float, float]]) -> np.ndarray:
    """Gaussian noise with a drawn spectrum, made in the frequency domain.

    Parameters
    ----------
    n : int
        Samples to make.
    rng : numpy.random.Generator
        Where the noise comes from.
    curve : sequence of (float, float)
        Points (Hz, dB) in rising frequency, joined by straight lines over log frequency, flat outside.

    Returns
    -------
    ndarray, shape (n,)
        Unit RMS.
    """
    size = fft.next_fast_len(n, real=True)
    # Single precision is plenty for noise, and twice as fast.
    spectrum = rng.standard_normal(2 * (size // 2 + 1), dtype=np.float32).view(np.complex64)
    x = fft.irfft(spectrum * _gains(size, curve).astype(np.float32), size)[:n].astype(float)
    return x / rms(x)


def equalise(x: np.ndarray, curve: Sequence[tuple[float, float]]) -> np.ndarray:
    """Filter `x`, shape (n,), by the gain curve of `noise`, without phase shift and without wrapping round."""
    size = fft.next_fast_len(len(x) + 2048, real=True)  # 93 ms of room for what the filter smears
    return fft.irfft(fft.rfft(x, size) * _gains(size, curve), size)[: len(x)]


def drift(n: int, rng: np.random.Generator, rate: float) -> np.ndarray:
    """A smooth random contour, shape (n,): about `rate` fresh values a second, each of mean 0 and deviation 1."""
    position = np.arange(n) * (rate / SAMPLE_RATE)
    points = rng.standard_normal(int(n * rate / SAMPLE_RATE) + 3)
    left = position.astype(int)
    t = position - left
    t *= t * (3 - 2 * t)  # smoothstep: no corners at the points
    return points[left] * (1 - t) + points[left + 1] * t


def wavetable(frequency: np.ndarray, amplitudes: Sequence[float]) -> np.ndarray:
    """A tone of harmonic partials, none above `HIGHEST`.

    Parameters
    ----------
    frequency : ndarray, shape (n,)
        Fundamental at each sample, in Hz.
    amplitudes : sequence of float
        Amplitude of partial 1, 2, ...; those that the highest fundamental would carry above `HIGHEST` are left out.

    Returns
    -------
    ndarray, shape (n,)
    """
    phase = np.cumsum(frequency) / SAMPLE_RATE
    return wavetable_at(phase, amplitudes, float(np.max(frequency)))


def wavetable_at(phase: np.ndarray, amplitudes: Sequence[float], highest: float) -> np.ndarray:
    """`wavetable` for a phase in cycles, shape (n,), whose fundamental never passes `highest` Hz."""
    partials = np.asarray(amplitudes, dtype=float)[: max(1, int(HIGHEST / highest))]
    size = 8192  # linear reading of partial 100 is off by 0.07 %, -63 dB
    spectrum = np.zeros(size // 2 + 1, dtype=complex)
    # Phases that grow with the square of the partial's number (Schroeder 1970) keep the tone from spiking.
    k = np.arange(1, len(partials) + 1)
    spectrum[k] = partials * np.exp(-1j * np.pi * k * (k - 1) / len(partials)) * size / 2
    table = np.append(fft.irfft(spectrum, size), 0.0)
    table[-1] = table[0]
    position = (phase % 1.0) * size
    left = np.minimum(position.astype(int), size - 1)
    return table[left] + (position - left) * (table[left + 1] - table[left])


def hits(n: int, times: np.ndarray, gains: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """The sound `shape`, shape (m,), struck at `times` (s) with `gains`: shape (n,). Hits outside are left out."""
    position = np.asarray(times) * SAMPLE_RATE
    inside = (position >= 0) & (position < n - 1)
    position, gains = position[inside], np.asarray(gains, dtype=float)[inside]
    left = position.astype(int)
    train = np.zeros(n)
    # A hit between two samples is shared by both, so that a regular rate does not become an irregular one.
    np.add.at(train, left, gains * (1 - (position - left)))
    np.add.at(train, left + 1, gains * (position - left))
    return signal.oaconvolve(train, shape)[:n]


def ringing(frequencies: Sequence[float], decays: Sequence[float], amplitudes: Sequence[float]) -> np.ndarray:
    """The ring of a struck body: decaying sines.

    Parameters
    ----------
    frequencies, decays, amplitudes : sequence of float
        Of each mode: Hz, seconds to fall by 60 dB, and height. Modes above `HIGHEST` are left out.

    Returns
    -------
    ndarray, shape (n,)
        As long as the longest decay.
    """
    t = np.arange(n_samples(max(decays)) + 1) / SAMPLE_RATE
    body = np.zeros(len(t))
    for frequency, decay, amplitude in zip(frequencies, decays, amplitudes, strict=True):
        if frequency < HIGHEST:
            body += amplitude * np.exp(-6.9 * t / decay) * np.sin(2 * np.pi * frequency * t)
    return body


def gate(n: int, spans: Spans, attack: float, release: float) -> np.ndarray:
    """An envelope, shape (n,): 1 inside `spans`, 0 outside, rising in `attack` s and falling in `release` s within."""
    times, levels = [-1.0], [0.0]
    for start, end in spans:
        attack_here, release_here = (min(x, 0.45 * (end - start)) for x in (attack, release))
        times += [start, start + attack_here, end - release_here, end]
        levels += [0.0, 1.0, 1.0, 0.0]
    return np.interp(np.arange(n) / SAMPLE_RATE, times, levels)


def stretches(
    spans: Spans, rng: np.random.Generator, on: tuple[float, float], off: tuple[float, float]
) -> list[tuple[float, float]]:
    """Cut spans into work and rest: stretches of `on` s (least, most), rests of `off`; each span begins with work."""
    pieces = []
    for start, end in spans:
        while end - start > 0.08:
            stop = min(end, start + rng.uniform(*on))
            stop = end if end - stop < 0.08 else stop
            pieces.append((start, stop))
            start = stop + rng.uniform(*off)
    return pieces


def reverberate(x: np.ndarray, rng: np.random.Generator, seconds: float, wet: float) -> np.ndarray:
    """Put `x`, shape (n,), into a space.

    Parameters
    ----------
    x : ndarray, shape (n,)
    rng : numpy.random.Generator
        Draws the reflections.
    seconds : float
        Reverberation time, in which the tail falls by 60 dB.
    wet : float
        RMS of the reflected sound over that of the direct sound.

    Returns
    -------
    ndarray, shape (n,)
    """
    n = n_samples(seconds)
    tail = noise(n, rng, [(100, -6), (300, 0), (2000, -3), (8000, -18)])
    tail *= np.exp(-6.9 * np.arange(n) / n)
    early = (rng.uniform(0.004, 0.06, 6) * SAMPLE_RATE).astype(int)
    tail[early[early < n]] += rng.normal(0, 4, 6)[early < n]
    tail[0] = 0.0
    tail *= wet / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return signal.oaconvolve(x, tail)[: len(x)]
