"""The ``musiclab`` command: parse the arguments, call the library, print the results.

Examples
--------
The command line calls the functions of :mod:`musiclab.runs` and its neighbours::

    musiclab scan recordings                          # list faulty and duplicate files
    musiclab prepare recordings recordings.h5         # compute the features once
    musiclab train cnn recordings.h5 --out runs/cnn
    musiclab compare runs/cnn runs/mlp
    musiclab predict runs/cnn new.wav --csv predictions.csv
"""

import errno
import logging
import os
import sys
from contextlib import suppress

from musiclab.core.errors import MusiclabError


def main() -> None:
    """Run the ``musiclab`` command.

    Errors that the user can fix are printed as a message without a traceback, with exit status 2. Ctrl-C exits with
    status 130.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.stdout.reconfigure(errors="backslashreplace")  # for letters that the terminal cannot show
    try:
        _run()
    except BrokenPipeError:  # the program that reads the output has closed it
        _exit(141)  # as of a program that SIGPIPE ends
    except KeyboardInterrupt as interrupt:
        _exit(130, str(interrupt) or "stopped")
    except MusiclabError as error:
        _exit(2, str(error))
    except MemoryError as error:
        _exit(2, f"not enough memory ({error or 'no details'}). Close other programs, or use a larger machine.")
    except OSError as error:  # no space, no permission, a file instead of a folder
        fallback = "standard output" if error.errno == errno.ENOSPC else "a file"  # see core.files.replacing
        name = error.filename2 or error.filename or fallback  # filename2 is the new name of a file to rename
        _exit(2, f"{name}: cannot be read or written ({error.strerror or error})")


def _run() -> None:
    from musiclab.cli.commands import app  # here, so that main handles Ctrl-C during this import

    try:
        app()
    except SystemExit as system_exit:
        if isinstance(system_exit.__context__, BrokenPipeError):  # click exits with 1
            raise system_exit.__context__ from None
        interrupt = getattr(system_exit.__context__, "__cause__", None)
        if isinstance(interrupt, KeyboardInterrupt):  # typer catches it without printing a message
            raise interrupt from None
        sys.stdout.flush()  # main can still report an error of this flush
        raise


def _exit(status: int, message: str = "") -> None:
    with suppress(OSError):
        if message:
            print(f"musiclab: {message}", file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:  # otherwise Python flushes again at exit and prints a traceback
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)
