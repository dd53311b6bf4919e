"""Check settings by name, for example with ``check_whole(vars(self), "epochs", "batch_size")``.

The error message contains the name: "expected batch_size to be a whole number of at least 1, found 0".
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from math import inf
from numbers import Integral, Real

from musiclab.core.errors import RunError, did_you_mean, shortened

LARGEST = 10**12  # larger numbers are mistakes or come from damaged files; they overflow or take forever


def check_whole(values: Mapping, *names: str, least: int = 1, most: float = inf, error: type = RunError) -> None:
    """Raise ``error`` unless each named value is a whole number from ``least`` to ``most``."""
    expected = f"a whole number {_describe_range(least, most)}"
    _check(values, names, lambda value: isinstance(value, Integral) and least <= value <= most, expected, error)


def check_number(values: Mapping, *names: str, least: float = 0, most: float = inf, error: type = RunError) -> None:
    """Raise ``error`` unless each named value is a finite number from ``least`` to ``most``."""
    expected = f"a finite number {_describe_range(least, most)}"
    _check(values, names, lambda value: isinstance(value, Real) and least <= value <= most, expected, error)


def check_positive(values: Mapping, *names: str, error: type = RunError) -> None:
    """Raise ``error`` unless each named value is a finite number greater than 0."""
    _check(values, names, lambda value: isinstance(value, Real) and value > 0, "a finite number greater than 0", error)


def check_share(values: Mapping, *names: str, error: type = RunError) -> None:
    """Raise ``error`` unless each named value is at least 0 and less than 1."""
    expected = "a share, from 0 to less than 1"
    _check(values, names, lambda value: isinstance(value, Real) and 0 <= value < 1, expected, error)


def check_flag(values: Mapping, *names: str, error: type = RunError) -> None:
    """Raise ``error`` unless each named value is True or False."""
    for name in names:
        if not isinstance(values[name], bool):
            raise error(f"expected {name} to be true or false, found {shortened(values[name])}")


def check_size(values: Mapping, *names: str, most: int, error: type = RunError) -> None:
    """Raise ``error`` unless each named value is a whole number from 1 to ``most``.

    Values below 1 are reported without the upper limit, which only excludes absurdly large sizes.
    """
    check_whole(values, *names, error=error)
    check_whole(values, *names, most=most, error=error)


def check_list(values: Mapping, *names: str, error: type = RunError) -> None:
    """Raise ``error`` unless each named value is a list of one or more numbers, or anything like it."""
    for name in names:
        if isinstance(values[name], str | Integral) or not len(values[name]):
            raise error(f"expected {name} to be a list of numbers such as [1, 2], found {shortened(values[name])}")


def check_widths(values: Mapping, *names: str, count: int | None = None, error: type = RunError) -> None:
    """Raise ``error`` unless each named value is a list of ``count`` (default: one or more) positive whole numbers."""
    for name in names:
        widths = values[name]
        is_list = isinstance(widths, Sequence) and not isinstance(widths, str)
        if not is_list or not widths or len(widths) != (count or len(widths)):
            raise error(f"expected {name} to be {count or 'a list of'} whole numbers, found {shortened(widths)}")
        for width in widths:
            check_whole({name: width}, name, error=error)


def check_known(value, options: Collection[str], noun: str, error: type = RunError) -> None:
    """Raise ``error`` unless ``value`` is one of ``options``. The message suggests the most similar option.

    Examples
    --------
    >>> check_known("cmn", ["cnn", "lstm"], "a model")
    Traceback (most recent call last):
    musiclab.core.errors.RunError: expected a model among cnn, lstm, found 'cmn'; did you mean cnn?
    """
    if value not in list(options):  # a list, because value may not be hashable
        raise error(
            f"expected {noun} among {', '.join(options)}, found {shortened(value)}{did_you_mean(str(value), options)}"
        )


def _check(values: Mapping, names: Collection[str], is_valid: Callable, expected: str, error: type) -> None:
    for name in names:
        value = values[name]
        if isinstance(value, bool) or not is_valid(value) or value == inf:
            raise error(f"expected {name} to be {expected}, found {shortened(value)}")
        if value > LARGEST:
            raise error(f"expected {name} to be at most {LARGEST:,}, found {shortened(value)}")


def _describe_range(least: float, most: float) -> str:
    return f"of at least {least}" if most == inf else f"from {least} to {most}"
