"""Explore a mel spectrogram with sliders, five linked plots and their code."""

import anywidget
import numpy as np
import traitlets
from matplotlib import colormaps
from matplotlib.figure import Figure

from musiclab import plots
from musiclab.core.checks import check_known
from musiclab.core.errors import AudioError
from musiclab.features import MelConfig
from musiclab.plots.browser import colour_map, script, style
from musiclab.widgets.analysis import CODE, FLOOR, MFCC_RANGE, Steps, analyse, code
from musiclab.widgets.sound import block_maxima, check_sound, encode_preview
from musiclab.widgets.still import Still, WithStill, as_png

LONGEST = 30.0  # longest sound in s; with more, the plots can't keep up with a slider
SETTINGS = ("n_fft", "hop_length", "window", "n_mels", "fmin", "fmax", "decibels", "scaling")
SIGNED = "RdBu_r"  # colour map for values with a sign; 0 is white
_STILL_CELLS = (200, 96), (100, 48), (60, 36)  # largest plots in a still (columns, rows), from fine to coarse
_LARGEST_STILL = 48_000  # bytes; four pictures in one


_SCRIPTS = ("canvas", "controls", "fourier", "player_parts", "model", "waveforms", "sound")
_SCRIPTS += ("analysis", "explorer_parts", "explorer")


class FeatureExplorer(WithStill, anywidget.AnyWidget):
    """Sliders for the settings of a mel spectrogram, with plots that show their effect on a sound.

    Waveform, spectrogram, filter bank, mel spectrogram and MFCC are drawn after each change, next to the code that
    computes them. The browser computes the plots, so the sliders also work on a page without Python. Click a plot to
    hear the sound from there.

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
    code : str
        Python code that computes the plotted arrays from ``waveform`` (floats).
    steps : Steps
        Plotted arrays: ``spectrogram``, ``bank``, ``mel`` and ``mfcc``, computed by ``code`` whenever you ask for them.
    config : MelConfig
        Current feature settings for :func:`musiclab.features.log_mel`.

    Raises
    ------
    AudioError
        If the waveform is empty, too long, not finite or not mono.
    ValueError
        If a setting is unknown or invalid, also when you change it later.

    Examples
    --------
    >>> explorer = FeatureExplorer(np.zeros(22050), 22050, n_mels=32)
    >>> explorer.hop_length = 512
    >>> explorer.steps.mel.shape
    (32, 44)
    """

    _esm = script(*_SCRIPTS)
    _css = style("controls", "explorer")

    n_fft = traitlets.Int(1024).tag(sync=True)
    hop_length = traitlets.Int(256).tag(sync=True)
    window = traitlets.Unicode("hann").tag(sync=True)
    n_mels = traitlets.Int(64).tag(sync=True)
    fmin = traitlets.Float(0.0).tag(sync=True)
    fmax = traitlets.Float().tag(sync=True)
    decibels = traitlets.Float(80.0).tag(sync=True)
    scaling = traitlets.Unicode("decibel").tag(sync=True)
    sound = traitlets.Dict().tag(sync=True)  # data that no slider changes

    def __init__(self, waveform: np.ndarray, sample_rate: int, **settings):
        for name in settings:
            check_known(name, SETTINGS, "settings", ValueError)
        self.waveform, self.sample_rate = _check_short(waveform, sample_rate), int(sample_rate)
        super().__init__(**{"fmax": self.sample_rate / 2, **settings})
        pcm = np.clip(self.waveform * 32768, -32768, 32767)  # half the bytes, if it loses nothing
        is_pcm = np.array_equal(self.waveform * 32768, pcm.astype(np.int16))
        self.sound = {
            "rate": self.sample_rate,
            "samples": (pcm.astype("<i2") if is_pcm else self.waveform.astype("<f4")).tobytes(),
            "isPcm": is_pcm,
            "code": CODE,
            "levels": colour_map(plots.LEVELS),
            "signed": colour_map(SIGNED),
        }

    @property
    def config(self) -> MelConfig:
        return _config(self.sample_rate, self._settings())

    @property
    def code(self) -> str:
        return code(self.config, self.window, self.decibels)

    @property
    def steps(self) -> Steps:
        return analyse(self.waveform, self.config, self.window, self.decibels)

    def _settings(self) -> dict:
        return {name: getattr(self, name) for name in SETTINGS}

    @traitlets.validate(*SETTINGS)
    def _check(self, proposal):
        settings = self._settings() | {proposal.trait.name: proposal.value}
        config = _config(self.sample_rate, settings)
        code(config, settings["window"], settings["decibels"])
        if len(self.waveform) < config.n_fft:
            raise ValueError(
                f"expected a sound of at least one frame (n_fft={config.n_fft} samples), found {len(self.waveform)} "
                "samples; choose a smaller n_fft"
            )
        return proposal.value

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
        settings = ", ".join(f"{name}={value}" for name, value in self._settings().items())
        seconds = len(self.waveform) / self.sample_rate
        return Still(
            png,
            f"Spectrogram, mel filter bank, mel spectrogram and MFCC of {seconds:.2f} s of sound, with {settings}",
            sound=encode_preview(self.waveform, self.sample_rate, LONGEST),
            caption="FeatureExplorer: run this cell in Jupyter to use the sliders.",
            settings=self._settings(),
            embed=False,  # lessons play the sound before they explore it
        )

    def _figure(self, columns: int, rows: int) -> Figure:
        steps, half = self.steps, self.sample_rate / 2
        figure = Figure(figsize=(7, 5.2), layout="constrained")
        (spectrum, bank), (mel, mfcc) = figure.subplots(2, 2)
        magma, signed = colormaps[plots.LEVELS].resampled(10), colormaps[SIGNED].resampled(9)
        bands, coefficients = steps.mel.shape[0], steps.mfcc.shape[0] - 1
        levels = 20 * np.log10(np.maximum(steps.spectrogram, FLOOR))
        levels = np.maximum(levels, levels.max() - self.decibels)
        every = -(-steps.mfcc.shape[1] // columns)  # skip frames, because maxima of signed values are misleading
        for values, ax, colours, limits, low, high in (
            (levels, spectrum, magma, {}, 0, half),
            (steps.picture, mel, magma, {}, 0, bands),
            (steps.mfcc[1:, ::every], mfcc, signed, {"vmin": -MFCC_RANGE, "vmax": MFCC_RANGE}, 0.5, coefficients + 0.5),
        ):
            if len(values):  # with a single mel band there is no coefficient to draw
                cells, _, _ = block_maxima(values, columns, rows)
                extent = (0, len(self.waveform) / self.sample_rate, low, high)
                ax.imshow(cells, cmap=colours, **limits, extent=extent, origin="lower", aspect="auto")
            ax.set_xlabel("time (s)")
        spectrum.set(title="spectrogram (dB)", ylabel="frequency (Hz)")
        mel.set(title=f"mel ({self.scaling})", ylabel="band")
        mfcc.set(title="MFCC (dB)", ylabel="coefficient")
        bank.plot(np.linspace(0, half, steps.bank.shape[1]), steps.bank.T, color=plots.PALETTE[0], linewidth=1)
        bank.set(title=f"filter bank ({bands} bands)", xlabel="frequency (Hz)", ylabel="weight", xlim=(0, None))
        return figure


def _config(sample_rate: int, settings: dict) -> MelConfig:
    names = ("n_fft", "hop_length", "n_mels", "fmin", "fmax", "scaling")
    return MelConfig(sample_rate, **{name: settings[name] for name in names})


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
