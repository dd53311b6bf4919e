"""Messages for a training that fails: memory ran out, or the loss became NaN."""

import copy
import traceback

import numpy as np
import torch
from torch import nn

from musiclab.store.segments import Segments
from musiclab.training.config import TrainConfig
from musiclab.training.devices import autocast


def ran_out_of_memory(error: BaseException) -> bool:
    """Return True if an error means that memory ran out; except on CUDA, torch raises a plain RuntimeError."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("allocate memory" in text or "out of memory" in text)


def out_of_memory(
    error: BaseException, model: nn.Module, train: Segments, config: TrainConfig, device: torch.device, processes: int
) -> str:
    """Say which batch size did not fit, and find by trying the largest of its halves that does."""
    traceback.clear_frames(error.__traceback__)  # the layers in which it happened still hold what they had computed
    model.zero_grad(set_to_none=True)
    tried = min(config.batch_size, len(train)) // processes
    size = tried // 2
    while size and not _fits(model, train, size, config, device):
        size //= 2
    start = f"batch size {tried * processes}: out of memory on {device}"
    if not size:
        return f"{start}, and not even {processes} fits; use a smaller model or shorter segments"
    accumulate = config.accumulate * -(-tried // size)
    return (
        f"{start}; the largest that fits, of its halves, is {size * processes}: "
        f"use --batch-size {size * processes}, and --set accumulate={accumulate} for the same steps"
    )


def not_finite(train: Segments, items: np.ndarray, epoch: int, config: TrainConfig, best_epoch: int) -> str:
    """Name the broken clips of the first batch whose loss was not finite; without any, all its clips."""
    batch, _ = train.batch(items)
    broken = ~batch.flatten(1).isfinite().all(dim=1).cpu().numpy()
    if broken.any():
        found = "expected finite values, found others in the clips below; leave them out, or prepare them again"
    else:
        found = (
            f"expected a finite loss, found another; lower the learning rate (now {config.learning_rate:g}), clip "
            "gradients, use precision fp32, or look at the clips of that batch, which are below"
        )
        broken[:] = True
    clips = train.clips[items[broken]]
    names = [f"clip {clip}" if train.paths is None else str(train.paths[clip]) for clip in clips]
    return "\n  ".join([f"epoch {epoch}: {found}. {_back_at(best_epoch)}", *names])


def diverged(valid_loss: float, epoch: int, config: TrainConfig, best_epoch: int) -> str:
    """Explain a validation loss that became NaN or infinite."""
    return (
        f"epoch {epoch}: expected a finite validation loss, found {valid_loss}; lower the learning rate "
        f"(now {config.learning_rate:g}), clip gradients, or use precision fp32. {_back_at(best_epoch)}"
    )


def _back_at(best_epoch: int) -> str:
    weights = f"of epoch {best_epoch}, the best so far" if best_epoch else "that it began with"
    return f"The model is back at the weights {weights}."


def _fits(model: nn.Module, train: Segments, size: int, config: TrainConfig, device: torch.device) -> bool:
    if device.type == "cuda":
        torch.cuda.empty_cache()
    try:
        model = copy.deepcopy(model).train()  # a step of the original would wait for the other processes
        batch, _ = train.batch(np.arange(size))
        with autocast(device, config.precision, model):
            logits = model(batch.to(device))
        logits.float().sum().backward()
    except (RuntimeError, MemoryError) as error:
        if not ran_out_of_memory(error):
            raise
        return False
    return True
