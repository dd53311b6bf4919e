"""The loop: what each setting does to a step, and what is said of an epoch."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from training_cases import BANDS, DESCENT, FRAMES, PLAIN, facts, fixed, linear, network, two_classes, weights

from musiclab.core.errors import RunError
from musiclab.store.segments import Segments
from musiclab.training import TrainConfig, fit, log_probabilities, warm_up_and_cosine
from musiclab.training.augment import Augmentation
from musiclab.training.batches import Batches, Stopwatch, class_weights
from musiclab.training.schedules import make_optimiser


def whole(segments):
    """All of it, as one batch."""
    return segments.batch(np.arange(len(segments)))


def misleading():
    """Clips with the labels turned round: the more is learnt, the worse it gets."""
    segments = fixed()
    segments.labels = 1 - segments.labels
    return segments


# What is learnt


def test_the_loss_falls_and_every_parameter_moves():
    model = network()
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    history = fit(model, two_classes(), fixed(), replace(PLAIN, epochs=15), show_progress=False)
    table = history.to_frame()
    assert list(table["epoch"]) == list(range(1, 16))
    assert table["train_loss"].iloc[-1] < 0.5 * table["train_loss"].iloc[0]
    assert table["valid_accuracy"].iloc[history.best_epoch - 1] > 0.9
    assert history.stopped == "all epochs done"
    still = [name for name, value in model.named_parameters() if torch.equal(value, before[name])]
    assert still == []  # without weight decay only a gradient moves a parameter


def test_augmented_training_learns_too():
    augmentation = Augmentation(mixup=0.3, time_mask=0.2, frequency_mask=0.2)
    config = replace(PLAIN, epochs=15, augmentation=augmentation, label_smoothing=0.1, weight_decay=0.05)
    model = network()
    history = fit(model, two_classes(), None, config, show_progress=False)
    assert history.epochs[-1]["train_loss"] < history.epochs[0]["train_loss"]
    _, values = log_probabilities(model, fixed(), "cpu", "fp32")
    assert (values.argmax(1) == np.arange(16) % 2).mean() > 0.9


def test_the_same_seed_gives_the_same_weights():
    def trained(seed):
        torch.manual_seed(123 + seed)  # whatever came before
        model = network(seed=0)
        config = replace(PLAIN, epochs=2, augmentation=Augmentation(mixup=0.3), seed=seed)
        history = fit(model, two_classes(), None, config, show_progress=False)
        return weights(model), facts(history)

    first, again, other = trained(0), trained(0), trained(1)
    assert torch.equal(first[0], again[0])
    assert first[1] == again[1]
    assert not torch.equal(first[0], other[0])


# One step, foretold


def gradient(model, segments, **settings):
    """Of the mean loss over all clips."""
    batch, labels = whole(segments)
    F.cross_entropy(model(batch), labels, **settings).backward()
    found = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
    model.zero_grad()
    return found


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_step_follows_the_gradient_of_the_mean_loss(smoothing):
    model, train = linear(), fixed()
    before, expected = weights(model), gradient(model, train, label_smoothing=smoothing)
    config = replace(DESCENT, batch_size=16, label_smoothing=smoothing)
    fit(model, train, None, config, show_progress=False)
    torch.testing.assert_close(weights(model), before - 0.01 * 1.9 * expected)


def test_a_gradient_in_parts_is_that_of_the_whole_batch():
    def trained(batch_size, accumulate, clips):
        model = linear()
        config = replace(PLAIN, epochs=2, batch_size=batch_size, accumulate=accumulate, clip=0.1)
        history = fit(model, two_classes(clips), None, config, show_progress=False)
        return weights(model), history.epochs[-1]["train_loss"]

    for clips in (16, 14):  # 14: the last step has fewer batches, and the last of them fewer clips
        parts, together = trained(4, 3, clips), trained(12, 1, clips)
        torch.testing.assert_close(parts[0], together[0])
        assert parts[1] == pytest.approx(together[1], rel=1e-5)
        assert not torch.allclose(parts[0], trained(4, 1, clips)[0])


def test_clipping_shortens_a_long_gradient_only():
    def step(clip):
        model = linear()
        before = weights(model)
        fit(model, fixed(), None, replace(DESCENT, batch_size=16, clip=clip), show_progress=False)
        return (weights(model) - before) / (0.01 * 1.9)

    free = step(0.0)
    assert free.norm() > 0.1
    assert step(0.05).norm().item() == pytest.approx(0.05, rel=1e-3)
    torch.testing.assert_close(step(0.05) / 0.05, free / free.norm(), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(step(1e6), free, atol=1e-6, rtol=1e-3)


def test_class_weights_balance_the_classes():
    train = two_classes(clips=6, classes=3, places="centred")
    train.labels[:] = torch.tensor([0, 0, 1, 0, 0, 0])
    train._labels = train.labels
    found = class_weights(train)
    torch.testing.assert_close(found, torch.tensor([6 / (5 * 2), 6 / (1 * 2), 0.0]))  # none of class 2
    assert found[train.labels].mean().item() == pytest.approx(1)

    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(BANDS * FRAMES, 3))
    batch, labels = whole(train)
    with torch.no_grad():
        losses = F.cross_entropy(model(batch), labels, reduction="none")
    history = fit(model, train, None, replace(DESCENT, class_weights=True), show_progress=False)
    by_hand = 0.6 * losses[labels == 0].sum() + 3 * losses[labels == 1].sum()
    assert history.epochs[0]["train_loss"] == pytest.approx(by_hand.item() / 6, rel=1e-5)


def test_losses_are_means_over_examples_not_over_batches():
    model, train = linear(), fixed(clips=11)
    batch, labels = whole(train)
    with torch.inference_mode():
        logits = model(batch)
    config = replace(PLAIN, epochs=1, learning_rate=1e-12)  # batches of 8 and 3
    (row,) = fit(model, train, train, config, show_progress=False).epochs
    expected, right = F.cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).float().mean().item()
    assert row["train_loss"] == pytest.approx(expected, rel=1e-5)
    assert row["valid_loss"] == pytest.approx(expected, rel=1e-5)
    assert row["train_accuracy"] == row["valid_accuracy"] == pytest.approx(right)


def test_norms_and_biases_are_not_decayed():
    for optimiser in ("adamw", "sgd"):
        decayed, kept = make_optimiser(
            network(), replace(PLAIN, weight_decay=0.05, optimiser=optimiser)
        ).param_groups  # fmt: skip
        assert (decayed["weight_decay"], kept["weight_decay"]) == (0.05, 0)
        assert [value.ndim for value in decayed["params"]] == [3, 2]
        assert [value.ndim for value in kept["params"]] == [1, 1, 1, 1]


# The learning rate


def rates(valid=None, **settings):
    config = replace(PLAIN, **settings)
    return fit(linear(), two_classes(), valid, config, show_progress=False).to_frame()["learning_rate"].tolist()


def test_a_cosine_climbs_and_falls():
    expected = [0.01 * warm_up_and_cosine(2 * epoch - 1, 40) for epoch in range(1, 21)]  # two steps an epoch
    assert rates(epochs=20) == pytest.approx(expected)
    assert max(expected) == expected[1] == 0.01
    assert expected[-1] < 1e-4
    assert rates(epochs=20, batch_size=4, accumulate=2) == pytest.approx(expected)


def test_a_plateau_lowers_the_rate_after_the_sixth_epoch_without_progress():
    found = rates(misleading(), epochs=14, schedule="plateau")  # the first epoch is the best one
    assert found == pytest.approx([0.01] * 7 + [0.002] * 6 + [0.0004])


def test_a_constant_rate_stays():
    assert rates(epochs=3, schedule="constant") == [0.01] * 3


# The batches


@pytest.mark.parametrize(("clips", "sizes"), [(1, [1]), (5, [5]), (8, [8]), (9, [8]), (10, [8, 2]), (17, [8, 8])])
def test_no_batch_of_one_is_left_over(clips, sizes):
    assert [len(batch) for batch in Batches(clips, size=8)] == sizes
    model = network(dropout=0.0)
    history = fit(model, two_classes(clips), None, replace(PLAIN, epochs=1), show_progress=False)
    assert math.isfinite(history.epochs[0]["train_loss"])


def test_an_epoch_gives_each_item_once_in_an_order_of_its_own():
    batches = Batches(20, size=8, seed=3)
    orders = {}
    for epoch in (1, 2, 1):
        batches.set_epoch(epoch)
        order = [item for batch in batches for item in batch]
        assert sorted(order) == list(range(20))
        assert orders.setdefault(epoch, order) == order
    assert orders[1] != orders[2]
    assert [item for batch in Batches(20, size=8, seed=4) for item in batch] not in orders.values()


class Noting(Segments):
    """Notes which items are asked for."""

    def batch(self, items):
        self.asked = [*getattr(self, "asked", []), *items]
        return super().batch(items)


def test_each_epoch_of_a_training_has_an_order_of_its_own():
    train = two_classes(kind=Noting)
    fit(linear(), train, None, replace(PLAIN, epochs=3), show_progress=False)
    orders = [tuple(train.asked[start : start + 16]) for start in (0, 16, 32)]
    assert len(set(orders)) == 3
    assert [sorted(order) for order in orders] == [list(range(16))] * 3


@pytest.mark.parametrize("items", [16, 20, 21, 23])
def test_processes_share_every_batch(items):
    alone, parts = Batches(items, 8), [Batches(items, 8, process=process, processes=2) for process in range(2)]
    assert parts[0].items == (16 if items - 16 < 4 else items)  # two for each of the two
    for whole_batch, *shares in zip(alone, *parts, strict=False):
        assert sorted(shares[0] + shares[1]) == sorted(whole_batch)
        assert abs(len(shares[0]) - len(shares[1])) <= 1


@pytest.mark.parametrize(("items", "size", "processes"), [(0, 8, 1), (1, 8, 2), (9, 1, 2)])
def test_too_few_clips_are_an_error(items, size, processes):
    with pytest.raises(RunError, match=rf"found {items} clips? and a batch size of {size} for {processes} process"):
        Batches(items, size, processes=processes)


def test_a_stopwatch_counts_the_reading_only(monkeypatch):
    clock = iter([0.0, 1.0, 10.0, 12.0, 20.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    stopwatch = Stopwatch()
    assert list(stopwatch.timed("ab")) == ["a", "b"]
    assert stopwatch.seconds == 1 + 2


# The best epoch


def test_the_last_epoch_is_kept_where_nothing_validates():
    history = fit(network(), two_classes(), None, replace(PLAIN, epochs=3), show_progress=False)
    assert history.best_epoch == 3
    assert "valid_loss" not in history.to_frame()


def test_patience_stops_and_the_best_epoch_is_restored():
    model, valid = network(), misleading()
    history = fit(model, two_classes(), valid, replace(PLAIN, epochs=30, patience=3), show_progress=False)
    losses = history.to_frame()["valid_loss"]
    assert history.stopped == "no lower validation loss for 3 epochs"
    assert len(losses) == history.best_epoch + 3 < 30
    assert history.best_epoch == 1 + losses.argmin()
    clips, values = log_probabilities(model, valid, "cpu", "fp32")
    assert -values[np.arange(16), valid.labels[clips].numpy()].mean() == pytest.approx(losses.min(), abs=1e-6)


# What is said


def test_the_progress_in_a_log_has_loss_accuracy_and_time_left(capsys):
    fit(linear(), two_classes(), fixed(), replace(PLAIN, epochs=2))
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first.startswith("training: 0/4 [00:00]")
    assert last.startswith("training: 4/4 [00:0")
    for name in ("train_loss=", "valid_loss=", "valid_accuracy=", "<00:00", "batch/s"):
        assert name in last
    fit(linear(), two_classes(), None, replace(PLAIN, epochs=2), show_progress=False)
    assert capsys.readouterr().err == ""


class SlowToRead(Segments):
    """Reading takes nearly all of the time."""

    def batch(self, items):
        total = 0.0
        for _ in range(50):
            total += np.linalg.norm(np.ones((200, 200)), 2)
        return super().batch(items)


def test_the_history_says_how_fast_it_was_and_what_it_waited_for():
    rows = fit(linear(), two_classes(), fixed(), replace(PLAIN, epochs=3), show_progress=False).epochs
    for row in rows:
        assert 0 < row["waiting"] < 1
        assert row["samples_per_second"] > 16 / row["seconds"]  # the whole epoch has the validation, too
    (row,) = fit(linear(), two_classes(kind=SlowToRead), None, DESCENT, show_progress=False).epochs
    assert row["waiting"] > 0.7


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"epochs": 0}, "expected epochs to be a whole number of at least 1, found 0"),
        ({"batch_size": 2.5}, "expected batch_size to be a whole number of at least 1, found 2.5"),
        ({"workers": -1}, "expected workers to be a whole number of at least 0, found -1"),
        ({"workers": 1000}, "expected workers to be a whole number from 0 to 256, found 1000"),
        ({"learning_rate": 1e300}, "expected learning_rate to be at most 1,000,000,000,000, found 1e"),
        ({"seed": 2**32}, "expected seed to be a whole number from 0 to 4294967295, found 4294967296"),
        ({"learning_rate": math.nan}, "expected learning_rate to be a finite number greater than 0, found nan"),
        ({"learning_rate": 0}, "expected learning_rate to be a finite number greater than 0, found 0"),
        ({"clip": "1"}, "expected clip to be a finite number of at least 0, found '1'"),
        ({"label_smoothing": 1.0}, "expected label_smoothing to be a share, from 0 to less than 1, found 1.0"),
        ({"compile": 1}, "expected compile to be true or false, found 1"),
        ({"device": "gpu"}, "expected a device among auto, cpu, cuda, mps, found 'gpu'"),
        ({"precision": "bf61"}, "found 'bf61'; did you mean bf16"),
        ({"schedule": "cosin"}, "did you mean cosine"),
        ({"optimiser": "adam"}, "did you mean adamw"),
    ],
)
def test_settings_that_cannot_be_are_errors(settings, words):
    with pytest.raises(RunError, match=words.replace("?", r"\?")):
        replace(PLAIN, **settings)


def test_settings_come_back_from_a_file():
    config = replace(PLAIN, augmentation=Augmentation(mixup=0.3, frequency_shift=4))
    assert TrainConfig(**config.to_dict()) == config
