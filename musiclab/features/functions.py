"""Compute features of waveforms with torch or librosa, whichever engine the caller chooses."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from musiclab.core.extras import require
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

    A mel spectrogram measures how strong the sound is in each frequency band of each frame. Its bands are spaced like
    our perception of pitch, and the logarithm matches our perception of loudness.

    Parameters
    ----------
    waveform : array or tensor of floats, shape (..., samples)
        Sound in [-1, 1] at ``config.sample_rate``, at least one frame (``config.n_fft`` samples) long.
    config : MelConfig, optional
        Settings such as the number of bands. Default: ``MelConfig()``, with 128 bands.
    engine : {"torch", "librosa"}, default "torch"
        Library that computes the feature. ``"librosa"`` is the reference and takes arrays only. Down to 60 dB below the
        clip's peak, the two results differ by less than 0.05 dB.

    Returns
    -------
    float32 array or tensor, like the waveform, shape (..., n_mels, frames)
        Values in the unit that ``config.scaling`` selects. ``frames`` is ``config.frames(samples)``. Silence gives
        ``config.silence``.

    Raises
    ------
    ValueError
        If the waveform is shorter than one frame, does not consist of floats, or has NaN or infinite samples. Also if
        the engine is unknown.

    Examples
    --------
    >>> log_mel(np.zeros(22050, dtype=np.float32)).shape
    (128, 44)
    """
    return _evaluate("logmel", waveform, config, engine)


def mfcc(waveform, config: MfccConfig = MfccConfig(), engine: Engine = "torch"):
    """Compute the mel-frequency cepstral coefficients (MFCC), which describe the timbre of each frame.

    As in librosa, we take the mel power in dB, limit it to 80 dB below the clip's peak, and apply an orthonormal DCT-II
    (a cosine transform over the mel bands).

    Parameters
    ----------
    waveform : array or tensor of floats, shape (..., samples)
        As in :func:`log_mel`.
    config : MfccConfig, optional
        Settings such as the number of coefficients. Default: ``MfccConfig()``, with 20 coefficients.
    engine : {"torch", "librosa"}, default "torch"
        As in :func:`log_mel`. The two results differ by less than 0.01.

    Returns
    -------
    float32 array or tensor, like the waveform, shape (..., n_mfcc, frames)
        Row 0 follows the level of the sound. The other rows describe the shape of its spectrum.

    Raises
    ------
    ValueError
        As in :func:`log_mel`.

    Examples
    --------
    >>> mfcc(np.zeros(22050, dtype=np.float32)).shape
    (20, 44)
    """
    return _evaluate("mfcc", waveform, config, engine)


def delta(values, width: int = 9, order: int = 1, engine: Engine = "torch"):
    """Compute the time derivative of a feature, which tells how fast it changes.

    The derivative is that of a polynomial fitted to the neighbouring frames (a Savitzky-Golay filter).

    Parameters
    ----------
    values : array or tensor, shape (..., frames)
        Feature to differentiate.
    width : int, default 9
        Number of frames that each polynomial is fitted to. Must be odd and at least 3.
    order : int, default 1
        Order of the derivative: 1 for the slope, 2 for the curvature.
    engine : {"torch", "librosa"}, default "torch"
        As in :func:`log_mel`. The two results differ by less than 1e-4 of the largest value.

    Returns
    -------
    float32 array or tensor, like ``values``, shape (..., frames)
        Derivative in units of ``values`` per frame (for order 1). The first and last ``width // 2`` frames repeat the
        value next to them.

    Raises
    ------
    ValueError
        If there are fewer than ``width`` frames, if ``width`` or ``order`` is out of range, or if the engine is
        unknown.

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
    """Compute how strong each pitch class (C, C#, ... B) is in each frame, relative to the strongest one.

    The values equal those of librosa's ``chroma_stft``.

    Parameters
    ----------
    waveform : array or tensor of floats, shape (..., samples)
        As in :func:`log_mel`.
    config : ChromaConfig, optional
        Settings such as the number of pitch classes. Default: ``ChromaConfig()``, with 12. If ``config.tuning`` is
        None, the tuning of each clip is first estimated with :func:`tuning`.
    engine : {"torch", "librosa"}, default "torch"
        As in :func:`log_mel`. The two results differ by less than 1e-4, provided that both engines estimate the same
        tuning.

    Returns
    -------
    float32 array or tensor, like the waveform, shape (..., n_chroma, frames)
        Values in [0, 1]. Row 0 is C. Silent frames are 0.

    Raises
    ------
    ValueError
        As in :func:`log_mel`.

    Examples
    --------
    >>> a4 = np.sin(2 * np.pi * 440 * np.arange(22050) / 22050)
    >>> ChromaConfig().names[chroma(a4)[:, 20].argmax()]
    'chroma_A'
    """
    return _evaluate("chroma", waveform, config, engine)


def tuning(waveform, config: ChromaConfig = ChromaConfig(), engine: Engine = "torch"):
    """Estimate how far the tuning of each clip deviates from A = 440 Hz.

    As in librosa's ``chroma_stft``, we find the peaks of the spectrum and measure the deviation of each peak from the
    nearest note. The result is the most frequent deviation. A peak counts if it lies between 150 Hz and 4 kHz, has at
    least a tenth of the highest power in its frame, and has at least the median power of all peaks.

    Parameters
    ----------
    waveform : array or tensor of floats, shape (..., samples)
        As in :func:`log_mel`.
    config : ChromaConfig, optional
        Settings of the frames and the number of pitch classes. Default: ``ChromaConfig()``.
    engine : {"torch", "librosa"}, default "torch"
        As in :func:`log_mel`. The two results are equal unless two deviations are almost equally frequent.

    Returns
    -------
    float32 array or tensor, like the waveform, shape (...,)
        Deviation in [-0.5, 0.5), in steps of 0.01. The unit is one chroma bin, which is a semitone by default. Sound
        without peaks gives 0.

    Raises
    ------
    ValueError
        As in :func:`log_mel`.

    Examples
    --------
    >>> sharp_tone = np.sin(2 * np.pi * 1760 * 2 ** (0.1 / 12) * np.arange(22050) / 22050)  # A, 0.1 semitones sharp
    >>> round(float(tuning(sharp_tone)), 1)
    0.1
    """
    return _evaluate("tuning", waveform, config, engine)


def spectral_contrast(waveform, config: ContrastConfig = ContrastConfig(), engine: Engine = "torch"):
    """Compute the spectral contrast, the level difference between peaks and valleys in each octave band.

    Tones give a large contrast and noise a small one. The peak is the mean of the highest 2 % of the magnitudes in a
    band, and the valley is the mean of the lowest 2 % (Jiang et al. 2002).

    Parameters
    ----------
    waveform : array or tensor of floats, shape (..., samples)
        As in :func:`log_mel`.
    config : ContrastConfig, optional
        Settings such as the number of bands. Default: ``ContrastConfig()``, with 6 bands above the lowest one.
    engine : {"torch", "librosa"}, default "torch"
        As in :func:`log_mel`. The two results differ by less than 0.01.

    Returns
    -------
    float32 array or tensor, like the waveform, shape (..., n_bands + 1, frames)
        ``10 log10(peak / valley)``, as in librosa. Decibels would be ``20 log10``, so the values are half the
        difference in dB. Silence gives 0.

    Raises
    ------
    ValueError
        As in :func:`log_mel`.

    Examples
    --------
    >>> spectral_contrast(np.zeros(22050)).shape
    (7, 44)
    """
    return _evaluate("contrast", waveform, config, engine)


def spectral_centroid(waveform, config: FrameConfig = FrameConfig(), engine: Engine = "torch"):
    """Compute the spectral centroid, the mean frequency of each frame, as a measure of brightness.

    Each frequency is weighted by its magnitude in the spectrum.

    Parameters
    ----------
    waveform : array or tensor of floats, shape (..., samples)
        As in :func:`log_mel`.
    config : FrameConfig, optional
        Length and spacing of the frames. Default: ``FrameConfig()``.
    engine : {"torch", "librosa"}, default "torch"
        As in :func:`log_mel`. The relative difference between the two results is below 1e-4.

    Returns
    -------
    float32 array or tensor, like the waveform, shape (..., 1, frames)
        Frequency in Hz. Silent frames are 0.

    Raises
    ------
    ValueError
        As in :func:`log_mel`.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(22050) / 22050)
    >>> round(float(spectral_centroid(tone)[0, 20]))
    1000
    """
    return _evaluate("centroid", waveform, config, engine)


def spectral_bandwidth(waveform, config: FrameConfig = FrameConfig(), engine: Engine = "torch"):
    """Compute the spectral bandwidth, which tells how widely the frequencies of each frame spread around the centroid.

    It is the standard deviation of the frequency, weighted by the magnitude.

    Parameters
    ----------
    waveform : array or tensor of floats, shape (..., samples)
        As in :func:`log_mel`.
    config : FrameConfig, optional
        Length and spacing of the frames. Default: ``FrameConfig()``.
    engine : {"torch", "librosa"}, default "torch"
        As in :func:`spectral_centroid`.

    Returns
    -------
    float32 array or tensor, like the waveform, shape (..., 1, frames)
        Bandwidth in Hz. Silent frames are 0.

    Raises
    ------
    ValueError
        As in :func:`log_mel`.

    Examples
    --------
    >>> tone, noise = np.sin(np.arange(22050)), np.random.default_rng(0).uniform(-1, 1, 22050)
    >>> bool(spectral_bandwidth(tone)[0, 20] < spectral_bandwidth(noise)[0, 20])
    True
    """
    return _evaluate("bandwidth", waveform, config, engine)


def spectral_rolloff(waveform, config: FrameConfig = FrameConfig(), engine: Engine = "torch"):
    """Compute the spectral rolloff, the frequency below which 85 % of the magnitudes of each frame lie.

    Parameters
    ----------
    waveform : array or tensor of floats, shape (..., samples)
        As in :func:`log_mel`.
    config : FrameConfig, optional
        Length and spacing of the frames. Default: ``FrameConfig()``.
    engine : {"torch", "librosa"}, default "torch"
        As in :func:`log_mel`. The two results are equal, except in about one of a thousand frames, where rounding moves
        the frequency by one bin.

    Returns
    -------
    float32 array or tensor, like the waveform, shape (..., 1, frames)
        Frequency in Hz, a multiple of ``sample_rate / n_fft``. Silent frames are 0. The result has no gradient.

    Raises
    ------
    ValueError
        As in :func:`log_mel`.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(22050) / 22050)
    >>> round(float(spectral_rolloff(tone)[0, 20]))  # the bin above 1000 Hz
    1012
    """
    return _evaluate("rolloff", waveform, config, engine)


def rms(waveform, config: FrameConfig = FrameConfig(), engine: Engine = "torch"):
    """Compute the root mean square (RMS) of each frame, a measure of its level.

    Parameters
    ----------
    waveform : array or tensor of floats, shape (..., samples)
        As in :func:`log_mel`.
    config : FrameConfig, optional
        Length and spacing of the frames. Default: ``FrameConfig()``.
    engine : {"torch", "librosa"}, default "torch"
        As in :func:`log_mel`. The two results differ by less than 1e-6.

    Returns
    -------
    float32 array or tensor, like the waveform, shape (..., 1, frames)
        Level on a linear scale: 1 for a square wave at full scale, 0 for silence.

    Raises
    ------
    ValueError
        As in :func:`log_mel`.

    Examples
    --------
    >>> square_wave = np.sign(np.sin(2 * np.pi * 100 * np.arange(22050) / 22050) + 1e-6)
    >>> round(float(rms(square_wave)[0, 20]), 3)
    1.0
    """
    return _evaluate("rms", waveform, config, engine)


def zero_crossing_rate(waveform, config: FrameConfig = FrameConfig(), engine: Engine = "torch"):
    """Compute how often the waveform changes its sign in each frame.

    Parameters
    ----------
    waveform : array or tensor of floats, shape (..., samples)
        As in :func:`log_mel`.
    config : FrameConfig, optional
        Length and spacing of the frames. Default: ``FrameConfig()``.
    engine : {"torch", "librosa"}, default "torch"
        As in :func:`log_mel`. The two results are equal.

    Returns
    -------
    float32 array or tensor, like the waveform, shape (..., 1, frames)
        Share of the samples, from 0 to 1, whose sign differs from that of the previous sample. A tone of frequency f
        gives ``2 f / sample_rate``. The result has no gradient.

    Raises
    ------
    ValueError
        As in :func:`log_mel`.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(22050) / 22050)
    >>> round(float(zero_crossing_rate(tone)[0, 20]), 2)  # 2000 / 22050
    0.09
    """
    return _evaluate("zero_crossing_rate", waveform, config, engine)


def tempo(waveform, config: TempoConfig = TempoConfig(), engine: Engine = "torch"):
    """Estimate the tempo of each clip, as librosa's ``feature.tempo`` does.

    The onset strength tells how much the mel bands rise from one frame to the next. Its autocorrelation is high at a
    lag (a shift in time) at which the onsets repeat. The tempo is the lag with the highest autocorrelation in windows
    of 8 s, with a preference for tempi near 120 beats per minute.

    Parameters
    ----------
    waveform : array or tensor of floats, shape (..., samples)
        As in :func:`log_mel`.
    config : TempoConfig, optional
        Settings such as the preferred tempo. Default: ``TempoConfig()``.
    engine : {"torch", "librosa"}, default "torch"
        As in :func:`log_mel`. The two results are equal unless two lags are equally strong to five digits.

    Returns
    -------
    float32 array or tensor, like the waveform, shape (...,)
        Tempo in beats per minute. Lags are whole numbers of frames, so the resolution around 120 is 5 beats per minute.
        Sound without repetition gives 117.5. The result has no gradient.

    Raises
    ------
    ValueError
        As in :func:`log_mel`.

    Examples
    --------
    >>> clicks = np.zeros(5 * 22050)
    >>> clicks[:: 22050 // 2] = 1  # two per second
    >>> round(float(tempo(clicks)))
    117
    """
    return _evaluate("tempo", waveform, config, engine)


def summary(waveform, config: SummaryConfig = SummaryConfig(), engine: Engine = "torch"):
    """Summarise each clip in one vector of features that are averaged over time.

    Parameters
    ----------
    waveform : array or tensor of floats, shape (..., samples)
        As in :func:`log_mel`.
    config : SummaryConfig, optional
        Settings that select the features. Default: ``SummaryConfig()``, with 26 means over time.
    engine : {"torch", "librosa"}, default "torch"
        As in :func:`log_mel`. The two results agree as closely as those of the single features.

    Returns
    -------
    float32 array or tensor, like the waveform, shape (..., dimensions)
        Feature vectors. ``config.names`` lists the name of each value.

    Raises
    ------
    ValueError
        As in :func:`log_mel`.

    Examples
    --------
    >>> clips = np.random.default_rng(0).uniform(-1, 1, (3, 22050))
    >>> summary(clips).shape, len(SummaryConfig().names)
    ((3, 26), 26)
    """
    return _evaluate("summary", waveform, config, engine)[..., 0]


def sequence(waveform, config: SequenceConfig = SequenceConfig(), engine: Engine = "torch"):
    """Compute a sequence of feature vectors, one per frame, for recurrent networks.

    Each vector holds 13 MFCC, the spectral centroid, 12 chroma and 7 bands of spectral contrast.

    Parameters
    ----------
    waveform : array or tensor of floats, shape (..., samples)
        As in :func:`log_mel`.
    config : SequenceConfig, optional
        Length and spacing of the frames. Default: ``SequenceConfig()``.
    engine : {"torch", "librosa"}, default "torch"
        As in :func:`log_mel`. The two results agree as closely as those of the single features.

    Returns
    -------
    float32 array or tensor, like the waveform, shape (..., 33, frames)
        Feature vectors. ``config.names`` lists the name of each row.

    Raises
    ------
    ValueError
        As in :func:`log_mel`.

    Examples
    --------
    >>> sequence(np.zeros(22050)).shape
    (33, 44)
    """
    return _evaluate("sequence", waveform, config, engine)


def compute(waveform, configs: Mapping[str, Config], engine: Engine = "torch") -> dict:
    """Compute several features of the same sound.

    The torch engine computes steps that features share, such as the Fourier transform, only once.

    Parameters
    ----------
    waveform : array or tensor of floats, shape (..., samples)
        As in :func:`log_mel`. Its sample rate must be that of all ``configs``.
    configs : dict
        Settings of the features, under any names. Their class selects the feature: a :class:`MelConfig` selects the
        log-mel spectrogram.
    engine : {"torch", "librosa"}, default "torch"
        As in :func:`log_mel`.

    Returns
    -------
    dict of float32 arrays or tensors, like the waveform, shape (..., dimensions, frames)
        The features under the names in ``configs``. A summary has one frame. For an :class:`AudioConfig`, the value is
        the waveform itself, shape (..., samples).

    Raises
    ------
    ValueError
        As in :func:`log_mel`. Also if the sample rates differ, or if ``configs`` has settings of something else.

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
        if feature_of[type(config)] == "embedding":
            raise ValueError("embeddings need an encoder; compute them with musiclab.encoders.compute")
    waveform = _to_waveform(waveform, *configs.values())
    return _load_engine(engine).evaluate(
        waveform, {name: (feature_of[type(config)], config) for name, config in configs.items()}
    )


def _evaluate(feature: str, waveform, config, engine: Engine):
    waveform = _to_waveform(waveform, config)
    return _load_engine(engine).evaluate(waveform, {feature: (feature, config)})[feature]


def _load_engine(name: str):
    if name == "torch":
        from musiclab.features import kernels

        return kernels
    if name == "librosa":
        require("engine librosa", "lessons", "librosa")
        from musiclab.features import references

        return references
    raise ValueError(f'engine must be "torch" or "librosa", not {name!r}')


def _to_waveform(waveform, *configs):
    """Return a tensor as it is and everything else as an array, or raise ValueError if it can't be a waveform."""
    is_tensor = hasattr(waveform, "is_floating_point")
    waveform = waveform if is_tensor else np.asarray(waveform)
    samples = waveform.shape[-1] if waveform.ndim else 0
    for config in configs:
        if samples < config.least_samples:
            raise ValueError(
                f"expected at least one frame of {config.least_samples} samples "
                f"({1000 * config.least_samples / config.sample_rate:.0f} ms at {config.sample_rate} Hz), "
                f"found {samples}; use a longer clip or pad it with audio.fix_length"
            )
    if not (waveform.is_floating_point() if is_tensor else waveform.dtype.kind == "f"):
        raise ValueError(
            f"expected a waveform of floats in [-1, 1], found {waveform.dtype}; convert int16 with audio.from_int16"
        )
    mean = waveform.detach().mean() if hasattr(waveform, "detach") else waveform.mean()
    if not np.isfinite(float(mean)):  # one mean is faster than a test of each sample
        raise ValueError("expected finite samples, found NaN or infinity in the waveform; export the sound again")
    return waveform
