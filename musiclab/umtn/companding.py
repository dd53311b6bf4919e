"""Even out the level of a recording, as UMTN's ``--norm-db`` does: raise soft passages, leave loud ones.

UMTN calls ``sox -G in.wav out.wav compand 0.3,1 6:-70,-60,-20 -5 -90 0.2``, which SoX's manual recommends for
classical music in noisy places: it presses 60 dB of level into 20 dB. This is the same in numpy, within 1e-4 of SoX
14.4.2 (tested where sox is installed).
"""

from itertools import pairwise

import numpy as np

from musiclab.core.errors import AudioError

ATTACK, DECAY = 0.3, 1.0  # seconds in which the level follows a louder sound, and a softer one (each to 63 %)
# Level in and out, in dB. Below -70 dB nothing is raised, so pauses stay silent; the first point lies 12 dB lower.
POINTS = ((-82.0, -82.0), (-70.0, -70.0), (-60.0, -20.0), (0.0, 0.0))
# Rounding of the corners (dB), gain after the curve (dB), level before the first sample (dB), look-ahead (s).
KNEE, GAIN, INITIAL, DELAY = 6.0, -5.0, -90.0, 0.2
_NEPER = np.log(10) / 20  # one decibel as the natural logarithm of a ratio of amplitudes


def compand(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Even out the level of a waveform with the published curve.

    A leaky meter follows the rectified sound (of two channels, the louder one). Its level sets the gain of the sound
    0.2 s before, so that the gain is down before a loud entry comes. A loud beginning, which the meter hasn't followed
    yet, is clipped; sox does so, too, despite ``-G``. Raises AudioError if the waveform is empty or not finite.

    Parameters
    ----------
    waveform : float array in [-1, 1], shape (samples,) or (channels, samples)
    sample_rate
        In Hz.
    """
    waveform = np.asarray(waveform, dtype=np.float64)
    if waveform.size == 0 or not np.isfinite(waveform).all():
        raise AudioError(f"expected finite samples, at least one, found shape {waveform.shape}; check the sound")
    level = follow(np.abs(np.atleast_2d(waveform)).max(axis=0), sample_rate)
    ahead = int(DELAY * sample_rate)
    level = np.pad(level[ahead:], (0, min(ahead, len(level))), constant_values=level[-1])  # the last level stays
    return np.clip(waveform * np.exp(gain(level)), -1, 1).astype(np.float32)


def follow(rectified: np.ndarray, sample_rate: int) -> np.ndarray:
    """Follow the level with a first-order low pass that rises with :data:`ATTACK` and falls with :data:`DECAY`.

    Which of the two applies depends on the last value, so this is a loop: about 0.1 s for a million samples.
    """
    rise, fall = (1 - np.exp(-1 / (sample_rate * seconds)) for seconds in (ATTACK, DECAY))
    level, levels = float(np.exp(INITIAL * _NEPER)), []
    for sample in rectified.tolist():  # a list of floats: twice as fast to walk as an array
        change = sample - level
        level += change * (rise if change > 0 else fall)
        levels.append(level)
    return np.array(levels)


def gain(level: np.ndarray) -> np.ndarray:
    """Compute the logarithm of the gain at a level (an amplitude): straight lines in dB with rounded corners.

    The parabola at a corner begins :data:`KNEE` before it (measured along the line), ends as far behind it or in the
    middle of the next line, and passes through the centre of mass of beginning, corner and end.
    """
    points = np.array([(x, y - x + GAIN) for x, y in POINTS]) * _NEPER  # gain over level
    starts, pieces = [], []  # each piece is a polynomial of the level above its start: (a, b, c) of a t^2 + b t + c
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
    """Find the point on the line from a corner that lies KNEE away, but at most at ``share`` of the line."""
    line = other - corner
    length = np.hypot(*line)
    return corner + line / length * min(KNEE * _NEPER, share * length)
