"""Train and test models: :func:`recipe` returns a model's settings, :func:`fit` trains it, :func:`evaluate` tests it.

Start reading in ``loop``, which shows the training loop from top to bottom. ``engine`` contains the details.

Examples
--------
>>> from musiclab import training
>>> recipe = training.recipe("cnn", epochs=5, width=16)  # the recipe of the model with two changes
>>> recipe.training.epochs, recipe.training.learning_rate, recipe.sizes["width"]
(5, 0.001, 16)
>>> network = recipe.make(classes=10)
>>> history = training.fit(network, train, valid, recipe.training)  # two Segments  # doctest: +SKIP
>>> result = training.evaluate(network, store, test)  # doctest: +SKIP
"""

from musiclab.training.augment import Augmentation, mixup, tracks
from musiclab.training.batches import class_weights
from musiclab.training.config import TrainConfig
from musiclab.training.devices import autocast, pick_device
from musiclab.training.history import History
from musiclab.training.inference import check_finite, evaluate, log_probabilities, normalise, score
from musiclab.training.loop import fit
from musiclab.training.probing import ProbeFit, fit_probe
from musiclab.training.recipes import Recipe, features_for, recipe
from musiclab.training.schedules import warm_up_and_cosine
from musiclab.training.state import State
