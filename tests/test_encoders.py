"""Encoders, probes, few examples, calibration and "unknown"."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import check_refused, last_line
from safetensors.torch import load_file, save_file
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import musiclab
from musiclab import encoders, features
from musiclab.audio import load_audio
from musiclab.core.errors import AudioError, DatasetError, RunError, StoreError
from musiclab.core.files import cache_folder
from musiclab.datasets import open_source
from musiclab.encoders import encoder as encoder_module
from musiclab.encoders import musicnn
from musiclab.features import EmbeddingConfig
from musiclab.metrics import Calibration, Result, calibrate, calibration_error, reliability
from musiclab.runs import few_shot, measure_unknown
from musiclab.runs.experiments import mean_embeddings
from musiclab.store import Store, create, prepare
from musiclab.training import fit_probe, recipe

REAL = os.environ.get("MUSICLAB_DATA")
FETCHED = cache_folder() / "encoders"  # of the user: tests have their own cache folder once they run


def noise(seconds, rate=22050, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * rate)).astype(np.float32)


@pytest.fixture(autouse=True)
def forget_encoders():
    """Encoders are kept in memory, but tests change the files that they come from."""
    encoders.load.cache_clear()
    yield
    encoders.load.cache_clear()


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A cache folder with the weights of musicnn, which ``make`` has fetched."""
    if not all((FETCHED / f"{name}.safetensors").is_file() for name in musicnn.CHECKPOINTS):
        pytest.skip("musicnn was not fetched")
    folder = tmp_path_factory.mktemp("musicnn")
    shutil.copytree(FETCHED, folder / "encoders")
    return folder


@pytest.fixture
def with_musicnn(weights, monkeypatch):
    monkeypatch.setenv("MUSICLAB_CACHE", str(weights))


class Loudness(torch.nn.Module):
    """An encoder of two values that can be computed by hand."""

    def forward(self, waveform):
        return torch.stack([waveform.abs().mean(1), waveform.amax(1)], 1)


@pytest.fixture(params=["pt", "onnx"])
def own_file(request, tmp_path):
    path = tmp_path / f"own.{request.param}"
    if request.param == "pt":
        torch.jit.trace(Loudness(), torch.zeros(2, 48000)).save(path)
    else:
        pytest.importorskip("onnxruntime")
        options = {"input_names": ["waveform"], "dynamic_axes": {"waveform": {0: "batch"}}, "dynamo": False}
        with pytest.warns(DeprecationWarning, match="legacy"):
            torch.onnx.export(Loudness(), (torch.zeros(2, 48000),), path, **options)
    return path


# Segments and shapes


@pytest.mark.parametrize(("seconds", "starts"), [(3, [0]), (5, [0, 2]), (6, [0, 3]), (7.5, [0, 3, 4.5])])
def test_a_waveform_is_cut_from_start_to_end(seconds, starts):
    segments = encoder_module.cut(np.arange(seconds * 10, dtype=np.float32), 10)
    assert segments[:, 0].tolist() == [10 * start for start in starts]
    assert segments.shape[1] == 30
    assert EmbeddingConfig(10000).frames(round(seconds * 10000)) == len(starts)


def test_a_short_waveform_is_repeated():
    assert encoder_module.cut(np.array([1.0, 2.0]), 2)[0].tolist() == [1, 2, 1, 2, 1, 2]


@pytest.mark.parametrize("name", ["studio", "summary", "random", "musicnn-random", "studio+summary"])
@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_an_encoder_gives_one_vector_per_3_s(name, rate):
    encoder = encoders.load(name)
    embeddings = encoder.embed(noise(7, rate), rate, device="cpu")
    assert embeddings.shape == (3, encoder.dimensions)
    assert embeddings.dtype == np.float32
    assert encoder.dimensions == sum(EmbeddingConfig(encoder=name).dimensions)


def test_a_segment_does_not_depend_on_its_batch():
    encoder, waveform = encoders.load("studio"), noise(60)
    together = encoder.embed(waveform, 22050, device="cpu")
    alone = encoder.embed(waveform[9 * 22050 : 12 * 22050], 22050, device="cpu")
    np.testing.assert_allclose(together[3], alone[0], atol=1e-3 * np.abs(alone).max())


def test_the_summary_is_the_feature_of_that_name():
    waveform = noise(3)
    expected = features.summary(waveform, features.SummaryConfig(kind="full"))
    np.testing.assert_allclose(encoders.load("summary").embed(waveform, 22050)[0], expected, rtol=1e-4, atol=1e-4)


def test_the_control_has_the_network_of_studio_but_not_its_weights():
    studio, control = (encoder_module.load_network(name) for name in ("studio", "random"))
    assert studio.sizes == control.sizes
    assert torch.equal(studio.mean, control.mean)
    assert not torch.equal(studio.stem.weight, control.stem.weight)
    before = torch.get_rng_state()
    again = encoder_module.load_network("random")
    assert torch.equal(before, torch.get_rng_state())  # the random numbers of a training run stay the same
    assert torch.equal(control.stem.weight, again.stem.weight)


def test_embeddings_are_a_feature_like_every_other():
    waveform = noise(4)
    configs = {"embedding": EmbeddingConfig(encoder="summary"), "logmel": features.MelConfig()}
    computed = encoders.compute(waveform, configs)
    again = features.config("embedding", json.loads(json.dumps(configs["embedding"].to_dict())))
    assert again == configs["embedding"]
    assert {name: values.shape for name, values in computed.items()} == {"embedding": (128, 2), "logmel": (128, 173)}
    with pytest.raises(ValueError, match=r"embeddings need an encoder; compute them with musiclab\.encoders\.compute"):
        features.compute(waveform, configs)


# The weights that a package brings along


MTT_TAGS = {0: "guitar", 1: "classical", 4: "strings", 12: "violin", 15: "female", 26: "woman"}


@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason="MUSICLAB_DATA is not set")
@pytest.mark.parametrize(
    ("recording", "tags"),
    [
        ("Hungarian_Dance_number_5", {"classical", "violin", "strings"}),
        ("Karissa_Hobbs", {"guitar", "female", "woman"}),
        ("Kevin_MacLeod_-_P_I_Tchaikovsky", {"classical", "strings", "violin"}),
    ],
)
def test_the_port_of_musicnn_gives_the_tags_that_we_hear(with_musicnn, recording, tags):
    """A string orchestra, a woman singing to a guitar, and an orchestra: of 50 tags, the three most probable."""
    network = encoder_module.load_network("musicnn-mtt")
    (path,) = Path(REAL, "librosa-examples").glob(f"{recording}*.ogg")
    log_mel = torch.from_numpy(features.log_mel(load_audio(path, 16000)[0], network.feature_config))
    patches = torch.stack([log_mel[:, start : start + 187] for start in range(0, log_mel.shape[1] - 186, 187)])
    with torch.inference_mode():
        mean = network(patches).sigmoid().mean(0)
    assert {MTT_TAGS.get(index) for index in mean.argsort(descending=True)[:3].tolist()} == tags


def test_maxima_and_means_are_not_mixed_up(with_musicnn):
    """In the original, the maximum and the mean of a channel are neighbours; the batch norm tells which is which."""
    network = encoder_module.load_network("musicnn")
    maxima, means = network.pooled_norm.running_mean.split(753)
    assert (maxima > means - 1e-3).all()  # the maximum is never below the mean; some channels are always 0
    assert (maxima > means + 0.1).float().mean() > 0.25
    assert network.classes == 50


def test_both_sets_of_weights_are_there_and_differ(with_musicnn):
    first, second = (encoder_module.load_network(name) for name in ("musicnn", "musicnn-mtt"))
    assert not torch.equal(first.output.weight, second.output.weight)
    assert encoders.load("musicnn").embed(noise(4), 22050, "cpu").shape == (2, 1506)


def test_without_its_weights_musicnn_says_how_to_get_them(command, tmp_path, monkeypatch, small_folder):
    monkeypatch.setenv("MUSICLAB_CACHE", str(tmp_path))
    with pytest.raises(RunError, match=r"its weights are missing\. Fetch them once, .*: musiclab encoders --fetch"):
        encoders.load("musicnn")
    listed = last_line(command("encoders", "--json"))["encoders"]
    assert {row["encoder"] for row in listed if row["problem"]} == {"musicnn", "musicnn-mtt"}
    done = command("train", "probe", small_folder, "--encoder", "musicnn", "--out", tmp_path / "run")
    check_refused(done, "encoder musicnn", "musiclab encoders --fetch")
    assert not (tmp_path / "stores").exists()  # nothing was decoded


def make_wheel(path, data=b"no weights", folder="MSD_musicnn"):
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"musicnn/{folder}/.data-00000-of-00001", data)
    return path


def test_other_weights_are_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSICLAB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(
        RunError, match=r"the weights in MSD_musicnn have the SHA-256 checksum .* expected 8579734ee638"
    ):
        musicnn.convert(make_wheel(tmp_path / "a.whl"))
    with pytest.raises(RunError, match=r"expected the wheel of musicnn==0\.1\.0, found something else"):
        musicnn.convert(make_wheel(tmp_path / "b.whl", folder="other"))
    (tmp_path / "c.whl").write_bytes(b"not a zip file")
    with pytest.raises(RunError, match="expected the wheel"):
        musicnn.convert(tmp_path / "c.whl")
    assert not (tmp_path / "cache").exists()
    monkeypatch.setattr(musicnn, "PACKAGE", "musicnn==99")
    with pytest.raises(RunError, match=r"musicnn==99: pip could not download this package \(.+\)"):
        musicnn.fetch()


def test_damaged_weights_are_reported(weights, tmp_path, monkeypatch):
    monkeypatch.setenv("MUSICLAB_CACHE", str(tmp_path))
    path = musicnn.weight_file("musicnn")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"broken")
    with pytest.raises(RunError, match=r"not a safetensors file .* musiclab encoders --fetch --force"):
        encoders.load("musicnn")
    good = load_file(weights / "encoders" / "musicnn.safetensors")
    save_file({name: value for name, value in good.items() if name != "middle.0.0.weight"}, path)
    with pytest.raises(RunError, match=r"the weights do not fit the network: middle\.0\.0\.weight"):
        encoders.load("musicnn")


# Files of the user


def test_a_file_of_the_user_is_an_encoder(own_file):
    waveform = noise(4, 16000)
    embeddings = encoders.load(str(own_file), 16000).embed(waveform, 16000, "cpu")
    expected = [[abs(part).mean(), part.max()] for part in (waveform[:48000], waveform[16000:])]
    np.testing.assert_allclose(embeddings, expected, rtol=1e-5)
    config = encoders.settings(f"{own_file}+summary", 16000)
    assert config.dimensions == (2, 128)
    assert encoders.compute(waveform, {"embedding": config})["embedding"].shape == (130, 2)


def test_a_file_that_changed_is_not_used(own_file):
    config = encoders.settings(str(own_file), 16000)
    own_file.write_bytes(own_file.read_bytes() + b"\0")
    with pytest.raises(RunError, match="the weights have changed, their checksum is"):
        encoders.load_for(config)


def test_weights_are_read_once_and_not_for_every_clip(own_file, monkeypatch):
    config, reads = encoders.settings(str(own_file), 16000), []
    read_bytes = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: reads.append(path) or read_bytes(path))
    for _ in range(3):
        encoders.compute(noise(4, 16000), {"embedding": config})
    assert reads == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda path: path.unlink(), "no such file"),
        (lambda path: path.write_bytes(b"nonsense"), "this is not a"),
    ],
)
def test_a_file_that_is_no_encoder_is_refused(own_file, change, words):
    change(own_file)
    with pytest.raises(RunError, match=words):
        encoders.load(str(own_file))


class Scalar(torch.nn.Module):
    def forward(self, waveform):
        return waveform.mean()


class Infinite(torch.nn.Module):
    def forward(self, waveform):
        return waveform[:, :2] / 0


class Picky(torch.nn.Module):
    def forward(self, waveform):
        return waveform.reshape(-1, 11)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (Scalar(), r"expected finite values of shape \(segments, dimensions\)"),
        (Infinite(), "expected finite values"),
        (Picky(), r"it failed on an input of shape \(1, 66150\)"),
    ],
)
def test_a_file_that_gives_something_else_is_refused(tmp_path, module, words):
    torch.jit.script(module).save(tmp_path / "odd.pt")
    with pytest.raises(RunError, match=words):
        encoders.load(str(tmp_path / "odd.pt"))


# Wrong settings and sounds


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"encoder": "musicn"}, "found 'musicn'; did you mean musicnn"),
        ({"encoder": "summary+summary"}, "expected each encoder once"),
        ({"encoder": ""}, "expected an encoder"),
        ({"encoder": 3}, "expected encoder to be a name, found 3"),
        ({"encoder": "own.onnx"}, "the number of values is unknown"),
        ({"encoder": "summary", "dimensions": (12,)}, "expected dimensions="),
        ({"encoder": "summary", "dimensions": (128, 3)}, "expected dimensions="),
        ({"sample_rate": 0}, "sample_rate"),
    ],
)
def test_settings_are_checked(settings, words):
    with pytest.raises(RunError, match=words):
        EmbeddingConfig(**settings)


@pytest.mark.parametrize(
    ("waveform", "words"),
    [
        (np.zeros(2204), "expected at least 0.1 s"),
        (np.zeros((2, 22050)), "expected finite samples"),
        (np.full(22050, np.nan), "expected finite samples"),
    ],
)
def test_sounds_without_an_embedding(waveform, words):
    with pytest.raises(AudioError, match=words):
        encoders.load("summary").embed(waveform, 22050)


# Probes


def two_classes(count=60, size=6, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    return rng.normal(labels[:, None], 1.5, size=(count, size)), labels, np.arange(count) // 2 % (count // 4)


def test_a_probe_is_logistic_regression_on_standardised_embeddings():
    embeddings, labels, groups = two_classes()
    fitted = fit_probe(2, embeddings, labels, groups, {"summary": 6})
    scaled = StandardScaler().fit_transform(embeddings) / np.sqrt(6)
    expected = LogisticRegression(C=fitted.strength, max_iter=2000).fit(scaled, labels).predict_log_proba(scaled)
    with torch.inference_mode():
        logits = fitted.model(torch.from_numpy(embeddings).float()[..., None])
    np.testing.assert_allclose(logits.log_softmax(1), expected, atol=1e-3)


def test_three_classes_in_more_dimensions_than_examples():
    rng = np.random.default_rng(0)
    labels = np.arange(30) % 3
    embeddings = rng.normal(size=(30, 200)) + 0.3 * labels[:, None]
    fitted = fit_probe(3, embeddings, labels, np.arange(30), {"summary": 200})
    scaled = StandardScaler().fit_transform(embeddings) / np.sqrt(200)
    expected = LogisticRegression(C=fitted.strength, max_iter=5000, tol=1e-6).fit(scaled, labels).coef_
    weights = fitted.model.output.weight.numpy(force=True) * np.sqrt(200)
    assert np.corrcoef(weights.ravel(), expected.ravel())[0, 1] > 0.99


def test_a_probe_ignores_an_encoder_of_pure_noise():
    embeddings, labels, groups = two_classes(120)
    joined = np.hstack([embeddings, np.random.default_rng(1).normal(size=(120, 300))])
    fitted = fit_probe(2, joined, labels, groups, {"summary": 6, "random": 300})
    assert fitted.parts == ("summary",)
    assert not fitted.model.output.weight[:, 6:].any()
    assert set(fitted.table["parts"]) == {"summary", "random", "summary+random"}


def test_groups_are_never_on_both_sides_inside_the_training_set():
    """The label is only in the group, so an honest cross-validation finds nothing."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 5)
    labels = rng.integers(0, 2, 40)[groups]
    embeddings = np.eye(40)[groups] + rng.normal(0, 0.01, size=(200, 40))
    fitted = fit_probe(2, embeddings, labels, groups, {"summary": 40})
    assert fitted.table["valid_accuracy"].max() < 0.75


@pytest.mark.parametrize("count", [2, 4])
def test_too_few_examples_to_choose_a_strength(count):
    fitted = fit_probe(2, np.eye(count, 6), np.arange(count) % 2, np.zeros(count), {"summary": 6})
    assert (fitted.strength, len(fitted.table), len(fitted.labels)) == (100, 0, 0)
    with pytest.raises(RunError, match="expected examples of at least two classes, found 1"):
        fit_probe(2, np.eye(count, 6), np.zeros(count, int), np.zeros(count), {"summary": 6})


def test_constant_values_do_no_harm():
    embeddings, labels, groups = two_classes()
    fitted = fit_probe(2, np.hstack([embeddings, np.full((60, 2), 7.0)]), labels, groups, {"summary": 8})
    assert fitted.model.output.weight.isfinite().all()


def test_what_is_far_from_all_classes_is_strange():
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 4
    centres = rng.normal(0, 3, size=(4, 20))
    embeddings = centres[labels] + rng.normal(size=(200, 20))
    fitted = fit_probe(5, embeddings, labels, np.arange(200), {"summary": 20})  # class 4 has no examples
    known = fitted.model.novelty(torch.from_numpy(centres[labels] + rng.normal(size=(200, 20))).float())
    strange = fitted.model.novelty(torch.from_numpy(rng.normal(0, 3, size=(200, 20))).float())
    assert (known[:, None] < strange).float().mean() > 0.95
    threshold = calibrate(fitted.log_probabilities, fitted.labels, fitted.novelties).threshold
    assert 0.88 < (known < threshold).float().mean() < 0.99
    with torch.inference_mode():
        probabilities = fitted.model(torch.from_numpy(embeddings).float()[..., None]).softmax(1)
    assert probabilities[:, 4].max() < 1e-3


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    """A store of embeddings: 4 classes, 10 artists each, two clips per artist, one to three segments per clip."""
    path, rng = tmp_path_factory.mktemp("store") / "embedded.h5", np.random.default_rng(0)
    config = EmbeddingConfig(encoder="summary")
    centres = rng.normal(size=(4, 128))
    with create(path, {"embedding": config.to_dict()}, {"name": "made up"}, ["a", "b", "c", "d"]) as writer:
        for clip in range(80):
            label, artist = clip % 4, clip // 8
            row = {"path": f"{clip}.wav", "label": "abcd"[label], "group": f"artist {label} {artist}"}
            values = 0.35 * centres[label, :, None] + rng.normal(size=(128, 1 + clip % 3))
            writer.append(row, {"embedding": values.astype(np.float32)})
    with Store(path) as store:
        yield store


def test_a_probe_is_a_run_like_every_other(embedded, tmp_path):
    run = musiclab.train("probe", embedded, tmp_path / "run", encoder="summary", show_progress=False)
    assert run.result.n == 16
    assert run.stopped.startswith("probe of summary, strength 1")
    again = musiclab.load(tmp_path / "run")
    assert str(again) == str(run)
    assert again.settings == run.settings
    np.testing.assert_allclose(
        again.evaluate(embedded, "cpu").result.log_probabilities, run.result.log_probabilities, atol=1e-5
    )
    assert "probe of summary" in (tmp_path / "run" / "report.html").read_text()
    assert "not trained in epochs" in (tmp_path / "run" / "report.html").read_text()
    folds = musiclab.crossval("probe", embedded, out=tmp_path / "folds", show_progress=False)
    assert folds.result.n == 80
    assert musiclab.load(tmp_path / "folds").result.n == 80
    assert (tmp_path / "folds" / "report.html").is_file()
    assert "probe" in str(musiclab.compare(run, folds.folds[1], measure_speed=False))


def test_the_mean_of_logits_is_the_logit_of_the_mean(embedded):
    run = musiclab.train("probe", embedded, encoder="summary", show_progress=False)
    rows = embedded.index["path"].isin(run.result.paths).to_numpy()
    with torch.inference_mode():
        logits = run.model(torch.from_numpy(mean_embeddings(embedded)[rows])[..., None])
    expected = run.settings.calibrated.apply(logits.numpy())
    np.testing.assert_allclose(run.result.log_probabilities, expected, atol=1e-4)


def test_the_result_does_not_depend_on_a_copy_of_the_store(embedded, tmp_path):
    first, second = (musiclab.train("probe", embedded, seed=seed, show_progress=False) for seed in (3, 3))
    np.testing.assert_array_equal(first.result.log_probabilities, second.result.log_probabilities)


def test_a_store_with_another_encoder_is_refused(embedded):
    with pytest.raises(StoreError, match=r"expected embedding with encoder=random, found encoder=summary\. Prepare"):
        musiclab.train("probe", embedded, encoder="random")


def test_a_feature_setting_can_be_changed_for_every_model():
    assert recipe("cnn", hop_length=256).feature_config.hop_length == 256
    assert recipe("mlp", kind="tutorial").feature_config.names[0] == "chroma"
    assert recipe("probe", encoder="random").feature_config.dimensions == encoders.settings("random").dimensions
    with pytest.raises(RunError, match="encoder: model cnn has no such setting"):
        recipe("cnn", encoder="random")
    with pytest.raises(RunError, match="sample_rate: model m5 has no such setting"):
        recipe("m5", sample_rate=16000)


def test_a_new_sound_is_classified_and_can_be_unknown(small_folder, tmp_path):
    run = musiclab.train("probe", f"folder:{small_folder}", encoder="summary", show_progress=False)
    path = run.result.paths[0]
    predictions = run.predict(path)
    assert predictions.files["predicted"][0] in run.settings.classes
    if not run.settings.calibrated.n:
        with pytest.raises(RunError, match="unknown: the model was trained without enough validation clips"):
            run.predict(path, unknown=True)
    with pytest.raises(RunError, match="every: expected at least 3 s with embeddings, found 1"):
        run.predict(path, every=1.0)


def test_a_long_sound_gets_a_timeline_of_3_s_windows(small_folder):
    run = musiclab.train("probe", f"folder:{small_folder}", encoder="summary", show_progress=False)
    for seconds in (10, 65):
        windows = run.predict(noise(seconds), 22050).windows
        assert windows["end"].iloc[-1] == pytest.approx(seconds, abs=0.01)
        assert len(windows) == -(-seconds // 3)


# Few examples


def test_more_examples_are_better(embedded):
    table = few_shot(embedded, [1, 3, 10], draws=20, show_progress=False)
    assert table["shots"].tolist() == [1, 3, 10]
    assert table["accuracy"].is_monotonic_increasing
    assert table["accuracy"].iloc[0] > 0.4
    assert ((table["low"] <= table["accuracy"]) & (table["accuracy"] <= table["high"])).all()
    assert table.equals(few_shot(embedded, [1, 3, 10], draws=20, show_progress=False))


def test_artists_come_before_their_second_clip():
    from musiclab.runs.few_shot import _draw_order

    labels, groups = np.zeros(12, int), np.arange(12) // 3
    for seed in range(5):
        (order,) = _draw_order(np.arange(12), labels, groups, np.random.default_rng(seed))
        assert len(set(groups[order[:4]])) == 4
        assert sorted(order) == list(range(12))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"shots": [1, 17]}, "has only 16 clips outside test fold"),
        ({"shots": [0]}, "at least 1"),
        ({"shots": [2], "draws": 0}, "at least 1"),
        ({"encoder": "random"}, "expected embedding with encoder=random"),
    ],
)
def test_too_few_examples_for_the_shots(embedded, arguments, words):
    with pytest.raises((DatasetError, RunError, StoreError), match=words):
        few_shot(embedded, **arguments)


def test_few_shot_on_the_command_line(command, embedded):
    done = command("few-shot", embedded.path, "--shots", "1,4", "--draws", "5", "--json", "--quiet")
    assert [row["shots"] for row in last_line(done)["few_shot"]] == [1, 4]
    assert "examples per class" in done.out
    check_refused(command("few-shot", embedded.path, "--shots", "1,two"), "--shots: expected numbers")
    check_refused(command("few-shot", embedded.path, "--shots", "99"), "has only", "at most")


# Fine-tuning


def test_training_starts_from_the_weights_of_an_encoder(small_store):
    settings = recipe("resnet", start="studio", epochs=1)
    _, sizes = encoders.architecture("studio")
    assert settings.sizes["width"] == sizes["width"]
    model = settings.make(3)
    encoders.start_from(model, "studio")
    assert torch.equal(model.stem.weight, encoder_module.load_network("studio").stem.weight)
    assert model.output.out_features == 3
    run = musiclab.train("resnet", small_store, start="studio", epochs=1, learning_rate=1e-9, show_progress=False)
    distance = (run.model.cpu().stem.weight - model.stem.weight).abs().max()
    assert distance < 1e-6


@pytest.mark.parametrize(
    ("model", "settings", "words"),
    [
        ("cnn", {"start": "studio"}, "this encoder is a resnet, so a cnn cannot start from it"),
        ("resnet", {"start": "musicnn"}, "this encoder is a musicnn"),
        ("resnet", {"start": "summary"}, "an encoder with a network"),
        ("resnet", {"start": "studioo"}, "did you mean studio"),
        ("resnet", {"start": "studio", "width": 5}, "has the shape .* in this encoder, but the model has"),
    ],
)
def test_weights_that_do_not_fit(small_store, model, settings, words):
    with pytest.raises(RunError, match=words):
        musiclab.train(model, small_store, epochs=1, **settings)


# Calibration


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_of_a_model_is_found(temperature):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, size=(4000, 5))
    probabilities = np.exp(Calibration().apply(logits))
    labels = np.array([rng.choice(5, p=row) for row in probabilities])
    scores = Calibration().apply(logits * temperature)  # too sure of itself by this factor
    result = calibrate(scores, labels)
    assert result.temperature == pytest.approx(temperature, rel=0.08)
    calibrated = result.apply(scores)
    assert (calibrated.argmax(1) == scores.argmax(1)).all()
    assert calibration_error(calibrated, labels) < 0.03
    assert np.mean(result.novelties(scores) <= result.threshold) == pytest.approx(0.95, abs=0.001)


def test_too_few_clips_change_nothing():
    result = calibrate(np.log(np.full((19, 2), 0.5)), np.zeros(19, int))
    assert result == Calibration()
    scores = np.log([[0.9, 0.1]])
    np.testing.assert_allclose(result.apply(scores), scores)


@pytest.mark.parametrize("correct", [True, False])
def test_a_model_that_is_always_or_never_correct_keeps_finite_numbers(correct):
    labels = np.full(40, int(not correct))
    result = calibrate(np.log(np.tile([0.999, 0.001], (40, 1))), labels)
    assert np.isfinite([result.temperature, result.threshold]).all()


def test_reliability_counts_every_clip_once():
    rng = np.random.default_rng(0)
    scores = Calibration().apply(rng.normal(size=(500, 4)))
    table = reliability(scores, rng.integers(0, 4, 500))
    assert table["n"].sum() == 500
    assert ((table["low"] < table["probability"]) & (table["probability"] <= table["high"])).all()


def test_an_ensemble_needs_the_same_clips():
    paths = np.array(["1.wav", "2.wav"])
    first = Result(["a", "b"], np.array([0, 1]), np.log([[0.9, 0.1], [0.4, 0.6]]), paths, paths)
    second = Result(["a", "b"], np.array([1, 0]), np.log([[0.1, 0.9], [0.6, 0.4]]), paths[::-1], paths[::-1])
    both = Result.average([first, second])
    odds = np.sqrt(0.9 / 0.1 * 0.6 / 0.4)  # the mean of the logarithms
    assert np.exp(both.log_probabilities[0, 0]) == pytest.approx(odds / (1 + odds))
    assert both.paths.tolist() == paths.tolist()
    with pytest.raises(RunError, match="expected results for the same clips and classes"):
        Result.average([first, Result(["a", "b"], np.array([0]), np.log([[0.5, 0.5]]), paths[:1], paths[:1])])


# Unknown classes


def test_a_class_that_was_left_out_is_measured(embedded):
    table = measure_unknown("probe", embedded, ["a", "c"], show_progress=False)
    assert table["class"].tolist() == ["a", "c"]
    assert (table["n_unknown"] + table["n_known"] == 16).all()
    assert table["auroc"].between(0, 1).all()
    with pytest.raises(RunError, match="has no class e; it has a, b, c, d"):
        measure_unknown("probe", embedded, ["e"])


def test_a_network_can_be_measured_too(small_store):
    table = measure_unknown("resnet", small_store, ["high"], epochs=1, width=2, show_progress=False, device="cpu")
    assert table["n_unknown"][0] == 2


# Real recordings


@pytest.mark.skipif(not REAL, reason="MUSICLAB_DATA is not set")
@pytest.mark.slow
def test_real_recordings_with_a_frozen_encoder(with_musicnn, tmp_path):
    """Measured on ESC-10: 92.5 % with five folds (n = 400). Two of them, trained on 80 clips each, save time here."""
    dataset = open_source(f"esc10:{REAL}/esc10")
    dataset.index = dataset.index[dataset.index["fold"] <= 2].reset_index(drop=True)
    settings = {"embedding": {"encoder": "musicnn"}}
    prepare(dataset, tmp_path / "esc10.h5", ["embedding"], feature_settings=settings, progress=False)
    run = musiclab.crossval("probe", tmp_path / "esc10.h5", show_progress=False)
    assert run.result.n == 160
    assert run.result.accuracy > 0.8
    assert calibration_error(run.result.log_probabilities, run.result.labels) < 0.1
    recordings = sorted(Path(REAL, "librosa-examples").glob("*Kevin*.ogg"))
    files = run.folds[2].predict(recordings, unknown=True).files
    assert files["predicted"].eq("unknown").any()
