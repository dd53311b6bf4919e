"""Protect a store with a seal: checksums of everything except the values, which have checksums of their own.

The seal is the first block of the file, which HDF5 leaves to applications (the *user block*). It is one line of text,
padded with spaces::

    musiclab-store {"version": 4, "values": [[begin, bytes], ...], "crc32": {PART: CHECKSUM, ...}, "sha256": ...}

``values`` lists the byte ranges of the values. ``crc32`` has one checksum for each other part: the attributes, the
index, and the layout of each feature. ``sha256`` covers these two fields and all bytes outside the seal and the values,
except the four bytes in which HDF5 marks a file that is open for writing.

A store with an intact seal is unchanged since it was written. This process opens only such files with HDF5, which may
crash or hang on a damaged file.
"""

import hashlib
import json
from typing import BinaryIO

from musiclab.core.errors import StoreError

FORMAT, VERSION = "musiclab-store", 4
SIZE = 4096
"""Size of the seal in bytes."""

_FLAGS = [SIZE + 20, 4]  # first byte and size of the field that HDF5 changes while the file is open for writing
_BLOCK = 1 << 20  # bytes that are read at once


def make_seal(file: BinaryIO, values: list[list[int]], crc32: dict[str, str]) -> bytes:
    """Compute the seal of a store.

    Parameters
    ----------
    file
        Store file, open for reading.
    values
        First byte and size in bytes of the values of each feature, in file order.
    crc32
        Checksum of each other part, as eight hexadecimal digits.

    Raises
    ------
    ValueError
        The ranges in ``values`` overlap or are not in file order.
    """
    digest = hashlib.sha256(json.dumps([values, crc32]).encode())
    end = SIZE
    for begin, size in [_FLAGS, *values, [file.seek(0, 2), 0]]:
        _add_bytes(digest, file, end, begin)
        end = begin + size
    fields = {"version": VERSION, "values": values, "crc32": crc32, "sha256": digest.hexdigest()}
    line = f"{FORMAT} {json.dumps(fields)}".encode().ljust(SIZE - 1) + b"\n"
    if len(line) > SIZE:
        raise StoreError(f"the checksums take {len(line)} bytes, more than the limit of {SIZE}; store fewer features")
    return line


def read_seal(file: BinaryIO) -> tuple[dict[str, str], bool]:
    """Return the checksums in the seal of a file, and True if the seal is intact.

    A file without a seal gives an empty dictionary and False.
    """
    file.seek(0)
    block = file.read(SIZE)
    try:
        fields = json.loads(block.removeprefix(FORMAT.encode()))
        values, crc32 = fields["values"], {str(part): str(crc) for part, crc in fields["crc32"].items()}
        return crc32, make_seal(file, values, crc32) == block
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return {}, False


def _add_bytes(digest, file: BinaryIO, begin: int, end: int) -> None:
    if end < begin:
        raise ValueError(f"expected values after byte {begin}, found some at {end}")
    file.seek(begin)
    while begin < end and (block := file.read(min(_BLOCK, end - begin))):
        digest.update(block)
        begin += len(block)
