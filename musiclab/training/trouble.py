"""Explain why training failed: out of memory, or a loss that became NaN or infinite."""

import copy
import traceback

import numpy as np
import torch
from torch import nn

from musiclab.store.segments import Segments
from musiclab.training.config import TrainConfig
from musiclab.training.devices import autocast


def ran_out_of_memory(error: BaseException) -> bool:
    """Return True if an error means that memory ran out. Except on CUDA, torch raises a plain RuntimeError."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    message = str(error).lower()
    return isinstance(error, RuntimeError) and ("allocate memory" in message or "out of memory" in message)


def explain_out_of_memory(
    error: BaseException, model: nn.Module, train: Segments, training: TrainConfig, device: torch.device, processes: int
) -> str:
    """Suggest the largest half, quarter, ... of the batch size that fits into memory."""
    traceback.clear_frames(error.__traceback__)  # frees the activations of the layers that failed
    model.zero_grad(set_to_none=True)
    failed_size = min(training.batch_size, len(train)) // processes
    size = failed_size // 2
    while size and not _fits(model, train, size, training, device):
        size //= 2
    problem = f"out of memory on {device} with a batch size of {failed_size * processes}"
    if not size:
        return f"{problem}, and even a batch size of {processes} does not fit. Use a smaller model or shorter segments."
    accumulate = training.accumulate * -(-failed_size // size)
    return (
        f"{problem}. A batch size of {size * processes} fits. Use --batch-size {size * processes} and --set "
        f"accumulate={accumulate} for the same optimiser steps."
    )


def explain_bad_batch(train: Segments, examples: np.ndarray, epoch: int, training: TrainConfig, best_epoch: int) -> str:
    """List the broken clips of a batch with a loss that is not finite, or all its clips if none is broken."""
    batch, _ = train.batch(examples)
    is_broken = ~batch.flatten(1).isfinite().all(dim=1).cpu().numpy()
    if is_broken.any():
        advice = "the clips below contain NaN or infinite values. Leave them out, or prepare them again."
    else:
        advice = (
            f"the loss became NaN or infinite. Lower the learning rate (now {training.learning_rate:g}), clip "
            "gradients, use precision fp32, or check the clips of this batch, which are listed below."
        )
        is_broken[:] = True
    clips = train.clips[examples[is_broken]]
    names = [f"clip {clip}" if train.paths is None else str(train.paths[clip]) for clip in clips]
    return "\n  ".join([f"epoch {epoch}: {advice} {_describe_weights(best_epoch)}", *names])


def explain_divergence(valid_loss: float, epoch: int, training: TrainConfig, best_epoch: int) -> str:
    return (
        f"epoch {epoch}: the validation loss became {valid_loss}. Lower the learning rate (now "
        f"{training.learning_rate:g}), clip gradients, or use precision fp32. {_describe_weights(best_epoch)}"
    )


def _describe_weights(best_epoch: int) -> str:
    weights = f"weights of epoch {best_epoch}, the best so far" if best_epoch else "initial weights"
    return f"The model has its {weights}."


def _fits(model: nn.Module, train: Segments, size: int, training: TrainConfig, device: torch.device) -> bool:
    if device.type == "cuda":
        torch.cuda.empty_cache()
    try:
        model = copy.deepcopy(model).train()  # a step of the original model would wait for the other processes
        batch, _ = train.batch(np.arange(size))
        with autocast(device, training.precision, model):
            logits = model(batch.to(device))
        logits.float().sum().backward()
    except (RuntimeError, MemoryError) as error:
        if not ran_out_of_memory(error):
            raise
        return False
    return True
