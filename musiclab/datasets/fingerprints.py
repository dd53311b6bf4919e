"""Find copies of the same recording with audio fingerprints, even at another level or after lossy compression.

The method follows Haitsma and Kalker, A Highly Robust Audio Fingerprinting System, ISMIR 2002. Every 46 ms, one bit per
pair of neighbouring bands says whether the difference of their levels increases or decreases. Unlike the paper, we use
mel bands in decibels, add a third value (0) for near silence, and compare every clip with every other.
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
    n_fft=4096,  # frames overlap by 7/8, so the bits hardly change if a copy starts half a frame later
    hop_length=512,
    n_mels=17,
    fmin=200.0,
    fmax=4000.0,  # highest frequency in an 8 kHz copy
    power=2.0,
    scaling="decibel",
)
BITS = MEL.n_mels - 1  # bits per frame
SILENCE = 1e-4  # recordings with a lower peak (-80 dB) are silent

# Minimum similarity of copies. Different recordings reach at most 0.47 (79,800 pairs of ESC-10, 44,850 of Studio).
# Trimmed copies at another level in low-quality Ogg Vorbis reach at least 0.72.
THRESHOLD = 0.55
_LAG = 2  # frames between the levels that are compared: 93 ms
_DYNAMIC_RANGE = 60.0  # levels this many dB below the loudest band of a clip count as silence
_MAX_SHIFT = 22  # maximum shift between two copies in frames: 1 s
_MIN_OVERLAP = 100  # minimum number of common bits: about 0.3 s of audio; less could agree by chance
_MIN_OVERLAP_SHARE = 0.6  # minimum number of common bits as a fraction of the bits of the longer clip
_BLOCK = 1024  # number of clips that are compared with all others at once

# In sets of more than _MAX_EXHAUSTIVE clips, only clips with a common bit pattern are compared.
_MAX_EXHAUSTIVE = 2000
_BANDS = ((0, 6), (5, 11), (10, 16))  # ranges of bits that form patterns, from every second frame of seven
_MANY_FRAMES = 1_000_000  # in longer sets, patterns span nine frames, because 24 bits would often agree by chance
_MAX_SILENT_BITS = 12  # maximum number of silent bits in a pattern
_MAX_OCCURRENCES = 32  # patterns that occur more often are ignored
_CANDIDATE_THRESHOLD = 0.4  # minimum similarity around a common pattern
_CANDIDATE_FRAMES = 200  # maximum number of frames over which this similarity is measured


class Mark(NamedTuple):
    """Fingerprint and digest that identify a recording."""

    bits: np.ndarray  # see fingerprint()
    digest: str  # SHA-256 of the samples, or "" for a silent recording


NO_SOUND = Mark(np.zeros((0, BITS), np.int8), "")


def mark(waveform: np.ndarray, sample_rate: int) -> Mark:
    """Compute the mark of a waveform, shape (samples,)."""
    if np.abs(waveform).max() < SILENCE:
        return NO_SOUND
    return Mark(fingerprint(waveform, sample_rate), hashlib.sha256(waveform.tobytes()).hexdigest())


def mark_file(path: str | Path) -> Mark:
    """Compute the mark of a file, or load it from the cache.

    The cached mark is used until the size or modification time of the file changes. Files that are silent or cannot be
    read get :data:`NO_SOUND`.
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
        np.savez_compressed(file, bits=result.bits, digest=result.digest)
    return result


def number_copies(marks: Sequence[Mark], progress: bool = False) -> np.ndarray:
    """Assign the same number to all copies of a recording.

    Returns
    -------
    int array, shape (recordings,)
        Number from 1 that all copies of a recording share, or 0 for recordings without copies.
    """
    first_row: dict[str, int] = {}
    pairs = [(first_row.setdefault(digest, row), row) for row, (_, digest) in enumerate(marks) if digest]
    rows = list(first_row.values())  # identical recordings only once, because their pairs grow with the square
    repeats = find_repeats([marks[row].bits for row in rows], progress=progress)
    pairs += [(rows[one], rows[other]) for one, other, _ in repeats]
    component = connect(pairs, len(marks))
    has_copies = np.bincount(component, minlength=1)[component] > 1
    numbers = np.zeros(len(marks), dtype=np.int64)
    numbers[has_copies] = 1 + np.unique(component[has_copies], return_inverse=True)[1]
    return numbers


def connect(pairs: Sequence[tuple[int, int]], count: int) -> np.ndarray:
    """Label the connected components of a graph with ``count`` nodes. Returns an int array of shape (count,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    one, other = np.asarray(pairs, dtype=int).reshape(-1, 2).T
    return connected_components(coo_array((np.ones(len(one)), (one, other)), shape=(count, count)), directed=False)[1]


def fingerprint(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Compute the fingerprint of a waveform, shape (samples,).

    Returns
    -------
    int8 array, shape (frames, BITS)
        1 where the level difference of two bands increases, -1 where it decreases, 0 in near silence. A frame is 46 ms.
        Clips shorter than about 0.1 s have no frames.
    """
    waveform = resample(waveform, sample_rate, MEL.sample_rate)
    level = log_mel(fix_length(waveform, max(len(waveform), MEL.n_fft)), MEL).T  # (frames, n_mels) in dB
    level = level[: MEL.frames(len(waveform))]
    slope = np.diff(level, axis=1)
    is_audible = level > max(level.max() - _DYNAMIC_RANGE, MEL.silence)
    is_audible = is_audible[:, 1:] & is_audible[:, :-1]
    change = np.sign(slope[_LAG:] - slope[:-_LAG])
    return (change * (is_audible[_LAG:] & is_audible[:-_LAG])).astype(np.int8)


def find_repeats(
    fingerprints: Sequence[np.ndarray], threshold: float = THRESHOLD, progress: bool = False
) -> list[tuple[int, int, float]]:
    """Find all pairs of near-identical clips.

    Up to 2,000 clips, all pairs are compared. In larger sets, a pair is compared only if both clips have the same bit
    pattern within one second and are similar around it. For 400 ESC-10 recordings saved as mp3 at the lowest quality,
    this finds 396 to 399 of the copies, and comparing all pairs finds 399. Copies of better quality are all found.

    Parameters
    ----------
    fingerprints : sequence of int8 arrays, shape (frames, BITS)
        Results of :func:`fingerprint`.
    threshold : float
        Minimum similarity, which is 1 for identical clips and about 0 for unrelated clips. It is 1 - 2e, where e is the
        fraction of bits that differ at the best shift of up to one second. Default: 0.55.
    progress : bool
        Show a progress bar. Default: False.

    Returns
    -------
    list of (int, int, float)
        Indices of the two clips (the lower one first) and their similarity, sorted. Clips that overlap too little are
        not reported.
    """
    similarities: dict[tuple[int, int], float] = {}
    groups = [np.arange(len(fingerprints))] if len(fingerprints) <= _MAX_EXHAUSTIVE else _find_candidates(fingerprints)
    steps = [(group, group[start : start + _BLOCK]) for group in groups for start in range(0, len(group), _BLOCK)]
    for group, rows in progress_bar(steps, "comparing", unit="block", show=progress and len(steps) > 1):
        flat = np.zeros((len(group), max(len(fingerprints[row]) for row in group) * BITS), dtype=np.float32)
        for flat_row, row in zip(flat, group, strict=True):  # float32, because integer matrix products are slow
            flat_row[: fingerprints[row].size] = fingerprints[row].ravel()
        for one, other, similarity in _compare(flat, np.searchsorted(group, rows), threshold):
            pair = tuple(sorted((int(group[one]), int(group[other]))))
            similarities[pair] = max(similarities.get(pair, 0.0), similarity)
    return [(*pair, similarity) for pair, similarity in sorted(similarities.items())]


def _find_candidates(fingerprints: Sequence[np.ndarray]) -> list[np.ndarray]:
    """List the pairs of clips that have a pattern in common within one second and are similar around it."""
    lengths = np.array([len(bits) for bits in fingerprints])
    starts = np.cumsum(lengths) - lengths
    frames, clip = np.concatenate(fingerprints), np.repeat(np.arange(len(lengths)), lengths)
    position = np.arange(len(frames)) - starts[clip]
    steps = range(0, 7 if len(frames) <= _MANY_FRAMES else 9, 2)  # frames of a pattern, counted from its first
    last = steps[-1]
    is_in_one_clip = clip[last:] == clip[:-last]
    matches = [np.zeros(0, np.int64)]  # (first clip, second clip, shift between them), encoded as one number
    for low, high in _BANDS:
        bits, silent = (frames[:, low:high] > 0) @ (1 << np.arange(high - low)), (frames[:, low:high] == 0).sum(axis=1)
        pattern = sum(bits[step : len(bits) - last + step] << (3 * step) for step in steps)
        is_audible = sum(silent[step : len(bits) - last + step] for step in steps) <= _MAX_SILENT_BITS
        rows = np.flatnonzero(is_in_one_clip & is_audible)
        rows = rows[np.argsort(pattern[rows], kind="stable")]
        _, index, count = np.unique(pattern[rows], return_inverse=True, return_counts=True)
        rows = rows[(count[index] > 1) & (count[index] <= _MAX_OCCURRENCES)]
        for distance in range(1, _MAX_OCCURRENCES):
            one, other = rows[:-distance], rows[distance:]
            is_match = (pattern[one] == pattern[other]) & (np.abs(position[one] - position[other]) <= _MAX_SHIFT)
            one, other = np.sort([one[is_match], other[is_match]], axis=0)  # also sorts by clip
            shift = position[other] - position[one] + _MAX_SHIFT
            codes = (clip[one] * len(lengths) + clip[other]) * (2 * _MAX_SHIFT + 1) + shift
            matches.append(codes[clip[one] != clip[other]])
    pair, shift = np.divmod(np.unique(np.concatenate(matches)), 2 * _MAX_SHIFT + 1)
    first, second = np.divmod(pair, len(lengths))
    early, late = np.maximum(_MAX_SHIFT - shift, 0), np.maximum(shift - _MAX_SHIFT, 0)
    overlap = np.minimum(lengths[first] - early, lengths[second] - late)
    is_similar = _are_roughly_similar(frames, starts[first] + early, starts[second] + late, overlap)
    return [np.array(divmod(code, len(lengths))) for code in np.unique(pair[is_similar])]


def _are_roughly_similar(frames: np.ndarray, one: np.ndarray, other: np.ndarray, overlap: np.ndarray) -> np.ndarray:
    """Return True for each pair of excerpts, starting at frames ``one`` and ``other``, that may belong to copies."""
    is_similar = np.zeros(len(one), dtype=bool)
    for rows in np.array_split(np.arange(len(one)), len(one) // 4096 + 1):
        steps = np.arange(min(overlap[rows].max(initial=0), _CANDIDATE_FRAMES))
        inside = (steps < overlap[rows, None])[..., None]
        bits, other_bits = (frames[(start[rows, None] + steps).clip(max=len(frames) - 1)] for start in (one, other))
        agreement = bits * other_bits * inside
        is_similar[rows] = agreement.sum(axis=(1, 2)) >= _CANDIDATE_THRESHOLD * np.count_nonzero(agreement, axis=(1, 2))
    return is_similar


def _compare(flat: np.ndarray, rows: np.ndarray, threshold: float) -> Iterator[tuple[int, int, float]]:
    """Compare the clips ``rows`` with all clips at all shifts, and yield pairs that reach ``threshold``."""
    size = np.abs(flat).sum(axis=1)
    least = np.maximum(_MIN_OVERLAP, _MIN_OVERLAP_SHARE * np.maximum(size[rows, None], size[None, :]))
    width = flat.shape[1]
    for shift in range(0, min(width, (_MAX_SHIFT + 1) * BITS), BITS):
        agreement = flat[rows, shift:] @ flat[:, : width - shift].T  # number of equal bits minus different bits
        for row, other in zip(*np.nonzero(agreement >= threshold * least), strict=True):
            one = int(rows[row])
            common = np.abs(flat[one, shift:]) @ np.abs(flat[other, : width - shift])  # bits that are audible in both
            similarity = float(agreement[row, other] / max(common, 1))
            if one != other and common >= least[row, other] and similarity >= threshold:
                yield one, int(other), similarity
