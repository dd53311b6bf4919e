"""How an answer compares with the truth, in words that help and do not give the truth away."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

FACTORS = (
    (2.0, "twice what it should be"),
    (4.0, "four times what it should be"),
    (8.0, "eight times too large: bits, or bytes?"),
    (10.0, "ten times too large"),
    (60.0, "sixty times too large: seconds, or minutes?"),
    (100.0, "a hundred times too large: per cent, or a fraction?"),
    (1000.0, "a thousand times too large: look at the unit"),
    (1e6, "a million times too large: look at the unit"),
    (2 * math.pi, "too large by 2 pi: cycles, or radians?"),
    (0.5, "half of what it should be"),
    (0.25, "a quarter of what it should be"),
    (1 / 8, "eight times too small: bits, or bytes?"),
    (0.1, "ten times too small"),
    (1 / 60, "sixty times too small: seconds, or minutes?"),
    (0.01, "a hundred times too small: per cent, or a fraction?"),
    (1e-3, "a thousand times too small: look at the unit"),
    (1e-6, "a million times too small: look at the unit"),
    (1 / (2 * math.pi), "too small by 2 pi: cycles, or radians?"),
)
"""Usual slips: what the answer is divided by the truth, and what is said of it."""


@dataclass(frozen=True)
class Verdict:
    """What is said of an answer.

    Attributes
    ----------
    right
        Whether the answer is accepted.
    text
        One line; that of a right answer begins with "right".
    """

    right: bool
    text: str


def right(text: str = "") -> Verdict:
    """An accepted answer, with what is worth knowing about it."""
    return Verdict(True, f"right, {text}" if text else "right")


def wrong(text: str) -> Verdict:
    """An answer that is not accepted, with what is off."""
    return Verdict(False, text)


def number(
    answer, truth: float, unit: str = "", within: float | None = None, absolute: float = 0.0, note: str = ""
) -> Verdict:
    """Compare one number.

    Parameters
    ----------
    answer
        Anything; what is not one finite number is told as such.
    truth
        The number it should be.
    unit
        Its unit, shown with a right answer.
    within
        Relative tolerance; left out it is 0 for an integer truth and 0.005 for others.
    absolute
        Absolute tolerance, in the unit.
    note
        Shown after a right answer.

    >>> number(660_000, 1_320_000, "bytes").text
    'half of what it should be'
    >>> number(1_320_000, 1_320_000, "bytes").text
    'right, 1,320,000 bytes'
    """
    found = _scalar(answer)
    if isinstance(found, Verdict):
        return found
    if within is None:
        within = 0.0 if isinstance(truth, int | np.integer) else 0.005
    if abs(found - truth) <= max(within * abs(truth), absolute):
        shown = f"{truth:,}" if isinstance(truth, int | np.integer) else f"{truth:,.4g}"
        return right(" ".join(filter(None, [shown, unit])) + (f"; {note}" if note else ""))
    return wrong(_slip(found, truth))


def numbers(answer, truths: Mapping[str, float], within: float | None = None, absolute: float = 0.0) -> list[Verdict]:
    """Compare several numbers, one line each.

    Parameters
    ----------
    answer
        A sequence in the order of ``truths``, or a mapping with its names.
    truths
        Name (or unit) to number.
    within, absolute
        As in :func:`number`.
    """
    if isinstance(answer, Mapping):
        missing = [name for name in truths if name not in answer]
        if missing:
            return [wrong(f"expected an answer for each of {', '.join(truths)}; {missing[0]} is missing")]
        answer = [answer[name] for name in truths]
    if isinstance(answer, str) or np.ndim(answer) != 1 or len(answer) != len(truths):
        found = len(answer) if isinstance(answer, list | tuple) else _kind(answer)
        return [wrong(f"expected {len(truths)} numbers ({', '.join(truths)}), found {found}")]
    verdicts = []
    for (name, truth), mine in zip(truths.items(), answer, strict=True):
        verdict = number(mine, truth, within=within, absolute=absolute)
        verdicts.append(Verdict(verdict.right, f"{name}: {verdict.text}"))
    return verdicts


def array(answer, truth: np.ndarray, tolerance: float, what: str = "array", unit: str = "") -> Verdict:
    """Compare an array, element by element.

    Parameters
    ----------
    answer
        Anything that NumPy makes an array of.
    truth : array
        What it should be.
    tolerance
        Largest difference that is accepted, in the unit.
    what
        The name of the thing, for the messages.
    unit
        Unit of the elements.
    """
    truth = np.asarray(truth)
    try:
        found = np.asarray(answer, dtype=np.result_type(truth.dtype, np.float64))
    except (TypeError, ValueError):
        return wrong(f"expected an array of numbers, shape {truth.shape}, found {_kind(answer)}")
    if found.shape != truth.shape:
        hint = "; transpose it" if found.shape == truth.shape[::-1] else ""
        return wrong(f"expected shape {truth.shape}, found {found.shape}{hint}")
    if not np.isfinite(found).all():
        return wrong(f"{(~np.isfinite(found)).sum():,} of {found.size:,} elements are not finite numbers")
    if found.size == 0 or _apart(found, truth) <= tolerance:
        return right(f"{what} of shape {truth.shape}")
    if _apart(found, -truth) <= tolerance:
        return wrong("the sign is turned round")
    for factor, said in FACTORS:
        if _apart(found, factor * truth) <= max(factor, 1.0) * tolerance:
            return wrong(f"every element is {said}")
    difference = found - truth
    if _apart(difference, difference.mean()) <= tolerance:
        return wrong("every element is off by the same amount")
    for step in (1, -1):
        if truth.ndim and truth.shape[-1] > 2 and _apart(_inner(np.roll(found, step, -1)), _inner(truth)) <= tolerance:
            return wrong(f"shifted by one along the last axis, {'left' if step == 1 else 'right'}")
    part = (np.abs(difference) > tolerance).mean()
    return wrong(f"{part:.0%} of the elements differ, by up to {np.abs(difference).max():.3g} {unit}".rstrip())


def goal(reached: float, to_beat: float, text: str, higher: bool = True) -> Verdict:
    """Judge an open experiment: is what was reached better than what was to be beaten?

    Parameters
    ----------
    reached, to_beat
        The measure that the exercise names.
    text
        Both of them in words, with n and an interval where they are accuracies.
    higher
        Whether more is better.
    """
    better = reached > to_beat if higher else reached < to_beat
    return right(text) if better else wrong(f"not better yet: {text}")


def _scalar(answer) -> float | Verdict:
    """One finite real number, or what is wrong with it."""
    if isinstance(answer, bool | np.bool_ | str | bytes):
        return wrong(f"expected a number, found {_kind(answer)}")
    try:
        found = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError):
        return wrong(f"expected a number, found {_kind(answer)}")
    if found.size != 1:
        return wrong(f"expected one number, found {found.size}")
    if not np.isfinite(found).all():
        return wrong("expected a finite number")
    return float(found.reshape(()))


def _slip(found: float, truth: float) -> str:
    """What is off with a number, by its usual causes."""
    if truth and math.isclose(found, -truth, rel_tol=0.01):
        return "the sign is turned round"
    if truth:
        for factor, said in FACTORS:
            if math.isclose(found / truth, factor, rel_tol=0.005):
                return said
    if isinstance(truth, int | np.integer) and abs(found - truth) == 1:
        return "off by one"
    if truth and found * truth < 0:
        return "the sign is wrong, and so is the size"
    size = "large" if abs(found) > abs(truth) else "small"
    if truth and found and not 0.1 < abs(found / truth) < 10:
        return f"far too {size}: more than ten times"
    return f"not yet: too {size}" + (" in size" if truth < 0 else "")


def _apart(one, other) -> float:
    return float(np.abs(one - other).max())


def _inner(values: np.ndarray) -> np.ndarray:
    return values[..., 1:-1]


def _kind(answer) -> str:
    return f"an object of type {type(answer).__name__}" if not isinstance(answer, str) else "text"
