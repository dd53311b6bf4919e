"""Measure how fast Studio and Street are rendered: ``python -m benchmarks rendering``."""

import os
import statistics
import tempfile
import time
from unittest import mock

from musiclab import studio
from musiclab.datasets import Studio
from musiclab.studio import street

SECONDS = 30  # of a track
BOUND = "computation in NumPy and SciPy, no files"


def run(rounds: int = 5) -> list[dict]:
    """Measure rendering on one core, and rendering of the default Studio set on all cores."""
    by_genre = {genre: measure_genre(genre, rounds) for genre in studio.GENRES}
    slowest = min(by_genre, key=by_genre.get)
    speeds = ", ".join(f"{genre} {speed:.0f}" for genre, speed in sorted(by_genre.items(), key=lambda item: item[1]))
    seconds, set_speed = measure_default_studio()
    return [
        make_row("Studio, median genre, one core", statistics.median(by_genre.values()), f"{BOUND}; {speeds}"),
        make_row(f"Studio, slowest genre ({slowest}), one core", by_genre[slowest], BOUND),
        make_row("Street, default set, one core", measure_street(), BOUND),
        make_row(
            f"Studio, default set, {os.cpu_count()} cores",
            set_speed,
            f"computation and writing wav files; {seconds:.0f} s in total",
        ),
    ]


def make_row(work: str, speed: float, bound: str) -> dict:
    """Make a row without a baseline."""
    return {
        "work": work,
        "peer": None,
        "ours": speed,
        "ratio": None,
        "goal": None,
        "unit": "x real time",
        "bound": bound,
    }


def measure_genre(genre: str, rounds: int) -> float:
    """Measure seconds of sound per second of processor time, as the median over ``rounds`` tracks of 30 s."""
    studio.render(genre, 0, seconds=2)  # fills caches that later tracks reuse
    times = []
    for seed in range(rounds):
        started = time.process_time()
        studio.render(genre, seed, seconds=SECONDS)
        times.append(time.process_time() - started)
    return SECONDS / statistics.median(times)


def measure_street() -> float:
    """Measure seconds of sound per second of processor time for the default set."""
    slices = street.catalogue()
    street.render_slices(slices[slices["class"] == "street_music"].head(1))  # fills caches, as above
    started = time.process_time()
    for _, rows in slices.groupby("fsID"):
        street.render_slices(rows)
    return float((slices["end"] - slices["start"]).sum() / (time.process_time() - started))


def measure_default_studio() -> tuple[float, float]:
    """Render the default Studio set on all cores. Return the time in seconds, and seconds of sound per second."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, MUSICLAB_CACHE=folder):  # an empty cache
        started = time.perf_counter()
        index = Studio().index
        seconds = time.perf_counter() - started
    return seconds, len(index) * 6.0 / seconds
