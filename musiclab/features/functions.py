"""The features as functions; each engine's library (torch or librosa) is imported at its first use."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from musiclab.features.settings import (
    FEATURES,
    ChromaConfig,
    Config,
    ContrastConfig,
    FrameConfig,
    MelConfig,
    MfccConfig,
    SequenceConfig,
    SummaryConfig,
    TempoConfig,
)

Engine = Literal["torch", "librosa"]


def log_mel(waveform, config: MelConfig = MelConfig(), engine: Engine = "torch"):
    """Compute the log-mel spectrogram of a waveform.

    Parameters
    ----------
    waveform : array or tensor, shape (..., samples)
        At ``config.sample_rate``; at least ``config.n_fft`` samples. The librosa engine takes arrays only.
    config
        Settings of the feature.
    engine
        ``"torch"`` or ``"librosa"``; they agree within 0.05 dB down to 60 dB below the clip's peak.

    Returns
    -------
    array or tensor (as the waveform is), float32, shape (..., n_mels, frames)
        ``frames`` is ``config.frames(samples)``. Silence gives ``config.silence``.

    Raises
    ------
    ValueError
        The waveform is shorter than one frame, or contains NaN or infinite samples.

    Examples
    --------
    >>> log_mel(np.zeros(22050, dtype=np.float32)).shape
    (128, 44)
    """
    return _evaluate("logmel", waveform, config, engine)


def mfcc(waveform, config: MfccConfig = MfccConfig(), engine: Engine = "torch"):
    """Compute mel-frequency cepstral coefficients, float32, shape (..., n_mfcc, frames).

    They are the orthonormal cosine transform (DCT-II) of the mel power in dB, cut off 80 dB below the clip's peak, as
    in librosa. Parameters and errors as in :func:`log_mel`; the engines agree within 0.01.
    """
    return _evaluate("mfcc", waveform, config, engine)


def delta(values, width: int = 9, order: int = 1, engine: Engine = "torch"):
    """Compute the derivative of a feature over time, by fitting a polynomial around each frame (Savitzky-Golay).

    Parameters
    ----------
    values : array or tensor, shape (..., frames)
    width
        Number of frames that the polynomial is fitted to; odd, at least 3.
    order
        1 for the slope of a line, in units per frame; 2 for the curvature of a parabola.
    engine
        ``"torch"`` or ``"librosa"``; they agree within 1e-4 of the largest value.

    Returns
    -------
    array or tensor, float32, of the same shape
        The first and last ``width // 2`` frames repeat the value next to them.

    Raises
    ------
    ValueError
        There are fewer frames than ``width``, or ``width`` or ``order`` is impossible.
    """
    if width < 3 or width % 2 == 0 or not 1 <= order < width:
        raise ValueError(f"expected an odd width of at least 3 and an order in 1 to width - 1, found {width}, {order}")
    if values.shape[-1] < width:
        raise ValueError(f"delta: expected at least {width} frames, found {values.shape[-1]}; use a longer clip")
    return _engine(engine).delta(values, width, order)


def chroma(waveform, config: ChromaConfig = ChromaConfig(), engine: Engine = "torch"):
    """Compute the power of each pitch class relative to the frame's strongest, float32, shape (..., n_chroma, frames).

    The values are those of librosa's ``chroma_stft``, in [0, 1] from C upwards; silence gives 0. ``config.tuning=None``
    estimates the tuning of each clip (:func:`tuning`). Parameters and errors as in :func:`log_mel`; the engines agree
    within 1e-4 where they find the same tuning.

    Examples
    --------
    >>> a4 = np.sin(2 * np.pi * 440 * np.arange(22050) / 22050)
    >>> ChromaConfig().names[chroma(a4)[:, 20].argmax()]
    'chroma_A'
    """
    return _evaluate("chroma", waveform, config, engine)


def tuning(waveform, config: ChromaConfig = ChromaConfig(), engine: Engine = "torch"):
    """Estimate the deviation from A = 440 Hz, in bins of an octave (semitones by default), float32, shape (...,).

    It is the most frequent deviation of the spectrum's peaks from the nearest note, in [-0.5, 0.5) in steps of 0.01,
    and 0 without any peak. Peaks lie between 150 Hz and 4 kHz, at a tenth of the highest power of their frame or more,
    and at the median power of all peaks or more: librosa's ``estimate_tuning`` as ``chroma_stft`` calls it. Parameters
    and errors as in :func:`log_mel`; the engines give the same value, unless rounding decides which of two steps is
    more frequent.
    """
    return _evaluate("tuning", waveform, config, engine)


def spectral_contrast(waveform, config: ContrastConfig = ContrastConfig(), engine: Engine = "torch"):
    """Compute how far the peaks of each octave rise above its valleys, float32, shape (..., n_bands + 1, frames).

    Peak and valley are the mean of the highest and of the lowest 2 % of a band's magnitudes (Jiang et al. 2002). As in
    librosa, their logarithm is ``10 log10`` of a magnitude: double the difference for dB of level. Silence gives 0.
    Parameters and errors as in :func:`log_mel`; the engines agree within 0.01 dB.
    """
    return _evaluate("contrast", waveform, config, engine)


def spectral_centroid(waveform, config: FrameConfig = FrameConfig(), engine: Engine = "torch"):
    """Compute the mean frequency of each frame in Hz, weighted by magnitude: how bright the sound is.

    The result is float32, shape (..., 1, frames), and 0 in silence. Parameters and errors as in :func:`log_mel`; the
    engines agree within 1e-4 of the value.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(22050) / 22050)
    >>> round(float(spectral_centroid(tone)[0, 20]))
    1000
    """
    return _evaluate("centroid", waveform, config, engine)


def spectral_bandwidth(waveform, config: FrameConfig = FrameConfig(), engine: Engine = "torch"):
    """Compute the standard deviation of frequency around the centroid, in Hz, weighted by magnitude.

    Parameters, result and errors as in :func:`spectral_centroid`.
    """
    return _evaluate("bandwidth", waveform, config, engine)


def spectral_rolloff(waveform, config: FrameConfig = FrameConfig(), engine: Engine = "torch"):
    """Compute the frequency, in Hz, below which 85 % of the magnitudes of a frame lie.

    Parameters, result and errors as in :func:`spectral_centroid`, but without a gradient. The engines agree except in
    one frame of a thousand, where rounding moves the frequency by one bin.
    """
    return _evaluate("rolloff", waveform, config, engine)


def rms(waveform, config: FrameConfig = FrameConfig(), engine: Engine = "torch"):
    """Compute the level of each frame: its root mean square, 1 for a square wave at full scale.

    Parameters, result and errors as in :func:`spectral_centroid`; the engines agree within 1e-6.
    """
    return _evaluate("rms", waveform, config, engine)


def zero_crossing_rate(waveform, config: FrameConfig = FrameConfig(), engine: Engine = "torch"):
    """Compute the share of a frame's samples that differ in sign from the one before: ``2 f / sample_rate`` for a tone.

    Parameters, result and errors as in :func:`spectral_centroid`, but without a gradient; the engines give the same
    value.
    """
    return _evaluate("zero_crossing_rate", waveform, config, engine)


def tempo(waveform, config: TempoConfig = TempoConfig(), engine: Engine = "torch"):
    """Estimate the tempo in beats per minute, float32, shape (...,), as librosa's ``feature.tempo`` does.

    The rise of the mel bands from frame to frame gives the strength of onsets. The beat is the lag at which its
    autocorrelation, in windows of 8 s, is strongest, with a preference for tempi near 120. Lags are whole numbers of
    frames, so around 120 the steps are 5 beats per minute. Sound in which nothing repeats gives 117.5, the likeliest
    tempo. The result has no gradient. Parameters and errors as in :func:`log_mel`; the engines give the same value,
    unless two lags are equally strong to the fifth digit.
    """
    return _evaluate("tempo", waveform, config, engine)


def summary(waveform, config: SummaryConfig = SummaryConfig(), engine: Engine = "torch"):
    """Summarise each clip in one vector, one value for each of ``config.names``; float32, shape (..., dimensions).

    Parameters and errors as in :func:`log_mel`; the engines agree as the averaged features do.

    Examples
    --------
    >>> clips = np.random.default_rng(0).uniform(-1, 1, (3, 22050))
    >>> import pandas as pd
    >>> pd.DataFrame(summary(clips), columns=SummaryConfig().names).shape
    (3, 26)
    """
    return _evaluate("summary", waveform, config, engine)[..., 0]


def sequence(waveform, config: SequenceConfig = SequenceConfig(), engine: Engine = "torch"):
    """Compute 33 values per frame, one row for each of ``config.names``; float32, shape (..., 33, frames).

    Parameters and errors as in :func:`log_mel`; the engines agree as the features in it do.
    """
    return _evaluate("sequence", waveform, config, engine)


def compute(waveform, configs: Mapping[str, Config], engine: Engine = "torch") -> dict:
    """Compute several features of the same sound; the torch engine computes what they share only once.

    Parameters
    ----------
    waveform, engine
        As in :func:`log_mel`; the waveform is at the sample rate of all ``configs``.
    configs
        Settings by any name, which is the key in the result. The class of the settings decides which feature it is.

    Returns
    -------
    dict of arrays or tensors (as the waveform is), float32, shape (..., dimensions, frames)
        A summary has one frame; ``audio`` is the waveform itself, shape (..., samples).

    Raises
    ------
    ValueError
        The waveform is shorter than one frame of any of them, or not finite; or their sample rates differ.

    Examples
    --------
    >>> values = compute(np.zeros(22050), {"logmel": MelConfig(), "summary": SummaryConfig()})
    >>> {name: value.shape for name, value in values.items()}
    {'logmel': (128, 44), 'summary': (26, 1)}
    """
    rates = {name: config.sample_rate for name, config in configs.items()}
    if len(set(rates.values())) > 1:
        raise ValueError(f"expected one sample rate for all features, found {rates} (Hz)")
    feature_of = {config_class: feature for feature, config_class in FEATURES.items()}
    for config in configs.values():
        if type(config) not in feature_of:
            raise ValueError(f"expected settings of one of {', '.join(FEATURES)}, found {config!r}")
    _check(waveform, *configs.values())
    return _engine(engine).evaluate(
        waveform, {name: (feature_of[type(config)], config) for name, config in configs.items()}
    )


def _evaluate(feature: str, waveform, config, engine: Engine):
    _check(waveform, config)
    return _engine(engine).evaluate(waveform, {feature: (feature, config)})[feature]


def _engine(name: str):
    if name == "torch":
        from musiclab.features import kernels

        return kernels
    if name == "librosa":
        from musiclab.features import references

        return references
    raise ValueError(f'engine must be "torch" or "librosa", not {name!r}')


def _check(waveform, *configs) -> None:
    samples = waveform.shape[-1] if waveform.ndim else 0
    for config in configs:
        if samples < config.least_samples:
            raise ValueError(
                f"expected at least one frame of {config.least_samples} samples "
                f"({1000 * config.least_samples / config.sample_rate:.0f} ms at {config.sample_rate} Hz), "
                f"found {samples}; use a longer clip, or pad it with audio.fix_length"
            )
    if "float" not in str(waveform.dtype):
        raise ValueError(
            f"expected a waveform of floats in [-1, 1], found {waveform.dtype}; convert int16 by audio.from_int16"
        )
    mean = waveform.detach().mean() if hasattr(waveform, "detach") else waveform.mean()
    if not np.isfinite(float(mean)):  # one sum shows any of them, faster than looking at each
        raise ValueError("expected finite samples, found NaN or infinite ones in the waveform; export the sound again")
