"""The checks of the lesson on raw audio: what is right, and what is said of the usual slips."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import TINY
from torch.nn import functional as F

from musiclab import lessons
from musiclab.metrics import Result
from musiclab.models import create, summary
from musiclab.runs.experiments import Outcome
from musiclab.store.segments import Segments
from musiclab.training import History, evaluate


def verdicts(name, answer, **given):
    return lessons.judge(lessons.find(name), answer, **given)


def test_at_twice_the_rate_everything_before_the_first_pool_is_twice_as_long():
    # 160, then 3 * 8 for the pool, 2 * 32 and 3 * 32, 2 * 128 and 3 * 128, 2 * 512 and 3 * 512
    hears = 160 + 24 + 64 + 96 + 256 + 384 + 1024 + 1536
    assert all(verdict.right for verdict in verdicts("09.1", (160, 8, hears)))
    assert all(verdict.right for verdict in verdicts("09.1", {"kernel": 160, "stride": 8, "samples": hears}))
    at_8_khz = [row.receptive_field for row in summary(create("m5", classes=10)).rows if row.receptive_field][-1]
    assert hears == 2 * 8 * at_8_khz  # ms to samples at 16 kHz: the same stretch of time
    of_m5 = verdicts("09.1", (80, 4, round(8 * at_8_khz)))
    assert ["half" in verdict.text for verdict in of_m5] == [True, True, False]
    assert "at 8 kHz" in of_m5[2].text
    assert not any(verdict.right for verdict in of_m5)
    assert "expected 3 numbers" in verdicts("09.1", 160)[0].text


def test_a_tone_is_heard_where_8_khz_puts_it():
    heard = [1814.06, 907.03, 833.33, 416.67]
    assert all(verdict.right for verdict in verdicts("09.2", heard))
    for answer, said in (
        ([1000] * 4, "not told the rate"),
        ([551.25, 1102.5, 1200, 2400], "turn the fraction round"),
        ([362.81, 181.41, 166.67, 83.33], "every fifth"),
    ):
        told = verdicts("09.2", answer)
        assert len(told) == 4
        assert all(said in verdict.text and not verdict.right for verdict in told)
    for verdict, truth in zip(verdicts("09.2", [100] * 4), heard, strict=True):
        assert not verdict.right
        assert f"{truth:.0f}" not in verdict.text
    assert "expected 4 numbers" in verdicts("09.2", "907 Hz")[0].text


@pytest.fixture
def result():
    rng = np.random.default_rng(0)
    values = torch.from_numpy(rng.standard_normal((30, 3))).log_softmax(dim=1).numpy()
    names = np.arange(30).astype(str)
    return Result(["a", "b", "c"], rng.integers(0, 3, 30), values, names, names)


def test_the_weighted_loss_is_that_of_torch(result):
    weights = np.array([0.5, 1.0, 4.0])
    tensors = (torch.from_numpy(each) for each in (result.log_probabilities, result.labels, weights))
    values, labels, weight = tensors
    truth = F.nll_loss(values, labels, weight).item()
    assert verdicts("09.3", truth, result=result, weights=weights)[0].right
    each = F.nll_loss(values, labels, weight, reduction="none")
    for answer, said in (
        (each.mean().item(), "sum of their weights"),
        (F.nll_loss(values, labels).item(), "without weights"),
        (each.sum().item(), "a mean is wanted"),
        (-truth, "sign"),
        (2 * truth, "twice"),
    ):
        verdict = verdicts("09.3", answer, result=result, weights=weights)[0]
        assert not verdict.right
        assert said in verdict.text
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
    given = {"model": model, "store": all_features, "clips": clips}
    told = verdicts("09.4", count, **given)[0]
    assert told.right
    assert "of 24 clips" in told.text
    assert "share" in verdicts("09.4", whole.accuracy, **given)[0].text
    assert not verdicts("09.4", count + 3, **given)[0].right
    assert "far too large" in verdicts("09.4", 1000, **given)[0].text
    if in_short != count:
        assert "short segments" in verdicts("09.4", in_short, **given)[0].text


def test_a_training_is_better_when_its_validation_loss_is_lower():
    lesson = History(epochs=[{"epoch": n, "valid_loss": loss} for n, loss in ((1, 2.0), (2, 1.5))])
    better = History(epochs=[{"epoch": n, "valid_loss": loss} for n, loss in ((1, 1.4), (2, 1.6))])
    longer = History(epochs=[*better.epochs, {"epoch": 3, "valid_loss": 1.0}])
    for history, right, said in (
        (better, True, "1.400"),
        (lesson, False, "not better yet"),
        (longer, False, "at most 2 epochs"),
    ):
        outcome = Outcome(None, None, 1, 1.0, None, history)
        verdict = verdicts("09.5", outcome, history=lesson)[0]
        assert verdict.right is right
        assert said in verdict.text
    assert "experiments.train" in verdicts("09.5", SimpleNamespace(), history=lesson)[0].text
