"""The mistakes a model was surest of, each with its sound and its spectrogram."""

import io
import os
import wave
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from musiclab import plots
from musiclab.audio import fix_length, load_audio, resample, to_int16
from musiclab.core.errors import AudioError
from musiclab.features import MelConfig, log_mel
from musiclab.runs.report.figures import as_png
from musiclab.runs.runfolder import RunFolder

COUNT = 8
"""Mistakes on the page."""

SECONDS = 5.0
"""Of sound of each: with eight, the page stays under 3 MB."""

HIGHEST_RATE = 22050
"""Of that sound, in Hz."""


@dataclass(frozen=True)
class Mistake:
    """A clip that was named wrongly.

    Attributes
    ----------
    name : str
        Path of the clip, without the folder that all tested clips are in.
    path : str
    label, predicted : str
    probability : float
        Of the predicted class, in [0, 1].
    sound, picture : bytes
        A wav and a png file; empty where the clip is not to be had.
    reason : str
        Why not, otherwise "".
    """

    name: str
    path: str
    label: str
    predicted: str
    probability: float
    sound: bytes = b""
    picture: bytes = b""
    reason: str = ""


def worst(run: RunFolder, count: int = COUNT) -> list[Mistake]:
    """The surest mistakes of a run, the surest first."""
    root = _common_folder(run.result.paths)
    found = []
    for row in run.result.mistakes.head(count).itertuples():
        known = {"path": row.path, "label": row.label, "predicted": row.predicted, "probability": row.probability}
        name = os.path.relpath(row.path, root) if root else row.path
        try:
            sound, picture = excerpt(row.path, mel_settings(run))
        except (AudioError, ImportError) as error:  # moved since, or a machine that trains and decodes nothing
            found.append(Mistake(name, reason=str(error), **known))
        else:
            found.append(Mistake(name, sound=sound, picture=picture, **known))
    return found


def mel_settings(run: RunFolder) -> MelConfig:
    """Of the pictures: what the model hears, where that is a log-mel spectrogram, otherwise the usual one."""
    if run.card.get("feature") == "logmel":
        return MelConfig(**run.card["feature_config"])
    return MelConfig()


def excerpt(path: str, mel: MelConfig) -> tuple[bytes, bytes]:
    """The beginning of a clip as a 16-bit wav file, and its spectrogram as a png file.

    Raises
    ------
    AudioError
        It cannot be decoded.
    """
    waveform, _ = load_audio(path, mel.sample_rate, duration=SECONDS)
    rate = min(HIGHEST_RATE, mel.sample_rate)
    figure = Figure(figsize=(4.4, 2.2), layout="constrained")
    padded = fix_length(waveform, max(mel.n_fft, len(waveform)))
    ax = plots.log_mel(log_mel(padded, mel), mel, figure.subplots(), colorbar=False)
    ax.set_ylabel("frequency (Hz)")  # so small a picture has no room for more
    return as_wav(resample(waveform, mel.sample_rate, rate), rate), as_png(figure, dpi=110, colours=64)


def as_wav(waveform: np.ndarray, sample_rate: int) -> bytes:
    """A mono waveform as a 16-bit wav file in memory."""
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(to_int16(waveform).astype("<i2").tobytes())
    return written.getvalue()


def _common_folder(paths: np.ndarray) -> str:
    """The folder that all paths are in, or ""; two drives have none."""
    try:
        return os.path.commonpath([os.path.dirname(path) for path in paths])
    except ValueError:  # on two drives, or absolute and relative
        return ""
