"""Running notebooks: what is kept, what is complained about, and that one failure does not stop the others."""

from base64 import b64decode, b64encode
from io import BytesIO

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from musiclab.core.errors import MusiclabError
from musiclab.lessons import notebooks
from musiclab.lessons.notebooks import LARGEST, WIDGET, execute, main, problems


def written(path, *sources):
    """A notebook that has never been run."""
    cells = [new_markdown_cell("# A lesson"), *map(new_code_cell, sources)]
    nbformat.write(new_notebook(cells=cells), path)
    return path


def ran(*outputs):
    """A notebook whose one cell has these outputs."""
    return new_notebook(cells=[new_code_cell("1", execution_count=1, outputs=list(outputs))])


def test_it_runs_in_its_own_folder_from_top_to_bottom_and_the_file_stays_as_it_was(tmp_path):
    path = written(tmp_path / "lesson.ipynb", "import os\nEPOCHS = 30", "print(os.getcwd(), EPOCHS)")
    before = path.read_bytes()
    notebook = execute(path)
    assert notebook.cells[2].outputs[0].text == f"{tmp_path} 30\n"
    assert [cell.execution_count for cell in notebook.cells[1:]] == [1, 2]
    assert "execution" not in notebook.cells[1].metadata
    assert path.read_bytes() == before
    assert problems(notebook) == []
    shortened = execute(path, fast=True)
    assert shortened.cells[2].outputs[0].text == f"{tmp_path} 1\n"


def test_a_widget_gives_way_to_its_still_picture(tmp_path):
    show = "from IPython.display import display\ndisplay({%r: {}, 'text/html': 'still', 'text/plain': 'x'}, raw=True)"
    notebook = execute(written(tmp_path / "lesson.ipynb", show % WIDGET))
    assert notebook.cells[1].outputs[0].data == {"text/html": "still", "text/plain": "x"}


def test_256_colours_are_enough_for_a_small_inset_in_other_colours():
    pixels = np.zeros((300, 300, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.mgrid[:300, :300] // 2  # 22,500 shades of red and green
    pixels[:6, :6] = [[[160, 180, 250]], [[90, 120, 225]], [[180, 205, 250]]] * 2  # three shades of blue
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    reduced = b64decode(notebooks._to_256_colours(b64encode(buffer.getvalue())))
    found = np.asarray(Image.open(BytesIO(reduced)).convert("RGB"), int)
    assert abs(found[:6, :6] - pixels[:6, :6]).max() < 16


def test_what_a_reader_saves_keeps_the_still_and_a_widget_that_has_none():
    widget = new_output("display_data", data={WIDGET: {}, "text/html": "still", "text/plain": "x"})
    bare = new_output("display_data", data={WIDGET: {}, "text/plain": "x"})
    content = new_notebook(cells=[new_markdown_cell("# A"), new_code_cell("1", outputs=[widget, bare])])
    notebooks.before_saving(model={"type": "notebook", "content": content}, path="a.ipynb", contents_manager=None)
    assert [set(output.data) for output in content.cells[1].outputs] == [
        {"text/html", "text/plain"},
        {WIDGET, "text/plain"},
    ]
    notebooks.before_saving(model={"type": "file", "content": "text"}, path="a.txt", contents_manager=None)


def test_a_failure_names_file_and_cell_and_the_next_notebook_still_runs(tmp_path, capsys):
    bad = written(tmp_path / "bad.ipynb", "1 / 0")
    good = written(tmp_path / "good.ipynb", "print('fine')")
    with pytest.raises(MusiclabError, match=r"(?s)bad\.ipynb.*1 / 0.*ZeroDivisionError"):
        execute(bad)
    assert main([str(bad), str(good)]) == 1
    said = capsys.readouterr().out
    assert "ZeroDivisionError" in said
    assert f"{good}: " in said
    assert "minutes in total" in said.splitlines()[-1]
    assert nbformat.read(good, as_version=4).cells[1].outputs[0].text == "fine\n"
    assert nbformat.read(bad, as_version=4).cells[1].outputs == []


def test_what_takes_too_long_and_what_is_killed_is_told(tmp_path):
    with pytest.raises(MusiclabError, match="lesson"):
        execute(written(tmp_path / "lesson.ipynb", "while True:\n    pass"), timeout=1)
    with pytest.raises(MusiclabError, match="lesson"):
        execute(written(tmp_path / "lesson.ipynb", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"))


@pytest.mark.parametrize(
    ("notebook", "said"),
    [
        (ran(new_output("stream", name="stderr", text="UserWarning: old")), "on stderr: UserWarning: old"),
        (ran(new_output("error", ename="KeyError", evalue="", traceback=[])), "KeyError"),
        (ran(new_output("display_data", data={WIDGET: {}, "text/plain": "x"})), "without a still picture"),
        (ran(new_output("stream", name="stdout", text="x" * LARGEST)), "more than 1.5"),
        (new_notebook(cells=[new_code_cell("1", execution_count=2)]), "one clean run"),
    ],
)
def test_what_must_not_be_committed_is_named(notebook, said):
    (problem,) = problems(notebook)
    assert said in problem


def test_a_problem_gives_status_1_and_a_slow_notebook_only_a_remark(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(notebooks, "LONGEST", 0)
    assert main([str(written(tmp_path / "slow.ipynb", "1"))]) == 0
    assert "more than 0 s" in capsys.readouterr().out
    assert main([str(written(tmp_path / "warns.ipynb", "import sys\nprint('old', file=sys.stderr)"))]) == 1
    assert "on stderr: old" in capsys.readouterr().out
