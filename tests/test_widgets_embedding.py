"""The map of clips: what goes into a model's last layer, on a plane."""

import numpy as np
import pytest
import torch
from conftest import TINY
from run_folders import make_model, make_result
from test_widgets_browsing import make_dataset, send

from musiclab import models
from musiclab.audio import save_audio
from musiclab.core.errors import DatasetError, RunError, StoreError
from musiclab.datasets import AudioFolder
from musiclab.runs import checkpoint
from musiclab.runs.outcome import Outcome
from musiclab.training import autocast
from musiclab.widgets import EmbeddingMap
from musiclab.widgets.embedding import COLOURS
from musiclab.widgets.hidden import hidden_of, last_linear, on_a_plane


@pytest.fixture(scope="module")
def run(tmp_path_factory, all_features):
    folder = tmp_path_factory.mktemp("runs") / "cnn"
    make_model(folder, "cnn", all_features.config["logmel"], **TINY["cnn"])
    return folder


@pytest.fixture(scope="module")
def cnn(run, all_features):
    return EmbeddingMap(run, all_features)


@pytest.mark.parametrize("name", ["m5", "mlp", "cnn", "crnn", "lstm", "resnet"])
def test_the_last_layer_makes_the_probabilities_of_what_goes_into_it(name, all_features):
    torch.manual_seed(0)
    sizes = dict(TINY[name])
    if "length" in sizes:
        sizes["length"] = 12000  # one segment a clip: then the mean over segments is the segment
    if "frames" in sizes:
        sizes["frames"] = 65
    model = models.create(name, 3, **sizes)
    found = hidden_of(model, all_features, np.arange(24))
    layer = last_linear(model)[1]
    with torch.inference_mode(), autocast(torch.device("cpu"), "auto"):
        shares = layer(torch.from_numpy(found.values)).float().softmax(dim=1).numpy()
    assert found.values.shape == (24, layer.in_features)
    np.testing.assert_allclose(shares, found.probabilities, atol=1e-5)


def test_files_and_a_store_of_them_give_the_same(run, all_features, small_folder):
    some = np.array([0, 5, 9, 23])
    data = AudioFolder(small_folder)
    assert data.index["path"].tolist() == all_features.index["path"].tolist()
    stored, decoded = hidden_of(run, all_features, some), hidden_of(run, data, some)
    np.testing.assert_array_equal(stored.clips, decoded.clips)
    np.testing.assert_allclose(stored.values, decoded.values, rtol=1e-2, atol=1e-3)  # a store holds float16
    np.testing.assert_allclose(stored.probabilities, decoded.probabilities, atol=1e-3)


def test_a_plane_keeps_the_distances_of_what_lies_on_one():
    rng = np.random.default_rng(0)
    flat = rng.standard_normal((20, 2)) * (3, 1)
    turn = np.linalg.qr(rng.standard_normal((7, 7)))[0][:2]
    places, axes = on_a_plane(flat @ turn + 5.0)
    np.testing.assert_allclose(
        np.linalg.norm(places[:, None] - places, axis=-1), np.linalg.norm(flat[:, None] - flat, axis=-1), atol=1e-9
    )
    shares = [int(axis.partition("(")[2].partition(" %")[0]) for axis in axes]
    assert sum(shares) in (99, 100, 101)
    assert shares[0] > shares[1]
    again, _ = on_a_plane((flat @ turn + 5.0)[::-1])
    np.testing.assert_allclose(again[::-1], places, atol=1e-9)  # not mirrored by the order of the clips


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_groups_that_lie_apart_stay_apart(method):
    rng = np.random.default_rng(0)
    values = np.repeat(np.eye(3, 10) * 20, 12, axis=0) + rng.standard_normal((36, 10))
    places, _ = on_a_plane(values, method)
    kinds = np.repeat(np.arange(3), 12)
    distances = np.linalg.norm(places[:, None] - places, axis=-1) + np.diag(np.full(36, np.inf))
    np.testing.assert_array_equal(kinds[distances.argmin(axis=1)], kinds)


def test_a_model_that_says_the_same_of_all_is_told(all_features):
    model = models.create("mlp", 3, **TINY["mlp"])
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    found = EmbeddingMap(model, all_features, method="tsne")
    assert "all points lie on one place" in found.children[2].value
    assert not found.clips[["x", "y"]].to_numpy().any()


def test_the_table_says_what_each_point_is(cnn, all_features):
    assert len(cnn.clips) == 24
    assert cnn.clips["label"].tolist() == all_features.index["label"].tolist()
    assert set(cnn.clips["predicted"]) <= {"low", "middle", "high"}
    assert cnn.values.shape == (24, 4)
    assert cnn._scatter.view["legend"] == ["high", "low", "middle"]
    assert list(cnn._scatter.kinds) == [["high", "low", "middle"].index(label) for label in cnn.clips["label"]]
    drawn = np.frombuffer(cnn._scatter.points, "<f4").reshape(-1, 2)
    assert drawn.min() >= -1e-6
    assert drawn.max() <= 1 + 1e-6
    spread = cnn.clips[["x", "y"]].to_numpy()
    scale = np.ptp(spread, axis=0).max()
    np.testing.assert_allclose(np.diff(drawn, axis=0), np.diff(spread, axis=0) / scale, atol=1e-5)


def test_a_point_is_chosen_heard_and_heard_again(cnn):
    send(cnn._scatter, {"choose": 4, "hear": False})
    assert cnn.path == cnn.clips["path"].iloc[4]
    assert not cnn.player.playing
    send(cnn._scatter, {"choose": 4, "hear": True})
    assert cnn.player.playing
    send(cnn._scatter, {"choose": 24, "hear": True})
    assert cnn._scatter.chosen == 4
    cnn.choose(7)
    assert cnn._scatter.chosen == 7
    assert cnn.path == cnn.clips["path"].iloc[7]
    assert f"class {cnn.clips['label'].iloc[7]}" in cnn._view.children[0].value


def test_of_many_artists_ten_have_a_colour_and_the_rest_is_counted(run, small_folder, tmp_path, all_features):
    cnn = EmbeddingMap(run, all_features, colour="group")
    assert len(cnn._scatter.view["legend"]) == COLOURS + 1
    assert cnn._scatter.view["legend"][-1] == "2 others"  # of twelve players
    counts = np.bincount(list(cnn._scatter.kinds))
    assert counts.tolist() == [2] * 10 + [4]
    cnn._colour.value = "predicted"
    assert set(cnn._scatter.view["legend"]) == set(cnn.clips["predicted"])


def test_of_more_clips_than_a_map_takes_some_are_drawn_the_same_ones_each_time(run, all_features):
    first, again = (EmbeddingMap(run, all_features, most=6, seed=1) for _ in range(2))
    assert len(first.clips) == 6
    assert first.clips["path"].tolist() == again.clips["path"].tolist()
    assert "Drawn at random out of 24" in first.children[2].value
    some = EmbeddingMap(run, all_features, clips=[1, 2, 3])
    assert some.clips["path"].tolist() == all_features.index["path"].iloc[[1, 2, 3]].tolist()


def test_files_that_cannot_be_read_are_told_and_left_out(run, small_folder, tmp_path):
    for source in sorted((small_folder / "low").rglob("*.wav"))[:4]:
        target = tmp_path / "low" / f"{source.parent.name}-{source.name}"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(source.read_bytes())
    (tmp_path / "low" / "text.wav").write_text("no sound", encoding="utf-8")
    found = EmbeddingMap(run, AudioFolder(tmp_path))
    assert len(found.clips) == 4
    assert "1 clips could not be read" not in found.children[2].value
    assert "1 clip could not be read" in found.children[2].value
    assert "text.wav" in found.children[2].value


def test_the_still_is_small_and_says_what_is_on_it(cnn):
    cnn.choose(0)
    still = cnn.still()
    assert still.alt.startswith("24 clips as points, coloured by class: high, low, middle.")
    assert "first component" in still.alt
    assert still.sound[:4] == b"RIFF"
    assert len(still.png) < 20_000


def test_data_that_do_not_fit_the_model_are_errors(run, all_features, small_store, tmp_path):
    save_audio(tmp_path / "jazz" / "1.wav", np.zeros(22050, np.float32), 22050)
    with pytest.raises(DatasetError, match=r"expected the model's classes \(high, low, middle\), found also jazz"):
        EmbeddingMap(run, AudioFolder(tmp_path))
    with pytest.raises(RunError, match=r"expected a model of 3 classes .*found MelCNN of 5"):
        EmbeddingMap(models.create("cnn", 5, **TINY["cnn"]), all_features)
    with pytest.raises(StoreError, match="expected audio at 8000 Hz, found 22050 Hz"):
        EmbeddingMap(models.create("m5", 3, **TINY["m5"]), small_store)
    make_model(tmp_path / "run", "cnn", {"n_mels": 64}, **{**TINY["cnn"], "n_mels": 64})
    with pytest.raises(StoreError, match="expected logmel made with"):
        EmbeddingMap(tmp_path / "run", all_features)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"method": "umap"}, "expected one of pca, tsne, found 'umap'"),
        ({"colour": "artist"}, "expected one of label, group, predicted, found 'artist'"),
        ({"clips": [3]}, "expected at least 3 clips to draw a map of, found 1"),
    ],
)
def test_what_cannot_be_drawn_is_an_error(run, all_features, settings, words):
    with pytest.raises(RunError, match=words):
        EmbeddingMap(run, all_features, **settings)


def test_what_came_of_a_run_will_do_as_its_folder_does(run, cnn, all_features):
    model, card = checkpoint.load(run)
    outcome = Outcome(make_result([0], [0]), card, 1, 0.0, model)
    np.testing.assert_array_equal(EmbeddingMap(outcome, all_features).values, cnn.values)


def test_a_model_is_needed(all_features, tmp_path):
    with pytest.raises(RunError, match="expected the folder of a run or an Outcome, found int"):
        EmbeddingMap(5, all_features)
    with pytest.raises(RunError, match="no such file"):
        EmbeddingMap(tmp_path, all_features)
    with pytest.raises(RunError, match="expected a model that ends in a linear layer, found none in it"):
        last_linear(torch.nn.Sequential(torch.nn.ReLU()))
    with pytest.raises(RunError, match="expected at least 3 clips"):
        EmbeddingMap(models.create("cnn", 4, **TINY["cnn"]), make_dataset(4))
