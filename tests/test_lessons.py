"""Verdicts: correct, or a hint that never reveals the truth. No answer, whatever its type, stops a lesson."""

import inspect

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from musiclab import lessons
from musiclab.core.errors import MusiclabError
from musiclab.lessons import judge
from musiclab.lessons.judge import accept, array, better, number, numbers, reject

TRUTH = 1_323_000  # bytes


@pytest.fixture
def one_exercise(monkeypatch):
    """A lesson 99 with one exercise: name 440 Hz."""
    lessons.names()  # so that the checks of all lessons stay registered
    monkeypatch.setattr(lessons, "_CHECKS", {})

    @lessons.exercise("99.1")
    def pitch(answer, hertz=440.0):
        return number(answer, hertz, "Hz")

    return pitch


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (TRUTH * 2, "twice"),
        (TRUTH / 2, "half"),
        (TRUTH * 8, "bits and bytes"),
        (TRUTH / 8, "bits and bytes"),
        (TRUTH / 1000, "unit"),
        (TRUTH * 60, "minutes"),
        (TRUTH / 100, "per cent"),
        (TRUTH * 2 * np.pi, "2 pi"),
        (-TRUTH, "sign"),
        (TRUTH + 1, "off by one"),
        (TRUTH * 1.3, "too large"),
        (TRUTH * 0.7, "too small"),
        (TRUTH * 37, "far too large"),
        (float("nan"), "finite"),
        (float("inf"), "finite"),
        ("many", "your answer is a string"),
        (True, "type bool"),
        ([1, 2], "your answer has 2"),
        ({}, "type dict"),
        (1j, "type complex"),
    ],
)
def test_a_wrong_number_is_told_what_is_off_and_not_the_truth(answer, words):
    (verdict,) = judge.apply(number, answer, truth=TRUTH, unit="bytes")
    assert not verdict.is_right
    assert words in verdict.text
    assert "1323000" not in verdict.text.replace(",", "")


@pytest.mark.parametrize("kind", [list, tuple, torch.stack, lambda rows: dict(zip("ab", rows, strict=True))])
def test_tensors_that_carry_gradients_are_compared_in_every_container(kind):
    tensors = [torch.ones(3, requires_grad=True) * factor for factor in (1.0, 2.0)]

    def check(answer):
        rows = list(answer.values()) if isinstance(answer, dict) else answer
        yield array(rows, np.array([[1.0] * 3, [2.0] * 3]), 1e-6)
        yield from numbers([row[0] for row in rows], {"a": 1.0, "b": 2.0})

    verdicts = judge.apply(check, kind(tensors))
    assert [verdict.text for verdict in verdicts if not verdict.is_right] == []
    assert len(verdicts) == 3


@pytest.mark.parametrize("answer", [TRUTH, float(TRUTH), np.int64(TRUTH), np.array([TRUTH]), torch.tensor(TRUTH)])
def test_a_right_number_may_be_of_any_kind(answer):
    verdict = number(answer, TRUTH, "bytes", note="a header comes on top")
    assert verdict == accept("1,323,000 bytes (a header comes on top)")


def test_tolerance_is_half_a_per_cent_unless_the_truth_is_a_count():
    assert number(440.0 * 1.004, 440.0).is_right
    assert not number(440.0 * 1.006, 440.0).is_right
    assert not number(440.9, 440).is_right
    assert number(-59.95, -60.0, "dB", within=0.0, absolute=0.1).is_right
    assert not number(-59.8, -60.0, "dB", within=0.0, absolute=0.1).is_right


def test_zero_can_be_the_truth():
    assert number(0, 0).is_right
    assert number(1e-9, 0.0, absolute=1e-6).is_right
    assert not number(3, 0).is_right


def test_several_numbers_get_a_line_each():
    truths = {"Hz": 10.77, "ms": 92.9, "frames": 1292}
    verdicts = numbers((10.77, 0.0929, 1291), truths)
    assert [verdict.is_right for verdict in verdicts] == [True, False, False]
    assert [verdict.text.split(":")[0] for verdict in verdicts] == list(truths)
    assert numbers({"frames": 1292, "ms": 92.9, "Hz": 10.77}, truths)[2].is_right
    assert all(verdict.is_right for verdict in numbers(np.array([10.77, 92.9, 1292]), truths))


@pytest.mark.parametrize("answer", [3, "abc", (1, 2), [[1, 2, 3]], {"Hz": 1}, np.float64(3), np.zeros(2)])
def test_another_number_of_numbers_is_told(answer):
    verdicts = judge.apply(numbers, answer, truths={"Hz": 1.0, "ms": 2.0, "frames": 3})
    assert len(verdicts) == 1
    assert not verdicts[0].is_right
    assert "expected" in verdicts[0].text


RAMP = np.linspace(-1, 2, 40).reshape(4, 10) ** 3


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (RAMP.T, "transpose"),
        (RAMP[:, :-1], "expected shape (4, 10), found (4, 9)"),
        (-RAMP, "sign"),
        (2 * RAMP, "twice"),
        (RAMP / 2, "half"),
        (RAMP + 3, "same amount"),
        (np.roll(RAMP, 1, axis=-1), "shifted by one"),
        (np.roll(RAMP, -1, axis=-1), "shifted by one"),
        (np.where(RAMP > 0, np.nan, RAMP), "not finite"),
        (RAMP**2, "elements differ"),
        ("ramp", "your answer is a string"),
        (3.0, "expected shape"),
        ([[1], [2, 3]], "expected an array"),
    ],
)
def test_a_wrong_array_is_told_what_is_off(answer, words):
    verdict = array(answer, RAMP, tolerance=1e-6)
    assert not verdict.is_right
    assert words in verdict.text


def test_a_right_array_may_be_a_list_or_a_tensor():
    assert array(RAMP.tolist(), RAMP, tolerance=1e-6, what="a ramp") == accept("a ramp of shape (4, 10)")
    assert array(torch.from_numpy(RAMP), RAMP, tolerance=1e-6).is_right
    assert array(RAMP + 9e-7, RAMP, tolerance=1e-6).is_right


def test_an_open_experiment_is_right_when_it_is_better():
    assert better(0.8, 0.7, "80 % of 60 clips").is_right
    assert not better(0.7, 0.7, "70 % of 60 clips").is_right
    assert better(1.1, 1.2, "loss 1.1", higher=False) == accept("loss 1.1")
    assert not better(1.3, 1.2, "loss 1.3", higher=False).is_right


def test_no_answer_yet_is_no_mistake(one_exercise, capsys):
    lessons.check("99.1", None)
    lessons.check("99.1", 220)
    lessons.check("99.1", 440)
    lessons.check("99.1", 880, hertz=880.0)
    assert capsys.readouterr().out.splitlines() == [
        "Exercise 1: no answer yet",
        "Exercise 1: your answer is half as large as it should be",
        "Exercise 1: correct, 440 Hz",
        "Exercise 1: correct, 880 Hz",
    ]


def test_a_check_that_breaks_says_so_and_the_lesson_goes_on(monkeypatch, capsys):
    monkeypatch.setattr(lessons, "_CHECKS", {})

    @lessons.exercise("99.2")
    def broken(answer):
        return accept(str(answer["key"].shape))

    lessons.check("99.2", {"other": 1})
    assert capsys.readouterr().out == "Exercise 2: your answer cannot be checked (KeyError: 'key')\n"


def test_an_unknown_exercise_names_the_nearest(one_exercise):
    with pytest.raises(MusiclabError, match=r"no exercise '99\.7'; did you mean 99\.1\?"):
        lessons.check("99.7", 1)
    with pytest.raises(MusiclabError, match="no exercise 'abc'"):
        lessons.check("abc", 1)


def test_two_checks_of_one_name_are_a_mistake(one_exercise):
    with pytest.raises(ValueError, match="two checks: pitch and again"):

        @lessons.exercise("99.1")
        def again(answer):
            return reject("never")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=8,
)


@given(anything)
def test_whatever_the_answer_is_a_verdict_comes_back(answer):
    checks = (
        lambda answer: number(answer, 440.0, "Hz"),
        lambda answer: numbers(answer, {"Hz": 1.0, "ms": 2.0}),
        lambda answer: array(answer, RAMP, 1e-3),
    )
    for check in checks:
        verdicts = judge.apply(check, answer)
        assert verdicts
        assert all(isinstance(verdict, judge.Verdict) and "\n" not in verdict.text for verdict in verdicts)


# Exercises that need nothing but the answer


PENCIL = [name for name in lessons.names() if len(inspect.signature(lessons.find(name)).parameters) == 1]

ANYTHING = {
    "text": "x",
    "a truth value": True,
    "nothing in a list": [],
    "None in lists": [None, None, None],
    "texts": ("a", "b"),
    "a dictionary": {"a": 1},
    "a set": {1e9, 2e9, 3e9},
    "a matrix": np.zeros((2, 2)),
    "not a number": float("nan"),
    "infinity": [np.inf, -np.inf],
    "a complex number": 1j,
    "an object": object(),
    "a function": abs,
}


@pytest.mark.parametrize("name", PENCIL)
def test_a_strange_answer_is_told_what_was_expected(name):
    for description, answer in ANYTHING.items():
        verdicts = lessons.verdicts(name, answer)
        assert verdicts, description
        assert not all(verdict.is_right for verdict in verdicts), description
        assert not any("\n" in verdict.text or "cannot be checked" in verdict.text for verdict in verdicts), description
