"""Find the actual length of an audio file without trusting its header.

Decoders trust the header. If it is wrong, they receive a patched version with the correct length.
"""

import math
import os
import re
import struct
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO

LONGEST = 2 * 86_400
"""Longest plausible duration in a header, in seconds (two days)."""

FEW = 64
"""Number of bytes that may be missing at the end of a file without causing an error."""

_STREAMED = 0x7FFF0000  # bytes; recorders that write to a pipe claim 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF ...
_WINDOW = 65536  # bytes that are read at once
_PAGE = re.compile(b"OggS")
_FRAME = re.compile(rb"\xff[\xe2-\xff][\x10-\xef].", re.DOTALL)  # candidates for the header of an MPEG frame
_TAIL = 4096  # bytes that may follow the samples, such as tags


@dataclass
class Contents:
    """Result of examining an audio file."""

    file: "Patched | None" = None  # corrected file to decode instead of the original
    frames: int | None = None  # number of frames, or None to use the decoder's number
    is_counted: bool = True  # False if the number of frames is only known after decoding
    slack: int = 0  # frames that may be missing at the end
    missing: int = 0  # bytes that the header claims but the file does not have
    note: str = ""  # warning for the user


class Bytes:
    """Sliceable view of a file that keeps one window of it in memory.

    A memory map would be simpler, but a disk or network error in a map kills the process.
    """

    def __init__(self, file: BinaryIO):
        self._file, self._size = file, os.fstat(file.fileno()).st_size
        self._window, self._start = b"", 0

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, key: slice) -> bytes:
        first, last, _ = key.indices(self._size)
        self._load(first, last)
        return self._window[first - self._start : last - self._start]

    def find(self, pattern: re.Pattern, position: int) -> int:
        """Return the position of the next match of a four-byte pattern, or -1."""
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
            raise EOFError("the file became shorter while it was read")

    def unpack(self, fmt: str, position: int) -> int:
        """Return the number at ``position`` in a :mod:`struct` format."""
        return struct.unpack(fmt, self[position : position + struct.calcsize(fmt)])[0]


class Patched:
    """File-like view of bytes ``start`` to ``end`` of a file, with ``patch`` in place of the bytes at ``field``.

    ``size`` is the file size reported to decoders that estimate the number of frames from it. Decoders cannot handle
    exceptions, so a read error is stored in ``error``.
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
        if first >= self._end and self._size > self._position >= self._size - 128:  # decoders look for a tag here
            chunk = bytes(min(len(buffer), self._size - self._position))
        buffer[: len(chunk)] = chunk
        low, high = max(first, self._field), min(first + len(chunk), self._field + len(self._patch))
        if low < high:
            buffer[low - first : high - first] = self._patch[low - self._field : high - self._field]
        self._position += len(chunk)
        return len(chunk)


def examine(data: Bytes) -> Contents:
    """Examine an audio file in any format except mp3."""
    start = _skip_id3(data)
    if data[start : start + 4] == b"fLaC":
        return _examine_flac(data, start)
    if data[:4] == b"OggS":
        return _examine_ogg(data)
    if data[:7] == b"NIST_1A":
        numbers = re.findall(rb"(?:sample_count|channel_count|sample_n_bytes) -i (\d+)", data[:1024])
        claimed = int(data[8:16]) + math.prod(map(int, numbers)) if len(numbers) > 1 else 0
        return Contents(missing=max(0, claimed - len(data)))
    if data[:19] == b"Creative Voice File":
        block = data.unpack("<H", 20)  # position of a block: its type, then its size in three bytes
        return Contents(missing=max(0, block + 4 + (data.unpack("<I", block) >> 8) - len(data)))
    field = _find_size_field(data)
    return _check_size_field(data, *field) if field else Contents()


def _skip_id3(data: Bytes) -> int:
    """Return the position after all ID3v2 tags at the start of a file."""
    start = 0
    while data[start : start + 3] == b"ID3" and start + 10 <= len(data):
        flags, *size = data[start + 5 : start + 10]
        start += 10 + sum((byte & 127) << shift for byte, shift in zip(size, (21, 14, 7, 0), strict=True))
        start += 10 if flags & 16 else 0  # footer
    return start


def _examine_flac(data: Bytes, start: int) -> Contents:
    """Set the total to "unknown", so that the decoder reads to the end, and return the claimed total to compare."""
    field = start + 18  # 8 bytes: sample rate, channels, bits per sample, and in the last 36 bits the total of samples
    value = data.unpack(">Q", field)
    total = value % 2**36
    end = len(data) - 128 if data[-128:-125] == b"TAG" else len(data)  # without an ID3v1 tag
    file = Patched(data, field, struct.pack(">Q", value - total), start, end)
    max_block_size = data.unpack(">H", start + 10)
    return Contents(file, total or -1, is_counted=False, slack=max_block_size)


def _examine_ogg(data: Bytes) -> Contents:
    """Read all page headers (RFC 3533, section 6). The last page must be complete and end the stream."""
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
    note = f"the file has {streams} recordings in sequence, but only the first is read" if streams > 1 else ""
    return Contents(missing=0 if is_ended else FEW + 1, note=note)


# Chunk-based formats by their first bytes: position of the first chunk, name of the chunk with the samples, number of
# bytes before the first sample that its size includes, struct format of a size, and length of a name in bytes.
_CHUNKS = {
    b"RIFF": (12, b"data", 0, "<I", 4),
    b"RIFX": (12, b"data", 0, ">I", 4),
    b"RF64": (12, b"data", 0, "<I", 4),
    b"FORM": (12, b"SSND", 8, ">I", 4),
    b"caff": (8, b"data", 4, ">q", 4),
    b"riff": (40, b"data", 24, "<q", 16),
}


def _find_size_field(data: Bytes) -> tuple[int, str, int, int] | None:
    """Find the header field that holds the size of the samples in bytes.

    Returns the position and struct format of the field, the position from which the size counts, and the size of a file
    without samples. Returns None for other formats.
    """
    magic = data[:4]
    if magic in (b".snd", b"dns.") and len(data) >= 24:
        order = ">" if magic == b".snd" else "<"
        return 8, f"{order}I", data.unpack(f"{order}I", 4), 0
    if magic not in _CHUNKS:
        return None
    position, samples_chunk, empty_size, fmt, name_length = _CHUNKS[magic]
    width = struct.calcsize(fmt)
    while position + name_length + width <= len(data):
        size = data.unpack(fmt, position + name_length)
        begin = position if magic == b"riff" else position + name_length + width
        if data[position : position + 4] == samples_chunk:
            if magic == b"RF64" and size == 0xFFFFFFFF:
                return 28, "<q", begin, empty_size  # the size is in the first chunk, ds64
            return position + name_length, fmt, begin, empty_size
        if begin + size <= position:
            return None
        position = begin + size + -size % (8 if magic == b"riff" else 1 if magic == b"caff" else 2)
    return None


def _check_size_field(data: Bytes, field: int, fmt: str, begin: int, empty_size: int) -> Contents:
    """Replace a size that is unknown or wrong by the actual size."""
    claimed = data.unpack(fmt, field)
    actual, end = max(0, len(data) - begin), begin + max(claimed, empty_size)
    has_chunk_after = any(_is_chunk(data, position, fmt) for position in (end, end + 1))
    is_unknown = claimed > max(actual, _STREAMED) or (claimed <= empty_size < actual and not has_chunk_after)
    is_short = fmt[1] == "I" and claimed < actual - _TAIL and not has_chunk_after and any(data[end : end + FEW])
    if claimed <= actual and not is_unknown and not is_short:
        return Contents()
    patch = struct.pack(fmt, min(actual, 2**32 - 1) if fmt[1] == "I" else actual)
    note = f"the header claims {claimed:,} bytes of audio, found {actual:,}" if is_short and not is_unknown else ""
    missing = 0 if is_unknown else max(0, claimed - actual)
    return Contents(Patched(data, field, patch), missing=missing, note=note)


def _is_chunk(data: Bytes, position: int, fmt: str) -> bool:
    """Return True if the bytes at ``position`` look like the start of a chunk, not like samples."""
    is_complete = position + 4 + struct.calcsize(fmt) <= len(data)
    is_named = is_complete and all(32 <= byte < 127 for byte in data[position : position + 4])
    return is_named and data.unpack(fmt, position + 4) <= len(data) - position


_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # Hz, by version
_BITRATES = {  # kbit/s, by (is MPEG 1, layer)
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


@cache
def _frame_size(second: int, third: int) -> tuple[int, int]:
    """Return the size in bytes and in samples of an MPEG frame from its second and third byte, or (0, 0) if invalid."""
    version, layer, bitrate, rate = second >> 3 & 3, 4 - (second >> 1 & 3), third >> 4, third >> 2 & 3
    if second < 0xE0 or version == 1 or layer == 4 or bitrate in (0, 15) or rate == 3:
        return 0, 0
    samples = 384 if layer == 1 else 1152 if layer == 2 or version == 3 else 576
    unit = 4 if layer == 1 else 1
    units = samples // 8 // unit * 1000 * _BITRATES[version == 3, layer][bitrate - 1] // _RATES[version][rate]
    return (units + (third >> 1 & 1)) * unit, samples


def _count_frames(data: Bytes) -> tuple[int, int, int]:
    """Return the position of the first MPEG frame, the number of complete frames, and the end of the last one."""
    first = position = _find_frame(data, _skip_id3(data))
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
    """Return the position of the next MPEG frame that is followed by two more, or the end of the file."""
    while (position := data.find(_FRAME, position)) >= 0:
        if _is_run(data, position, 3):
            return position
        position += 1
    return len(data)


def _is_run(data: Bytes, position: int, frames: int) -> bool:
    """Return True if ``frames`` MPEG frames with the same version, layer and sample rate begin at ``position``.

    Fewer frames are enough if the last one ends with the file.
    """
    expected = None
    for _ in range(frames):
        header = data[position : position + 4]
        if position == len(data) and expected is not None:
            return True
        if not _FRAME.match(header):
            return False
        size, _ = _frame_size(header[1], header[2])
        if not size or expected not in (None, (header[1], header[2] & 12)):
            return False
        expected = header[1], header[2] & 12
        position += size
    return True


def examine_mpeg(data: Bytes, estimate: int, sample_rate: int) -> Contents:
    """Count the frames of an mp3 file and correct its header.

    If the header does not hold the number of frames, the decoder receives a file size that is large enough for all.

    Parameters
    ----------
    data
        Bytes of the file.
    estimate
        Decoder's estimate of the number of samples.
    sample_rate
        Sample rate in Hz.
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
        if estimate >= frames:
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
    note = f"the header claims {claimed:,} frames, found {count:,}"
    return Contents(Patched(data, field, struct.pack(">I", count), first), slack=slack, note=note)
