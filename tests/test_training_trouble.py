"""What is said, and which weights are left, when a training cannot go on."""

import signal
from dataclasses import replace

import pytest
import torch
from torch import nn
from training_cases import EVERYTHING, PLAIN, Watched, facts, fixed, linear, network, two_classes, weights

from musiclab.core.errors import RunError
from musiclab.store.segments import Segments
from musiclab.training import fit
from musiclab.training.trouble import ran_out_of_memory


def after(epochs, config=EVERYTHING):
    """Weights after some epochs of a longer training without validation."""
    model, train = network(), two_classes(kind=Watched)
    train.act, train.act_epoch = raising_interrupt, epochs + 1
    history = fit(model, train, None, config, show_progress=False)
    assert history.best_epoch == epochs
    return weights(model)


def raising_interrupt():
    raise KeyboardInterrupt


# Ctrl-C


@pytest.mark.parametrize("press", [raising_interrupt, lambda: signal.raise_signal(signal.SIGINT)])
def test_ctrl_c_gives_the_history_so_far_and_the_best_weights(press):
    model, valid, train = network(), fixed(), two_classes(kind=Watched)
    train.act, train.act_epoch = press, 3
    history = fit(model, train, valid, EVERYTHING, show_progress=False)
    whole = fit(network(), two_classes(), valid, EVERYTHING, show_progress=False)
    assert history.stopped == "interrupted"
    assert facts(history) == facts(whole)[:2]
    losses = [row["valid_loss"] for row in history.epochs]
    assert history.best_epoch == 1 + losses.index(min(losses))
    assert not torch.equal(weights(model), weights(network()))


def test_ctrl_c_in_the_first_epoch_leaves_the_first_weights():
    assert torch.equal(after(0), weights(network()))


# A loss that is no number


class Broken(Segments):
    """A clip holds a value that is no number, from an epoch on."""

    clip, from_epoch, value = 5, 1, float("nan")

    def batch(self, items):
        batch, labels = super().batch(items)
        if self.epoch >= self.from_epoch:
            batch[torch.from_numpy(self.clips[items] == self.clip)] = self.value
        return batch, labels


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_broken_clip_is_named_and_the_last_good_weights_come_back(value):
    model, train = network(), two_classes(kind=Broken)
    train.from_epoch, train.value = 3, value
    with pytest.raises(RunError) as error:
        fit(model, train, None, replace(EVERYTHING, batch_size=4), show_progress=False)
    first, *names = str(error.value).split("\n  ")
    assert first.startswith("epoch 3: the clips below contain NaN or infinite values.")
    assert first.endswith("The model has its weights of epoch 2, the best so far.")
    assert names == ["class1/5.wav"]
    assert torch.equal(weights(model), after(2, replace(EVERYTHING, batch_size=4)))


def test_in_the_first_epoch_the_first_weights_come_back():
    model = network()
    with pytest.raises(RunError, match="The model has its initial weights"):
        fit(model, two_classes(kind=Broken, paths=None), None, PLAIN, show_progress=False)
    assert torch.equal(weights(model), weights(network()))


class TurnsBad(nn.Module):
    """Gives a loss that is no number in its third batch."""

    def __init__(self):
        super().__init__()
        self.layer, self.batches, self.clips = linear(), 0, None

    def forward(self, batch):
        self.batches += 1
        if self.batches == 3:
            self.clips = batch
            return self.layer(batch) * float("nan")
        return self.layer(batch)


def test_the_batch_is_named_where_no_clip_is_broken():
    model, train = TurnsBad(), two_classes(places="centred")
    with pytest.raises(RunError) as error:
        fit(model, train, None, replace(PLAIN, batch_size=4), show_progress=False)
    first, *names = str(error.value).split("\n  ")
    assert first.startswith("epoch 1: the loss became NaN or infinite. Lower the learning rate (now 0.01)")
    batch, _ = train.batch([list(train.paths).index(name) for name in names])
    assert torch.equal(batch, model.clips)


# Memory


class Hungry(nn.Module):
    """Has memory for some examples only."""

    def __init__(self, most, error=torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")):
        super().__init__()
        self.layer, self.most, self.error = network(), most, error

    def forward(self, batch):
        if len(batch) > self.most:
            if self.error is None:
                torch.empty(2**50)  # a pebibyte
            raise self.error
        return self.layer(batch)


@pytest.mark.parametrize(
    ("most", "settings", "words"),
    [
        (5, {}, "out of memory on cpu with a batch size of 16. A batch size of 4 fits. Use --batch-size 4 and "
         "--set accumulate=4 for the same optimiser steps"),
        (15, {"accumulate": 2}, "of 8 fits. Use --batch-size 8 and --set accumulate=4 for the same optimiser steps"),
        (3, {"batch_size": 13}, "out of memory on cpu with a batch size of 13. A batch size of 3 fits. Use "
         "--batch-size 3 and --set accumulate=5 for the same optimiser steps"),
        (0, {}, "out of memory on cpu with a batch size of 16, and even a batch size of 1 does not fit. Use a "
         "smaller model or shorter segments"),
    ],
)  # fmt: skip
def test_out_of_memory_names_the_largest_batch_that_fits(most, settings, words):
    model = Hungry(most)
    before = weights(model)
    with pytest.raises(RunError) as error:
        fit(model, two_classes(), None, replace(PLAIN, **{"batch_size": 64} | settings), show_progress=False)
    assert words in str(error.value)
    assert torch.equal(weights(model), before)  # trying has changed nothing
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_size_that_was_named_does_fit():
    history = fit(Hungry(4), two_classes(), None, replace(PLAIN, batch_size=4, accumulate=4), show_progress=False)
    assert history.stopped == "all epochs done"


@pytest.mark.parametrize("error", [None, MemoryError(), RuntimeError("MPS backend out of memory (allocated: 3 GB)")])
def test_every_kind_of_out_of_memory_is_known(error):
    with pytest.raises(RunError, match=r"out of memory on cpu with a batch size of 16\. A batch size of 4 fits\."):
        fit(Hungry(4, error), two_classes(), None, replace(PLAIN, batch_size=16), show_progress=False)


def test_other_errors_stay_what_they_are():
    error = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(RuntimeError, match="cannot be multiplied") as raised:
        fit(Hungry(4, error), two_classes(), None, PLAIN, show_progress=False)
    assert raised.value is error
    assert not ran_out_of_memory(error)
    assert not ran_out_of_memory(ValueError("out of memory"))
