"""Write files completely or not at all, and find the cache folder."""

import json
import os
import platform
import re
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from musiclab.core.errors import RunError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a new file beside ``path`` to write to, and rename it to ``path`` if the block succeeds.

    Even after an error, a kill or on a full disk, ``path`` holds the old file or the new one, never half of one. What
    killed processes have left unfinished in the folder is removed.

    Raises
    ------
    OSError
        The file cannot be written; its ``filename`` is ``path``. That is also so where a library reports a write that
        failed as an error of its own, which rarely says why.

    Examples
    --------
    >>> with replacing("notes.txt") as unfinished:  # doctest: +SKIP
    ...     unfinished.write_text("all of it")
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path.parent)
    mark = f"{_MACHINE}-{os.getpid()}-{secrets.token_hex(4)}"
    unfinished = path.with_name(f".{path.stem[:40]}-{mark}{path.suffix}")
    _in_progress.add(mark)
    try:
        unfinished.open("xb").close()
        yield unfinished
        os.replace(unfinished, path)
    except Exception as error:
        reason = error if isinstance(error, OSError) and error.errno else _try_to_write(unfinished)
        if reason is None or reason.filename not in (None, str(unfinished)):
            raise
        raise OSError(reason.errno, reason.strerror, str(path)) from error
    finally:
        unfinished.unlink(missing_ok=True)
        _in_progress.discard(mark)


def write_json(path: str | Path, value) -> Path:
    """Write ``value`` as indented JSON, completely or not at all."""
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return Path(path)


def write_csv(path: str | Path, table, errors: str = "strict") -> Path:
    """Write a pandas table without its index as CSV in UTF-8, completely or not at all.

    ``errors`` says what becomes of text that is not UTF-8, as for :meth:`pandas.DataFrame.to_csv`.
    """
    with replacing(path) as unfinished:
        table.to_csv(unfinished, index=False, encoding="utf-8", errors=errors)
    return Path(path)


def check_can_make(folder: str | Path, what: str = "a run folder to make") -> None:
    """Raise RunError if a folder cannot be made, or written to."""
    if Path(folder).is_file():
        raise RunError(f"{folder}: expected {what}, found a file; name another folder")
    nearest = next(path for path in (Path(folder).absolute(), *Path(folder).absolute().parents) if path.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK)):
        raise RunError(f"{folder}: expected {what}, found that {nearest} cannot be written to; name another")


def cache_folder() -> Path:
    """Return the folder for rendered sounds and stores: ``MUSICLAB_CACHE``, or one in the user's cache folder."""
    if folder := os.environ.get("MUSICLAB_CACHE"):
        return Path(folder)
    import platformdirs  # not at the top, because training from a store works without it

    return Path(platformdirs.user_cache_dir("musiclab", appauthor=False))


def _try_to_write(path: Path) -> OSError | None:
    """Return the error of writing some more to a file, or None if that works."""
    try:
        with path.open("ab") as file:
            file.write(bytes(1 << 20))
    except OSError as error:
        return error
    return None


def _remove_leftovers(folder: Path) -> None:
    with os.scandir(folder) as entries:
        for entry in islice(entries, 1000):  # no more, because each file that is written looks through its folder
            left = _UNFINISHED.fullmatch(entry.name)
            if left and left["mark"] not in _in_progress and not _is_running(int(left["process"])):
                with suppress(OSError):  # another process was faster, or Windows, which removes nothing that is open
                    os.unlink(entry.path)


def _is_running(process: int) -> bool:
    """Return True if another process has that number."""
    if process == os.getpid() or os.name == "nt":  # Windows has no such question, and protects what is open
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it runs for somebody else
        return True
    return True


_MACHINE = f"{zlib.crc32(platform.node().encode()):08x}"  # a folder may be shared with others
_UNFINISHED = re.compile(rf"\..*-(?P<mark>{_MACHINE}-(?P<process>\d{{1,9}})-[0-9a-f]{{8}})(\..*)?", re.DOTALL)
_in_progress: set[str] = set()  # marks in the names of files that this process is writing
