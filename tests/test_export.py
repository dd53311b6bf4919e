"""Export to ONNX: the file equals predict for every model, says what it is, and is not kept if it is wrong."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from conftest import TINY, check_refused, last_line

import musiclab
from musiclab import encoders, features, models
from musiclab.audio import resample, save_audio
from musiclab.core import extras
from musiclab.core.errors import RunError
from musiclab.core.extras import MissingExtraError
from musiclab.features import kernels
from musiclab.features.kernels.tracing import evaluate_traced
from musiclab.metrics import Result
from musiclab.runs import Run, RunSettings, graph
from musiclab.runs import export as export_module
from musiclab.runs.prediction import predict

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

CLASSES = ["jazz", "rock", "Chanson é"]
ENCODERS = ["summary", "studio", "musicnn-random", "studio+summary"]
MODELS = [*(name for name in TINY if name != "probe"), *(f"probe {encoder}" for encoder in ENCODERS)]
FEATURES = {
    "audio": features.AudioConfig(8000),
    "power": features.MelConfig(sample_rate=16000, n_fft=512, hop_length=256, power=2.0, scaling="log10(1+10000x)"),
    "decibel": features.MelConfig(n_fft=1000, n_mels=40, power=2.0, scaling="decibel"),
    "mfcc": features.MfccConfig(),
    "chroma": features.ChromaConfig(),
    "tuned chroma": features.ChromaConfig(n_chroma=24, tuning=0.1),
    "contrast": features.ContrastConfig(),
    "sequence": features.SequenceConfig(),
    "summary": features.SummaryConfig(),
    "full summary": features.SummaryConfig(kind="full", delta_order=2),
}


def sound(seconds, sample_rate=22050, seed=0):
    """Tones that glide, from a semitone that depends on the seed, beats and noise."""
    rng, time = np.random.default_rng(seed), np.arange(round(seconds * sample_rate)) / sample_rate
    pitch = 220 * 2 ** (seed / 12 + 0.003)
    tones = sum(np.sin(2 * np.pi * pitch * number * time + seed * time**2) / number for number in (1, 2, 3, 7))
    return np.float32(0.2 * tones * (0.3 + (time % 0.5 < 0.2)) + 0.01 * rng.standard_normal(len(time)))


def make_run(name, temperature=1.7):
    """A model with random weights that is standardised by real values, and is sure of what it says."""
    name, _, encoder = name.partition(" ")
    config, sizes = models.find(name).feature_config, TINY[name]
    if name == "probe":
        config = encoders.settings(encoder)
        sizes = {"inputs": sum(config.dimensions)}
    elif models.find(name).feature == "audio":
        config = features.AudioConfig(8000)
    torch.manual_seed(0)
    model = models.create(name, len(CLASSES), **sizes).eval()
    clips = [sound(3, config.sample_rate, seed) for seed in range(6)]
    if model.feature != "audio":
        values = [encoders.compute(clip, {model.feature: config})[model.feature] for clip in clips]
        values = np.concatenate(values, axis=1)
        model.standardise_by(values.mean(axis=1), values.std(axis=1))
    with torch.no_grad():
        model.output.weight.mul_(4) if hasattr(model, "output") else None
    settings = RunSettings(
        model=name,
        sizes=model.sizes,
        classes=CLASSES,
        feature=model.feature,
        feature_config=config.to_dict(),
        data={"name": "small", "licence": "CC0"},
        training={"precision": "bf16"},  # of the training; the file computes in fp32
        calibration={"temperature": temperature, "threshold": 0.0, "n": 30},
    )
    return Run(settings, model)


def open_file(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda waveforms: session.run(None, {"waveform": np.asarray(waveforms, np.float32)})[0]


def expect(run, waveform):
    """The probabilities of ``run.predict`` in fp32."""
    settings = replace(run.settings, training={"precision": "fp32"})
    rate = settings.feature_settings.sample_rate
    return predict(run.model, settings, waveform, rate, None, "cpu", False).probabilities[0]


@pytest.fixture
def cnn():
    return make_run("cnn")


# The same numbers as predict


@pytest.mark.parametrize("name", MODELS)
def test_a_file_equals_predict(name, tmp_path, monkeypatch):
    monkeypatch.setattr(export_module, "_compare", lambda *_: (0.0, "nothing"))  # the test compares by itself
    run = make_run(name)
    exported = run.export(tmp_path / "model.onnx")
    classify, rate = open_file(exported.path), exported.sample_rate
    assert rate == run.settings.feature_settings.sample_rate
    for seconds in (0.5, 3, 7.3):
        waveform = sound(seconds, rate, seed=1)
        np.testing.assert_allclose(classify([waveform])[0], expect(run, waveform), atol=1e-4)
    batch = [sound(3.2, rate, seed) for seed in range(3)]
    together = classify(batch)
    assert together.shape == (3, 3)
    np.testing.assert_allclose(together, [expect(run, waveform) for waveform in batch], atol=1e-4)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("seconds", [0.4, 2.0])
def test_traced_features_equal_those_of_the_engine(name, seconds):
    config = FEATURES[name]
    feature = next(feature for feature, config_class in features.FEATURES.items() if type(config) is config_class)
    waveforms = np.stack([sound(seconds, config.sample_rate, seed) for seed in (1, 2, 5)])
    waveforms = np.concatenate([waveforms, np.zeros_like(waveforms[:1])])
    expected = kernels.evaluate(waveforms, {"it": (feature, config)})["it"]
    traced = evaluate_traced(torch.from_numpy(waveforms), feature, config).numpy()
    assert traced.shape == expected.shape
    np.testing.assert_allclose(traced, expected, rtol=1e-4, atol=2e-4 * np.abs(expected).max())


@pytest.mark.parametrize("rates", [(22050, 16000), (44100, 22050), (8000, 22050)])
def test_resampling_equals_that_of_the_library(rates):
    resampling = graph._Resampling(*rates)
    for seconds in (0.1, 1.003):
        waveform = sound(seconds, rates[0])
        traced = resampling(torch.from_numpy(waveform)[None])[0].numpy()
        np.testing.assert_allclose(traced, resample(waveform, *rates), atol=2e-6)


def test_a_summary_of_more_than_a_minute_is_that_of_its_parts(tmp_path):
    run = make_run("mlp")
    classify = open_file(run.export(tmp_path / "mlp.onnx").path)
    waveform = np.concatenate([sound(40, seed=1), sound(50.3, seed=4)])
    np.testing.assert_allclose(classify([waveform])[0], expect(run, waveform), atol=1e-4)


@pytest.mark.parametrize("sizes", [{"cell": "gru"}, {"cell": "rnn", "pool": "mean"}, {"scale": False}])
def test_every_kind_of_cell(sizes, tmp_path, monkeypatch):
    monkeypatch.setitem(TINY, "lstm", TINY["lstm"] | sizes)
    exported = make_run("lstm").export(tmp_path / "lstm.onnx")
    assert exported.difference < 1e-4


def test_an_encoder_stays_as_it_is(tmp_path):
    run = make_run("probe studio")
    before = encoders.load("studio").embed(sound(3), 22050, "cpu")
    run.export(tmp_path / "probe.onnx")
    assert np.array_equal(before, encoders.load("studio").embed(sound(3), 22050, "cpu"))


# What the file says


def test_metadata_say_how_to_use_the_file(cnn, tmp_path):
    exported = cnn.export(tmp_path / "cnn.onnx")
    session = onnxruntime.InferenceSession(exported.path)
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata.pop("classes")) == CLASSES
    assert json.loads(metadata.pop("feature_settings")) == features.MelConfig().to_dict()
    assert json.loads(metadata.pop("sizes")) == cnn.model.sizes
    assert metadata == {
        "sample_rate": "22050",
        "shortest": "1024",
        "model": "cnn",
        "feature": "logmel",
        "data": "small",
        "licence": "CC0",
        "musiclab": musiclab.__version__,
        "opset": "17",
        "precision": "float32",
    }
    [waveform], [probabilities] = session.get_inputs(), session.get_outputs()
    assert (waveform.name, waveform.type, waveform.shape) == ("waveform", "tensor(float)", ["batch", "samples"])
    assert (probabilities.name, probabilities.shape) == ("probabilities", ["batch", 3])
    assert exported.size == exported.path.stat().st_size
    assert exported.difference < 1e-4
    assert "MB, ONNX opset 17" in str(exported)
    assert "at 22,050 Hz, at least 1,024 samples" in str(exported)


def test_the_guide_shows_how_to_use_a_file(cnn, tmp_path, monkeypatch, capsys):
    guide = (Path(__file__).parent.parent / "docs/command-line.md").read_text(encoding="utf-8")
    section = guide.partition("## Use a model without musiclab")[2]
    code = re.search(r"```python\n(.+?)```", section, re.DOTALL)[1]
    cnn.export(tmp_path / "mine.onnx")
    soundfile.write(tmp_path / "new.wav", np.stack([sound(4), sound(4, seed=1)], axis=1), 22050)
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    expected = cnn.predict("new.wav", device="cpu").files.iloc[0]
    assert f"'{CLASSES[0]}'" in capsys.readouterr().out
    assert expected["predicted"] in CLASSES


# What is refused


def test_a_file_that_differs_is_not_kept(cnn, tmp_path, monkeypatch):
    path = tmp_path / "cnn.onnx"
    path.write_text("old")
    monkeypatch.setattr(graph.Graph, "forward", lambda self, waveform: waveform[:, :3] * 0 + 1 / 3)
    message = (
        r"cnn\.onnx: not written, because its probabilities differ from those of the run by up to 0\.\d+ \(allowed"
    )
    with pytest.raises(RunError, match=message):
        cnn.export(path, overwrite=True)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_nan_differs_from_everything(cnn, tmp_path, monkeypatch):
    monkeypatch.setattr(graph.Graph, "forward", lambda self, waveform: waveform[:, :3] * float("nan"))
    with pytest.raises(RunError, match="differ from those of the run by up to nan"):
        cnn.export(tmp_path / "cnn.onnx")


def test_an_existing_file_is_replaced_only_if_asked(cnn, tmp_path):
    path = tmp_path / "cnn.onnx"
    cnn.export(path)
    with pytest.raises(RunError, match=r"this file exists\. Choose another name, or replace it with --overwrite"):
        cnn.export(path)
    cnn.export(path, overwrite=True)


def test_bad_paths_and_runs(cnn, tmp_path, monkeypatch):
    with pytest.raises(RunError, match=r"model\.pt: expected a file name that ends in \.onnx"):
        cnn.export(tmp_path / "model.pt")
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(RunError, match="is a folder"):
        cnn.export(tmp_path / "folder.onnx")
    with pytest.raises(RunError, match="a cross-validation has one model per fold"):
        replace(cnn, folds={1: cnn}).export(tmp_path / "cnn.onnx")
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"^export: onnx and onnxruntime are not installed\."):
        cnn.export(tmp_path / "cnn.onnx")


def test_an_encoder_in_a_file_cannot_be_exported(tmp_path):
    path = tmp_path / "own.pt"
    torch.jit.trace(torch.nn.AdaptiveAvgPool1d(2), torch.zeros(1, 66150)).save(path)
    config = encoders.settings(str(path))
    model = models.create("probe", 3, inputs=2)
    run = Run(RunSettings("probe", model.sizes, CLASSES, "embedding", config.to_dict()), model)
    with pytest.raises(RunError, match=r"own\.pt: an encoder in a file cannot be exported\. Train the probe on"):
        run.export(tmp_path / "probe.onnx")


def test_rates_without_a_common_divisor_need_too_many_weights():
    with pytest.raises(RunError, match=r"22,051 Hz to 16,000 Hz.+ Train with --set sample_rate=16000"):
        graph._Resampling(22051, 16000)


# Test clips and 8 bits


@pytest.fixture
def tested(tmp_path):
    """A run with a test result on 12 clips of four groups, which are still there."""
    run = make_run("cnn")
    paths = [str(save_audio(tmp_path / f"clips/{seed}.wav", sound(2, seed=seed), 22050)) for seed in range(12)]
    probabilities = run.predict(paths, device="cpu").probabilities
    labels = probabilities.argmax(axis=1)
    labels[:3] = (labels[:3] + 1) % 3  # three mistakes
    groups = np.array([f"artist {seed // 3}" for seed in range(12)])
    return replace(run, result=Result(CLASSES, labels, np.log(probabilities), groups, np.array(paths)))


def test_a_file_is_compared_on_the_test_clips(tested, tmp_path):
    exported = tested.export(tmp_path / "cnn.onnx")
    assert exported.clips == "6 test clips and 4 generated clips of 0.5, 2.5, 3.0, 7.3 s"
    assert exported.int8 is None


def test_int8_measures_its_cost(tested, tmp_path):
    exact = tested.export(tmp_path / "cnn.onnx")
    exported = tested.export(tmp_path / "int8.onnx", int8=True)
    assert exported.int8["n"] == 12
    assert exported.int8["float_accuracy"] == 0.75
    low, high = exported.int8["ci95"]
    assert low <= exported.int8["cost"] <= high
    assert exported.int8["float_size"] == exact.size
    assert 0 < exported.int8["difference"] < 0.2
    assert "accuracy 75.0 % as float32" in str(exported)
    assert "n = 12" in str(exported)
    session = onnxruntime.InferenceSession(exported.path)
    assert session.get_modelmeta().custom_metadata_map["precision"] == "int8"
    probabilities = open_file(exported.path)([sound(3)])
    np.testing.assert_allclose(probabilities, open_file(exact.path)([sound(3)]), atol=exported.int8["difference"] + 0.1)
    json.dumps(exported.to_dict())


def test_int8_makes_a_large_model_smaller_and_leaves_the_features(tmp_path, monkeypatch):
    monkeypatch.setitem(TINY, "cnn", {"width": 16, "hidden": (64, 64)})
    exported = make_run("cnn").export(tmp_path / "cnn.onnx", int8=True)
    assert exported.size < 0.45 * exported.int8["float_size"]
    assert exported.int8["difference"] < 0.1
    assert "cost in accuracy is unknown, because the test clips of the run are not there" in str(exported)


# The command


def test_the_command_prints_what_was_written(command, cnn, tmp_path):
    folder = cnn.save(tmp_path / "run").folder
    done = command("export", folder, tmp_path / "cnn.onnx", "--json")
    assert done.status == 0, done.err
    for words in ("ONNX opset 17", "at 22,050 Hz", "largest difference from the run"):
        assert words in done.out
    printed = last_line(done)
    assert printed["path"] == str(tmp_path / "cnn.onnx")
    assert printed["sample_rate"] == 22050
    assert printed["difference"] < 1e-4
    assert printed["opset"] == 17
    check_refused(command("export", folder, tmp_path / "cnn.onnx"), "this file exists", "--overwrite")
    done = command("export", folder, tmp_path / "cnn.onnx", "--overwrite", "--int8")
    assert done.status == 0, done.err
    assert "as float32" in done.out


def test_the_command_refuses_what_is_no_run(command, tmp_path):
    check_refused(command("export", tmp_path, tmp_path / "a.onnx"), "model.json", "no such file")
