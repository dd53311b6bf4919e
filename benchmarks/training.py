"""Compare our training loop with a tutorial's: ``python -m benchmarks.training``.

Both train the same network, at its original size, on the same device. The tutorial's loop uses float32, a ``Dataset``
that returns one example at a time, and ``.item()`` for the loss and the accuracy of each step. Ours is
``training.fit`` as the command line uses it: the precision that suits the hardware, memory kept between steps, whole
batches from memory, and one synchronisation per epoch.

``python -m benchmarks.training`` also prints where the time of a step goes. OMP_NUM_THREADS=1 measures one thread.
"""

import time

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from benchmarks._timing import measure_rates
from musiclab import models
from musiclab.store.segments import Segments
from musiclab.training import TrainConfig, autocast, fit, pick_device
from musiclab.training.devices import keeping_memory, pick_precision, without_denormals

CLASSES = 10
MODELS = {  # examples on a CPU, batch size as in the tutorials, clip length in frames or samples
    "cnn": (128, 32, 216),
    "m5": (256, 128, 40_000),
    "lstm": (700, 35, 216),
    "resnet": (128, 32, 216),
}
GOAL_CPU, GOAL_AMX, GOAL_CUDA = 1.5, 2.5, 5
OPERATIONS = {  # parts of the lower-case names of torch operators; the first match counts
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
    """Compare the loops for all models. With CUDA, also time the training on a data set of GTZAN's size."""
    cuda = torch.cuda.is_available()
    rows = [compare_loops(name, *sizes, rounds, cuda) for name, sizes in MODELS.items()]
    return [*rows, measure_gtzan()] if cuda else rows


def compare_loops(name: str, examples: int, batch_size: int, length: int, rounds: int, cuda: bool) -> dict:
    """Compare the loops for one model."""
    clips = examples * (16 if cuda else 1)
    values, offsets, labels, silence = make_clips(name, clips, length)
    device = pick_device("auto")
    dataset = RandomSegments(values, offsets, labels, models.create(name, CLASSES).length)
    segments = Segments(
        torch.from_numpy(values),
        offsets,
        labels,
        classes=CLASSES,
        length=models.create(name, CLASSES).length,
        silence=silence,
        device=device,
    )
    config = TrainConfig(epochs=1, batch_size=batch_size, schedule="constant", label_smoothing=0)
    plain_model, our_model = models.create(name, CLASSES), models.create(name, CLASSES)

    def fit_ours() -> int:
        fit(our_model, segments, None, config, show_progress=False)
        return clips

    rates = measure_rates(rounds, peer=lambda: train_plain(plain_model, dataset, batch_size, device), ours=fit_ours)
    return {
        "work": f"training {name} on {device.type}",
        **rates,
        "ratio": rates["ours"] / rates["peer"],
        "goal": GOAL_CUDA if cuda else GOAL_AMX if torch.cpu._is_amx_tile_supported() else GOAL_CPU,
        "unit": "examples/s",
        "bound": f"{format_arithmetic(name, rates['ours'])}; {pick_precision('auto', device, our_model)}",
    }


def profile_step(name: str, steps: int = 3) -> dict[str, float]:
    """Profile a training step: its duration in ms, and the share of each operation."""
    _, batch_size, _ = MODELS[name]
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
    times = dict.fromkeys((*OPERATIONS, "other"), 0.0)
    for event in profiler.key_averages():
        matches = (op for op, parts in OPERATIONS.items() if any(part in event.key.lower() for part in parts))
        times[next(matches, "other")] += event.self_cpu_time_total / 1000
    total = sum(times.values())
    return {"ms per step": total / steps} | {op: value / total for op, value in times.items()}


def format_arithmetic(name: str, rate: float) -> str:
    multiply_adds = 3 * models.summary(models.create(name, CLASSES)).multiply_adds  # forward 1, backward about 2
    return f"arithmetic: {multiply_adds * rate / 1e9:,.0f} G multiply-adds/s ({multiply_adds / 1e9:.2f} G per example)"


def measure_gtzan(epochs: int = 30, clips: int = 1000) -> dict:
    """Time the training of the four-layer CNN on clips of 30 s."""
    values, offsets, labels, silence = make_clips("cnn", clips, 1292)
    torch.manual_seed(0)
    device = pick_device("auto")
    segments = Segments(
        torch.from_numpy(values), offsets, labels, classes=CLASSES, length=128, silence=silence, device=device
    )
    started = time.perf_counter()
    fit(models.create("cnn", CLASSES), segments, None, TrainConfig(epochs=epochs, batch_size=32), show_progress=False)
    seconds = time.perf_counter() - started
    return {
        "work": f"cnn, {epochs} epochs on {clips} x 30 s (one segment per clip and epoch)",
        "peer": None,
        "ours": seconds,
        "ratio": None,
        "goal": None,
        "unit": "s",
        "bound": format_arithmetic("cnn", clips * epochs / seconds),
    }


def make_clips(name: str, clips: int, length: int):
    """Make noise in a model's input format: values, offsets, labels and the padding value."""
    rng = np.random.default_rng(0)
    model_class = models.find(name)
    config = model_class.feature_config
    if model_class.feature == "audio":
        values = rng.integers(-9999, 9999, clips * length, dtype=np.int16)
    else:
        values = rng.standard_normal((clips * length, len(config.names)), dtype=np.float32)
        values = values.astype(np.float16 if model_class.feature == "logmel" else np.float32)
    return values, length * np.arange(clips + 1), np.arange(clips) % CLASSES, config.silence


class RandomSegments(Dataset):
    """Return one randomly cut example at a time, like the data sets of tutorials."""

    def __init__(self, values: np.ndarray, offsets: np.ndarray, labels: np.ndarray, length: int):
        self.values, self.offsets, self.labels, self.length = values, offsets, labels, length

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, clip: int):
        start = np.random.randint(self.offsets[clip], self.offsets[clip + 1] - self.length + 1)  # noqa: NPY002
        segment = self.values[start : start + self.length].T.astype(np.float32)
        return torch.from_numpy(segment / 32768 if segment.ndim == 1 else segment), int(self.labels[clip])


def train_plain(model: nn.Module, dataset: Dataset, batch_size: int, device: torch.device) -> int:
    """Train for one epoch the way tutorials do."""
    loader = DataLoader(dataset, batch_size=batch_size, shuffle=True)
    model.to(device).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    total_loss = correct = count = 0
    for batch, labels in loader:
        batch, labels = batch.to(device), labels.to(device)
        optimiser.zero_grad()
        logits = model(batch)
        loss = nn.functional.cross_entropy(logits, labels)
        loss.backward()
        optimiser.step()
        total_loss += loss.item()
        correct += (logits.argmax(1) == labels).sum().item()
        count += len(labels)
    return count


if __name__ == "__main__":
    from benchmarks.__main__ import format_table

    shares = pd.DataFrame({name: profile_step(name) for name in MODELS})
    shares.iloc[1:] *= 100
    print(f"Share of a training step in % ({torch.get_num_threads()} threads):\n{shares.round(1)}\n")
    print(format_table(run()))
