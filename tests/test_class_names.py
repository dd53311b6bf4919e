"""Classes called like columns, like formulas, or like nothing that a font has: every table and picture holds them."""

import json
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import SAMPLE_RATE, noisy_sine
from run_folders import make_history

from musiclab import models, plots
from musiclab.audio import save_audio
from musiclab.metrics import Result
from musiclab.runs import Run, RunSettings, compare, load
from musiclab.widgets.matrix import ConfusionTable

NAMES = ["path", "predicted", "p(path)", "start", "class", "probability", "label", "group", "count", "\N{ROOSTER}, $x$"]


@pytest.fixture
def run(tmp_path):
    """A saved run of ten classes, each with two clips: one correct, one taken for the next class."""
    model = models.create("cnn", len(NAMES), width=1, frames=64, hidden=[4, 4])
    settings = RunSettings("cnn", model.sizes, NAMES, "logmel", {}, {"name": "x"})
    labels, predictions = np.repeat(range(10), 2), np.roll(np.repeat(range(10), 2), -1)
    shares = np.full((20, 10), 0.05)
    shares[range(20), predictions] = 0.55
    clips = np.array([f"{clip}.wav" for clip in range(20)])
    result = Result(NAMES, labels, np.log(shares), clips, clips)
    return Run(settings, model.eval(), result, make_history()).save(tmp_path / "run")


def test_a_prediction_names_each_probability_apart(command, run, tmp_path):
    sound = save_audio(tmp_path / "a.wav", noisy_sine(300, 0), SAMPLE_RATE)
    found = run.predict(sound, device="cpu")
    assert list(found.files.columns) == ["path", "predicted", *(f"p({name})" for name in NAMES)]
    shares = found.probabilities[0]
    assert found.files.loc[0, ["path", "predicted"]].tolist() == [str(sound), NAMES[shares.argmax()]]
    assert shares.sum() == pytest.approx(1)
    done = command("predict", run.folder, sound, "--json", "--csv", tmp_path / "f.csv", "--top", 10)
    assert done.status == 0
    first, last = done.out.splitlines()
    for name, share in zip(NAMES, shares, strict=True):
        assert f"{name} {100 * share:.1f} %" in first
    assert json.loads(last)["predictions"] == found.files.to_dict("records")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "f.csv"), found.files)


def test_a_result_keeps_its_classes_in_every_table(run):
    again = load(run.folder).result
    assert again.classes == NAMES
    np.testing.assert_array_equal(again.log_probabilities, run.result.log_probabilities)
    assert list(again.mistakes.columns) == ["path", "label", "predicted", "probability"]
    pairs = zip(again.confusions["label"], again.confusions["predicted"], strict=True)
    assert sorted(pairs) == sorted(zip(NAMES, [*NAMES[1:], NAMES[0]], strict=True))
    facts = json.loads((run.folder / "metrics.json").read_text(encoding="utf-8"))
    assert {name: entry["n"] for name, entry in facts["per_class"].items()} == dict.fromkeys(NAMES, 2)
    assert compare(run, measure_speed=False).table.loc[0, "accuracy"] == 0.5
    shown = ConfusionTable(again, lambda clip, play: None, lambda path: False)
    shown.open_cell("path", "predicted")
    assert shown.clips[["clip", "label", "predicted"]].values.tolist() == [["1.wav", "path", "predicted"]]


def test_pictures_of_them_give_no_warning_of_a_font(run):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        page = run.report().read_text(encoding="utf-8")
        ax = plots.timeline(np.array([0.0, 1.0]), np.full((1, 10), 0.1), NAMES)
        ax.figure.canvas.draw()
        table = pd.DataFrame({"name": NAMES[-1:], "accuracy": 0.5, "low": 0.4, "high": 0.6})
        plots.comparison(table).figure.canvas.draw()
    assert "\N{ROOSTER}, $x$" in page  # a browser has more fonts
    assert ax.get_yticklabels()[-1].get_text() == "\N{WHITE SQUARE}, \\$x\\$"


@pytest.mark.parametrize("count", [150, 500])
def test_a_confusion_matrix_does_not_grow_without_end(count):
    classes = [f"class {index}" for index in range(count)]
    counts = np.eye(count, dtype=int)
    ax = plots.confusion(counts, classes)
    assert ax.figure.get_size_inches().max() < 20  # 68 for 150 classes once, and 3 GB
    assert not ax.texts
    names = [label.get_text() for label in ax.get_yticklabels()]
    step = {150: 1, 500: 3}[count]
    assert names == classes[::step]
    np.testing.assert_allclose(ax.images[0].get_array(), 100 * counts)
    assert plots.confusion(np.eye(40, dtype=int), classes[:40]).texts


@pytest.mark.parametrize("count", [2, 3, 10])
def test_long_names_leave_room_for_the_matrix(count):
    classes = [f"{index}{'W' * 300}" for index in range(count)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # that the layout collapsed
        ax = plots.confusion(np.eye(count, dtype=int), classes)
        ax.figure.canvas.draw()
    assert ax.get_window_extent().width > 70  # pixels
    assert ax.get_yticklabels()[0].get_text() == f"0{'W' * 38}\N{HORIZONTAL ELLIPSIS}"


def test_a_matrix_of_buttons_shows_the_classes_with_the_most_mistakes():
    count = 150
    classes = [f"class {index}" for index in range(count)]
    labels = np.arange(count)
    predictions = np.where(labels < 60, 100, labels)  # 61 classes have mistakes, and class 100 has most of them
    scores = np.log(np.full((count, count), 1e-4) + np.eye(count)[predictions])
    clips = labels.astype(str)
    shown = ConfusionTable(Result(classes, labels, scores, clips, clips), lambda clip, play: None, lambda path: False)
    assert shown._matrix._classes == [*classes[:39], "class 100"]
    assert shown._matrix._counts.shape == (40, 40)
    shown._matrix._receive(None, {"open": [3, 39]}, None)
    assert (shown.cell, shown._matrix.cell) == (("class 3", "class 100"), [3, 39])
    shown.open_cell("class 50", "class 100")  # which has no button
    assert (shown.clips["clip"].tolist(), shown._matrix.cell) == (["50"], [-1, -1])


def test_plots_in_a_loop_leave_one_figure_open():
    plt.close("all")
    mine = plt.figure()
    drawn = [plots.waveform(np.zeros(300), 100) for _ in range(25)]
    assert len(plt.get_fignums()) == 2
    assert plt.gcf() is drawn[-1].figure
    assert plt.fignum_exists(mine.number)
    drawn[0].figure.canvas.draw()  # an earlier one can still be used
    plt.close("all")
