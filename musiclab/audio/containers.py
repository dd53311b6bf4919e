"""Find out what the bytes of a sound file hold, whatever its header says.

A decoder believes the header. Where that is wrong, it gets the same bytes with the right length in it.
"""

import math
import os
import re
import struct
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO

LONGEST = 2 * 86_400
"""Seconds: a header that claims more doesn't know how long the sound is."""

FEW = 64
"""Bytes that may be missing at the end, or that a header may count too many."""

_STREAMED = 0x7FFF0000  # bytes; recorders that write to a pipe claim 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF ...
_WINDOW = 65536  # bytes that are read at once
_PAGE = re.compile(b"OggS")
_FRAME = re.compile(rb"\xff[\xe2-\xff][\x10-\xef].", re.DOTALL)  # the header of an MPEG frame, or nearly
_TAIL = 4096  # bytes after the samples that may be anything, such as tags


@dataclass
class Contents:
    """What the bytes of a file hold."""

    file: "Patched | None" = None  # to decode in place of the file
    frames: int | None = None  # that the file claims or was found to hold; None: what the decoder says
    is_counted: bool = True  # False: only decoding tells how many frames there really are
    slack: int = 0  # frames that may be missing at the end
    missing: int = 0  # bytes that the header claims and the file does not hold
    note: str = ""


class Bytes:
    """The bytes of a file, of which a part is in memory.

    If the file were mapped into memory, an error of a disk or a network would end the process.
    """

    def __init__(self, file: BinaryIO):
        self._file, self._size = file, os.fstat(file.fileno()).st_size
        self._window, self._start = b"", 0

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        first, last, _ = part.indices(self._size)
        self._load(first, last)
        return self._window[first - self._start : last - self._start]

    def find(self, pattern: re.Pattern, position: int) -> int:
        """Return the position of the next four bytes that match, or -1."""
        while position + 4 <= self._size:
            self._load(position, position + 4)
            match = pattern.search(self._window, position - self._start)
            if match:
                return self._start + match.start()
            position = self._start + len(self._window) - 3
        return -1

    def _load(self, first: int, last: int) -> None:
        if self._start <= first and last <= self._start + len(self._window):
            return
        self._file.seek(first)
        self._window, self._start = self._file.read(max(last - first, _WINDOW)), first
        if len(self._window) < last - first:
            raise EOFError("it became shorter while it was read")

    def unpack(self, form: str, position: int) -> int:
        """Return the number in a format of :mod:`struct` at ``position``."""
        return struct.unpack(form, self[position : position + struct.calcsize(form)])[0]


class Patched:
    """Bytes ``start`` to ``end`` of a file, with ``patch`` written over those from ``field`` on.

    A decoder that guesses the number of frames from the size of a file gets ``size``. It can't take exceptions, so an
    ``error`` of reading is kept for later.
    """

    def __init__(
        self, data: Bytes, field: int = 0, patch: bytes = b"", start: int = 0, end: int | None = None, size: int = 0
    ):
        self._data, self._field, self._patch = data, field, patch
        self._start, self._end = start, len(data) if end is None else end
        self._size = max(size, self._end - start)
        self._position = 0
        self.error: OSError | EOFError | None = None

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = max(0, offset + (0, self._position, self._size)[whence])
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer) -> int:
        first = self._position + self._start
        try:
            chunk = self._data[first : min(first + len(buffer), self._end)]
        except (OSError, EOFError) as error:
            self.error = error
            return 0
        if first >= self._end and self._size > self._position >= self._size - 128:  # where decoders look for a tag
            chunk = bytes(min(len(buffer), self._size - self._position))
        buffer[: len(chunk)] = chunk
        low, high = max(first, self._field), min(first + len(chunk), self._field + len(self._patch))
        if low < high:
            buffer[low - first : high - first] = self._patch[low - self._field : high - self._field]
        self._position += len(chunk)
        return len(chunk)


def examine(data: Bytes) -> Contents:
    """Find out what the bytes of a file hold, except for mp3."""
    start = _after_id3(data)
    if data[start : start + 4] == b"fLaC":
        return _examine_flac(data, start)
    if data[:4] == b"OggS":
        return _examine_ogg(data)
    if data[:7] == b"NIST_1A":
        numbers = re.findall(rb"(?:sample_count|channel_count|sample_n_bytes) -i (\d+)", data[:1024])
        claimed = int(data[8:16]) + math.prod(map(int, numbers)) if len(numbers) > 1 else 0
        return Contents(missing=max(0, claimed - len(data)))
    if data[:19] == b"Creative Voice File":
        block = data.unpack("<H", 20)  # its kind, and its size in three bytes
        return Contents(missing=max(0, block + 4 + (data.unpack("<I", block) >> 8) - len(data)))
    field = _find_size(data)
    return _examine_size(data, *field) if field else Contents()


def _after_id3(data: Bytes) -> int:
    """Return the position after all ID3v2 tags at the beginning of a file."""
    start = 0
    while data[start : start + 3] == b"ID3" and start + 10 <= len(data):
        flags, *size = data[start + 5 : start + 10]
        start += 10 + sum((byte & 127) << shift for byte, shift in zip(size, (21, 14, 7, 0), strict=True))
        start += 10 if flags & 16 else 0  # a footer
    return start


def _examine_flac(data: Bytes, start: int) -> Contents:
    """Let the decoder read to the end, by the total that means "unknown", and compare it with what was claimed."""
    field = start + 18  # of 8 bytes: sample rate, channels, bits, and the total, in the last 36 bits
    value = data.unpack(">Q", field)
    total = value % 2**36
    end = len(data) - 128 if data[-128:-125] == b"TAG" else len(data)  # an ID3v1 tag
    file = Patched(data, field, struct.pack(">Q", value - total), start, end)
    longest = data.unpack(">H", start + 10)
    return Contents(file, total or -1, is_counted=False, slack=longest)


def _examine_ogg(data: Bytes) -> Contents:
    """Walk through the pages (RFC 3533, section 6) to the last one, which must be complete and end the stream."""
    position, streams, is_ended = 0, 1, False
    while (position := data.find(_PAGE, position)) >= 0:
        header = data[position : position + 27]
        if len(header) < 27:
            return Contents(missing=FEW + 1)
        flags, segments = header[5], header[26]
        streams += bool(is_ended and flags & 2)
        is_ended = bool(flags & 4)
        position += 27 + segments + sum(data[position + 27 : position + 27 + segments])
        if position > len(data):
            return Contents(missing=position - len(data) if is_ended else max(position - len(data), FEW + 1))
    note = f"{streams} recordings one after the other, of which only the first is read" if streams > 1 else ""
    return Contents(missing=0 if is_ended else FEW + 1, note=note)


# First bytes of files of chunks: position of the first chunk, the chunk of samples, its bytes before the first sample
# (as far as they are counted), format of a size, and bytes of a name.
_CHUNKS = {
    b"RIFF": (12, b"data", 0, "<I", 4),
    b"RIFX": (12, b"data", 0, ">I", 4),
    b"RF64": (12, b"data", 0, "<I", 4),
    b"FORM": (12, b"SSND", 8, ">I", 4),
    b"caff": (8, b"data", 4, ">q", 4),
    b"riff": (40, b"data", 24, "<q", 16),
}


def _find_size(data: Bytes) -> tuple[int, str, int, int] | None:
    """Find how many bytes of samples a header claims.

    Returns the position and the format of that number, the position from which it counts, and what it is of an empty
    sound; None for other files.
    """
    magic = data[:4]
    if magic in (b".snd", b"dns.") and len(data) >= 24:
        order = ">" if magic == b".snd" else "<"
        return 8, f"{order}I", data.unpack(f"{order}I", 4), 0
    if magic not in _CHUNKS:
        return None
    position, samples, before, form, name = _CHUNKS[magic]
    width = struct.calcsize(form)
    while position + name + width <= len(data):
        size = data.unpack(form, position + name)
        begin = position if magic == b"riff" else position + name + width
        if data[position : position + 4] == samples:
            if magic == b"RF64" and size == 0xFFFFFFFF:
                return 28, "<q", begin, before  # in the chunk ds64, which comes first
            return position + name, form, begin, before
        if begin + size <= position:
            return None
        position = begin + size + -size % (8 if magic == b"riff" else 1 if magic == b"caff" else 2)
    return None


def _examine_size(data: Bytes, field: int, form: str, begin: int, empty: int) -> Contents:
    """Replace a size that is unknown or too large by what the file holds."""
    claimed = data.unpack(form, field)
    held, end = max(0, len(data) - begin), begin + max(claimed, empty)
    is_explained = any(_is_chunk(data, position, form) for position in (end, end + 1))  # what follows the samples
    is_unknown = claimed > max(held, _STREAMED) or (claimed <= empty < held and not is_explained)
    is_short = form[1] == "I" and claimed < held - _TAIL and not is_explained and any(data[end : end + FEW])
    if claimed <= held and not is_unknown and not is_short:
        return Contents()
    patch = struct.pack(form, min(held, 2**32 - 1) if form[1] == "I" else held)
    note = f"its header claims {claimed:,} bytes of sound, found {held:,}" if is_short and not is_unknown else ""
    missing = 0 if is_unknown else max(0, claimed - held)
    return Contents(Patched(data, field, patch), missing=missing, note=note)


def _is_chunk(data: Bytes, position: int, form: str) -> bool:
    """Return True if a chunk begins at ``position``, and not samples."""
    is_complete = position + 4 + struct.calcsize(form) <= len(data)
    is_named = is_complete and all(32 <= byte < 127 for byte in data[position : position + 4])
    return is_named and data.unpack(form, position + 4) <= len(data) - position


_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # Hz, by version
_BITRATES = {  # kbit/s, by MPEG 1 or not and by layer
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


@cache
def _frame_size(second: int, third: int) -> tuple[int, int]:
    """Return the bytes and the samples of an MPEG audio frame by bytes of its header, or zeros if it is none."""
    version, layer, bitrate, rate = second >> 3 & 3, 4 - (second >> 1 & 3), third >> 4, third >> 2 & 3
    if second < 0xE0 or version == 1 or layer == 4 or bitrate in (0, 15) or rate == 3:
        return 0, 0
    samples = 384 if layer == 1 else 1152 if layer == 2 or version == 3 else 576
    unit = 4 if layer == 1 else 1
    units = samples // 8 // unit * 1000 * _BITRATES[version == 3, layer][bitrate - 1] // _RATES[version][rate]
    return (units + (third >> 1 & 1)) * unit, samples


def _count_frames(data: Bytes) -> tuple[int, int, int]:
    """Return the position of the first MPEG frame, the number of complete frames, and the position after the last."""
    first = position = _find_frame(data, _after_id3(data))
    count, end = 0, first
    while position + 4 <= len(data):
        header = data[position : position + 4]
        size = _FRAME.match(header) and _frame_size(header[1], header[2])[0]
        if not size or position + size > len(data):
            position = _find_frame(data, position + 1)
            continue
        count, position = count + 1, position + size
        end = position
    return first, count, end


def _find_frame(data: Bytes, position: int) -> int:
    """Return the next position where an MPEG frame begins that two more follow, or the end of the file."""
    while (position := data.find(_FRAME, position)) >= 0:
        if _is_run(data, position, 3):
            return position
        position += 1
    return len(data)


def _is_run(data: Bytes, position: int, frames: int) -> bool:
    """Return True if so many frames, or all up to the end, begin alike at ``position``."""
    alike = None
    for _ in range(frames):
        header = data[position : position + 4]
        if position == len(data) and alike is not None:
            return True
        if not _FRAME.match(header):
            return False
        size, _ = _frame_size(header[1], header[2])
        if not size or alike not in (None, (header[1], header[2] & 12)):
            return False
        alike = header[1], header[2] & 12
        position += size
    return True


def examine_mpeg(data: Bytes, guessed: int, sample_rate: int) -> Contents:
    """Count the frames of an mp3, of which a decoder guessed so many samples, at a sample rate in Hz.

    A wrong number in the header is corrected. Where there is none, the decoder gets a size large enough for all frames.
    """
    first, count, end = _count_frames(data)
    if not count:
        return Contents()
    size, samples = _frame_size(*data[first + 1 : first + 3])
    slack = 2 * samples
    header = data[first : first + min(size, 60)]
    tag = max(header.find(b"Xing", 4), header.find(b"Info", 4))
    count -= tag >= 0
    if tag < 0 or not header[tag + 7] & 1:
        frames = count * samples
        if guessed >= frames:
            return Contents(frames=frames, slack=slack)
        return Contents(Patched(data, start=first, end=end, size=(count + 2) * (size + 1)), frames, slack=slack)
    field = first + tag + 8
    claimed = data.unpack(">I", field)
    if claimed == count:
        return Contents(slack=slack)
    if claimed == count + 1:
        return Contents(is_counted=False, slack=slack)
    if count < claimed <= LONGEST * sample_rate / samples:
        return Contents(frames=count * samples, missing=FEW + 1)
    note = f"its header claims {claimed:,} frames, found {count:,}"
    return Contents(Patched(data, field, struct.pack(">I", count), first), slack=slack, note=note)
