"""The optimiser, and how its learning rate moves."""

import math
from functools import partial

import torch
from torch import nn
from torch.optim import lr_scheduler

from musiclab.training.config import TrainConfig


def make_optimiser(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """AdamW, or SGD with Nesterov's momentum; what has one dimension (norms, biases) is not decayed."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in parameters if parameter.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [parameter for parameter in parameters if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
    if config.optimiser == "sgd":
        return torch.optim.SGD(groups, config.learning_rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, config.learning_rate)


def make_schedule(optimiser: torch.optim.Optimizer, config: TrainConfig, steps: int):
    """The schedule of the learning rate.

    Returns
    -------
    schedule
        Of torch.optim.lr_scheduler.
    every_step : bool
        Whether it moves after each step, or after each epoch by the validation loss.
    """
    if config.schedule == "plateau":
        return lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.2, patience=5), False
    share = partial(warm_up_and_cosine, steps=steps) if config.schedule == "cosine" else _whole
    return lr_scheduler.LambdaLR(optimiser, share), True


def warm_up_and_cosine(step: int, steps: int) -> float:
    """Learning rate at a step, as a share of the highest: a line up for a tenth of the steps, then a cosine to 0.

    Examples
    --------
    >>> [round(warm_up_and_cosine(step, 100), 2) for step in (0, 9, 10, 55, 100)]
    [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    warm_up = max(1, steps // 10)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def _whole(step: int) -> float:
    return 1.0
