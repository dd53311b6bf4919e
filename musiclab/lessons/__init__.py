"""Check the exercises of the lessons without giving the answers away."""

from collections.abc import Callable
from importlib import import_module

from musiclab.core.errors import MusiclabError, did_you_mean
from musiclab.lessons import judge

_MODULES = ("sounds", "data", "networks", "classifiers")
_CHECKS: dict[str, Callable] = {}


def exercise(name: str) -> Callable[[Callable], Callable]:
    """Register a check: ``@exercise("01.2")`` above a function ``(answer, **context) -> Verdict or list of them``."""

    def register(function: Callable) -> Callable:
        if name in _CHECKS:
            raise ValueError(f"exercise {name} has two checks: {_CHECKS[name].__name__} and {function.__name__}")
        _CHECKS[name] = function
        return function

    return register


def check(name: str, answer, /, **context) -> None:
    """Print whether an answer is right, or what is off, such as the shape, the unit or a factor of two.

    Parameters
    ----------
    name
        Lesson and number, such as ``"03.2"``; MusiclabError if there is no such exercise.
    answer
        The reader's answer, or None. Whatever it is, it raises no error.
    context
        What the exercise is about, if it was made in the lesson, such as a signal or a result.

    Examples
    --------
    >>> check("01.1", 2_646_000)
    Exercise 1: twice what it should be
    """
    exercise_number = int(name.split(".")[1])
    if find(name) and answer is None:
        print(f"Exercise {exercise_number}: no answer yet")
        return
    for verdict in verdicts(name, answer, **context):
        print(f"Exercise {exercise_number}: {verdict.text}")


def verdicts(name: str, answer, /, **context) -> list[judge.Verdict]:
    """Judge an answer as :func:`check` does, without printing."""
    return judge.apply(find(name), answer, **context)


def find(name: str) -> Callable:
    """Return the check of an exercise, or raise MusiclabError."""
    for module in _MODULES:
        if name not in _CHECKS:
            import_module(f"{__name__}.{module}")
    if name not in _CHECKS:
        raise MusiclabError(f"no exercise {name!r}{did_you_mean(name, _CHECKS)}")
    return _CHECKS[name]


def names() -> list[str]:
    """List the names of all exercises, in order."""
    for module in _MODULES:
        import_module(f"{__name__}.{module}")
    return sorted(_CHECKS)
