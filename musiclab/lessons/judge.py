"""Compare an answer with the correct result, and give hints that don't reveal it.

A check passes the answer and the correct result to :func:`number`, :func:`numbers` or :func:`array`, together with
*slips*: the results of typical mistakes, each with a hint. It tests all other conditions with :func:`expect`.
"""

import math
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from numbers import Real

import numpy as np

_UNITS = {
    8.0: "eight times too {}. Did you mix up bits and bytes?",
    10.0: "ten times too {}",
    60.0: "sixty times too {}. Did you mix up seconds and minutes?",
    100.0: "a hundred times too {}. Did you mix up per cent and fractions?",
    1000.0: "a thousand times too {}. Check the unit.",
    1e6: "a million times too {}. Check the unit.",
    2 * math.pi: "too {} by a factor of 2 pi. Did you mix up cycles and radians?",
}

FACTORS = {  # how an answer compares with the truth, by their ratio
    2.0: "twice as large as it should be",
    0.5: "half as large as it should be",
    4.0: "four times as large as it should be",
    0.25: "a quarter as large as it should be",
    **{factor: text.format("large") for factor, text in _UNITS.items()},
    **{1 / factor: text.format("small") for factor, text in _UNITS.items()},
}
SLIP = 0.02  # relative tolerance for slips that are not integers
ROUNDING = 1e-6  # relative error of float32, which integers get that were computed with fractions


@dataclass(frozen=True)
class Verdict:
    """Judgement of an answer, with a line of text that begins with "correct" if the answer is accepted."""

    is_right: bool
    text: str


class AnswerRejected(Exception):
    """Raised to reject an answer; the message is the hint."""


def expect(condition: bool, text: str) -> None:
    """Reject the answer with ``text`` unless ``condition`` holds."""
    if not condition:
        raise AnswerRejected(text)


def expect_type(is_valid: bool, description: str, answer) -> None:
    """Reject the answer with its type unless ``is_valid``; ``description`` says what is expected."""
    expect(is_valid, f"expected {description}, but your answer is {_describe(answer)}")


def accept(text: str = "") -> Verdict:
    """Accept the answer, with a remark."""
    return Verdict(True, f"correct, {text}" if text else "correct")


def reject(text: str) -> Verdict:
    """Reject the answer, with a hint."""
    return Verdict(False, text)


def apply(check: Callable, answer, /, **context) -> list[Verdict]:
    """Apply a check to an answer. If the check raises an error, reject the answer with that error."""
    torch = sys.modules.get("torch")
    state = torch.get_rng_state() if torch else None
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the verdict tells the reader what is wrong
            verdicts = check(_detach(answer), **context)
    except AnswerRejected as error:
        return [reject(str(error))]
    except Exception as error:
        return [reject(f"your answer cannot be checked ({describe_error(error)})")]
    finally:
        if torch:
            torch.set_rng_state(state)  # what the reader draws next doesn't depend on the check
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
    """Compare a number with the correct one.

    Parameters
    ----------
    answer
        Answer of any type. Anything but a finite number is rejected.
    truth, unit
        Correct number, and its unit for the text.
    within, absolute
        Relative tolerance (default: 0.005, or rounding errors if ``truth`` is an integer) and absolute tolerance.
    note
        Remark about an accepted answer.
    slips
        Pairs of the result of a typical mistake and a hint. The closest one counts.

    Examples
    --------
    >>> number(660_000, 1_320_000, "bytes").text
    'your answer is half as large as it should be'
    >>> number(1_320_000, 1_320_000, "bytes").text
    'correct, 1,320,000 bytes'
    """
    value = finite_number(answer)
    accepted = max(_tolerance(truth, 0.005) if within is None else within * abs(truth), absolute)
    if abs(value - truth) <= accepted:
        formatted = f"{truth:,}" if _is_integer(truth) else f"{truth:,.4g}"
        return accept(" ".join(filter(None, [formatted, unit])) + (f" ({note})" if note else ""))
    distances = [
        (abs(value - slip), text)
        for slip, text in slips
        if abs(value - slip) <= max(_tolerance(slip, SLIP), 0 if _is_integer(slip) else min(absolute, 0.1 * abs(slip)))
        and abs(slip - truth) > accepted  # otherwise it isn't a slip with these numbers
    ]
    if distances:
        return reject(min(distances, key=lambda pair: pair[0])[1])
    return reject(_describe_difference(value, truth))


def numbers(
    answer,
    truths: Mapping[str, float],
    within: float | None = None,
    absolute: float = 0.0,
    slips: Iterable[tuple[Mapping[str, float], str]] = (),
    permuted: str = "",
) -> list[Verdict]:
    """Compare several numbers with the correct ones, as :func:`number` does.

    The answer is a sequence in the order of ``truths``, or a mapping with the same names. A slip may omit some names.
    ``permuted`` is a hint for the correct numbers in another order.
    """

    def compare(values) -> list[Verdict]:
        verdicts = []
        for name, value in zip(truths, values, strict=True):
            own_slips = [(slip[name], text) for slip, text in slips if name in slip]
            tolerances = {"within": within, "absolute": absolute}
            verdicts.append(part(name, number, value, truth=truths[name], slips=own_slips, **tolerances))
        return verdicts

    def is_right(verdicts: Iterable[Verdict]) -> bool:
        return all(verdict.is_right for verdict in verdicts)

    values = in_order(answer, truths)
    verdicts = compare(values)
    if permuted and not is_right(verdicts):
        expect(not any(is_right(compare(order)) for order in permutations(values)), permuted)
    return verdicts


def megabytes(answer, sizes: Mapping[str, int], within: float = 0.01, slips=(), **others) -> list[Verdict]:
    """Compare megabytes with ``sizes`` in bytes, as :func:`numbers` does, with units of 1,048,576 bytes as a slip."""
    truths, binary = ({name: size / unit for name, size in sizes.items()} for unit in (1e6, 2**20))
    slips = [(binary, "your unit is 2**20 bytes, but here a megabyte is 1,000,000 bytes"), *slips]
    return numbers(answer, truths, within=within, slips=slips, **others)


def array(
    answer,
    truth: np.ndarray,
    tolerance: float | np.ndarray,
    what: str = "array",
    unit: str = "",
    slips: Iterable[tuple[np.ndarray, str]] = (),
    within: float = 0.0,
) -> Verdict:
    """Compare an array with the correct one, element by element.

    Parameters
    ----------
    answer, truth, slips
        As in :func:`number`, but with arrays.
    tolerance
        Largest accepted difference, one number or one per element.
    what, unit
        Name of the array and unit of its elements for the text.
    within
        Largest accepted difference relative to each element, in addition to ``tolerance``.
    """
    truth = np.asarray(truth)
    try:
        values = np.asarray(answer, dtype=np.result_type(truth.dtype, np.float64))
        has_text = np.asarray(answer).dtype.kind in "SU"  # NumPy converts "0.25"
    except (TypeError, ValueError):
        return reject(f"expected an array of numbers of shape {truth.shape}, but your answer is {_describe(answer)}")
    if has_text:
        return reject("your answer contains strings. Write the numbers without quotation marks.")
    if values.shape != truth.shape:
        hint = "; transpose it" if values.shape == truth.shape[::-1] else ""
        return reject(f"expected shape {truth.shape}, found {values.shape}{hint}")
    if not np.isfinite(values).all():
        return reject(f"{(~np.isfinite(values)).sum():,} of {values.size:,} elements are not finite")

    def is_close(target, factor=1.0):
        return (np.abs(values - target) <= factor * tolerance + within * np.abs(target)).all()

    if is_close(truth):
        return accept(f"{what} of shape {truth.shape}")
    if texts := {float(np.abs(values - slip).max()): text for slip, text in reversed([*slips]) if is_close(slip)}:
        return reject(texts[min(texts)])
    if not values.any():
        return reject("every element is 0")
    if is_close(-truth):
        return reject("the sign is reversed")
    for factor, text in FACTORS.items():
        if is_close(factor * truth, max(factor, 1.0)):
            return reject(f"every element is {text}")
    difference, limit = values - truth, tolerance + within * np.abs(truth)
    if is_close(truth + difference.mean()):
        return reject("every element is off by the same amount")
    if truth.ndim and truth.shape[-1] > 2:
        for step, direction in ((1, "left"), (-1, "right")):
            if (np.abs(np.roll(values, step, axis=-1) - truth) <= limit)[..., 1:-1].all():
                return reject(f"your array is shifted by one to the {direction} along the last axis")
    share, largest = (np.abs(difference) > limit).mean(), np.abs(difference).max()
    return reject(f"{share:.0%} of the elements differ from the correct ones, by up to {largest:.3g} {unit}".rstrip())


def better(reached: float, to_beat: float, text: str, higher: bool = True) -> Verdict:
    """Accept the result of an open experiment, described by ``text``, if it is better than the one to beat."""
    is_better = reached > to_beat if higher else reached < to_beat
    return accept(text) if is_better else reject(f"not better yet: {text}")


def part(name: str, check: Callable, answer, /, **context) -> Verdict:
    """Apply a check to one part of an answer, and begin the verdict with the name of that part."""
    (verdict,) = apply(check, answer, **context)
    return Verdict(verdict.is_right, f"{name}: {verdict.text}")


def in_order(answer, names: Iterable[str]) -> Sequence:
    """Return the parts of an answer in the order of ``names``: a sequence, a mapping, or a Series with these labels."""
    names = list(names)
    if isinstance(answer, Mapping) or (hasattr(answer, "keys") and set(names) <= set(answer.keys())):
        for name in names:
            expect(name in answer, f"{name} is missing; expected an answer for each of {', '.join(names)}")
        return [answer[name] for name in names]
    if isinstance(answer, np.ndarray) or hasattr(answer, "requires_grad"):
        answer = np.squeeze(np.asarray(answer))
    if isinstance(answer, str) or not _is_flat(answer) or len(answer) != len(names):
        if isinstance(answer, np.ndarray) and answer.ndim:
            size = f"has {len(answer)}" if answer.ndim == 1 else f"has the shape {answer.shape}"
        elif not isinstance(answer, list | tuple):
            size = f"is {_describe(answer)}"
        elif len(answer) != len(names):
            size = f"has {len(answer)}"
        else:
            size = f"contains {_describe(next(part for part in answer if np.ndim(part)))}"
        raise AnswerRejected(f"expected {len(names)} numbers ({', '.join(names)}), but your answer {size}")
    return list(answer)


def _is_flat(answer) -> bool:
    try:
        return np.ndim(answer) == 1
    except ValueError:  # one part is a list, such as (46, (128, 8, 8)); the check of that part says so
        return True


def call(function: Callable, *arguments, what: str = "your function", hint: str = ""):
    """Call a function that is an answer, and return its result. Reject its errors, with ``hint``, and None."""
    try:
        result = function(*arguments)
    except Exception as error:
        hint = "" if isinstance(error, TypeError) else hint  # such as a function of another number of arguments
        raise AnswerRejected(f"{what} raised an error ({describe_error(error)}){hint}") from error
    expect(result is not None, "your function returned None. Does it end with return?")
    return _detach(result)


def finite_number(answer) -> float:
    """Convert an answer to a float, or reject it if it is not a single finite real number."""
    expect(answer is not None, "no answer yet")
    is_number = not isinstance(answer, bool | np.bool_ | str | bytes)
    try:
        value = np.asarray(answer, dtype=np.float64)
        is_number = is_number and np.asarray(answer).dtype.kind not in "US"  # NumPy converts "0.25"
    except (TypeError, ValueError, RuntimeError):
        is_number = False
    expect_type(is_number, "a number", answer)
    expect(value.size == 1, f"expected one number, but your answer has {value.size}")
    expect(np.isfinite(value).all(), "expected a finite number, but your answer is NaN or infinite")
    return float(value.reshape(()))


def _detach(answer):
    """Cut the tensors of an answer, also those in lists, tuples and dicts, off their gradients, so NumPy reads them."""
    if type(answer) in (list, tuple):
        return type(answer)(map(_detach, answer))
    if type(answer) is dict:
        return {key: _detach(value) for key, value in answer.items()}
    is_tensor = hasattr(answer, "requires_grad")  # without PyTorch, which loads slowly
    return answer.detach().cpu() if is_tensor else answer


def describe_error(error: Exception) -> str:
    """Name an error of the reader's code, with the first line of its message."""
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), 'no details')}"


def _describe(answer) -> str:
    if isinstance(answer, list | tuple):
        shapes = list(dict.fromkeys(tuple(part.shape) for part in answer if hasattr(part, "shape")))
        parts = f", whose parts have different shapes, such as {shapes[0]} and {shapes[1]}" if len(shapes) > 1 else ""
        return f"a {type(answer).__name__} of length {len(answer)}{parts}"
    if isinstance(answer, type):
        return f"the class {answer.__name__} itself"
    if isinstance(answer, Real) and not isinstance(answer, bool):
        return "a single number"
    return "a string" if isinstance(answer, str) else f"an object of type {type(answer).__name__}"


def _describe_difference(value: float, truth: float) -> str:
    if _is_integer(truth) and abs(value - truth) == 1:
        return "your answer is off by one"
    if not truth:
        return "your answer is too far from 0"
    ratio = value / truth
    if math.isclose(ratio, -1, rel_tol=0.01):
        return "the sign is reversed"
    for factor, text in FACTORS.items():
        if math.isclose(ratio, factor, rel_tol=0.005):
            return f"your answer is {text}"
    if ratio < 0:
        return "both the sign and the size are incorrect"
    size = "large" if ratio > 1 else "small"
    if ratio and not 0.1 < ratio < 10:
        return f"your answer is far too {size}, by a factor of more than ten"
    return f"your answer is too {size}" + (" in magnitude" if truth < 0 else "")


def _tolerance(value: float, relative: float) -> float:
    """Return the largest difference that counts as equal: ``relative``, but only rounding errors of an integer."""
    return min(ROUNDING * abs(value), 0.1) if _is_integer(value) else relative * abs(value)


def _is_integer(value) -> bool:
    return isinstance(value, int | np.integer)
