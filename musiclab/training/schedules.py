"""The optimiser and the schedule of its learning rate."""

import math
from functools import partial

import torch
from torch import nn
from torch.optim import lr_scheduler

from musiclab.training.config import TrainConfig


def make_optimiser(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Make AdamW, or SGD with Nesterov's momentum, without decay of one-dimensional parameters (norms, biases)."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in parameters if parameter.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [parameter for parameter in parameters if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
    if config.optimiser == "sgd":
        return torch.optim.SGD(groups, config.learning_rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, config.learning_rate)


def make_schedule(optimiser: torch.optim.Optimizer, config: TrainConfig, steps: int):
    """Make the schedule of the learning rate: "plateau" moves after each epoch, all others after each step."""
    if config.schedule == "plateau":
        return lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.2, patience=5)
    if config.schedule == "constant":
        return lr_scheduler.ConstantLR(optimiser, factor=1.0)
    return lr_scheduler.LambdaLR(optimiser, partial(warm_up_and_cosine, steps=steps))


def warm_up_and_cosine(step: int, steps: int) -> float:
    """Compute the learning rate relative to the highest: up for a tenth of the steps, then a cosine to 0.

    Examples
    --------
    >>> [round(warm_up_and_cosine(step, 100), 2) for step in (0, 9, 10, 55, 100)]
    [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    warm_up = max(1, steps // 10)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))
