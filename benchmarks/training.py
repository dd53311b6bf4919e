"""Examples a second in training: our loop against a tutorial's around the same network, of its original size.

The tutorials' loop: float32, a ``Dataset`` that gives one example at a time, a ``DataLoader`` that puts them together,
and ``.item()`` for the loss and the accuracy of each step. Ours is ``training.fit`` as the command line uses it: the
precision that suits the hardware, memory that is kept between steps, whole batches from memory, one synchronisation an
epoch. On a machine with CUDA both use it, and the time to train the four-layer CNN for 30 epochs on a set of GTZAN's
size (1000 x 30 s) is given too.

``python -m benchmarks.training`` also prints where the time of a step goes. OMP_NUM_THREADS=1 measures one thread.
"""

import time

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from benchmarks._timing import rates
from musiclab import models
from musiclab.store.segments import Segments
from musiclab.training import TrainConfig, autocast, fit, pick_device
from musiclab.training.devices import keeping_memory, pick_precision, without_denormals

CLASSES = 10
WORKS = {  # examples on a CPU, batch, frames or samples of a clip: batches as in the tutorials
    "cnn": (128, 32, 216),
    "m5": (256, 128, 40_000),
    "lstm": (700, 35, 216),
    "resnet": (128, 32, 216),
}
GOAL_CPU, GOAL_AMX, GOAL_CUDA = 1.5, 2.5, 5
KINDS = {  # of work in a step, by parts of the names of torch's operators in lower case; the first that fits counts
    "convolutions": ("convolution",),
    "recurrent layers": ("lstm", "rnn"),
    "batch norm": ("batch_norm", "batchnorm"),
    "activations": ("threshold", "clamp", "relu"),
    "pooling": ("pool",),
    "dense layers": ("addmm", "::mm", "linear"),
    "optimiser": ("optimizer", "foreach", "lerp", "addcdiv", "addcmul", "sqrt"),
    "copies and fills": ("copy", "fill", "zero", "::cat"),
}


def run(rounds: int = 5) -> list[dict]:
    """Rows for ``python -m benchmarks``."""
    cuda = torch.cuda.is_available()
    rows = [row(name, *work, rounds, cuda) for name, work in WORKS.items()]
    return [*rows, gtzan_row()] if cuda else rows


def row(name: str, examples: int, batch_size: int, length: int, rounds: int, cuda: bool) -> dict:
    """One model: both loops, in turn."""
    clips = examples * (16 if cuda else 1)
    values, offsets, labels, silence = made_up_clips(name, clips, length)
    device = pick_device("auto")
    plain = PerItem(values, offsets, labels, models.create(name, CLASSES).length)
    ours = Segments(
        torch.from_numpy(values),
        offsets,
        labels,
        classes=CLASSES,
        length=models.create(name, CLASSES).length,
        silence=silence,
        device=device,
    )
    config = TrainConfig(epochs=1, batch_size=batch_size, schedule="constant", label_smoothing=0)
    networks = {kind: models.create(name, CLASSES) for kind in ("plain", "ours")}

    def fit_ours() -> int:
        fit(networks["ours"], ours, None, config, show_progress=False)
        return clips

    found = rates(rounds, peer=lambda: plain_epoch(networks["plain"], plain, batch_size, device), ours=fit_ours)
    return {
        "work": f"training {name} on {device.type}",
        **found,
        "ratio": found["ours"] / found["peer"],
        "goal": GOAL_CUDA if cuda else GOAL_AMX if torch.cpu._is_amx_tile_supported() else GOAL_CPU,
        "unit": "examples/s",
        "bound": f"{bound(name, found['ours'])}; {pick_precision('auto', device, networks['ours'])}",
    }


def where_time_goes(name: str, steps: int = 3) -> dict[str, float]:
    """Shares of the time of a step of ours by kind of work, and its length in ms, as torch's profiler sees them."""
    _, batch_size, _ = WORKS[name]
    model, device = models.create(name, CLASSES).train(), torch.device("cpu")
    batch = torch.randn(batch_size, *model.input_shape, generator=torch.Generator().manual_seed(0))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def step() -> None:
        optimiser.zero_grad()
        with autocast(device, "auto", model):
            logits = model(batch)
        nn.functional.cross_entropy(logits.float(), torch.arange(batch_size) % CLASSES).backward()
        optimiser.step()

    with without_denormals(), keeping_memory():
        step()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
            for _ in range(steps):
                step()
    times = dict.fromkeys((*KINDS, "everything else"), 0.0)
    for event in profiler.key_averages():
        kinds = (kind for kind, parts in KINDS.items() if any(part in event.key.lower() for part in parts))
        times[next(kinds, "everything else")] += event.self_cpu_time_total / 1000
    whole = sum(times.values())
    return {"ms a step": whole / steps} | {kind: value / whole for kind, value in times.items()}


def bound(name: str, rate: float) -> str:
    """What the rate means in multiply-adds; a training step takes about three times those of a forward pass."""
    multiply_adds = 3 * models.summary(models.create(name, CLASSES)).multiply_adds
    return f"arithmetic: {multiply_adds * rate / 1e9:,.0f} G multiply-adds a second ({multiply_adds / 1e9:.2f} G each)"


def gtzan_row(epochs: int = 30, clips: int = 1000) -> dict:
    """Seconds for some epochs of the four-layer CNN on clips of 30 s."""
    values, offsets, labels, silence = made_up_clips("cnn", clips, 1292)
    torch.manual_seed(0)
    device = pick_device("auto")
    segments = Segments(
        torch.from_numpy(values), offsets, labels, classes=CLASSES, length=128, silence=silence, device=device
    )
    started = time.perf_counter()
    fit(models.create("cnn", CLASSES), segments, None, TrainConfig(epochs=epochs, batch_size=32), show_progress=False)
    seconds = time.perf_counter() - started
    return {
        "work": f"cnn, {epochs} epochs on {clips} x 30 s (one segment a clip and epoch)",
        "peer": None,
        "ours": seconds,
        "ratio": None,
        "goal": None,
        "unit": "s",
        "bound": bound("cnn", clips * epochs / seconds),
    }


def made_up_clips(name: str, clips: int, length: int):
    """Values, offsets, labels and silence of noise that has the shape of what a model hears."""
    rng = np.random.default_rng(0)
    kind = models.find(name)
    config = kind.feature_config
    if kind.feature == "audio":
        values = rng.integers(-9999, 9999, clips * length, dtype=np.int16)
    else:
        values = rng.standard_normal((clips * length, len(config.names)), dtype=np.float32)
        values = values.astype(np.float16 if kind.feature == "logmel" else np.float32)
    return values, length * np.arange(clips + 1), np.arange(clips) % CLASSES, config.silence


class PerItem(Dataset):
    """One example at a time, cut at random, as the tutorials' data sets give it."""

    def __init__(self, values: np.ndarray, offsets: np.ndarray, labels: np.ndarray, length: int):
        self.values, self.offsets, self.labels, self.length = values, offsets, labels, length

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, item: int):
        start = np.random.randint(self.offsets[item], self.offsets[item + 1] - self.length + 1)  # noqa: NPY002
        part = self.values[start : start + self.length].T.astype(np.float32)
        return torch.from_numpy(part / 32768 if part.ndim == 1 else part), int(self.labels[item])


def plain_epoch(model: nn.Module, dataset: Dataset, batch_size: int, device: torch.device) -> int:
    """An epoch as the tutorials write it."""
    loader = DataLoader(dataset, batch_size=batch_size, shuffle=True)
    model.to(device).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    total = right = count = 0
    for batch, labels in loader:
        batch, labels = batch.to(device), labels.to(device)
        optimiser.zero_grad()
        logits = model(batch)
        loss = nn.functional.cross_entropy(logits, labels)
        loss.backward()
        optimiser.step()
        total += loss.item()
        right += (logits.argmax(1) == labels).sum().item()
        count += len(labels)
    return count


if __name__ == "__main__":
    from benchmarks.__main__ import table

    shares = pd.DataFrame({name: where_time_goes(name) for name in WORKS})
    shares.iloc[1:] *= 100
    print(f"where a step's time goes, in %, with {torch.get_num_threads()} threads\n{shares.round(1)}\n")
    print(table(run()))
