"""Check settings by name, for example with ``check_whole(vars(self), "epochs", "batch_size")``.

The error message contains the name: "expected batch_size to be a whole number of at least 1, found 0".
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from math import inf
from numbers import Integral, Real

from musiclab.core.errors import RunError, did_you_mean, shortened

LARGEST = 10**12  # larger numbers are mistakes or come from damaged files; they overflow or take forever


def check_whole(values: Mapping, *names: str, least: int = 1, most: float = inf, error: type = RunError) -> None:
    """Raise an error unless each named value is a whole number in a range.

    Parameters
    ----------
    values : mapping of str to object
        Values by name, such as ``vars(self)``.
    *names : str
        Names of the values to check.
    least : int
        Smallest allowed value. Default: 1.
    most : float
        Largest allowed value. Default: no limit, except that numbers above :data:`LARGEST` are always refused.
    error : type
        Class of the error. Default: :class:`~musiclab.core.errors.RunError`.

    Examples
    --------
    >>> check_whole({"epochs": 0}, "epochs")
    Traceback (most recent call last):
    musiclab.core.errors.RunError: expected epochs to be a whole number of at least 1, found 0
    """
    expected = f"a whole number {_describe_range(least, most)}"
    _check(values, names, lambda value: isinstance(value, Integral) and least <= value <= most, expected, error)


def check_number(values: Mapping, *names: str, least: float = 0, most: float = inf, error: type = RunError) -> None:
    """Raise an error unless each named value is a finite number in a range.

    Parameters
    ----------
    values : mapping of str to object
        As in :func:`check_whole`.
    *names : str
        As in :func:`check_whole`.
    least : float
        Smallest allowed value. Default: 0.
    most : float
        Largest allowed value, as in :func:`check_whole`.
    error : type
        As in :func:`check_whole`.

    Examples
    --------
    >>> check_number({"gain": float("nan")}, "gain")
    Traceback (most recent call last):
    musiclab.core.errors.RunError: expected gain to be a finite number of at least 0, found nan
    """
    expected = f"a finite number {_describe_range(least, most)}"
    _check(values, names, lambda value: isinstance(value, Real) and least <= value <= most, expected, error)


def check_positive(values: Mapping, *names: str, error: type = RunError) -> None:
    """Raise an error unless each named value is a finite number greater than 0.

    Parameters
    ----------
    values : mapping of str to object
        As in :func:`check_whole`.
    *names : str
        As in :func:`check_whole`.
    error : type
        As in :func:`check_whole`.

    Examples
    --------
    >>> check_positive({"learning_rate": 0}, "learning_rate")
    Traceback (most recent call last):
    musiclab.core.errors.RunError: expected learning_rate to be a finite number greater than 0, found 0
    """
    _check(values, names, lambda value: isinstance(value, Real) and value > 0, "a finite number greater than 0", error)


def check_share(values: Mapping, *names: str, error: type = RunError) -> None:
    """Raise an error unless each named value is at least 0 and less than 1.

    Parameters
    ----------
    values : mapping of str to object
        As in :func:`check_whole`.
    *names : str
        As in :func:`check_whole`.
    error : type
        As in :func:`check_whole`.

    Examples
    --------
    >>> check_share({"dropout": 1.0}, "dropout")
    Traceback (most recent call last):
    musiclab.core.errors.RunError: expected dropout to be a share, from 0 to less than 1, found 1.0
    """
    expected = "a share, from 0 to less than 1"
    _check(values, names, lambda value: isinstance(value, Real) and 0 <= value < 1, expected, error)


def check_flag(values: Mapping, *names: str, error: type = RunError) -> None:
    """Raise an error unless each named value is True or False.

    Parameters
    ----------
    values : mapping of str to object
        As in :func:`check_whole`.
    *names : str
        As in :func:`check_whole`.
    error : type
        As in :func:`check_whole`.

    Examples
    --------
    >>> check_flag({"shuffle": "yes"}, "shuffle")
    Traceback (most recent call last):
    musiclab.core.errors.RunError: expected shuffle to be true or false, found 'yes'
    """
    for name in names:
        if not isinstance(values[name], bool):
            raise error(f"expected {name} to be true or false, found {shortened(values[name])}")


def check_size(values: Mapping, *names: str, most: int, error: type = RunError) -> None:
    """Raise an error unless each named value is a whole number from 1 to a limit.

    The message about a value below 1 doesn't mention the limit, because the limit only excludes absurdly large sizes.

    Parameters
    ----------
    values : mapping of str to object
        As in :func:`check_whole`.
    *names : str
        As in :func:`check_whole`.
    most : int
        Largest allowed value.
    error : type
        As in :func:`check_whole`.

    Examples
    --------
    >>> check_size({"channels": 0}, "channels", most=4096)
    Traceback (most recent call last):
    musiclab.core.errors.RunError: expected channels to be a whole number of at least 1, found 0
    """
    check_whole(values, *names, error=error)
    check_whole(values, *names, most=most, error=error)


def check_widths(values: Mapping, *names: str, count: int | None = None, error: type = RunError) -> None:
    """Raise an error unless each named value is a list of positive whole numbers.

    Parameters
    ----------
    values : mapping of str to object
        As in :func:`check_whole`.
    *names : str
        As in :func:`check_whole`.
    count : int, optional
        Required length of the list. Default: any length from 1.
    error : type
        As in :func:`check_whole`.

    Examples
    --------
    >>> check_widths({"kernel": [3]}, "kernel", count=2)
    Traceback (most recent call last):
    musiclab.core.errors.RunError: expected kernel to be 2 whole numbers, found [3]
    """
    for name in names:
        widths = values[name]
        is_list = isinstance(widths, Sequence) and not isinstance(widths, str)
        if not is_list or not widths or len(widths) != (count or len(widths)):
            raise error(f"expected {name} to be {count or 'a list of'} whole numbers, found {shortened(widths)}")
        for width in widths:
            check_whole({name: width}, name, error=error)


def check_known(value, options: Collection[str], noun: str, error: type = RunError) -> None:
    """Raise an error unless a value is one of the known options.

    The message suggests the most similar option.

    Parameters
    ----------
    value : object
        Value to check.
    options : collection of str
        Known options.
    noun : str
        What the value is, with its article, such as "a model".
    error : type
        Class of the error. Default: :class:`~musiclab.core.errors.RunError`.

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
