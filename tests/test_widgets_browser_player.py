"""The player in a real browser: what the reader clicks, presses and hears, and what Python knows of it."""

import base64
import io
import json
import os
import re
import signal

import browsing_rig
import numpy as np
import pytest
import soundfile

from musiclab.plots.browser import PLAYER, script, style
from musiclab.widgets import Player

SETUP = """
import numpy as np
from musiclab.widgets import Lane, Player, play

RATE = 8000
time = np.arange(4 * RATE) / RATE
falling = (0.5 * np.sin(2 * np.pi * (2000 * time - 200 * time**2))).astype(np.float32)  # from 2000 to 400 Hz
lanes = [
    Lane.beats([0.5, 1.5, 2.5, 3.5]),
    Lane.segments([(0, 2, "high"), (2, 4, "low")], name="part"),
    Lane.predictions([0, 2, 4], [[0.9, 0.1], [0.2, 0.8]], ["flute", "cello"]),
]
player = Player(falling, RATE, title="Falling tone", lanes=lanes)
"""
LEFT, RIGHT, WAVE, LEVELS, AXIS = 62, 10, 64, 150, 20  # as in player.js
ONE = "import numpy as np; from musiclab.widgets import Player; one = Player(np.float32([0.5]), 96000, title='One')"


@pytest.fixture(scope="module")
def notebook(notebook_of_module_with):
    ten = (
        "from IPython.display import display\nten = [play(falling, RATE, seconds=2) for _ in range(10)]\ndisplay(*ten)"
    )
    more = (
        "import IPython.display\n"
        "tracks = Player({'high': falling, 'quiet': 0.1 * falling}, RATE, title='Tracks')\n"
        "long = Player(np.tile(falling, 200), RATE, title='Long')\n"
        "display(IPython.display.Audio(falling, rate=RATE), tracks, long)"
    )
    notebook = notebook_of_module_with(SETUP, "player", ONE, "one", ten, more)
    notebook.page.locator(".musiclab-player").nth(11).wait_for()
    return notebook


@pytest.fixture
def stage(notebook):
    """The player's picture, stopped at its beginning."""
    notebook.run("player.playing = False; player.loop = player.view = player.regions = None; player.seek(0)")
    stage = notebook.page.get_by_role("slider", name="Position in Falling tone")
    stage.scroll_into_view_if_needed()
    shows(notebook, stage, "0.000")
    return stage


def shows(notebook, stage, value):
    """Wait until the picture's value, in s, is this."""
    notebook.page.wait_for_function(
        "([stage, value]) => stage.ariaValueNow === value", arg=[stage.element_handle(), value]
    )


def at(stage, time, up=LEVELS / 2):
    """Where a time is on the page, ``up`` pixels above the lower edge of the spectrogram."""
    box = stage.bounding_box()
    across = LEFT + (box["width"] - LEFT - RIGHT) * time / 4
    return box["x"] + across, box["y"] + box["height"] - AXIS - up


def image(notebook, index=0):
    return notebook.page.locator(".musiclab-player canvas").nth(index).evaluate("canvas => canvas.toDataURL()")


@pytest.mark.parametrize(("required", "outcome"), [("1", pytest.fail.Exception), ("0", pytest.skip.Exception)])
def test_a_missing_browser_is_told_and_fails_where_it_is_required(monkeypatch, required, outcome):
    monkeypatch.setattr(browsing_rig.shutil, "which", lambda name: None)
    monkeypatch.setenv("MUSICLAB_REQUIRE_BROWSER", required)
    with pytest.raises(outcome, match="no Chromium: apt install chromium"):
        browsing_rig.need_browser()


def test_a_click_seeks(notebook, stage):
    notebook.page.mouse.click(*at(stage, 3.0))
    notebook.wait_for("abs(player.time - 3) < 0.01")
    assert "3.00 s / 4.00 s" in notebook.page.locator(".clock").first.inner_text()
    left = notebook.page.locator(".head").first.bounding_box()["x"]
    assert left == pytest.approx(at(stage, 3.0)[0], abs=2)


def test_under_the_pointer_stand_frequency_and_level(notebook, stage):
    under = notebook.page.locator(".under").first
    heard = {}
    for up in range(3, LEVELS, 3):  # 1200 Hz at 2 s, half of full scale
        notebook.page.mouse.move(*at(stage, 2.0, up))
        time, hertz, decibels = re.fullmatch(r"(.*) s, ([\d,]+) Hz, (.*) dB", under.inner_text()).groups()
        assert float(time) == pytest.approx(2.0, abs=0.01)
        heard[int(hertz.replace(",", ""))] = float(decibels.replace("below", "").replace("−", "-"))
    assert max(heard, key=heard.get) == pytest.approx(1200, rel=0.05)
    assert max(heard.values()) == pytest.approx(-6, abs=2)
    assert list(heard) == sorted(heard)
    notebook.page.mouse.move(*at(stage, 2.0, LEVELS + WAVE / 2))
    assert "amplitude" in under.inner_text()


def test_lanes_are_read_under_the_pointer_and_at_the_playhead(notebook, stage):
    notebook.page.mouse.click(*at(stage, 3.0))
    notebook.wait_for("abs(player.time - 3) < 0.01")
    said = stage.get_attribute("aria-valuetext")
    for words in (
        "3.00 s of 4.00 s",
        "loudest at",
        "beats: beat 3",
        "part: low",
        "predicted: cello 80 %",
    ):
        assert words in said
    notebook.page.mouse.move(*at(stage, 1.0, LEVELS + WAVE + 14))
    assert "flute 90 %" in notebook.page.locator(".under").first.inner_text()


def test_keys_seek_and_leave_the_notebook_alone(notebook, stage):
    cells = notebook.page.locator(".jp-Cell").count()
    active = "window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    stage.focus()
    before = notebook.page.evaluate(active)
    for key, time in [
        ("ArrowRight", 0.1), ("Shift+ArrowRight", 1.1), ("ArrowUp", 1.2), ("ArrowLeft", 1.1), ("ArrowDown", 1.0),
        ("End", 4.0), ("ArrowRight", 4.0), ("Home", 0.0), ("ArrowLeft", 0.0), ("b", 0.0), ("d", 0.0), ("d", 0.0),
    ]:  # fmt: skip
        stage.press(key)
        shows(notebook, stage, f"{time:.3f}")
    notebook.wait_for("player.time == 0")
    assert notebook.page.locator(".jp-Cell").count() == cells
    assert notebook.page.evaluate(active) == before


def test_space_plays_and_pauses(notebook, stage):
    stage.press(" ")
    notebook.wait_for("player.playing and player.time > 0.3")
    assert notebook.page.get_by_role("button", name="Pause Falling tone").is_visible()
    stage.press(" ")
    notebook.wait_for("not player.playing")
    notebook.page.get_by_role("button", name="Play Falling tone").wait_for()
    assert 0.3 < float(notebook.ask("player.time")) < 4


def test_it_stops_at_the_end_and_begins_again(notebook, stage):
    notebook.run("player.seek(3.6)")
    button = notebook.page.get_by_role("button", name="Falling tone")
    button.click()
    notebook.wait_for("not player.playing and player.time == player.duration == 4")
    button.click()
    notebook.wait_for("player.playing and player.time < 3")


def test_the_playhead_keeps_time_with_the_sound(notebook, stage):
    stage.press(" ")
    notebook.wait_for("player.playing and player.time > 0")
    head, clock = notebook.page.evaluate(
        """async () => {
            const stage = document.querySelector(".musiclab-player .stage"), head = stage.querySelector(".head");
            const at = () => new DOMMatrix(head.style.transform).e;
            const [from, start] = [at(), globalThis.musiclabAudio.currentTime];
            const grown = (resolve) => (at() - from > 150 ? resolve() : requestAnimationFrame(() => grown(resolve)));
            await new Promise(grown);
            const seconds = (4 * (at() - from)) / (stage.clientWidth - 72);
            return [seconds, globalThis.musiclabAudio.currentTime - start];
        }"""
    )
    assert head == pytest.approx(clock, abs=0.1)


def test_a_dragged_stretch_is_looped_until_escape(notebook, stage):
    mouse = notebook.page.mouse
    mouse.move(*at(stage, 1.5))
    mouse.down()
    mouse.move(*at(stage, 1.2))
    mouse.move(*at(stage, 1.0))
    mouse.up()
    notebook.wait_for("player.loop is not None and np.allclose(player.loop, (1.0, 1.5), atol=0.01)")
    notebook.wait_for("player.time == player.loop[0]")
    notebook.run("times = []; note = lambda change: times.append(change.new); player.observe(note, 'time')")
    stage.press(" ")
    notebook.wait_for("sum(after < before for before, after in zip(times, times[1:])) >= 2")  # it went round twice
    assert notebook.ask("all(player.loop[0] <= time <= player.loop[1] for time in times)") == "True"
    assert notebook.page.get_by_role("button", name="End loop").is_visible()
    stage.press("Escape")
    notebook.wait_for("player.loop is None and player.time > 1.6")
    assert notebook.ask("min(times) > 0.9") == "True"  # it went on from where it was
    notebook.run("player.unobserve(note, 'time')")
    assert not notebook.page.get_by_role("button", name="End loop").is_visible()


def test_a_seek_out_of_the_loop_ends_it(notebook, stage):
    notebook.run("player.loop = (1, 2)")
    notebook.page.locator(".loop").first.wait_for()
    notebook.page.mouse.click(*at(stage, 1.5))
    notebook.wait_for("abs(player.time - 1.5) < 0.01 and player.loop == (1, 2)")
    notebook.page.mouse.click(*at(stage, 3))
    notebook.wait_for("abs(player.time - 3) < 0.01 and player.loop is None")
    notebook.page.locator(".loop").first.wait_for(state="hidden")


def test_python_can_seek_and_play(notebook, stage):
    notebook.run("player.seek(2.5)")
    shows(notebook, stage, "2.500")
    notebook.run("player.playing = True")
    notebook.wait_for("player.time > 2.8")
    notebook.run("player.seek(0.5)")
    notebook.wait_for("player.playing and 0.7 < player.time < 2.5")


def test_only_one_player_sounds(notebook, stage):
    stage.press(" ")
    notebook.wait_for("player.playing and player.time > 0")
    notebook.run("ten[0].playing = True")
    notebook.wait_for("ten[0].time > 0 and ten[0].playing and not player.playing")
    notebook.run("ten[0].playing = False")


def test_another_sound_takes_its_place(notebook, stage):
    stage.press(" ")
    notebook.wait_for("player.time > 0.2")
    before = image(notebook)
    notebook.run("player.load(falling[::-1][:RATE], RATE, title='Rising tone')")
    rising = notebook.page.get_by_role("slider", name="Position in Rising tone")
    rising.wait_for()
    shows(notebook, rising, "0.000")
    assert image(notebook) != before
    assert notebook.ask("(player.time, player.playing, player.duration)") == "(0.0, False, 1.0)"
    notebook.page.get_by_role("button", name="Play Rising tone").click()
    notebook.wait_for("not player.playing and player.time == 1")
    notebook.run("player.load(falling, RATE, title='Falling tone', lanes=lanes)")
    stage.wait_for()
    notebook.page.wait_for_function(
        "before => document.querySelector('.musiclab-player canvas').toDataURL() === before", arg=before
    )


def test_one_sample_is_shown_and_played(notebook):
    stage = notebook.page.get_by_role("slider", name="Position in One")
    assert "of 0.01 ms" in stage.get_attribute("aria-valuetext")
    notebook.page.get_by_role("button", name="Play One").click()
    notebook.wait_for("not one.playing and one.time == one.duration")


def drag(page, start, end, key=None):
    if key:
        page.keyboard.down(key)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, end[1])
    page.mouse.move(*end)
    page.mouse.up()
    if key:
        page.keyboard.up(key)


def is_fine(stage):
    stage.page.wait_for_function("stage => stage.dataset.detail === 'fine'", arg=stage.element_handle())


def test_zoom_by_keys_wheel_and_overview_down_to_samples(notebook, stage):
    page, under = notebook.page, notebook.page.locator(".under").first
    notebook.run("player.seek(1)")
    shows(notebook, stage, "1.000")
    zoom_in = page.get_by_role("button", name="Zoom in").first
    place = zoom_in.bounding_box()
    zoom_in.click()
    page.locator(".overview").first.wait_for()
    assert zoom_in.bounding_box() == place  # so that it can be clicked again
    stage.focus()
    stage.press("+")
    notebook.wait_for("np.allclose(player.view, (0.75, 1.75))")  # the playhead stays where it is
    page.mouse.move(*at(stage, 2))  # the middle of the picture
    page.mouse.wheel(0, -100)  # scrolls the page
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    notebook.wait_for(
        "0.5 < player.view[1] - player.view[0] < 0.9 and np.isclose(sum(player.view) / 2, 1.25, atol=0.02)"
    )
    strip = page.locator(".overview").first
    box = strip.bounding_box()
    where = [box["x"] + LEFT + (box["width"] - LEFT - RIGHT) * share for share in (0.9, 0.5)]
    drag(page, (where[0], box["y"] + 9), (where[1], box["y"] + 9))
    notebook.wait_for("np.isclose(sum(player.view) / 2, 2, atol=0.05)")
    notebook.run("player.view = (2, 2.0025)")  # 20 samples
    is_fine(stage)
    page.mouse.move(*at(stage, 2.02, LEVELS + WAVE / 2))  # half a percent from the left: 2.0000125 s
    read = float(under.inner_text().split("amplitude ")[1].replace("−", "-"))
    assert read == pytest.approx(float(notebook.ask("falling[16000]")), abs=0.01)
    before = image(notebook)
    stage.press("0")
    notebook.wait_for("player.view is None")
    strip.wait_for(state="hidden")
    assert image(notebook) != before


def test_the_frequency_axis_can_be_linear_logarithmic_and_zoomed(notebook, stage):
    under = notebook.page.locator(".under").first
    for axis, low, high in [("linear", 0, None), ("log", 0, None), ("linear", 1000, 2000), ("mel", 800, 3000)]:
        notebook.run(f"player.frequency_axis, player.fmin, player.fmax = '{axis}', {low}, {high}")
        if axis != "mel":
            is_fine(stage)
        heard = {}
        for up in range(2, LEVELS, 4):  # 1200 Hz at 2 s
            notebook.page.mouse.move(*at(stage, 2.0, up))
            hertz, decibels = re.search(r"([\d,]+) Hz, (.*) dB", under.inner_text()).groups()
            heard[int(hertz.replace(",", ""))] = float(decibels.replace("below", "").replace("−", "-"))
        assert max(heard, key=heard.get) == pytest.approx(1200, rel=0.08), axis
        assert min(heard) >= low - 40
        assert max(heard) <= (high or 4000)
    notebook.page.mouse.move(at(stage, 0)[0] - 30, at(stage, 0)[1])  # over the frequencies
    notebook.page.keyboard.down("Control")
    notebook.page.mouse.wheel(0, -100)
    notebook.page.keyboard.up("Control")
    notebook.wait_for("player.fmin > 800 and player.fmax < 3000")
    notebook.run("player.frequency_axis, player.fmin, player.fmax = 'mel', 0, None")


def test_regions_are_drawn_named_moved_saved_and_loaded(notebook, stage, tmp_path):
    page, active = notebook.page, "document.activeElement"
    drag(page, at(stage, 1), at(stage, 2), "Shift")
    page.keyboard.type("a, b")
    page.keyboard.press("Tab")
    notebook.wait_for("player.regions['label'].tolist() == ['a, b']")
    notebook.wait_for("np.allclose(player.regions[['start', 'end']], [[1, 2]], atol=0.01)")
    assert notebook.ask("player.loop") == "None"
    start, end = (page.locator(f".editor input.{name}").first for name in ("start", "end"))
    for typed, shown in (("99", "4"), ("0.5", start.input_value()), ("2", "2")):  # after the end, before the start
        end.fill(typed)
        end.press("Enter")
        assert end.input_value() == shown
    name = page.locator(".region .name").first
    box = name.bounding_box()
    drag(page, (box["x"] + 20, box["y"] + 9), (at(stage, 1.5)[0] + 20, box["y"] + 9))
    notebook.wait_for("np.allclose(player.regions[['start', 'end']], [[1.5, 2.5]], atol=0.02)")
    name.focus()
    page.keyboard.press("Shift+ArrowRight")
    notebook.wait_for("np.isclose(player.regions['end'][0], 2.6, atol=0.02)")
    assert page.evaluate(f"{active}.className") == "name"
    page.locator(".panel summary", has_text="Regions").first.click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save regions as CSV").click()
    saved = tmp_path / "saved.csv"
    download.value.save_as(saved)
    assert re.fullmatch(r'start,end,label\n1\.\d{6},2\.\d{6},"a, b"\n', saved.read_text())
    name.focus()
    page.keyboard.press("Delete")
    notebook.wait_for("len(player.regions) == 0")
    (tmp_path / "bad.jams").write_text("no JSON")
    (tmp_path / "part.txt").write_text("0.5\t1\tc\n3\t9\tlate\n")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Load regions from files").click()
    chooser.value.set_files([saved, tmp_path / "bad.jams", tmp_path / "part.txt"])
    notebook.wait_for("player.regions['label'].tolist() == ['c', 'a, b']")
    said = page.locator(".note").first.inner_text()
    assert "bad.jams: " in said
    assert "part.txt: passed over 1 of 2 regions" in said
    notebook.run("player.regions = [{'start': 3, 'end': 3.5, 'label': 'd'}]")
    page.locator(".region .name", has_text="d").wait_for()


TOUCH = """(stage, [type, ...places]) => {
    const touches = places.map(([clientX, clientY], identifier) => 
        new Touch({ identifier, target: stage, clientX, clientY }));
    stage.dispatchEvent(new TouchEvent(type, { touches, cancelable: true, bubbles: true }));
}"""


def test_two_fingers_zoom_and_what_the_first_has_moved_goes_back(notebook, stage):
    notebook.run("player.regions = [{'start': 1, 'end': 2, 'label': 'e'}]")
    name = notebook.page.locator(".region .name", has_text="e")
    assert name.get_attribute("title").startswith("e: 1.00 s")
    box = name.bounding_box()
    notebook.page.mouse.move(box["x"] + 20, box["y"] + 9)
    notebook.page.mouse.down()
    notebook.page.mouse.move(box["x"] + 90, box["y"] + 9, steps=5)
    assert "e: 1.00 s" not in notebook.page.locator(".region .name").first.get_attribute("title")  # it has moved
    stage.evaluate(TOUCH, ["touchstart", at(stage, 1.5), at(stage, 2.5)])
    stage.evaluate(TOUCH, ["touchmove", at(stage, 1), at(stage, 3)])
    stage.evaluate(TOUCH, ["touchend"])
    notebook.page.mouse.up()
    notebook.wait_for("player.view and np.allclose(player.view, (1, 3), atol=0.02)")
    notebook.wait_for("player.regions[['start', 'end']].to_numpy().tolist() == [[1, 2]]")


def test_a_region_that_python_does_not_get_is_told(notebook, stage):
    note = notebook.page.locator(".musiclab-player [role=alert]", has_text="Python has not answered yet.")
    process = int(notebook.ask("__import__('os').getpid()"))
    os.kill(process, signal.SIGSTOP)
    try:
        drag(notebook.page, at(stage, 1), at(stage, 2), "Shift")
        note.wait_for()
    finally:
        os.kill(process, signal.SIGCONT)
    note.wait_for(state="detached")
    notebook.wait_for("len(player.regions) == 1")


def test_tracks_are_soloed_and_muted_and_share_one_scale(notebook):
    page = notebook.page
    page.get_by_role("button", name="Solo quiet").click()
    notebook.wait_for("tracks.soloed == ['quiet']")
    page.get_by_role("slider", name="Position in Tracks").press("1")
    notebook.wait_for("tracks.soloed == ['high']")
    notebook.run("tracks.speed = 2; tracks.playing = True")
    notebook.wait_for("tracks.time > 0.2")
    page.keyboard.press("1")
    page.get_by_role("button", name="Mute high").click()
    notebook.wait_for("tracks.soloed == [] and tracks.muted == ['high'] and tracks.playing")
    assert page.get_by_role("button", name="Mute high").get_attribute("aria-pressed") == "true"
    assert notebook.ask("tracks._scene['reach']") == "0.5"
    notebook.run("tracks.playing = False")


def test_a_long_sound_is_played_and_zoomed_in_parts(notebook):
    notebook.run("long.seek(58.5)")
    button = notebook.page.get_by_role("button", name="Play Long")
    button.click()
    notebook.wait_for("long.time > 60.3")  # from one part into the next
    notebook.page.keyboard.press("Escape")
    notebook.wait_for("not long.playing")
    notebook.run("long.view = (700, 700.002)")
    stage = notebook.page.get_by_role("slider", name="Position in Long")
    is_fine(stage)
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    notebook.page.mouse.move(box["x"] + LEFT + 2, box["y"] + WAVE / 2)
    read = notebook.page.locator(".under", has_text="amplitude").inner_text().split("amplitude ")[1]
    assert float(read.replace("−", "-")) == pytest.approx(float(notebook.ask("falling[0]")), abs=0.01)


def test_shortcuts_with_ctrl_reach_jupyter(notebook, stage):
    page = notebook.page
    page.evaluate(  # where Jupyter looks
        "document.addEventListener('keydown', ({ target }) => "
        "{ window.isSuppressed = Boolean(target.closest('[data-lm-suppress-shortcuts]')); }, true)"
    )
    stage.focus()
    for keys, is_suppressed in (("Control+s", False), ("x", True), ("Meta+s", False), ("Control+x", True)):
        page.keyboard.press(keys)
        assert page.evaluate("isSuppressed") == is_suppressed


def test_keys_from_the_button_and_the_whole_page_falls_silent(notebook, stage):
    page = notebook.page
    button = page.get_by_role("button", name="Falling tone")
    notebook.run("player.seek(1)")
    shows(notebook, stage, "1.000")
    button.focus()
    for key, state in [
        ("[", "player.loop == (1, 4)"), ("ArrowRight", "True"), ("]", "np.allclose(player.loop, (1, 1.1))"),
        ("z", "np.allclose(player.view, (1, 1.1))"), ("r", "len(player.regions) == 1"),
        ("Escape", "player.loop is None"), ("l", "player.loop is not None"), ("0", "player.view is None"),
    ]:  # fmt: skip
        button.press(key)
        notebook.wait_for(state)
    button.press("?")
    page.get_by_text("hear one track alone").first.wait_for()
    button.press("?")
    button.press(" ")
    notebook.wait_for("player.playing and player.time > 0")
    page.evaluate("document.querySelector('audio').play()")  # IPython's Audio
    notebook.wait_for("not player.playing")
    button.press(" ")
    notebook.wait_for("player.playing")
    page.wait_for_function("document.querySelector('audio').paused")
    page.get_by_role("slider", name="Position in Long").scroll_into_view_if_needed()
    page.locator(".musiclab-pill:visible", has_text="Stop Falling tone").click()
    notebook.wait_for("not player.playing")


def test_a_short_drag_is_no_buzz(notebook, stage):
    drag(notebook.page, at(stage, 1), at(stage, 1.03))
    notebook.wait_for("player.loop is not None and player.loop[1] - player.loop[0] > 0.0499")


def test_the_browser_computes_what_python_does_and_keeps_the_pitch(browser):
    """Everything that needs no Python, on a page without one: levels, samples, speed, WAV."""
    rng = np.random.default_rng(0)
    waveform = (0.1 * rng.standard_normal(8000) + 0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)).astype(
        "float32"
    )
    player = Player(waveform, 8000)
    scene = player._scene
    levels = np.frombuffer(player._levels, np.uint8).reshape(scene["rows"], -1)
    traits = {"_scene": scene, "_report": [1, 0], "loop": None, "playing": False}
    page = browser.new_page()
    page.set_content("<body></body>")
    page.add_script_tag(content=script(*PLAYER).replace("export default createPlayer;", ""))
    found = page.evaluate(
        """async ([traits, sound]) => {
            traits._sound = new DataView(Uint8Array.from(atob(sound), (letter) => letter.charCodeAt(0)).buffer);
            const player = new Sound({ get: (name) => traits[name], on() {}, off() {} });
            const [[samples]] = await player.samples(0, 1);
            const window = windowAt(8000), padded = new Float32Array(8000 + window.length);
            padded.set(samples, window.length / 2);
            const axis = frequencyAxis(traits._scene, "mel", 0, null);
            const filters = filtersOf(traits._scene, axis, 150, window, 8000);
            const hop = Math.round(traits._scene.columnSeconds * 8000);
            const { cells } = await levelsOf(padded, window, filters, traits._scene, 8000 / hop, () => false);
            const even = frequencyAxis(traits._scene, "linear", 400, 500);
            const bins = filtersOf(traits._scene, even, 100, window, 8000);
            const rows = await levelsOf(padded, window, bins, traits._scene, 9, () => false);
            const middle = Array.from({ length: 100 }, (_, row) => rows.cells[row * rows.columns + 4]);
            const slow = stretched([[samples]], 0.5, 8000)[0][0];
            const wav = String.fromCharCode(...new Uint8Array(await player.wav(0.25, 0.5)));
            return { cells: [...cells], middle, samples: [...samples], slow: [...slow], wav: btoa(wav) };
        }""",
        [json.loads(json.dumps(traits)), base64.b64encode(player._sound).decode()],
    )
    page.close()
    np.testing.assert_allclose(found["samples"], waveform, atol=2 / 32768)  # Chromium divides some by 32,767
    cells = np.reshape(found["cells"], (scene["rows"], -1))
    assert cells.shape == levels.shape
    assert np.abs(cells - levels.astype(int)).max() <= 2  # 0.8 dB, from the 16 bits of the sound
    loudest = np.flatnonzero(np.array(found["middle"]) == max(found["middle"]))
    assert 400.5 + loudest.mean() == pytest.approx(440, abs=8)  # half a bin of 15.6 Hz
    assert scene["floor"] + scene["step"] * max(found["middle"]) == pytest.approx(-6, abs=1.5)
    slow = np.array(found["slow"])
    assert len(slow) == 16000
    assert np.abs(np.fft.rfft(slow)).argmax() == pytest.approx(880, abs=2)  # 440 Hz in 2 s
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(found["wav"])))
    assert rate == 8000
    np.testing.assert_allclose(samples, waveform[2000:4000], atol=1 / 16000)


def test_the_tenth_of_ten_players_responds(notebook):
    tenth = notebook.page.get_by_role("slider").nth(11)
    tenth.scroll_into_view_if_needed()
    box = tenth.bounding_box()
    notebook.page.mouse.click(box["x"] + LEFT + (box["width"] - LEFT - RIGHT) / 2, box["y"] + 100)
    shows(notebook, tenth, "1.000")
    notebook.wait_for("ten[9].time == 1 and ten[8].time == 0")
    took = tenth.evaluate(
        """stage => {
            const start = performance.now();
            for (let press = 0; press < 20; press++) {
                stage.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowLeft", bubbles: true}));
            }
            return (performance.now() - start) / 20;
        }"""
    )
    assert took < 50  # ms a key: about 1 on a free core


def test_the_colours_follow_the_theme(notebook):
    light = image(notebook)
    notebook.set_theme("dark")
    notebook.page.wait_for_function(
        "light => document.querySelector('.musiclab-player canvas').toDataURL() !== light", arg=light
    )
    colour = notebook.page.locator(".musiclab-player").first.evaluate("root => getComputedStyle(root).color")
    assert min(map(float, re.findall(r"[\d.]+", colour)[:3])) > 180  # light words on dark
    notebook.set_theme("light")
    notebook.page.wait_for_function(
        "light => document.querySelector('.musiclab-player canvas').toDataURL() === light", arg=light
    )


def test_outside_of_jupyter_the_colours_are_those_of_the_system(browser):
    """A canvas by itself draws CanvasText in black, also on a dark page."""
    page = browser.new_page(color_scheme="dark")
    page.set_content(
        f"<style>{style('player')}</style><div class='musiclab musiclab-player'><canvas></canvas></div>"
        f"<script>{script('canvas')}\nfollowPage(document.body, () => document.title += '*')</script>"
    )
    ask = "() => coloursOf(document.querySelector('canvas'), 'ink', 'accent')"
    page.wait_for_function("() => document.title === '*'")  # its first width
    assert page.evaluate(ask) == {"ink": "rgb(255, 255, 255)", "accent": "rgb(185, 174, 242)"}
    page.emulate_media(color_scheme="light")
    page.wait_for_function("() => document.title === '**'")
    assert page.evaluate(ask) == {"ink": "rgb(0, 0, 0)", "accent": "rgb(51, 34, 136)"}
    page.close()


def test_it_becomes_narrow(notebook, stage):
    wide = stage.bounding_box()["width"]
    notebook.page.set_viewport_size({"width": 600, "height": 900})
    notebook.page.wait_for_function("() => document.querySelector('.musiclab-player .stage').clientWidth < 520")
    root = notebook.page.locator(".musiclab-player").first
    assert root.evaluate("root => root.scrollWidth <= root.clientWidth")
    notebook.page.mouse.click(*at(stage, 2.0))
    notebook.wait_for("abs(player.time - 2) < 0.02")
    notebook.page.set_viewport_size({"width": 1200, "height": 900})
    notebook.page.wait_for_function(
        f"() => document.querySelector('.musiclab-player .stage').clientWidth >= {wide - 1}"
    )


@pytest.mark.slow
def test_notebook_7_shows_and_plays_it(notebook_with):
    notebook = notebook_with(SETUP, "player", app="notebook")
    stage = notebook.page.get_by_role("slider", name="Position in Falling tone")
    stage.wait_for()
    notebook.page.mouse.click(*at(stage, 2.0))
    notebook.wait_for("abs(player.time - 2) < 0.01")
    stage.press(" ")
    notebook.wait_for("player.playing and player.time > 2.2")
    stage.press("Home")
    notebook.wait_for("player.playing and player.time < 2")
    notebook.page.evaluate("() => window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    notebook.wait_for("not player.playing")  # nothing would be left to stop it with
