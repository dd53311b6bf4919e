"""The player in a real browser: what the reader clicks, presses and hears, and what Python knows of it."""

import re

import browsing_rig
import pytest

from musiclab.plots.browser import script, style

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
    notebook = notebook_of_module_with(SETUP, "player", ONE, "one", ten)
    notebook.page.locator(".musiclab-player").nth(11).wait_for()
    return notebook


@pytest.fixture
def stage(notebook):
    """The player's picture, stopped at its beginning."""
    notebook.run("player.playing = False; player.loop = None; player.seek(0)")
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
    notebook.page.locator(".region").first.wait_for()
    notebook.page.mouse.click(*at(stage, 1.5))
    notebook.wait_for("abs(player.time - 1.5) < 0.01 and player.loop == (1, 2)")
    notebook.page.mouse.click(*at(stage, 3))
    notebook.wait_for("abs(player.time - 3) < 0.01 and player.loop is None")
    notebook.page.locator(".region").first.wait_for(state="hidden")


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
