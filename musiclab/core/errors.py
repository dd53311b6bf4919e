"""The errors that are the user's to mend: a message, never a traceback, on the command line.

Each message names the file or the value, what was expected, what was found and what to do.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches


class MusiclabError(Exception):
    """Base of all errors that the command line prints as one message, with exit status 2."""


class AudioError(MusiclabError, ValueError):
    """A file or a waveform that cannot be used as sound."""


class DatasetError(MusiclabError, ValueError):
    """A data set, an index or a split that cannot be used."""


class StoreError(MusiclabError, ValueError):
    """A store that cannot be read, or that does not hold what is asked of it."""


class RunError(MusiclabError, ValueError):
    """A run folder, a checkpoint or a setting of the training that cannot be used."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest of the known ones, or nothing if none is near.

    Examples
    --------
    >>> did_you_mean("cmn", ["cnn", "lstm"])
    '; did you mean cnn?'
    >>> did_you_mean("zebra", ["cnn", "lstm"])
    ''
    """
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def apart(wanted: Mapping, found: Mapping) -> tuple[str, str] | None:
    """What two sets of facts do not share, each in words, for a message; None where they are the same.

    Examples
    --------
    >>> apart({"seed": 0, "epochs": 3}, {"seed": 1, "epochs": 3})
    ('seed=0', 'seed=1')
    """
    keys = sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))
    if not keys:
        return None
    here, there = (", ".join(f"{key}={_short(facts.get(key))}" for key in keys) for facts in (wanted, found))
    return here, there


def _short(value) -> str:
    if isinstance(value, list) and len(value) > 5:
        return f"{len(value)} such as {value[0]}"
    return str(value)
