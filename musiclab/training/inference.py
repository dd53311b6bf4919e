"""What a trained model says of clips, and the test of it."""

import numpy as np
import torch
from torch import nn

from musiclab.metrics import Result
from musiclab.store import Store
from musiclab.store.segments import Segments
from musiclab.training.config import TrainConfig
from musiclab.training.devices import autocast, pick_device, together


def log_probabilities(
    model: nn.Module, segments: Segments, device: str = "auto", precision: str = "auto", batch_size: int = 128
) -> tuple[np.ndarray, np.ndarray]:
    """What a model says of clips: the mean, over a clip's segments, of the log-probabilities.

    Of several processes (``accelerate launch``) each takes a part of the segments, and all get the whole: every
    segment counts once. All of them must call it.

    Parameters
    ----------
    model
        It is left in evaluation mode.
    segments
        With ``places="covering"`` or ``"centred"``.
    device, precision
        As in :class:`TrainConfig`.
    batch_size
        Segments at a time; it changes nothing but speed and memory.

    Returns
    -------
    clips : int array, shape (n,)
        Numbers of the clips, ascending.
    values : float64 array, shape (n, classes)
        Natural logarithms of probabilities that add up to 1 for each clip.
    """
    chosen = pick_device(device)
    model.to(chosen).eval()
    items = np.arange(len(segments))
    if together():
        items = np.array_split(items, torch.distributed.get_world_size())[torch.distributed.get_rank()]
    parts = [torch.zeros(0, segments.classes, device=chosen)]  # there may be more processes than segments
    with torch.inference_mode():
        for start in range(0, len(items), batch_size):
            batch, _ = segments.__getitems__(items[start : start + batch_size])
            with autocast(chosen, precision):
                logits = model(batch.to(chosen, non_blocking=True))
            parts.append(logits.float().log_softmax(dim=1))  # stays on the device: one synchronisation at the end
    found = torch.cat(parts).cpu().double().numpy()
    if together():
        from accelerate.utils import gather_object

        found = np.concatenate(gather_object([found]))
    clips, number, counts = np.unique(segments.clips, return_inverse=True, return_counts=True)
    sums = np.zeros((len(clips), found.shape[1]))
    np.add.at(sums, number, found)
    means = torch.from_numpy(sums / counts[:, None])
    return clips, means.log_softmax(dim=1).numpy()


def evaluate(model: nn.Module, store: Store, segments: Segments, config: TrainConfig = TrainConfig()) -> Result:
    """Test a model on clips of a store.

    Parameters
    ----------
    model
        A trained one.
    store
        Where the clips' labels, groups and paths are.
    segments
        Fixed segments of the clips to test, from that store.
    config
        ``device``, ``precision`` and ``batch_size`` are used.

    Returns
    -------
    Result
    """
    clips, values = log_probabilities(model, segments, config.device, config.precision, config.batch_size)
    rows = store.index.iloc[clips]
    return Result(
        store.classes,
        store.labels[clips],
        values,
        rows["group"].to_numpy(dtype=str),
        rows["path"].to_numpy(dtype=str),
    )
