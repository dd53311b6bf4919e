"""The browsers of clips in a real browser: what is pointed at is what is listed, shown, heard and named."""

import os
import re
import signal

import numpy as np
import pytest
from conftest import TINY
from run_folders import make_result, make_untested

SETUP = """
from musiclab.datasets import AudioFolder
from musiclab.store import Store
from musiclab.widgets import ClipBrowser, LiveClassifier
"""


@pytest.fixture(scope="module")
def places(tmp_path_factory, small_folder, all_features):
    """Paths of a data set, its store, a run and its predictions, by name."""
    folder = tmp_path_factory.mktemp("clips")
    make_untested(folder / "run", "cnn", all_features.config["logmel"], **TINY["cnn"])
    labels = all_features.labels
    predictions = np.where(np.arange(len(labels)) % 5 == 0, (labels + 1) % 3, labels)
    result = make_result(labels, predictions, all_features.index["path"], np.linspace(0.4, 0.95, len(labels)))
    result.save(folder / "predictions.csv")
    return {
        "data": small_folder,
        "store": all_features.path,
        "run": folder / "run",
        "result": folder / "predictions.csv",
    }


@pytest.fixture(scope="module")
def notebook(notebook_of_module_with, places):
    """All four in one notebook; a test scrolls to its own."""
    return notebook_of_module_with(
        SETUP,
        "from musiclab.metrics import Result\n"
        f"mistakes = ClipBrowser(Result.load({str(places['result'])!r}))\nmistakes",
        f"browser = ClipBrowser(AudioFolder({str(places['data'])!r}))\nbrowser",
        f"space = ClipBrowser(Store({str(places['store'])!r}), {str(places['run'])!r})\nspace",
        f"live = LiveClassifier({str(places['run'])!r})\nlive",
        height=1000,
    )


def cell_of(notebook, number):
    """The output of a cell, in view: JupyterLab draws a cell's widgets once it is near the screen."""
    notebook.page.locator(".jp-Cell").nth(number).scroll_into_view_if_needed()
    return notebook.page.locator(".jp-Cell").nth(number)


def rows_of(output):
    return output.locator(".musiclab-table tbody tr")


def test_the_clips_behind_a_cell_of_the_matrix_are_those_it_counts(notebook):
    output = cell_of(notebook, 1)
    matrix = output.get_by_role("grid")
    assert matrix.get_by_role("button").count() == 9
    for label in matrix.get_by_role("button").evaluate_all("all => all.map(one => one.ariaLabel)"):
        true, predicted, count = re.fullmatch(r"true (\w+), predicted (\w+): (\w+) clips?", label).groups()
        matrix.get_by_role("button", name=label).click()
        notebook.wait_for(f"mistakes.chooser.cell == ({true!r}, {predicted!r})")
        output.locator("caption", has_text=label).wait_for()
        expected = 0 if count == "no" else int(count)
        notebook.page.wait_for_function(
            "([table, rows]) => table.querySelectorAll('tbody tr').length === rows",
            arg=[output.locator(".musiclab-table").element_handle(), expected],
        )
        assert all(f"{true}/" in name for name in rows_of(output).get_by_role("button").all_inner_texts())


def test_the_matrix_and_the_list_are_reached_with_keys(notebook):
    output = cell_of(notebook, 1)
    notebook.run("mistakes.chooser.open_cell('high', 'high')")
    start = output.get_by_role("button", name="true high, predicted high")
    start.focus()
    for key in ("ArrowDown", "ArrowRight"):
        notebook.page.keyboard.press(key)
    assert notebook.page.evaluate("document.activeElement.ariaLabel").startswith("true low, predicted low")
    notebook.page.keyboard.press("Enter")
    notebook.wait_for("mistakes.chooser.cell == ('low', 'low')")
    first = rows_of(output).get_by_role("button").first
    first.focus()
    notebook.page.keyboard.press("ArrowDown")
    notebook.page.keyboard.press("Enter")
    notebook.wait_for("mistakes.path == mistakes.clips['path'].iloc[1]")
    notebook.wait_for("mistakes.player.time > 0")  # it sounds
    assert output.locator("tr.musiclab-chosen button").evaluate("one => one === document.activeElement")
    assert notebook.page.locator(".jp-Cell.jp-mod-active").count() <= 1


def test_a_filter_leaves_only_its_class_and_a_click_shows_a_clip(notebook):
    output = cell_of(notebook, 2)
    output.get_by_label("class", exact=True).select_option(label="middle (8)")
    output.get_by_text("8 of 24 clips").wait_for()
    rows_of(output).nth(8).wait_for(state="detached")  # the table comes in a message of its own
    assert rows_of(output).count() == 8
    assert set(rows_of(output).locator("td").first.all_inner_texts()) == {"middle"}
    assert all("middle/" in name for name in rows_of(output).get_by_role("button").all_inner_texts())
    row = rows_of(output).nth(3)
    name = row.get_by_role("button").inner_text()
    row.click()
    notebook.wait_for(f"browser.path.endswith({name!r})")
    player = output.locator(".musiclab-clip")
    player.get_by_text(name).first.wait_for()
    table, beside = output.locator(".musiclab-table").bounding_box(), player.bounding_box()
    assert beside["x"] > table["x"] + table["width"]  # not below the fold
    player.get_by_role("button", name="Play").click()
    notebook.wait_for("browser.player.time > 0")
    notebook.run("browser.player.playing = False")
    output.get_by_label("class", exact=True).select_option(label="all classes")
    output.get_by_text("24 of 24 clips").wait_for()
    output.get_by_text("13 to 24 of 24").wait_for()  # the page of the clip that is shown
    output.get_by_role("button", name="previous page").click()
    output.get_by_text("1 to 12 of 24").wait_for()
    output.get_by_role("button", name="next page").click()
    output.get_by_text("13 to 24 of 24").wait_for()
    output.get_by_role("button", name="clip", exact=True).click()
    output.locator('th[aria-sort="ascending"]').wait_for()
    output.get_by_text("1 to 12 of 24").wait_for()


def place_of(notebook, canvas, number):
    """Where scatter.js draws a point, in CSS pixels of the canvas."""
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    places = "__import__('numpy').frombuffer(space.chooser._scatter.points, '<f4').reshape(-1, 2)"
    x, y, wide, high = map(
        float,
        notebook.ask(f"'{{}} {{}} {{}} {{}}'.format(*{places}[{number}], *space.chooser._scatter.extent)").split(),
    )
    scale = min((box["width"] - 54) / wide, (box["height"] - 54) / high)  # margins of 26, lines of 1
    return {"x": box["width"] / 2 + scale * (x - 0.5), "y": box["height"] / 2 - scale * (y - 0.5)}


def test_a_click_on_a_point_changes_the_player_and_arrows_go_on(notebook):
    output = cell_of(notebook, 3)
    canvas = output.locator(".musiclab-map > canvas").first
    chosen, column = "space.clips['x'][space.chooser._scatter.chosen]", "space.clips['x']"
    heard = []
    for side in ("min", "max"):
        number = notebook.ask(f"{column}.arg{side}()")
        canvas.click(position=place_of(notebook, canvas, number))
        near = f"abs({chosen} - {column}.{side}()) < 0.02 * ({column}.max() - {column}.min())"  # two may be as one
        notebook.wait_for(near)
        heard.append(notebook.ask("space.clips['clip'][space.chooser._scatter.chosen]"))
        output.locator(".musiclab-clip").get_by_text(heard[-1]).first.wait_for()
    assert heard[0] != heard[1]
    canvas.focus()
    notebook.page.keyboard.press("ArrowLeft")
    notebook.wait_for(f"{chosen} < {column}.max()")
    notebook.page.keyboard.press("Enter")
    notebook.wait_for("space.player.playing")


def test_a_legend_brings_out_one_class_and_the_pointer_names_a_clip(notebook):
    output = cell_of(notebook, 3)
    canvas = output.locator(".musiclab-map > canvas").first
    before = canvas.evaluate("one => one.toDataURL()")
    canvas.focus()
    canvas.press("+")
    zoomed = canvas.evaluate("one => one.toDataURL()")
    canvas.hover()
    notebook.page.mouse.down()
    notebook.page.mouse.move(300, 300)
    notebook.page.mouse.up()
    assert len({before, zoomed, canvas.evaluate("one => one.toDataURL()")}) == 3
    canvas.press("0")
    button = output.get_by_role("button", name="low", exact=True)
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert canvas.evaluate("one => one.toDataURL()") != before
    canvas.hover(position=place_of(notebook, canvas, notebook.ask("space.clips['x'].argmin()")))
    assert "class " in output.locator(".musiclab-tip").inner_text()
    output.get_by_label("colours", exact=True).select_option(label="group (artist, recording)")
    output.get_by_role("button", name="2 others").wait_for()
    output.get_by_label("projection").select_option(value="tsne")
    notebook.wait_for("space.chooser._scatter.axes[0].startswith('t-SNE')")


def test_the_colours_of_map_and_timeline_follow_the_theme(notebook):
    lane = "Lane.predictions([0, 1, 2], [[0.1, 0.2, 0.7], [0.8, 0.1, 0.1]], live.classes).to_dict()"
    notebook.run(f"from musiclab.widgets import Lane\nlive._microphone.lane = {lane}")
    cell_of(notebook, 4).locator(".musiclab-live canvas:not([hidden])").wait_for()
    cell_of(notebook, 3)
    images = (
        "() => ['.musiclab-map', '.musiclab-live'].map(one => document.querySelector(`${one} > canvas`).toDataURL())"
    )
    notebook.page.mouse.move(0, 0)  # no point is pointed at
    light = notebook.page.evaluate(images)
    notebook.set_theme("dark")
    notebook.page.wait_for_function(f"light => ({images})().every((one, place) => one !== light[place])", arg=light)
    notebook.set_theme("light")
    notebook.page.wait_for_function(f"light => ({images})().every((one, place) => one === light[place])", arg=light)
    notebook.run("live._microphone.lane = {}")


def test_the_microphone_gives_probabilities_and_then_a_player(notebook):
    output = cell_of(notebook, 4)
    output.get_by_role("button", name="Listen").click()
    notebook.wait_for("len(live.timeline) >= 3")
    assert notebook.ask("live.listening") == "True"
    assert abs(float(notebook.ask("live.probabilities.sum()")) - 1) < 1e-3
    assert "Listening:" in output.get_by_role("status").inner_text()
    output.get_by_role("button", name="Stop").click()
    notebook.wait_for("live.player is not None and live.timeline.shape[1] == 3")
    output.get_by_text("most likely").wait_for()
    assert float(notebook.ask("abs(live._sound[0]).max()")) > 0.01  # the browser's test microphone beeps
    assert notebook.ask("live.listening") == "False"


def test_a_file_is_named_and_one_that_is_no_sound_is_told(notebook, places):
    output = cell_of(notebook, 4)
    chooser = output.locator('input[type="file"]')
    chooser.set_input_files(places["data"] / "low" / "player0" / "0.wav")
    output.get_by_text("0.wav: 1.5 s, most likely").wait_for()
    chooser.set_input_files({"name": "text.wav", "mimeType": "audio/wav", "buffer": b"no sound at all"})
    output.get_by_text("text.wav: the file cannot be decoded").wait_for()
    chooser.set_input_files({"name": "memo.m4a", "mimeType": "audio/mp4", "buffer": b"no sound at all"})
    output.get_by_text("memo.m4a: the browser can't decode this file.").wait_for()
    sound = (
        places["data"] / "low" / "player0" / "0.wav"
    ).read_bytes()  # the browser looks at the bytes, not at the name
    chooser.set_input_files({"name": "memo.m4a", "mimeType": "audio/mp4", "buffer": sound})
    output.get_by_text("memo.m4a: 1.5 s, most likely").wait_for()
    notebook.run("live._microphone.limits = {'seconds': 60.0, 'bytes': 10, 'part': 0.5}")
    chooser.set_input_files({"name": "large.wav", "mimeType": "audio/wav", "buffer": b"0" * 11})
    output.get_by_text("musiclab predict RUN FILE").wait_for()


def test_a_microphone_that_is_refused_is_told_in_words(notebook):
    output = cell_of(notebook, 4)
    refuse = "async () => { throw new DOMException('no', 'NotAllowedError') }"
    notebook.page.evaluate(f"() => {{ navigator.mediaDevices.getUserMedia = {refuse} }}")
    output.get_by_role("button", name="Listen").click()
    output.get_by_text("The browser blocked the microphone.").wait_for()
    notebook.wait_for("'blocked' in live.status")


def test_a_view_says_that_python_does_not_answer_and_recovers(notebook):
    output = cell_of(notebook, 2)
    note = output.locator("[role=alert]", has_text="Python has not answered yet.")
    process = int(notebook.ask("__import__('os').getpid()"))
    os.kill(process, signal.SIGSTOP)
    try:
        rows_of(output).nth(1).click()
        note.wait_for()
    finally:
        os.kill(process, signal.SIGCONT)
    note.wait_for(state="detached")
    notebook.wait_for("browser.path.endswith(browser.clips['clip'].iloc[browser.chooser.table.chosen])")


@pytest.mark.slow
def test_keys_belong_to_the_widgets_in_notebook_7_too(notebook_with, places):
    result = f"ClipBrowser(Result.load({str(places['result'])!r}))"
    cell = f"from musiclab.metrics import Result\nmistakes = {result}\nmistakes"
    notebook = notebook_with(SETUP + cell, app="notebook")
    output = notebook.page.locator(".jp-Cell").first
    output.get_by_role("button", name="true high, predicted high").focus()
    for key in ("ArrowDown", "ArrowRight", "Enter"):
        notebook.page.keyboard.press(key)
    notebook.wait_for("mistakes.chooser.cell == ('low', 'low')")
    assert output.locator(".musiclab-clips button:not([data-lm-suppress-shortcuts])").count() == 0
