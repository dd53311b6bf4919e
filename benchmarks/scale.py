"""Measure how costs grow with the number of clips.

``python -m benchmarks.scale [--most CLIPS]`` simulates data sets of 1,000 to 100,000 clips (one second of random notes
at 8 kHz). For each size, a new process measures the time to list the folder, split it by groups, prepare a store with
two Dask workers, search for copies (which ``prepare`` also does) and open the store. It then measures how fast
shuffled batches are read, and its own peak memory. No time should grow faster than the number of clips, and the
reading rate should not fall. The results are printed and drawn to ``benchmarks/scale.png``.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np

from musiclab.audio import save_audio

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
RATE, VOICES, NOTES = 8000, 4, 8
PER_GROUP, CLASSES = 10, 10
STAGES = ("list", "split", "prepare", "copies", "open")
FIGURE = Path(__file__).with_name("scale.png")


def run(rounds: int = 1) -> list[dict]:
    """Compare 1,000 with 3,000 clips, which takes half a minute."""
    small, large = measure(SIZES[:2])
    growth = large["clips"] / small["clips"]
    return [
        {
            "work": f"{stage}: {large['clips']:,} clips, vs. {small['clips']:,} clips",
            "peer": small[stage],
            "ours": large[stage],
            "ratio": None,
            "goal": None,
            "unit": "s",
            "bound": f"time per clip: {large[stage] / small[stage] / growth:.2f} x",
        }
        for stage in STAGES
    ]


def measure(sizes: tuple[int, ...]) -> list[dict]:
    """Measure each size in a new process, on the first clips of one folder."""
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        folder, written = Path(scratch) / "clips", 0
        for clips in sizes:
            simulate(folder, written, clips)
            written = clips
            code = f"from benchmarks.scale import measure_one; measure_one({str(folder)!r}, {str(scratch)!r})"
            process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
            if process.returncode:
                raise SystemExit(process.stderr)
            results.append({"clips": clips, **json.loads(process.stdout.splitlines()[-1])})
            print("  ".join(f"{name} {value:,.3g}" for name, value in results[-1].items()), flush=True)
    return results


def simulate(folder: Path, first: int, last: int) -> None:
    """Write clips ``first`` to ``last - 1``, each with its own notes, to one folder per class and group."""
    note_time = np.arange(RATE // NOTES) / RATE
    for clip in range(first, last):
        rng = np.random.default_rng(clip)
        pitches = 110 * 2 ** rng.uniform(0, 5, (VOICES, NOTES, 1))
        decays = np.exp(-note_time * rng.uniform(2, 40, (VOICES, NOTES, 1)))
        notes = (np.sin(2 * np.pi * pitches * note_time) * decays).mean(axis=0)
        group = clip // PER_GROUP
        save_audio(folder / f"class{group % CLASSES}" / f"group{group}" / f"{clip}.wav", 0.5 * notes.ravel(), RATE)


def measure_one(folder: str, scratch: str) -> None:
    """Print the seconds of each stage, the reading rate, the peak memory and the store size as JSON."""
    from unittest import mock

    from distributed import LocalCluster

    from benchmarks.reading import make_loader
    from musiclab.datasets import AudioFolder
    from musiclab.datasets.fingerprints import mark_file, number_copies
    from musiclab.datasets.splits import by_group
    from musiclab.features import MelConfig
    from musiclab.store import Store, prepare
    from musiclab.store.segments import Segments

    seconds, path = {}, Path(scratch) / "store.h5"
    with mock.patch.dict("os.environ", MUSICLAB_CACHE=str(Path(scratch) / "cache")):
        with timed(seconds, "list"):
            data = AudioFolder(folder)
            data.index  # noqa: B018
        with timed(seconds, "split"):
            by_group(data.index)
        config = MelConfig(sample_rate=RATE, n_fft=512, hop_length=256, n_mels=32)
        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
            timed(seconds, "prepare"),
        ):
            prepare(data, path, {"logmel": config}, backend="dask", scheduler=cluster.scheduler_address, progress=False,
                    replace=True)  # fmt: skip
        marks = [mark_file(name) for name in data.index["path"]]
        with timed(seconds, "copies"):
            number_copies(marks)
        del marks
    with timed(seconds, "open"):
        store = Store(path)
        store.index  # noqa: B018
    segments = Segments.of_store(store, "logmel", length=16)
    loader = make_loader(segments, 64)
    started, read = time.perf_counter(), 0
    while time.perf_counter() - started < 2:
        for batch, _ in islice(loader, 501):
            read += len(batch)
    rate = read / (time.perf_counter() - started)
    peak_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    disk = path.stat().st_size / 1e6
    print(json.dumps({**seconds, "segments/s": rate, "MB of memory": peak_memory, "MB on disk": disk}))


@contextmanager
def timed(seconds: dict, stage: str) -> Iterator[None]:
    """Save the duration of a block as ``seconds[stage]``."""
    started = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - started


def draw(results: list[dict]) -> None:
    """Draw time per clip, reading rate, memory and store size against the number of clips."""
    import matplotlib.pyplot as plt

    clips = [row["clips"] for row in results]
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained")
    for stage in STAGES:
        left.loglog(clips, [1000 * row[stage] / row["clips"] for row in results], "o-", label=stage)
    left.set(title="time per clip", xlabel="clips", ylabel="ms per clip")
    left.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    middle.semilogx(clips, [row["segments/s"] / 1000 for row in results], "o-")
    middle.set(title="shuffled batches", xlabel="clips", ylabel="1,000 segments per second", ylim=(0, None))
    for name, label in (("MB of memory", "peak memory of the process"), ("MB on disk", "store on disk")):
        right.loglog(clips, [row[name] for row in results], "o-", label=label)
    right.set(title="size", xlabel="clips", ylabel="MB")
    right.legend(loc="lower right")
    for axes in (left, middle, right):
        axes.grid(alpha=0.3)
    figure.savefig(FIGURE, dpi=90)


def main() -> None:
    """Measure all sizes up to ``--most`` and draw the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=SIZES[-1], metavar="CLIPS", help="largest size (default: 100,000)")
    max_clips = parser.parse_args().most
    draw(measure(tuple(size for size in SIZES if size <= max_clips)))


if __name__ == "__main__":
    main()
