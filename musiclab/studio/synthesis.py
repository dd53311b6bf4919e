"""Sound synthesis: one note at a time, from a frequency to samples.

Three ways of making a tone carry all pitched instruments:

- `plucked`: the string of Karplus and Strong (Computer Music Journal 7(2), 1983), worked out in the frequency
  domain so that its pitch is exact;
- `struck`: a bar, a tine or a piano string, whose high partials die before its low ones;
- `sustained`: what is bowed, blown, sung or held on a keyboard, read from one cycle of a wave.

No partial lies over 0.45 of the sample rate, so nothing aliases.
"""

import numpy as np
import scipy.fft

from musiclab.core.random import stream

SAMPLE_RATE = 22_050  # Hz, that of GTZAN
TABLE = 2048  # samples in one stored cycle: linear interpolation errs by under 0.3 % at the 50th partial
GOLDEN = 0.6180339887
VIBRATO_RATE = 5.5  # Hz


def plucked(frequency, seconds, brightness=1.0, *, ring=2.0, damping=1.0, pick=0.18, release=0.05):
    """A plucked string.

    The loop of Karplus and Strong is a delay of one period and a gentle low-pass. Its transfer function,
    ``1 / (1 - g(f) exp(-2 pi i f / frequency))``, is evaluated on a circle a little outside the unit circle,
    so that the inverse FFT does not fold the end of the note back onto its start.

    Parameters
    ----------
    frequency : float
        Hz.
    seconds : float
        Length until the finger damps the string.
    brightness : float
        1 is the instrument's own; more is brighter.
    ring : float
        Seconds until the fundamental has fallen by 60 dB.
    damping : float
        How much faster high partials die.
    pick : float
        Where the string is plucked, as a share of its length: partials with a node there are missing.
    release : float
        Seconds of fade after `seconds`.

    Returns
    -------
    numpy.ndarray, shape (samples,), float32
    """
    size = int((min(seconds, 1.2 * ring) + release) * SAMPLE_RATE)
    fast = scipy.fft.next_fast_len(size + 512, real=True)  # room for what rings before the first sample
    bins = np.arange(fast // 2 + 1, dtype=np.float32) / np.float32(fast)  # cycles a sample
    hertz = bins * np.float32(SAMPLE_RATE)
    period = SAMPLE_RATE / frequency
    circle = 6.9 / fast  # nepers a sample: the end of the buffer is 60 dB down on the circle
    decay = 6.9 / ring * (1 + damping * (hertz / 1200) ** 2)  # nepers a second
    turn = np.float32(2 * np.pi * period) * bins
    loop = np.exp(np.float32(-period) * (np.float32(circle) + decay / SAMPLE_RATE)) * (np.cos(turn) - 1j * np.sin(turn))
    burst = _burst(period, round(frequency * 100))
    where = max(1, round(pick * period))
    source = np.append(burst, np.zeros(where))
    source[where:] -= 0.9 * burst
    source *= np.exp(-circle * np.arange(len(source)))
    spectrum = scipy.fft.rfft((source - source.mean()).astype(np.float32), fast)
    # These filters have no sharp edge: that would ring, and the way back from the circle would amplify the
    # ringing.
    spectrum *= 1 / ((1 + (hertz / (1800 * brightness)) ** 2) * (1 + (hertz / 8500) ** 8))
    string = scipy.fft.irfft(spectrum / (1 - loop), fast)[:size]
    string *= np.exp(np.float32(circle) * np.arange(size, dtype=np.float32))
    return _level(string, release)


def struck(frequency, seconds, brightness=1.0, *, slope=1.2, ring=2.5, mallet=0.0, ratios=None, release=0.12):
    """A struck string, tine or bar: three groups of partials, the higher the sooner gone.

    Parameters
    ----------
    frequency, seconds, brightness, release
        As in `plucked`.
    slope : float
        Partial h has amplitude ``h ** -slope``.
    ring : float
        Seconds until the fundamental has fallen by 60 dB at middle C; low notes ring longer.
    mallet : float
        Loudness of the knock at the start.
    ratios : tuple of (float, float, float), optional
        For bars and bells: (frequency ratio, amplitude, share of `ring`) of each partial, instead of a
        harmonic series.
    """
    ring = ring * min(2.0, (261.6 / frequency) ** 0.4)
    size = int((min(seconds, 1.2 * ring) + release) * SAMPLE_RATE)
    time = np.arange(size, dtype=np.float32) / SAMPLE_RATE
    tone = np.zeros(size, np.float32)
    if ratios:
        for ratio, amplitude, share in ratios:
            if ratio * frequency < 0.45 * SAMPLE_RATE:
                gain = amplitude * min(1.5, brightness if ratio > 1.5 else 1.0)
                tone += gain * np.exp(-6.9 / (ring * share) * time) * _sine(ratio * frequency, time)
    else:
        partials = _partials(frequency)
        amplitudes = partials**-slope / (1 + (partials * frequency / (2600 * brightness)) ** 2)
        phase = frequency * np.arange(size) / SAMPLE_RATE
        for low, high, share in ((1, 2, 1.0), (3, 6, 0.55), (7, 60, 0.22)):
            group = np.where((partials >= low) & (partials <= high), amplitudes, 0)
            if group.any():
                tone += np.exp(-6.9 / (ring * share) * time) * _read(_cycle(group), phase)
    if mallet:
        knock = stream(7, "mallet").standard_normal(min(size, 500)) * np.exp(-np.arange(min(size, 500)) / 60)
        tone[: len(knock)] += (mallet * np.convolve(knock, np.ones(6) / 6, "same")).astype(np.float32)
    return _level(tone, release)


def sustained(
    frequency, seconds, brightness=1.0, *, slope=1.0, even=1.0, drawbars=None, cutoff=3000.0, bite=0.0,
    attack=0.02, release=0.08, vibrato=0.0, voices=1, detune=0.0, formants=None, breath=0.0, bend=0.0
):  # fmt: skip
    """A bowed, blown, sung or electronic tone, read from one cycle of a wave.

    Parameters
    ----------
    frequency, seconds, brightness, release
        As in `plucked`.
    slope, even : float
        Partial h has amplitude ``h ** -slope``, times `even` where h is even (a clarinet has few of those).
    drawbars : tuple of (int, float), optional
        Partials and their amplitudes, as on an organ, instead of `slope`.
    cutoff : float
        Hz over which partials fall off; `brightness` multiplies it.
    bite : float
        How much brighter the first tenth of a second is, 0 to 1: brass and synthesiser basses.
    attack : float
        Seconds until the tone is full.
    vibrato : float
        Depth in semitones, at about 5.5 Hz, setting in after a quarter of a second.
    voices, detune : int, float
        Number of players, and how far apart they are in semitones.
    formants : tuple of (float, float), optional
        Centre and width in Hz of the resonances of a throat or a body.
    breath : float
        Share of noise.
    bend : float
        Semitones under the pitch at which the note starts.
    """
    size = int((seconds + release) * SAMPLE_RATE)
    time = np.arange(size) / SAMPLE_RATE
    partials = _partials(frequency)
    if drawbars:
        amplitudes = np.zeros(len(partials))
        for number, amplitude in drawbars:
            if number <= len(partials):
                amplitudes[number - 1] = amplitude * (brightness if number > 3 else 1.0)
    else:
        amplitudes = partials**-slope * np.where(partials % 2 == 0, even, 1.0)
        amplitudes /= 1 + (partials * frequency / (cutoff * brightness)) ** 4
    if formants:
        resonances = [1 / (1 + ((partials * frequency - center) / width) ** 2) for center, width in formants]
        amplitudes = amplitudes * (0.06 + np.sum(resonances, axis=0))
    wave = _cycle(amplitudes)
    offsets = np.linspace(-1, 1, voices) * detune if voices > 1 else (0.0,)
    tone = np.zeros(size, np.float32)
    wobble = np.zeros(size)  # seconds by which the wave runs ahead
    if vibrato:
        depth = vibrato * np.log(2) / 12 * np.clip(time / 0.25 - 1, 0, 1)
        wobble -= depth / (2 * np.pi * VIBRATO_RATE) * np.cos(2 * np.pi * VIBRATO_RATE * time)
    if bend:
        wobble -= (1 - 2 ** (-bend / 12)) * 0.07 * (1 - np.exp(-time / 0.07))
    for number, offset in enumerate(offsets):
        tone += _read(wave, frequency * 2 ** (offset / 12) * (time + wobble) + number * GOLDEN)
    if bite:
        dull = _read(_cycle(amplitudes / (1 + (partials / 3) ** 2)), frequency * time)
        edge = np.exp(-time / 0.1).astype(np.float32) * np.float32(bite) + np.float32(1 - bite)
        tone = edge * tone / voices + (1 - edge) * dull
    if breath:
        noise = stream(11, "breath").standard_normal(size).astype(np.float32)
        tone = tone + np.float32(breath * np.std(tone)) * noise
    rise = min(size, max(8, int(attack * SAMPLE_RATE)))
    tone[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)
    return _level(tone, release)


def _burst(period, number):
    """One period of noise in which every partial is as loud as the next."""
    size = int(period)
    angles = stream(number, "pluck").uniform(0, 2 * np.pi, size // 2 + 1)
    return scipy.fft.irfft(np.exp(1j * angles), size)


def _partials(frequency):
    """Numbers of the partials under 0.45 of the sample rate, at most 60."""
    return np.arange(1.0, min(60, int(0.45 * SAMPLE_RATE / frequency)) + 1)


def _cycle(amplitudes):
    """One cycle of these partial amplitudes, shape (TABLE + 1,); scattered phases keep its peak low."""
    spectrum = np.zeros(TABLE // 2 + 1, np.complex64)
    number = np.arange(1, len(amplitudes) + 1)
    spectrum[1 : len(amplitudes) + 1] = amplitudes * np.exp(2j * np.pi * GOLDEN * number**2)
    cycle = scipy.fft.irfft(spectrum) * np.float32(TABLE / 2)
    return np.append(cycle, cycle[0])


def _read(cycle, phase):
    """Values of a stored cycle at `phase` (in cycles), by linear interpolation."""
    place = ((phase - np.floor(phase)) * TABLE).astype(np.float32)
    index = np.minimum(place.astype(np.int32), TABLE - 1)
    below = cycle[index]
    return below + (place - index.astype(np.float32)) * (cycle[index + 1] - below)


def _sine(frequency, time):
    """A sine, float32."""
    return np.sin(np.float32(2 * np.pi * frequency) * time)


def _level(tone, release):
    """Scale a note so that the loud part of it has an RMS near 0.2, and fade its ends."""
    head = tone[: min(len(tone), SAMPLE_RATE // 5)]
    tone = tone * np.float32(0.2 / (np.sqrt(np.mean(head**2)) + 1e-9))
    fade = min(len(tone), max(16, int(release * SAMPLE_RATE)))
    tone[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32) ** 2
    tone[:8] *= np.linspace(0, 1, 8, dtype=np.float32)[: len(tone)]
    return tone
