"""The browser of clips: a table with filters, a confusion matrix; what a clip's sound is, and what is missing."""

import time

import numpy as np
import pandas as pd
import pytest
from conftest import SAMPLE_RATE, noisy_sine, sine
from run_folders import CLASSES, make_result, make_run, make_untested

from musiclab.audio import load_audio, save_audio
from musiclab.core.errors import AudioError, DatasetError, RunError
from musiclab.datasets import AudioFolder, Dataset
from musiclab.runs import load
from musiclab.widgets import ClipBrowser
from musiclab.widgets.browser import MOST_BARS, STILL_SECONDS
from musiclab.widgets.clips import SECONDS, Sounds
from musiclab.widgets.predictions import bars, percent
from musiclab.widgets.table import Table

LABELS = [0, 0, 0, 1, 1, 1, 2, 2, 2]
PREDICTIONS = [0, 1, 1, 1, 1, 0, 2, 2, 1]


@pytest.fixture(scope="module")
def small(small_folder):
    return AudioFolder(small_folder)


@pytest.fixture
def result():
    return make_result(LABELS, PREDICTIONS, share=[0.9, 0.5, 0.8, 0.9, 0.7, 0.6, 0.9, 0.8, 0.4])


@pytest.fixture
def sounds(result):
    return {path: (sine(200.0 + 10 * number), SAMPLE_RATE) for number, path in enumerate(result.paths)}


def make_dataset(count=40, **columns):
    index = pd.DataFrame(
        {
            "path": [f"/nowhere/c{number % 4}/{number:05d}.wav" for number in range(count)],
            "label": [f"c{number % 4}" for number in range(count)],
            "group": [f"artist {number % 7}" for number in range(count)],
        }
    )
    return Dataset("made", index.assign(**columns), "CC0", "none", "nowhere", "none")


def make_table(clips, on_choose=None):
    table = Table({name: name for name in clips if name != "path"}, on_choose, lambda path: False)
    table.show(clips.assign(path=""), "clips")
    return table


def shown(table, column=0):
    """A column of the page that the browser has."""
    return [row[column] for row in table.view["cells"]]


def send(widget, content, buffers=()):
    """What the browser would send."""
    widget._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": list(buffers)})


def filtered(browser, **wanted):
    """The clips that are left when the controls of these names are set, and all others let everything through."""
    for name, control in browser.chooser.controls.items():
        control.value = wanted.get(name, "")
    return browser.clips


# The table


def test_a_class_and_a_part_of_the_groups_name_are_what_is_left():
    browser = ClipBrowser(make_dataset(split=["train", "train", "valid", "test"] * 10))
    clips = filtered(browser, label="c1", group="ARTIST 3")
    assert set(clips["label"]) == {"c1"}
    assert set(clips["group"]) == {"artist 3"}
    assert len(clips) == sum(number % 4 == 1 and number % 7 == 3 for number in range(40))
    assert len(filtered(browser, split="valid")) == 10
    assert filtered(browser, name="c2/00006")["path"].tolist() == ["/nowhere/c2/00006.wav"]
    assert len(filtered(browser)) == 40
    filtered(browser, label="c2")
    assert "10 of 40 clips, 7 of 7 groups, 1 of 4 classes" in browser.chooser._count.value
    assert browser.chooser.table.view["count"] == "1 to 10 of 10"


def test_a_choice_that_is_none_is_not_offered():
    browser = ClipBrowser(make_dataset()).chooser
    assert browser.controls["split"].layout.display == browser.controls["fold"].layout.display == "none"
    assert browser.table.view["columns"] == ["clip", "class", "group"]
    folds = ClipBrowser(make_dataset(fold=[1, 2] * 20))
    assert folds.chooser.controls["fold"].layout.display is None
    assert folds.chooser.table.view["columns"] == ["clip", "class", "group", "fold"]
    assert len(filtered(folds, fold=2)) == 20


def test_only_some_rows_can_be_shown():
    browser = ClipBrowser(make_dataset(), rows=[5, 9, 13])
    assert browser.clips["label"].tolist() == ["c1"] * 3
    assert "3 of 3 clips" in browser.chooser._count.value


def test_pages_and_order_are_made_in_python(monkeypatch):
    monkeypatch.setattr("musiclab.widgets.table.PAGE", 4)
    table = make_table(pd.DataFrame({"clip": list("dbcae"), "probability": [0.1, 0.5, 0.5, 0.2, 0.3]}))
    assert (table.view["pages"], shown(table)) == (2, list("dbca"))
    table.turn_to(9)
    assert (table.page, shown(table)) == (1, ["e"])
    table.sort_by("probability", descending=True)
    assert (table.page, shown(table)) == (0, list("bcea"))  # equals stay in their order
    table.choose(0)  # "d", now on the last page
    assert (table.page, table.view["chosen"], table.view["rows"]) == (1, 0, [0])
    table.sort_by("clip")
    assert shown(table) == list("abcd")


def test_the_table_heeds_the_browser_and_nothing_that_cannot_be(monkeypatch):
    monkeypatch.setattr("musiclab.widgets.table.PAGE", 2)
    told = []
    table = make_table(pd.DataFrame({"clip": list("cab")}), lambda row, play: told.append((row, play)))
    send(table, {"sort": "clip"})
    assert shown(table) == ["a", "b"]
    send(table, {"sort": "clip"})
    assert shown(table) == ["c", "b"]
    send(table, {"turn": 1})
    assert shown(table) == ["a"]
    send(table, {"choose": 1})
    send(table, {"choose": 1, "play": True})  # again: it is to be heard
    for nothing in ({"choose": 3}, {"choose": -1}, {"sort": "other"}, {}):
        send(table, nothing)
    assert told == [(1, False), (1, True)]
    assert table.chosen == 1


def test_ten_thousand_clips_stay_quick_and_stay_here():
    started = time.perf_counter()
    browser = ClipBrowser(make_dataset(10_000, split=["train", "test"] * 5000))
    filtered(browser, group="artist 5")
    filtered(browser)
    table = browser.chooser.table
    table.sort_by("group", descending=True)
    assert time.perf_counter() - started < 3  # 0.3 s on a free core
    assert len(table.view["cells"]) == 12
    assert table.view["count"] == "1 to 12 of 10,000"
    assert set(shown(table, 2)) == {"artist 6"}


def test_one_clip_is_a_data_set_too():
    table = ClipBrowser(make_dataset(1)).chooser.table
    assert shown(table) == ["00000.wav"]
    assert table.view["count"] == "1 to 1 of 1"


# The clip that is shown


def test_a_clip_is_shown_with_its_sound_and_its_facts(small):
    browser = ClipBrowser(small)
    assert "Choose a clip" in browser._text.value
    filtered(browser, label="middle")
    browser.choose(0)
    assert browser.path == browser.clips["path"].iloc[0]
    assert browser.player.duration == pytest.approx(1.5)
    assert "class middle" in browser._text.value
    assert browser.player in browser._view.children


def test_a_click_chooses_enter_plays_and_what_plays_goes_on_with_the_next(small):
    browser = ClipBrowser(small)
    browser.choose(0)
    assert not browser.player.playing
    first = browser.path
    send(browser.chooser.table, {"choose": 4})
    assert not browser.player.playing
    send(browser.chooser.table, {"choose": 4, "play": True})
    assert browser.player.playing
    send(browser.chooser.table, {"choose": 5})
    assert browser.player.playing
    assert browser.path == small.index["path"].iloc[5] != first


def test_the_chosen_clip_stays_chosen_as_long_as_the_filters_let_it(small):
    browser = ClipBrowser(small)
    filtered(browser, label="low")
    browser.choose(2)
    path = browser.path
    filtered(browser)
    assert browser.clips["path"].iloc[browser.chooser.table.chosen] == path
    filtered(browser, label="high")
    assert browser.chooser.table.chosen is None


def test_what_is_missing_or_unreadable_is_told_in_its_place(tmp_path):
    save_audio(tmp_path / "low" / "good.wav", noisy_sine(200.0, 0), SAMPLE_RATE)
    save_audio(tmp_path / "low" / "lost.wav", noisy_sine(200.0, 1), SAMPLE_RATE)
    (tmp_path / "low" / "text.wav").write_text("no sound at all", encoding="utf-8")
    data = AudioFolder(tmp_path)
    (tmp_path / "low" / "lost.wav").unlink()
    browser = ClipBrowser(data)
    table = browser.chooser.table
    assert dict(zip(shown(table), table.view["notes"], strict=True)) == {
        "good.wav": "", "lost.wav": "missing", "text.wav": "",
    }  # fmt: skip
    rows = {name.rpartition("/")[2]: row for row, name in enumerate(browser.clips["path"])}
    browser.choose(rows["good.wav"])
    for name, words in (("lost.wav", "no such file; if you moved the sounds"), ("text.wav", "cannot be decoded")):
        browser.choose(rows[name])
        assert browser.player is None
        assert words in browser.problem
        assert "No sound: " in browser._text.value
    browser.choose(rows["good.wav"])
    assert browser.player is not None


def test_there_is_one_player_and_it_stops(result):
    sounds = {"clip2.wav": (sine(440.0), SAMPLE_RATE), "clip1.wav": (sine(220.0, 2.0), SAMPLE_RATE)}
    browser = ClipBrowser(result, sounds=sounds)
    browser.choose(0, play=True)
    player = browser.player
    assert (browser.path, player.playing, player.duration) == ("clip2.wav", True, 1.0)
    browser.choose(1)
    assert browser.player is player
    assert (player.playing, player.duration) == (True, 2.0)
    browser.chooser.open_cell("low", "high")  # whose sound is missing
    assert (browser.player, player.playing, browser.path) == (None, False, "clip5.wav")


def test_a_store_is_heard_out_of_its_own_audio(all_features):
    browser = ClipBrowser(all_features)
    browser.choose(3)
    waveform, rate = Sounds(all_features).load(browser.path)
    assert (rate, len(waveform)) == (8000, 12000)
    original, _ = load_audio(browser.path, 8000)
    np.testing.assert_allclose(waveform, original, atol=1 / 32768)
    assert "seconds" in browser.chooser.table.view["columns"]
    assert browser.player.duration == pytest.approx(1.5)


def test_sounds_that_were_moved_are_found_by_the_end_of_their_path(small_folder):
    path = str(small_folder / "low" / "player1" / "0.wav")
    moved = Sounds(small_folder)
    assert moved.file("/elsewhere/data/low/player1/0.wav").samefile(path)
    assert moved.file(r"C:\data\low\player1\0.wav").samefile(path)
    assert moved.is_missing("/elsewhere/low/player9/0.wav")
    with pytest.raises(AudioError, match=r"player9/0.wav: no such file in .*small; if you moved the sounds"):
        moved.load("/elsewhere/low/player9/0.wav")


def test_sounds_come_from_a_mapping_and_long_ones_are_cut():
    sounds = Sounds({"a": (np.zeros((2, 4000 * 60), np.float32), 4000)})
    waveform, rate = sounds.load("a")
    assert waveform.shape == (2, round(SECONDS * rate))
    assert sounds.is_missing("b")
    with pytest.raises(AudioError, match="b: not among the 1 sounds; add this path to the mapping"):
        sounds.load("b")


@pytest.mark.parametrize(("source", "words"), [("/no/such/folder", "folder: no such folder"), (5, "found int")])
def test_what_holds_no_sounds_is_an_error(source, words):
    with pytest.raises(DatasetError, match=words):
        Sounds(source)


def test_the_still_says_what_there_is_and_sounds(small):
    browser = ClipBrowser(small)
    assert browser.still().sound is None
    browser.choose(0)
    still = browser.still()
    assert still.alt == "Clips of folder:small: 24 clips, 12 groups; high 8, low 8, middle 8."
    assert "class high" in still.caption
    assert len(still.sound) == 44 + 2 * round(1.5 * SAMPLE_RATE) < 44 + 2 * STILL_SECONDS * SAMPLE_RATE
    data, _ = browser._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"}


def test_names_of_any_sort_are_text_and_no_markup():
    index = pd.DataFrame({"path": ["/x/<b>&.wav", "/x/ok.wav"], "label": ["<script>", "ok"]})
    browser = ClipBrowser(Dataset("made", index, "", "", "", ""))
    browser.choose(0)
    assert "<script>" not in browser._text.value + browser.chooser.children[-1].value
    assert "&lt;script&gt;" in browser._text.value
    assert "&lt;script&gt;" in browser.chooser.children[-1].value


# The confusion matrix


def test_every_cell_opens_on_the_clips_that_it_counts(result, sounds):
    browser = ClipBrowser(result, sounds=sounds)
    paths = []
    for true, row in zip(CLASSES, result.confusion, strict=True):
        for predicted, count in zip(CLASSES, row, strict=True):
            browser.chooser.open_cell(true, predicted)
            assert browser.chooser.cell == (true, predicted)
            assert len(browser.clips) == count
            paths += browser.clips["path"].tolist()
    assert sorted(paths) == sorted(result.paths)


def test_the_most_frequent_confusion_is_open_at_first_the_surest_clip_on_top(result, sounds):
    browser = ClipBrowser(result, sounds=sounds)
    assert browser.chooser.cell == ("high", "low")
    assert browser.clips["path"].tolist() == ["clip2.wav", "clip1.wav"]
    assert browser.clips["probability"].tolist() == pytest.approx([0.8, 0.5])
    assert browser.path == "clip2.wav"
    assert not browser.player.playing
    assert shown(browser.chooser.table, 1) == ["80 %", "50 %"]
    assert browser.chooser.table.view["caption"] == "true high, predicted low: 2 clips"


def test_the_reader_opens_cells_and_clips(result, sounds):
    browser = ClipBrowser(result, sounds=sounds)
    matrix, table = browser.chooser._matrix, browser.chooser.table
    send(matrix, {"open": [1, 0]})
    assert (browser.chooser.cell, browser.path) == (("low", "high"), "clip5.wav")
    assert matrix.cell == [1, 0]
    assert table.view["caption"].endswith(": 1 clip")
    send(matrix, {"open": [1, 1]})
    send(table, {"choose": 1, "play": True})
    assert browser.path == "clip4.wav"
    assert browser.player.playing
    for nothing in ({"open": [3, 0]}, {"open": [-1, -1]}, {}):
        send(matrix, nothing)
    assert browser.chooser.cell == ("low", "low")


def test_the_probabilities_of_the_clip_are_shown_and_the_true_class_is_marked(result, sounds):
    browser = ClipBrowser(result, sounds=sounds)
    table = browser._bars.value
    assert browser._bars in browser._view.children
    assert "high (true)" in table
    assert table.index("80 %") < table.index("10 %")
    assert "class high, predicted low" in browser._text.value


def test_a_cell_without_clips_says_so(result, sounds):
    browser = ClipBrowser(result, sounds=sounds)
    browser.chooser.open_cell("middle", "high")
    assert (len(browser.clips), browser.path, browser.player) == (0, "", None)
    assert "This cell has no clips." in browser._text.value
    assert browser.chooser.table.view["caption"] == "true middle, predicted high: no clips"


def test_without_mistakes_there_is_still_something_to_open(sounds):
    browser = ClipBrowser(make_result([0, 1, 2], [0, 1, 2]), sounds=sounds)
    assert browser.chooser.cell is None
    assert browser.chooser.table.view["caption"].startswith("Every prediction is correct.")
    assert browser.still().alt.endswith("Every prediction is correct.")
    browser.chooser.open_cell("low", "low")
    assert browser.path == "clip1.wav"


def test_a_run_and_its_folder_will_do(tmp_path, result, sounds):
    folder = make_run(tmp_path / "run", result).folder
    for run in (folder, str(folder), load(folder)):
        assert ClipBrowser(run, sounds=sounds).path == "clip2.wav"


def test_a_sound_that_is_missing_is_told_and_the_probabilities_stay(result):
    browser = ClipBrowser(result)
    assert browser.player is None
    assert "clip2.wav: no such file; if you moved the sounds, pass sounds=FOLDER" in browser.problem
    assert browser.chooser.table.view["notes"] == ["missing", "missing"]
    assert "high (true)" in browser._bars.value
    assert browser.still().sound is None


def test_clips_of_a_result_are_heard_out_of_a_store(all_features):
    rows = all_features.index
    labels = all_features.labels
    predictions = np.where(np.arange(len(rows)) % 4 == 0, (labels + 1) % 3, labels)
    browser = ClipBrowser(make_result(labels, predictions, rows["path"]), sounds=all_features)
    assert browser.player.duration == pytest.approx(1.5)
    assert set(rows.set_index("path").loc[browser.clips["path"], "label"]) == {browser.chooser.cell[0]}
    assert browser.still().sound[:4] == b"RIFF"


# What cannot be browsed


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (None, DatasetError, "expected a data set, a store, or a test result .*, found NoneType"),
        (np.eye(3), DatasetError, "found ndarray"),
        (pd.DataFrame({"path": ["a"]}), DatasetError, "found DataFrame"),
        ("no/such/run", RunError, "no such file"),
    ],
)
def test_what_holds_no_clips_is_an_error(data, error, words):
    with pytest.raises(error, match=words):
        ClipBrowser(data)


def test_nothing_to_browse_is_an_error(small, tmp_path):
    class Empty:
        name, index = "empty", small.index[:0]

    with pytest.raises(DatasetError, match="empty: expected at least one clip, found none"):
        ClipBrowser(Empty())
    with pytest.raises(DatasetError, match="at least one clip"):
        ClipBrowser(make_result(np.zeros(0, int), np.zeros(0, int), share=np.zeros(0)))
    with pytest.raises(DatasetError, match=r"a tested run, or the folder of a tested run\), found Run"):
        ClipBrowser(make_untested(tmp_path / "run"))


def test_a_class_that_there_is_not_and_a_folder_that_there_is_not_are_errors(result, sounds):
    with pytest.raises(RunError, match="among high, low, middle, found 'lo'; did you mean low"):
        ClipBrowser(result, sounds=sounds).chooser.open_cell("lo", "high")
    with pytest.raises(DatasetError, match="folder: no such folder; pass the folder with the sounds"):
        ClipBrowser(result, sounds="/no/such/folder")


# Bars


def test_the_largest_probabilities_have_bars_and_the_rest_one(sounds):
    classes = [f"c{number}" for number in range(50)]
    shares = np.full(50, 0.5 / 49)
    shares[7] = 0.5
    result = make_result([0], [0])
    many = type(result)(classes, np.array([7]), np.log(shares)[None], result.groups, result.paths)
    browser = ClipBrowser(many, sounds=sounds)
    browser.chooser.open_cell("c7", "c7")
    table = browser._bars.value
    assert table.index("c7 (true)") < table.index("c0")
    assert table.count("<tr") == MOST_BARS
    assert "39 others" in table
    assert "width: 50.000%" in table


def test_bars_stay_in_the_order_of_the_classes_and_stand_before_those_of_another_state():
    table = bars(["b", "<a>"], [0.1, 0.9], "now & then", mark=("b", "true"), before=[0.25, 0.75])
    assert table.index(">b (true)<") < table.index("&lt;a&gt;")
    assert "now &amp; then" in table
    assert table.index("musiclab-before' style='width: 25.000%'") < table.index("musiclab-bar' style='width: 10.000%'")
    assert [percent(share) for share in (0.0, 0.004, 0.25, 0.996, 1.0)] == ["0 %", "<1 %", "25 %", ">99 %", "100 %"]
