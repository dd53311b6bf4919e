"""Create the optimiser and the learning rate schedule."""

import math
from functools import partial

import torch
from torch import nn
from torch.optim import lr_scheduler

from musiclab.training.config import TrainConfig


def make_optimiser(model: nn.Module, training: TrainConfig) -> torch.optim.Optimizer:
    """Create AdamW, or SGD with Nesterov momentum, without weight decay for biases and norm layers."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in parameters if parameter.ndim > 1]
    vectors = [parameter for parameter in parameters if parameter.ndim <= 1]  # biases and norm layers
    groups = [{"params": matrices, "weight_decay": training.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    if training.optimiser == "sgd":
        return torch.optim.SGD(groups, training.learning_rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, training.learning_rate)


def make_schedule(optimiser: torch.optim.Optimizer, training: TrainConfig, steps: int):
    """Create the learning rate schedule. "plateau" is updated after each epoch, the others after each step."""
    if training.schedule == "plateau":
        return lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.2, patience=5)
    if training.schedule == "constant":
        return lr_scheduler.ConstantLR(optimiser, factor=1.0)
    return lr_scheduler.LambdaLR(optimiser, partial(warm_up_and_cosine, steps=steps))


def warm_up_and_cosine(step: int, steps: int) -> float:
    """Compute the learning rate as a fraction of its maximum.

    It rises during the first tenth of the steps (warm-up), and then falls to 0 along a cosine.

    Parameters
    ----------
    step : int
        Number of the step, from 0.
    steps : int
        Number of steps in the whole training.

    Returns
    -------
    float
        Fraction of the highest learning rate, in [0, 1].

    Examples
    --------
    >>> [round(warm_up_and_cosine(step, 100), 2) for step in (0, 9, 10, 55, 100)]
    [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    warm_up = max(1, steps // 10)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))
