"""Exercises on HDF5: sizes, chunks, checksums, and packing without loss."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

import numpy as np

from musiclab.lessons import exercise
from musiclab.lessons.judging import Verdict, goal, number, numbers, wrong

SMALL = 0.78
"""Share of its size to which exercise 4 wants music packed."""


@exercise("04.1")
def size_of_gtzan(answer) -> list[Verdict]:
    """Megabytes of 1,000 tracks of 30 s: as int16, as float64, and as log-mels in float16."""
    from musiclab.features import MelConfig

    samples = 1000 * 30 * 22050
    frames = 1000 * MelConfig().frames(30 * 22050)
    return megabytes(answer, {"int16": 2 * samples, "float64": 8 * samples, "log-mel": frames * 128 * 2})


def megabytes(answer, sizes: Mapping[str, int]) -> list[Verdict]:
    """Compare numbers of MB with ``sizes`` in bytes, to 1 %; units of 1,048,576 bytes are told as such."""
    truths = {name: size / 1e6 for name, size in sizes.items()}
    verdicts = numbers(answer, truths, within=0.01)
    binary = numbers(answer, {name: size / 2**20 for name, size in sizes.items()}, within=0.003)
    return [
        wrong(f"{name}: in units of 2**20 bytes; here a megabyte is 1,000,000") if other.right else verdict
        for name, verdict, other in zip(truths, verdicts, binary, strict=False)
    ]


@exercise("04.2")
def cost_of_chunks(answer) -> Verdict:
    """Samples to unpack, on average, for 66,150 of them anywhere in chunks of 10,000."""
    begins = np.arange(10_000)  # every place in a chunk where a segment can begin
    chunks = (begins + 66_150 - 1) // 10_000 + 1
    return number(answer, round(float(10_000 * chunks.mean())), "samples")


@exercise("04.3")
def damage_found(answer, path: str | Path) -> Verdict:
    """The (feature, clip) pairs of a store whose checksums do not hold."""
    from musiclab.store import Store, verify

    matches = [re.match(r"(\w+): clip (\d+)", fault) for fault in verify(path)]
    truth = {(match[1], int(match[2])) for match in matches if match}
    if isinstance(answer, str | Mapping) or not all(np.shape(pair) == (2,) for pair in answer):
        return wrong("expected a list of pairs, each a feature and the number of a clip")
    found = {(str(feature), int(clip)) for feature, clip in answer}
    with Store(path) as store:
        strange = sorted({feature for feature, _ in found} - set(store.features))
        features = ", ".join(store.features)
    if strange:
        return wrong(f"no feature {strange[0]!r}; there are {features}")
    missed, sound = len(truth - found), len(found - truth)
    if missed or sound:
        return wrong(f"{missed} damaged not found, {sound} named that are whole")
    return Verdict(True, f"right, all {len(truth)} and no other")


@exercise("04.4")
def packed_smaller(answer, sample: np.ndarray) -> Verdict:
    """A pair (write, read) that keeps int16 samples in an HDF5 file, unchanged, in less than 78 % of their size."""
    if not isinstance(answer, tuple | list) or len(answer) != 2 or not all(map(callable, answer)):
        return wrong("expected a pair of functions, (write, read)")
    jumping = sample.copy()
    jumping[:1000] = np.random.default_rng(0).choice(np.array([-32768, 32767], np.int16), len(jumping[:1000]))
    back, _, _ = _there_and_back(*answer, jumping)
    if not _same(back, jumping):
        return wrong("samples that jump between -32,768 and 32,767 do not come back the same")
    back, size, seconds = _there_and_back(*answer, sample)
    if not _same(back, sample):
        return wrong("the samples that come back are not the same")
    share = size / sample.nbytes
    text = f"{100 * share:.1f} % of the size (aim: below {100 * SMALL:.0f} %), read in {seconds:.2f} s"
    return goal(share, SMALL, text, higher=False)


def _there_and_back(write, read, samples: np.ndarray) -> tuple[np.ndarray, int, float]:
    """What comes back of a file of its own, the bytes of that file, and the seconds that reading takes."""
    import h5py

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "packed.h5"
        with h5py.File(path, "w") as file:
            write(file, samples.copy())
        with h5py.File(path, "r") as file:
            begin = perf_counter()
            back = np.asarray(read(file))
            seconds = perf_counter() - begin
        return back, path.stat().st_size, seconds


def _same(found: np.ndarray, truth: np.ndarray) -> bool:
    return found.dtype == truth.dtype and np.array_equal(found, truth)
