"""Evening out the level of a recording, as UMTN's ``--norm-db`` does: soft passages up, loud ones left.

UMTN calls ``sox -G in.wav out.wav compand 0.3,1 6:-70,-60,-20 -5 -90 0.2``, the setting that SoX's manual gives for
classical music in noisy places: 60 dB of level are pressed into 20 dB. The same in numpy, after SoX's manual and
the behaviour of its ``compand`` effect: within 1e-4 of SoX 14.4.2, which a test checks where sox is installed.
"""

from itertools import pairwise

import numpy as np

from musiclab.core.errors import AudioError

ATTACK, DECAY = 0.3, 1.0
"""Seconds in which the level follows a louder sound, and a softer one (each to 63 %)."""
POINTS = ((-82.0, -82.0), (-70.0, -70.0), (-60.0, -20.0), (0.0, 0.0))
"""Level in, level out, in dB. Below -70 dB nothing is raised: pauses stay silent. The first point is 12 dB before."""
KNEE, GAIN, INITIAL, DELAY = 6.0, -5.0, -90.0, 0.2
"""Rounding of the corners (dB), gain after the curve (dB), level before the first sample (dB), look ahead (s)."""

_NEPER = np.log(10) / 20  # a decibel as a natural logarithm of a ratio of amplitudes


def compand(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Even out the level with the published curve.

    A leaky meter follows the rectified sound (the louder channel, where there are two); the sound of 0.2 s
    before is multiplied by the gain that the curve gives for the meter, so a loud entry is met before it comes.

    Parameters
    ----------
    waveform : float array, shape (samples,) or (channels, samples)
        In [-1, 1].
    sample_rate
        In Hz.

    Returns
    -------
    float32 array of the same shape
        In [-1, 1]: a loud beginning, which the meter has not met yet, is clipped, as by sox (whose ``-G`` does not
        prevent it).

    Raises
    ------
    AudioError
        Empty, or values that are not finite.
    """
    waveform = np.asarray(waveform, dtype=np.float64)
    if waveform.size == 0 or not np.isfinite(waveform).all():
        raise AudioError(f"expected finite samples, at least one, found shape {waveform.shape}; check the sound")
    rectified = np.abs(waveform) if waveform.ndim == 1 else np.abs(waveform).max(axis=0)
    level = follow(rectified, sample_rate)
    ahead = int(DELAY * sample_rate)
    level = np.append(level[ahead:], np.full(min(ahead, len(level)), level[-1]))  # the last level stays
    return np.clip(waveform * np.exp(gain(level)), -1, 1).astype(np.float32)


def follow(rectified: np.ndarray, sample_rate: int) -> np.ndarray:
    """The meter: a first-order low pass that rises with :data:`ATTACK` and falls with :data:`DECAY`.

    Which of the two holds depends on the last value, so this is a loop: about 0.1 s a million samples.

    Parameters
    ----------
    rectified : float array, shape (samples,)
        0 or more.

    Returns
    -------
    float array, shape (samples,)
    """
    rise, fall = (1 - np.exp(-1 / (sample_rate * seconds)) for seconds in (ATTACK, DECAY))
    level, levels = float(np.exp(INITIAL * _NEPER)), []
    for sample in rectified.tolist():  # a list of floats: twice as fast to walk as an array
        change = sample - level
        level += change * (rise if change > 0 else fall)
        levels.append(level)
    return np.array(levels)


def gain(level: np.ndarray) -> np.ndarray:
    """Gain at a level, as a natural logarithm: straight lines in dB, their corners rounded by parabolas.

    A parabola begins :data:`KNEE` before a corner (measured along the line), ends as far behind it or in the middle
    of the next line, and passes through the centre of mass of beginning, corner and end.

    Parameters
    ----------
    level : float array
        Amplitude, 0 to 1.

    Returns
    -------
    float array of the same shape
        ``exp`` of it is the factor.
    """
    points = np.array([(x, y - x + GAIN) for x, y in POINTS]) * _NEPER  # gain over level
    starts, pieces = [], []  # a piece is a polynomial of the level above its start: (a, b, c) of a t^2 + b t + c
    last = points[0]
    for corner, after in pairwise(points[1:]):
        begin, end = _towards(corner, last, 1.0), _towards(corner, after, 0.5)
        (x1, y1), (x2, y2) = (begin + corner + end) / 3 - begin, end - begin
        a = (y2 / x2 - y1 / x1) / (x2 - x1)
        slope = (after - end)[1] / (after - end)[0]
        starts += [begin[0], end[0]]
        pieces += [(a, y1 / x1 - a * x1, begin[1]), (0.0, slope, end[1])]
        last = end
    log_level = np.log(np.maximum(level, np.exp(starts[0])))  # below the first corner the gain stays
    piece = np.searchsorted(starts, log_level, side="right") - 1
    a, b, c = np.array(pieces)[piece].T
    t = log_level - np.array(starts)[piece]
    return (a * t + b) * t + c


def _towards(corner: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    """The point on the line from a corner that lies KNEE away, but at most ``share`` of the line."""
    line = other - corner
    length = np.hypot(*line)
    return corner + line / length * min(KNEE * _NEPER, share * length)
