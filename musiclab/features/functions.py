"""Compute features of waveforms with torch or librosa, whichever engine the caller chooses."""

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
    waveform : array or tensor of floats, shape (..., samples)
        Sound at ``config.sample_rate``, at least ``config.n_fft`` samples long.
    config
        Settings of the feature.
    engine
        ``"torch"`` (the default) or ``"librosa"``, which takes arrays only. They agree within 0.05 dB down to 60 dB
        below the clip's peak.

    Returns
    -------
    array or tensor, like the waveform, float32, shape (..., n_mels, frames)
        ``frames`` is ``config.frames(samples)``. Silence gives ``config.silence``.

    Raises
    ------
    ValueError
        If the waveform is shorter than one frame, or has NaN or infinite samples.

    Examples
    --------
    >>> log_mel(np.zeros(22050, dtype=np.float32)).shape
    (128, 44)
    """
    return _evaluate("logmel", waveform, config, engine)


def mfcc(waveform, config: MfccConfig = MfccConfig(), engine: Engine = "torch"):
    """Compute mel-frequency cepstral coefficients, float32, shape (..., n_mfcc, frames).

    As in librosa, they are the orthonormal DCT-II of the mel power in dB, limited to 80 dB below the clip's peak.
    Parameters and errors are those of :func:`log_mel`. The engines agree within 0.01.

    Examples
    --------
    >>> mfcc(np.zeros(22050, dtype=np.float32)).shape
    (20, 44)
    """
    return _evaluate("mfcc", waveform, config, engine)


def delta(values, width: int = 9, order: int = 1, engine: Engine = "torch"):
    """Compute the time derivative of a feature by local polynomial fits (a Savitzky-Golay filter).

    Parameters
    ----------
    values : array or tensor, shape (..., frames)
        Feature to differentiate.
    width
        Number of frames that each polynomial is fitted to; odd, at least 3.
    order
        Order of the derivative: 1 for the slope per frame, 2 for the curvature.
    engine
        ``"torch"`` or ``"librosa"``; they agree within 1e-4 of the largest value.

    Returns
    -------
    array or tensor, float32, of the same shape
        The first and last ``width // 2`` frames repeat the value next to them.

    Raises
    ------
    ValueError
        If there are fewer than ``width`` frames, or if ``width`` or ``order`` is out of range.

    Examples
    --------
    >>> round(float(delta(np.arange(9.0))[4]), 3)
    1.0
    """
    if width < 3 or width % 2 == 0 or not 1 <= order < width:
        raise ValueError(
            f"expected an odd width of at least 3 and an order from 1 to width - 1, found width={width}, order={order}"
        )
    if values.shape[-1] < width:
        raise ValueError(f"delta: expected at least {width} frames, found {values.shape[-1]}; use a longer clip")
    return _load_engine(engine).delta(values, width, order)


def chroma(waveform, config: ChromaConfig = ChromaConfig(), engine: Engine = "torch"):
    """Compute the power of each pitch class relative to the strongest, float32, shape (..., n_chroma, frames).

    The values are those of librosa's ``chroma_stft``: in [0, 1], from C upwards, and 0 in silence. With
    ``config.tuning=None``, the tuning of each clip is estimated first (:func:`tuning`). Parameters and errors are those
    of :func:`log_mel`. The engines agree within 1e-4 if they estimate the same tuning.

    Examples
    --------
    >>> a4 = np.sin(2 * np.pi * 440 * np.arange(22050) / 22050)
    >>> ChromaConfig().names[chroma(a4)[:, 20].argmax()]
    'chroma_A'
    """
    return _evaluate("chroma", waveform, config, engine)


def tuning(waveform, config: ChromaConfig = ChromaConfig(), engine: Engine = "torch"):
    """Estimate the deviation from A = 440 Hz, in chroma bins (semitones by default), float32, shape (...,).

    This is librosa's ``estimate_tuning`` as used by ``chroma_stft``: the most frequent deviation of spectral peaks from
    the nearest note, in [-0.5, 0.5) in steps of 0.01, or 0 without peaks. A peak lies between 150 Hz and 4 kHz. It
    has at least a tenth of the highest power in its frame, and at least the median power of all peaks. Parameters and
    errors are those of :func:`log_mel`. The engines give the same value unless two steps are almost equally frequent.

    Examples
    --------
    >>> sharp_tone = np.sin(2 * np.pi * 1760 * 2 ** (0.1 / 12) * np.arange(22050) / 22050)  # A, 0.1 semitones sharp
    >>> round(float(tuning(sharp_tone)), 1)
    0.1
    """
    return _evaluate("tuning", waveform, config, engine)


def spectral_contrast(waveform, config: ContrastConfig = ContrastConfig(), engine: Engine = "torch"):
    """Compute the difference between peaks and valleys in each octave, float32, shape (..., n_bands + 1, frames).

    Peak and valley are the means of the highest and the lowest 2 % of the magnitudes in a band (Jiang et al. 2002).
    Like librosa, we take ``10 log10`` of magnitudes, so the result is half the difference in dB. Silence gives 0.
    Parameters and errors are those of :func:`log_mel`. The engines agree within 0.01 dB.

    Examples
    --------
    >>> spectral_contrast(np.zeros(22050)).shape
    (7, 44)
    """
    return _evaluate("contrast", waveform, config, engine)


def spectral_centroid(waveform, config: FrameConfig = FrameConfig(), engine: Engine = "torch"):
    """Compute the magnitude-weighted mean frequency of each frame in Hz, a measure of brightness.

    The result is float32, shape (..., 1, frames), and 0 in silence. Parameters and errors are those of
    :func:`log_mel`. The engines agree within a relative error of 1e-4.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(22050) / 22050)
    >>> round(float(spectral_centroid(tone)[0, 20]))
    1000
    """
    return _evaluate("centroid", waveform, config, engine)


def spectral_bandwidth(waveform, config: FrameConfig = FrameConfig(), engine: Engine = "torch"):
    """Compute the magnitude-weighted standard deviation of the frequency around the centroid, in Hz.

    Parameters, shape and errors are those of :func:`spectral_centroid`.

    Examples
    --------
    >>> tone, noise = np.sin(np.arange(22050)), np.random.default_rng(0).uniform(-1, 1, 22050)
    >>> bool(spectral_bandwidth(tone)[0, 20] < spectral_bandwidth(noise)[0, 20])
    True
    """
    return _evaluate("bandwidth", waveform, config, engine)


def spectral_rolloff(waveform, config: FrameConfig = FrameConfig(), engine: Engine = "torch"):
    """Compute the frequency in Hz below which 85 % of the magnitudes of each frame lie.

    Parameters, shape and errors are those of :func:`spectral_centroid`. The result has no gradient. The engines agree
    except in about one of a thousand frames, where rounding moves the frequency by one bin.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(22050) / 22050)
    >>> round(float(spectral_rolloff(tone)[0, 20]))  # the bin above 1000 Hz
    1012
    """
    return _evaluate("rolloff", waveform, config, engine)


def rms(waveform, config: FrameConfig = FrameConfig(), engine: Engine = "torch"):
    """Compute the root mean square of each frame, which is 1 for a square wave at full scale.

    Parameters, shape and errors are those of :func:`spectral_centroid`. The engines agree within 1e-6.
    """
    return _evaluate("rms", waveform, config, engine)


def zero_crossing_rate(waveform, config: FrameConfig = FrameConfig(), engine: Engine = "torch"):
    """Compute the share of samples in each frame whose sign differs from that of the previous sample.

    A tone of frequency f gives ``2 f / sample_rate``. Parameters, shape and errors are those of
    :func:`spectral_centroid`. The result has no gradient. The engines give the same values.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(22050) / 22050)
    >>> round(float(zero_crossing_rate(tone)[0, 20]), 2)  # 2000 / 22050
    0.09
    """
    return _evaluate("zero_crossing_rate", waveform, config, engine)


def tempo(waveform, config: TempoConfig = TempoConfig(), engine: Engine = "torch"):
    """Estimate the tempo in beats per minute, float32, shape (...,), as librosa's ``feature.tempo`` does.

    The onset strength is the rise of the mel bands from frame to frame. The beat is the lag at which its
    autocorrelation, in windows of 8 s, is strongest, with a preference for tempi near 120. Lags are whole numbers of
    frames, so around 120 the resolution is 5 beats per minute. Sound without repetition gives 117.5. The result has no
    gradient. Parameters and errors are those of :func:`log_mel`. The engines give the same value unless two lags are
    equally strong to five digits.

    Examples
    --------
    >>> clicks = np.zeros(5 * 22050)
    >>> clicks[:: 22050 // 2] = 1  # two per second
    >>> round(float(tempo(clicks)))
    117
    """
    return _evaluate("tempo", waveform, config, engine)


def summary(waveform, config: SummaryConfig = SummaryConfig(), engine: Engine = "torch"):
    """Summarise each clip in one vector of time-averaged features, float32, shape (..., dimensions).

    The values are listed in ``config.names``. Parameters and errors are those of :func:`log_mel`. The engines agree as
    closely as for single features.

    Examples
    --------
    >>> clips = np.random.default_rng(0).uniform(-1, 1, (3, 22050))
    >>> summary(clips).shape, len(SummaryConfig().names)
    ((3, 26), 26)
    """
    return _evaluate("summary", waveform, config, engine)[..., 0]


def sequence(waveform, config: SequenceConfig = SequenceConfig(), engine: Engine = "torch"):
    """Compute a sequence of feature vectors, 33 values per frame, float32, shape (..., 33, frames).

    The values are MFCC, spectral centroid, chroma and spectral contrast, in the order of ``config.names``. Parameters
    and errors are those of :func:`log_mel`.

    Examples
    --------
    >>> sequence(np.zeros(22050)).shape
    (33, 44)
    """
    return _evaluate("sequence", waveform, config, engine)


def compute(waveform, configs: Mapping[str, Config], engine: Engine = "torch") -> dict:
    """Compute several features of the same sound. The torch engine computes shared steps only once.

    Parameters
    ----------
    waveform, engine
        As in :func:`log_mel`. All ``configs`` must have the sample rate of the waveform.
    configs
        Settings of the features, under any names. Their class, such as :class:`MelConfig`, selects the feature.

    Returns
    -------
    dict of arrays or tensors, like the waveform, float32, shape (..., dimensions, frames)
        The features under the names in ``configs``. A summary has one frame, and ``audio`` is the waveform itself,
        shape (..., samples).

    Raises
    ------
    ValueError
        If the waveform is too short for one of the features or not finite, or if the sample rates differ.

    Examples
    --------
    >>> values = compute(np.zeros(22050), {"logmel": MelConfig(), "summary": SummaryConfig()})
    >>> {name: value.shape for name, value in values.items()}
    {'logmel': (128, 44), 'summary': (26, 1)}
    """
    sample_rates = {name: config.sample_rate for name, config in configs.items()}
    if len(set(sample_rates.values())) > 1:
        raise ValueError(f"expected one sample rate for all features, found {sample_rates} (Hz)")
    feature_of = {config_class: feature for feature, config_class in FEATURES.items()}
    for config in configs.values():
        if type(config) not in feature_of:
            raise ValueError(f"expected settings of one of {', '.join(FEATURES)}, found {config!r}")
    _check_waveform(waveform, *configs.values())
    return _load_engine(engine).evaluate(
        waveform, {name: (feature_of[type(config)], config) for name, config in configs.items()}
    )


def _evaluate(feature: str, waveform, config, engine: Engine):
    _check_waveform(waveform, config)
    return _load_engine(engine).evaluate(waveform, {feature: (feature, config)})[feature]


def _load_engine(name: str):
    if name == "torch":
        from musiclab.features import kernels

        return kernels
    if name == "librosa":
        from musiclab.features import references

        return references
    raise ValueError(f'engine must be "torch" or "librosa", not {name!r}')


def _check_waveform(waveform, *configs) -> None:
    samples = waveform.shape[-1] if waveform.ndim else 0
    for config in configs:
        if samples < config.least_samples:
            raise ValueError(
                f"expected at least one frame of {config.least_samples} samples "
                f"({1000 * config.least_samples / config.sample_rate:.0f} ms at {config.sample_rate} Hz), "
                f"found {samples}; use a longer clip or pad it with audio.fix_length"
            )
    if "float" not in str(waveform.dtype):
        raise ValueError(
            f"expected a waveform of floats in [-1, 1], found {waveform.dtype}; convert int16 with audio.from_int16"
        )
    mean = waveform.detach().mean() if hasattr(waveform, "detach") else waveform.mean()
    if not np.isfinite(float(mean)):  # one mean is faster than a test of each sample
        raise ValueError("expected finite samples, found NaN or infinity in the waveform; export the sound again")
