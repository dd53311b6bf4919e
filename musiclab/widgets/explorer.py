"""What each setting of a mel spectrogram does: sliders, five pictures that change together, and their code."""

import anywidget
import numpy as np
import traitlets
from matplotlib import colormaps
from matplotlib.figure import Figure

from musiclab import plots
from musiclab.core.errors import AudioError, did_you_mean
from musiclab.features import SCALINGS, MelConfig
from musiclab.widgets.analysis import MFCC_RANGE, WINDOWS, Steps, analyse, code, facts, remarks
from musiclab.widgets.packing import envelope, in_decibels, largest, mel_range, packed
from musiclab.widgets.picture import colours
from musiclab.widgets.scripts import script, style
from musiclab.widgets.sound import checked
from musiclab.widgets.still import LARGEST, Still, WithStill, as_png

LONGEST = 30.0
"""Seconds of sound that are taken: more cannot follow a slider."""

SETTINGS = ("n_fft", "hop_length", "window", "n_mels", "fmin", "fmax", "decibels", "scaling")

SIGNED = "RdBu_r"
"""Colour map for numbers of both signs; 0 is white."""

_CELLS = (100, 48), (60, 36), (36, 24)  # columns and rows of a still picture: few have few bytes
_LEVELS, _SIGNS = 10, 9


class FeatureExplorer(WithStill, anywidget.AnyWidget):
    """Sliders for the settings of a mel spectrogram, and what they make of one sound.

    Waveform, spectrogram, filter bank, mel spectrogram and MFCC are drawn anew together, and the code that makes the
    same arrays is shown beside them. A setting that cannot be is told (``problem``); the pictures stay as they were.

    Parameters
    ----------
    waveform : float array in [-1, 1] or int16 array, shape (samples,)
        At most 30 s.
    sample_rate
        Hz.
    **settings
        To begin with others than the usual ones: any of the attributes down to ``scaling``.

    Attributes
    ----------
    n_fft, hop_length : int
        Length of a frame and step from frame to frame, in samples.
    window : str
        "hann", "hamming", "blackman" or "boxcar" (none).
    n_mels : int
        Number of mel bands.
    fmin, fmax : float
        Range of the mel bands, in Hz.
    decibels : float
        How far under its peak a picture is drawn.
    scaling : str
        "decibel", "ln" or "log10(1+10x)".
    problem : str
        Why the settings cannot be; "" where they can.
    code : str
        Python that makes ``spectrogram``, ``mel``, ``picture`` and ``mfcc`` of ``waveform`` (floats).
    steps : Steps
        The arrays that are drawn.

    Raises
    ------
    AudioError
        The sound is empty, too long, of several channels, or not finite.
    ValueError
        A setting is not known, or cannot be.

    Examples
    --------
    >>> explorer = FeatureExplorer(np.zeros(22050), 22050, n_mels=32)
    >>> explorer.hop_length = 512
    >>> explorer.steps.mel.shape
    (32, 44)
    """

    _esm = script("canvas", "explorer_axes", "explorer")
    _css = style("explorer")

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
    drawn = traitlets.Dict().tag(sync=True)  # the pictures as the browser takes them
    sound = traitlets.Dict().tag(sync=True)  # what no slider changes

    def __init__(self, waveform: np.ndarray, sample_rate: int, **settings):
        for name in settings:
            if name not in SETTINGS:
                raise ValueError(
                    f"expected settings among {', '.join(SETTINGS)}, found {name!r}{did_you_mean(name, SETTINGS)}"
                )
        self.waveform, self.sample_rate = _taken(waveform, sample_rate), int(sample_rate)
        settings.setdefault("fmax", self.sample_rate / 2)
        super().__init__(**settings)
        self.sound = {
            "seconds": len(self.waveform) / self.sample_rate,
            "sampleRate": self.sample_rate,
            "envelope": envelope(self.waveform),
            "choices": {"window": WINDOWS, "scaling": SCALINGS},
            "levels": colours(plots.LEVELS),
            "signed": colours(SIGNED),
        }
        self.steps: Steps
        self._draw()
        self.observe(self._follow, names=SETTINGS)

    @property
    def config(self) -> MelConfig:
        """The present settings of the mel spectrogram."""
        names = ("n_fft", "hop_length", "n_mels", "fmin", "fmax", "scaling")
        return MelConfig(self.sample_rate, **{name: getattr(self, name) for name in names})

    def _follow(self, _) -> None:
        if self._settings() == self._of:  # several settings at once have been drawn at the first
            return
        try:
            self._draw()
        except ValueError as error:
            self._of = self._settings()
            self.problem = str(error)

    def _draw(self) -> None:
        config = self.config
        if len(self.waveform) < config.n_fft:
            raise ValueError(
                f"expected at least one frame of {config.n_fft} samples, found a sound of {len(self.waveform)}; "
                "use a shorter n_fft"
            )
        self.steps = analyse(self.waveform, config, self.window, self.decibels)
        self._of = self._settings()
        with self.hold_sync():  # one message
            self.problem = ""
            self.code = code(config, self.window, self.decibels)
            self.drawn = packed(self.steps, config, self.decibels) | {
                "settings": dict(zip(SETTINGS, self._of, strict=True)),
                "facts": facts(config, len(self.waveform)),
                "remarks": remarks(config, self.steps),
            }

    def _settings(self) -> tuple:
        return tuple(getattr(self, name) for name in SETTINGS)

    def still(self) -> Still:
        """Spectrogram, filter bank, mel spectrogram and MFCC of the present settings."""
        for cells in _CELLS:  # noise has more bytes than music
            png = as_png(self._figure(*cells))
            if len(png) <= LARGEST:
                break
        settings = ", ".join(f"{name}={value}" for name, value in zip(SETTINGS, self._of, strict=True))
        return Still(
            png,
            f"Spectrogram, mel filter bank, mel spectrogram and MFCC of {len(self.waveform) / self.sample_rate:.2f} s "
            f"of sound, with {settings}",
            caption="FeatureExplorer: run this cell in Jupyter to move its sliders.",
        )

    def _figure(self, columns: int, rows: int) -> Figure:
        config, steps = self.config, self.steps
        step, bin_width = config.hop_length / self.sample_rate, self.sample_rate / config.n_fft
        figure = Figure(figsize=(7, 5.2), layout="constrained")
        (spectrum, bank), (mel, mfcc) = figure.subplots(2, 2)
        level, low, high = in_decibels(largest(steps.spectrogram, columns, rows)[0], self.decibels)
        seconds = steps.mel.shape[1] * step
        style = {"origin": "lower", "aspect": "auto", "interpolation": "nearest"}
        magma, signed = colormaps[plots.LEVELS].resampled(_LEVELS), colormaps[SIGNED].resampled(_SIGNS)
        spectrum.imshow(level, cmap=magma, vmin=low, vmax=high, extent=(0, seconds, 0, self.sample_rate / 2), **style)
        spectrum.set(title="spectrogram (dB)", xlabel="time (s)", ylabel="frequency (Hz)")
        frequencies = np.arange(steps.bank.shape[1]) * bin_width
        bank.plot(frequencies, steps.bank.T, color=plots.PALETTE[0], linewidth=0.5)
        bank.set(title=f"filter bank ({config.n_mels} bands)", xlabel="frequency (Hz)", ylabel="weight", xlim=(0, None))
        low, high = mel_range(steps.mel, config, self.decibels)
        small = largest(steps.mel, columns, rows)[0]
        mel.imshow(small, cmap=magma, vmin=low, vmax=high, extent=(0, seconds, 0, config.n_mels), **style)
        mel.set(title=f"mel ({config.scaling})", xlabel="time (s)", ylabel="band")
        small = steps.mfcc[1:, :: max(1, steps.mfcc.shape[1] // columns)]
        if len(small):
            extent = (0, seconds, 0.5, len(small) + 0.5)
            mfcc.imshow(small, cmap=signed, vmin=-MFCC_RANGE, vmax=MFCC_RANGE, extent=extent, **style)
        mfcc.set(title="MFCC (dB)", xlabel="time (s)", ylabel="coefficient")
        return figure


def _taken(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    waveform = checked(waveform, sample_rate, "FeatureExplorer")
    if waveform.ndim > 1:
        raise AudioError(
            f"FeatureExplorer: expected one channel, shape (samples,), found shape {waveform.shape}; "
            "mix it: waveform.mean(axis=0)"
        )
    if len(waveform) > LONGEST * sample_rate:
        raise AudioError(
            f"FeatureExplorer: expected at most {LONGEST:g} s, found {len(waveform) / sample_rate:.1f} s; "
            f"cut it: waveform[: {round(LONGEST * sample_rate)}]"
        )
    return waveform
