"""Compare an answer with the truth, in words that help but do not give the truth away.

A check hands the answer and the truth to :func:`number`, :func:`numbers` or :func:`array`, together with the *slips* of
the exercise: results of typical mistakes, each with a hint. All other conditions are stated with :func:`expect`.
"""

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_UNITS = {
    8.0: "eight times too {}: bits, or bytes?",
    10.0: "ten times too {}",
    60.0: "sixty times too {}: seconds, or minutes?",
    100.0: "a hundred times too {}: per cent, or a fraction?",
    1000.0: "a thousand times too {}: look at the unit",
    1e6: "a million times too {}: look at the unit",
    2 * math.pi: "too {} by 2 pi: cycles, or radians?",
}

FACTORS = {  # hints about an answer that is so many times the truth
    2.0: "twice what it should be",
    0.5: "half of what it should be",
    4.0: "four times what it should be",
    0.25: "a quarter of what it should be",
    **{factor: text.format("large") for factor, text in _UNITS.items()},
    **{1 / factor: text.format("small") for factor, text in _UNITS.items()},
}
SLIP = 0.02  # relative tolerance with which slips are recognised, unless they are integers


@dataclass(frozen=True)
class Verdict:
    """Judgement of an answer, with one line of text that begins with "right" if the answer is accepted."""

    is_right: bool
    text: str


class Unusable(Exception):
    """An answer cannot be compared; the message says why."""


def expect(condition: bool, text: str) -> None:
    """Reject the answer with ``text`` unless ``condition`` holds."""
    if not condition:
        raise Unusable(text)


def expect_type(fits: bool, wanted: str, answer) -> None:
    """Reject an answer that is not ``wanted``, and name its type."""
    expect(fits, f"expected {wanted}, found {_described(answer)}")


def accept(text: str = "") -> Verdict:
    """Accept an answer, with what is worth knowing about it."""
    return Verdict(True, f"right, {text}" if text else "right")


def reject(text: str) -> Verdict:
    """Reject an answer, with what is off."""
    return Verdict(False, text)


def apply(check: Callable, answer, /, **context) -> list[Verdict]:
    """Apply a check to an answer; if the check raises an error, the answer is rejected with the reason."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a strange answer; the verdict says what matters
            verdicts = check(answer, **context)
    except Unusable as error:
        return [reject(str(error))]
    except Exception as error:
        reason = next(iter(str(error).splitlines()), "no reason given")
        return [reject(f"cannot be checked: {type(error).__name__}: {reason}")]
    return [verdicts] if isinstance(verdicts, Verdict) else list(verdicts)


def number(
    answer,
    truth: float,
    unit: str = "",
    within: float | None = None,
    absolute: float = 0.0,
    note: str = "",
    slips: Iterable[tuple[float, str]] = (),
) -> Verdict:
    """Compare a number with the truth.

    Parameters
    ----------
    answer
        Anything; other things than a finite number are rejected.
    truth, unit
        Correct number, and its unit, for the text.
    within, absolute
        Relative tolerance (default 0 for an integer truth, otherwise 0.005), and absolute tolerance.
    note
        Text after an accepted answer.
    slips
        Results of typical mistakes, each with a hint.

    Examples
    --------
    >>> number(660_000, 1_320_000, "bytes").text
    'half of what it should be'
    >>> number(1_320_000, 1_320_000, "bytes").text
    'right, 1,320,000 bytes'
    """
    value = finite_number(answer)
    if within is None:
        within = 0.0 if _is_integer(truth) else 0.005
    if abs(value - truth) <= max(within * abs(truth), absolute):
        shown = f"{truth:,}" if _is_integer(truth) else f"{truth:,.4g}"
        return accept(" ".join(filter(None, [shown, unit])) + (f"; {note}" if note else ""))
    for slip, text in slips:
        if abs(value - slip) <= (0 if _is_integer(slip) else max(SLIP * abs(slip), absolute)):
            return reject(text)
    return reject(_hint(value, truth))


def numbers(
    answer,
    truths: Mapping[str, float],
    within: float | None = None,
    absolute: float = 0.0,
    slips: Iterable[tuple[Mapping[str, float], str]] = (),
) -> list[Verdict]:
    """Compare several numbers with ``truths``, as :func:`number` does; a slip may have some of the names only.

    The answer is a sequence in the order of ``truths``, or a mapping with its names.
    """
    verdicts = []
    for name, value in zip(truths, in_order(answer, truths), strict=True):
        own_slips = [(values[name], text) for values, text in slips if name in values]
        tolerances = {"within": within, "absolute": absolute}
        verdicts.append(part(name, number, value, truth=truths[name], slips=own_slips, **tolerances))
    return verdicts


def megabytes(answer, sizes: Mapping[str, int], within: float = 0.01) -> list[Verdict]:
    """Compare megabytes with ``sizes`` in bytes; units of 1,048,576 bytes are recognised as a slip."""
    truths, binary = ({name: size / unit for name, size in sizes.items()} for unit in (1e6, 2**20))
    slips = [(binary, "in units of 2**20 bytes; here a megabyte is 1,000,000")]
    return numbers(answer, truths, within=within, slips=slips)


def array(
    answer,
    truth: np.ndarray,
    tolerance: float | np.ndarray,
    what: str = "array",
    unit: str = "",
    slips: Iterable[tuple[np.ndarray, str]] = (),
) -> Verdict:
    """Compare an array with the truth, element by element.

    Parameters
    ----------
    answer, truth, slips
        As for :func:`number`, but arrays.
    tolerance
        Largest accepted difference: one number, or one for each element.
    what, unit
        Name of the array and unit of its elements, for the text.
    """
    truth = np.asarray(truth)
    try:
        values = np.asarray(answer, dtype=np.result_type(truth.dtype, np.float64))
    except (TypeError, ValueError):
        return reject(f"expected an array of numbers, shape {truth.shape}, found {_described(answer)}")
    if values.shape != truth.shape:
        hint = "; transpose it" if values.shape == truth.shape[::-1] else ""
        return reject(f"expected shape {truth.shape}, found {values.shape}{hint}")
    if not np.isfinite(values).all():
        return reject(f"{(~np.isfinite(values)).sum():,} of {values.size:,} elements are not finite numbers")

    def is_close(target, factor=1.0):
        return (np.abs(values - target) <= factor * tolerance).all()

    if is_close(truth):
        return accept(f"{what} of shape {truth.shape}")
    for slip, text in slips:
        if is_close(slip):
            return reject(text)
    if is_close(-truth):
        return reject("the sign is reversed")
    for factor, text in FACTORS.items():
        if is_close(factor * truth, max(factor, 1.0)):
            return reject(f"every element is {text}")
    difference = values - truth
    if is_close(truth + difference.mean()):
        return reject("every element is off by the same amount")
    if truth.ndim and truth.shape[-1] > 2:
        for step, direction in ((1, "left"), (-1, "right")):
            if (np.abs(np.roll(values, step, axis=-1) - truth) <= tolerance)[..., 1:-1].all():
                return reject(f"shifted by one along the last axis, {direction}")
    share = (np.abs(difference) > tolerance).mean()
    return reject(f"{share:.0%} of the elements differ, by up to {np.abs(difference).max():.3g} {unit}".rstrip())


def better(reached: float, to_beat: float, text: str, higher: bool = True) -> Verdict:
    """Accept the result of an open experiment, which ``text`` describes, if it is better than the one to beat."""
    is_better = reached > to_beat if higher else reached < to_beat
    return accept(text) if is_better else reject(f"not better yet: {text}")


def part(name: str, check: Callable, answer, /, **context) -> Verdict:
    """Apply a check to one part of an answer, and begin the verdict with the name of the part."""
    (verdict,) = apply(check, answer, **context)
    return Verdict(verdict.is_right, f"{name}: {verdict.text}")


def in_order(answer, names: Iterable[str]) -> Sequence:
    """Return the parts of an answer in the order of ``names``, whether it is a sequence or a mapping."""
    names = list(names)
    if isinstance(answer, Mapping):
        for name in names:
            expect(name in answer, f"expected an answer for each of {', '.join(names)}; {name} is missing")
        return [answer[name] for name in names]
    if isinstance(answer, str) or np.ndim(answer) != 1 or len(answer) != len(names):
        size = len(answer) if isinstance(answer, list | tuple) else _described(answer)
        raise Unusable(f"expected {len(names)} numbers ({', '.join(names)}), found {size}")
    return answer


def finite_number(answer) -> float:
    """Convert an answer to a float, or reject it if it is not one finite real number."""
    is_number = not isinstance(answer, bool | np.bool_ | str | bytes)
    try:
        value = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError):
        is_number = False
    expect_type(is_number, "a number", answer)
    expect(value.size == 1, f"expected one number, found {value.size}")
    expect(np.isfinite(value).all(), "expected a finite number")
    return float(value.reshape(()))


def _described(answer) -> str:
    return "text" if isinstance(answer, str) else f"an object of type {type(answer).__name__}"


def _hint(value: float, truth: float) -> str:
    if _is_integer(truth) and abs(value - truth) == 1:
        return "off by one"
    if not truth:
        return "not yet: too large"
    ratio = value / truth
    if math.isclose(ratio, -1, rel_tol=0.01):
        return "the sign is reversed"
    for factor, text in FACTORS.items():
        if math.isclose(ratio, factor, rel_tol=0.005):
            return text
    if ratio < 0:
        return "the sign is wrong, and so is the size"
    size = "large" if ratio > 1 else "small"
    if ratio and not 0.1 < ratio < 10:
        return f"far too {size}: more than ten times"
    return f"not yet: too {size}" + (" in size" if truth < 0 else "")


def _is_integer(value) -> bool:
    return isinstance(value, int | np.integer)
