"""Details behind the training loop: device, precision, processes, gradients, and errors."""

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
    """Train a model in place on random segments.

    Attributes
    ----------
    network : torch.nn.Module
        Model, wrapped for mixed precision and several processes.
    ends_step : bool
        True if the optimiser takes a step after the current batch from :meth:`batches`.
    """

    def __init__(self, model: nn.Module, train: Segments, training: TrainConfig):
        self.model, self.segments, self.training = model, train, training
        accelerator = self._accelerator = make_accelerator(training, model)
        self.device, self._processes = accelerator.device, accelerator.num_processes
        model.to(self.device)
        sizes = (len(train), training.batch_size, training.accumulate)
        self._batches = Batches(*sizes, training.seed, accelerator.process_index, self._processes)
        self._loader = make_loader(train, self._batches, training.workers, self.device)
        self._optimiser = make_optimiser(model, training)
        self._schedule = make_schedule(self._optimiser, training, training.epochs * self._batches.steps)
        # only fp16 needs loss scaling; a disabled scaler does nothing
        self._scaler = torch.amp.GradScaler(self.device.type, enabled=accelerator.mixed_precision == "fp16")
        # accelerate modifies the module it prepares, so pass a container instead of the user's model
        self.network = accelerator.prepare(_Container(torch.compile(model) if training.compile else model))
        self.class_weights = class_weights(train).to(self.device) if training.class_weights else None
        self.history, self.best = History(), Best(model)
        self._bar = None

    # One epoch

    def start_epoch(self, epoch: int) -> None:
        """Seed the order, segments, augmentation and dropout by seed and epoch, so that training can be resumed."""
        self._started = time.perf_counter()
        self._batches.set_epoch(epoch)
        self.segments.set_epoch(epoch)
        self._rng = stream(self.training.seed, "augmentation", epoch, self._accelerator.process_index)
        torch.manual_seed(int(self._rng.integers(2**62)))  # dropout
        self.network.train()
        self._loading = Stopwatch()
        self._totals = torch.zeros(3, device=self.device)  # loss, correct clips, batches before the loss became NaN

    def batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield the batches of the epoch on the device. Processes exchange gradients only at the end of a step."""
        for index, (batch, labels) in enumerate(self._loading.timed(self._loader)):
            self.ends_step = self._batches.ends_step(index)
            self._step_size = self._batches.items_of_step(index)
            with nullcontext() if self.ends_step else self._accelerator.no_sync(self.network):
                yield batch.to(self.device, non_blocking=True), labels.to(self.device, non_blocking=True)

    def augment(self, batch: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Augment a batch, and convert its labels to class probabilities, shape (batch, classes)."""
        targets = F.one_hot(labels, self.segments.classes).float()
        return self.training.augmentation.apply(batch, targets, self._rng, self.segments.silence)

    def backward(self, loss: torch.Tensor) -> None:
        """Backpropagate the summed loss of a batch, divided by the number of examples in the optimiser step.

        Gradients are added up over batches and averaged over processes.
        """
        self._scaler.scale(loss * self._processes / self._step_size).backward()

    def step(self) -> None:
        """Clip the gradient, update the weights, then update the learning rate."""
        if self.training.clip:
            self._scaler.unscale_(self._optimiser)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.training.clip)
        self._rate, scale = self._optimiser.param_groups[0]["lr"], self._scaler.get_scale()
        self._scaler.step(self._optimiser)
        self._scaler.update()
        self._optimiser.zero_grad()
        was_skipped = self._scaler.get_scale() < scale  # fp16 skips a step if its gradients overflowed
        if self.training.schedule != "plateau" and not was_skipped:
            self._schedule.step()

    def count(self, loss: torch.Tensor, correct: torch.Tensor) -> None:
        """Add the summed loss of a batch and its number of correct predictions, without waiting for the device."""
        self._totals[0] += loss.detach()
        self._totals[1] += correct
        self._totals[2] += self._totals[0].isfinite()
        self._bar.update()

    def train_means(self) -> dict:
        """Return the ``train_loss`` and ``train_accuracy`` of the epoch over all processes.

        If the loss became NaN or infinite, raise RunError and list the clips of the first such batch.
        """
        totals = self._accelerator.gather(self._totals[None]).cpu()  # the only synchronisation per epoch
        self._seconds = time.perf_counter() - self._started
        loss, correct = totals[:, :2].sum(0).tolist()
        if not math.isfinite(loss):
            batch = self._batches.of_all_processes()[int(totals[:, 2].min())]
            epoch, best_epoch = self._batches.epoch, self.history.best_epoch
            raise RunError(trouble.explain_bad_batch(self.segments, batch, epoch, self.training, best_epoch))
        share_buffers(self.model)  # before validating or saving
        return {"train_loss": loss / self._batches.items, "train_accuracy": correct / self._batches.items}

    def check_valid_loss(self, loss: float) -> None:
        """Raise RunError if the validation loss became NaN or infinite."""
        if not math.isfinite(loss):
            epoch, best_epoch = self._batches.epoch, self.history.best_epoch
            raise RunError(trouble.explain_divergence(loss, epoch, self.training, best_epoch))

    def end_epoch(self, row: dict) -> dict:
        """Update the "plateau" schedule, and return the epoch's ``learning_rate`` and timings."""
        if self.training.schedule == "plateau":
            self._schedule.step(row.get("valid_loss", row["train_loss"]))
        shown = ("train_loss", "valid_loss", "valid_accuracy" if "valid_accuracy" in row else "train_accuracy")
        self._bar.set_postfix({name: f"{row[name]:.3f}" for name in shown if name in row}, refresh=False)
        return {
            "learning_rate": self._rate,
            "seconds": time.perf_counter() - self._started,
            "samples_per_second": self._batches.items / self._seconds,
            "waiting": self._loading.seconds / self._seconds,
        }

    # Saving, resuming and failing

    def resume(self, state: State | None) -> None:
        """Load ``state`` if training is to be resumed from it."""
        if state is not None:
            state.restore(self._parts)

    def save(self, state: State | None) -> None:
        """Save the training state. Only the main process writes it."""
        if state is not None and self._accelerator.is_main_process:
            state.save(self._parts)

    @property
    def _parts(self) -> dict:
        parts = {"model": self.model, "optimiser": self._optimiser, "scaler": self._scaler, "schedule": self._schedule}
        return parts | {"history": self.history, "best": self.best}

    @contextmanager
    def running(self, show_progress: bool) -> Iterator[None]:
        """Show a progress bar during training; in the end, explain errors and restore the best weights."""
        total = (self.training.epochs - len(self.history.epochs)) * len(self._batches)
        show = show_progress and self._accelerator.is_main_process
        self._bar = progress(None, "training", total, unit="batch", show=show)
        try:
            with determinism(self.training.deterministic), without_denormals(), keeping_memory():
                yield
        except KeyboardInterrupt:  # Ctrl-C, or the stop button of a notebook
            self.history.stopped = "interrupted"
        except (RuntimeError, MemoryError) as error:
            if not trouble.ran_out_of_memory(error):
                raise
            arguments = (self.model, self.segments, self.training, self.device, self._processes)
            raise RunError(trouble.explain_out_of_memory(error, *arguments)) from error
        finally:
            self._bar.close()
            self.best.restore(self.model)


class _Container(nn.Sequential):
    def forward(self, *inputs):
        return self[0](*inputs)
