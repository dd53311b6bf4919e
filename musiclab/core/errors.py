"""Errors that the user can fix: each message says what was expected, what was found, where, and what to do."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches


class MusiclabError(Exception):
    """Base of all errors that the command line prints as one message, with exit status 2."""


class AudioError(MusiclabError, ValueError):
    """A file or a waveform cannot be used as sound."""


class DatasetError(MusiclabError, ValueError):
    """A data set, an index or a split cannot be used."""


class StoreError(MusiclabError, ValueError):
    """A store cannot be read, or does not hold what is asked of it."""


class RunError(MusiclabError, ValueError):
    """A run folder, a checkpoint or a training setting cannot be used."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """End a message about an unknown name with the nearest known one, or with nothing if none is near.

    Examples
    --------
    >>> did_you_mean("cmn", ["cnn", "lstm"])
    '; did you mean cnn?'
    >>> did_you_mean("zebra", ["cnn", "lstm"])
    ''
    """
    close = get_close_matches(name, list(known), n=1)
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
    one, other = (", ".join(f"{key}={_shortened(entries.get(key))}" for key in keys) for entries in (expected, actual))
    return one, other


def _shortened(value) -> str:
    if isinstance(value, list) and len(value) > 5:
        return f"{len(value)} such as {value[0]}"
    return str(value)
