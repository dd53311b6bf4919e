"""Plot waveforms, spectra and spectrograms."""

import numpy as np
from matplotlib.axes import Axes

from musiclab.features import PITCH_CLASSES, MelConfig
from musiclab.features.banks import mel_corners
from musiclab.plots.style import LEVELS, PALETTE, axes


def waveform(samples: np.ndarray, sample_rate: int, ax: Axes | None = None, start: float = 0.0, **style) -> Axes:
    """Plot a waveform over time.

    If it has fewer than 200 samples, each sample is drawn as a point on a stem.

    Parameters
    ----------
    samples : array, shape (samples,)
        Mono waveform.
    sample_rate : int, Hz
        Sample rate of the waveform.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on. By default, a new figure is made.
    start : float, s
        Time of the first sample, by default 0.
    **style
        Options for matplotlib's ``plot``, such as ``color`` or ``label``. A plot with stems uses only these two.

    Returns
    -------
    matplotlib.axes.Axes
        Axes with the amplitude over the time in seconds.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(2205) / 22050)
    >>> waveform(tone, 22050).get_ylabel()
    'amplitude'
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
    ax.locator_params(axis="x", nbins=6)  # few ticks, because times of a few ms have long labels
    return ax


def spectrum(samples: np.ndarray, sample_rate: int, ax: Axes | None = None, floor: float = -80.0, **style) -> Axes:
    """Plot the magnitude spectrum of a complete waveform.

    The waveform is multiplied by a Hann window first. Levels are in dB relative to the strongest frequency.

    Parameters
    ----------
    samples : array, shape (samples,)
        Mono waveform.
    sample_rate : int, Hz
        Sample rate of the waveform.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on. By default, a new figure is made.
    floor : float, dB
        Lowest level shown, by default -80.
    **style
        Options for matplotlib's ``plot``, such as ``color`` or ``label``.

    Returns
    -------
    matplotlib.axes.Axes
        Axes with the level over the frequency in Hz, up to half the sample rate.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(2205) / 22050)
    >>> spectrum(tone, 22050).get_ylabel()
    'level (dB)'
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
    """Plot a log-mel spectrogram with axes in seconds and Hz.

    Parameters
    ----------
    picture : array, shape (n_mels, frames)
        Log-mel spectrogram from :func:`musiclab.features.log_mel`.
    config : MelConfig
        Feature settings with which ``picture`` was computed. They determine both axes. By default those of
        ``MelConfig()``.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on. By default, a new figure is made.
    colorbar : bool
        Add a colour bar with the unit of the levels, by default True.

    Returns
    -------
    matplotlib.axes.Axes
        Axes with the spectrogram.

    Examples
    --------
    >>> from musiclab import features, studio
    >>> track = studio.render("jazz", seed=7, seconds=3)
    >>> log_mel(features.log_mel(track.waveform)).get_ylabel()
    'frequency (Hz, mel scale)'
    """
    bands, frames = picture.shape
    seconds = frames * config.hop_length / config.sample_rate
    units = {"decibel": "level (dB)", "ln": "ln(mel)"}
    units |= {"log10(1+10x)": "log10(1 + 10 mel)", "log10(1+10000x)": "log10(1 + 10,000 mel)"}
    unit = units[config.scaling]
    ax = _image(picture, (0, seconds, 0, bands), ax, unit if colorbar else None)
    ticks = [hertz for hertz in (100, 500, 1000, 2000, 4000, 8000, 16000) if config.fmin <= hertz <= config.highest]
    ax.set_yticks(_hertz_to_band(np.array(ticks), config), [f"{hertz:,}" for hertz in ticks])
    ax.set_ylabel("frequency (Hz, mel scale)")
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
    """Plot a spectrogram with linearly spaced frequencies.

    Parameters
    ----------
    levels : array, shape (n_fft / 2 + 1, frames)
        Spectrogram from 0 Hz to half the sample rate, usually in dB.
    sample_rate : int, Hz
        Sample rate of the sound.
    hop_length : int, samples
        Distance between two frames, by default 512.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on. By default, a new figure is made.
    label : str
        Quantity and unit for the colour bar, by default "level (dB)".
    top : float, Hz, optional
        Highest frequency shown, by default half the sample rate.
    colorbar : bool
        Add a colour bar, by default True.
    **style
        Options for matplotlib's ``imshow``. Set ``vmin`` and ``vmax`` to compare two spectrograms.

    Returns
    -------
    matplotlib.axes.Axes
        Axes with the spectrogram.

    Examples
    --------
    >>> import librosa
    >>> from musiclab import studio
    >>> magnitude = np.abs(librosa.stft(studio.render("jazz", seed=7, seconds=3).waveform, hop_length=256))
    >>> levels = librosa.amplitude_to_db(magnitude, ref=np.max)
    >>> spectrogram(levels, 22050, hop_length=256, top=4000).get_ylabel()
    'frequency (Hz)'
    """
    bins, frames = levels.shape
    step, width = hop_length / sample_rate, sample_rate / 2 / (bins - 1)  # s from frame to frame, Hz from bin to bin
    extent = (-step / 2, (frames - 0.5) * step, -width / 2, (bins - 0.5) * width)
    ax = _image(levels, extent, ax, label if colorbar else None, **style)
    ax.set(ylabel="frequency (Hz)", ylim=(0, top or sample_rate / 2), xlim=(0, extent[1]))
    return ax


def chroma(
    values: np.ndarray, sample_rate: int, hop_length: int = 512, ax: Axes | None = None, colorbar: bool = True, **style
) -> Axes:
    """Plot a chromagram, which shows the strength of the twelve pitch classes over time.

    A pitch class holds all octaves of a note, such as every C.

    Parameters
    ----------
    values : array, shape (12, frames)
        Chromagram from :func:`musiclab.features.chroma`. The rows go from C to B.
    sample_rate : int, Hz
        Sample rate of the sound.
    hop_length : int, samples
        Distance between two frames, by default 512.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on. By default, a new figure is made.
    colorbar : bool
        Add a colour bar, by default True.
    **style
        Options for matplotlib's ``imshow``. The colours range from 0 to 1 unless you set ``vmin`` and ``vmax``.

    Returns
    -------
    matplotlib.axes.Axes
        Axes with the chromagram.

    Examples
    --------
    >>> from musiclab import features, studio
    >>> track = studio.render("classical", seed=1, seconds=6)
    >>> chroma(features.chroma(track.waveform), 22050).get_ylabel()
    'pitch class'
    """
    frames, step = values.shape[1], hop_length / sample_rate
    label = "share of the strongest" if colorbar else None
    ax = _image(values, (-step / 2, (frames - 0.5) * step, -0.5, 11.5), ax, label, **{"vmin": 0, "vmax": 1, **style})
    ax.set_yticks(range(12), PITCH_CLASSES)
    ax.set(ylabel="pitch class", xlim=(0, frames * step))
    return ax


def _image(
    values: np.ndarray, extent: tuple[float, float, float, float], ax: Axes | None, label: str | None, **style
) -> Axes:
    ax = axes(ax, (8, 3))
    style = {"cmap": LEVELS, "interpolation": "nearest", "aspect": "auto", "origin": "lower", **style}
    image = ax.imshow(np.asarray(values, np.float32), extent=extent, **style)
    ax.set_xlabel("time (s)")
    if label:
        ax.figure.colorbar(image, ax=ax, label=label, pad=0.02)
    return ax


def _hertz_to_band(hertz: np.ndarray, config: MelConfig) -> np.ndarray:
    """Convert frequencies to positions among the mel bands; the peak of band i is at i + 0.5."""
    return np.interp(hertz, mel_corners(config), np.arange(config.n_mels + 2) - 0.5)
