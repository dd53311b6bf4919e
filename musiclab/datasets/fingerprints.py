"""Fingerprints: finding recordings that are the same sound, whatever has been done to the files since.

After Haitsma and Kalker, A Highly Robust Audio Fingerprinting System, ISMIR 2002: every 46 ms, for each pair of
neighbouring bands, one bit says whether the difference of their levels grows or falls. Gain leaves the bits as they
are, and a lossy codec turns few of them. Three things differ: mel bands and decibels, as everywhere here; a third
value, 0, where there is no sound to speak of, so that two pauses are not the same recording; and all clips are
compared with all, by matrix products, since the sets that people classify are small enough for that.
"""

from collections.abc import Sequence

import numpy as np

from musiclab.audio import fix_length, resample
from musiclab.core.progress import progress as progress_bar
from musiclab.features import MelConfig, log_mel

MEL = MelConfig(
    sample_rate=11025,
    n_fft=4096,  # 372 ms: frames overlap by 7/8, so a file that starts half a frame later has nearly the same bits
    hop_length=512,
    n_mels=17,
    fmin=200.0,
    fmax=4000.0,  # what an 8 kHz copy still holds
    power=2.0,
    scaling="decibel",
)
BITS = MEL.n_mels - 1
"""Bits of a frame."""

THRESHOLD = 0.55
"""Similarity from which two clips are called near-identical: 22.5 % of the bits differ.

Of 79,800 pairs of ESC-10 and 44,850 of Studio no pair of different recordings comes above 0.47; copies in Ogg Vorbis
at a low quality, at another level and trimmed, are at 0.72 and more.
"""

_LAG = 2  # frames between the two levels that are compared: 93 ms
_QUIET = 60.0  # dB under the clip's loudest band, below which nothing is heard
_SHIFTS = 22  # frames by which one clip may start later than the other: 1 s
_LEAST_BITS = 100  # about 0.3 s of sound; less could agree by chance
_SHARE = 0.6  # of the bits of the longer one that the two must have in common
_ROWS = 1024  # clips compared with all others at once


def fingerprint(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """The fingerprint of a clip.

    Parameters
    ----------
    waveform : float array, shape (samples,)
    sample_rate
        In Hz.

    Returns
    -------
    int8 array, shape (frames, BITS)
        1 where the difference of two bands has grown, -1 where it has fallen, 0 where there is no sound. One frame is
        46 ms; silence, and anything under about 0.1 s, has no bits.
    """
    waveform = resample(waveform, sample_rate, MEL.sample_rate)
    level = log_mel(fix_length(waveform, max(len(waveform), MEL.n_fft)), MEL).T  # (frames, n_mels), dB
    level = level[: MEL.frames(len(waveform))]
    slope = np.diff(level, axis=1)
    heard = level > max(level.max() - _QUIET, MEL.silence)
    heard = heard[:, 1:] & heard[:, :-1]
    change = np.sign(slope[_LAG:] - slope[:-_LAG])
    return (change * (heard[_LAG:] & heard[:-_LAG])).astype(np.int8)


def similarity(first: np.ndarray, second: np.ndarray) -> float:
    """How alike two fingerprints are: 1 for the same sound, about 0 for two sounds that have nothing in common.

    It is 1 - 2e, where e is the share of bits that differ, at the best of all shifts of up to a second either way;
    0 where the sound that the two have in common is too short to say.
    """
    flat, known = _pack([first, second])
    return float(max(_compare(flat, known, slice(0, 1))[0, 1], _compare(flat, known, slice(1, 2))[0, 0]))


def find_repeats(
    fingerprints: Sequence[np.ndarray], threshold: float = THRESHOLD, progress: bool = False
) -> list[tuple[int, int, float]]:
    """All pairs of clips that are near-identical.

    Parameters
    ----------
    fingerprints
        Of :func:`fingerprint`.
    threshold
        Least similarity.
    progress
        Draw a progress bar.

    Returns
    -------
    list of (int, int, float)
        Numbers of two clips, the lower one first, and their similarity; in order.
    """
    flat, known = _pack(fingerprints)
    pairs: dict[tuple[int, int], float] = {}
    starts = range(0, len(flat), _ROWS)
    for start in progress_bar(starts, "comparing", unit="block", show=progress and len(starts) > 1):
        alike = _compare(flat, known, slice(start, start + _ROWS))
        for row, other in zip(*np.nonzero(alike >= threshold), strict=True):
            pair = min(start + row, other), max(start + row, other)
            if pair[0] != pair[1]:
                pairs[pair] = max(pairs.get(pair, 0.0), float(alike[row, other]))
    return [(int(one), int(other), value) for (one, other), value in sorted(pairs.items())]


def _pack(fingerprints: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The bits as rows of equal length, shape (clips, frames * BITS), and where there are any."""
    longest = max(map(len, fingerprints), default=0)
    flat = np.zeros((len(fingerprints), longest * BITS), dtype=np.float32)  # float: products of integers are slow
    for row, bits in zip(flat, fingerprints, strict=True):
        row[: bits.size] = bits.ravel()
    return flat, np.abs(flat)


def _compare(flat: np.ndarray, known: np.ndarray, rows: slice) -> np.ndarray:
    """Similarity of some clips, starting up to a second early, to all: shape (rows, clips).

    A row's clip that starts late instead is found where the other one is the row.
    """
    size = known.sum(axis=1)
    least = np.maximum(_LEAST_BITS, _SHARE * np.maximum(size[rows, None], size[None, :]))
    best = np.zeros(least.shape, dtype=np.float32)
    width = flat.shape[1]
    for cut in range(0, min(width, (_SHIFTS + 1) * BITS), BITS):
        common = known[rows, cut:] @ known[:, : width - cut].T  # bits that both have
        agreement = flat[rows, cut:] @ flat[:, : width - cut].T  # agreeing ones less differing ones
        np.maximum(best, np.where(common >= least, agreement / np.maximum(common, 1), 0), out=best)
    return best
