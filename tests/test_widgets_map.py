"""The map of clips: what goes into a model's last layer, on a plane."""

import numpy as np
import pytest
import torch
from conftest import TINY
from run_folders import make_untested
from test_widgets_clips import make_dataset, send

from musiclab import models
from musiclab.audio import save_audio
from musiclab.core.errors import DatasetError, RunError, StoreError
from musiclab.datasets import AudioFolder
from musiclab.runs import load
from musiclab.training import autocast
from musiclab.widgets import ClipBrowser
from musiclab.widgets.hidden import hidden_of, last_linear, project
from musiclab.widgets.scatter import COLOURS


def make_fitting(folder, store, name, **sizes):
    """The untrained run of a model for the features of a store."""
    return make_untested(folder, name, store.config[models.find(name).feature], **{**TINY[name], **sizes})


@pytest.fixture(scope="module")
def run(tmp_path_factory, all_features):
    return make_fitting(tmp_path_factory.mktemp("runs") / "cnn", all_features, "cnn").folder


@pytest.fixture(scope="module")
def cnn(run, all_features):
    return ClipBrowser(all_features, run)


@pytest.mark.parametrize("name", ["m5", "mlp", "cnn", "crnn", "lstm", "resnet"])
def test_the_last_layer_makes_the_probabilities_of_what_goes_into_it(name, all_features, tmp_path):
    one_segment = {"length": 12000} if "length" in TINY[name] else {"frames": 65} if "frames" in TINY[name] else {}
    run = make_fitting(tmp_path / "run", all_features, name, **one_segment)  # then its mean is the segment
    hidden = hidden_of(run, all_features, np.arange(24))
    layer = last_linear(run.model)[1]
    with torch.inference_mode(), autocast(torch.device("cpu"), "auto", run.model):
        shares = layer(torch.from_numpy(hidden.values)).float().softmax(dim=1).numpy()
    assert hidden.values.shape == (24, layer.in_features)
    np.testing.assert_allclose(shares, hidden.probabilities, atol=1e-5)


def test_files_and_a_store_of_them_give_the_same(run, all_features, small_folder):
    rows = np.array([0, 5, 9, 23])
    data = AudioFolder(small_folder)
    assert data.index["path"].tolist() == all_features.index["path"].tolist()
    stored, decoded = (hidden_of(load(run), source, rows) for source in (all_features, data))
    np.testing.assert_array_equal(stored.rows, decoded.rows)
    np.testing.assert_allclose(stored.values, decoded.values, rtol=1e-2, atol=1e-3)  # a store holds float16
    np.testing.assert_allclose(stored.probabilities, decoded.probabilities, atol=1e-3)


def distances(points):
    return np.linalg.norm(points[:, None] - points, axis=-1)


def test_a_plane_keeps_the_distances_of_what_lies_on_one():
    rng = np.random.default_rng(0)
    flat = rng.standard_normal((20, 2)) * (3, 1)
    turn = np.linalg.qr(rng.standard_normal((7, 7)))[0][:2]
    positions, axes = project(flat @ turn + 5.0)
    np.testing.assert_allclose(
        np.linalg.norm(positions[:, None] - positions, axis=-1),
        np.linalg.norm(flat[:, None] - flat, axis=-1),
        atol=1e-9,
    )
    shares = [int(axis.partition("(")[2].partition(" %")[0]) for axis in axes]
    assert sum(shares) in (99, 100, 101)
    assert shares[0] > shares[1]
    again, _ = project((flat @ turn + 5.0)[::-1])
    np.testing.assert_allclose(again[::-1], positions, atol=1e-9)  # not mirrored by the order of the clips


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_groups_that_lie_apart_stay_apart(method):
    rng = np.random.default_rng(0)
    values = np.repeat(np.eye(3, 10) * 20, 12, axis=0) + rng.standard_normal((36, 10))
    positions, _ = project(values, method)
    groups = np.repeat(np.arange(3), 12)
    apart = distances(positions) + np.diag(np.full(36, np.inf))
    np.testing.assert_array_equal(groups[apart.argmin(axis=1)], groups)


def notes_of(browser):
    return browser.chooser.children[1].value


def test_a_model_that_says_the_same_of_all_is_told(all_features, tmp_path):
    run = make_fitting(tmp_path / "run", all_features, "mlp")
    for parameter in run.model.parameters():
        torch.nn.init.zeros_(parameter)
    browser = ClipBrowser(all_features, run, method="tsne")
    assert "all points are in the same place" in notes_of(browser)
    assert not browser.clips[["x", "y"]].to_numpy().any()


def test_the_table_says_what_each_point_is(cnn, all_features):
    scatter = cnn.chooser._scatter
    assert len(cnn.clips) == 24
    assert cnn.clips["label"].tolist() == all_features.index["label"].tolist()
    assert set(cnn.clips["predicted"]) <= {"low", "middle", "high"}
    assert cnn.chooser.values.shape == (24, 4)
    assert scatter.legend == ["high", "low", "middle"]
    assert list(scatter.colour_of) == [["high", "low", "middle"].index(label) for label in cnn.clips["label"]]
    drawn = np.frombuffer(scatter.points, "<f4").reshape(-1, 2)
    assert drawn.min() >= -1e-6
    assert drawn.max() <= 1 + 1e-6
    spread = cnn.clips[["x", "y"]].to_numpy()
    scale = np.ptp(spread, axis=0).max()
    np.testing.assert_allclose(np.diff(drawn, axis=0), np.diff(spread, axis=0) / scale, atol=1e-5)


def test_a_point_is_chosen_heard_and_heard_again(cnn):
    scatter = cnn.chooser._scatter
    send(scatter, {"choose": 4, "play": False})
    assert cnn.path == cnn.clips["path"].iloc[4]
    assert not cnn.player.playing
    send(scatter, {"choose": 4, "play": True})
    assert cnn.player.playing
    send(scatter, {"choose": 4, "play": False})  # where the arrow keys came to rest: it goes on sounding
    assert cnn.player.playing
    send(scatter, {"choose": 24, "play": True})
    assert scatter.chosen == 4
    cnn.choose(7)
    assert scatter.chosen == 7
    assert cnn.path == cnn.clips["path"].iloc[7]
    assert f"class {cnn.clips['label'].iloc[7]}" in cnn._text.value
    assert f"{cnn.clips['label'].iloc[7]} (true)" in cnn._bars.value


def test_of_many_artists_ten_have_a_colour_and_the_rest_is_counted(run, all_features):
    browser = ClipBrowser(all_features, run, colour="group")
    scatter = browser.chooser._scatter
    assert len(scatter.legend) == COLOURS + 1
    assert scatter.legend[-1] == "2 others"  # of twelve players
    assert np.bincount(list(scatter.colour_of)).tolist() == [2] * 10 + [4]
    browser.chooser._scatter.colour = "predicted"
    assert set(scatter.legend) == set(browser.clips["predicted"])


def test_of_more_clips_than_a_map_takes_some_are_drawn_the_same_ones_each_time(run, all_features, monkeypatch):
    some = ClipBrowser(all_features, run, rows=[1, 2, 3])
    assert some.clips["path"].tolist() == all_features.index["path"].iloc[[1, 2, 3]].tolist()
    monkeypatch.setattr("musiclab.widgets.scatter.MOST", 6)
    first, again = (ClipBrowser(all_features, run) for _ in range(2))
    assert len(first.clips) == 6
    assert first.clips["path"].tolist() == again.clips["path"].tolist()
    assert "drawn at random from 24" in notes_of(first)


def test_files_that_cannot_be_read_are_told_and_left_out(run, small_folder, tmp_path):
    for source in sorted((small_folder / "low").rglob("*.wav"))[:4]:
        target = tmp_path / "low" / f"{source.parent.name}-{source.name}"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(source.read_bytes())
    (tmp_path / "low" / "text.wav").write_text("no sound", encoding="utf-8")
    browser = ClipBrowser(AudioFolder(tmp_path), run)
    assert len(browser.clips) == 4
    assert "1 clip could not be read" in notes_of(browser)
    assert "text.wav" in notes_of(browser)


def test_the_still_is_small_and_says_what_is_on_it(cnn):
    cnn.choose(0)
    still = cnn.still()
    assert still.alt.startswith("24 clips as points, coloured by class: high, low, middle.")
    assert "first component" in still.alt
    assert still.sound[:4] == b"RIFF"
    assert len(still.png) < 20_000


def test_data_that_do_not_fit_the_model_are_errors(run, all_features, small_store, tmp_path):
    save_audio(tmp_path / "data" / "jazz" / "1.wav", np.zeros(22050, np.float32), 22050)
    with pytest.raises(StoreError, match="does not know the classes jazz; its classes are high, low, middle"):
        ClipBrowser(AudioFolder(tmp_path / "data"), run)
    m5 = make_untested(tmp_path / "m5", "m5", {"sample_rate": 8000}, **TINY["m5"])
    with pytest.raises(
        StoreError, match="trained on audio with sample_rate=8000, but this store has sample_rate=22050"
    ):
        ClipBrowser(small_store, m5)
    other = make_untested(tmp_path / "run", "cnn", {"n_mels": 64}, **{**TINY["cnn"], "n_mels": 64})
    with pytest.raises(StoreError, match="the model was trained on logmel with"):
        ClipBrowser(all_features, other)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"method": "umap"}, "expected a method among pca, tsne, found 'umap'"),
        ({"colour": "artist"}, "expected a colour among label, group, predicted, found 'artist'"),
        ({"rows": [3]}, "a map needs at least 3 readable clips, found 1"),
    ],
)
def test_what_cannot_be_drawn_is_an_error(run, all_features, settings, words):
    with pytest.raises(RunError, match=words):
        ClipBrowser(all_features, run, **settings)


def test_a_run_will_do_as_its_folder_does(run, cnn, all_features):
    np.testing.assert_array_equal(ClipBrowser(all_features, load(run)).chooser.values, cnn.chooser.values)


def test_a_model_and_data_are_needed(run, all_features, tmp_path):
    with pytest.raises(RunError, match="expected a run or its folder, found int"):
        ClipBrowser(all_features, 5)
    with pytest.raises(RunError, match="no such file"):
        ClipBrowser(all_features, tmp_path)
    with pytest.raises(RunError, match="expected a model that ends in a linear layer, found no linear layer"):
        last_linear(torch.nn.Sequential(torch.nn.ReLU()))
    with pytest.raises(DatasetError, match="no such file"):
        ClipBrowser(make_dataset(4), run)
