"""Whatever a reader puts in place of None, the check of a pencil exercise says in one line what was expected."""

import inspect

import numpy as np
import pytest
from exercise_cases import verdicts

from musiclab import lessons

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
    for kind, answer in ANYTHING.items():
        found = verdicts(name, answer)
        assert found, kind
        assert not all(verdict.right for verdict in found), kind
        assert not any("\n" in verdict.text or "cannot be checked" in verdict.text for verdict in found), kind
