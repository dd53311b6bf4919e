"""Pictures of sound: samples, spectra, and what changes over time."""

import numpy as np
from matplotlib.axes import Axes

from musiclab.features import PITCH_CLASSES, MelConfig
from musiclab.plots.style import LEVELS, PALETTE, axes


def waveform(samples: np.ndarray, sample_rate: int, ax: Axes | None = None, start: float = 0.0, **style) -> Axes:
    """Draw a waveform.

    Parameters
    ----------
    samples : array, shape (samples,)
        Fewer than 200 are drawn as points on stems, as what they are.
    sample_rate
        Hz.
    start
        Time of the first sample, in s.
    **style
        For matplotlib's ``plot``.
    """
    ax = axes(ax, (8, 2.2))
    time = start + np.arange(len(samples)) / sample_rate
    style = {"color": PALETTE[0], "linewidth": 0.6, **style}
    if len(samples) < 200:
        ax.vlines(time, 0, samples, color=style["color"], alpha=0.4, linewidth=0.8)
        ax.plot(time, samples, "o", markersize=3, color=style["color"], label=style.get("label"))
        ax.axhline(0, color="0.6", linewidth=0.6)
    else:
        ax.plot(time, samples, rasterized=True, **style)
    ax.set(xlabel="time (s)", ylabel="amplitude", xlim=(time[0], time[-1] + 1 / sample_rate))
    ax.locator_params(axis="x", nbins=6)  # times of a few ms have long labels
    return ax


def spectrum(samples: np.ndarray, sample_rate: int, ax: Axes | None = None, floor: float = -80.0, **style) -> Axes:
    """Draw the level of each frequency of a sound, in dB under the highest one.

    Parameters
    ----------
    samples : array, shape (samples,)
    sample_rate
        Hz.
    floor
        Lowest level drawn, in dB.
    **style
        For matplotlib's ``plot``.
    """
    ax = axes(ax, (8, 2.6))
    magnitude = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    level = 20 * np.log10(np.maximum(magnitude / max(magnitude.max(), 1e-12), 1e-12))
    frequency = np.fft.rfftfreq(len(samples), 1 / sample_rate)
    ax.plot(frequency, level, **{"color": PALETTE[0], "linewidth": 0.8, "rasterized": True, **style})
    ax.set(xlabel="frequency (Hz)", ylabel="level (dB)", xlim=(0, sample_rate / 2), ylim=(floor, 3))
    return ax


def log_mel(
    picture: np.ndarray, config: MelConfig = MelConfig(), ax: Axes | None = None, colorbar: bool = True
) -> Axes:
    """Draw a log-mel spectrogram with time and frequency on its axes.

    Parameters
    ----------
    picture : array, shape (n_mels, frames)
        From :func:`musiclab.features.log_mel`.
    config
        The settings it was made with.
    colorbar
        Put one beside it.
    """
    ax = axes(ax, (8, 3))
    bands, frames = picture.shape
    seconds = frames * config.hop_length / config.sample_rate
    image = ax.imshow(
        picture.astype(np.float32), origin="lower", aspect="auto", cmap=LEVELS, extent=(0, seconds, 0, bands),
        interpolation="nearest",
    )  # fmt: skip
    marks = [hertz for hertz in (100, 500, 1000, 2000, 4000, 8000, 16000) if config.fmin <= hertz <= config.highest]
    ax.set_yticks(_band_of(np.array(marks), config), [f"{hertz:,}" for hertz in marks])
    ax.set(xlabel="time (s)", ylabel="frequency (Hz, mel scale)")
    if colorbar:
        unit = {"decibel": "level (dB)", "ln": "ln(mel)", "log10(1+10x)": "log10(1 + 10 mel)"}[config.scaling]
        ax.figure.colorbar(image, ax=ax, label=unit, pad=0.02)
    return ax


def spectrogram(
    levels: np.ndarray,
    sample_rate: int,
    hop_length: int = 512,
    ax: Axes | None = None,
    label: str = "level (dB)",
    top: float | None = None,
    colorbar: bool = True,
    **style,
) -> Axes:
    """Draw a spectrogram whose bins are equally far apart in Hz, each frame and bin centred on its time and frequency.

    Parameters
    ----------
    levels : array, shape (n_fft / 2 + 1, frames)
        From 0 Hz to half the sample rate.
    sample_rate, hop_length
        Hz; samples from one frame to the next.
    label
        What the levels are, with their unit.
    top
        Highest frequency drawn, in Hz; all of them if left out.
    colorbar
        Put one beside it.
    **style
        For matplotlib's ``imshow``: ``vmin`` and ``vmax`` give two pictures the same colours.
    """
    bins, frames = levels.shape
    width = sample_rate / 2 / (bins - 1)  # Hz from bin to bin
    ax = _image(levels, hop_length / sample_rate, (-width / 2, (bins - 0.5) * width), ax, label, colorbar, style)
    ax.set(ylabel="frequency (Hz)", ylim=(0, top or sample_rate / 2), xlim=(0, frames * hop_length / sample_rate))
    return ax


def chroma(
    values: np.ndarray, sample_rate: int, hop_length: int = 512, ax: Axes | None = None, colorbar: bool = True, **style
) -> Axes:
    """Draw how strong each of the twelve pitch classes is over time.

    Parameters
    ----------
    values : array, shape (12, frames)
        From C upwards: from :func:`musiclab.features.chroma`.
    sample_rate, hop_length
        Hz; samples from one frame to the next.
    colorbar
        Put one beside it.
    **style
        For matplotlib's ``imshow``.
    """
    label = "share of the strongest"
    ax = _image(values, hop_length / sample_rate, (-0.5, 11.5), ax, label, colorbar, {"vmin": 0, "vmax": 1, **style})
    ax.set_yticks(range(12), PITCH_CLASSES)
    ax.set(ylabel="pitch class", xlim=(0, values.shape[1] * hop_length / sample_rate))
    return ax


def _image(
    values, step: float, height: tuple[float, float], ax: Axes | None, label: str, colorbar: bool, style
) -> Axes:
    """Values over time, frame i centred on i * step seconds."""
    ax = axes(ax, (8, 3))
    extent = (-step / 2, (values.shape[1] - 0.5) * step, *height)
    style = {"cmap": LEVELS, "interpolation": "nearest", "aspect": "auto", "origin": "lower", **style}
    image = ax.imshow(np.asarray(values, np.float32), extent=extent, **style)
    ax.set_xlabel("time (s)")
    if colorbar:
        ax.figure.colorbar(image, ax=ax, label=label, pad=0.02)
    return ax


def _band_of(hertz: np.ndarray, config: MelConfig) -> np.ndarray:
    """Where frequencies lie on an axis of bands; band i has its peak at i + 0.5 on the picture."""
    import librosa

    centres = librosa.mel_frequencies(n_mels=config.n_mels + 2, fmin=config.fmin, fmax=config.highest)
    return np.interp(hertz, centres, np.arange(config.n_mels + 2) - 0.5)
