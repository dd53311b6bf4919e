"""Training: one loop whose steps stand in the order they happen (:func:`fit`), and one test of what came out.

===========  ================================================================================
config       :class:`TrainConfig`: every setting
loop         :func:`fit`: the loop
history      what happened in each epoch, and which one was best
batches      the order of the batches, and the time spent on reading them
devices      where to compute and how exactly, by Hugging Face accelerate
schedules    the optimiser, and how its learning rate moves
state        what is kept after each epoch, so that a training that was killed goes on
trouble      what is said when memory runs out or the loss is no number
inference    :func:`log_probabilities` and :func:`evaluate`
===========  ================================================================================
"""

from musiclab.training.batches import class_weights
from musiclab.training.config import TrainConfig
from musiclab.training.devices import autocast, pick_device
from musiclab.training.history import History
from musiclab.training.inference import evaluate, log_probabilities
from musiclab.training.loop import fit
from musiclab.training.schedules import warm_up_and_cosine
from musiclab.training.state import State

__all__ = [
    "History",
    "State",
    "TrainConfig",
    "autocast",
    "class_weights",
    "evaluate",
    "fit",
    "log_probabilities",
    "pick_device",
    "warm_up_and_cosine",
]
