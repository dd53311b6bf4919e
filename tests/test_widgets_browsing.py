"""The browser of a data set: filters, order, pages; what a clip's sound is; what is missing is told in its place."""

import time

import numpy as np
import pandas as pd
import pytest
from conftest import SAMPLE_RATE, noisy_sine, sine

from musiclab.audio import load_audio, save_audio
from musiclab.core.errors import AudioError, DatasetError
from musiclab.datasets import AudioFolder, Dataset
from musiclab.widgets import DatasetBrowser
from musiclab.widgets.clip_view import ClipView
from musiclab.widgets.clips import SECONDS, STILL_SECONDS, Sounds, bars, index_of, names_of, percent
from musiclab.widgets.table import Table


@pytest.fixture(scope="module")
def small(small_folder):
    return AudioFolder(small_folder)


def make_dataset(count=40, **columns):
    index = pd.DataFrame(
        {
            "path": [f"/nowhere/c{number % 4}/{number:05d}.wav" for number in range(count)],
            "label": [f"c{number % 4}" for number in range(count)],
            "group": [f"artist {number % 7}" for number in range(count)],
        }
    )
    return Dataset("made", index.assign(**columns), "CC0", "none", "nowhere", "none")


def shown(table: Table, column=0):
    """A column of the page that the browser has."""
    return [row[column] for row in table.view["cells"]]


def send(widget, content, buffers=()):
    """What the browser would send."""
    widget._handle_custom_msg(content, list(buffers))


def test_a_class_and_a_part_of_the_groups_name_are_what_is_left():
    browser = DatasetBrowser(make_dataset(split=["train", "train", "valid", "test"] * 10))
    clips = browser.filter(label="c1", group="ARTIST 3")
    assert set(clips["label"]) == {"c1"}
    assert set(clips["group"]) == {"artist 3"}
    assert len(clips) == sum(number % 4 == 1 and number % 7 == 3 for number in range(40))
    assert len(browser.filter(split="valid")) == 10
    assert browser.filter(name="c2/00006")["path"].tolist() == ["/nowhere/c2/00006.wav"]
    assert len(browser.filter()) == 40


def test_the_controls_do_what_filter_does_and_the_count_is_told():
    browser = DatasetBrowser(make_dataset())
    browser._controls["label"].value = "c2"
    assert set(browser.clips["label"]) == {"c2"}
    assert "10 of 40 clips, 7 of 7 groups, 1 of 4 classes" in browser._count.value
    assert browser._table.view["count"] == "1 to 10 of 10"


def test_a_choice_that_is_none_is_not_offered():
    browser = DatasetBrowser(make_dataset())
    assert browser._controls["split"].layout.display == browser._controls["fold"].layout.display == "none"
    assert browser._table.view["columns"] == ["clip", "class", "group"]
    folds = DatasetBrowser(make_dataset(fold=[1, 2] * 20))
    assert folds._controls["fold"].layout.display is None
    assert folds._table.view["columns"] == ["clip", "class", "group", "fold"]
    assert len(folds.filter(fold=2)) == 20


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"label": "c11"}, r"made: expected label among c0, c1, c2, c3, found 'c11'; did you mean c1"),
        ({"split": "test"}, "expected split among none, found 'test'"),
        ({"fold": 3}, "expected fold among none, found 3"),
    ],
)
def test_a_class_that_there_is_not_is_an_error(wanted, words):
    with pytest.raises(DatasetError, match=words):
        DatasetBrowser(make_dataset()).filter(**wanted)


def test_pages_and_order_are_made_in_python():
    table = Table("numbers", rows=4)
    table.show(pd.DataFrame({"clip": list("dbcae"), "probability": [0.1, 0.5, 0.5, 0.2, 0.3]}))
    assert (table.pages, shown(table)) == (2, list("dbca"))
    table.turn_to(9)
    assert (table.page, shown(table)) == (1, ["e"])
    table.sort_by("probability", descending=True)
    assert (table.page, shown(table)) == (0, list("bcea"))  # equals stay in their order
    table.choose(0)  # "d", now on the last page
    assert (table.page, table.view["chosen"], table.view["rows"]) == (1, 0, [0])
    table.sort_by("clip")
    assert shown(table) == list("abcd")


def test_the_table_heeds_the_browser_and_nothing_that_cannot_be():
    told = []
    table = Table("numbers", told.append, rows=2)
    table.show(pd.DataFrame({"clip": list("cab")}))
    send(table, {"sort": "clip"})
    assert shown(table) == ["a", "b"]
    send(table, {"sort": "clip"})
    assert shown(table) == ["c", "b"]
    send(table, {"turn": 1})
    assert shown(table) == ["a"]
    send(table, {"choose": 1})
    send(table, {"choose": 1})  # again: it is to be heard again
    for nothing in ({"choose": 3}, {"choose": -1}, {"sort": "other"}, {}):
        send(table, nothing)
    assert told == [1, 1]
    assert table.chosen == 1


def test_ten_thousand_clips_stay_quick_and_stay_here():
    started = time.perf_counter()
    browser = DatasetBrowser(make_dataset(10_000, split=["train", "test"] * 5000))
    browser.filter(group="artist 5")
    browser.filter()
    browser.sort_by("group", descending=True)
    assert time.perf_counter() - started < 3  # 0.3 s on a free core
    assert len(browser._table.view["cells"]) == 12
    assert browser._table.view["count"] == "1 to 12 of 10,000"
    assert set(shown(browser._table, 2)) == {"artist 6"}


def test_a_clip_is_shown_with_its_sound_and_its_facts(small):
    browser = DatasetBrowser(small)
    browser.filter(label="middle")
    browser.choose(0)
    assert browser.path == browser.clips["path"].iloc[0]
    assert browser.player.duration == pytest.approx(1.5)
    assert "class middle" in browser._view.children[0].value
    assert browser.player in browser._view.children


def test_a_click_lets_it_sound_and_a_choice_in_python_does_not(small):
    browser = DatasetBrowser(small)
    browser.choose(0)
    assert not browser.player.playing
    first = browser.path
    send(browser._table, {"choose": 5})
    assert browser.player.playing
    assert browser.path == small.index["path"].iloc[5] != first


def test_the_chosen_clip_stays_chosen_as_long_as_the_filters_let_it(small):
    browser = DatasetBrowser(small)
    browser.filter(label="low")
    browser.choose(2)
    path = browser.path
    browser.filter()
    assert browser.clips["path"].iloc[browser._table.chosen] == path
    browser.filter(label="high")
    assert browser._table.chosen is None


def test_what_is_missing_or_unreadable_is_told_in_its_place(tmp_path):
    save_audio(tmp_path / "low" / "good.wav", noisy_sine(200.0, 0), SAMPLE_RATE)
    save_audio(tmp_path / "low" / "lost.wav", noisy_sine(200.0, 1), SAMPLE_RATE)
    (tmp_path / "low" / "text.wav").write_text("no sound at all", encoding="utf-8")
    data = AudioFolder(tmp_path)
    (tmp_path / "low" / "lost.wav").unlink()
    browser = DatasetBrowser(data)
    assert dict(zip(shown(browser._table), browser._table.view["notes"], strict=True)) == {
        "good.wav": "", "lost.wav": "missing", "text.wav": "",
    }  # fmt: skip
    rows = {name.rpartition("/")[2]: row for row, name in enumerate(browser.clips["path"])}
    browser.choose(rows["good.wav"])
    for name, words in (("lost.wav", "no such file; if the sounds were moved"), ("text.wav", "cannot be decoded")):
        browser.choose(rows[name])
        assert browser.player is None
        assert words in browser._view.reason
        assert "No sound: " in browser._view.children[0].value
    browser.choose(rows["good.wav"])
    assert browser.player is not None


def test_a_store_is_heard_out_of_its_own_audio(all_features, small_folder):
    browser = DatasetBrowser(all_features)
    browser.choose(3)
    waveform, rate = Sounds(all_features)(browser.path)
    assert (rate, len(waveform)) == (8000, 12000)
    original, _ = load_audio(browser.path, 8000)
    np.testing.assert_allclose(waveform, original, atol=1 / 32768)
    assert "seconds" in browser._table.view["columns"]
    assert browser.player.duration == pytest.approx(1.5)


def test_sounds_that_were_moved_are_found_by_the_end_of_their_path(small, small_folder):
    path = str(small_folder / "low" / "player1" / "0.wav")
    moved = Sounds(small_folder)
    assert moved.file("/elsewhere/data/low/player1/0.wav").samefile(path)
    assert moved.file(r"C:\data\low\player1\0.wav").samefile(path)
    assert moved.is_missing("/elsewhere/low/player9/0.wav")
    with pytest.raises(AudioError, match=r"player9/0.wav: no such file in .*small; if the sounds were moved"):
        moved("/elsewhere/low/player9/0.wav")


def test_sounds_come_from_a_mapping_and_long_ones_are_cut():
    sounds = Sounds({"a": (np.zeros((2, 4000 * 60), np.float32), 4000)})
    waveform, rate = sounds("a")
    assert waveform.shape == (2, round(SECONDS * rate))
    assert sounds.is_missing("b")
    with pytest.raises(AudioError, match="b: expected it among the 1 sounds that were given"):
        sounds("b")


@pytest.mark.parametrize(("where", "words"), [("/no/such/folder", "expected the folder"), (5, "found int")])
def test_what_holds_no_sounds_is_an_error(where, words):
    with pytest.raises(DatasetError, match=words):
        Sounds(where)


@pytest.mark.parametrize("data", [None, "esc10", pd.DataFrame({"path": ["a"]})])
def test_what_is_no_data_set_is_an_error(data):
    with pytest.raises(DatasetError, match="expected a data set or a store, found"):
        index_of(data)


def test_a_data_set_without_clips_is_an_error(small):
    class Empty:
        name, index = "empty", small.index[:0]

    with pytest.raises(DatasetError, match="empty: expected at least one clip, found none"):
        DatasetBrowser(Empty())


def test_one_clip_is_a_data_set_too():
    browser = DatasetBrowser(make_dataset(1))
    assert shown(browser._table) == ["00000.wav"]
    assert browser._table.view["count"] == "1 to 1 of 1"


def test_the_place_of_a_clip_keeps_one_player_and_stops_it():
    view = ClipView(Sounds({"a": (sine(440.0), SAMPLE_RATE), "b": (sine(220.0, 2.0), SAMPLE_RATE)}), "nothing yet")
    assert "nothing yet" in view.children[0].value
    view.show("a", "A", play=True)
    player = view.player
    assert (player.playing, player.duration) == (True, 1.0)
    view.show("b", "B")
    assert view.player is player
    assert (player.playing, player.duration) == (False, 2.0)
    player.playing = True
    view.show("c", "C")
    assert (view.player, player.playing) == (None, False)
    view.clear()
    assert view.path == ""


def test_the_still_says_what_there_is_and_sounds(small):
    browser = DatasetBrowser(small)
    assert browser.still().sound is None
    browser.choose(0)
    still = browser.still()
    assert still.alt == "Clips of folder:small: 24 clips, 12 groups; high 8, low 8, middle 8."
    assert "class high" in still.caption
    assert len(still.sound) == 44 + 2 * round(1.5 * SAMPLE_RATE) < 44 + 2 * STILL_SECONDS * SAMPLE_RATE
    data, _ = browser._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"}


def test_names_of_any_kind_are_text_and_no_markup():
    index = pd.DataFrame({"path": ["/x/<b>&.wav", "/x/ok.wav"], "label": ["<script>", "ok"]})
    browser = DatasetBrowser(Dataset("made", index, "", "", "", ""))
    browser.choose(0)
    assert "<script>" not in browser._view.children[0].value + browser.children[-1].value
    assert "&lt;script&gt;" in browser._view.children[0].value


def test_bars_show_the_largest_and_count_the_rest():
    classes = [f"c{number}" for number in range(50)]
    shares = np.full(50, 0.5 / 49)
    shares[7] = 0.5
    table = bars(classes, shares, true="c7")
    assert table.index("c7 (true)") < table.index("c0")
    assert "39 others" in table
    assert "width: 50.0%" in table
    assert bars(["b", "a"], np.array([0.1, 0.9]), ordered=False).index(">b<") < bars(
        ["b", "a"], np.array([0.1, 0.9]), ordered=False
    ).index(">a<")
    assert [percent(share) for share in (0.0, 0.004, 0.25, 0.996, 1.0)] == ["0 %", "<1 %", "25 %", ">99 %", "100 %"]


def test_names_leave_out_what_all_have():
    assert names_of(["/a/b/c.wav"]) == ["c.wav"]
    assert names_of(["c1.wav", "c2.wav"]) == ["c1.wav", "c2.wav"]
    assert names_of(["/a/b.wav", "c.wav"]) == ["/a/b.wav", "c.wav"]
