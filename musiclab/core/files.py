"""Write files atomically, and locate the cache folder."""

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
    """Yield a temporary file next to ``path``, and rename it to ``path`` if the block succeeds.

    ``path`` always holds either the complete old file or the complete new file, even after an error, a kill or a full
    disk. Unfinished files of killed processes in the same folder are removed.

    Raises
    ------
    OSError
        The file cannot be written. ``filename`` of the error is ``path``. If a library raises an error of its own for a
        failed write, it is replaced by the OSError of the disk, which gives the reason.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with replacing(f"{folder}/notes.txt") as unfinished:
    ...         _ = unfinished.write_text("complete")
    ...     Path(folder, "notes.txt").read_text()
    'complete'
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
    """Write ``value`` as indented JSON with :func:`replacing`, and return the path."""
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return Path(path)


def write_csv(path: str | Path, table, errors: str = "strict") -> Path:
    """Write a pandas table as CSV in UTF-8 with :func:`replacing`, without its index, and return the path.

    ``errors`` is the handling of text that is not UTF-8, as in :meth:`pandas.DataFrame.to_csv`.
    """
    with replacing(path) as unfinished:
        table.to_csv(unfinished, index=False, encoding="utf-8", errors=errors)
    return Path(path)


def check_can_make(folder: str | Path, description: str = "a new run folder") -> None:
    """Raise RunError if a folder cannot be created or written to."""
    if Path(folder).is_file():
        raise RunError(f"{folder}: expected {description}, found a file; choose another folder")
    nearest = next(path for path in (Path(folder).absolute(), *Path(folder).absolute().parents) if path.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK)):
        raise RunError(f"{folder}: cannot create {description}, because {nearest} is not writable; choose another")


def check_can_write(path: Path, description: str, example: str) -> None:
    """Raise RunError if a file cannot be written. ``example`` is a file name for the message."""
    if path.is_dir():
        raise RunError(f"{path} is a folder. Choose a file name for {description}, such as {path / example}.")
    check_can_make(path.absolute().parent, f"the folder of {description}")


def cache_folder() -> Path:
    """Return the folder for rendered audio and prepared stores.

    The environment variable ``MUSICLAB_CACHE`` overrides the default, a folder in the user's cache folder.
    """
    if folder := os.environ.get("MUSICLAB_CACHE"):
        return Path(folder)
    import platformdirs  # not at the top, because it is rarely needed

    return Path(platformdirs.user_cache_dir("musiclab", appauthor=False))


def _try_to_write(path: Path) -> OSError | None:
    """Append to a file, and return the error, or None if the write succeeds."""
    try:
        with path.open("ab") as file:
            file.write(bytes(1 << 20))
    except OSError as error:
        return error
    return None


def _remove_leftovers(folder: Path) -> None:
    with os.scandir(folder) as entries:
        for entry in islice(entries, 1000):  # limited, because every write scans its folder
            match = _UNFINISHED.fullmatch(entry.name)
            if match and match["mark"] not in _in_progress and not _is_running(int(match["process"])):
                with suppress(OSError):  # removed by another process, or still open on Windows
                    os.unlink(entry.path)


def _is_running(process: int) -> bool:
    """Return True if a process with this id is running, other than the current one."""
    if process == os.getpid() or os.name == "nt":  # os.kill cannot check on Windows, where open files are protected
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # a running process of another user
        return True
    return True


_MACHINE = f"{zlib.crc32(platform.node().encode()):08x}"  # process ids are only valid on one machine
_UNFINISHED = re.compile(rf"\..*-(?P<mark>{_MACHINE}-(?P<process>\d{{1,9}})-[0-9a-f]{{8}})(\..*)?", re.DOTALL)
_in_progress: set[str] = set()  # marks of the files that this process is writing
