"""Noise, pulses, resonances, contours, spans of time and rooms for the Street sounds.

Sounds are source and filter: something periodic or noisy (``wavetable``, ``noise``, ``hits``) through something that
rings (``ringing``, ``equalise``, ``reverberate``). To avoid aliasing, no partial lies above ``HIGHEST``.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import fft, signal

from musiclab.studio.synthesis import SAMPLE_RATE, read_cycle

HIGHEST = 10_000.0  # Hz: the highest partial made, a tenth under the Nyquist frequency of 11,025 Hz

Spans = Sequence[Sequence[float]]
"""Stretches of time: start and end of each, in seconds."""

Curve = Sequence[tuple[float, float]]
"""Points (Hz, dB) in rising frequency, joined by straight lines over log frequency, flat outside."""


class Sound(NamedTuple):
    """A rendered sound and its ground truth."""

    waveform: np.ndarray  # float64, shape (n,), of any level: the scene sets the level
    truth: dict  # what was asked or drawn (rates, frequencies, times), ready for JSON


def n_samples(seconds: float) -> int:
    """Convert ``seconds`` to samples, rounded to the nearest."""
    return round(seconds * SAMPLE_RATE)


def prefer(value: Any, drawn: Any) -> Any:
    """Return ``value``, or ``drawn`` if it is None: fixing a setting leaves all later draws as they were."""
    return drawn if value is None else value


def rms(x: np.ndarray) -> float:
    """Compute the root mean square of ``x``, at least 1e-12 so that it can be divided by."""
    return max(float(np.sqrt(np.mean(np.square(x)))), 1e-12)


def noise(n: int, rng: np.random.Generator, curve: Curve) -> np.ndarray:
    """Make Gaussian noise, shape (n,), of unit RMS, whose spectrum is ``curve``."""
    size = fft.next_fast_len(n, real=True)
    # Single precision is plenty for noise, and twice as fast.
    spectrum = rng.standard_normal(2 * (size // 2 + 1), dtype=np.float32).view(np.complex64)
    x = fft.irfft(spectrum * _gains(size, curve).astype(np.float32), size)[:n].astype(float)
    return x / rms(x)


def equalise(x: np.ndarray, curve: Curve) -> np.ndarray:
    """Filter ``x``, shape (n,), by ``curve``, without phase shift and without wrapping round."""
    size = fft.next_fast_len(len(x) + 2048, real=True)  # 93 ms of room for what the filter smears
    return fft.irfft(fft.rfft(x, size) * _gains(size, curve), size)[: len(x)]


def _gains(size, curve):
    """Amplitude gains of a curve at the frequencies of a real FFT of ``size``; none at 0 Hz."""
    hz, decibels = np.array(curve, dtype=float).T
    grid = np.geomspace(1, SAMPLE_RATE / 2, 500)  # 37 per octave: logarithms of 500 points, not of 100,000
    gains = 10 ** (np.interp(np.log(grid), np.log(hz), decibels) / 20)
    gains = np.interp(fft.rfftfreq(size, 1 / SAMPLE_RATE), grid, gains)
    gains[0] = 0.0
    return gains


def drift(n: int, rng: np.random.Generator, rate: float) -> np.ndarray:
    """Draw a smooth contour, shape (n,), with mean 0, standard deviation 1 and ``rate`` new values per second."""
    position = np.arange(n) * (rate / SAMPLE_RATE)
    points = rng.standard_normal(int(n * rate / SAMPLE_RATE) + 3)
    left = position.astype(int)
    t = position - left
    t *= t * (3 - 2 * t)  # smoothstep: no corners at the points
    return points[left] * (1 - t) + points[left + 1] * t


def wavetable(frequency: np.ndarray, amplitudes: Sequence[float]) -> np.ndarray:
    """Make a harmonic tone, shape (n,), from its fundamental (Hz) at each sample and the amplitudes of its partials.

    Partials that would pass ``HIGHEST`` at the highest fundamental are left out.
    """
    return wavetable_at(np.cumsum(frequency) / SAMPLE_RATE, amplitudes, float(np.max(frequency)))


def wavetable_at(phase: np.ndarray, amplitudes: Sequence[float], highest: float) -> np.ndarray:
    """Make a harmonic tone, shape (n,), from its phase in cycles and its highest fundamental in Hz."""
    partials = np.asarray(amplitudes, dtype=float)[: max(1, int(HIGHEST / highest))]
    size = 8192  # linear reading of partial 100 is off by 0.07 %, -63 dB
    spectrum = np.zeros(size // 2 + 1, dtype=complex)
    # Phases that grow with the square of the partial's number (Schroeder 1970) keep the tone from spiking.
    k = np.arange(1, len(partials) + 1)
    spectrum[k] = partials * np.exp(-1j * np.pi * k * (k - 1) / len(partials)) * size / 2
    cycle = fft.irfft(spectrum, size)
    return read_cycle(np.append(cycle, cycle[0]), phase)


def hits(n: int, times: np.ndarray, gains: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Strike the sound ``shape`` at ``times`` (s) with ``gains``: shape (n,). Hits outside are left out."""
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
    """Ring a struck body for as long as its longest decay; modes above ``HIGHEST`` are left out.

    Each mode has a frequency (Hz), a decay (seconds to fall by 60 dB) and an amplitude.
    """
    t = np.arange(n_samples(max(decays)) + 1) / SAMPLE_RATE
    body = np.zeros(len(t))
    for frequency, decay, amplitude in zip(frequencies, decays, amplitudes, strict=True):
        if frequency < HIGHEST:
            body += amplitude * np.exp(-6.9 * t / decay) * np.sin(2 * np.pi * frequency * t)
    return body


def gate(n: int, spans: Spans, attack: float, release: float) -> np.ndarray:
    """Draw an envelope, shape (n,): 0 outside ``spans``, up to 1 in ``attack`` s and down in ``release`` s inside."""
    times, levels = [-1.0], [0.0]
    for start, end in spans:
        attack_here, release_here = (min(x, 0.45 * (end - start)) for x in (attack, release))
        times += [start, start + attack_here, end - release_here, end]
        levels += [0.0, 1.0, 1.0, 0.0]
    return np.interp(np.arange(n) / SAMPLE_RATE, times, levels)


def stretches(spans: Spans, rng: np.random.Generator, on: Sequence[float], off: Sequence[float]) -> list[list[float]]:
    """Cut spans into work of ``on`` s (least, most) and rests of ``off`` s; each span begins with work."""
    pieces = []
    for start, end in spans:
        while end - start > 0.08:
            stop = min(end, start + rng.uniform(*on))
            stop = end if end - stop < 0.08 else stop
            pieces.append([start, stop])
            start = stop + rng.uniform(*off)
    return pieces


def reverberate(x: np.ndarray, rng: np.random.Generator, seconds: float, wet: float) -> np.ndarray:
    """Put ``x``, shape (n,), into a space that reverberates for ``seconds`` (to -60 dB).

    ``wet`` is the RMS of the reflected sound relative to the direct sound.
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
