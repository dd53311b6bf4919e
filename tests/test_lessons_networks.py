"""Exercises of lessons 06 to 09: right answers, and what usual slips are told."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import TINY
from lesson_cases import check_right, check_wrong, verdict
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import PredefinedSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import nn
from torch.nn import functional as F

from musiclab import lessons
from musiclab.lessons import networks
from musiclab.metrics import Result
from musiclab.models import create, summary
from musiclab.store.segments import Segments
from musiclab.training import History, evaluate

# Lesson 06 and open trainings


def test_parameters_of_a_network_twice_as_wide():
    truth = 9 * (32 + 2048 + 8192 + 32768) + 2 * 480 + 1025 * 1024 + 262_400 + 2_570
    check_right("07.1", truth)
    check_wrong("07.1", 2 * 887_674, "not all grow by the same factor", hidden=(truth,))
    check_wrong("07.1", 887_674, "not all grow", hidden=(truth,))
    check_wrong("07.1", truth - 1024, "too small", hidden=(truth,))
    check_wrong("07.1", truth - 960, "the batch norms are missing", hidden=(truth,))
    check_wrong("07.1", truth + 480, "the convolutions have no biases", hidden=(truth,))
    check_wrong("07.1", truth - 1290, "the dense layers have biases", hidden=(truth,))
    check_wrong("07.1", truth + 964, "running averages are not trained", hidden=(truth,))


def test_frames_and_segments_of_a_song():
    check_right("07.2", (1 + 30 * 22050 // 512, 20))
    check_wrong(
        "07.2",
        (1291, 19),
        "frames: off by one: the first frame is centred",
        "segments: this is the number of steps",
        hidden=(1292, 20),
    )
    check_wrong("07.2", (1292, 11), "so they overlap", hidden=(20,))
    check_wrong("07.2", (1292, 21), "the last segment ends with the song", hidden=(20,))
    check_wrong("07.2", (20, 1292), "the other way round")


@pytest.fixture
def result():
    """Ten clips of four classes: 5 right with one guess, 8 with two."""
    log_probabilities = np.log(np.tile([0.4, 0.3, 0.2, 0.1], (10, 1)))
    labels = np.array([0, 0, 0, 0, 0, 1, 1, 1, 2, 3])
    names = np.arange(10).astype(str)
    return Result(list("abcd"), labels, log_probabilities, names, names)


def test_two_guesses_are_right_more_often(result):
    assert "with one guess 5" in check_right("07.3", 8, result=result)
    check_right("07.3", np.int64(8), result=result)
    check_wrong("07.3", 5, "with one guess", hidden=("8",), result=result)
    check_wrong("07.3", 0.8, "this is a share", hidden=("8",), result=result)
    check_wrong("07.3", 9, "off by one", hidden=("8",), result=result)
    check_wrong("07.3", "eight", "string", result=result)


def history(*losses: float) -> History:
    return History([{"epoch": epoch, "valid_loss": loss} for epoch, loss in enumerate(losses, start=1)])


def outcome(past: History | None) -> SimpleNamespace:
    """A run, of which the check looks at the history alone."""
    return SimpleNamespace(history=past and past.to_frame())


@pytest.mark.parametrize("name", ["07.4", "06.5"])
def test_a_better_training_has_a_lower_validation_loss(name):
    lesson = history(1.0, 0.75, 0.8)
    assert "0.700, in the lesson 0.750" in check_right(name, outcome(history(0.9, 0.7, 0.9)), history=lesson)
    check_wrong(name, outcome(history(0.9, 0.76)), "not better yet", history=lesson)
    check_wrong(name, outcome(None), "expected the result of musiclab.train", history=lesson)
    check_wrong(name, 0.7, "musiclab.train", "type float", history=lesson)
    check_wrong(name, outcome(History([{"epoch": 1, "train_loss": 0.1}])), "validation set", history=lesson)


def test_more_epochs_are_allowed_where_the_exercise_says_so():
    longer = outcome(history(0.9, 0.8, 0.7, 0.6))
    check_wrong("07.4", longer, "at most 2 epochs, found 4", history=history(1.0, 0.75))
    check_right("06.5", longer, history=history(1.0, 0.75))


# Lesson 07


def test_parameters_with_more_inputs():
    check_right("06.1", 128 * 256 + 256 + 256 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10)
    check_wrong("06.1", 48_714, "this is the network with 26 inputs", hidden=(74826,))
    check_wrong("06.1", 74_826 - 256, "biases of the first layer", hidden=(74826,))
    check_wrong("06.1", 74_826 - 458, "the biases are missing", hidden=(74826,))


def correct_step(network, optimiser, x, y):
    loss = torch.nn.functional.cross_entropy(network(x), y)
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
    check_right("06.2", without())  # returns a tensor
    check_wrong("06.2", without("zero_grad"), "the second step goes wrong")
    check_wrong("06.2", without("backward"), "the parameters do not change")
    check_wrong("06.2", without("step"), "the parameters do not change")
    check_wrong("06.2", without("logits"), "not those of one step on the cross-entropy of the logits")
    check_wrong("06.2", without("return"), "does not return the loss")
    check_wrong("06.2", lambda network: None, "your function stops with TypeError")
    check_wrong("06.2", 3, "expected a function")


@pytest.fixture
def noise():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), 40)
    return {"noise": rng.standard_normal((200, 1000)), "labels": labels, "folds": np.tile([1, 2, 3, 4, 5], 40)}


def test_columns_are_chosen_within_the_folds(noise):
    assert "of 200 clips without the leak" in check_right("06.3", make_pipeline(SelectKBest(k=20), SVC()), **noise)
    check_wrong("06.3", make_pipeline(SelectKBest(k=50), SVC()), "receive 20 of the columns", **noise)
    check_wrong("06.3", make_pipeline(StandardScaler(), SVC()), "receive 20 of the columns", **noise)
    check_wrong("06.3", SVC(), "expected a pipeline", **noise)


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
    check_wrong(
        "06.4", (100 * means, 100 * deviations), "means: your answer is a hundred times", hidden=hidden, **context
    )
    check_wrong("06.4", (means, deviations + 0.1), "deviations: your answer is too large", hidden=hidden[1:], **context)
    check_wrong("06.4", means, "expected 2 numbers", **context)
    check_wrong("06.4", (deviations, deviations - 0.05), "means", hidden=("swapped",), **context)


# Lesson 08


LSTM, GRU = (gates * 128 * (33 + 128 + 2 + 128 + 128 + 2) + 128 * 10 + 10 for gates in (4, 3))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (GRU, "correct"),
        (LSTM, "the LSTM"),
        (GRU - 1290, "linear layer"),
        (GRU - 6 * 128, "two biases"),
        (2 * GRU, "twice"),
        (GRU / 2, "half"),
        ("many", "your answer is a string"),
    ],
)
def test_parameters_of_two_layers_of_gru(answer, words):
    judged = verdict("08.1", answer)
    assert words in judged.text
    assert judged.is_right == (words == "correct")
    assert judged.is_right or str(GRU) not in judged.text.replace(",", "")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (0.5 ** (512 / 22050), "correct"),
        (0.5 ** (1 / 43), "correct"),
        (0.9840, "correct"),
        (0.98, "too small"),
        (0.9986, "too large"),
        (1 - 0.5 ** (512 / 22050), "what the cell loses"),
        (98.4, "per cent"),
        ("0.99", "your answer is a string"),
    ],
)
def test_a_forget_gate_that_keeps_half_for_a_second(answer, words):
    judged = verdict("08.2", answer)
    assert words in judged.text
    assert judged.is_right == (words == "correct")
    assert judged.is_right or "0.984" not in judged.text


@pytest.fixture
def step():
    """A GRU, what it hears and its state before: none of the numbers small."""
    torch.manual_seed(0)
    cell, rng = nn.GRUCell(5, 4), np.random.default_rng(0)
    return {"cell": cell, "x": rng.standard_normal(5), "h": rng.standard_normal(4)}


def by_hand(cell, x, h, keep=lambda z: z, before=False):
    """A step, with a gate turned round or the reset in front of the matrix."""
    W, U, b, a = (part.detach().double().numpy() for part in cell.parameters())
    heard, remembered = np.split(W @ x + b, 3), np.split(U @ h + a, 3)
    r, z = (1 / (1 + np.exp(-(heard[gate] + remembered[gate]))) for gate in (0, 1))
    inner = U[8:] @ (r * h) + a[8:] if before else r * remembered[2]
    z = keep(z)
    return (1 - z) * np.tanh(heard[2] + inner) + z * h


def test_a_step_of_a_gru(step):
    assert verdict("08.3", by_hand(**step), **step).is_right
    assert verdict(
        "08.3", step["cell"](torch.tensor(step["x"]).float(), torch.tensor(step["h"]).float()).detach(), **step
    ).is_right


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        ({"keep": lambda z: 1 - z}, "swapped"),
        ({"before": True}, "your reset gate multiplies h"),
        ({"keep": lambda z: 0 * z}, "elements differ"),
    ],
)
def test_slips_in_a_gru_are_told(step, slip, words):
    judged = verdict("08.3", by_hand(**step, **slip), **step)
    assert not judged.is_right
    assert words in judged.text


def test_a_state_of_another_shape_is_told(step):
    assert "expected shape (4,), found (4, 1)" in verdict("08.3", by_hand(**step)[:, None], **step).text
    assert "expected shape (4,), found (5,)" in verdict("08.3", step["x"], **step).text


STRENGTH = np.r_[np.zeros(200), np.ones(40)]  # half of it in the last 20 frames


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (20 * networks.FRAME, "correct"),
        (20.8 * networks.FRAME, "correct"),
        (20, "these are frames"),
        (220 * networks.FRAME, "from the beginning"),
        (40 * networks.FRAME, "twice"),
        (464, "a thousand times"),
        (float("nan"), "finite"),
    ],
)
def test_half_of_the_gradient_counted_from_the_end(answer, words):
    judged = verdict("08.4", answer, strength=STRENGTH)
    assert words in judged.text
    assert judged.is_right == (words == "correct")
    assert judged.is_right or "0.46" not in judged.text


def test_all_of_the_gradient_in_the_last_frame_is_one_frame():
    assert verdict("08.4", networks.FRAME, strength=np.r_[np.zeros(10), 1.0]).is_right


def test_a_training_is_asked_for():
    history = History([{"epoch": 1, "valid_loss": 1.0}])
    assert "expected the result of musiclab.train" in verdict("08.5", 0.9, history=history).text


# Lesson 09


def test_at_twice_the_rate_everything_before_the_first_pool_is_twice_as_long():
    # 160, then 3 * 8 for the pool, 2 * 32 and 3 * 32, 2 * 128 and 3 * 128, 2 * 512 and 3 * 512
    hears = 160 + 24 + 64 + 96 + 256 + 384 + 1024 + 1536
    assert all(verdict.is_right for verdict in lessons.verdicts("09.1", (160, 8, hears)))
    assert all(verdict.is_right for verdict in lessons.verdicts("09.1", {"kernel": 160, "stride": 8, "samples": hears}))
    at_8_khz = [row.receptive_field for row in summary(create("m5", classes=10)).rows if row.receptive_field][-1]
    assert hears == 2 * 8 * at_8_khz  # ms to samples at 16 kHz: the same stretch of time
    of_m5 = lessons.verdicts("09.1", (80, 4, round(8 * at_8_khz)))
    assert ["half" in verdict.text for verdict in of_m5] == [True, True, False]
    assert "at 8 kHz" in of_m5[2].text
    assert not any(verdict.is_right for verdict in of_m5)
    assert "expected 3 numbers" in lessons.verdicts("09.1", 160)[0].text


def test_a_tone_is_heard_where_8_khz_puts_it():
    heard = [1814.06, 907.03, 833.33, 416.67]
    assert all(verdict.is_right for verdict in lessons.verdicts("09.2", heard))
    for answer, words in (
        ([1000] * 4, "doesn't know the sample rate"),
        ([551.25, 1102.5, 1200, 2400], "invert the fraction"),
        ([362.81, 181.41, 166.67, 83.33], "every fifth"),
    ):
        told = lessons.verdicts("09.2", answer)
        assert len(told) == 4
        assert all(words in verdict.text and not verdict.is_right for verdict in told)
    for each, truth in zip(lessons.verdicts("09.2", [100] * 4), heard, strict=True):
        assert not each.is_right
        assert f"{truth:.0f}" not in each.text
    assert "expected 4 numbers" in lessons.verdicts("09.2", "907 Hz")[0].text


@pytest.fixture
def noisy_result():
    rng = np.random.default_rng(0)
    values = torch.from_numpy(rng.standard_normal((30, 3))).log_softmax(dim=1).numpy()
    names = np.arange(30).astype(str)
    return Result(["a", "b", "c"], rng.integers(0, 3, 30), values, names, names)


def test_the_weighted_loss_is_that_of_torch(noisy_result):
    weights = np.array([0.5, 1.0, 4.0])
    tensors = (torch.from_numpy(each) for each in (noisy_result.log_probabilities, noisy_result.labels, weights))
    values, labels, weight = tensors
    truth = F.nll_loss(values, labels, weight).item()
    assert lessons.verdicts("09.3", truth, result=noisy_result, weights=weights)[0].is_right
    each = F.nll_loss(values, labels, weight, reduction="none")
    for answer, words in (
        (each.mean().item(), "sum of their weights"),
        (F.nll_loss(values, labels).item(), "without weights"),
        (each.sum().item(), "Take the mean"),
        (-truth, "sign"),
        (2 * truth, "twice"),
    ):
        verdict = lessons.verdicts("09.3", answer, result=noisy_result, weights=weights)[0]
        assert not verdict.is_right
        assert words in verdict.text
        assert f"{truth:.3f}" not in verdict.text


def test_whole_clips_are_counted_by_the_model(all_features):
    torch.manual_seed(1)
    model = create("m5", classes=3, **TINY["m5"])
    clips = np.arange(len(all_features))
    whole, short = (
        evaluate(model, all_features, Segments.of_store(all_features, "audio", length=length, places="covering"))
        for length in (32_000, 8_000)
    )
    count, in_short = (round(each.accuracy * 24) for each in (whole, short))
    context = {"model": model, "store": all_features, "clips": clips}
    told = lessons.verdicts("09.4", count, **context)[0]
    assert told.is_right
    assert "of 24 clips" in told.text
    assert "share" in lessons.verdicts("09.4", whole.accuracy, **context)[0].text
    assert not lessons.verdicts("09.4", count + 3, **context)[0].is_right
    assert "far too large" in lessons.verdicts("09.4", 1000, **context)[0].text
    if in_short != count:
        assert "short segments" in lessons.verdicts("09.4", in_short, **context)[0].text


def test_a_training_is_better_when_its_validation_loss_is_lower():
    lesson = History(epochs=[{"epoch": n, "valid_loss": loss} for n, loss in ((1, 2.0), (2, 1.5))])
    better = History(epochs=[{"epoch": n, "valid_loss": loss} for n, loss in ((1, 1.4), (2, 1.6))])
    longer = History(epochs=[*better.epochs, {"epoch": 3, "valid_loss": 1.0}])
    for history, right, words in (
        (better, True, "1.400"),
        (lesson, False, "not better yet"),
        (longer, False, "at most 2 epochs"),
    ):
        outcome = SimpleNamespace(history=history.to_frame())
        verdict = lessons.verdicts("09.5", outcome, history=lesson)[0]
        assert verdict.is_right is right
        assert words in verdict.text
    assert "musiclab.train" in lessons.verdicts("09.5", SimpleNamespace(), history=lesson)[0].text
