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
    """Write a file atomically: yield a temporary file, and rename it to its final name if the block succeeds.

    So ``path`` always holds either the complete old file or the complete new one, even after an error, a kill or a full
    disk. Unfinished files of killed processes in the same folder are removed.

    Parameters
    ----------
    path : str or Path
        File to write or replace. Its folder is created if necessary.

    Yields
    ------
    Path
        Temporary file in the same folder. Write to it inside the ``with`` block.

    Raises
    ------
    OSError
        If the file can't be written. Its ``filename`` is ``path``. If a library raises an error of its own for a failed
        write, it is replaced by the OSError of the disk, which gives the reason.

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
    """Write a value as an indented JSON file, atomically (see :func:`replacing`).

    Parameters
    ----------
    path : str or Path
        File to write. An existing file is replaced.
    value : object
        Value that JSON can represent, such as a dictionary.

    Returns
    -------
    Path
        Path of the file.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     json.loads(write_json(f"{folder}/settings.json", {"seed": 0}).read_text())
    {'seed': 0}
    """
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return Path(path)


def write_csv(path: str | Path, table, errors: str = "strict") -> Path:
    """Write a table as a CSV file in UTF-8, atomically (see :func:`replacing`).

    Parameters
    ----------
    path : str or Path
        File to write. An existing file is replaced.
    table : pandas.DataFrame
        Table. Its index is not written.
    errors : str
        What to do with text that is not UTF-8, as in :meth:`pandas.DataFrame.to_csv`. The default ``"strict"`` raises
        an error.

    Returns
    -------
    Path
        Path of the file.

    Examples
    --------
    >>> write_csv("results.csv", table)  # doctest: +SKIP
    """
    with replacing(path) as unfinished:
        table.to_csv(unfinished, index=False, encoding="utf-8", errors=errors)
    return Path(path)


def check_can_make(folder: str | Path, description: str = "a new run folder") -> None:
    """Raise an error if a folder can't be created or written to.

    Parameters
    ----------
    folder : str or Path
        Folder that is needed. It may exist already.
    description : str
        What the folder is for, in the error message. Default: "a new run folder".

    Raises
    ------
    RunError
        If ``folder`` is a file, or its nearest existing parent folder is not writable.

    Examples
    --------
    >>> check_can_make("runs/cnn")  # doctest: +SKIP
    """
    if Path(folder).is_file():
        raise RunError(f"{folder}: expected {description}, found a file; choose another folder")
    nearest = next(path for path in (Path(folder).absolute(), *Path(folder).absolute().parents) if path.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK)):
        raise RunError(f"{folder}: cannot create {description}, because {nearest} is not writable; choose another")


def cache_folder() -> Path:
    """Return the cache folder, which keeps rendered audio and prepared stores.

    It is a folder in the user's cache folder. The environment variable ``MUSICLAB_CACHE`` overrides it.

    Returns
    -------
    Path
        Cache folder. It may not exist yet.

    Examples
    --------
    >>> cache_folder().name  # doctest: +SKIP
    'musiclab'
    """
    if folder := os.environ.get("MUSICLAB_CACHE"):
        return Path(folder)
    import platformdirs  # not at the top, because training from a store works without it

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
