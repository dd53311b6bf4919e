"""How fast Studio and Street are rendered, compared with the length of the sound."""

import os
import statistics
import tempfile
import time
from unittest import mock

from musiclab import studio
from musiclab.datasets import Studio
from musiclab.studio import street

SECONDS = 30  # of a track
BOUND = "computing in numpy and scipy: nothing is read or written"


def run(rounds: int = 5) -> list[dict]:
    """Rows for ``python -m benchmarks``."""
    by_genre = {genre: studio_speed(genre, rounds) for genre in studio.GENRES}
    slowest = min(by_genre, key=by_genre.get)
    each = ", ".join(f"{genre} {value:.0f}" for genre, value in sorted(by_genre.items(), key=lambda item: item[1]))
    seconds, speed = whole_set()
    return [
        row("Studio, one core, the median genre", statistics.median(by_genre.values()), f"{BOUND}; {each}"),
        row(f"Studio, one core, the slowest genre ({slowest})", by_genre[slowest], BOUND),
        row("Street, one core, the default set", street_speed(), BOUND),
        row(
            f"Studio, default set, {os.cpu_count()} cores",
            speed,
            f"computing, and writing wav files; {seconds:.0f} s in all",
        ),
    ]


def row(work: str, speed: float, bound: str) -> dict:
    """Make a row without a peer to compare with."""
    return {
        "work": work,
        "peer": None,
        "ours": speed,
        "ratio": None,
        "goal": None,
        "unit": "x real time",
        "bound": bound,
    }


def studio_speed(genre: str, rounds: int) -> float:
    """Measure seconds of sound per second of processor time: the median of ``rounds`` tracks of 30 s."""
    studio.render(genre, 0, seconds=2)  # what is built once stays out of the figure
    times = []
    for seed in range(rounds):
        started = time.process_time()
        studio.render(genre, seed, seconds=SECONDS)
        times.append(time.process_time() - started)
    return SECONDS / statistics.median(times)


def street_speed() -> float:
    """Measure seconds of slices per second of processor time, over the default set."""
    slices = street.catalogue()
    street.render_slices(slices[slices["class"] == "street_music"].head(1))  # what is built once stays out of it
    started = time.process_time()
    for _, rows in slices.groupby("fsID"):
        street.render_slices(rows)
    return float((slices["end"] - slices["start"]).sum() / (time.process_time() - started))


def whole_set() -> tuple[float, float]:
    """Measure the seconds that the default Studio set takes on all cores, and seconds of sound per second."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, MUSICLAB_CACHE=folder):  # an empty cache
        started = time.perf_counter()
        index = Studio().index
        seconds = time.perf_counter() - started
    return seconds, len(index) * 6.0 / seconds
