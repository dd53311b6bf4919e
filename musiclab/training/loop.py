"""Train a model: the training loop in the order in which it runs."""

from collections.abc import Callable
from functools import partial

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
    training: TrainConfig = TrainConfig(),
    show_progress: bool = True,
    state: State | None = None,
) -> History:
    """Train a model in place, and restore the weights of its best epoch.

    The best epoch is the one with the lowest validation loss. Without validation clips, it is the last epoch.

    Parameters
    ----------
    model : torch.nn.Module
        Network that returns logits (one score per class), shape (batch, classes).
    train : musiclab.store.Segments
        Segments of the training clips, at random places.
    valid : musiclab.store.Segments, optional
        Segments of the validation clips, at fixed places.
    training : TrainConfig, optional
        Training settings. Default: ``TrainConfig()``.
    show_progress : bool, default True
        Show a progress bar.
    state : State, optional
        File that stores the training state after each epoch, so that training can be resumed. By default, nothing is
        saved.

    Returns
    -------
    History
        Losses, accuracies and timings of each epoch.

    Raises
    ------
    RunError
        The device is not available, memory ran out, or the loss became NaN or infinite. In the last two cases, the
        model has the weights of its best epoch so far, or its initial weights.

    Examples
    --------
    >>> import numpy as np
    >>> values, offsets = np.random.default_rng(0).normal(size=(80, 4)).astype("float32"), np.arange(0, 81, 10)
    >>> train = Segments(values, offsets, labels=[0, 1] * 4, length=8)
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(32, 2))
    >>> history = fit(model, train, training=TrainConfig(epochs=3, device="cpu"), show_progress=False)
    >>> [row["epoch"] for row in history.epochs], history.stopped
    ([1, 2, 3], 'all epochs done')
    """
    check = None if valid is None else partial(validate, valid=valid)
    return run_epochs(Engine(model, train, training), train_one_epoch, check, show_progress, state)


def run_epochs(
    engine: Engine,
    train_one_epoch: Callable[[Engine, int], dict],
    validate: Callable[[Engine], dict] | None,
    show_progress: bool = True,
    state: State | None = None,
) -> History:
    """Train and validate once per epoch, and restore the weights of the best epoch.

    Parameters
    ----------
    engine : Engine
        Model, training examples and settings.
    train_one_epoch : callable
        Function like :func:`train_one_epoch`. It returns the start of the epoch's row in the history.
    validate : callable, optional
        Function of the engine that returns ``valid_loss`` and other results. Default: no validation.
    show_progress, state
        As in :func:`fit`.

    Returns
    -------
    History
        Rows of all epochs.
    """
    history, best = engine.history, engine.best
    engine.resume(state)
    with engine.running(show_progress):
        for epoch in range(len(history.epochs) + 1, engine.training.epochs + 1):
            if history.is_stale(engine.training.patience):
                history.stopped = f"no lower validation loss for {engine.training.patience} epochs"
                break
            row = train_one_epoch(engine, epoch)
            if validate is not None:
                row |= validate(engine)
            history.epochs.append(row | engine.end_epoch(row))
            if best.update(engine.model, row.get("valid_loss")):
                history.best_epoch = epoch
            engine.save(state)
        else:
            history.stopped = "all epochs done"
    return history


def train_one_epoch(engine: Engine, epoch: int) -> dict:
    """Train on every example once, and return ``epoch``, ``train_loss`` and ``train_accuracy``."""
    engine.start_epoch(epoch)
    for batch, labels in engine.batches():  # on the device
        inputs, targets = engine.augment(batch, labels)
        logits = engine.network(inputs)
        loss = F.cross_entropy(
            logits, targets, engine.class_weights, reduction="sum", label_smoothing=engine.training.label_smoothing
        )
        engine.backward(loss)
        if engine.ends_step:  # False while gradients of several batches are added up
            engine.step()
        engine.count(loss, (logits.argmax(1) == labels).sum())
    return {"epoch": epoch} | engine.train_means()


def validate(engine: Engine, valid: Segments) -> dict:
    """Return ``valid_loss`` and ``valid_accuracy``, averaged over the validation clips."""
    training = engine.training
    clips, scores = log_probabilities(engine.model, valid, training.device, training.precision, training.batch_size)
    labels = valid.labels.numpy()[clips]
    loss = -scores[range(len(labels)), labels].mean()
    engine.check_valid_loss(loss)
    return {"valid_loss": float(loss), "valid_accuracy": float((scores.argmax(1) == labels).mean())}
