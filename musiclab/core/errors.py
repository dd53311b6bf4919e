"""Define the errors that users can fix, and format their messages.

A message says what is wrong, where, and how to fix it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches


class MusiclabError(Exception):
    """Base class of all errors that the command line prints as a message, with exit status 2.

    An error with several arguments lists all of them as separate problems.
    """

    def __str__(self) -> str:
        if len(self.args) < 2:
            return super().__str__()
        return "\n".join([f"{len(self.args)} problems:", *(f"  - {message}" for message in self.args)])


class AudioError(MusiclabError, ValueError):
    """Error for an audio file or waveform that can't be used."""


class DatasetError(MusiclabError, ValueError):
    """Error for a data set, index table or split that can't be used."""


class StoreError(MusiclabError, ValueError):
    """Error for a store that can't be read or written, or that lacks the requested feature.

    A store is an ``.h5`` file with the audio or the features of a data set.
    """


class RunError(MusiclabError, ValueError):
    """Error for a run folder, checkpoint or setting that can't be used.

    A run folder holds a trained model and its results.
    """


class Problems:
    """Collect the errors of several checks, and report them together.

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
        """Call a function and return its result. If it raises a MusiclabError, collect the error and return None."""
        with self:
            return function(*arguments, **named)

    def raise_if_any(self) -> None:
        """Raise the collected errors: a single one unchanged, several as one error.

        The combined error has the class of the collected errors if they all have the same, otherwise MusiclabError.
        """
        if not self.errors:
            return
        if len(self.errors) == 1:
            raise self.errors[0]
        classes = {type(error) for error in self.errors}
        messages = dict.fromkeys(message for error in self.errors for message in error.args)  # without repetitions
        raise (classes.pop() if len(classes) == 1 else MusiclabError)(*messages)


def counted(count: int, noun: str) -> str:
    """Format a count with its noun in singular or plural.

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
    """Format a list of unreadable files, given as pairs of (path, reason)."""
    verb = "is" if len(failures) == 1 else "are"
    head = f"{counted(len(failures), 'file')} could not be read and {verb} left out:"
    return "\n  ".join([head, *(reason for _, reason in failures)])


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Suggest the option that is most similar to an unknown name, as the end of a message, or return "".

    Examples
    --------
    >>> did_you_mean("cmn", ["cnn", "lstm"])
    '; did you mean cnn?'
    >>> did_you_mean("zebra", ["cnn", "lstm"])
    ''
    """
    matches = get_close_matches(name[:100], list(options), n=1)
    return f"; did you mean {matches[0]}?" if matches else ""


def differing(expected: Mapping, actual: Mapping) -> tuple[str, str] | None:
    """Format the entries that differ between two mappings, one text per mapping. Return None if they are equal.

    Examples
    --------
    >>> differing({"seed": 0, "epochs": 3}, {"seed": 1, "epochs": 3})
    ('seed=0', 'seed=1')
    """
    keys = sorted(key for key in expected.keys() | actual.keys() if expected.get(key) != actual.get(key))
    if not keys:
        return None
    texts = [", ".join(f"{key}={_summarize(mapping.get(key))}" for key in keys) for mapping in (expected, actual)]
    return texts[0], texts[1]


def shortened(value, limit: int = 200) -> str:
    """Format a value for a message, with at most ``limit`` characters.

    Examples
    --------
    >>> shortened("a"), shortened([7] * 1000, limit=6)
    ("'a'", '[7, 7,...')
    """
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}..."


def _summarize(value) -> str:
    if isinstance(value, list) and len(value) > 5:
        return f"{len(value)} such as {str(value[0])[:200]}"
    return str(value)[:500]
