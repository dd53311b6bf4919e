"""What needs a GPU, in one go of at most ten minutes: ``python -m benchmarks.gpu``, or ``--small`` to try it on a CPU.

It runs the tests that need CUDA, then measures: examples a second in training each model, beside the plain loop on the
same device; log-mels and predictions a second, beside this machine's CPU; the time to train ``cnn`` for 30 epochs on a
set of GTZAN's size; and the most memory that each of them took.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks import training
from benchmarks.__main__ import table
from benchmarks._timing import rates
from musiclab import features, models
from musiclab.training import pick_device, score

BUDGET = 480.0  # s after the start, tests included; what would begin later is left out, and said
MODELS = {  # examples, batch, frames or samples of a clip
    "cnn": (4096, 128, 216),
    "resnet": (4096, 128, 260),
    "crnn": (2048, 64, 216),
    "m5": (8192, 256, 40_000),
    "m18": (2048, 64, 40_000),
    "lstm": (8192, 256, 216),
    "mlp": (65_536, 1024, 1),
}


def run(rounds: int = 5) -> list[dict]:
    """Rows for ``python -m benchmarks``; none on a machine without CUDA."""
    return measure(rounds, time.monotonic() + BUDGET) if torch.cuda.is_available() else []


def measure(rounds: int, ends: float, small: bool = False) -> list[dict]:
    """Measure until the time is up; ``small`` takes few examples."""
    rows: list[dict] = []
    works = [lambda name=name, work=work: training_row(name, *work, rounds, small) for name, work in MODELS.items()]
    works += [lambda: log_mel_row(rounds, small), lambda: prediction_row(rounds, small), lambda: long_row(small)]
    for work in works:
        if time.monotonic() > ends:
            print(f"the time is up: {len(works) - len(rows)} of {len(works)} measurements are left out")
            break
        rows.append(work())
    return rows


def training_row(name: str, examples: int, batch_size: int, length: int, rounds: int, small: bool) -> dict:
    """Our loop and the plain one in turn, on the same device."""
    forget_peak()
    examples = 2 * min(batch_size, 16) if small else examples
    row = training.row(name, examples, min(batch_size, examples), length, 1 if small else rounds, cuda=False)
    return row | {"goal": None if small else training.GOAL_CUDA, "bound": f"{row['bound']}; {peak()}"}


def log_mel_row(rounds: int, small: bool) -> dict:
    """Log-mels of batches of 32 clips of 30 s, beside the CPU with all its threads."""
    forget_peak()
    clips, seconds = (2, 1) if small else (32, 30)
    waveforms = torch.from_numpy(np.random.default_rng(0).standard_normal((clips, seconds * 22050), dtype=np.float32))
    on_device, config = waveforms.to(pick_device("auto")), features.MelConfig()

    def work(batch: torch.Tensor) -> int:
        features.log_mel(batch, config).sum().item()  # waits for the device
        return clips

    found = rates(1 if small else rounds, peer=lambda: work(waveforms), ours=lambda: work(on_device))
    return row_of(f"log-mel of {seconds} s, {clips} at once, beside the CPU", found, "clips/s")


def prediction_row(rounds: int, small: bool) -> dict:
    """Log-probabilities of ``resnet``, in batches, beside the CPU."""
    forget_peak()
    clips = 16 if small else 2048
    values, offsets, labels, silence = training.made_up_clips("resnet", clips, 260)
    model = models.create("resnet", training.CLASSES)
    cut = {"classes": training.CLASSES, "length": model.length, "silence": silence, "places": "centred"}
    segments = training.Segments(torch.from_numpy(values), offsets, labels, **cut)
    few = training.Segments(torch.from_numpy(values), offsets, labels, range(min(clips, 128)), **cut)

    def work(device: str, chosen) -> int:
        score(model.to(device), chosen, device)
        return len(chosen)

    device = str(pick_device("auto"))
    found = rates(1 if small else rounds, peer=lambda: work("cpu", few), ours=lambda: work(device, segments))
    return row_of("predictions of resnet, beside the CPU", found, "segments/s")


def long_row(small: bool) -> dict:
    """Seconds for ``cnn`` on 1,000 clips of 30 s, one segment of each in an epoch."""
    forget_peak()
    row = training.gtzan_row(1, 8) if small else training.gtzan_row(30)
    return row | {"bound": f"{row['bound']}; {peak()}"}


def row_of(work: str, found: dict, unit: str) -> dict:
    ratio = found["ours"] / found["peer"]
    return {"work": work, **found, "ratio": ratio, "goal": None, "unit": unit, "bound": peak()}


def forget_peak() -> None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak() -> str:
    if not torch.cuda.is_available():
        return "memory of the GPU: no GPU"
    return f"memory of the GPU: {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB at most"


def main() -> None:
    """Run the tests that need CUDA and all measurements; print a table and write it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="few examples, to see on a CPU that it works")
    parser.add_argument("--rounds", type=int, default=5, help="a figure is the median of so many (default 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows to this file")
    chosen, ends = parser.parse_args(), time.monotonic() + BUDGET
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    print(f"{card}, torch {torch.__version__}", flush=True)
    if not chosen.small:
        subprocess.run([sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests"], check=False)
    rows = measure(chosen.rounds, ends, chosen.small)
    print(table(rows))
    if chosen.json is not None:
        chosen.json.write_text(json.dumps({"card": card, "torch": torch.__version__, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
