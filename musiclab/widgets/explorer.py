"""Explore a mel spectrogram with sliders, five linked plots and their code."""

import anywidget
import numpy as np
import traitlets
from matplotlib import colormaps
from matplotlib.figure import Figure

from musiclab import plots
from musiclab.core.checks import check_known
from musiclab.core.errors import AudioError
from musiclab.features import SCALINGS, MelConfig
from musiclab.features.banks import mel_corners
from musiclab.plots.browser import colour_map, script, style
from musiclab.widgets.analysis import FLOOR, MFCC_RANGE, WINDOWS, Steps, analyse, code, facts, remarks, unit_of_decibel
from musiclab.widgets.sound import block_maxima, check_sound, outline
from musiclab.widgets.still import Still, WithStill, as_png

LONGEST = 30.0  # longest sound in s; with more, the plots can't keep up with a slider
SETTINGS = ("n_fft", "hop_length", "window", "n_mels", "fmin", "fmax", "decibels", "scaling")
SIGNED = "RdBu_r"  # colour map for values with a sign; 0 is white
COLUMNS, ROWS = 1000, 512  # largest plot in the browser, in cells: more than there are pixels
_STILL_CELLS = (200, 96), (100, 48), (60, 36)  # largest plots in a still (columns, rows), from fine to coarse
_LARGEST_STILL = 48_000  # bytes; four pictures in one


class FeatureExplorer(WithStill, anywidget.AnyWidget):
    """Sliders for the settings of a mel spectrogram, with plots that show their effect on a sound.

    Waveform, spectrogram, filter bank, mel spectrogram and MFCC are drawn after each change, next to the code that
    computes them. If a setting is invalid, the explorer shows the reason and keeps the plots.

    Parameters
    ----------
    waveform : float array in [-1, 1] or int16 array, shape (samples,)
        Mono sound of at most 30 s.
    sample_rate : int, Hz
        Sample rate of the sound.
    **settings
        Initial settings: any of the attributes from ``n_fft`` to ``scaling``.

    Attributes
    ----------
    n_fft : int
        Frame length in samples, initially 1,024.
    hop_length : int
        Distance between two frames in samples, initially 256.
    n_mels : int
        Number of mel bands, initially 64.
    fmin : float
        Lowest frequency of the mel bands in Hz, initially 0.
    fmax : float
        Highest frequency of the mel bands in Hz, initially half the sample rate.
    decibels : float
        Dynamic range of the plots: the number of dB below the peak that they show. Initially 80.
    window : {"hann", "hamming", "blackman", "boxcar"}
        Window by which each frame is multiplied, initially "hann". "boxcar" leaves the frame as it is.
    scaling : {"decibel", "ln", "log10(1+10x)", "log10(1+10000x)"}
        Logarithm of the mel spectrogram, initially "decibel".
    problem : str
        Reason why a setting is invalid, or "".
    code : str
        Python code that computes the plotted arrays from ``waveform`` (floats).
    steps : Steps
        Plotted arrays: ``spectrogram``, ``bank``, ``mel`` and ``mfcc``.
    config : MelConfig
        Current feature settings for :func:`musiclab.features.log_mel`.

    Raises
    ------
    AudioError
        If the waveform is empty, too long, not finite or not mono.
    ValueError
        If a setting is unknown or invalid.

    Examples
    --------
    >>> explorer = FeatureExplorer(np.zeros(22050), 22050, n_mels=32)
    >>> explorer.hop_length = 512
    >>> explorer.steps.mel.shape
    (32, 44)
    """

    _esm = script("canvas", "controls", "explorer")
    _css = style("controls", "explorer")

    n_fft = traitlets.Int(1024).tag(sync=True)
    hop_length = traitlets.Int(256).tag(sync=True)
    window = traitlets.Unicode("hann").tag(sync=True)
    n_mels = traitlets.Int(64).tag(sync=True)
    fmin = traitlets.Float(0.0).tag(sync=True)
    fmax = traitlets.Float().tag(sync=True)
    decibels = traitlets.Float(80.0).tag(sync=True)
    scaling = traitlets.Unicode("decibel").tag(sync=True)
    problem = traitlets.Unicode().tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)
    drawn = traitlets.Dict().tag(sync=True)  # plots that depend on the settings
    sound = traitlets.Dict().tag(sync=True)  # data that no slider changes

    def __init__(self, waveform: np.ndarray, sample_rate: int, **settings):
        for name in settings:
            check_known(name, SETTINGS, "settings", ValueError)
        self.waveform, self.sample_rate = _check_short(waveform, sample_rate), int(sample_rate)
        super().__init__(**{"fmax": self.sample_rate / 2, **settings})
        points, reach = outline(self.waveform, COLUMNS)
        self.sound = {
            "seconds": len(self.waveform) / self.sample_rate,
            "sampleRate": self.sample_rate,
            "outline": points.tobytes(),
            "reach": reach,
            "choices": {"window": WINDOWS, "scaling": SCALINGS},
            "levels": colour_map(plots.LEVELS),
            "signed": colour_map(SIGNED),
        }
        self._analyse()
        self.observe(self._follow, names=SETTINGS)

    @property
    def config(self) -> MelConfig:
        names = ("n_fft", "hop_length", "n_mels", "fmin", "fmax", "scaling")
        return MelConfig(self.sample_rate, **{name: getattr(self, name) for name in names})

    def _settings(self) -> dict:
        return {name: getattr(self, name) for name in SETTINGS}

    def _follow(self, _) -> None:
        if self._settings() == self._latest:  # settings that changed at the same time are drawn together
            return
        try:
            self._analyse()
        except ValueError as error:
            self.problem = str(error)

    def _analyse(self) -> None:
        self._latest = settings = self._settings()
        config = self.config
        if len(self.waveform) < config.n_fft:
            raise ValueError(
                f"expected a sound of at least one frame (n_fft={config.n_fft} samples), found {len(self.waveform)} "
                "samples; choose a smaller n_fft"
            )
        self.steps = analyse(self.waveform, config, self.window, self.decibels)
        self._drawn_config = config
        with self.hold_sync():  # one message
            self.problem = ""
            self.code = code(config, self.window, self.decibels)
            self.drawn = _pack(self.steps, config, self.decibels) | {
                "settings": settings,
                "facts": facts(config, len(self.waveform)),
                "remarks": remarks(config, self.steps),
            }

    def still(self) -> Still:
        """Draw the static picture that replaces the explorer where widgets can't be shown.

        Returns
        -------
        Still
            Picture of spectrogram, filter bank, mel spectrogram and MFCC with the current settings.
        """
        for cells in _STILL_CELLS:  # noise compresses worse than music and needs fewer cells
            png = as_png(self._figure(*cells), largest=_LARGEST_STILL)
            if len(png) <= _LARGEST_STILL:
                break
        settings = ", ".join(f"{name}={value}" for name, value in self.drawn["settings"].items())
        return Still(
            png,
            f"Spectrogram, mel filter bank, mel spectrogram and MFCC of {self.sound['seconds']:.2f} s of sound, "
            f"with {settings}",
            caption="FeatureExplorer: run this cell in Jupyter to use the sliders.",
        )

    def _figure(self, columns: int, rows: int) -> Figure:
        settings = self.drawn["settings"]
        packed = _pack(self.steps, self._drawn_config, settings["decibels"], columns, rows)
        figure = Figure(figsize=(7, 5.2), layout="constrained")
        (spectrum, bank), (mel, mfcc) = figure.subplots(2, 2)
        half = self.sample_rate / 2
        magma, signed = colormaps[plots.LEVELS].resampled(10), colormaps[SIGNED].resampled(9)
        bands, coefficients = self.steps.mel.shape[0], self.steps.mfcc.shape[0] - 1
        for name, ax, colours, low, high in (
            ("spectrogram", spectrum, magma, 0, half),
            ("mel", mel, magma, 0, bands),
            ("mfcc", mfcc, signed, 0.5, coefficients + 0.5),
        ):
            if count := packed[name]["rows"]:  # with a single mel band there is no coefficient to draw
                cells = np.frombuffer(packed[name]["cells"], np.uint8).reshape(count, -1)
                extent = (0, self.sound["seconds"], low, high)
                ax.imshow(cells, cmap=colours, vmin=0, vmax=255, extent=extent, origin="lower", aspect="auto")
            ax.set_xlabel("time (s)")
        spectrum.set(title="spectrogram (dB)", ylabel="frequency (Hz)")
        mel.set(title=f"mel ({settings['scaling']})", ylabel="band")
        mfcc.set(title="MFCC (dB)", ylabel="coefficient")
        frequencies = np.linspace(0, half, self.steps.bank.shape[1])
        bank.plot(frequencies, self.steps.bank.T, color=plots.PALETTE[0], linewidth=0.5)
        bank.set(title=f"filter bank ({bands} bands)", xlabel="frequency (Hz)", ylabel="weight", xlim=(0, None))
        return figure


def _check_short(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    waveform = check_sound(waveform, sample_rate, "FeatureExplorer")
    if waveform.ndim > 1:
        raise AudioError(
            f"FeatureExplorer: expected a mono waveform of shape (samples,), found shape {waveform.shape}; "
            "convert it with waveform.mean(axis=0)"
        )
    if len(waveform) > LONGEST * sample_rate:
        raise AudioError(
            f"FeatureExplorer: expected at most {LONGEST:g} s, found {len(waveform) / sample_rate:.1f} s; "
            f"cut it with waveform[:{round(LONGEST * sample_rate)}]"
        )
    return waveform


def _pack(steps: Steps, config: MelConfig, decibels: float, columns: int = COLUMNS, rows: int = ROWS) -> dict:
    """Convert the arrays into images of one byte per cell, with the ranges of their axes."""
    step, bin_width = config.hop_length / config.sample_rate, config.sample_rate / config.n_fft
    lowest = 20 * np.log10(FLOOR)

    def pack(values, low, high, block_rows=1, block_columns=1, **axis) -> dict:
        values, more_rows, more_columns = block_maxima(values, columns, rows)
        scaled = np.clip((values - low) * (255 / (high - low)), 0, 255).round().astype(np.uint8)
        return {
            "cells": scaled.tobytes(),
            "rows": scaled.shape[0],
            "columns": scaled.shape[1],
            "down": block_rows * more_rows,  # rows and columns of the array per cell
            "along": block_columns * more_columns,
            "low": low,
            "high": high,
            "left": -step / 2,  # a frame is centred on its time
            "step": step,
            **axis,
        }

    magnitude, down, along = block_maxima(steps.spectrogram, columns, rows)  # first, to compute fewer logarithms
    levels = 20 * np.log10(np.maximum(magnitude, FLOOR))
    highest = max(float(levels.max()), decibels + lowest)  # so that silence is dark
    unit = unit_of_decibel(config)
    mel_highest = max(float(steps.mel.max()), (decibels + lowest) * unit)
    mel_range = (mel_highest - decibels * unit, mel_highest)
    if config.scaling.startswith("log10"):
        mel_range = (0.0, max(float(steps.mel.max()), 1e-3))
    every = -(-steps.mfcc.shape[1] // columns)  # skip frames, because maxima of signed coefficients are misleading
    mfcc = steps.mfcc[1:, ::every]  # without coefficient 0, the level, which is much larger than all others
    return {
        "spectrogram": pack(levels, highest - decibels, highest, down, along, bottom=-bin_width / 2, height=bin_width),
        "mel": pack(steps.mel, *mel_range, bottom=0, height=1),
        "mfcc": pack(mfcc, -MFCC_RANGE, MFCC_RANGE, block_columns=every, bottom=0.5, height=1),
        "bank": _pack_bank(steps.bank) | {"step": bin_width, "empty": steps.empty.tolist()},
        "corners": np.float32(mel_corners(config)).tobytes(),
    }


def _pack_bank(bank: np.ndarray) -> dict:
    """Encode a filter bank as the first non-zero bin and the number of bins of each band, and all non-zero weights."""
    is_used = bank > 0
    counts = is_used.sum(axis=1)
    first = np.where(counts, is_used.argmax(axis=1), 0)
    return {
        "first": np.int32(first).tobytes(),
        "counts": np.int32(counts).tobytes(),
        "weights": np.float32(bank[is_used]).tobytes(),  # row by row
        "highest": float(bank.max()),
    }
