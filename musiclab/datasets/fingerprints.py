"""Find recordings that are the same sound, even at another level or after lossy coding.

After Haitsma and Kalker, A Highly Robust Audio Fingerprinting System, ISMIR 2002: every 46 ms, for each pair of
neighbouring bands, one bit says whether the difference of their levels grows or falls. Unlike the paper, we use mel
bands and decibels, a third value, 0, where there is hardly any sound, and compare all clips with all.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

from musiclab.audio import fix_length, load_audio, resample
from musiclab.core.errors import AudioError
from musiclab.core.files import cache_folder, replacing
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
SILENCE = 1e-4  # peak below which a recording is silent: -80 dB

# Similarity from which two clips count as near-identical. Different recordings reach 0.47 at most (79,800 pairs of
# ESC-10, 44,850 of Studio); copies in Ogg Vorbis of low quality, at another level and trimmed, at least 0.72.
THRESHOLD = 0.55
_LAG = 2  # frames between the two levels that are compared: 93 ms
_QUIET = 60.0  # dB below the clip's loudest band that count as no sound
_SHIFTS = 22  # frames by which one clip may start later than the other: 1 s
_LEAST_BITS = 100  # about 0.3 s of sound; less could agree by chance
_SHARE = 0.6  # of the bits of the longer one that the two must have in common
_ROWS = 1024  # clips compared with all others at once
_FEW = 2000  # clips that are all compared with each other; of more, those that have a pattern of bits in common
_BANDS = ((0, 6), (5, 11), (10, 16))  # bits of a frame in a pattern; it has those of every second of seven frames
_MANY = 1_000_000  # frames of all clips, from which on it is of nine frames: of 24 bits, too many would agree by chance
_UNKNOWN = 12  # bits of a pattern that may be without sound
_HINT = 0.4  # similarity below which a pair with a pattern in common is not looked at more closely
_LOOK = 200  # frames over which such a pair is compared at first
_COMMON = 32  # clips that share a pattern, above which it says nothing


class Mark(NamedTuple):
    """What tells a recording from others: its fingerprint, and a digest of its samples ("" if it has no sound)."""

    bits: np.ndarray
    digest: str


NO_SOUND = Mark(np.zeros((0, BITS), np.int8), "")


def mark(waveform: np.ndarray, sample_rate: int) -> Mark:
    """Compute the mark of a waveform, shape (samples,)."""
    if np.abs(waveform).max() < SILENCE:
        return NO_SOUND
    return Mark(fingerprint(waveform, sample_rate), hashlib.sha256(waveform.tobytes()).hexdigest())


def mark_file(path: str | Path) -> Mark:
    """Compute the mark of a file, or take it from the cache if the file has not changed since (its size and time).

    A file that cannot be read, or is silent, has none (:data:`NO_SOUND`).
    """
    try:
        status = os.stat(path)
        identity = f"{os.path.abspath(path)}\n{status.st_size}\n{status.st_mtime_ns}\n{MEL}"
        key = hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()
        cached = cache_folder() / "fingerprints" / key[:2] / f"{key}.npz"
        with suppress(FileNotFoundError, BadZipFile, ValueError, KeyError), np.load(cached) as arrays:
            return Mark(arrays["bits"], str(arrays["digest"]))
        waveform, sample_rate = load_audio(path, None)
    except (AudioError, OSError):
        return NO_SOUND
    result = mark(waveform, sample_rate)
    with suppress(OSError), replacing(cached) as unfinished, open(unfinished, "wb") as file:
        np.savez_compressed(file, bits=result.bits, digest=result.digest)  # next time it is there, if there is room
    return result


def number_copies(marks: Sequence[Mark], progress: bool = False) -> np.ndarray:
    """Number the recordings that are there twice or more.

    Returns
    -------
    int array, shape (recordings,)
        0, or a number from 1 that all copies of one recording share.
    """
    first: dict[str, int] = {}
    pairs = [(first.setdefault(digest, row), row) for row, (_, digest) in enumerate(marks) if digest]
    rows = list(first.values())  # each sound once: many equal ones would make as many pairs as their square
    alike = find_repeats([marks[row].bits for row in rows], progress=progress)
    pairs += [(rows[one], rows[other]) for one, other, _ in alike]
    component = connect(pairs, len(marks))
    repeated = np.bincount(component, minlength=1)[component] > 1
    numbers = np.zeros(len(marks), dtype=np.int64)
    numbers[repeated] = 1 + np.unique(component[repeated], return_inverse=True)[1]
    return numbers


def connect(pairs: Sequence[tuple[int, int]], count: int) -> np.ndarray:
    """Number the connected components of ``count`` nodes: shape (count,), the same number for connected nodes."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    one, other = np.asarray(pairs, dtype=int).reshape(-1, 2).T
    return connected_components(coo_array((np.ones(len(one)), (one, other)), shape=(count, count)), directed=False)[1]


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

    Up to 2,000 clips are all compared with each other. In larger sets we compare the pairs of clips that have a pattern
    of bits in common, within a second, and are somewhat alike there. That finds 396 to 399 of 400 recordings of ESC-10
    that were saved as mp3 at the lowest quality, where comparing all with all finds 399, and all of better copies.

    Parameters
    ----------
    fingerprints
        Results of :func:`fingerprint`.
    threshold
        Least similarity: 1 - 2e, where e is the share of bits that differ at the best shift of up to a second. It is 1
        for the same sound and about 0 for unrelated ones. Clips with too little sound in common are no pair.
    progress
        Draw a progress bar.

    Returns
    -------
    list of (int, int, float)
        Positions of two clips, the lower one first, and their similarity; sorted.
    """
    pairs: dict[tuple[int, int], float] = {}
    groups = [np.arange(len(fingerprints))] if len(fingerprints) <= _FEW else _group_by_patterns(fingerprints)
    steps = [(group, group[start : start + _ROWS]) for group in groups for start in range(0, len(group), _ROWS)]
    for group, rows in progress_bar(steps, "comparing", unit="block", show=progress and len(steps) > 1):
        flat = np.zeros((len(group), max(len(fingerprints[row]) for row in group) * BITS), dtype=np.float32)
        for line, row in zip(flat, group, strict=True):  # float32, because products of integers are slow
            line[: fingerprints[row].size] = fingerprints[row].ravel()
        for one, other, similarity in _compare(flat, np.searchsorted(group, rows), threshold):
            pair = tuple(sorted((int(group[one]), int(group[other]))))
            pairs[pair] = max(pairs.get(pair, 0.0), similarity)
    return [(*pair, similarity) for pair, similarity in sorted(pairs.items())]


def _group_by_patterns(fingerprints: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the clips of each pair that has a pattern in common within a second and is somewhat alike around it."""
    lengths = np.array([len(bits) for bits in fingerprints])
    starts = np.cumsum(lengths) - lengths
    frames, clip = np.concatenate(fingerprints), np.repeat(np.arange(len(lengths)), lengths)
    position = np.arange(len(frames)) - starts[clip]
    parts = range(0, 7 if len(frames) <= _MANY else 9, 2)
    last = parts[-1]
    in_one_clip = clip[last:] == clip[:-last]
    meetings = [np.zeros(0, np.int64)]  # first clip, second clip, and shift between them, in one number
    for low, high in _BANDS:
        bits, unknown = (frames[:, low:high] > 0) @ (1 << np.arange(high - low)), (frames[:, low:high] == 0).sum(axis=1)
        pattern = sum(bits[part : len(bits) - last + part] << (3 * part) for part in parts)
        is_heard = sum(unknown[part : len(bits) - last + part] for part in parts) <= _UNKNOWN
        rows = np.flatnonzero(in_one_clip & is_heard)
        rows = rows[np.argsort(pattern[rows], kind="stable")]
        _, index, count = np.unique(pattern[rows], return_inverse=True, return_counts=True)
        rows = rows[(count[index] > 1) & (count[index] <= _COMMON)]
        for step in range(1, _COMMON):
            one, other = rows[:-step], rows[step:]
            is_alike = (pattern[one] == pattern[other]) & (np.abs(position[one] - position[other]) <= _SHIFTS)
            one, other = np.sort([one[is_alike], other[is_alike]], axis=0)  # by clip, too
            shift = position[other] - position[one] + _SHIFTS
            found = (clip[one] * len(lengths) + clip[other]) * (2 * _SHIFTS + 1) + shift
            meetings.append(found[clip[one] != clip[other]])
    pair, shift = np.divmod(np.unique(np.concatenate(meetings)), 2 * _SHIFTS + 1)
    first, second = np.divmod(pair, len(lengths))
    early, late = np.maximum(_SHIFTS - shift, 0), np.maximum(shift - _SHIFTS, 0)
    overlap = np.minimum(lengths[first] - early, lengths[second] - late)
    alike = _are_somewhat_alike(frames, starts[first] + early, starts[second] + late, overlap)
    return [np.array(divmod(each, len(lengths))) for each in np.unique(pair[alike])]


def _are_somewhat_alike(frames: np.ndarray, one: np.ndarray, other: np.ndarray, overlap: np.ndarray) -> np.ndarray:
    """Tell for each pair of stretches, which begin at frames ``one`` and ``other``, whether they agree enough.

    That is by :data:`_HINT` or more, over up to :data:`_LOOK` frames; few pairs are left to be compared at all shifts.
    """
    alike = np.zeros(len(one), dtype=bool)
    for rows in np.array_split(np.arange(len(one)), len(one) // 4096 + 1):
        steps = np.arange(min(overlap[rows].max(initial=0), _LOOK))
        inside = (steps < overlap[rows, None])[..., None]
        both, theirs = (frames[(first[rows, None] + steps).clip(max=len(frames) - 1)] for first in (one, other))
        both = both * theirs * inside
        alike[rows] = both.sum(axis=(1, 2)) >= _HINT * np.count_nonzero(both, axis=(1, 2))
    return alike


def _compare(flat: np.ndarray, rows: np.ndarray, threshold: float) -> Iterator[tuple[int, int, float]]:
    """Compare some clips, starting up to a second early, with all; yield pairs from ``threshold`` on."""
    size = np.abs(flat).sum(axis=1)
    least = np.maximum(_LEAST_BITS, _SHARE * np.maximum(size[rows, None], size[None, :]))  # bits that both must have
    width = flat.shape[1]
    for cut in range(0, min(width, (_SHIFTS + 1) * BITS), BITS):
        agreement = flat[rows, cut:] @ flat[:, : width - cut].T  # agreeing bits minus differing ones
        for row, other in zip(*np.nonzero(agreement >= threshold * least), strict=True):
            one = int(rows[row])
            common = np.abs(flat[one, cut:]) @ np.abs(flat[other, : width - cut])  # bits that both have
            similarity = float(agreement[row, other] / max(common, 1))
            if one != other and common >= least[row, other] and similarity >= threshold:
                yield one, int(other), similarity
