"""Run the tests and benchmarks that need a GPU, in at most ten minutes.

``python -m benchmarks.gpu`` compares the training speed of each model with that of the plain loop on the same GPU, and
compares log-mel spectrograms and predictions with the CPU. It also times 30 epochs of ``cnn`` on a data set of GTZAN's
size. Each row shows the peak GPU memory. With ``--small``, few examples are used and a CPU is enough.
"""

import argparse
import json
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks import training
from benchmarks.__main__ import format_table
from benchmarks._timing import measure_rates
from musiclab import features, models
from musiclab.training import pick_device, score

BUDGET = 480.0  # s from the start, tests included; later benchmarks are skipped with a message
MODELS = {  # examples, batch size, clip length in frames or samples
    "cnn": (4096, 128, 216),
    "resnet": (4096, 128, 260),
    "crnn": (2048, 64, 216),
    "m5": (8192, 256, 40_000),
    "m18": (2048, 64, 40_000),
    "lstm": (8192, 256, 216),
    "mlp": (65_536, 1024, 1),
}


def run(rounds: int = 5) -> list[dict]:
    """Run all GPU benchmarks, or return an empty list without CUDA."""
    return measure(rounds, time.monotonic() + BUDGET) if torch.cuda.is_available() else []


def measure(rounds: int, deadline: float, small: bool = False) -> list[dict]:
    """Run the benchmarks that start before ``deadline``, in seconds of ``time.monotonic``."""
    rows, rounds = [], 1 if small else rounds
    tasks = [partial(measure_training, name, *sizes, rounds, small) for name, sizes in MODELS.items()]
    tasks += [partial(measure_log_mel, rounds, small), partial(measure_prediction, rounds, small)]
    tasks.append(partial(measure_gtzan, small))
    for task in tasks:
        if time.monotonic() > deadline:
            print(f"Out of time: skipped {len(tasks) - len(rows)} of {len(tasks)} benchmarks. Try fewer --rounds.")
            break
        rows.append(task())
    return rows


def measure_training(name: str, examples: int, batch_size: int, length: int, rounds: int, small: bool) -> dict:
    """Measure our training loop against the plain loop, on the same device."""
    reset_peak_memory()
    examples = 2 * min(batch_size, 16) if small else examples
    row = training.compare_loops(name, examples, min(batch_size, examples), length, rounds, cuda=False)
    return row | {"goal": None if small else training.GOAL_CUDA, "bound": f"{row['bound']}; {format_peak_memory()}"}


def measure_log_mel(rounds: int, small: bool) -> dict:
    """Measure log-mel spectrograms of batches of clips, against all threads of the CPU."""
    reset_peak_memory()
    clips, seconds = (2, 1) if small else (32, 30)
    waveforms = torch.from_numpy(np.random.default_rng(0).standard_normal((clips, seconds * 22050), dtype=np.float32))
    on_device, config = waveforms.to(pick_device("auto")), features.MelConfig()

    def compute(batch: torch.Tensor) -> int:
        features.log_mel(batch, config).sum().item()  # item() waits for the device
        return clips

    rates = measure_rates(rounds, peer=lambda: compute(waveforms), ours=lambda: compute(on_device))
    return make_row(f"log-mel, {seconds} s, batches of {clips}, vs. CPU", rates, "clips/s")


def measure_prediction(rounds: int, small: bool) -> dict:
    """Measure predictions of ``resnet`` in batches, against the CPU."""
    reset_peak_memory()
    clips = 16 if small else 2048
    values, offsets, labels, silence = training.make_clips("resnet", clips, 260)
    model = models.create("resnet", training.CLASSES)
    options = {"classes": training.CLASSES, "length": model.length, "silence": silence, "places": "centred"}
    segments = training.Segments(torch.from_numpy(values), offsets, labels, **options)
    cpu_segments = training.Segments(torch.from_numpy(values), offsets, labels, range(min(clips, 128)), **options)

    def predict(device: str, segments: training.Segments) -> int:
        score(model.to(device), segments, device)
        return len(segments)

    device = str(pick_device("auto"))
    rates = measure_rates(rounds, peer=lambda: predict("cpu", cpu_segments), ours=lambda: predict(device, segments))
    return make_row("predictions of resnet, vs. CPU", rates, "segments/s")


def measure_gtzan(small: bool) -> dict:
    """Time the training of ``cnn`` on 1,000 clips of 30 s."""
    reset_peak_memory()
    row = training.measure_gtzan(1, 8) if small else training.measure_gtzan(30)
    return row | {"bound": f"{row['bound']}; {format_peak_memory()}"}


def make_row(work: str, rates: dict[str, float], unit: str) -> dict:
    ratio = rates["ours"] / rates["peer"]
    return {"work": work, **rates, "ratio": ratio, "goal": None, "unit": unit, "bound": format_peak_memory()}


def reset_peak_memory() -> None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def format_peak_memory() -> str:
    if not torch.cuda.is_available():
        return "no GPU"
    return f"peak GPU memory: {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB"


def main() -> None:
    """Run the tests that need CUDA and all benchmarks, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="use few examples, to try everything on a CPU")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions; figures are their median (default: 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also save the results as JSON")
    options, deadline = parser.parse_args(), time.monotonic() + BUDGET
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    print(f"{gpu}, torch {torch.__version__}", flush=True)
    if not options.small:
        subprocess.run([sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests"], check=False)
    rows = measure(options.rounds, deadline, options.small)
    print(format_table(rows))
    if options.json is not None:
        options.json.write_text(json.dumps({"card": gpu, "torch": torch.__version__, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
