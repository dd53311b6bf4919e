"""Scores of segments and clips by a trained model."""

import numpy as np
import torch
from torch import nn

from musiclab.core.errors import RunError
from musiclab.datasets.splits import join_copies
from musiclab.metrics import Result
from musiclab.store import Store
from musiclab.store.segments import Segments
from musiclab.training.config import TrainConfig
from musiclab.training.devices import autocast, pick_device, together, without_denormals


def score(
    model: nn.Module, segments: Segments, device: str = "auto", precision: str = "auto", batch_size: int = 128
) -> np.ndarray:
    """Compute the log-probabilities of the classes for each segment: float64, shape (segments, classes).

    With several processes (``accelerate launch``), all must call it; each scores some segments, and all get all scores.

    Parameters
    ----------
    model, segments
        Network that returns logits, left in evaluation mode, and fixed segments.
    device, precision
        As in :class:`TrainConfig`.
    batch_size
        Segments at a time; affects only speed and memory.
    """
    chosen = pick_device(device)
    model.to(chosen).eval()
    items = np.arange(len(segments))
    if together():
        items = np.array_split(items, torch.distributed.get_world_size())[torch.distributed.get_rank()]
    cast = autocast(chosen, precision, model)
    parts = [torch.zeros(0, segments.classes, device=chosen)]  # there may be more processes than segments
    with torch.inference_mode(), without_denormals():
        for start in range(0, len(items), batch_size):
            batch, _ = segments.batch(items[start : start + batch_size])
            with cast:
                logits = model(batch.to(chosen, non_blocking=True))
            parts.append(logits.float())  # stays on the device: one synchronisation at the end
    scores = normalise(torch.cat(parts).cpu().double().numpy())
    if together():
        from accelerate.utils import gather_object

        scores = np.concatenate(gather_object([scores]))
    return scores


def log_probabilities(
    model: nn.Module, segments: Segments, device: str = "auto", precision: str = "auto", batch_size: int = 128
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the log-probabilities of the classes for each clip: the normalised mean over its segments.

    Parameters are those of :func:`score`. Returns the indices of the clips, ascending, shape (n,), and the natural
    logarithms, float64, shape (n, classes).
    """
    scores = score(model, segments, device, precision, batch_size)
    clips, clip_of, counts = np.unique(segments.clips, return_inverse=True, return_counts=True)
    sums = np.zeros((len(clips), scores.shape[1]))
    np.add.at(sums, clip_of, scores)
    return clips, normalise(sums / counts[:, None])


def normalise(log_probabilities: np.ndarray) -> np.ndarray:
    """Shift log-probabilities, shape (..., classes), so that the probabilities sum to 1."""
    return torch.from_numpy(log_probabilities).log_softmax(dim=-1).numpy()


def check_finite(scores: np.ndarray, data: str) -> None:
    """Raise RunError if a model's scores of some data are NaN or infinite, as damaged weights make them."""
    if not np.isfinite(scores).all():
        raise RunError(f"{data}: expected finite scores, found NaN or infinity; the model is damaged: train it again")


def evaluate(model: nn.Module, store: Store, segments: Segments, config: TrainConfig = TrainConfig()) -> Result:
    """Test a model on clips of a store.

    ``segments`` are fixed segments of these clips from ``store``, which knows their labels, groups and paths. Only
    ``device``, ``precision`` and ``batch_size`` of ``config`` are used.
    """
    clips, values = log_probabilities(model, segments, config.device, config.precision, config.batch_size)
    check_finite(values, str(store.path))
    rows = join_copies(store.index).iloc[clips]  # copies are one group in intervals, too
    groups, paths = (rows[column].to_numpy(dtype=str) for column in ("group", "path"))
    return Result(store.classes, store.labels[clips], values, groups, paths)
