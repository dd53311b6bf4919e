"""Summaries, sequences, features by name, and several at once."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import sine

from musiclab import features
from musiclab.features import (
    FEATURES,
    AudioConfig,
    ChromaConfig,
    ContrastConfig,
    MelConfig,
    MfccConfig,
    SequenceConfig,
    SummaryConfig,
)

CONFIGS = {name: make() for name, make in FEATURES.items() if name != "embedding"}  # see test_encoders.py


@pytest.fixture(scope="module")
def clip():
    noise = np.random.default_rng(0).standard_normal(22050).astype(np.float32) / 20
    return sine(440.0) * np.linspace(0, 1, 22050, dtype=np.float32) + noise


def test_the_tutorial_summary_is_means_over_time(clip):
    config = SummaryConfig()
    values = dict(zip(config.names, features.summary(clip), strict=True))
    assert len(values) == 26
    for name, function in {
        "chroma": features.chroma,
        "rms": features.rms,
        "centroid": features.spectral_centroid,
        "bandwidth": features.spectral_bandwidth,
        "rolloff": features.spectral_rolloff,
        "zero_crossing_rate": features.zero_crossing_rate,
    }.items():
        assert values[name] == pytest.approx(function(clip).mean(), rel=1e-5), name
    cepstrum = features.mfcc(clip, MfccConfig()).mean(axis=1)
    np.testing.assert_allclose([values[name] for name in MfccConfig().names], cepstrum, rtol=1e-4, atol=1e-4)


def test_the_full_summary_is_means_and_deviations(clip):
    config = SummaryConfig(kind="full", delta_order=2)
    values = pd.Series(features.summary(clip, config), index=config.names)
    assert len(values) == 168
    assert len(SummaryConfig(kind="full").names) == 128
    cepstrum = features.mfcc(clip, MfccConfig())
    for names, rows in (
        (MfccConfig().names, cepstrum),
        ([f"{name}_delta" for name in MfccConfig().names], features.delta(cepstrum)),
        ([f"{name}_delta2" for name in MfccConfig().names], features.delta(cepstrum, order=2)),
        (ChromaConfig().names, features.chroma(clip)),
        (ContrastConfig().names, features.spectral_contrast(clip)),
        (["rms"], features.rms(clip)),
        (["rolloff"], features.spectral_rolloff(clip)),
    ):
        for name, row in zip(names, rows, strict=True):
            assert values[f"{name}_mean"] == pytest.approx(row.mean(), rel=1e-4, abs=1e-4), name
            assert values[f"{name}_deviation"] == pytest.approx(row.std(), rel=1e-4, abs=1e-4), name


def test_the_sequence_is_its_features_in_order(clip):
    names, values = SequenceConfig().names, features.sequence(clip)
    assert values.shape == (33, SequenceConfig().frames(len(clip)))
    assert names[0], names[12] == ("mfcc_0", "mfcc_12")
    assert names[13:15] == ("centroid", "chroma_C")
    assert names[26] == "contrast_0"
    parts = [
        features.mfcc(clip, MfccConfig(n_mfcc=13)),
        features.spectral_centroid(clip),
        features.chroma(clip),
        features.spectral_contrast(clip),
    ]
    np.testing.assert_allclose(values, np.concatenate(parts), rtol=1e-5, atol=1e-4)


def test_deltas_need_their_frames():
    config = SummaryConfig(kind="full")
    assert config.least_samples == 4096
    with pytest.raises(ValueError, match=r"4096 samples \(186 ms at 22050 Hz\), found 4095"):
        features.summary(np.zeros(4095), config)
    assert np.isfinite(features.summary(sine(440.0)[:4096], config)).all()


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_keeps_the_contract_of_stores(name, clip):
    config = CONFIGS[name]
    values = features.compute(clip, {name: config})[name]
    values = values[None] if name == "audio" else values
    assert values.dtype == np.float32
    assert values.shape == (len(config.names), config.frames(len(clip)))
    assert len(set(config.names)) == len(config.names)
    assert np.shape(config.silence) in ((), (len(config.names),))
    assert features.config(name, json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.filterwarnings("ignore:Trying to estimate tuning")
@pytest.mark.parametrize("engine", ["torch", "librosa"])
def test_silence_is_the_silence_of_its_config(name, engine):
    values = features.compute(np.zeros(8192, dtype=np.float32), {name: CONFIGS[name]}, engine)[name]
    expected = np.broadcast_to(CONFIGS[name].silence, len(CONFIGS[name].names))
    np.testing.assert_allclose(
        np.atleast_2d(values).T, np.broadcast_to(expected, np.atleast_2d(values).T.shape), atol=2e-3
    )


@pytest.mark.parametrize("engine", ["torch", "librosa"])
def test_all_at_once_is_one_at_a_time(clip, engine):
    together = features.compute(clip, {**CONFIGS, "full": SummaryConfig(kind="full")}, engine)
    assert list(together) == [*CONFIGS, "full"]
    np.testing.assert_array_equal(together["audio"], clip)
    assert together["full"].shape == (128, 1)
    for name, alone in {
        "logmel": features.log_mel(clip, engine=engine),
        "mfcc": features.mfcc(clip, MfccConfig(), engine=engine),
        "chroma": features.chroma(clip, engine=engine),
        "contrast": features.spectral_contrast(clip, engine=engine),
        "summary": features.summary(clip, engine=engine)[:, None],
        "sequence": features.sequence(clip, engine=engine),
    }.items():
        np.testing.assert_allclose(together[name], alone, rtol=1e-4, atol=2e-3, err_msg=name)


def test_one_transform_serves_all_of_the_same_frames(clip, monkeypatch):
    lengths = []
    transform = torch.fft.rfft

    def counted(frames, *rest, **named):
        lengths.append((frames.shape[-1], frames.shape[-2]))
        return transform(frames, *rest, **named)

    monkeypatch.setattr(torch.fft, "rfft", counted)
    features.compute(clip, CONFIGS)
    for n_fft in (1024, 2048):
        assert sum(frames for length, frames in lengths if length == n_fft) == 44  # each frame of the clip once


def test_batches_and_tensors(clip):
    batch = torch.from_numpy(np.stack([clip, clip[::-1].copy()]))
    values = features.compute(batch, CONFIGS)
    assert all(isinstance(value, torch.Tensor) for value in values.values())
    assert values["sequence"].shape == (2, 33, 44)
    assert values["summary"].shape == (2, 26, 1)
    np.testing.assert_allclose(values["sequence"][1].numpy(), features.sequence(batch[1].numpy()), rtol=1e-4, atol=1e-3)


def test_a_long_clip_is_not_many_times_as_large():
    """Ten minutes take the power and the magnitude of 25,840 frames, 106 MB each, and not their phases or windows."""
    pytest.importorskip("resource")
    script = (
        "import resource, numpy, torch; from musiclab import features; torch.set_num_threads(1);"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024;"
        "short = numpy.random.default_rng(0).standard_normal(22050 * 5, dtype=numpy.float32);"
        "features.sequence(short); before = peak();"
        "features.sequence(numpy.tile(short, 24)); print(peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ)
    spectra = 2 * 4 * 1025 * (1 + 24 * 5 * 22050 // 512) / 2**20  # MiB, of two minutes
    assert float(done.stdout) < 2.5 * spectra


def test_names_and_settings_that_are_not_there():
    with pytest.raises(ValueError, match=r"among audio, logmel, .*, found 'logmell'; did you mean logmel\?"):
        features.config("logmell")
    with pytest.raises(ValueError, match=r"expected settings of mfcc among .*found 'n_mfc'; did you mean n_mfcc\?"):
        features.config("mfcc", {"n_mfc": 13})
    with pytest.raises(ValueError, match="expected a kind among tutorial, full, found 'short'"):
        SummaryConfig(kind="short")
    with pytest.raises(ValueError, match="expected delta_order to be a whole number from 1 to 2, found 3"):
        SummaryConfig(delta_order=3)
    with pytest.raises(ValueError, match="half the sample rate of 8000 Hz"):
        SequenceConfig(8000)
    assert SummaryConfig(8000).names == SummaryConfig().names  # there is no contrast in it
    with pytest.raises(ValueError, match=r"one sample rate for all features, found .*'audio': 8000, 'logmel': 22050"):
        features.compute(np.zeros(22050), {"audio": AudioConfig(8000), "logmel": MelConfig()})
    with pytest.raises(ValueError, match="expected settings of one of audio, logmel"):
        features.compute(np.zeros(22050), {"rms": features.FrameConfig()})


def test_a_table_with_names_is_one_line(clip):
    table = pd.DataFrame(features.summary(np.stack([clip, clip / 2])), columns=SummaryConfig().names)
    assert table["rms"][0] == pytest.approx(2 * table["rms"][1])
    assert table["centroid"][0] == pytest.approx(table["centroid"][1], rel=1e-4)
