"""Collect the inputs of a model's last layer for each clip, and project them on a plane."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from musiclab.core.errors import RunError
from musiclab.runs import Run
from musiclab.store import Segments, Store, open_data
from musiclab.training import log_probabilities

METHODS = ("pca", "tsne")
FEWEST = 3  # clips that it takes to draw a plane


@dataclass(frozen=True)
class Hidden:
    """Inputs of a model's last layer, averaged over each clip's segments."""

    rows: np.ndarray  # of store.index, ascending, shape (n,)
    values: np.ndarray  # float32, shape (n, dimensions)
    probabilities: np.ndarray  # predictions for the clips, shape (n, classes)
    layer: str  # described in words
    store: Store
    failures: list[tuple[str, str]]  # path and reason of each clip that could not be read


def hidden_of(run: Run, data, rows: np.ndarray) -> Hidden:
    """Compute the inputs of a model's last layer for some clips, by their rows in ``data.index``.

    A data set is prepared first with the feature settings of the run. Raises RunError if the model has no linear layer,
    or fewer than three clips could be read; StoreError if a store has other feature settings or classes than the run.
    """
    run.check_single()
    settings, (name, layer) = run.settings, last_linear(run.model)
    paths = data.index["path"].iloc[rows]
    store = open_data(data, settings.feature, settings.feature_settings)
    settings.check_fits(store)
    chosen = np.flatnonzero(store.index["path"].isin(paths))
    failures = [(path, reason) for path, reason in store.failures if path in set(paths)]
    if len(chosen) < FEWEST:
        reasons = "".join(f"\n{reason}" for _, reason in failures[:3])
        raise RunError(f"expected at least {FEWEST} clips to draw a map of, found {len(chosen)}{reasons}")
    segments = Segments(
        store.values(settings.feature),
        store.offsets(settings.feature),
        store.labels,
        chosen,
        len(settings.classes),
        length=run.model.length,
        silence=settings.feature_settings.silence,
        places="covering",
    )
    batches: list[torch.Tensor] = []
    with layer.register_forward_pre_hook(lambda _, inputs: batches.append(inputs[0].detach().float().cpu())):
        chosen, scores = log_probabilities(run.model, segments, precision=settings.precision)
    inputs = torch.cat(batches).numpy()
    means = np.stack([inputs[segments.clips == clip].mean(axis=0) for clip in chosen])
    layer_name = f"the input of {type(run.model).__name__}'s last layer, {name}"
    return Hidden(chosen, means, np.exp(scores), layer_name, store, failures)


def last_linear(model: nn.Module) -> tuple[str, nn.Linear]:
    """Return the name of a model's last linear layer, and the layer; raise RunError if it has none."""
    layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, nn.Linear)]
    if not layers:
        raise RunError(f"{type(model).__name__}: expected a model that ends in a linear layer, found none in it")
    return layers[-1]


def project(values: np.ndarray, method: str = "pca", seed: int = 0) -> tuple[np.ndarray, tuple[str, str]]:
    """Project at least three points, shape (n, dimensions), on a plane, close together if their values are.

    Returns the positions, shape (n, 2), by ``"pca"`` or by ``"tsne"``, which depends on ``seed``, and the names of the
    horizontal and the vertical axis.
    """
    centred = np.asarray(values, dtype=np.float64) - np.mean(values, axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)
    power = np.square(directions.S)
    if method == "pca" or not power.any():  # t-SNE fails on points that all lie in one place
        positions = np.zeros((len(values), 2))
        count = min(2, len(directions.S))
        signs = np.sign(directions.Vh[np.arange(count), np.abs(directions.Vh[:count]).argmax(axis=1)])
        positions[:, :count] = directions.U[:, :count] * directions.S[:count] * signs  # never mirrored
        first, second = [*(100 * power / max(power.sum(), 1e-300)), 0.0][:2]
        return positions, (
            f"first component ({first:.0f} % of the variance)",
            f"second component ({second:.0f} % of the variance)",
        )
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(values) - 1) / 3)  # scikit-learn wants fewer than there are points
    positions = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(centred.astype(np.float32))
    return positions, (f"t-SNE (perplexity {perplexity:.0f}, seed {seed})", "only who is near whom counts")
