"""What a model makes of clips just before it names them, and a plane to see it on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from musiclab import features, models
from musiclab.core.errors import AudioError, DatasetError, RunError, StoreError
from musiclab.core.progress import progress
from musiclab.models import Classifier
from musiclab.runs.checkpoint import Card
from musiclab.runs.windows import listen
from musiclab.store import Store
from musiclab.store.segments import Segments
from musiclab.training import log_probabilities, pick_device
from musiclab.widgets.clips import trained

METHODS = ("pca", "tsne")

FEWEST = 3
"""Clips that make a plane."""


@dataclass(frozen=True)
class Hidden:
    """Inputs of a model's last layer, averaged over each clip's segments.

    Attributes
    ----------
    clips : int array, shape (n,)
        Rows of the data's index, ascending.
    values : float32 array, shape (n, dimensions)
    probabilities : float array, shape (n, classes)
        In [0, 1]; of a clip as a test counts them.
    classes : list of str
    layer : str
        What they are the input of, in words.
    failures : list of (path, reason)
        Clips that could not be read.
    """

    clips: np.ndarray
    values: np.ndarray
    probabilities: np.ndarray
    classes: list[str]
    layer: str
    failures: list[tuple[str, str]]


def hidden_of(run, data, clips: np.ndarray, device: str = "auto") -> Hidden:
    """What a model makes of clips just before its last layer.

    Parameters
    ----------
    run : str, Path, Outcome or Classifier
    data : Store or Dataset
    clips : int array
        Rows of ``data.index``.
    device
        Where to compute.

    Raises
    ------
    DatasetError, StoreError, RunError
        As :class:`musiclab.widgets.EmbeddingMap` says.
    """
    model, card = _model_and_card(run, data)
    name, layer = last_linear(model)
    model.to(pick_device(device)).eval()
    reader = _of_store if isinstance(data, Store) else _of_files
    found, values, probabilities, failures = reader(model, card, layer, data, clips, device)
    if len(found) < FEWEST:
        reasons = "".join(f"\n{reason}" for _, reason in failures[:3])
        raise RunError(f"expected at least {FEWEST} clips to draw a map of, found {len(found)}{reasons}")
    said = f"the input of {type(model).__name__}'s last layer, {name}"
    return Hidden(found, values, probabilities, card.classes, said, failures)


def last_linear(model: nn.Module) -> tuple[str, nn.Linear]:
    """Name of a model's last linear layer, and the layer.

    Raises
    ------
    RunError
        It has none.
    """
    found = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, nn.Linear)]
    if not found:
        raise RunError(f"{type(model).__name__}: expected a model that ends in a linear layer, found none in it")
    return found[-1]


def on_a_plane(values: np.ndarray, method: str = "pca", seed: int = 0) -> tuple[np.ndarray, tuple[str, str]]:
    """Points near each other where their values are.

    Parameters
    ----------
    values : float array, shape (n, dimensions)
        At least three.
    method
        ``"pca"`` or ``"tsne"``.
    seed
        Of t-SNE.

    Returns
    -------
    places : float array, shape (n, 2)
    axes : (str, str)
        What is to the right, and what is up.
    """
    centred = np.asarray(values, dtype=np.float64) - np.mean(values, axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)
    power = np.square(directions.S)
    if method == "pca" or not power.any():  # t-SNE of points that are all one does not end well
        places = np.zeros((len(values), 2))
        kept = min(2, len(directions.S))
        signs = np.sign(directions.Vh[np.arange(kept), np.abs(directions.Vh[:kept]).argmax(axis=1)])
        places[:, :kept] = directions.U[:, :kept] * directions.S[:kept] * signs  # the same way round at every run
        shares = [*(100 * power / max(power.sum(), 1e-300)), 0.0][:2]
        first, second = (f"{place} component ({share:.0f} % of the variance)" for place, share in
                         zip(("first", "second"), shares, strict=True))  # fmt: skip
        return places, (first, second)
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(values) - 1) / 3)  # scikit-learn wants fewer than there are points
    places = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(centred.astype(np.float32))
    return places, (f"t-SNE (perplexity {perplexity:.0f}, seed {seed})", "only who is near whom counts")


@contextmanager
def _heard(layer: nn.Linear) -> Iterator[list[torch.Tensor]]:
    """What goes into a layer while the block runs: one tensor a batch, shape (batch, dimensions)."""
    found: list[torch.Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: found.append(inputs[0].detach().float().cpu()))
    try:
        yield found
    finally:
        handle.remove()


def _of_store(model, card: Card, layer: nn.Linear, store: Store, clips: np.ndarray, device: str) -> tuple:
    config = card.config
    segments = Segments.of_store(
        store, card.feature, clips, length=model.length, silence=config.silence, places="covering"
    )
    with _heard(layer) as found:
        rows, values = log_probabilities(model, segments, device, card.precision)
    inputs = torch.cat(found).numpy()
    _, number, counts = np.unique(segments.clips, return_inverse=True, return_counts=True)
    sums = np.zeros((len(rows), inputs.shape[1]))
    np.add.at(sums, number, inputs)
    return rows, (sums / counts[:, None]).astype(np.float32), np.exp(values), []


def _of_files(model, card: Card, layer: nn.Linear, data, clips: np.ndarray, _) -> tuple:
    rows, inputs, probabilities, failures = [], [], [], []
    for clip in progress(clips, "listening", unit="clip", show=len(clips) > 50):
        path = data.index["path"].iloc[clip]
        try:
            with _heard(layer) as found:
                _, values = listen(Path(path), model, card.feature, card.config, None, card.precision)
        except AudioError as error:
            failures.append((path, str(error)))
            continue
        rows.append(clip)
        inputs.append(torch.cat(found).mean(dim=0).numpy())
        probabilities.append(torch.from_numpy(values.mean(axis=0)).softmax(dim=0).numpy())
    return np.array(rows, dtype=int), np.array(inputs), np.array(probabilities), failures


def _model_and_card(run, data) -> tuple[Classifier, Card]:
    """A model, and what it was made for: by its card, or by the model itself and the data."""
    if isinstance(run, nn.Module):
        classes = data.classes
        if getattr(run, "classes", None) != len(classes):
            raise RunError(
                f"expected a model of {len(classes)} classes ({', '.join(classes)}), "
                f"found {type(run).__name__} of {getattr(run, 'classes', 'an unknown number of')}"
            )
        settings = run.feature_config.to_dict()
        if isinstance(data, Store):
            data.check_has(run.feature)
            found, wanted = data.config[run.feature], settings["sample_rate"]
            if run.feature == "audio" and found["sample_rate"] != wanted:  # its kernels are meant in ms
                raise StoreError(f"{data.path}: expected audio at {wanted} Hz, found {found['sample_rate']} Hz")
            settings = found
        name = next((name for name, kind in models.MODELS.items() if type(run) is kind), type(run).__name__)
        config = features.config(run.feature, settings).to_dict()
        return run, Card(name, run.sizes, classes, run.feature, config)
    model, card = trained(run)
    if isinstance(data, Store):
        data.check_has(card.feature)
        card.check_fits(data)
    elif strange := sorted(set(data.classes) - set(card.classes)):
        raise DatasetError(
            f"{data.name}: expected the model's classes ({', '.join(card.classes)}), found also {', '.join(strange)}"
        )
    return model, card
