"""Compare our UMTN data pipeline with the original: ``python -m benchmarks umtn``.

The original opens a file, cuts a segment and encodes it, one item at a time. Ours makes batches of segment pairs from
memory. Both run in one process, on files of 30 s of generated sound.
"""

import tempfile
from itertools import cycle, islice
from pathlib import Path

import h5py
import librosa
import numpy as np
import torch

from benchmarks._timing import measure_rates
from musiclab.umtn import SegmentPairs, mu_law, write_h5

SEQ_LEN, BATCH = 12_000, 32


def make_files(folder: Path, files: int = 16, seconds: int = 30) -> list[Path]:
    """Write noisy tones in UMTN's format (float64) and in ours (int16)."""
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


def make_pairs(paths: list[Path], count: int, rng: np.random.Generator, shift: bool) -> int:
    """Make segment pairs as the original does. With ``shift``, part of the second segment is pitch shifted."""
    for _ in range(count):
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
    return count


def run(rounds: int = 5) -> list[dict]:
    """Measure segment pairs without and with pitch shifting."""
    with tempfile.TemporaryDirectory() as folder:
        paths = make_files(Path(folder))
        arrays = []
        for path in paths:
            with h5py.File(path, "r") as file:
                arrays.append(file["wav"][:])
        rng = np.random.default_rng(1)
        plain, augmented = (SegmentPairs(arrays, SEQ_LEN, magnitude=magnitude) for magnitude in (0.0, 0.5))
        starts = cycle(range(0, len(plain) - BATCH, BATCH))

        def ours(pairs: SegmentPairs, batches: int) -> int:
            for first in islice(starts, batches):
                pairs.batch(range(first, first + BATCH))
            return batches * BATCH

        rates = measure_rates(
            rounds,
            peer=lambda: make_pairs(paths, 200, rng, shift=False),
            peer_shift=lambda: make_pairs(paths, 60, rng, shift=True),
            ours=lambda: ours(plain, 100),
            ours_shift=lambda: ours(augmented, 20),
        )
    return [
        make_row("mu-law segment pairs", rates["peer"], rates["ours"], 15, "copying from memory"),
        make_row("mu-law segment pairs, pitch shifted", rates["peer_shift"], rates["ours_shift"], 5, "interpolation"),
    ]


def make_row(work: str, peer: float, ours: float, goal: float, bound: str) -> dict:
    bound = f"{bound}: {ours * SEQ_LEN / 1e6:.0f} M samples/s, torch threads: {torch.get_num_threads()}"
    unit = "segments/s"
    return {"work": work, "peer": peer, "ours": ours, "ratio": ours / peer, "goal": goal, "unit": unit, "bound": bound}


if __name__ == "__main__":
    from benchmarks.__main__ import format_table

    print(format_table(run()))
