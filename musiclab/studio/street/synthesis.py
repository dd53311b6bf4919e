"""Build sounds from a source and a filter.

Sources are tones (``wavetable``), noise (``noise``) and impacts (``hits``). Filters are resonances (``ringing``),
equalisers (``equalise``) and rooms (``reverberate``). To avoid aliasing, no partial lies above ``HIGHEST``.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import fft, signal

from musiclab.studio.synthesis import SAMPLE_RATE, read_cycle

HIGHEST = 10_000.0  # Hz: the highest partial, a tenth below the Nyquist frequency of 11,025 Hz

Spans = Sequence[Sequence[float]]
"""Intervals of time, as (start, end) in seconds."""

Curve = Sequence[tuple[float, float]]
"""Frequency response as points (Hz, dB) with rising frequency, interpolated linearly over log frequency."""


class RenderedSound(NamedTuple):
    """A synthesised sound with its ground truth."""

    waveform: np.ndarray  # float64, shape (n,), of any level, because the scene sets the level
    truth: dict  # all settings (rates, frequencies, times), fixed or drawn; ready for JSON


def n_samples(seconds: float) -> int:
    """Convert ``seconds`` to the nearest number of samples."""
    return round(seconds * SAMPLE_RATE)


def prefer(value: Any, drawn: Any) -> Any:
    """Return ``value``, or ``drawn`` if it is None. A fixed setting thus doesn't change the draws after it."""
    return drawn if value is None else value


def rms(x: np.ndarray) -> float:
    """Compute the root mean square of ``x``, at least 1e-12 so that it is safe to divide by."""
    return max(float(np.sqrt(np.mean(np.square(x)))), 1e-12)


def noise(n: int, rng: np.random.Generator, curve: Curve) -> np.ndarray:
    """Generate Gaussian noise with the spectrum ``curve``, shape (n,), with unit RMS."""
    size = fft.next_fast_len(n, real=True)
    # Single precision is precise enough for noise, and twice as fast.
    spectrum = rng.standard_normal(2 * (size // 2 + 1), dtype=np.float32).view(np.complex64)
    x = fft.irfft(spectrum * _gains(size, curve).astype(np.float32), size)[:n].astype(float)
    return x / rms(x)


def equalise(x: np.ndarray, curve: Curve) -> np.ndarray:
    """Filter ``x``, shape (n,), with the frequency response ``curve`` and zero phase."""
    size = fft.next_fast_len(len(x) + 2048, real=True)  # 93 ms of padding against circular wrap-around
    return fft.irfft(fft.rfft(x, size) * _gains(size, curve), size)[: len(x)]


def _gains(size, curve):
    """Compute the gains of a curve at the frequencies of a real FFT of length ``size``; the gain at 0 Hz is 0."""
    hz, decibels = np.array(curve, dtype=float).T
    grid = np.geomspace(1, SAMPLE_RATE / 2, 500)  # 37 per octave; faster than computing 100,000 logarithms
    gains = 10 ** (np.interp(np.log(grid), np.log(hz), decibels) / 20)
    gains = np.interp(fft.rfftfreq(size, 1 / SAMPLE_RATE), grid, gains)
    gains[0] = 0.0
    return gains


def drift(n: int, rng: np.random.Generator, rate: float) -> np.ndarray:
    """Draw a smooth random curve, shape (n,), with mean 0, standard deviation 1 and ``rate`` values per second."""
    position = np.arange(n) * (rate / SAMPLE_RATE)
    points = rng.standard_normal(int(n * rate / SAMPLE_RATE) + 3)
    left = position.astype(int)
    t = position - left
    t *= t * (3 - 2 * t)  # smoothstep: no corners at the points
    return points[left] * (1 - t) + points[left + 1] * t


def wavetable(frequency: np.ndarray, amplitudes: Sequence[float]) -> np.ndarray:
    """Synthesise a harmonic tone from its fundamental (Hz) at each sample, shape (n,), and its partials' amplitudes.

    Partials that would exceed ``HIGHEST`` at the highest fundamental are left out.
    """
    return wavetable_at(np.cumsum(frequency) / SAMPLE_RATE, amplitudes, float(np.max(frequency)))


def wavetable_at(phase: np.ndarray, amplitudes: Sequence[float], highest: float) -> np.ndarray:
    """Synthesise a harmonic tone, shape (n,), from its phase in cycles and its ``highest`` fundamental in Hz."""
    partials = np.asarray(amplitudes, dtype=float)[: max(1, int(HIGHEST / highest))]
    size = 8192  # with linear interpolation, the 100th partial is off by 0.07 % (-63 dB)
    spectrum = np.zeros(size // 2 + 1, dtype=complex)
    # Phases that grow with the square of the partial's index (Schroeder 1970) keep the peak of the tone low.
    k = np.arange(1, len(partials) + 1)
    spectrum[k] = partials * np.exp(-1j * np.pi * k * (k - 1) / len(partials)) * size / 2
    cycle = fft.irfft(spectrum, size)
    return read_cycle(np.append(cycle, cycle[0]), phase)


def hits(n: int, times: np.ndarray, gains: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Place copies of the sound ``shape`` at ``times`` (s) with ``gains``, shape (n,); hits outside are left out."""
    position = np.asarray(times) * SAMPLE_RATE
    inside = (position >= 0) & (position < n - 1)
    position, gains = position[inside], np.asarray(gains, dtype=float)[inside]
    left = position.astype(int)
    train = np.zeros(n)
    # Share a hit between two samples, because rounding its time would make a regular rate irregular.
    np.add.at(train, left, gains * (1 - (position - left)))
    np.add.at(train, left + 1, gains * (position - left))
    return signal.oaconvolve(train, shape)[:n]


def ringing(frequencies: Sequence[float], decays: Sequence[float], amplitudes: Sequence[float]) -> np.ndarray:
    """Synthesise the ringing of a struck body, as long as its longest decay, without modes above ``HIGHEST``.

    Each mode has a frequency (Hz), a decay (seconds to fall by 60 dB) and an amplitude.
    """
    t = np.arange(n_samples(max(decays)) + 1) / SAMPLE_RATE
    body = np.zeros(len(t))
    for frequency, decay, amplitude in zip(frequencies, decays, amplitudes, strict=True):
        if frequency < HIGHEST:
            body += amplitude * np.exp(-6.9 * t / decay) * np.sin(2 * np.pi * frequency * t)
    return body


def gate(n: int, spans: Spans, attack: float, release: float) -> np.ndarray:
    """Compute an envelope, shape (n,), that is 0 outside ``spans`` and rises to 1 inside.

    ``attack`` and ``release`` are the durations of its ramps in s.
    """
    times, levels = [-1.0], [0.0]
    for start, end in spans:
        rise, fall = (min(x, 0.45 * (end - start)) for x in (attack, release))  # shorter in short spans
        times += [start, start + rise, end - fall, end]
        levels += [0.0, 1.0, 1.0, 0.0]
    return np.interp(np.arange(n) / SAMPLE_RATE, times, levels)


def stretches(spans: Spans, rng: np.random.Generator, on: Sequence[float], off: Sequence[float]) -> list[list[float]]:
    """Split spans into bursts of ``on`` s (lowest, highest), separated by pauses of ``off`` s.

    Each span starts with a burst.
    """
    bursts = []
    for start, end in spans:
        while end - start > 0.08:
            stop = min(end, start + rng.uniform(*on))
            stop = end if end - stop < 0.08 else stop
            bursts.append([start, stop])
            start = stop + rng.uniform(*off)
    return bursts


def reverberate(x: np.ndarray, rng: np.random.Generator, seconds: float, wet: float) -> np.ndarray:
    """Add reverberation to ``x``, shape (n,).

    ``seconds`` is the reverberation time (to -60 dB), ``wet`` the RMS of the reflected relative to the direct sound.
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
