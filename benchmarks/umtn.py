"""Measure how many segments per second UMTN's data pipeline gives, against opening, cutting and coding each one.

One process, files of 30 s of generated sound, segments of 12,000 samples. The rounds alternate, so that a machine
that is busy for a moment slows all of them alike. The figures are medians, and what counts is their ratio.
"""

import tempfile
from itertools import cycle, islice
from pathlib import Path

import h5py
import librosa
import numpy as np
import torch

from benchmarks._timing import rates
from musiclab.umtn import SegmentPairs, mu_law, write_h5

SEQ_LEN, BATCH = 12_000, 32


def make_files(folder: Path, files: int = 16, seconds: int = 30) -> list[Path]:
    """Write tones with noise, as UMTN stores them (float64) and as we do (int16)."""
    rng = np.random.default_rng(0)
    time_axis = np.arange(16000 * seconds) / 16000
    paths = []
    for semitone in range(files):
        tone = np.sin(2 * np.pi * 110 * 2 ** (semitone / 12) * time_axis) + 0.2 * rng.standard_normal(len(time_axis))
        samples = (8000 * tone).astype(np.int16)
        paths.append(write_h5(folder / f"{semitone}.h5", samples))
        with h5py.File(folder / f"{semitone}.float64", "w") as file:
            file.create_dataset("wav", data=samples.astype(float), chunks=(10_000,))
    return paths


def one_by_one(paths: list[Path], items: int, rng: np.random.Generator, shift: bool) -> int:
    """Make items as the original does: open the float64 file, cut, (shift a stretch,) code both."""
    for _ in range(items):
        path = paths[rng.integers(len(paths))].with_suffix(".float64")
        file = h5py.File(path, "r")
        start = rng.integers(len(file["wav"]) - SEQ_LEN + 1)
        clean = file["wav"][start : start + SEQ_LEN]
        augmented = clean
        if shift:
            length, begin = rng.integers(SEQ_LEN // 4, SEQ_LEN // 2 + 1), rng.integers(SEQ_LEN // 2 + 1)
            shifted = librosa.effects.pitch_shift(
                clean[begin : begin + length], sr=16000, n_steps=rng.uniform(-0.5, 0.5)
            )
            augmented = np.concatenate([clean[:begin], shifted, clean[begin + length :]])
        torch.tensor(mu_law(clean / 2**15)), torch.tensor(mu_law(augmented / 2**15))
    return items


def run(rounds: int = 5) -> list[dict]:
    """Measure the rows for ``python -m benchmarks``."""
    with tempfile.TemporaryDirectory() as folder:
        paths = make_files(Path(folder))
        arrays = []
        for path in paths:
            with h5py.File(path, "r") as file:
                arrays.append(file["wav"][:])
        rng = np.random.default_rng(1)
        plain, augmented = (SegmentPairs(arrays, SEQ_LEN, magnitude=size) for size in (0.0, 0.5))
        starts = cycle(range(0, len(plain) - BATCH, BATCH))

        def ours(pairs: SegmentPairs, batches: int) -> int:
            for first in islice(starts, batches):
                pairs.batch(range(first, first + BATCH))
            return batches * BATCH

        speed = rates(
            rounds,
            one_by_one=lambda: one_by_one(paths, 200, rng, shift=False),
            shifted=lambda: one_by_one(paths, 60, rng, shift=True),
            pairs=lambda: ours(plain, 100),
            pairs_shifted=lambda: ours(augmented, 20),
        )
    return [
        row("pairs of mu-law segments", speed["one_by_one"], speed["pairs"], 15, "copying from memory"),
        row("the same, pitch shifted", speed["shifted"], speed["pairs_shifted"], 5, "interpolation of the stretches"),
    ]


def row(work: str, peer: float, ours: float, goal: float, bound: str) -> dict:
    """Make a row of the table."""
    bound = f"{bound}: {ours * SEQ_LEN / 1e6:.0f} M samples a second in one process, {torch.get_num_threads()} threads"
    unit = "segments/s"
    return {"work": work, "peer": peer, "ours": ours, "ratio": ours / peer, "goal": goal, "unit": unit, "bound": bound}


if __name__ == "__main__":
    from benchmarks.__main__ import table

    print(table(run()))
