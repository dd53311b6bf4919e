"""The first block of a store: checksums of all that is in the file except the values, which have their own.

HDF5 leaves these bytes to the program that writes the file (they are its *user block*). Ours are one line of text,
filled up with spaces::

    musiclab-store {"version": 4, "values": [[begin, bytes], ...], "crc32": {PART: CHECKSUM, ...}, "sha256": ...}

``values`` says which bytes of the file hold values. ``crc32`` has a checksum for each part of the rest: the attributes,
the index, and the layout of each feature. ``sha256`` covers both of these and every byte of the file that is neither in
this block nor among the values, except the four by which HDF5 marks a file that is open for writing.

A store whose seal is intact is as it was written. Only such a file is given to HDF5 in this process, because on a
damaged one HDF5 may crash or never return.
"""

import hashlib
import json
from typing import BinaryIO

from musiclab.core.errors import StoreError

FORMAT, VERSION = "musiclab-store", 4
SIZE = 4096
"""Bytes of the block."""

_FLAGS = [SIZE + 20, 4]  # bytes that HDF5 changes while a program has the file open for writing
_PIECE = 1 << 20  # bytes that are read at once


def make_seal(file: BinaryIO, values: list[list[int]], crc32: dict[str, str]) -> bytes:
    """Compute the first block of a store from the rest of its file.

    Parameters
    ----------
    file
        The store, open for reading.
    values
        First byte and number of bytes of the values of each feature, in the order in which they lie in the file.
    crc32
        Checksum of each other part, as eight hexadecimal digits.

    Raises
    ------
    ValueError
        ``values`` are not one behind the other in the file.
    """
    digest = hashlib.sha256(json.dumps([values, crc32]).encode())
    end = SIZE
    for begin, size in [_FLAGS, *values, [file.seek(0, 2), 0]]:
        _add_bytes(digest, file, end, begin)
        end = begin + size
    facts = {"version": VERSION, "values": values, "crc32": crc32, "sha256": digest.hexdigest()}
    line = f"{FORMAT} {json.dumps(facts)}".encode().ljust(SIZE - 1) + b"\n"
    if len(line) > SIZE:
        raise StoreError(f"expected at most {SIZE} bytes of checksums, found {len(line)}; store fewer features")
    return line


def read_seal(file: BinaryIO) -> tuple[dict[str, str], bool]:
    """Read the checksums in the first block of a file, and say whether the seal is intact.

    What is not a seal gives no checksums, and False.
    """
    file.seek(0)
    block = file.read(SIZE)
    try:
        facts = json.loads(block.removeprefix(FORMAT.encode()))
        values, crc32 = facts["values"], {str(part): str(crc) for part, crc in facts["crc32"].items()}
        return crc32, make_seal(file, values, crc32) == block
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return {}, False


def _add_bytes(digest, file: BinaryIO, begin: int, end: int) -> None:
    if end < begin:
        raise ValueError(f"expected values behind byte {begin}, found some at {end}")
    file.seek(begin)
    while begin < end and (piece := file.read(min(_PIECE, end - begin))):
        digest.update(piece)
        begin += len(piece)
