"""Read sound files by what their bytes hold, whatever their headers say.

Recorders that write to a pipe don't know the length beforehand, mp3 files lose their first frame, downloads end early,
and a damaged header can ask for any number of gigabytes. So files are read from front to back in blocks, and where the
header has the wrong length, the decoder gets the same bytes with the right one.
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
"""The lowest and the highest sample rate that a file may have, in Hz."""

BLOCK = 2**22
"""Samples of all channels that are decoded at once."""

MOST = 2**30
"""Samples of all channels that are given back at once, 4 GB of them: 13 hours at 22,050 Hz."""

LOUDEST = 100.0
"""The largest sample that is taken for sound, 40 dB over full scale."""

# Subtypes whose samples are within [-1, 1].
_INTEGERS = ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "ULAW", "ALAW")
log = logging.getLogger(__name__)


@contextmanager
def open_sound(path: Path, mono: bool, warns: bool = True) -> Iterator["Sound"]:
    """Open a sound file to read it once, from front to back, and log a warning where its header is a little wrong.

    Raises AudioError if it ends early or if its header asks for what can't be, and whatever its decoder raises.
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
            yield Sound(path, decoder, contents, mono, warns)
        finally:
            if contents.file and contents.file.error:
                raise contents.file.error


class _Decoder(soundfile.SoundFile):
    """A file that is read forwards only: in others, soundfile seeks after each read, which changes mp3."""

    def seekable(self) -> bool:
        return False


class Sound:
    """A sound file that is read once, from front to back.

    Attributes
    ----------
    sample_rate : int
        In Hz.
    position : int
        Frames that were decoded or skipped; a frame is one sample of each channel.
    """

    def __init__(self, path: Path, decoder: _Decoder, contents: Contents, mono: bool, warns: bool):
        self.path, self.sample_rate, self.position = path, decoder.samplerate, 0
        self._decoder, self._contents, self._mono, self._warns = decoder, contents, mono, warns
        self._is_integer = decoder.subtype in _INTEGERS
        # Anywhere in these formats, decoding may begin: a sample does not depend on those before it.
        is_plain = self._is_integer or decoder.subtype in ("FLOAT", "DOUBLE")
        self._can_seek = is_plain and decoder.format not in ("FLAC", "OGG")
        low, high = SAMPLE_RATES
        if not low <= self.sample_rate <= high:
            raise AudioError(
                f"{path}: expected a sample rate of {low:,} to {high:,} Hz, found {self.sample_rate:,} Hz in its "
                "header; export the sound again from the program that made it"
            )
        frames = decoder.frames if contents.frames is None else contents.frames
        self._frames = frames if 0 <= frames <= LONGEST * self.sample_rate else None
        if contents.missing > FEW:
            raise self._cut_off(self._frames or 0)
        if contents.missing:
            self._warn(f"at the end, {counted(contents.missing, 'byte')} missing")
        if contents.note:
            self._warn(contents.note)
        if self._frames is None and (contents.frames or 0) > 0:
            self._warn(f"its header claims {contents.frames:,} samples; it is read to its end instead")
        if self._can_seek:
            decoder.seek(0)  # where later parts are counted from, also in damaged files
        self._kept, self._first = self._nothing(), 0

    def read(self, start: int, stop: int | None) -> np.ndarray:
        """Decode frames ``start`` to ``stop`` (``None``: to the end), fewer if the sound ends before.

        Returns float32, shape (frames,) if the file has one channel or ``mono`` is set, otherwise (frames, channels).
        Parts may overlap, but none may begin before the one that was read last.
        """
        if self._contents.is_counted and self._frames is not None:
            self.check_size(min(self._frames, self._frames if stop is None else stop) - start)
        if start > self.position:
            self._skip_to(start)
        blocks = [self._kept[start - self._first :]]
        while stop is None or self.position < stop:
            block = self._decode(BLOCK if stop is None else stop - self.position)
            if not len(block):
                break
            blocks.append(self._checked(block))
            self.position += len(block)
            self.check_size(self.position - start)
        self._kept = blocks[-1] if sum(map(len, blocks)) == len(blocks[-1]) else np.concatenate(blocks)
        self._first = start
        return self._kept[: None if stop is None else stop - start]

    def count(self) -> int:
        """Return the number of frames, if need be by decoding all of them."""
        if not self._contents.is_counted or self._frames is None:
            self._skip_to(np.inf)
            return self.position
        return self._frames

    def check_size(self, frames: int) -> None:
        """Raise AudioError if so many frames are more than can be held at once."""
        samples = frames * (1 if self._mono else self._decoder.channels)
        if samples > MOST:
            raise AudioError(
                f"{self.path}: expected at most {MOST:,} samples at once, found {samples:,} or more; load the file in "
                "parts, with offset and duration, or cut it"
            )

    def _nothing(self) -> np.ndarray:
        channels = self._decoder.channels
        return np.zeros(0 if self._mono or channels == 1 else (0, channels), np.float32)

    def _skip_to(self, start: float) -> None:
        self._kept, self._first = self._nothing(), start
        if self._can_seek and self._frames is not None:
            self.position = self._decoder.seek(min(start, self._frames))
        while self.position < start and len(block := self._decode(start - self.position)):
            self.position += len(block)

    def _decode(self, frames: float) -> np.ndarray:
        """Decode at most so many frames, shape (frames, channels), but none after the end."""
        decoder, claimed = self._decoder, self._frames
        frames = min(frames, max(1, BLOCK // decoder.channels))
        if claimed is not None and self.position <= claimed:
            frames = min(frames, claimed - self.position + (not self._contents.is_counted))
        if frames == 0:
            return np.zeros((0, decoder.channels), np.float32)
        if decoder.subtype == "PCM_16" and decoder.format != "FLAC":  # the same numbers, six times as fast
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
            block[:] = np.nan  # to see how far decoding went before an error
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
        """Raise AudioError if the sound ends too early; note it if it ends a little before or after what it claims."""
        if self._frames - end > self._contents.slack:
            raise self._cut_off(end)
        if end != self._frames:
            self._warn(f"its header claims {counted(self._frames, 'sample')}, found {end:,}")
        self._frames = end

    def _warn(self, message: str) -> None:
        if self._warns:
            log.warning("%s: %s", self.path, message)

    def _cut_off(self, frames: int) -> AudioError:
        after = f" (after {frames / self.sample_rate:.2f} s)" if frames else ""
        return AudioError(
            f"{self.path}: expected a whole file, found one that ends early{after}; copy or download it again"
        )

    def _checked(self, block: np.ndarray) -> np.ndarray:
        """Raise AudioError for samples that are no sound; mix channels down if that is asked for."""
        if not self._is_integer:
            loudest = max(block.max(), -block.min())
            if not loudest <= LOUDEST or (loudest >= 2 and (block == np.round(block)).all()):
                raise AudioError(f"{self.path}: {_describe_absurd(block, self.position)}")
        channels = block.shape[1]
        if channels == 1:
            return block[:, 0]
        if self._mono and channels == 2:  # the same as the mean, five times as fast
            return (block[:, 0] + block[:, 1]) / np.float32(2)
        return block.mean(axis=1) if self._mono else block


def _describe_absurd(block: np.ndarray, position: int) -> str:
    """Say what is wrong with samples that are not finite, far over full scale, or integers."""
    is_finite = np.isfinite(block).all(axis=1)
    if not is_finite.all():
        frame = int(is_finite.argmin())
        return (
            f"expected finite samples, found {block[frame].tolist()} at sample {position + frame}; "
            "export the sound again from the program that made it"
        )
    sizes = np.abs(block).max(axis=1)
    if sizes.max() <= 2**31 and (block == np.round(block)).all():
        bits = next(bits for bits in (8, 16, 24, 32) if sizes.max() <= 2 ** (bits - 1))
        return (
            f"expected samples in [-1, 1], found integers up to {sizes.max():.0f} saved as float; divide them by "
            f"{2 ** (bits - 1)} ({bits} bits) and save the sound again"
        )
    frame = int(sizes.argmax())
    return (
        f"expected samples in [-1, 1], found {sizes[frame]:.3g} at sample {position + frame}, far over full scale; "
        "export the sound again from the program that made it"
    )
