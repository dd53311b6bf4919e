"""Check the exercises of the lessons with hints, show your progress, and ask quiz questions.

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
from musiclab.core.extras import require
from musiclab.lessons import judge, learner
from musiclab.lessons.learner import export, progress
from musiclab.lessons.quizzes import quiz

require("lessons", "lessons", "librosa")

_MODULES = ("sounds", "data", "networks", "classifiers")
_CHECKS: dict[str, Callable] = {}


def exercise(name: str) -> Callable[[Callable], Callable]:
    """Register the decorated function as the check of an exercise.

    The function has the form ``check(answer, **context)`` and returns a verdict or a list of verdicts.

    Parameters
    ----------
    name : str
        Lesson and exercise, such as ``"03.2"``.

    Returns
    -------
    callable
        Decorator that registers a function and returns it unchanged.

    Raises
    ------
    ValueError
        If the exercise already has a check.

    Examples
    --------
    >>> @exercise("99.1")  # doctest: +SKIP
    ... def sample_count(answer):
    ...     return judge.number(answer, 30 * 22050)
    """

    def register(function: Callable) -> Callable:
        if name in _CHECKS:
            raise ValueError(f"exercise {name} has two checks: {_CHECKS[name].__name__} and {function.__name__}")
        _CHECKS[name] = function
        return function

    return register


def check(name: str, answer, /, **context) -> None:
    """Check the answer to an exercise, and print "correct" or a hint.

    A hint says what kind of mistake it is, such as an incorrect unit or shape, but doesn't reveal the answer. Verdicts
    are recorded on this computer, and :func:`progress` shows the record.

    Parameters
    ----------
    name : str
        Lesson and exercise, such as ``"03.2"``.
    answer : object
        Your answer. The exercise says which type it should have. None stands for no answer yet.
    **context
        Objects from the lesson that the check needs, such as a signal or a result.

    Raises
    ------
    MusiclabError
        If the exercise doesn't exist.

    Examples
    --------
    >>> check("01.1", 2_646_000)
    Exercise 1: your answer is twice as large as it should be
    >>> check("01.1", None)
    Exercise 1: no answer yet
    """
    find(name)  # raises if there is no such exercise
    exercise_number = int(name.split(".")[1])
    if answer is None:
        print(f"Exercise {exercise_number}: no answer yet")
        return
    judged = verdicts(name, answer, **context)
    for verdict in judged:
        print(f"Exercise {exercise_number}: {verdict.text}")
    hints = [verdict.text for verdict in judged if not verdict.is_right]
    learner.record(name, not hints, "; ".join(hints))


def verdicts(name: str, answer, /, **context) -> list[judge.Verdict]:
    """Check the answer to an exercise, and return the verdicts instead of printing them.

    Parameters
    ----------
    name : str
        As in :func:`check`.
    answer : object
        As in :func:`check`.
    **context
        As in :func:`check`.

    Returns
    -------
    list of Verdict
        One verdict per part of the answer. Its attribute ``is_right`` is True if the part is correct. Its attribute
        ``text`` is a hint, or begins with "correct".

    Raises
    ------
    MusiclabError
        If the exercise doesn't exist.

    Examples
    --------
    >>> verdicts("01.1", 2_646_000)[0].text
    'your answer is twice as large as it should be'
    """
    return judge.apply(find(name), answer, **context)


def find(name: str) -> Callable:
    """Find the function that checks an exercise.

    Parameters
    ----------
    name : str
        Lesson and exercise, such as ``"03.2"``.

    Returns
    -------
    callable
        Function that takes the answer and returns a verdict or a list of verdicts.

    Raises
    ------
    MusiclabError
        If the exercise doesn't exist.

    Examples
    --------
    >>> find("01.1").__name__
    'clip_bytes'
    """
    for module in _MODULES:
        if name not in _CHECKS:
            import_module(f"{__name__}.{module}")
    if name not in _CHECKS:
        raise MusiclabError(f"no exercise {name!r}{did_you_mean(name, _CHECKS)}")
    return _CHECKS[name]


def names() -> list[str]:
    """List the names of all exercises.

    Returns
    -------
    list of str
        Names such as ``"03.2"``, sorted by lesson and exercise.

    Examples
    --------
    >>> names()[:2]
    ['00.1', '00.2']
    """
    for module in _MODULES:
        import_module(f"{__name__}.{module}")
    return sorted(_CHECKS)
