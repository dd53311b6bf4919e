"""Write files completely or not at all, and find the cache folder."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a new file beside ``path`` to write to, and rename it to ``path`` if the block succeeds.

    Even after an error, a kill or on a full disk, ``path`` holds the old file or the new one, never half of one.

    Examples
    --------
    >>> with replacing("notes.txt") as unfinished:  # doctest: +SKIP
    ...     unfinished.write_text("all of it")
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    unfinished = Path(name)
    try:
        yield unfinished
        unfinished.chmod(0o666 & ~_umask())  # because mkstemp makes private files
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_json(path: str | Path, value) -> Path:
    """Write ``value`` as indented JSON, completely or not at all."""
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return Path(path)


def cache_folder() -> Path:
    """Return the folder for rendered sounds and stores: ``MUSICLAB_CACHE``, or one in the user's cache folder."""
    if folder := os.environ.get("MUSICLAB_CACHE"):
        return Path(folder)
    import platformdirs  # not at the top, because training from a store works without it

    return Path(platformdirs.user_cache_dir("musiclab", appauthor=False))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
