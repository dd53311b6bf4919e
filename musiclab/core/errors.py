"""Errors that the user can fix: each message says what was expected, what was found, where, and what to do."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches


class MusiclabError(Exception):
    """Base of all errors that the command line prints as one message, with exit status 2.

    An error with several messages lists all of them.
    """

    def __str__(self) -> str:
        if len(self.args) < 2:
            return super().__str__()
        return "\n".join([f"{len(self.args)} problems:", *(f"  - {message}" for message in self.args)])


class AudioError(MusiclabError, ValueError):
    """A file or a waveform cannot be used as sound."""


class DatasetError(MusiclabError, ValueError):
    """A data set, an index or a split cannot be used."""


class StoreError(MusiclabError, ValueError):
    """A store cannot be read, or does not hold what is asked of it."""


class RunError(MusiclabError, ValueError):
    """A run folder, a checkpoint or a training setting cannot be used."""


class Problems:
    """Collect the errors of several checks, to report all of them at once.

    Examples
    --------
    >>> def refuse(error):
    ...     raise error
    >>> problems = Problems()
    >>> problems.check(refuse, RunError("no such model"))
    >>> with problems:
    ...     raise DatasetError("no such folder")
    >>> problems.raise_if_any()
    Traceback (most recent call last):
    musiclab.core.errors.MusiclabError: 2 problems:
      - no such model
      - no such folder
    """

    def __init__(self):
        self.errors: list[MusiclabError] = []

    def __enter__(self) -> "Problems":
        return self

    def __exit__(self, error_class, error, traceback) -> bool:
        if isinstance(error, MusiclabError):
            self.errors.append(error)
        return isinstance(error, MusiclabError)

    def check(self, function: Callable, *arguments, **named):
        """Call a function and return its result, or None if it raises a MusiclabError, which is collected."""
        with self:
            return function(*arguments, **named)

    def raise_if_any(self) -> None:
        """Raise a single error as it is, and several as one, of their class if they all have the same."""
        if not self.errors:
            return
        if len(self.errors) == 1:
            raise self.errors[0]
        classes = {type(error) for error in self.errors}
        messages = dict.fromkeys(message for error in self.errors for message in error.args)  # each once, in order
        raise (classes.pop() if len(classes) == 1 else MusiclabError)(*messages)


def counted(count: int, noun: str) -> str:
    """Write a number with its noun.

    Examples
    --------
    >>> counted(1, "file"), counted(2000, "clip"), counted(2, "class"), counted(3, "copy")
    ('1 file', '2,000 clips', '2 classes', '3 copies')
    """
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    if noun.endswith("y"):
        plural = f"{noun[:-1]}ies"
    return f"{count:,} {noun if count == 1 else plural}"


def list_left_out(failures: Sequence[tuple[str, str]]) -> str:
    """Write how many files could not be read, and the reason for each, from pairs of (path, reason)."""
    were = "is" if len(failures) == 1 else "are"
    head = f"{counted(len(failures), 'file')} could not be read and {were} left out:"
    return "\n  ".join([head, *(reason for _, reason in failures)])


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """End a message about an unknown name with the nearest known one, or with nothing if none is near.

    Examples
    --------
    >>> did_you_mean("cmn", ["cnn", "lstm"])
    '; did you mean cnn?'
    >>> did_you_mean("zebra", ["cnn", "lstm"])
    ''
    """
    close = get_close_matches(name[:100], list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def differing(expected: Mapping, actual: Mapping) -> tuple[str, str] | None:
    """Describe the entries in which two mappings differ, as one text for each, or return None if there are none.

    Examples
    --------
    >>> differing({"seed": 0, "epochs": 3}, {"seed": 1, "epochs": 3})
    ('seed=0', 'seed=1')
    """
    keys = sorted(key for key in expected.keys() | actual.keys() if expected.get(key) != actual.get(key))
    if not keys:
        return None
    one, other = (", ".join(f"{key}={_sample(entries.get(key))}" for key in keys) for entries in (expected, actual))
    return one, other


def shortened(value, most: int = 200) -> str:
    """Write a value for a message, at most so many characters of it.

    Examples
    --------
    >>> shortened("a"), shortened([7] * 1000, most=6)
    ("'a'", '[7, 7,...')
    """
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."


def _sample(value) -> str:
    if isinstance(value, list) and len(value) > 5:
        return f"{len(value)} such as {str(value[0])[:200]}"
    return str(value)[:500]
