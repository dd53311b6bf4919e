"""Run a submitted notebook in a process of its own, which yields nothing but data.

The grader starts ``python -m musiclab.lessons.submission`` and writes one line of JSON to its standard input. The
process gives up its access to files, runs the cells and writes the answers as lines of JSON. Later lines of the input
are calls of functions that the student wrote. No test and no solution ever enters this process.
"""

import base64
import ctypes
import io
import json
import os
import struct
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

LARGEST = 1 << 26  # bytes of an array that is handed in
LONGEST_CALLS = 60  # seconds that all calls of a student's functions may take


def encode(value, functions: dict[str, Callable] | None = None):
    """Convert an answer to JSON: numbers, text, arrays and containers of them. Nothing is pickled.

    Parameters
    ----------
    value : object
        Answer. Columns of tables become arrays.
    functions : dict, optional
        Receives each function in the answer by its key.

    Returns
    -------
    object
        Value that :mod:`json` can write. Objects that aren't data become ``{"other": NAME_OF_TYPE}``.

    Examples
    --------
    >>> encode((1, None, {"a": 2.5}))
    {'tuple': [1, None, {'dict': [['a', 2.5]]}]}
    >>> encode(object())
    {'other': 'object'}
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value).__module__ == "torch" and hasattr(value, "detach"):
        return {"tensor": encode(value.detach().cpu().numpy())}
    if hasattr(value, "to_numpy") and not isinstance(value, type):  # columns of tables
        value = value.to_numpy()
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "O":
            return encode(value.tolist(), functions)
        if value.dtype.kind in "biufcUS" and value.nbytes <= LARGEST:
            buffer = io.BytesIO()
            np.save(buffer, value, allow_pickle=False)
            return {"array": base64.b64encode(buffer.getvalue()).decode()}
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    if isinstance(value, list | tuple):
        items = [encode(item, functions) for item in value]
        return items if isinstance(value, list) else {"tuple": items}
    if isinstance(value, Mapping):
        return {"dict": [[encode(key, functions), encode(item, functions)] for key, item in value.items()]}
    if callable(value) and not isinstance(value, type) and functions is not None and not hasattr(value, "parameters"):
        key = str(len(functions))
        functions[key] = value
        return {"function": key}
    return {"other": type(value).__name__}


def decode(value, call: Callable | None = None):
    """Convert the JSON of :func:`encode` back. ``call(key, arguments)`` calls a function in the other process.

    Raises
    ------
    ValueError
        If the value isn't data.

    Examples
    --------
    >>> decode(encode((1, np.arange(3))))
    (1, array([0, 1, 2]))
    """
    if isinstance(value, list):
        return [decode(item, call) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "array":
        array = np.load(io.BytesIO(base64.b64decode(content)), allow_pickle=False)
        return array if array.ndim else array[()]
    if kind == "tuple":
        return tuple(decode(content, call))
    if kind == "dict":
        return {decode(key, call): decode(item, call) for key, item in content}
    if kind == "complex":
        return complex(*content)
    if kind == "tensor":
        import torch  # not at the top, because it takes a second

        return torch.as_tensor(decode(content))
    if kind == "function" and call:
        return lambda *arguments: call(content, arguments)
    raise ValueError(f"your answer is of type {content}, which can't be graded by a program")


# Limits

_READ, _WRITE = 0b1101, (1 << 16) - 1  # Landlock: execute, read files and folders; everything


def limit(seconds: int, megabytes: int) -> None:
    """Limit the processor time, memory, and size of files of this process."""
    import resource

    limits = {"CPU": seconds + LONGEST_CALLS, "DATA": megabytes << 20, "FSIZE": 1 << 30, "CORE": 0}
    for name, value in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


def can_confine() -> int:
    """Return the version of Landlock, with which a Linux process gives up its access to files, or 0 without it."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, _syscall(444, None, 0, 1))


def confine(folder: Path, readable: Iterable[Path]) -> None:
    """Give up access to all files except those in ``folder`` (everything) and ``readable`` (reading).

    Connections to the network and signals to other processes are given up as well, if the system supports it.
    """
    version = can_confine()
    if not version:
        return
    handled = _WRITE if version >= 5 else (1 << (12 + min(version, 3))) - 1
    attributes = struct.pack("QQQ", handled, 0b11, 0b11)[: 8 if version < 4 else 16 if version < 6 else 24]
    rules = _syscall(444, attributes, len(attributes), 0)
    rights = {folder: handled, Path("/dev/null"): handled & 0b110, **dict.fromkeys(readable, _READ)}
    for path, access in rights.items():
        if not path.exists():
            continue
        opened = os.open(path, os.O_PATH)
        _syscall(445, rules, 1, struct.pack("=Qi", access if path.is_dir() else access & 0b111, opened), 0)
        os.close(opened)
    _LIBC.prctl(38, 1, 0, 0, 0)  # no new privileges, which Landlock asks for
    if _syscall(446, rules, 0):
        raise OSError("this process could not give up its access to files")
    os.close(rules)


_LIBC = ctypes.CDLL(None) if sys.platform.startswith("linux") else None


def _syscall(*arguments) -> int:
    return _LIBC.syscall(*arguments)


# The process


def main() -> None:
    """Run the cells of one submission, and send its answers."""
    request = json.loads(sys.stdin.readline())
    channel = os.fdopen(os.dup(1), "w")
    calls = os.fdopen(os.dup(0))
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):  # what the student prints goes nowhere
        os.dup2(nothing, stream)
    from IPython.core.interactiveshell import InteractiveShell  # before the access to files is given up

    folder = Path.cwd()
    limit(request["seconds"], request["megabytes"])
    confine(folder, map(Path, request["readable"]))
    shell = InteractiveShell.instance(history_load_length=0)
    functions: dict[str, Callable] = {}
    sent = {}

    def send(**message) -> None:
        channel.write(json.dumps(message) + "\n")
        channel.flush()

    def send_answers(only_new: bool) -> None:
        for name in request["names"]:
            answer = shell.user_ns.get(name)
            if answer is not None and not (only_new and answer is sent.get(name)):
                sent[name] = answer
                try:
                    send(name=name, answer=encode(answer, functions))
                except Exception as error:  # an answer that contains itself, or that fights back
                    send(name=name, answer={"other": f"{type(answer).__name__} ({type(error).__name__})"})

    for number, source in enumerate(request["cells"], start=1):
        result = shell.run_cell(source, silent=True)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            send(error=f"cell {number}: {type(error).__name__}: {str(error)[:200]}")
        send_answers(only_new=True)
    send_answers(only_new=False)  # some may have been changed in place
    send(done=True)
    for line in calls:
        message = json.loads(line)
        try:
            result = functions[message["call"]](*decode(message["arguments"]))
            send(result=encode(result))
        except Exception as error:
            send(failed=f"{type(error).__name__}: {str(error)[:200]}")


if __name__ == "__main__":
    main()
