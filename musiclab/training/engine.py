"""Machinery of the training loop: device, precision, processes, gradients, and messages when it fails."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import nn
from torch.nn import functional as F

from musiclab.core.errors import RunError
from musiclab.core.progress import progress
from musiclab.core.random import stream
from musiclab.store.segments import Segments
from musiclab.training import trouble
from musiclab.training.batches import Batches, Stopwatch, class_weights, make_loader
from musiclab.training.config import TrainConfig
from musiclab.training.devices import determinism, keeping_memory, make_accelerator, share_buffers, without_denormals
from musiclab.training.history import Best, History
from musiclab.training.schedules import make_optimiser, make_schedule
from musiclab.training.state import State


class Engine:
    """The machinery of one training of ``model``, in place, on random segments ``train``.

    Attributes
    ----------
    network : torch.nn.Module
        The model, wrapped for its precision and for several processes.
    ends_step : bool
        Whether the optimiser steps after the latest batch from :meth:`batches`.
    """

    def __init__(self, model: nn.Module, train: Segments, config: TrainConfig):
        self.model, self.train, self.config = model, train, config
        accelerator = self._accelerator = make_accelerator(config, model)
        self.device, self._processes = accelerator.device, accelerator.num_processes
        model.to(self.device)
        self._batches = Batches(
            len(train), config.batch_size, config.accumulate, config.seed, accelerator.process_index, self._processes
        )
        self._loader = make_loader(train, self._batches, config.workers, self.device)
        self._optimiser = make_optimiser(model, config)
        self._schedule = make_schedule(self._optimiser, config, config.epochs * self._batches.steps)
        # only fp16 needs its loss scaled; otherwise the scaler passes everything through
        self._scaler = torch.amp.GradScaler(self.device.type, enabled=accelerator.mixed_precision == "fp16")
        # accelerate changes what it is given: the container, and not the user's model
        self.network = accelerator.prepare(nn.Sequential(torch.compile(model) if config.compile else model))
        self.class_weights = class_weights(train).to(self.device) if config.class_weights else None
        self.history, self.best = History(), Best(model)
        self._bar = None

    # The story of an epoch

    def start_epoch(self, epoch: int) -> None:
        """Seed order, segments, augmentation and dropout by seed and epoch alone: resuming needs no more."""
        self._started = time.perf_counter()
        self._batches.set_epoch(epoch)
        self.train.set_epoch(epoch)
        self._rng = stream(self.config.seed, "augmentation", epoch, self._accelerator.process_index)
        torch.manual_seed(int(self._rng.integers(2**62)))  # dropout
        self.network.train()
        self._reading = Stopwatch()
        self._totals = torch.zeros(3, device=self.device)  # loss, correct, batches before the loss became NaN

    def batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield the epoch's batches on the device; processes exchange gradients only where a step ends."""
        for index, (batch, labels) in enumerate(self._reading.timed(self._loader)):
            self.ends_step = self._batches.ends_step(index)
            self._step_items = self._batches.items_of_step(index)
            with nullcontext() if self.ends_step else self._accelerator.no_sync(self.network):
                yield batch.to(self.device, non_blocking=True), labels.to(self.device, non_blocking=True)

    def augment(self, batch: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Augment a batch, and turn its labels into probabilities of the classes, shape (batch, classes)."""
        targets = F.one_hot(labels, self.train.classes).float()
        return self.config.augmentation.apply(batch, targets, self._rng, self.train.silence)

    def backward(self, loss: torch.Tensor) -> None:
        """Add the gradient of a batch's summed loss, divided by the number of examples in its step.

        Gradients of batches are added up, those of several processes are averaged.
        """
        self._scaler.scale(loss * self._processes / self._step_items).backward()

    def step(self) -> None:
        """Clip the gradient, update the weights, and then the learning rate."""
        if self.config.clip:
            self._scaler.unscale_(self._optimiser)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self._rate, scale = self._optimiser.param_groups[0]["lr"], self._scaler.get_scale()
        self._scaler.step(self._optimiser)
        self._scaler.update()
        self._optimiser.zero_grad()
        was_skipped = self._scaler.get_scale() < scale  # fp16 leaves out a step whose scale was too high
        if self.config.schedule != "plateau" and not was_skipped:
            self._schedule.step()

    def count(self, loss: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor) -> None:
        """Add a batch to the totals of the epoch, without waiting for the device."""
        self._totals[0] += loss.detach()
        self._totals[1] += (logits.argmax(1) == labels).sum()
        self._totals[2] += self._totals[0].isfinite()
        self._bar.update()

    def train_means(self) -> dict:
        """Return ``train_loss`` and ``train_accuracy`` of the epoch, over all processes.

        Raise RunError with the clips of the first bad batch if the loss became NaN or infinite.
        """
        totals = self._accelerator.gather(self._totals[None]).cpu()  # the epoch's one wait for the device
        self._seconds = time.perf_counter() - self._started
        loss, correct = totals[:, :2].sum(0).tolist()
        if not math.isfinite(loss):
            items = self._batches.of_all_processes()[int(totals[:, 2].min())]
            raise RunError(
                trouble.not_finite(self.train, items, self._batches.epoch, self.config, self.history.best_epoch)
            )
        share_buffers(self.model)  # before it is validated or kept
        return {"train_loss": loss / self._batches.items, "train_accuracy": correct / self._batches.items}

    def check_valid_loss(self, loss: float) -> None:
        """Raise RunError if the validation loss became NaN or infinite."""
        if not math.isfinite(loss):
            raise RunError(trouble.diverged(loss, self._batches.epoch, self.config, self.history.best_epoch))

    def end_epoch(self, row: dict) -> dict:
        """Lower the rate of a plateau, and return ``learning_rate`` and how long the epoch took."""
        if self.config.schedule == "plateau":
            self._schedule.step(row.get("valid_loss", row["train_loss"]))
        losses = {name: f"{value:.3f}" for name, value in row.items() if name.endswith(("loss", "accuracy"))}
        self._bar.set_postfix(losses, refresh=False)
        return {
            "learning_rate": self._rate,
            "seconds": time.perf_counter() - self._started,
            "samples_per_second": self._batches.items / self._seconds,
            "waiting": self._reading.seconds / self._seconds,
        }

    # Before, after, and when it fails

    def resume(self, state: State | None) -> None:
        """Continue from ``state``, if it is to be resumed."""
        if state is not None:
            state.restore(self._kept)

    def save(self, state: State | None) -> None:
        """Save the training so far to ``state``, in the main process."""
        if state is not None and self._accelerator.is_main_process:
            state.save(self._kept)

    @property
    def _kept(self) -> dict:
        parts = {"model": self.model, "optimiser": self._optimiser, "scaler": self._scaler, "schedule": self._schedule}
        return parts | {"history": self.history, "best": self.best}

    @contextmanager
    def running(self, show_progress: bool) -> Iterator[None]:
        """Show a progress bar; whatever ends the training, restore the best weights, and explain a failure."""
        left = (self.config.epochs - len(self.history.epochs)) * len(self._batches)
        show = show_progress and self._accelerator.is_main_process
        self._bar = progress(None, "training", left, unit="batch", show=show)
        try:
            with determinism(self.config.deterministic), without_denormals(), keeping_memory():
                yield
        except KeyboardInterrupt:  # Ctrl-C, or the notebook's stop button
            self.history.stopped = "interrupted"
        except (RuntimeError, MemoryError) as error:
            if not trouble.ran_out_of_memory(error):
                raise
            raise RunError(
                trouble.out_of_memory(error, self.model, self.train, self.config, self.device, self._processes)
            ) from error
        finally:
            self._bar.close()
            self.best.restore(self.model)
