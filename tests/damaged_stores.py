"""Damage stores in every way that a disk, a program or a malicious person can, to see what is made of them."""

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from types import SimpleNamespace

import h5py
import numpy as np

from musiclab.core.errors import MusiclabError
from musiclab.store import Store, seal, verify

WEIRD = (
    "", "null", "[]", "{}", "0", "NaN", '"x"', '["x"]', '["x", "x"]', "[1]", '{"audio": null}', '{"audio": {}}', "[[[",
    '{"audio": {"sample_rate": "x"}}', '{"audio": {"sample_rate": -1}}', '{"../x": {}}', '{"": {}}', '{"a/b": {}}',
    '{"features": {}}', '[["a", "b"]]', '[["a"]]', '{"numpy": 2}', "\x1b[2J\x07", "x" * 100_000, "{" * 50_000,
    '["\\ud800", "\\u0000"]', '{"\\ud800": {}}',
    0, -1, 2**63 - 1, 1.5, np.nan, True, b"bytes", np.arange(5), np.array(["a", "b"], dtype=object), np.zeros((0, 3)),
    h5py.Empty("f"), np.bytes_(b"\xff\xfe"),
)  # fmt: skip
"""Values for an attribute that should be something else."""


def flip_bits(path, rng) -> None:
    content = bytearray(path.read_bytes())
    for position in rng.integers(0, len(content), rng.integers(1, 20)):
        content[position] ^= 1 << rng.integers(8)
    path.write_bytes(content)


def flip_header_bits(path, rng) -> None:
    """Flip bits in what HDF5 reads first."""
    content = bytearray(path.read_bytes())
    for position in rng.integers(seal.SIZE, seal.SIZE + 3000, rng.integers(1, 6)):
        content[position] ^= 1 << rng.integers(8)
    path.write_bytes(content)


def overwrite(path, rng) -> None:
    content = bytearray(path.read_bytes())
    size = int(rng.integers(8, 600))
    begin = int(rng.integers(0, len(content) - size))
    content[begin : begin + size] = (bytes(size), b"\xff" * size, rng.bytes(size))[rng.integers(3)]
    path.write_bytes(content)


def move_bytes(path, rng) -> None:
    content = bytearray(path.read_bytes())
    size = int(rng.integers(8, 600))
    source, target = (int(begin) for begin in rng.integers(0, len(content) - size, 2))
    content[target : target + size] = content[source : source + size]
    path.write_bytes(content)


def truncate(path, rng) -> None:
    os.truncate(path, int(rng.integers(0, path.stat().st_size)))


def append(path, rng) -> None:
    path.write_bytes(path.read_bytes() + rng.bytes(int(rng.integers(1, 5000))))


def change_attribute(path, rng) -> None:
    with h5py.File(path, "r+") as file:
        names = ["version", "format", "classes", "config", "source", "failures", "versions", "as_of", "licence"]
        name = names[rng.integers(len(names))]
        if rng.integers(10):
            file.attrs[name] = WEIRD[rng.integers(len(WEIRD))]
        else:
            del file.attrs[name]


def change_feature_attribute(path, rng) -> None:
    with h5py.File(path, "r+") as file:
        group = file[("audio", "features/logmel")[rng.integers(2)]]
        group.attrs["names"] = WEIRD[rng.integers(len(WEIRD))]


def change_array(path, rng) -> None:
    """Replace an array by one of another type, shape or content, or by nothing."""
    with h5py.File(path, "r+") as file:
        group, name = _choose_array(file, rng)
        old = group[name][:]
        del group[name]
        replacements = (
            lambda: None,
            lambda: old[:-1],
            lambda: np.concatenate([old, old]),
            lambda: old[::-1],
            lambda: np.arange(old.size, dtype="f8"),
            lambda: np.full(old.shape, -1),
            lambda: np.array([b"x"] * len(old)),
            lambda: old[None],
            lambda: np.array(5),
            lambda: h5py.Empty("i8"),
        )
        array = replacements[rng.integers(len(replacements))]()
        if array is not None:
            group[name] = array


def swap_arrays(path, rng) -> None:
    with h5py.File(path, "r+") as file:
        (one, name), (other, its) = _choose_array(file, rng), _choose_array(file, rng)
        if one[name].name == other[its].name:
            other, its = file, "audio"
        file.move(one[name].name, "aside")
        file.move(other[its].name, f"{one.name}/{name}")
        file.move("aside", f"{other.name}/{its}" if its != "audio" else "audio")


def change_values(path, rng) -> None:
    """Change a value as another program would, through HDF5."""
    with h5py.File(path, "r+") as file:
        values = file[("audio/values", "features/logmel/values")[rng.integers(2)]]
        position = int(rng.integers(len(values)))
        values[position] = values[position] + 1


def point_elsewhere(path, rng) -> None:
    """Replace an array by one whose bytes are in another file."""
    secret = path.with_name("secret.h5")
    with h5py.File(path, "r+") as file:
        group, name = _choose_array(file, rng)
        old = group[name]
        shape, dtype = old.shape, old.dtype
        with h5py.File(secret, "w") as other:
            other.create_dataset("x", shape, dtype)
        del group[name]
        way = rng.integers(4)
        if way == 0:
            group[name] = h5py.ExternalLink(secret, "/x")
        elif way == 1:
            group[name] = h5py.SoftLink("/index/size")
        elif way == 2 and dtype.kind != "O":
            group.create_dataset(name, shape, dtype, external=[(str(secret), 0, h5py.h5f.UNLIMITED)])
        else:
            layout = h5py.VirtualLayout(shape, dtype)
            layout[...] = h5py.VirtualSource(secret, "x", shape, dtype)
            group.create_virtual_dataset(name, layout)


WAYS = (
    flip_bits, flip_header_bits, overwrite, move_bytes, truncate, append, change_attribute, change_feature_attribute,
    change_array, swap_arrays, change_values, point_elsewhere,
)  # fmt: skip


def reseal(path) -> None:
    """Make the seal fit what was changed, as somebody who means harm would."""
    with open(path, "r+b") as file:
        block = json.loads(file.read(seal.SIZE).removeprefix(seal.FORMAT.encode()))
        with suppress(ValueError):  # values that are no longer in the file
            block = seal.make_seal(file, block["values"], block["crc32"])
            file.seek(0)
            file.write(block)


def damage(path, rng, with_new_seal: bool = False) -> str:
    """Damage a store in a random way, and return the name of the way."""
    ways = WAYS[WAYS.index(change_attribute) :] if with_new_seal else WAYS
    way = ways[rng.integers(len(ways))]
    way(path, rng)
    if with_new_seal:
        reseal(path)
    return way.__name__ + " and seal" * with_new_seal


def open_as_the_commands_do(path) -> dict[str, str]:
    """Return what becomes of ``inspect`` and of ``verify``: result, faults, message, or what must not be."""
    outcomes = {}
    for name, read in (("inspect", inspect), ("verify", verify)):
        try:
            outcomes[name] = "faults" if read(path) else "result"
        except MusiclabError as error:
            outcomes[name] = "message" if str(path) in str(error) else f"message without the name: {error}"
        except Exception as error:
            outcomes[name] = f"{type(error).__name__}: {error}"
    return outcomes


def inspect(path) -> None:
    with Store(path) as store:
        store.describe().encode("utf-8", "backslashreplace")


def run_in_a_fork(command, timeout, **_) -> SimpleNamespace:
    """Stand in for ``subprocess.run`` of a Python command: a fork is there at once, with all that is imported."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(theirs, 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sys.argv = command[2:]
        sys.stdout = os.fdopen(1, "w")
        status = 1
        try:
            exec(command[2], {})
            sys.stdout.flush()
            status = 0
        finally:
            os._exit(status)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        pieces = []
        while select.select([pipe], [], [], timeout)[0] and (piece := os.read(pipe.fileno(), 1 << 16)):
            pieces.append(piece)
        is_late = not select.select([pipe], [], [], 0)[0]
    if is_late:
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if is_late:
        raise subprocess.TimeoutExpired(command, timeout)
    return SimpleNamespace(stdout=b"".join(pieces), returncode=status)


FORKS = SimpleNamespace(run=run_in_a_fork, TimeoutExpired=subprocess.TimeoutExpired, DEVNULL=subprocess.DEVNULL)
"""Stands in for the module ``subprocess``."""


def _choose_array(file: h5py.File, rng) -> tuple[h5py.Group, str]:
    group = file[("index", "audio", "features/logmel")[rng.integers(3)]]
    names = list(group)
    return group, names[rng.integers(len(names))]
