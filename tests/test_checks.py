"""Checks of settings and sizes: what passes, what does not, and what the message says."""

import re

import numpy as np
import pytest

from musiclab.core.checks import (
    check_flag,
    check_known,
    check_number,
    check_positive,
    check_share,
    check_size,
    check_whole,
    check_widths,
)
from musiclab.core.errors import DatasetError, RunError


@pytest.mark.parametrize(
    ("check", "options", "good", "bad", "expected"),
    [
        (check_whole, {}, [1, np.int64(7)], [0, 1.0, True, "1", None], "a whole number of at least 1"),
        (check_whole, {"least": 0, "most": 9}, [0, 9], [-1, 10, np.nan], "a whole number from 0 to 9"),
        (check_number, {}, [0, 0.5, np.float32(3)], [-0.1, np.nan, np.inf, False], "a finite number of at least 0"),
        (check_number, {"most": 1}, [0, 1], [1.01, "1"], "a finite number from 0 to 1"),
        (check_positive, {}, [1e-9, 5], [0, -1, np.inf, np.nan, "a"], "a finite number greater than 0"),
        (check_size, {"most": 5}, [1, 5], [0, 1.0], "a whole number of at least 1"),
        (check_size, {"most": 5}, [1], [6, 10**9], "a whole number from 1 to 5"),
        (check_whole, {}, [10**12], [10**12 + 1], "at most 1,000,000,000,000"),
        (check_positive, {}, [1e12], [1e300], "at most 1,000,000,000,000"),
        (check_share, {}, [0, 0.99], [1, -0.1, np.nan, None], "a share, from 0 to less than 1"),
        (check_flag, {}, [True, False], [0, 1, "yes", None], "true or false"),
        (check_widths, {"count": 2}, [(1, 2), [3, 4]], [(1,), 3, "12", None], "2 whole numbers"),
        (check_widths, {}, [(1,), [3, 4, 5]], [(), 3, "12"], "a list of whole numbers"),
    ],
)
def test_each_check_passes_what_can_be_and_names_what_cannot(check, options, good, bad, expected):
    for value in good:
        check({"size": value, "other": None}, "size", **options)
    for value in bad:
        with pytest.raises(RunError, match=re.escape(f"expected size to be {expected}, found {value!r}")):
            check({"size": value}, "size", **options)
    with pytest.raises(DatasetError):
        check({"fine": good[0], "size": bad[0]}, "fine", "size", error=DatasetError, **options)


def test_a_value_is_not_written_at_any_length():
    with pytest.raises(RunError) as told:
        check_known("x" * 10**6, ("adamw", "sgd"), "an optimiser")
    assert len(str(told.value)) < 300


def test_a_width_that_cannot_be_is_named():
    with pytest.raises(RunError, match="expected hidden to be a whole number of at least 1, found -1"):
        check_widths({"hidden": (256, -1)}, "hidden", count=2)


def test_an_unknown_name_is_answered_with_the_nearest():
    check_known("sgd", ("adamw", "sgd"), "an optimiser")
    with pytest.raises(RunError, match="expected an optimiser among adamw, sgd, found 'adam'; did you mean adamw"):
        check_known("adam", ("adamw", "sgd"), "an optimiser")
    with pytest.raises(ValueError, match=r"expected a cell among lstm, gru, found \['lstm'\]"):
        check_known(["lstm"], {"lstm": 1, "gru": 2}, "a cell", ValueError)
