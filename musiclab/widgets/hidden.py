"""Compute the inputs of a model's last layer for each clip, and project them onto a plane."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from musiclab.core.errors import RunError
from musiclab.runs import Run
from musiclab.store import Segments, Store, open_data
from musiclab.training import log_probabilities

METHODS = ("pca", "tsne")
FEWEST = 3  # smallest number of clips that define a plane


@dataclass(frozen=True)
class Hidden:
    """Inputs of a model's last layer, averaged over the segments of each clip."""

    rows: np.ndarray  # rows of store.index, ascending, shape (n,)
    values: np.ndarray  # float32, shape (n, dimensions)
    probabilities: np.ndarray  # predictions for the clips, shape (n, classes)
    layer: str  # description of the layer
    store: Store
    failures: list[tuple[str, str]]  # path and reason for each clip that could not be read


def hidden_of(run: Run, data, rows: np.ndarray) -> Hidden:
    """Compute the inputs of a model's last layer for the clips in ``rows`` of ``data.index``.

    A data set is first prepared with the feature settings of the run. Raises RunError if the model has no linear layer
    or fewer than three clips can be read, and StoreError if the feature settings or classes of a store differ from the
    run's.
    """
    run.check_single()
    settings, (name, layer) = run.settings, last_linear(run.model)
    paths = data.index["path"].iloc[rows]
    store = open_data(data, settings.feature, settings.feature_settings)
    settings.check_fits(store)
    store_rows = np.flatnonzero(store.index["path"].isin(paths))
    failures = [(path, reason) for path, reason in store.failures if path in set(paths)]
    if len(store_rows) < FEWEST:
        reasons = "".join(f"\n{reason}" for _, reason in failures[:3])
        raise RunError(f"a map needs at least {FEWEST} readable clips, found {len(store_rows)}{reasons}")
    segments = Segments(
        store.values(settings.feature),
        store.offsets(settings.feature),
        store.labels,
        store_rows,
        len(settings.classes),
        length=run.model.length,
        silence=settings.feature_settings.silence,
        places="covering",
    )
    batches: list[torch.Tensor] = []
    with layer.register_forward_pre_hook(lambda _, inputs: batches.append(inputs[0].detach().float().cpu())):
        store_rows, scores = log_probabilities(run.model, segments, precision=settings.precision)
    inputs = torch.cat(batches).numpy()
    means = np.stack([inputs[segments.clips == row].mean(axis=0) for row in store_rows])
    layer_name = f"the last layer of {type(run.model).__name__} ({name})"
    return Hidden(store_rows, means, np.exp(scores), layer_name, store, failures)


def last_linear(model: nn.Module) -> tuple[str, nn.Linear]:
    """Find the last linear layer of a model; return its name and the layer, or raise RunError."""
    layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, nn.Linear)]
    if not layers:
        raise RunError(f"{type(model).__name__}: expected a model that ends in a linear layer, found no linear layer")
    return layers[-1]


def project(values: np.ndarray, method: str = "pca", seed: int = 0) -> tuple[np.ndarray, tuple[str, str]]:
    """Project at least three points, shape (n, dimensions), onto a plane with ``"pca"`` or ``"tsne"``.

    Returns the positions, shape (n, 2), and the labels of the horizontal and the vertical axis. ``seed`` is the random
    seed of t-SNE.
    """
    centred = np.asarray(values, dtype=np.float64) - np.mean(values, axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)
    power = np.square(directions.S)
    if method == "pca" or not power.any():  # t-SNE fails if all points are equal
        positions = np.zeros((len(values), 2))
        count = min(2, len(directions.S))
        signs = np.sign(directions.Vh[np.arange(count), np.abs(directions.Vh[:count]).argmax(axis=1)])
        positions[:, :count] = directions.U[:, :count] * directions.S[:count] * signs  # fix the sign of each axis
        first, second = [*(100 * power / max(power.sum(), 1e-300)), 0.0][:2]
        return positions, (
            f"first component ({first:.0f} % of the variance)",
            f"second component ({second:.0f} % of the variance)",
        )
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(values) - 1) / 3)  # scikit-learn needs a perplexity below the number of points
    positions = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(centred.astype(np.float32))
    return positions, (f"t-SNE (perplexity {perplexity:.0f}, seed {seed})", "only neighbourhoods are meaningful")
