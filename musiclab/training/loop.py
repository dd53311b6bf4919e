"""The training loop, from top to bottom in the order in which it runs."""

from torch import nn
from torch.nn import functional as F

from musiclab.store.segments import Segments
from musiclab.training.config import TrainConfig
from musiclab.training.engine import Engine
from musiclab.training.history import History
from musiclab.training.inference import log_probabilities
from musiclab.training.state import State


def fit(
    model: nn.Module,
    train: Segments,
    valid: Segments | None = None,
    config: TrainConfig = TrainConfig(),
    show_progress: bool = True,
    state: State | None = None,
) -> History:
    """Train a model in place, and leave it with the weights of its best epoch.

    Parameters
    ----------
    model
        Network that returns logits, shape (batch, classes).
    train, valid
        Random segments of the training clips, and fixed segments of the validation clips. The best epoch has the lowest
        validation loss; without validation clips it is the last one.
    config
        Training settings.
    show_progress
        Draw a progress bar.
    state
        File that saves the training after each epoch, and from which it can be resumed.

    Raises
    ------
    RunError
        The device is missing, memory ran out, or the loss became NaN or infinite. The model then has the weights of the
        best epoch before that, or its initial weights.

    Examples
    --------
    >>> import numpy as np
    >>> values, offsets = np.random.default_rng(0).normal(size=(80, 4)).astype("float32"), np.arange(0, 81, 10)
    >>> train = Segments(values, offsets, labels=[0, 1] * 4, length=8)
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(32, 2))
    >>> history = fit(model, train, config=TrainConfig(epochs=3, device="cpu"), show_progress=False)
    >>> [row["epoch"] for row in history.epochs], history.stopped
    ([1, 2, 3], 'all epochs done')
    """
    engine = Engine(model, train, config)
    history, best = engine.history, engine.best
    engine.resume(state)
    with engine.running(show_progress):
        for epoch in range(len(history.epochs) + 1, config.epochs + 1):
            if history.is_stale(config.patience):
                history.stopped = f"no lower validation loss for {config.patience} epochs"
                break
            row = train_one_epoch(engine, epoch)
            if valid is not None:
                row |= validate(engine, valid)
            history.epochs.append(row | engine.end_epoch(row))
            if best.offer(model, row.get("valid_loss")):
                history.best_epoch = epoch
            engine.save(state)
        else:
            history.stopped = "all epochs done"
    return history


def train_one_epoch(engine: Engine, epoch: int) -> dict:
    """Learn from every training example once; return the epoch and its ``train_loss`` and ``train_accuracy``."""
    engine.start_epoch(epoch)
    for batch, labels in engine.batches():  # on the device
        inputs, targets = engine.augment(batch, labels)
        logits = engine.network(inputs)
        loss = F.cross_entropy(
            logits, targets, engine.class_weights, reduction="sum", label_smoothing=engine.config.label_smoothing
        )
        engine.backward(loss)
        if engine.ends_step:  # after each batch, or after several whose gradients are added up
            engine.step()
        engine.count(loss, logits, labels)
    return {"epoch": epoch} | engine.train_means()


def validate(engine: Engine, valid: Segments) -> dict:
    """Return ``valid_loss`` and ``valid_accuracy``, the means over the validation clips."""
    config = engine.config
    clips, scores = log_probabilities(engine.model, valid, config.device, config.precision, config.batch_size)
    labels = valid.labels.numpy()[clips]
    loss = -scores[range(len(labels)), labels].mean()
    engine.check_valid_loss(loss)
    return {"valid_loss": float(loss), "valid_accuracy": float((scores.argmax(1) == labels).mean())}
