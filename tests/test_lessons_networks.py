"""Exercises of lessons 06 to 09 and 11: right answers, and what usual slips are told."""

from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from lesson_cases import check_right, check_wrong
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import PredefinedSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from torch import nn
from torch.nn import functional as F

from musiclab import lessons
from musiclab.features import SummaryConfig
from musiclab.models import create, summary
from musiclab.training import History, recipe
from musiclab.umtn import WaveNet

# Lesson 06 and open trainings


def test_parameters_of_a_network_twice_as_wide():
    truth = 9 * (32 + 2048 + 8192 + 32768) + 2 * 480 + 1025 * 1024 + 262_400 + 2_570
    check_right("07.1", truth)
    check_wrong("07.1", 2 * 887_674, "not all grow by the same factor", hidden=(truth,))
    check_wrong("07.1", 887_674, "not all grow", hidden=(truth,))
    check_wrong("07.1", truth - 1024, "too small", hidden=(truth,))
    check_wrong("07.1", truth - 960, "the batch norms are missing", hidden=(truth,))
    check_wrong("07.1", truth - 480, "two parameters per channel", hidden=(truth,))
    check_wrong("07.1", truth + 480, "the convolutions have no biases", hidden=(truth,))
    check_wrong("07.1", truth - 1290, "the dense layers have biases", hidden=(truth,))
    check_wrong("07.1", truth + 964, "running averages are not trained", hidden=(truth,))


@pytest.mark.parametrize(
    "answer",
    [(46, 8192), [46.0, 8192.0], np.array([46, 8192]), torch.tensor([46, 8192]), {"field": 46, "values": 8192}],
)
def test_field_and_values_with_pools_of_2(answer):
    check_right("07.2", answer)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((110, 512), "field: this is the field of the network with pools of 2, 2, 4 and 4"),
        ((46, 512), "values: this is the network with pools of 2, 2, 4 and 4"),
        ((22, 8192), "field: this is the field after the third block"),
        ((38, 8192), "field: this is the field before the last pool"),
        ((31, 8192), "field: the pools add neighbours, too. Or did you leave out the padding?"),
        ((16, 8192), "field: the kernels add neighbours, too"),
        ((1.068, 8192), "field: these are seconds"),
        ((47, 8192), "field: your answer is off by one"),
        ((46, 64), "values: this is one map"),
        ((46, 1024), "values: is this 16 · 8 · 8 or 128 · 8?"),
        ((46, (128, 8, 8)), "values: give one number, the product of channels, height and width"),
        (((46, 46), 8192), "field: expected one number, but your answer has 2"),
        ((46, 32768), "values: the picture is halved four times"),
        ((46, 2048), "values: the picture is halved four times"),
        ((8192, 46), "the other way round"),
        (46, "expected 2 numbers (field, values)"),
        ("46", "expected 2 numbers"),
    ],
)
def test_slips_with_the_receptive_field(answer, words):
    check_wrong("07.2", answer, words)


def batch_norm(maps, mean, variance, weight, bias):
    return F.batch_norm(maps, mean, variance, weight, bias)


def batch_norm_by_hand(maps, mean, variance, weight, bias):
    mean, variance, weight, bias = (part[None, :, None, None] for part in (mean, variance, weight, bias))
    return weight * (maps - mean) / (variance + 1e-5).sqrt() + bias


def batch_norm_in_numpy(maps, mean, variance, weight, bias):
    channels = [(maps[:, i] - mean[i]) / np.sqrt(variance[i] + 1e-5) * weight[i] + bias[i] for i in range(len(mean))]
    return np.stack([channel.numpy() for channel in channels], axis=1)


@pytest.mark.parametrize("answer", [batch_norm, batch_norm_by_hand, batch_norm_in_numpy])
def test_batch_norm_at_test_time(answer):
    check_right("07.3", answer)


def columns(compute):
    """A function for exercise 3 whose four arguments already have the shape (channels, 1, 1)."""
    return lambda maps, *rest: compute(maps, *(part[:, None, None] for part in rest))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x, m, v, w, b: F.batch_norm(x, None, None, w, b, training=True), "depends on the other tracks"),
        (lambda x, m, v, w, b: F.instance_norm(x, weight=w, bias=b), "each track's own maps"),
        (
            columns(lambda x, m, v, w, b: w * (x - x.mean((2, 3), keepdim=True)) / x.std((2, 3), keepdim=True) + b),
            "each track's own maps",
        ),
        (columns(lambda x, m, v, w, b: w * (x - m) / v + b), "not by the variance"),
        (columns(lambda x, m, v, w, b: w * (x - m) / (v + 1e-5) + b), "not by the variance"),
        (columns(lambda x, m, v, w, b: w * (x - m) / v.sqrt() + b), "add 1e-5 to the variance"),
        (columns(lambda x, m, v, w, b: w * (x - m) / (v.sqrt() + 1e-5) + b), "and then take the root"),
        (columns(lambda x, m, v, w, b: (x - m) / (v + 1e-5).sqrt()), "the learnt weights and biases are missing"),
        (columns(lambda x, m, v, w, b: w * (x - m) / (v + 1e-5).sqrt()), "the learnt biases are missing"),
        (columns(lambda x, m, v, w, b: (x - m) / (v + 1e-5).sqrt() + b), "the learnt weights are missing"),
        (columns(lambda x, m, v, w, b: w * ((x - m) / (v + 1e-5).sqrt() + b)), "and then add the bias"),
        (columns(lambda x, m, v, w, b: b * (x - m) / (v + 1e-5).sqrt() + w), "weight and bias are swapped"),
        (columns(lambda x, m, v, w, b: w * x / (v + 1e-5).sqrt() + b), "subtract the mean first"),
        (columns(lambda x, m, v, w, b: -(w * (x - m) / (v + 1e-5).sqrt() + b)), "the sign is reversed"),
        (lambda x, m, v, w, b: (x - m) / (v + 1e-5).sqrt(), "raised an error (RuntimeError"),
        (lambda x, m, v, w, b: None, "returned None"),
        (lambda x, m, v, w, b: 3.0, "expected shape (4, 3, 5, 6), found ()"),
        (lambda maps: maps, "raised an error (TypeError"),
        (torch.zeros(3), "expected a function"),
    ],
)
def test_slips_with_batch_norm(answer, words):
    check_wrong("07.3", answer, words)


def history(*losses: float) -> History:
    return History([{"epoch": epoch, "valid_loss": loss} for epoch, loss in enumerate(losses, start=1)])


def outcome(past: History | None) -> SimpleNamespace:
    """A run, of which the check looks at the history alone."""
    return SimpleNamespace(history=past and past.to_frame())


def test_a_better_training_has_a_lower_validation_loss():
    lesson = history(1.0, 0.75, 0.8)
    assert "0.700, in the lesson 0.750" in check_right("06.5", outcome(history(0.9, 0.7, 0.9)), history=lesson)
    check_right("06.5", outcome(history(0.9, 0.8, 0.7, 0.6)), history=lesson)
    check_wrong("06.5", outcome(history(0.9, 0.76)), "not better yet", history=lesson)
    check_wrong("06.5", outcome(None), "expected the result of musiclab.train", history=lesson)
    check_wrong("06.5", 0.7, "musiclab.train", "a single number", history=lesson)
    check_wrong("06.5", outcome(History([{"epoch": 1, "train_loss": 0.1}])), "validation set", history=lesson)


def test_a_better_training_is_validated_on_the_lessons_tracks():
    lesson, better = history(1.0, 0.75), outcome(history(0.9, 0.7))
    tracks = {path: "1a2b3c4d" for path in ("a.wav", "b.wav", "c.wav", "d.wav", "e.wav")}
    better.settings = SimpleNamespace(trained_on=tracks, clips={"train": 3, "valid": 2, "test": 2})
    check_right("06.5", better, history=lesson, valid_paths=["e.wav", "d.wav"])
    check_wrong(
        "06.5", better, "validated on other tracks", "split_seed", history=lesson, valid_paths=["a.wav", "d.wav"]
    )
    better.settings = SimpleNamespace(trained_on={}, clips={})  # such as a cross-validation
    check_wrong("06.5", better, "validated on other tracks", history=lesson, valid_paths=["e.wav", "d.wav"])


def test_a_better_training_beats_all_networks_of_the_lesson_in_as_many_epochs():
    lesson = [history(1.0, 0.75), history(0.9, 0.72), history(1.1, 0.8).to_frame()]
    assert "0.700, in the lesson 0.720" in check_right("07.4", outcome(history(0.9, 0.7)), histories=lesson)
    check_wrong("07.4", outcome(history(0.9, 0.74)), "not better yet", histories=lesson)
    check_wrong("07.4", outcome(lesson[1]), "not better yet", histories=lesson)
    check_wrong("07.4", outcome(history(0.9, 0.8, 0.7)), "at most 2 epochs, found 3", histories=lesson)
    check_wrong("07.4", 0.7, "musiclab.train", "a single number", histories=lesson)
    better = outcome(history(0.9, 0.7))
    better.settings = SimpleNamespace(trained_on={"a.wav": "1a2b3c4d", "b.wav": "1a2b3c4d"}, clips={"train": 1})
    check_right("07.4", better, histories=lesson, valid_paths=["b.wav"])
    check_wrong("07.4", better, "validated on other tracks", histories=lesson, valid_paths=["a.wav"])


# Lesson 07


def test_parameters_with_more_inputs():
    check_right("06.1", 128 * 256 + 256 + 256 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10)
    check_wrong("06.1", 48_714, "this is the network with 26 inputs", hidden=(74826,))
    check_wrong("06.1", 102 * 256, "this is what the other 102 inputs add", hidden=(74826,))
    check_wrong("06.1", 74_826 - 256, "biases of the first layer", hidden=(74826,))
    check_wrong("06.1", 74_826 - 458, "the biases are missing", hidden=(74826,))


def correct_step(network, optimiser, x, y):
    loss = torch.nn.functional.cross_entropy(network(x), y)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def measured_afterwards(network, optimiser, x, y):
    correct_step(network, optimiser, x, y)
    return torch.nn.functional.cross_entropy(network(x), y).item()


def cleared_too_late(network, optimiser, x, y):
    loss = torch.nn.functional.cross_entropy(network(x), y)
    loss.backward()
    optimiser.zero_grad()
    optimiser.step()
    return loss.item()


def in_eval_mode(network, optimiser, x, y):
    network.eval()
    return correct_step(network, optimiser, x, y)


def summed(network, optimiser, x, y):
    loss = torch.nn.functional.cross_entropy(network(x), y, reduction="sum")
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def without(*lines):
    """The training step of exercise 2 without some of its lines."""

    def mistaken(network, optimiser, x, y):
        logits = network(x).softmax(dim=1) if "logits" in lines else network(x)
        loss = torch.nn.functional.cross_entropy(logits, y)
        if "zero_grad" not in lines:
            optimiser.zero_grad()
        if "backward" not in lines:
            loss.backward()
        if "step" not in lines:
            optimiser.step()
        return None if "return" in lines else loss

    return mistaken


def test_a_training_step_from_memory():
    check_right("06.2", correct_step)
    check_wrong("06.2", without(), "loss.item()")  # returns a tensor with its graph
    check_wrong("06.2", without("zero_grad"), "the second step goes wrong")
    check_wrong("06.2", without("backward"), "the parameters do not change")
    check_wrong("06.2", without("step"), "the parameters do not change")
    check_wrong("06.2", cleared_too_late, "with no zero_grad() between them")
    check_wrong("06.2", without("logits"), "did you apply softmax before cross_entropy?")
    check_wrong("06.2", summed, "take the mean of the loss over the batch, not the sum")
    check_right("06.2", lambda *batch: without()(*batch).detach().numpy())
    check_right("06.2", lambda *batch: without()(*batch).detach())
    check_wrong("06.2", lambda *batch: without()(*batch).detach().numpy() * np.ones(8), "does not return the loss")
    check_wrong("06.2", without("return"), "does not return the loss")
    check_wrong("06.2", measured_afterwards, "you return the loss after the step")
    check_wrong("06.2", in_eval_mode, "switches dropout off")
    check_wrong("06.2", lambda network, optimiser, x, y: None, "never calls the network")
    check_wrong("06.2", torch.no_grad()(without()), "Don't compute the loss under no_grad")
    check_wrong("06.2", lambda network: None, "raised an error (TypeError")
    check_wrong("06.2", 3, "expected a function")


@pytest.fixture
def noise():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), 40)
    return {"noise": rng.standard_normal((200, 1000)), "labels": labels, "folds": np.tile([1, 2, 3, 4, 5], 40)}


def test_columns_are_chosen_within_the_folds(noise):
    assert "of 200 clips with your pipeline" in check_right("06.3", make_pipeline(SelectKBest(k=20), SVC()), **noise)
    check_wrong("06.3", make_pipeline(SelectKBest(k=50), SVC()), "receive 20 of the columns", **noise)
    check_wrong("06.3", make_pipeline(StandardScaler(), SVC()), "receive 20 of the columns", **noise)
    check_wrong("06.3", SVC(), "expected a pipeline", **noise)
    check_wrong("06.3", make_pipeline(SVC()), "receive 20 of the columns", **noise)
    check_wrong("06.3", make_pipeline(SelectKBest(k=20), StandardScaler()), "should be a classifier", **noise)
    check_wrong("06.3", make_pipeline(SelectKBest(k=20)), "should be a classifier", **noise)


def test_columns_are_chosen_by_the_labels(noise):
    first_columns = FunctionTransformer(lambda values: values[:, :20])
    check_wrong("06.3", make_pipeline(first_columns, SVC()), "whatever the labels are", **noise)
    check_wrong("06.3", make_pipeline(PCA(20, random_state=0), SVC()), "whatever the labels are", **noise)
    check_wrong("06.3", make_pipeline(PCA(20), SVC()), "whatever the labels are", **noise)  # random, and blind
    check_right("06.3", make_pipeline(StandardScaler(), SelectKBest(k=20), SVC()), **noise)


class Chosen(SelectKBest):
    """Takes the columns that were best on all clips, whatever it is fitted on."""

    everything = None

    def fit(self, X, y):
        return super().fit(*self.everything)


def test_columns_that_were_chosen_before_are_told(noise):
    Chosen.everything = noise["noise"], noise["labels"]
    check_wrong("06.3", make_pipeline(Chosen(k=20), StandardScaler(), SVC(C=5)), "still leak", **noise)


@pytest.fixture
def context():
    """A summary of which the mean says much and the deviation little."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 30)
    values = np.stack([labels + rng.normal(0, 0.3, 120), labels + rng.normal(0, 2, 120)], axis=1)
    names = ("mfcc_0_mean", "mfcc_0_deviation")
    store = SimpleNamespace(labels=labels, values=lambda feature: values, names=lambda feature: names)
    return {"store": store, "folds": np.tile([1, 2, 3, 4, 5], 24)}


def test_each_half_of_the_columns_alone(context):
    store, splitter = context["store"], PredefinedSplit(context["folds"])
    svm = make_pipeline(StandardScaler(), SVC(C=5))
    values = store.values("summary")
    means, deviations = (
        cross_val_score(svm, values[:, [column]], store.labels, cv=splitter).mean() for column in (0, 1)
    )
    assert means > deviations + 0.2
    hidden = (f"{means:.2f}", f"{deviations:.2f}")
    check_right("06.4", (means, deviations), **context)
    check_wrong("06.4", (deviations, means), "swapped", hidden=hidden, **context)
    check_wrong("06.4", (100 * means, 100 * round(deviations, 2)), "not per cent", hidden=hidden, **context)
    check_wrong(
        "06.4", (means, deviations + 0.05), "deviations: your answer is too large", hidden=hidden[1:], **context
    )
    check_wrong("06.4", (means, deviations + 0.1), "did you mix the artists?", hidden=hidden[1:], **context)
    check_right("06.4", (round(means, 2), round(deviations, 2)), **context)
    check_wrong("06.4", means, "expected 2 numbers", **context)
    arrays = (np.array([True, False]), np.array([True, True]))
    check_wrong("06.4", arrays, "your answer contains an object of type ndarray", **context)
    check_wrong("06.4", (deviations, deviations - 0.05), "means", hidden=("swapped",), **context)


# Lesson 08


GATE = 0.5 ** (512 / 22050)
BIAS = np.log(GATE / (1 - GATE))


@pytest.mark.parametrize(
    "answer",
    [
        (GATE, BIAS),
        [0.9840, 4.12],
        np.array([GATE, BIAS]),
        torch.tensor([GATE, BIAS]),
        (0.5 ** (1 / 43), 4.119),
        {"gate": GATE, "bias": BIAS},
    ],
)
def test_a_forget_gate_that_keeps_half_for_a_second(answer):
    assert "applied 43 times per second" in check_right("08.1", answer)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((1 - GATE, BIAS), "gate: this is what the cell loses"),
        ((0.5 ** (2048 / 22050), BIAS), "gate: a frame is 93 ms long"),
        ((0.5 ** (22050 / 512), BIAS), "gate: you applied 0.5 once per frame"),
        ((0.98, BIAS), "gate: your answer is too small"),
        ((98.4, BIAS), "per cent"),
        ((GATE, 1 / (1 + np.exp(-GATE))), "bias: this is the sigmoid of the gate"),
        ((GATE, np.log(GATE)), "bias: this is the logarithm of the gate"),
        ((GATE, np.log10(GATE / (1 - GATE))), "bias: use the natural logarithm"),
        ((GATE, -BIAS), "bias: the sign is reversed"),
        ((GATE, 3), "bias: your answer is too small"),
        ((BIAS, GATE), "swapped"),
        ((GATE, GATE), "bias: this is the gate itself"),
        ((BIAS, BIAS), "gate: this is the bias"),
        ((GATE, 0.0), "bias: with a bias of 0, the gate begins at 0.5"),
        ((GATE, None), "bias: no answer yet"),
        (GATE, "expected 2 numbers (gate, bias)"),
        (("0.984", BIAS), "gate: expected a number"),
    ],
)
def test_slips_with_the_forget_gate(answer, words):
    check_wrong("08.1", answer, words)


@pytest.fixture
def step():
    """A GRU, its input and its state before the step; none of the numbers is small."""
    torch.manual_seed(0)
    cell, rng = nn.GRUCell(5, 4), np.random.default_rng(0)
    return {"cell": cell, "x": rng.standard_normal(5), "h": rng.standard_normal(4)}


def gru_by_hand(cell, x, h, slip=""):
    W, U, b, a = (part.detach().double().numpy() for part in cell.parameters())
    a = 0 * a if slip in ("no a", "no biases") else a
    b = 0 * b if slip in ("no b", "no biases") else b
    inputs, states = np.split(W @ x + b, 3), np.split(U @ h + a, 3)
    r, z = (1 / (1 + np.exp(-(inputs[gate] + states[gate]))) for gate in (0, 1))
    r, z = (z, r) if slip == "order" else (r, z)
    inner = {"before": U[8:] @ (r * h) + a[8:], "a outside": r * (U[8:] @ h) + a[8:], "no reset": states[2]}
    n = inputs[2] + inner.get(slip, r * states[2])
    n = n if slip == "no tanh" else np.tanh(n)
    z = {"1 - z": 1 - z, "never": 0 * z}.get(slip, z)
    return (1 - z) * n + z * h


def test_a_step_of_a_gru(step):
    check_right("08.2", gru_by_hand(**step), **step)
    check_right("08.2", gru_by_hand(**step).tolist(), **step)
    check_right("08.2", step["cell"](*(torch.tensor(step[name]).float() for name in ("x", "h"))), **step)


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        ("order", "r and z are swapped"),
        ("1 - z", "z and 1 - z are swapped"),
        ("before", "your reset gate multiplies h"),
        ("a outside", "multiplies the bias a"),
        ("no reset", "the reset gate is missing"),
        ("no a", "the biases a of the state are missing"),
        ("no b", "the biases b of the input are missing"),
        ("no biases", "the biases are missing"),
        ("no tanh", "the tanh of n is missing"),
        ("never", "elements differ"),
    ],
)
def test_slips_in_a_gru(step, slip, words):
    check_wrong("08.2", gru_by_hand(**step, slip=slip), words, **step)


def test_a_state_of_another_shape(step):
    check_wrong("08.2", gru_by_hand(**step)[:, None], "expected shape (4,), found (4, 1)", **step)
    check_wrong("08.2", step["x"], "expected shape (4,), found (5,)", **step)
    check_wrong("08.2", np.zeros(4), "every element is 0", **step)


def _means(states, lengths):
    return torch.stack([row[:length].mean(dim=0) for row, length in zip(states, lengths, strict=True)])


@pytest.fixture
def padded():
    torch.manual_seed(0)
    return {"states": torch.randn(3, 8, 4, requires_grad=True) + 1, "lengths": [8, 5, 2]}


def test_the_mean_without_the_padding(padded):
    states, lengths = padded.values()
    means = torch.stack([states[row, :length].mean(dim=0) for row, length in enumerate(lengths)])
    check_right("08.3", means, **padded)
    check_right("08.3", means.detach().numpy(), **padded)
    check_right("08.3", means.tolist(), **padded)
    check_right("08.3", list(means), **padded)  # tensors that carry gradients
    check_right("08.3", tuple(means.detach().numpy()), **padded)
    check_right("08.3", means, states=states, lengths=torch.tensor(lengths))
    check_wrong("08.3", means.T, "transpose it", **padded)
    over_values = [states[row, :length].mean(dim=1) for row, length in enumerate(lengths)]
    check_wrong("08.3", over_values, "whose parts have different shapes", **padded)


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        (lambda states, sums, lengths: states.mean(dim=1), "the padding still counts"),
        (lambda states, sums, lengths: sums / 8, "by the length of the padded sequences"),
        (lambda states, sums, lengths: sums, "this is the sum"),
        (
            lambda states, sums, lengths: states.sum(dim=1) / torch.tensor(lengths)[:, None],
            "still contains the padding",
        ),
        (lambda states, sums, lengths: states[range(3), [length - 1 for length in lengths]], "the last real state"),
        (lambda states, sums, lengths: _means(states, [length + 1 for length in lengths]), "off by one frame"),
        (lambda states, sums, lengths: _means(states, [length - 1 for length in lengths]), "off by one frame"),
        (lambda states, sums, lengths: sums[:, 0], "expected shape (3, 4)"),
    ],
)
def test_slips_with_the_padding(padded, slip, words):
    states, lengths = padded.values()
    sums = torch.stack([states[row, :length].sum(dim=0) for row, length in enumerate(lengths)])
    check_wrong("08.3", slip(states, sums, lengths), words, **padded)
    check_wrong("08.3", list(slip(states, sums, lengths)), words, **padded)


class Scores(nn.Module):
    """A network that gives the sequence whose values are all i the score number i."""

    def __init__(self, scores):
        super().__init__()
        self.scores = scores

    def forward(self, sequences):
        rows = sequences[:, 0, 0].long()
        return tuple(part[rows] for part in self.scores) if isinstance(self.scores, tuple) else self.scores[rows]


class Blind(nn.Module):
    """A network that takes the first half of each batch for forwards, without looking at it."""

    def forward(self, sequences):
        return 9 * F.one_hot(torch.arange(2).repeat_interleave(len(sequences) // 2), 2).float()


def test_a_better_detector():
    labels = torch.arange(2).repeat_interleave(10)
    certain = F.one_hot(labels, 2).float()
    context = {"ours": Scores(2 * certain), "x": torch.arange(20.0)[:, None, None].expand(20, 5, 3), "y": labels}
    assert "100.0% of 20 correct" in check_right("08.4", Scores(4 * certain), **context)
    check_wrong("08.4", Scores(certain * 1.5), "not better yet", **context)
    check_wrong("08.4", Scores(certain * 2.2), "not better yet", **context)  # the same, only surer of itself
    check_wrong("08.4", (Scores(4 * certain), [0.3, 0.2]), "Give the network alone", **context)
    check_wrong("08.4", Scores(2 * certain), "not better yet", **context)
    check_wrong("08.4", context["ours"], "are one object", **context)
    check_wrong("08.4", Scores(-4 * certain), "Forwards is 0 and backwards is 1", **context)
    check_wrong("08.4", Scores((4 * certain).softmax(dim=1)), "returns probabilities", **context)
    check_wrong("08.4", Scores(certain[:, 0]), "expected logits of shape (20, 2), found (20,)", **context)
    check_wrong("08.4", Scores((certain, certain)), "a network that returns logits", **context)
    check_wrong("08.4", Blind(), "not better yet", **context)
    check_wrong("08.4", [0.3, 0.2], "expected a trained network", **context)


class TwoWays(nn.Module):
    """A bidirectional network with an output layer of a given number of inputs."""

    def __init__(self, inputs):
        super().__init__()
        self.recurrent = nn.LSTM(3, 4, batch_first=True, bidirectional=True)
        self.output = nn.Linear(inputs, 2)

    def forward(self, sequences):
        return self.output(self.recurrent(sequences)[0].mean(dim=1))


def test_a_bidirectional_detector_whose_output_layer_is_too_narrow():
    labels = torch.arange(2).repeat_interleave(10)
    context = {"ours": TwoWays(8), "x": torch.randn(20, 5, 3), "y": labels}
    check_wrong("08.4", TwoWays(4), "so the next layer needs twice as many inputs", **context)
    check_wrong("08.4", TwoWays(8), "not better yet", **context)


# Lesson 09


def test_at_twice_the_rate_everything_before_the_first_pool_is_twice_as_long():
    # 160, then 3 * 8 for the pool, 2 * 32 and 3 * 32, 2 * 128 and 3 * 128, 2 * 512 and 3 * 512
    field = 160 + 24 + 64 + 96 + 256 + 384 + 1024 + 1536
    at_8_khz = [row.receptive_field for row in summary(create("m5", classes=10)).rows if row.receptive_field][-1]
    assert field == 2 * 8 * at_8_khz  # ms to samples at 16 kHz: the same stretch of time
    check_right("09.1", (160, 8, field))
    check_right("09.1", np.array([160.0, 8.0, field]))
    check_right("09.1", torch.tensor([160, 8, field]))
    check_right("09.1", {"kernel": 160, "stride": 8, "samples": field})
    check_wrong("09.1", (80, 8, field), "kernel: this is the value at 8 kHz", hidden=("160",))
    check_wrong("09.1", (160, 4, field), "stride: this is the value at 8 kHz")
    check_wrong("09.1", (160, 8, 1772), "samples: this is the receptive field at 8 kHz", hidden=(field,))
    check_wrong("09.1", (160, 8, 1852), "the later layers now move in steps of 8 samples, not 4", hidden=(field,))
    check_wrong("09.1", (40, 2, field), "kernel: at a higher rate", "stride: at a higher rate", hidden=("160",))
    check_wrong("09.1", (20, 1, field), "more samples in a millisecond, not fewer", hidden=("160", "bits"))
    check_wrong("09.1", (160, 8, field - 1536), "after the last convolution", hidden=(field,))
    check_wrong("09.1", (160, 8, 221.5), "these are ms", hidden=(field,))
    check_wrong("09.1", (8, 160, field), "in another order", hidden=(field,))
    check_wrong("09.1", 160, "expected 3 numbers")


def test_tones_land_where_the_stride_puts_them():
    landing = (700, 900, 200, 100)
    check_right("09.2", landing)
    check_right("09.2", np.array(landing, float))
    check_right("09.2", torch.tensor(landing))
    check_right("09.2", ((700, 900), (200, 100)))
    check_right("09.2", torch.tensor([[700, 900], [200, 100]]))
    check_wrong("09.2", ((700, 200), (900, 100)), "in another order")
    names = [f"{tone:,} Hz with stride {stride}" for stride in (4, 16) for tone in (1300, 2900)]
    check_right("09.2", dict(zip(names, landing, strict=True)))
    check_wrong("09.2", (1300, 2900, 1300, 2900), "can't stay where it is", hidden=(700, 200))
    check_wrong("09.2", (-700, 900, -200, -100), "A frequency has no sign here", hidden=(700, 200))
    check_wrong("09.2", (1300, 900, 300, 400), "1,300 Hz with stride 16: it is still above the limit", "mirrored")
    check_wrong("09.2", (300, 100, 50, 100), "r is the new rate, not the limit", hidden=(700, 200))
    check_wrong("09.2", (5200, 11600, 20800, 46400), "doesn't change the pitch", hidden=(700, 200))
    check_wrong("09.2", (700, 200, 900, 100), "in another order")
    check_wrong("09.2", (700, 900), "expected 4 numbers (1,300 Hz with stride 4, 2,900 Hz with stride 4,")
    check_wrong("09.2", "700 Hz", "expected 4 numbers")


@pytest.fixture
def pooling():
    weights = np.hanning(17)[1:-1]
    return {"values": np.abs(np.random.default_rng(0).standard_normal(200)), "weights": weights / weights.sum()}


def largest(values):
    return np.lib.stride_tricks.sliding_window_view(values, 4).max(axis=1)


def test_a_max_pool_that_smooths_before_it_drops(pooling):
    values, weights = pooling["values"], pooling["weights"]
    by_torch = F.max_pool1d(torch.tensor(values)[None, None], 4, stride=1)
    by_torch = F.conv1d(by_torch, torch.tensor(weights)[None, None], stride=4)[0, 0]
    check_right("09.3", by_torch, **pooling)
    check_right("09.3", by_torch.numpy(), **pooling)
    check_right("09.3", by_torch.tolist(), **pooling)
    check_right("09.3", by_torch.numpy().round(4), **pooling)
    for answer, words in (
        (np.convolve(largest(values)[::4], weights, "valid"), "you dropped values before the filter"),
        (np.convolve(largest(values)[::4], weights, "valid")[::4], "you dropped values before the filter"),
        (largest(values)[::4], "the low-pass filter is missing, or you padded"),
        (np.convolve(largest(values), weights, "valid"), "keep only every fourth value"),
        (np.convolve(largest(values), weights)[::4], "don't pad"),
        (np.convolve(largest(np.append(values, [0, 0, 0])), weights, "valid")[::4], "maxima beyond the end"),
        (np.convolve(np.maximum.reduce([values[:-3], values[1:-2], values[2:-1]]), weights, "valid")[::4], "take four"),
        *((np.convolve(largest(values), weights, "valid")[k::4], "begin with the first value") for k in (1, 2, 3)),
        (largest(np.convolve(values, weights, "valid"))[::4], "The maximum comes first"),
        (np.convolve(values, weights, "valid")[::4][:46], "the maximum of four neighbours is missing"),
        (np.convolve(values, weights, "valid")[::4], "the maximum of four neighbours is missing"),
        (np.convolve(np.convolve(values, np.ones(4) / 4, "valid"), weights, "valid")[::4], "Take the maximum"),
        (8 * by_torch.numpy(), "should sum to 1"),
        (2 * by_torch.numpy(), "every element is"),
        (by_torch.numpy()[None], "expected shape (46,)"),
        (3.0, "expected shape"),
        ("46 values", "expected an array of numbers"),
    ):
        check_wrong("09.3", answer, words, **pooling)


@pytest.fixture
def hums_and_hisses():
    """A store of two classes: low tones, and high tones with a little of the low ones."""
    times, rng = np.arange(4000) / 8000, np.random.default_rng(0)
    labels = np.tile([0, 1, 2], 20)
    sounds = []
    for label in labels:
        low, high = np.sin(2 * np.pi * rng.uniform(200, 300, 1) * times), rng.standard_normal(4000)
        sounds.append((3000 * ((label != 1) * low + (label == 1) * 0.3 * high + 0.02 * high)).astype(np.int16))
    config = {"audio": {"sample_rate": 8000}}
    store = SimpleNamespace(labels=labels, read=lambda feature, clip: sounds[clip], config=config)
    return {"store": store, "train": range(42), "test": range(42, 60), "pair": (1, 0)}


def test_one_filter_separates_two_classes(hums_and_hisses):
    text = check_right("09.4", (1000, 3000), **hums_and_hisses)
    assert "100% of 28 training clips, and 100% of 12 test clips" in text
    check_right("09.4", [100, 500], **hums_and_hisses)
    check_right("09.4", np.array([100.0, 500.0]), **hums_and_hisses)
    check_right("09.4", {"low": 100, "high": 500}, **hums_and_hisses)
    check_wrong("09.4", (3000, 1000), "the first edge should be the lower one", **hums_and_hisses)
    check_wrong("09.4", (0, 1000), "between 20 and 3,980", **hums_and_hisses)
    check_wrong("09.4", (1, 4), "between 20 and 3,980", **hums_and_hisses)
    check_wrong("09.4", 1000, "expected 2 numbers", **hums_and_hisses)
    check_wrong("09.4", ("low", "high"), "expected a number", **hums_and_hisses)


def test_a_filter_that_separates_nothing_is_not_enough(hums_and_hisses):
    hums_and_hisses["pair"] = (0, 2)  # the same kind of sound
    check_wrong("09.4", (1000, 3000), "not enough yet", "Where is one class strong", **hums_and_hisses)


# Lesson 11


def test_a_wavenet_looks_back_as_far_as_a_change_reaches():
    wavenet = WaveNet(channels=1, skip=1, blocks=3, layers=10).double()
    for weights in wavenet.parameters():
        nn.init.constant_(weights, 0.5)
    codes, latents = torch.zeros(1, 5000), torch.zeros(1, 64, 1, dtype=torch.float64)
    codes = codes.double().requires_grad_()
    wavenet_input = F.pad(codes[:, None, :-1] / 255 - 0.5, (2, 0))
    x = wavenet.first(wavenet_input)
    for layer in wavenet.layers:
        x = F.pad(x, (layer.dilation, 0))
        x = x[:, :, layer.dilation :] + x[:, :, : -layer.dilation]
    x[0, 0, -1].backward()
    assert latents.shape[1] == wavenet.sizes["latent"]
    truth = int((codes.grad[0] != 0).sum())
    assert "192 ms" in check_right("11.1", truth)
    check_right("11.1", float(truth))
    check_right("11.1", torch.tensor(truth))
    for slip, words in [
        (3069, "left out the first convolution"),
        (3070, "sees two past samples"),
        (1025, "that is one block"),
        (6140, "adds d samples, not 2 d"),
        (6139, "adds d samples, not 2 d"),
        (6141, "three weights of an encoder"),
        (2**30 + 1, "starts at 1 again"),
        (32, "ordinary convolutions"),
        (1538, "not only the last one"),
        (3074, "what is 1 + 2 + 4"),
        (3072, "off by one"),
        ("3071", "expected a number"),
    ]:
        check_wrong("11.1", slip, words, hidden=() if slip == "3071" else (truth,))


def convolve(x, weights, dilation):
    result = np.zeros(len(x))
    for back, weight in enumerate(weights[::-1]):
        result += weight * np.concatenate([np.zeros(back * dilation), x])[: len(x)]
    return result


def with_torch(x, weights, dilation):
    padded = F.pad(torch.tensor(x), (dilation * (len(weights) - 1), 0))
    return F.conv1d(padded[None, None], torch.tensor(weights)[None, None], dilation=dilation)[0, 0]


def centred(x, weights, dilation):
    reach = dilation * (len(weights) - 1) // 2
    padded = np.pad(x, reach + 1)
    starts = [1 + tap * dilation for tap in range(len(weights))]
    return sum(w * padded[start : start + len(x)] for w, start in zip(weights, starts, strict=True))


def test_a_causal_convolution_never_looks_ahead():
    check_right("11.2", convolve)
    check_right("11.2", with_torch)
    check_right("11.2", lambda *inputs: convolve(*inputs).tolist())
    check_right("11.2", lambda *inputs: convolve(*inputs).astype(np.float32))
    for slip, words in [
        (lambda x, w, d: convolve(x, w[::-1], d), "the weights are reversed"),
        (lambda x, w, d: convolve(x[::-1], w, d)[::-1], "looks into the future"),
        (lambda x, w, d: convolve(x[::-1], w[::-1], d)[::-1], "looks into the future"),
        (lambda x, w, d: centred(x, w, d) if len(w) == 3 else convolve(x, w, d), "looks to both sides"),
        (lambda x, w, d: convolve(x, w[:2], d), "with 3 weights and dilation 4, does your function use all weights?"),
        (lambda x, w, d: convolve(x, w[-2:], d), "does your function use all weights?"),
        (lambda x, w, d: convolve(x, w[[0, -1]], d), "does your function use all weights?"),
        (lambda x, w, d: convolve(x, w, 1), "the dilation has no effect"),
        (lambda x, w, d: convolve(x, w, d + 1), "too far apart"),
        (lambda x, w, d: sum(a * np.roll(x, i * d) for i, a in enumerate(w[::-1])), "the end of x"),
        (lambda x, w, d: convolve(x, w, d)[d * (len(w) - 1) :], "too short"),
        (lambda x, w, d: np.pad(convolve(x, w, d), (0, d * (len(w) - 1))), "too long"),
        (lambda x, w, d: np.roll(convolve(x, w, d), 1), "with 2 weights and dilation 1"),
        (lambda x, w, d: print(end=""), "Does it end with return?"),
        (lambda x: x, "raised an error (TypeError"),
        (np.zeros(40), "expected a function"),
    ]:
        check_wrong("11.2", slip, words)


def test_products_of_a_second_with_and_without_a_cache():
    cache = 16000 * 56 * (2 * 128 * 256 + 2 * 128 * 128)
    loop = 65534 * cache
    check_right("11.3", (cache, loop))
    check_right("11.3", [8.81e10, 5.77e15])
    check_right("11.3", np.array([cache, loop], float))
    check_right("11.3", {"loop": loop, "cache": cache})
    without_cache = "with a cache. The loop computes"
    for slip, words in [
        ((cache / 16000, loop / 16000), "cache: that is for one sample"),
        ((cache / 56, loop / 56), "that is for one layer"),
        ((16000 * 56 * 65536, loop), "too few per layer"),
        ((5.87e10, loop), "too few per layer"),
        ((16000 * 56 * 81920, loop), "count both mixes"),
        ((cache, cache), without_cache),
        ((cache, loop / 16000), "loop: that is for one sample"),
        ((loop, cache), "the other way round"),
        ((cache, 2 * loop), "twice as large"),
        (cache, "expected 2 numbers"),
    ]:
        check_wrong("11.3", slip, words, hidden=("88080384000",))


@pytest.fixture
def distances():
    """Distances of three domains and two pieces; from b to c, the translation is worse than the copy."""
    names, rows = ("a", "b", "c"), []
    copies = {("a", "b"): 6.0, ("b", "a"): 6.0, ("a", "c"): 9.0, ("c", "a"): 8.0, ("b", "c"): 5.0, ("c", "b"): 5.0}
    gains = {("a", "b"): 1.0, ("b", "a"): 2.0, ("a", "c"): 1.5, ("c", "a"): 3.0, ("b", "c"): -0.25, ("c", "b"): 0.5}
    for source, target in ((first, second) for first in names for second in names if first != second):
        for piece in (0, 1):
            copy = copies[source, target] + piece
            rows.append([piece, source, target, "copy", copy])
            rows.append([piece, source, target, "translation", copy - gains[source, target]])
    return pd.DataFrame(rows, columns=["piece", "source", "target", "method", "distance"])


def test_the_hardest_pair_gains_least(distances):
    assert "b to c: -0.25 dB" in check_right("11.4", ("b", "c", -0.25), table=distances)
    check_right("11.4", ["b", "c", np.float64(-0.2549)], table=distances)
    check_right("11.4", ("b", "c", torch.tensor(-0.25)), table=distances)
    check_right("11.4", (("b", "c"), np.float64(-0.25)), table=distances)  # (gains.idxmin(), gains.min())
    for slip, words in [
        (("c", "b", -0.25), "the other direction"),
        (("c", "a", 3.0), "the largest gain"),
        (("a", "c", 1.5), "the largest distance"),
        (("a", "b", 1.0), "another pair has a smaller gain"),
        (("b", "c", 0.25), "the sign is reversed"),
        (("b", "c", 5.75), "the distance of the translation"),
        (("b", "c", 1.0), "the pair is correct"),
        (("b", "d", 1.0), "not a domain"),
        (("b", "b", 1.0), "two different domains"),
        (("b", "c"), "expected two names and a number"),
        ((("b", "c"),), "expected two names and a number"),
        (("b", "c", "small"), "expected a number"),
        (-0.25, "expected two names and a number"),
    ]:
        check_wrong("11.4", slip, words, table=distances)


@pytest.mark.parametrize(
    "convert", [float, np.float32, lambda value: 1000 * (value / 1000), lambda value: value - 1e-9]
)
def test_tones_that_were_computed_with_fractions_are_right(convert):
    rates = (2000, 500)
    exact = [abs(tone / rate - round(tone / rate)) * rate for rate in rates for tone in (1300, 2900)]
    assert exact != [700, 900, 200, 100]  # by rounding errors
    check_right("09.2", [convert(value) for value in exact])
    for near in (99, 100.5, 101):
        check_wrong("09.2", [700, 900, 200, near], "2,900 Hz with stride 16: your answer is", hidden=("the limit",))


def test_a_labelled_series_is_in_order():
    gate = 0.5 ** (512 / 22050)
    bias = np.log(gate / (1 - gate))
    check_right("08.1", pd.Series({"gate": gate, "bias": bias}))
    check_right("08.1", pd.Series({"bias": bias, "gate": gate}))
    check_right("08.1", pd.Series([gate, bias]))
    check_wrong("08.1", (gate + 1e-4, bias), "gate")


def test_a_convolution_of_pytorch_is_right():
    def convolve(x, weights, dilation):
        layer = nn.Conv1d(1, 1, len(weights), dilation=dilation, bias=False)
        layer.weight.data = torch.tensor(weights, dtype=torch.float32)[None, None]
        signal = torch.tensor(x, dtype=torch.float32)[None, None]
        return layer(F.pad(signal, (dilation * (len(weights) - 1), 0)))[0, 0]

    check_right("11.2", convolve)


@pytest.mark.parametrize("answer", [(8.8e10, 5.8e15), (8.74e10, 5.72e15)])
def test_multiply_adds_need_three_digits(answer):
    check_wrong("11.3", answer)


def test_a_pool_without_its_last_value_is_named():
    values, weights = np.random.default_rng(0).normal(size=200), np.array([0.25, 0.5, 0.25])
    maxima = np.lib.stride_tricks.sliding_window_view(values, 4).max(axis=1)
    pooled = np.convolve(maxima, weights, mode="valid")[::4]
    check_right("09.3", pooled, values=values, weights=weights)
    check_wrong("09.3", pooled[:-1], "the last value is missing", values=values, weights=weights)


def test_values_that_are_not_finite_are_named_before_the_other_tracks():
    def swapped(maps, variance, mean, weight, bias):
        mean, variance, weight, bias = (values[:, None, None] for values in (mean, variance, weight, bias))
        return weight * (maps - mean) / torch.sqrt(variance + 1e-5) + bias

    check_wrong("07.3", swapped, "not finite. Check the order of the parameters", hidden=("other tracks",))


@pytest.mark.parametrize(("changes", "words"), [({}, "that ml.train has anyway"), ({"dropout": 0.6}, "correct")])
def test_the_settings_of_the_exercise_must_be_changed(changes, words, small_store):
    ours = recipe("mlp", **changes)
    settings = SimpleNamespace(
        model="mlp", sizes=ours.sizes, training=asdict(ours.training), feature_settings=SummaryConfig(),
        trained_on={"a.wav": "1", "b.wav": "2"}, clips={"train": 1},
    )  # fmt: skip
    answer = outcome(history(0.9, 0.7))
    answer.settings = settings
    context = {"history": history(1.0, 0.75), "valid_paths": ["b.wav"]}
    (judged,) = lessons.verdicts("06.5", answer, **context)
    assert words in judged.text
    settings.feature_settings = SummaryConfig(kind="full")
    check_wrong("06.5", answer, "your network has 128 features, in the lesson 26", **context)


def test_a_check_leaves_the_random_numbers_of_the_reader_alone():
    torch.manual_seed(123)
    expected = torch.rand(1)
    torch.manual_seed(123)
    lessons.verdicts("06.1", 74_826)
    lessons.verdicts("06.2", lambda network, optimiser, x, y: None)
    assert torch.rand(1) == expected
