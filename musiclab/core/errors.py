"""Define the errors that users can fix, and format their messages.

A message says what is wrong, where, and how to fix it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches


class MusiclabError(Exception):
    """Base class of all errors that users can fix.

    The command line prints such an error as a message and exits with status 2. An error with several arguments lists
    all of them as separate problems.

    Examples
    --------
    >>> print(MusiclabError("no such model", "no such folder"))
    2 problems:
      - no such model
      - no such folder
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
    """Collection of the errors of several checks, to report them together.

    Use it as a context manager (``with problems:``), which collects a :class:`MusiclabError` of its block, or call
    :meth:`check`. Other errors are not collected.

    Attributes
    ----------
    errors : list of MusiclabError
        Errors that were collected so far.

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
        """Call a function, and collect its error if it raises a :class:`MusiclabError`.

        Parameters
        ----------
        function : callable
            Function to call.
        *arguments : object
            Positional arguments of the function.
        **named : object
            Keyword arguments of the function.

        Returns
        -------
        object or None
            Result of the function, or None if it raised a :class:`MusiclabError`.
        """
        with self:
            return function(*arguments, **named)

    def raise_if_any(self) -> None:
        """Raise the collected errors, if any.

        Raises
        ------
        MusiclabError
            The collected error, unchanged if it is the only one. Several errors are combined. The combined error has
            their class if they all have the same one, otherwise it is a :class:`MusiclabError`.
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

    Parameters
    ----------
    count : int
        Count.
    noun : str
        Noun in singular. The plural ends in "s", "es" or "ies".

    Returns
    -------
    str
        Count and noun.

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
    """Format a message that lists unreadable files.

    Parameters
    ----------
    failures : sequence of (path, reason)
        Path of each unreadable file, and the reason as a sentence. Only the reason is printed, so it should name the
        file.

    Returns
    -------
    str
        Message with one line per file.

    Examples
    --------
    >>> print(list_left_out([("a.wav", "a.wav: no such file")]))
    1 file could not be read and is left out:
      a.wav: no such file
    """
    verb = "is" if len(failures) == 1 else "are"
    head = f"{counted(len(failures), 'file')} could not be read and {verb} left out:"
    return "\n  ".join([head, *(reason for _, reason in failures)])


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Suggest the option that is most similar to an unknown name.

    Parameters
    ----------
    name : str
        Unknown name.
    options : iterable of str
        Known names.

    Returns
    -------
    str
        End of an error message, or ``""`` if no option is similar.

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
    """Format the entries in which two mappings differ.

    Parameters
    ----------
    expected : mapping of str to object
        First mapping.
    actual : mapping of str to object
        Second mapping.

    Returns
    -------
    tuple of (str, str), or None
        One text per mapping with its differing entries. None if the mappings are equal.

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
    """Format a value for a message, and cut it off if it is long.

    Parameters
    ----------
    value : object
        Value to format.
    limit : int
        Number of characters after which the text is cut off. Default: 200.

    Returns
    -------
    str
        The value as Python code. If it was cut off, it ends with "...".

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
