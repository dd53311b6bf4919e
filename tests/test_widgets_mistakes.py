"""The browser of mistakes: each cell of the matrix holds just the clips that are counted in it."""

import numpy as np
import pytest
from conftest import SAMPLE_RATE, sine
from run_folders import CLASSES, make_result, make_run
from test_widgets_browsing import send, shown

from musiclab.core.errors import DatasetError, RunError
from musiclab.runs import runfolder
from musiclab.widgets import MistakeBrowser

LABELS = [0, 0, 0, 1, 1, 1, 2, 2, 2]
PREDICTIONS = [0, 1, 1, 1, 1, 0, 2, 2, 1]


@pytest.fixture
def result():
    return make_result(LABELS, PREDICTIONS, share=[0.9, 0.5, 0.8, 0.9, 0.7, 0.6, 0.9, 0.8, 0.4])


@pytest.fixture
def sounds(result):
    return {path: (sine(200.0 + 10 * number), SAMPLE_RATE) for number, path in enumerate(result.paths)}


def test_every_cell_opens_on_the_clips_that_it_counts(result, sounds):
    browser = MistakeBrowser(result, sounds)
    seen = []
    for true, row in zip(CLASSES, result.confusion, strict=True):
        for predicted, count in zip(CLASSES, row, strict=True):
            browser.show(true, predicted)
            assert browser.cell == (true, predicted)
            assert len(browser.clips) == count
            seen += browser.clips["path"].tolist()
    assert sorted(seen) == sorted(result.paths)


def test_the_most_frequent_confusion_is_open_at_first_the_surest_clip_on_top(result, sounds):
    browser = MistakeBrowser(result, sounds)
    assert browser.cell == ("high", "low")
    assert browser.clips["path"].tolist() == ["clip2.wav", "clip1.wav"]
    assert browser.clips["probability"].tolist() == pytest.approx([0.8, 0.5])
    assert browser.path == "clip2.wav"
    assert not browser.player.playing
    assert shown(browser._table, 1) == ["80 %", "50 %"]
    assert browser._table.view["caption"] == "true high, predicted low: 2 clips"


def test_the_browser_opens_cells_and_clips(result, sounds):
    browser = MistakeBrowser(result, sounds)
    send(browser._matrix, {"open": [1, 0]})
    assert (browser.cell, browser.path) == (("low", "high"), "clip5.wav")
    assert browser._matrix.view["open"] == [1, 0]
    assert browser._table.view["caption"].endswith(": 1 clip")
    send(browser._matrix, {"open": [1, 1]})
    send(browser._table, {"choose": 1})
    assert browser.path == "clip4.wav"
    assert browser.player.playing
    for nothing in ({"open": [3, 0]}, {"open": [-1, -1]}, {}):
        send(browser._matrix, nothing)
    assert browser.cell == ("low", "low")


def test_the_probabilities_of_the_clip_are_shown_and_the_true_class_is_marked(result, sounds):
    browser = MistakeBrowser(result, sounds)
    table = browser._view.children[-1].value
    assert "high (true)" in table
    assert table.index("80 %") < table.index("10 %")
    assert "true high, predicted low" in browser._view.children[0].value


def test_a_cell_without_clips_says_so(result, sounds):
    browser = MistakeBrowser(result, sounds)
    browser.show("middle", "high")
    assert (len(browser.clips), browser.path, browser.player) == (0, "", None)
    assert "No clip is behind this cell." in browser._view.children[0].value
    assert browser._table.view["caption"] == "true middle, predicted high: no clips"


def test_without_mistakes_there_is_still_something_to_open(sounds):
    browser = MistakeBrowser(make_result([0, 1, 2], [0, 1, 2]), sounds)
    assert browser.cell is None
    assert browser._table.view["caption"].startswith("No clip was named wrongly.")
    assert browser.still().alt.endswith("No clip was named wrongly.")
    browser.show("low", "low")
    assert browser.path == "clip1.wav"


def test_a_run_folder_and_what_is_read_of_it_will_do(tmp_path, result, sounds):
    folder = make_run(tmp_path / "run", result)
    for run in (folder, str(folder), runfolder.read(folder)):
        assert MistakeBrowser(run, sounds).path == "clip2.wav"


def test_a_sound_that_is_not_there_is_told_and_the_probabilities_stay(result):
    browser = MistakeBrowser(result)
    assert browser.player is None
    assert "clip2.wav: no such file; if the sounds were moved, name their folder" in browser._view.reason
    assert "high (true)" in browser._view.children[-1].value
    assert browser.still().sound is None


def test_real_clips_are_heard_out_of_a_store(all_features):
    rows = all_features.index
    labels = all_features.labels
    predictions = np.where(np.arange(len(rows)) % 4 == 0, (labels + 1) % 3, labels)
    browser = MistakeBrowser(make_result(labels, predictions, rows["path"]), all_features)
    assert browser.player.duration == pytest.approx(1.5)
    assert set(rows.set_index("path").loc[browser.clips["path"], "label"]) == {browser.cell[0]}
    assert browser.still().sound[:4] == b"RIFF"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "expected a Result, an Outcome or the folder of a run, found NoneType"),
        (np.eye(3), "found ndarray"),
        ("no/such/run", "no such file"),
    ],
)
def test_what_is_no_result_is_an_error(given, words):
    with pytest.raises(RunError, match=words):
        MistakeBrowser(given)


def test_a_result_of_nothing_and_a_class_that_is_none_are_errors(result, sounds):
    with pytest.raises(RunError, match="at least one clip"):
        MistakeBrowser(make_result(np.zeros(0, int), np.zeros(0, int), share=np.zeros(0)))
    with pytest.raises(RunError, match="among high, low, middle, found 'lo'; did you mean low"):
        MistakeBrowser(result, sounds).show("lo", "high")
    with pytest.raises(DatasetError, match="expected the folder that the sounds are in"):
        MistakeBrowser(result, "/no/such/folder")
