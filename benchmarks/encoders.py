"""Measure how fast each encoder is, on one core: ``python -m benchmarks encoders``.

The figure is seconds of sound per second, so 60 means that a minute of sound takes one second. The baseline is the same
encoder with one segment of 3 s per call, as code for a single clip would run it.
"""

import numpy as np
import torch

from benchmarks._timing import measure_rates
from musiclab import encoders, studio
from musiclab.core.errors import RunError

SECONDS = 48
GOALS = {"musicnn": 20}  # times real time


def run(rounds: int) -> list[dict]:
    """Measure all encoders that are available."""
    waveform = studio.render("jazz", seed=1, seconds=SECONDS).waveform
    segments = np.split(waveform, SECONDS // 3)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [row for name in encoders.NAMES for row in _measure(name, waveform, segments, rounds)]
    finally:
        torch.set_num_threads(threads)


def _measure(name: str, waveform: np.ndarray, segments: list[np.ndarray], rounds: int) -> list[dict]:
    try:
        encoder = encoders.load(name)
    except RunError as error:
        print(error)
        return []

    def one_by_one() -> int:
        for segment in segments:
            encoder.embed(segment, studio.SAMPLE_RATE, device="cpu")
        return SECONDS

    def batched() -> int:
        encoder.embed(waveform, studio.SAMPLE_RATE, device="cpu")
        return SECONDS

    rates = measure_rates(rounds, one_by_one=one_by_one, batched=batched)
    goal = GOALS.get(name)
    note = f"goal: {goal} times real time, {'met' if rates['batched'] >= goal else 'MISSED'}" if goal else ""
    ratio = rates["batched"] / rates["one_by_one"]
    row = {"work": f"embeddings of {name}, one core", "peer": rates["one_by_one"], "ours": rates["batched"]}
    return [row | {"unit": "s of sound per s", "ratio": ratio, "goal": None, "bound": note}]
