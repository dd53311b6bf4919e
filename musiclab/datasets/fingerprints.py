"""Find recordings that are the same sound, even at another level or after lossy coding.

After Haitsma and Kalker, A Highly Robust Audio Fingerprinting System, ISMIR 2002: every 46 ms, for each pair of
neighbouring bands, one bit says whether the difference of their levels grows or falls. Unlike the paper, we use mel
bands and decibels, a third value, 0, where there is hardly any sound, and compare all clips with all.
"""

from collections.abc import Sequence

import numpy as np

from musiclab.audio import fix_length, resample
from musiclab.core.progress import progress as progress_bar
from musiclab.features import MelConfig, log_mel

MEL = MelConfig(
    sample_rate=11025,
    n_fft=4096,  # frames overlap by 7/8, so a file that starts half a frame later has nearly the same bits
    hop_length=512,
    n_mels=17,
    fmin=200.0,
    fmax=4000.0,  # what an 8 kHz copy still holds
    power=2.0,
    scaling="decibel",
)
BITS = MEL.n_mels - 1  # bits per frame

# Similarity from which two clips count as near-identical. Different recordings reach 0.47 at most (79,800 pairs of
# ESC-10, 44,850 of Studio); copies in Ogg Vorbis of low quality, at another level and trimmed, at least 0.72.
THRESHOLD = 0.55
_LAG = 2  # frames between the two levels that are compared: 93 ms
_QUIET = 60.0  # dB below the clip's loudest band that count as no sound
_SHIFTS = 22  # frames by which one clip may start later than the other: 1 s
_LEAST_BITS = 100  # about 0.3 s of sound; less could agree by chance
_SHARE = 0.6  # of the bits of the longer one that the two must have in common
_ROWS = 1024  # clips compared with all others at once


def fingerprint(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Compute the fingerprint of a waveform, shape (samples,).

    Returns
    -------
    int8 array, shape (frames, BITS)
        1 where the difference of two bands has grown, -1 where it has fallen, 0 where there is no sound. One frame is
        46 ms; a clip of less than about 0.1 s has none.
    """
    waveform = resample(waveform, sample_rate, MEL.sample_rate)
    level = log_mel(fix_length(waveform, max(len(waveform), MEL.n_fft)), MEL).T  # (frames, n_mels), dB
    level = level[: MEL.frames(len(waveform))]
    slope = np.diff(level, axis=1)
    heard = level > max(level.max() - _QUIET, MEL.silence)
    heard = heard[:, 1:] & heard[:, :-1]
    change = np.sign(slope[_LAG:] - slope[:-_LAG])
    return (change * (heard[_LAG:] & heard[:-_LAG])).astype(np.int8)


def find_repeats(
    fingerprints: Sequence[np.ndarray], threshold: float = THRESHOLD, progress: bool = False
) -> list[tuple[int, int, float]]:
    """Find all pairs of clips that are near-identical.

    Parameters
    ----------
    fingerprints
        Results of :func:`fingerprint`.
    threshold
        Least similarity: 1 - 2e, where e is the share of bits that differ at the best shift of up to a second. It is 1
        for the same sound, about 0 for unrelated ones, and 0 if two clips have too little sound in common.
    progress
        Draw a progress bar.

    Returns
    -------
    list of (int, int, float)
        Positions of two clips, the lower one first, and their similarity; sorted.
    """
    longest = max(map(len, fingerprints), default=0)
    flat = np.zeros((len(fingerprints), longest * BITS), dtype=np.float32)  # because integer products are slow
    for row, bits in zip(flat, fingerprints, strict=True):
        row[: bits.size] = bits.ravel()
    pairs: dict[tuple[int, int], float] = {}
    starts = range(0, len(flat), _ROWS)
    for start in progress_bar(starts, "comparing", unit="block", show=progress and len(starts) > 1):
        similarity = _compare(flat, slice(start, start + _ROWS))
        for row, other in zip(*np.nonzero(similarity >= threshold), strict=True):
            pair = min(start + row, other), max(start + row, other)
            if pair[0] != pair[1]:
                pairs[pair] = max(pairs.get(pair, 0.0), float(similarity[row, other]))
    return [(int(one), int(other), value) for (one, other), value in sorted(pairs.items())]


def _compare(flat: np.ndarray, rows: slice) -> np.ndarray:
    """Compare some clips, starting up to a second early, with all: shape (rows, clips)."""
    known = np.abs(flat)  # 1 where there is sound
    size = known.sum(axis=1)
    least = np.maximum(_LEAST_BITS, _SHARE * np.maximum(size[rows, None], size[None, :]))
    best = np.zeros(least.shape, dtype=np.float32)
    width = flat.shape[1]
    for cut in range(0, min(width, (_SHIFTS + 1) * BITS), BITS):
        common = known[rows, cut:] @ known[:, : width - cut].T  # bits that both have
        agreement = flat[rows, cut:] @ flat[:, : width - cut].T  # agreeing ones minus differing ones
        np.maximum(best, np.where(common >= least, agreement / np.maximum(common, 1), 0), out=best)
    return best
