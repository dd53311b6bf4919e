"""Read genres from TOML: :data:`GENRES` has the ten of GTZAN, described in ``genres.toml``."""

import tomllib
from pathlib import Path

from musiclab.studio.genre import Genre, Groove


def load_genres(path: str | Path) -> dict[str, Genre]:
    """Load genres by name from a TOML file, written as ``musiclab/studio/genres.toml`` is.

    Raises
    ------
    DatasetError
        A genre names a pattern, an instrument, a scale or a section that the studio does not have.

    Examples
    --------
    >>> genre = load_genres("mine.toml")["waltz"]  # doctest: +SKIP
    >>> studio.render(genre, seed=3, seconds=10)  # doctest: +SKIP
    """
    described = _with_tuples(tomllib.loads(Path(path).read_text(encoding="utf-8")))
    return {
        name: Genre(name, **settings | {"grooves": tuple(Groove(**groove) for groove in settings["grooves"])})
        for name, settings in described.items()
    }


def _with_tuples(value):
    """Replace lists by tuples, at any depth: a genre never changes."""
    if isinstance(value, dict):
        return {name: _with_tuples(entry) for name, entry in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value


GENRES = load_genres(Path(__file__).with_name("genres.toml"))
