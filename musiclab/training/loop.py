"""The training loop: its steps stand in the order they happen."""

import math
import time
from contextlib import nullcontext

import numpy as np
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
from musiclab.training.devices import determinism, make_accelerator, share_buffers
from musiclab.training.history import Best, History
from musiclab.training.inference import log_probabilities
from musiclab.training.schedules import make_optimiser, make_schedule
from musiclab.training.state import State


def fit(
    model: nn.Module,
    train: Segments,
    valid: Segments | None = None,
    config: TrainConfig = TrainConfig(),
    show_progress: bool = True,
    state: State | None = None,
) -> History:
    """Train a model.

    Parameters
    ----------
    model
        Gives logits, shape (batch, classes). It is trained in place and ends with the weights of the best epoch:
        the one of the lowest validation loss or, without a validation part, the last one that was finished. If
        there is none, it ends as it began.
    train
        Random segments of the training clips.
    valid
        Fixed segments of the clips that decide which epoch was best; never those of the test.
    config
        The settings.
    show_progress
        Draw a progress bar.
    state
        File to keep after each epoch, and to go on from.

    Returns
    -------
    History

    Raises
    ------
    RunError
        The device is not there, memory ran out, or the loss stopped being a number: then, too, the model has the
        weights of the best epoch before.
    """
    accelerator = make_accelerator(config)
    device, processes = accelerator.device, accelerator.num_processes
    model.to(device)
    batches = Batches(
        len(train), config.batch_size, config.accumulate, config.seed, accelerator.process_index, processes
    )
    loader = make_loader(train, batches, config.workers, device)
    optimiser = make_optimiser(model, config)
    schedule, every_step = make_schedule(optimiser, config, config.epochs * batches.steps)
    scaler = torch.amp.GradScaler(device.type, enabled=accelerator.mixed_precision == "fp16")  # else it does nothing
    network = nn.Sequential(torch.compile(model) if config.compile else model)  # accelerate changes what it is given
    network = accelerator.prepare(network)
    weights = class_weights(train).to(device) if config.class_weights else None

    history, best = History(), Best(model)
    kept = {"model": model, "optimiser": optimiser, "scaler": scaler, "schedule": schedule}
    kept |= {"history": history, "best": best}
    if state is not None:
        state.restore(kept)
    done = len(history.epochs)
    show = show_progress and accelerator.is_main_process
    bar = progress(None, "training", (config.epochs - done) * len(batches), unit="batch", show=show)
    try:
        with determinism(config.deterministic):
            for epoch in range(done + 1, config.epochs + 1):
                if config.patience and epoch - 1 - history.best_epoch >= config.patience:
                    history.stopped = f"no lower validation loss for {config.patience} epochs"
                    break
                started = time.perf_counter()
                # Everything random depends on the seed and the epoch alone: a training that is resumed draws the same
                batches.set_epoch(epoch)  # the order
                train.set_epoch(epoch)  # the segments
                rng = stream(config.seed, "augmentation", epoch, accelerator.process_index)
                torch.manual_seed(int(rng.integers(2**62)))  # dropout
                network.train()
                reading = Stopwatch()
                totals = torch.zeros(3, device=device)  # loss, right answers, batches until the loss was no number
                for number, (batch, labels) in enumerate(reading.over(loader)):
                    batch, labels = batch.to(device, non_blocking=True), labels.to(device, non_blocking=True)
                    targets = F.one_hot(labels, train.classes).float()
                    batch, targets = config.augmentation.apply(batch, targets, rng, train.silence)
                    is_step = batches.ends_step(number)
                    with nullcontext() if is_step else accelerator.no_sync(network):
                        logits = network(batch)
                        loss = F.cross_entropy(
                            logits, targets, weights, reduction="sum", label_smoothing=config.label_smoothing
                        )
                        # the mean over the step's examples, however many batches and processes they are in: gradients
                        # of batches are added up, of those of the processes the mean is taken
                        scaler.scale(loss * processes / batches.items_of_step(number)).backward()
                    if is_step:
                        if config.clip:
                            scaler.unscale_(optimiser)
                            nn.utils.clip_grad_norm_(model.parameters(), config.clip)
                        rate, scale = optimiser.param_groups[0]["lr"], scaler.get_scale()
                        scaler.step(optimiser)
                        scaler.update()
                        optimiser.zero_grad()
                        was_done = scaler.get_scale() >= scale  # fp16 leaves out a step whose scale was too high
                        if every_step and was_done:
                            schedule.step()
                    totals[0] += loss.detach()
                    totals[1] += (logits.argmax(1) == labels).sum()
                    totals[2] += totals[0].isfinite()
                    bar.update()
                totals = accelerator.gather(totals[None]).cpu()  # the epoch's one synchronisation
                seconds = time.perf_counter() - started
                loss_sum, right = totals[:, :2].sum(0).tolist()
                if not math.isfinite(loss_sum):
                    items = batches.whole()[int(totals[:, 2].min())]
                    raise RunError(trouble.not_finite(train, items, epoch, config, history.best_epoch))

                row = {"epoch": epoch, "train_loss": loss_sum / batches.items, "train_accuracy": right / batches.items}
                share_buffers(model)
                if valid is not None:
                    row |= _validate(model, valid, config)
                    if not math.isfinite(row["valid_loss"]):
                        raise RunError(trouble.diverged(row["valid_loss"], epoch, config, history.best_epoch))
                if not every_step:
                    schedule.step(row.get("valid_loss", row["train_loss"]))
                row |= {
                    "learning_rate": rate,
                    "seconds": time.perf_counter() - started,
                    "samples_per_second": batches.items / seconds,
                    "waiting": reading.seconds / seconds,
                }
                history.epochs.append(row)
                bar.set_postfix(
                    {key: f"{row[key]:.3f}" for key in row if key.endswith(("loss", "accuracy"))}, refresh=False
                )
                if best.offer(model, row.get("valid_loss")):
                    history.best_epoch = epoch
                if state is not None and accelerator.is_main_process:
                    state.save(kept)
            else:
                history.stopped = "all epochs done"
    except KeyboardInterrupt:  # Ctrl-C, or the notebook's stop button
        history.stopped = "interrupted"
    except (RuntimeError, MemoryError) as error:
        if not trouble.ran_out_of_memory(error):
            raise
        batch = targets = logits = loss = None  # what they hold is needed to find out how much would fit
        raise RunError(trouble.out_of_memory(error, model, train, config, device, processes)) from error
    finally:
        bar.close()
        best.restore(model)
    return history


def _validate(model: nn.Module, valid: Segments, config: TrainConfig) -> dict:
    clips, values = log_probabilities(model, valid, config.device, config.precision, config.batch_size)
    labels = valid.labels.numpy()[clips]
    return {
        "valid_loss": float(-values[np.arange(len(labels)), labels].mean()),
        "valid_accuracy": float((values.argmax(1) == labels).mean()),
    }
