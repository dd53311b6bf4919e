"""The exercises of the lessons, checked without giving the answers away.

In a notebook::

    from musiclab import lessons

    answer = None  # bytes of one clip
    lessons.check("01.1", answer)

prints ``Exercise 1: no answer yet``, then ``right``, or what is off: the shape, the unit, a factor of two.
"""

import warnings
from collections.abc import Callable
from importlib import import_module

import numpy as np

from musiclab.core.errors import MusiclabError, did_you_mean
from musiclab.lessons.judging import Verdict, wrong

TOPICS: dict[str, str] = {
    "00": "beginnings",
    "01": "waveforms",
    "02": "spectra",
    "03": "timbre",
    "04": "stores",
    "05": "splitting",
    "06": "images",
    "07": "vectors",
    "08": "sequences",
    "09": "raw_audio",
    "10": "domains",
    "11": "comparing",
    "12": "own_music",
}
"""Lesson to the module of this package that holds its checks."""

_CHECKS: dict[str, Callable] = {}


def exercise(name: str) -> Callable[[Callable], Callable]:
    """Register a check: ``@exercise("01.2")`` over a function ``(answer, **given) -> Verdict or list of them``."""

    def register(function: Callable) -> Callable:
        if name in _CHECKS:
            raise ValueError(f"exercise {name} has two checks: {_CHECKS[name].__name__} and {function.__name__}")
        _CHECKS[name] = function
        return function

    return register


def check(name: str, answer, /, **given) -> None:
    """Say whether an answer is right, or what is off. Whatever the answer is, nothing is raised because of it.

    Parameters
    ----------
    name
        Lesson and number, ``"03.2"``.
    answer
        What the reader found; None while there is no answer.
    given
        What the exercise is about, where that was made in the lesson: a signal, a result.

    Raises
    ------
    MusiclabError
        There is no exercise of that name.
    """
    function = find(name)
    number = int(name.split(".")[1])
    if answer is None:
        print(f"Exercise {number}: no answer yet")
        return
    for verdict in judge(function, answer, **given):
        print(f"Exercise {number}: {verdict.text}")


def judge(function: Callable, answer, /, **given) -> list[Verdict]:
    """The verdicts of one check; one that cannot be carried out is a wrong answer with the reason."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a strange answer; what matters is said in the verdict
            found = function(answer, **given)
    except Exception as error:
        reason = next(iter(str(error).splitlines()), "no reason given")
        return [wrong(f"cannot be checked: {type(error).__name__}: {reason}")]
    return [found] if isinstance(found, Verdict) else list(found)


def find(name: str) -> Callable:
    """The check of an exercise.

    Raises
    ------
    MusiclabError
        There is none of that name.
    """
    lesson = name.split(".")[0]
    if lesson in TOPICS:
        import_module(f"{__name__}.{TOPICS[lesson]}")
    if name not in _CHECKS:
        raise MusiclabError(f"no exercise {name!r}{did_you_mean(name, names())}")
    return _CHECKS[name]


def names() -> list[str]:
    """The names of all exercises, in order."""
    for topic in TOPICS.values():
        import_module(f"{__name__}.{topic}")
    return sorted(_CHECKS)
