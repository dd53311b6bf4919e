"""The checks of lesson 06, and what open experiments with networks share."""

import numpy as np
import pytest
from exercise_cases import check_right, check_wrong

from musiclab.metrics import Result
from musiclab.runs.experiments import Outcome
from musiclab.training import History


def test_parameters_of_a_network_twice_as_wide():
    truth = 9 * (32 + 2048 + 8192 + 32768) + 2 * 480 + 1025 * 1024 + 262_400 + 2_570
    check_right("06.1", truth)
    check_wrong("06.1", 2 * 887_674, "not all grow by the same factor", hidden=(truth,))
    check_wrong("06.1", 887_674, "not all grow", hidden=(truth,))
    check_wrong("06.1", truth - 1024, "too small", hidden=(truth,))


def test_frames_and_segments_of_a_song():
    check_right("06.2", (1 + 30 * 22050 // 512, 20))
    check_wrong("06.2", (1291, 19), "frames: off by one", "segments: off by one", hidden=(1292, 20))
    check_wrong("06.2", (1292, 11), "segments: not yet: too small", hidden=(20,))


@pytest.fixture
def result():
    """Ten clips of four classes: 5 right with one guess, 8 with two."""
    log_probabilities = np.log(np.tile([0.4, 0.3, 0.2, 0.1], (10, 1)))
    labels = np.array([0, 0, 0, 0, 0, 1, 1, 1, 2, 3])
    names = np.arange(10).astype(str)
    return Result(list("abcd"), labels, log_probabilities, names, names)


def test_two_guesses_are_right_more_often(result):
    assert "with one guess 5" in check_right("06.3", 8, result=result)
    check_right("06.3", np.int64(8), result=result)
    check_wrong("06.3", 5, "with one guess", hidden=("8",), result=result)
    check_wrong("06.3", 0.8, "found a share", hidden=("8",), result=result)
    check_wrong("06.3", 9, "off by one", hidden=("8",), result=result)
    check_wrong("06.3", "eight", "text", result=result)


def history(*losses: float) -> History:
    return History([{"epoch": epoch, "valid_loss": loss} for epoch, loss in enumerate(losses, start=1)])


def outcome(past: History | None) -> Outcome:
    """What experiments.train returns, of which the check looks at the history alone."""
    return Outcome(None, None, 0, 0.0, None, past)


@pytest.mark.parametrize("name", ["06.4", "07.5"])
def test_a_better_training_has_a_lower_validation_loss(name):
    lesson = history(1.0, 0.75, 0.8)
    assert "0.700, the lesson's 0.750" in check_right(name, outcome(history(0.9, 0.7, 0.9)), history=lesson)
    check_wrong(name, outcome(history(0.9, 0.76)), "not better yet", history=lesson)
    check_wrong(name, outcome(None), "expected what experiments.train returns", history=lesson)
    check_wrong(name, 0.7, "experiments.train", "type float", history=lesson)
    check_wrong(name, outcome(History([{"epoch": 1, "train_loss": 0.1}])), "validation part", history=lesson)


def test_more_epochs_are_allowed_where_the_exercise_says_so():
    longer = outcome(history(0.9, 0.8, 0.7, 0.6))
    check_wrong("06.4", longer, "at most 2 epochs, found 4", history=history(1.0, 0.75))
    check_right("07.5", longer, history=history(1.0, 0.75))
