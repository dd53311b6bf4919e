"""Every feature by both engines, on real recordings and on Studio: the tolerances that the docstrings state."""

import numpy as np
import pytest

from musiclab import features, studio
from musiclab.audio import find_audio, load_audio
from musiclab.features import FrameConfig, SequenceConfig, SummaryConfig, TempoConfig

FUNCTIONS = {
    "mfcc": features.mfcc,
    "chroma": features.chroma,
    "tuning": features.tuning,
    "contrast": features.spectral_contrast,
    "centroid": features.spectral_centroid,
    "bandwidth": features.spectral_bandwidth,
    "rolloff": features.spectral_rolloff,
    "rms": features.rms,
    "zero_crossing_rate": features.zero_crossing_rate,
    "tempo": features.tempo,
    "sequence": features.sequence,
}
TOLERANCES = {  # relative, absolute
    "mfcc": (0, 0.01),
    "chroma": (0, 1e-4),
    "tuning": (0, 0),
    "contrast": (0, 0.01),
    "centroid": (1e-4, 0),
    "bandwidth": (1e-4, 0.01),
    "rms": (0, 1e-6),
    "zero_crossing_rate": (0, 1e-7),
    "tempo": (1e-6, 0),
    "sequence": (1e-4, 0.01),
}


@pytest.fixture(scope="module")
def real_clips(recordings):
    """The first 8 s of librosa's examples: music, speech and animals, of many rates, some through a lossy codec."""
    files = find_audio(recordings / "librosa-examples")
    assert len(files) >= 10
    return {file.name: load_audio(file, 22050, duration=8)[0] for file in files}


@pytest.fixture(scope="module")
def studio_clips():
    return {genre: studio.render(genre, 7, seconds=5).waveform for genre in list(studio.GENRES)[::3]}


@pytest.fixture(params=["real_clips", "studio_clips"])
def clips(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("name", TOLERANCES)
def test_engines_agree(clips, name):
    relative, absolute = TOLERANCES[name]
    for file, waveform in clips.items():
        ours, reference = FUNCTIONS[name](waveform), FUNCTIONS[name](waveform, engine="librosa")
        assert ours.shape == reference.shape
        assert ours.dtype == reference.dtype == np.float32
        np.testing.assert_allclose(ours, reference, rtol=relative, atol=absolute, err_msg=file)


def test_rolloff_is_the_same_bin_but_for_a_frame_in_a_hundred(clips):
    different, frames = 0, 0
    for waveform in clips.values():
        ours, reference = (features.spectral_rolloff(waveform, engine=engine) for engine in ("torch", "librosa"))
        bins = np.abs(ours - reference) / (22050 / 2048)
        assert bins.max() < 1.01
        different, frames = different + (bins > 0.5).sum(), frames + bins.size
    assert different < 0.01 * frames


@pytest.mark.parametrize(
    "config",
    [SummaryConfig(), SummaryConfig(kind="full", delta_order=2), SummaryConfig(16000, n_fft=1024, hop_length=256)],
    ids=["tutorial", "full", "tutorial at 16 kHz"],
)
def test_summaries_agree(clips, config):
    for file, waveform in clips.items():
        ours, reference = (features.summary(waveform, config, engine) for engine in ("torch", "librosa"))
        assert ours.shape == reference.shape == (len(config.names),)
        # a frame whose rolloff differs by a bin moves the mean of 200 frames by 0.05 Hz
        np.testing.assert_allclose(ours, reference, rtol=1e-3, atol=2e-3, err_msg=file)


@pytest.mark.parametrize("width", [3, 9, 11])
@pytest.mark.parametrize("order", [1, 2])
def test_deltas_agree(order, width):
    values = np.random.default_rng(0).standard_normal((2, 5, 40)).astype(np.float32)
    ours, reference = (features.delta(values, width, order, engine) for engine in ("torch", "librosa"))
    np.testing.assert_allclose(ours, reference, atol=1e-5)


@pytest.mark.parametrize(
    "framing",
    [FrameConfig(16000, 1024, 160), FrameConfig(44100, 4096, 1000), FrameConfig(48000, 2048, 2048)],
    ids=["16 kHz", "44.1 kHz", "48 kHz"],
)
def test_engines_agree_at_other_rates_windows_and_hops(framing):
    waveform = studio.render("blues", 3, seconds=4).waveform  # at any rate: then it is another sound
    for name in ("spectral_centroid", "spectral_bandwidth", "rms", "zero_crossing_rate"):
        function = getattr(features, name)
        ours, reference = function(waveform, framing), function(waveform, framing, "librosa")
        np.testing.assert_allclose(ours, reference, rtol=1e-4, atol=1e-6, err_msg=name)
    sequence, settings = features.sequence, SequenceConfig(**framing.framing)
    np.testing.assert_allclose(
        sequence(waveform, settings), sequence(waveform, settings, "librosa"), rtol=1e-4, atol=0.01
    )
    settings = TempoConfig(**framing.framing)
    assert features.tempo(waveform, settings) == pytest.approx(features.tempo(waveform, settings, "librosa"))
