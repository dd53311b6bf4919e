"""The learner's copies of the lessons: updated, never overwritten, trusted; and JupyterLab's first page."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import browsing_rig
import nbformat
import pytest
from nbformat.sign import NotebookNotary

from musiclab.core.errors import MusiclabError
from musiclab.lessons.lab import find_folders, restore, update_copies

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
FIRST = "00_start_here.ipynb"


@pytest.fixture(autouse=True)
def own_signatures(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))


@pytest.fixture
def folders(tmp_path):
    """A folder of two lessons and a solution, and one for the copies, which doesn't exist yet."""
    originals = tmp_path / "notebooks"
    write(originals / FIRST, "1 + 1", "2")
    write(originals / "01_waveforms.ipynb", "2 + 2", "4")
    write(originals / "solutions" / FIRST, "answer = 2")
    (originals / "glossary.md").write_text("**cell**: A piece.\n")
    return originals, tmp_path / "my_notebooks"


def write(path, source, output=None):
    outputs = [nbformat.v4.new_output("stream", text=output)] if output else []
    cell = nbformat.v4.new_code_cell(source, outputs=outputs, id="cell")
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)


def read(path):
    (cell,) = nbformat.read(path, as_version=4).cells
    return cell.source, "".join(output.text for output in cell.outputs)


def is_trusted(path):
    return NotebookNotary().check_signature(nbformat.read(path, as_version=4))


def test_the_first_call_copies_what_a_learner_needs_and_trusts_it(folders):
    originals, copies = folders
    for name in ("scratch.ipynb", "runs/mine/model.json", ".ipynb_checkpoints/00.ipynb", "README.md"):
        (originals / name).parent.mkdir(parents=True, exist_ok=True)
        (originals / name).write_text("{}")
    assert update_copies(originals, copies) == []
    names = {path.relative_to(copies).as_posix() for path in copies.rglob("*") if path.is_file()}
    assert names - {".copied.json"} == {FIRST, "01_waveforms.ipynb", f"solutions/{FIRST}", "glossary.md"}
    for name in names - {".copied.json"}:
        assert (copies / name).read_bytes() == (originals / name).read_bytes()
        assert name == "glossary.md" or is_trusted(copies / name)


def test_new_and_unchanged_lessons_are_updated(folders):
    originals, copies = folders
    update_copies(originals, copies)
    write(originals / FIRST, "1 + 2", "3")
    write(originals / "01_waveforms.ipynb", "2 + 2", "a better output")
    write(originals / "02_new.ipynb", "3 + 3")
    (originals / "glossary.md").write_text("**cell**: A part.\n")
    assert update_copies(originals, copies) == []
    for name in (FIRST, "01_waveforms.ipynb", "02_new.ipynb", "glossary.md"):
        assert (copies / name).read_bytes() == (originals / name).read_bytes()
    assert is_trusted(copies / FIRST)


def test_what_a_learner_changed_is_kept_whatever_happens_to_the_original(folders):
    originals, copies = folders
    update_copies(originals, copies)
    write(copies / FIRST, "answer = 3", "3")
    assert update_copies(originals, copies) == []  # there is no update to tell of
    write(originals / FIRST, "1 + 2", "3")
    write(originals / "01_waveforms.ipynb", "3 + 3", "6")
    assert update_copies(originals, copies) == update_copies(originals, copies) == [FIRST]
    assert read(copies / FIRST) == ("answer = 3", "3")
    assert read(copies / "01_waveforms.ipynb") == ("3 + 3", "6")


def test_outputs_of_a_run_stay_until_the_lesson_is_updated(folders):
    originals, copies = folders
    update_copies(originals, copies)
    write(copies / FIRST, "1 + 1", "mine")
    run = nbformat.read(copies / FIRST, as_version=4)
    run.cells.append(nbformat.v4.new_code_cell(""))  # JupyterLab adds one below the last
    nbformat.write(run, copies / FIRST)
    update_copies(originals, copies)
    assert nbformat.read(copies / FIRST, as_version=4).cells[0].outputs[0].text == "mine"
    write(originals / FIRST, "1 + 2", "3")
    assert update_copies(originals, copies) == []
    assert read(copies / FIRST) == ("1 + 2", "3")


@pytest.mark.parametrize("record", [None, "", "{"])
def test_without_the_record_of_the_copies_nothing_is_lost(folders, record):
    originals, copies = folders
    update_copies(originals, copies)
    write(copies / FIRST, "answer = 3")
    (copies / ".copied.json").unlink()
    if record is not None:
        (copies / ".copied.json").write_text(record)
    assert update_copies(originals, copies) == [FIRST]
    assert read(copies / FIRST) == ("answer = 3", "")


@pytest.mark.parametrize("content", ["", "[]", '{"cells": 3}', "no JSON"])
def test_a_damaged_notebook_is_kept_and_stops_nothing(folders, content):
    originals, copies = folders
    update_copies(originals, copies)
    (copies / FIRST).write_text(content)
    assert update_copies(originals, copies) == []
    assert (copies / FIRST).read_text() == content


@pytest.mark.parametrize("lesson", ["00", "0", FIRST])
def test_a_restored_lesson_leaves_each_older_version_beside_it(folders, lesson):
    originals, copies = folders
    update_copies(originals, copies)
    for number, name in enumerate(["00_start_here_mine.ipynb", "00_start_here_mine_2.ipynb"]):
        write(copies / FIRST, f"answer = {number}")
        assert restore(lesson, originals, copies) == (copies / FIRST, copies / name)
        assert read(copies / name) == (f"answer = {number}", "")
        assert read(copies / FIRST) == ("1 + 1", "2")
        assert is_trusted(copies / FIRST)
    write(originals / FIRST, "1 + 2")
    assert update_copies(originals, copies) == []  # the restored lesson counts as unchanged
    assert read(copies / FIRST) == ("1 + 2", "")
    (copies / FIRST).unlink()
    assert restore(lesson, originals, copies) == (copies / FIRST, None)


@pytest.mark.parametrize("lesson", ["15", "jazz", "", "001", "../00"])
def test_an_unknown_lesson_is_refused(folders, lesson):
    with pytest.raises(MusiclabError, match=r"no such lesson\. Choose a number from 00 to 01"):
        restore(lesson, *folders)


def test_the_lessons_are_found_from_the_folders_around_them(folders, monkeypatch, tmp_path):
    originals, copies = folders
    copies.mkdir()
    for folder in (tmp_path, originals, copies):
        monkeypatch.chdir(folder)
        assert find_folders() == (originals, copies)
    (originals / FIRST).unlink()
    with pytest.raises(MusiclabError, match="Change to the folder that you cloned"):
        find_folders()


def test_the_command_restores_a_lesson_in_the_folder_of_the_copies(folders):
    originals, copies = folders
    update_copies(originals, copies)
    command = [sys.executable, "-m", "musiclab", "restore", "0"]
    done = subprocess.run(command, cwd=copies, capture_output=True, text=True, timeout=120)
    assert done.stdout == f"{copies / FIRST}: this is the original again. Your version is 00_start_here_mine.ipynb.\n"


# In the browser


def test_jupyterlab_opens_lesson_00_which_sounds_before_it_is_run(browser, tmp_path):
    folder = tmp_path / "clone"
    (folder / "notebooks").mkdir(parents=True)
    shutil.copy(NOTEBOOKS / FIRST, folder / "notebooks")
    lab = browsing_rig.Lab(folder, [sys.executable, "-m", "musiclab", "lab", "--"])
    page = browser.new_page()
    try:
        page.set_default_timeout(browsing_rig.PATIENCE)
        page.goto(f"{lab.url}?token={lab.token}", wait_until="commit")
        sound = page.locator("audio").first
        sound.wait_for(state="attached")
        sound.evaluate("audio => void audio.play()")
        page.wait_for_function("audio => audio.currentTime > 0", arg=sound.element_handle())
        assert page.evaluate("window.jupyterapp.shell.currentWidget.context.path") == FIRST
        page.evaluate("window.jupyterapp.restored")
        assert page.get_by_text("Jupyter news").count() == 0
        settings = page.request.get(f"{lab.url}lab/api/settings/@jupyterlab/apputils-extension:notification").json()
        defaults = {name: value["default"] for name, value in settings["schema"]["properties"].items()}
        assert defaults["fetchNews"] == "false"  # otherwise JupyterLab asks a moment later
        assert not defaults["checkForUpdates"]
        assert json.loads(settings["raw"]) == {}
        picture = page.locator('img[src^="data:image/png"]').first
        assert picture.evaluate("image => getComputedStyle(image).filter") == "none"
        page.evaluate(
            "document.body.dataset.jpThemeLight = 'false'"
        )  # as the dark theme does, before any widget has run
        assert picture.evaluate("image => getComputedStyle(image).filter") == "brightness(0.8)"
    finally:
        page.close()
        lab.close()
