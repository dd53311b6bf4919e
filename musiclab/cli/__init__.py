"""The command ``musiclab``: read arguments, call the library, print results."""

import errno
import logging
import os
import sys
from contextlib import suppress

from musiclab.core.errors import MusiclabError


def main() -> None:
    """Run the command.

    An error that the user can fix is printed as one message, with exit status 2. Ctrl-C ends it with status 130.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.stdout.reconfigure(errors="backslashreplace")  # because a name may have letters that a terminal has not
    try:
        _run()
    except BrokenPipeError:  # the program that reads the output has seen enough
        _end(1)
    except KeyboardInterrupt as stopped:
        _end(130, str(stopped) or "stopped")
    except MusiclabError as error:
        _end(2, str(error))
    except MemoryError as error:
        _end(2, f"not enough memory ({error or 'no details'}); end other programs, or use a machine with more")
    except OSError as error:  # no space, no permission, a file instead of a folder
        unnamed = "standard output" if error.errno == errno.ENOSPC else "a file"  # files have names: see replacing
        name = error.filename2 or error.filename or unnamed  # filename2 is the new name of a file to rename
        _end(2, f"{name}: cannot be read or written ({error.strerror or error})")


def _run() -> None:
    from musiclab.cli.commands import app  # not at the top, because Ctrl-C may come while it is being imported

    try:
        app()
    except SystemExit as end:
        stopped = getattr(end.__context__, "__cause__", None)
        if isinstance(stopped, KeyboardInterrupt):  # typer has caught it, and says nothing
            raise stopped from None
        sys.stdout.flush()  # now, because an error would have no message later
        raise


def _end(status: int, message: str = "") -> None:
    with suppress(OSError):
        if message:
            print(f"musiclab: {message}", file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:  # Python would try again at its end, and complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)
