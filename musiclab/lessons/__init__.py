"""Check the exercises of the lessons, with hints that don't reveal the answers.

Examples
--------
>>> from musiclab import lessons
>>> lessons.check("01.1", None)
Exercise 1: no answer yet
>>> lessons.check("01.1", 30 * 22050)
Exercise 1: your answer is half as large as it should be
"""

from collections.abc import Callable
from importlib import import_module

from musiclab.core.errors import MusiclabError, did_you_mean
from musiclab.lessons import judge

_MODULES = ("sounds", "data", "networks", "classifiers")
_CHECKS: dict[str, Callable] = {}


def exercise(name: str) -> Callable[[Callable], Callable]:
    """Register the decorated function ``(answer, **context) -> Verdict or list of verdicts`` as a check."""

    def register(function: Callable) -> Callable:
        if name in _CHECKS:
            raise ValueError(f"exercise {name} has two checks: {_CHECKS[name].__name__} and {function.__name__}")
        _CHECKS[name] = function
        return function

    return register


def check(name: str, answer, /, **context) -> None:
    """Check the answer to an exercise, and print "correct" or a hint, such as an incorrect unit or shape.

    Parameters
    ----------
    name
        Lesson and exercise, such as ``"03.2"``. An unknown name raises MusiclabError.
    answer
        The reader's answer, of any type, or None.
    context
        Objects from the lesson that the check needs, such as a signal or a result.

    Examples
    --------
    >>> check("01.1", 2_646_000)
    Exercise 1: your answer is twice as large as it should be
    >>> check("01.1", None)
    Exercise 1: no answer yet
    """
    exercise_number = int(name.split(".")[1])
    if find(name) and answer is None:
        print(f"Exercise {exercise_number}: no answer yet")
        return
    for verdict in verdicts(name, answer, **context):
        print(f"Exercise {exercise_number}: {verdict.text}")


def verdicts(name: str, answer, /, **context) -> list[judge.Verdict]:
    """Check an answer like :func:`check`, but return the verdicts instead of printing them."""
    return judge.apply(find(name), answer, **context)


def find(name: str) -> Callable:
    """Return the check of an exercise. An unknown name raises MusiclabError."""
    for module in _MODULES:
        if name not in _CHECKS:
            import_module(f"{__name__}.{module}")
    if name not in _CHECKS:
        raise MusiclabError(f"no exercise {name!r}{did_you_mean(name, _CHECKS)}")
    return _CHECKS[name]


def names() -> list[str]:
    """List the names of all exercises in order."""
    for module in _MODULES:
        import_module(f"{__name__}.{module}")
    return sorted(_CHECKS)
