"""Small trainings for the tests of musiclab.training, in this process and in those that a test starts.

As a program it trains and writes what came out: ``python training_cases.py FOLDER [block EPOCH]``.
"""

import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from musiclab.core.files import write_json
from musiclab.store.segments import Segments
from musiclab.training import State, TrainConfig, devices, fit, log_probabilities
from musiclab.training.augment import Augmentation
from musiclab.training.devices import is_main, main_first

BANDS, FRAMES, CLIP_FRAMES = 16, 24, 30

PLAIN = TrainConfig(
    epochs=6, batch_size=8, learning_rate=0.01, weight_decay=0.0, label_smoothing=0.0, device="cpu", precision="fp32"
)
"""Nothing but the loss: no decay, no smoothing, no augmentation."""

DESCENT = replace(PLAIN, epochs=1, optimiser="sgd", schedule="constant")
"""Steps that can be foretold: the first one of Nesterov's momentum of 0.9 is 1.9 times the gradient."""

EVERYTHING = replace(
    PLAIN,
    epochs=4,
    weight_decay=0.05,
    label_smoothing=0.1,
    clip=1.0,
    accumulate=2,
    class_weights=True,
    augmentation=Augmentation(mixup=0.3, time_mask=0.2, circular_shift=0.5),
)
"""All that draws at random and all that keeps a state."""


def two_classes(clips=16, seed=0, kind=Segments, **settings) -> Segments:
    """Noise that is louder in the lower bands (class 0) or in the upper ones (class 1)."""
    rng = np.random.default_rng(seed)
    labels = np.arange(clips) % 2
    values = rng.standard_normal((clips, CLIP_FRAMES, BANDS)).astype(np.float32)
    values[labels == 0, :, : BANDS // 2] += 1
    values[labels == 1, :, BANDS // 2 :] += 1
    offsets = CLIP_FRAMES * np.arange(clips + 1)
    paths = [f"class{label}/{clip}.wav" for clip, label in enumerate(labels)]
    settings = {"length": FRAMES, "classes": 2, "paths": paths} | settings
    return kind(values.reshape(-1, BANDS), offsets, labels, **settings)


def fixed(clips=16, seed=1, **settings) -> Segments:
    """Other clips of the same kind, always the same segments of them."""
    return two_classes(clips, seed, **{"places": "centred"} | settings)


def linear(seed=0) -> nn.Module:
    """No norm and no dropout: what becomes of it can be foretold."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(BANDS * FRAMES, 2))


def network(seed=0, dropout=0.3) -> nn.Module:
    """All kinds of layers that depend on how it is called: a norm and dropout."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv1d(BANDS, 8, 5), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(4), nn.Dropout(dropout),
        nn.Flatten(), nn.Linear(8 * ((FRAMES - 4) // 4), 2),
    )  # fmt: skip


def weights(model) -> torch.Tensor:
    """All numbers of a model in a row."""
    return torch.cat([value.detach().cpu().flatten().float() for value in model.state_dict().values()])


def pretend_fp16(monkeypatch) -> None:
    """Let trainings on a CPU scale their loss as in fp16, which it does not compute in."""
    monkeypatch.setattr(devices, "pick_precision", lambda *_: devices.Precision("fp16", "it is tested"))


def facts(history) -> list[dict]:
    """The epochs of a history without what the clock says."""
    timed = ("seconds", "samples_per_second", "waiting")
    return [{key: value for key, value in row.items() if key not in timed} for row in history.epochs]


class Watched(Segments):
    """Does something before it gives the first batch of an epoch: ``act`` in ``act_epoch``."""

    act, act_epoch = None, 0

    def batch(self, items):
        if self.act is not None and self.epoch == self.act_epoch:
            self.act()
        return super().batch(items)


def announce_and_block() -> None:
    """Say so, and wait to be killed."""
    print("blocked", flush=True)
    threading.Event().wait()


def main(folder: str, block_epoch: str = "0") -> None:
    """Train with a state that is kept, as a process of its own or as one of several."""
    if block_epoch in ("resumed", "undisturbed"):
        model, path = network(), Path(folder)
        state = State(path / "state.pt", resume=True) if block_epoch == "resumed" else None
        history = fit(model, two_classes(), fixed(), EVERYTHING, show_progress=False, state=state)
        ends = {"epochs": facts(history), "best": history.best_epoch, "weights": weights(model).tolist()}
        write_json(path / f"{block_epoch}.json", ends)
        return
    if block_epoch != "0":
        train = two_classes(kind=Watched)
        train.act, train.act_epoch = announce_and_block, int(block_epoch)
        fit(network(), train, fixed(), EVERYTHING, show_progress=False, state=State(Path(folder) / "state.pt"))
        return
    with main_first("cpu"), open(Path(folder) / "order.txt", "a", encoding="utf-8") as file:
        file.write("main\n" if is_main() else "other\n")
    model, valid = linear(), fixed(37, places="covering")
    config = replace(PLAIN, batch_size=6, accumulate=2, clip=1.0, epochs=3, class_weights=True)
    history = fit(model, two_classes(22), valid, config, show_progress=False, state=State(Path(folder) / "state.pt"))
    clips, values = log_probabilities(model, valid, "cpu", "fp32")
    norm = network()
    fit(norm, two_classes(22), valid, replace(config, precision="bf16"), show_progress=False)
    write_json(Path(folder) / f"norm-{'main' if is_main() else 'other'}.json", weights(norm).tolist())
    if is_main():
        write_json(
            Path(folder) / "outcome.json",
            {
                "epochs": facts(history),
                "weights": weights(model).tolist(),
                "clips": clips.tolist(),
                "values": values.tolist(),
            },
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
