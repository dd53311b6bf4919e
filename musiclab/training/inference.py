"""Classify segments and clips with a trained model."""

import numpy as np
import torch
from torch import nn

from musiclab.core.errors import RunError
from musiclab.datasets.splits import join_copies
from musiclab.metrics import Result
from musiclab.store import Store
from musiclab.store.segments import Segments
from musiclab.training.config import TrainConfig
from musiclab.training.devices import autocast, is_connected, pick_device, without_denormals


def score(
    model: nn.Module, segments: Segments, device: str = "auto", precision: str = "auto", batch_size: int = 128
) -> np.ndarray:
    """Compute the class log-probabilities of each segment.

    With several processes (``accelerate launch``), all processes must call this function. They share the work, and each
    receives all results.

    Parameters
    ----------
    model : torch.nn.Module
        Network that returns logits (one score per class). It is left in evaluation mode.
    segments : musiclab.store.Segments
        Segments at fixed places of the clips.
    device : str, default "auto"
        As in :class:`TrainConfig`.
    precision : str, default "auto"
        As in :class:`TrainConfig`.
    batch_size : int, default 128
        Segments per batch. This affects only speed and memory.

    Returns
    -------
    float64 array, shape (segments, classes)
        Natural logarithms of the class probabilities.

    Raises
    ------
    RunError
        The device or the precision is not available on this machine.

    Examples
    --------
    >>> segments = Segments(np.zeros(30, np.float32), [0, 10, 30], [0, 1], length=10, places="covering")
    >>> scores = score(nn.Linear(10, 2), segments, device="cpu")
    >>> len(scores) == len(segments), float(np.exp(scores[0]).sum().round(6))
    (True, 1.0)
    """
    torch_device = pick_device(device)
    model.to(torch_device).eval()
    indices = np.arange(len(segments))
    if is_connected():
        indices = np.array_split(indices, torch.distributed.get_world_size())[torch.distributed.get_rank()]
    cast = autocast(torch_device, precision, model)
    logits = [torch.zeros(0, segments.classes, device=torch_device)]  # there may be more processes than segments
    with torch.inference_mode(), without_denormals():
        for start in range(0, len(indices), batch_size):
            batch, _ = segments.batch(indices[start : start + batch_size])
            with cast:
                batch_logits = model(batch.to(torch_device, non_blocking=True))
            logits.append(batch_logits.float())  # stays on the device, so that there is only one synchronisation
    scores = normalise(torch.cat(logits).cpu().double().numpy())
    if is_connected():
        from accelerate.utils import gather_object

        scores = np.concatenate(gather_object([scores]))
    return scores


def log_probabilities(
    model: nn.Module, segments: Segments, device: str = "auto", precision: str = "auto", batch_size: int = 128
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the class log-probabilities of each clip.

    The log-probabilities of the clip's segments are averaged, and normalised so that the probabilities add up to 1.

    Parameters
    ----------
    model : torch.nn.Module
        Network that returns logits (one score per class). It is left in evaluation mode.
    segments : musiclab.store.Segments
        Segments at fixed places of the clips.
    device : str, default "auto"
        As in :class:`TrainConfig`.
    precision : str, default "auto"
        As in :class:`TrainConfig`.
    batch_size : int, default 128
        Segments per batch. This affects only speed and memory.

    Returns
    -------
    clips : int array, shape (n,)
        Indices of the clips, ascending.
    log_probabilities : float64 array, shape (n, classes)
        Natural logarithms of the class probabilities of each clip.

    Examples
    --------
    >>> segments = Segments(np.zeros(30, np.float32), [0, 10, 30], [0, 1], length=10, places="covering")
    >>> clips, scores = log_probabilities(nn.Linear(10, 2), segments, device="cpu")
    >>> clips, np.exp(scores).sum(axis=1).round(6)
    (array([0, 1]), array([1., 1.]))
    """
    scores = score(model, segments, device, precision, batch_size)
    clips, clip_of, counts = np.unique(segments.clips, return_inverse=True, return_counts=True)
    sums = np.zeros((len(clips), scores.shape[1]))
    np.add.at(sums, clip_of, scores)
    return clips, normalise(sums / counts[:, None])


def normalise(log_probabilities: np.ndarray) -> np.ndarray:
    """Shift log-probabilities so that the probabilities of each example add up to 1.

    Parameters
    ----------
    log_probabilities : array, shape (..., classes)
        Logarithms of probabilities, up to a constant per example. Logits are allowed, too.

    Returns
    -------
    array, shape (..., classes)
        Log-probabilities whose exponentials add up to 1 over the classes.

    Examples
    --------
    >>> np.exp(normalise(np.log([[1.0, 3.0]]))).round(2)
    array([[0.25, 0.75]])
    """
    return torch.from_numpy(log_probabilities).log_softmax(dim=-1).numpy()


def check_finite(scores: np.ndarray, data_name: str) -> None:
    """Check that a model's scores are finite. Other scores mean that the model's weights are damaged.

    Parameters
    ----------
    scores : array
        Scores or log-probabilities of any shape.
    data_name : str
        Name of the data, which the error message mentions.

    Raises
    ------
    RunError
        A score is NaN or infinite.
    """
    if not np.isfinite(scores).all():
        raise RunError(f"{data_name}: the model returned NaN or infinite scores. It is damaged, so train it again.")


def evaluate(model: nn.Module, store: Store, segments: Segments, training: TrainConfig = TrainConfig()) -> Result:
    """Test a model on clips of a store.

    Parameters
    ----------
    model : torch.nn.Module
        Network that returns logits (one score per class). It is left in evaluation mode.
    store : musiclab.store.Store
        Store with the labels, groups and paths of the clips.
    segments : musiclab.store.Segments
        Segments at fixed places of the clips to test.
    training : TrainConfig, optional
        Training settings. Only ``device``, ``precision`` and ``batch_size`` are used.

    Returns
    -------
    musiclab.metrics.Result
        Predictions for the clips. The predictions for the segments of a clip are averaged.

    Raises
    ------
    RunError
        The model returned NaN or infinite scores, or the device is not available.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from musiclab.features import AudioConfig
    >>> from musiclab.store import create
    >>> with TemporaryDirectory() as folder:
    ...     settings = {"audio": AudioConfig(sample_rate=8000).to_dict()}
    ...     with create(f"{folder}/silence.h5", settings, {"name": "silence"}, ["low", "high"]) as writer:
    ...         for clip, label in enumerate(["low", "high", "high"]):
    ...             row = {"path": f"{clip}.wav", "label": label, "group": f"artist {clip}"}
    ...             writer.append(row, {"audio": np.zeros(100, np.int16)})
    ...     with Store(f"{folder}/silence.h5") as store:
    ...         segments = Segments.of_store(store, "audio", [1, 2], length=100, places="covering")
    ...         evaluate(nn.Linear(100, 2), store, segments, TrainConfig(device="cpu")).n
    2
    """
    clips, scores = log_probabilities(model, segments, training.device, training.precision, training.batch_size)
    check_finite(scores, str(store.path))
    rows = join_copies(store.index).iloc[clips]  # copies belong to one group in intervals, too
    groups, paths = (rows[column].to_numpy(dtype=str) for column in ("group", "path"))
    return Result(store.classes, store.labels[clips], scores, groups, paths)
