"""Decode audio files without trusting the length in their headers.

Recorders that write to a pipe don't know the length in advance, mp3 files lose their first frame, downloads break off,
and a damaged header can claim any number of gigabytes. Files are therefore read from start to end in blocks. If the
header has the wrong length, the decoder receives a corrected copy of the header.
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import soundfile

from musiclab.audio.containers import FEW, LONGEST, Bytes, Contents, examine, examine_mpeg
from musiclab.core.errors import AudioError, counted

SAMPLE_RATES = (1_000, 1_000_000)
"""Lowest and highest supported sample rate in Hz."""

BLOCK = 2**22
"""Number of samples, over all channels, that are decoded at once."""

MOST = 2**30
"""Maximum number of samples, over all channels, that are returned at once (4 GB, or 13 hours at 22,050 Hz)."""

LOUDEST = 100.0
"""Largest plausible sample value, 40 dB above full scale."""

_INTEGER_SUBTYPES = ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "ULAW", "ALAW")
log = logging.getLogger(__name__)


@contextmanager
def open_sound(path: Path, mono: bool, warns: bool = True) -> Iterator["SoundReader"]:
    """Open an audio file for reading from start to end. With ``warns``, log a warning for small errors in its header.

    Raises AudioError if the file ends early or its header is implausible. Decoder errors are passed on unchanged.
    """
    with ExitStack() as stack:
        data = Bytes(stack.enter_context(open(path, "rb")))
        contents = examine(data)
        decoder = stack.enter_context(_Decoder(contents.file or path))
        if decoder.subtype.startswith("MPEG"):
            missing = contents.missing  # of a wav file around the mp3
            contents = examine_mpeg(data, decoder.frames, decoder.samplerate)
            contents.missing = max(missing, contents.missing)
            if contents.file:
                decoder = stack.enter_context(_Decoder(contents.file))
        try:
            yield SoundReader(path, decoder, contents, mono, warns)
        finally:
            if contents.file and contents.file.error:
                raise contents.file.error


class _Decoder(soundfile.SoundFile):
    """Decoder that soundfile does not seek in after each read, because seeking changes the samples of mp3 files."""

    def seekable(self) -> bool:
        return False


class SoundReader:
    """Read an audio file once, from start to end.

    Attributes
    ----------
    sample_rate : int
        Sample rate of the file in Hz.
    position : int
        Number of frames decoded or skipped so far. A frame is one sample of each channel.
    """

    def __init__(self, path: Path, decoder: _Decoder, contents: Contents, mono: bool, warns: bool):
        self.path, self.sample_rate, self.position = path, decoder.samplerate, 0
        self._decoder, self._contents, self._mono, self._warns = decoder, contents, mono, warns
        self._is_integer = decoder.subtype in _INTEGER_SUBTYPES  # samples are always in [-1, 1]
        # In these formats, samples don't depend on earlier ones, so decoding can start anywhere.
        is_plain = self._is_integer or decoder.subtype in ("FLOAT", "DOUBLE")
        self._can_seek = is_plain and decoder.format not in ("FLAC", "OGG")
        low, high = SAMPLE_RATES
        if not low <= self.sample_rate <= high:
            raise AudioError(
                f"{path}: expected a sample rate from {low:,} to {high:,} Hz, found {self.sample_rate:,} Hz; "
                "export the file again with the program that created it"
            )
        frames = decoder.frames if contents.frames is None else contents.frames
        self._frames = frames if 0 <= frames <= LONGEST * self.sample_rate else None
        if contents.missing > FEW:
            raise self._truncation_error(self._frames or 0)
        if contents.missing:
            self._warn(f"{counted(contents.missing, 'byte')} missing at the end")
        if contents.note:
            self._warn(contents.note)
        if self._frames is None and (contents.frames or 0) > 0:
            self._warn(f"the header claims {contents.frames:,} samples, which is ignored; the file is read to its end")
        if self._can_seek:
            decoder.seek(0)  # a damaged file may not start at 0, but later seeks count from there
        self._buffer, self._buffer_start = self._empty_block(), 0

    def read(self, start: int, stop: int | None) -> np.ndarray:
        """Read frames ``start`` to ``stop``, or to the end if ``stop`` is None or past the end.

        Returns float32 of shape (frames,) if the file has one channel or ``mono`` is set, otherwise (frames, channels).
        Successive reads may overlap, but ``start`` must not decrease.
        """
        if self._contents.is_counted and self._frames is not None:
            self.check_size(min(self._frames, self._frames if stop is None else stop) - start)
        if start > self.position:
            self._skip_to(start)
        blocks = [self._buffer[start - self._buffer_start :]]
        while stop is None or self.position < stop:
            block = self._decode(BLOCK if stop is None else stop - self.position)
            if not len(block):
                break
            blocks.append(self._check_and_mix(block))
            self.position += len(block)
            self.check_size(self.position - start)
        self._buffer = blocks[-1] if sum(map(len, blocks)) == len(blocks[-1]) else np.concatenate(blocks)
        self._buffer_start = start
        return self._buffer[: None if stop is None else stop - start]

    def count(self) -> int:
        """Return the number of frames, decoding the whole file if necessary."""
        if not self._contents.is_counted or self._frames is None:
            self._skip_to(np.inf)
            return self.position
        return self._frames

    def check_size(self, frames: int) -> None:
        """Raise AudioError if ``frames`` are too many to be returned at once."""
        samples = frames * (1 if self._mono else self._decoder.channels)
        if samples > MOST:
            raise AudioError(
                f"{self.path}: at most {MOST:,} samples can be loaded at once, found {samples:,} or more; load the "
                "file in parts with offset and duration, or split it"
            )

    def _empty_block(self) -> np.ndarray:
        channels = self._decoder.channels
        return np.zeros(0 if self._mono or channels == 1 else (0, channels), np.float32)

    def _skip_to(self, start: float) -> None:
        self._buffer, self._buffer_start = self._empty_block(), start
        if self._can_seek and self._frames is not None:
            self.position = self._decoder.seek(min(start, self._frames))
        while self.position < start and len(block := self._decode(start - self.position)):
            self.position += len(block)

    def _decode(self, frames: float) -> np.ndarray:
        """Decode the next block of at most ``frames`` frames: shape (frames, channels), empty at the end."""
        decoder, claimed = self._decoder, self._frames
        frames = min(frames, max(1, BLOCK // decoder.channels))
        if claimed is not None and self.position <= claimed:
            frames = min(frames, claimed - self.position + (not self._contents.is_counted))
        if frames == 0:
            return np.zeros((0, decoder.channels), np.float32)
        if decoder.subtype == "PCM_16" and decoder.format != "FLAC":  # same result as floats, but six times as fast
            block = decoder.read(frames, dtype="int16", always_2d=True) / np.float32(32768)
        else:
            block = self._decode_floats(frames)
        if len(block) < frames and claimed is not None:
            self._check_end(self.position + len(block))
        return block

    def _decode_floats(self, frames: int) -> np.ndarray:
        is_flac = self._decoder.format == "FLAC"
        block = np.empty((frames, self._decoder.channels), np.float32)
        if is_flac:
            block[:] = np.nan  # marks the frames that were not decoded after an error
        try:
            return self._decoder.read(out=block)
        except soundfile.LibsndfileError:
            if not is_flac or self._frames is None:
                raise
            block = block[: np.count_nonzero(~np.isnan(block[:, -1]))]
            if self._frames - self.position - len(block) > self._contents.slack:
                raise
            return block

    def _check_end(self, end: int) -> None:
        """Raise AudioError if the file ends too early, and warn if its length differs slightly from the header."""
        if self._frames - end > self._contents.slack:
            raise self._truncation_error(end)
        if end != self._frames:
            self._warn(f"the header claims {counted(self._frames, 'sample')}, found {end:,}")
        self._frames = end

    def _warn(self, message: str) -> None:
        if self._warns:
            log.warning("%s: %s", self.path, message)

    def _truncation_error(self, frames: int) -> AudioError:
        after = f" (after {frames / self.sample_rate:.2f} s)" if frames else ""
        return AudioError(f"{self.path}: the file is incomplete and ends early{after}; copy or download it again")

    def _check_and_mix(self, block: np.ndarray) -> np.ndarray:
        """Raise AudioError for implausible samples, and average the channels if ``mono`` is set."""
        if not self._is_integer:
            peak = max(block.max(), -block.min())
            if not peak <= LOUDEST or (peak >= 2 and (block == np.round(block)).all()):
                raise AudioError(f"{self.path}: {_explain_implausible(block, self.position)}")
        channels = block.shape[1]
        if channels == 1:
            return block[:, 0]
        if self._mono and channels == 2:  # five times as fast as mean()
            return (block[:, 0] + block[:, 1]) / np.float32(2)
        return block.mean(axis=1) if self._mono else block


def _explain_implausible(block: np.ndarray, position: int) -> str:
    """Describe samples that are not finite, far beyond full scale, or integers."""
    is_finite = np.isfinite(block).all(axis=1)
    if not is_finite.all():
        frame = int(is_finite.argmin())
        return (
            f"expected finite samples, found {block[frame].tolist()} at sample {position + frame}; "
            "export the file again with the program that created it"
        )
    peaks = np.abs(block).max(axis=1)
    if peaks.max() <= 2**31 and (block == np.round(block)).all():
        bits = next(bits for bits in (8, 16, 24, 32) if peaks.max() <= 2 ** (bits - 1))
        return (
            f"expected samples in [-1, 1], found integers up to {peaks.max():.0f} stored as floats; divide them by "
            f"{2 ** (bits - 1)} ({bits} bits) and save the file again"
        )
    frame = int(peaks.argmax())
    return (
        f"expected samples in [-1, 1], found {peaks[frame]:.3g} at sample {position + frame}, far beyond full scale; "
        "export the file again with the program that created it"
    )
