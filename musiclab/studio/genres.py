"""Load genres from TOML. :data:`GENRES` holds the ten of GTZAN, as described in ``genres.toml``."""

import tomllib
from pathlib import Path

from musiclab.studio.genre import Genre, Groove


def load_genres(path: str | Path) -> dict[str, Genre]:
    """Load a TOML file of genres, in the format of ``musiclab/studio/genres.toml``, as a dict from name to genre.

    Raises
    ------
    DatasetError
        If a pattern, instrument, scale or section is unknown.

    Examples
    --------
    >>> genre = load_genres("mine.toml")["waltz"]  # doctest: +SKIP
    >>> studio.render(genre, seed=3, seconds=10)  # doctest: +SKIP
    """
    descriptions = _lists_to_tuples(tomllib.loads(Path(path).read_text(encoding="utf-8")))
    return {
        name: Genre(name, **settings | {"grooves": tuple(Groove(**groove) for groove in settings["grooves"])})
        for name, settings in descriptions.items()
    }


def _lists_to_tuples(value):
    """Replace lists by tuples at every level, because a genre must be immutable."""
    if isinstance(value, dict):
        return {name: _lists_to_tuples(entry) for name, entry in value.items()}
    return tuple(map(_lists_to_tuples, value)) if isinstance(value, list) else value


GENRES = load_genres(Path(__file__).with_name("genres.toml"))
"""The ten built-in genres by name, in alphabetical order: a dictionary of :class:`Genre`."""
