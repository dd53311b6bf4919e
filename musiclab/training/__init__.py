"""Training: :func:`recipe` gives the settings of a model, :func:`fit` trains it and :func:`evaluate` tests it.

``loop`` shows a training from top to bottom, and ``engine`` is the machinery behind it.
"""

from musiclab.training.augment import Augmentation, mixup, tracks
from musiclab.training.batches import class_weights
from musiclab.training.config import TrainConfig
from musiclab.training.devices import autocast, pick_device
from musiclab.training.history import History
from musiclab.training.inference import check_finite, evaluate, log_probabilities, normalise, score
from musiclab.training.loop import fit
from musiclab.training.recipes import Recipe, features_for, recipe
from musiclab.training.schedules import warm_up_and_cosine
from musiclab.training.state import State
