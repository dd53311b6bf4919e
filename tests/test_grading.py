"""Assignments are made from lessons and tasks, and graded whatever a submitted notebook tries to do."""

import json
import os
import re
import shutil
import sys
import tomllib
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from musiclab.cli import class_
from musiclab.core.errors import MusiclabError
from musiclab.lessons import grading, slicing
from musiclab.lessons.assignments import main, make
from musiclab.lessons.submission import can_confine, decode, encode

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
LESSONS = [f"{number:02}" for number in range(15)]
TASKS = sorted(path.stem for path in (NOTEBOOKS / "assignments").glob("*.ipynb"))
VARIED = tomllib.loads((NOTEBOOKS / "assignments" / "variants.toml").read_text(encoding="utf-8"))

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs limits of a process")
confined = pytest.mark.skipif(can_confine() < 6, reason="this system has no Landlock that confines files and signals")


def read(path):
    return nbformat.read(path, as_version=4)


def code(path):
    return "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "code")


# Making assignments


@pytest.fixture(scope="module")
def lessons_made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("assignments")
    return {(name, seed): make(name, seed, NOTEBOOKS, folder) for name in LESSONS for seed in (1, 2)}


@pytest.mark.parametrize("name", LESSONS)
def test_each_lesson_gives_an_assignment_that_defines_what_it_uses(lessons_made, name):
    folder = lessons_made[name, 1]
    for path in (folder / "student" / f"{name}.ipynb", folder / "solution.ipynb", folder / "hidden.ipynb"):
        assert slicing.loads(code(path)) <= {"display"}
    questions = read(folder / "hidden.ipynb").metadata["musiclab"]["questions"]
    assert [question["number"] for question in questions] == list(range(1, len(questions) + 1))
    assert {question["by_hand"] for question in questions} == {True, False}


@pytest.mark.parametrize("name", LESSONS)
def test_the_student_gets_the_questions_without_tests_and_solutions(lessons_made, name):
    folder = lessons_made[name, 1]
    student = code(folder / "student" / f"{name}.ipynb")
    assert "test_" not in student
    for question in read(folder / "hidden.ipynb").metadata["musiclab"]["questions"]:
        if name + f".{question['number']}" in student or f"preview({question['number']}," in student:
            assert f"answer_{question['number']} = None" in student
    assert json.dumps(read(folder / "student" / f"{name}.ipynb").metadata).count("seed") == 0


@pytest.mark.parametrize("name", sorted({exercise[:2] for exercise, settings in VARIED.items() if "vary" in settings}))
def test_neighbours_get_other_numbers(tmp_path, name):
    texts = set()
    for seed in range(6):
        folder = make(name, seed, NOTEBOOKS, tmp_path)
        texts.add("".join(cell.source for cell in read(folder / "student" / f"{name}.ipynb").cells))
    assert len(texts) > 1


@pytest.mark.parametrize("name", TASKS)
def test_a_task_defines_what_it_uses_and_keeps_its_secret(name):
    cells = read(NOTEBOOKS / "assignments" / f"{name}.ipynb").cells
    student = [cell for cell in cells if cell.metadata.get("tags", ["student"]) == ["student"]]
    everything = [cell for cell in cells if not {"student", "files"} & set(cell.metadata.get("tags", []))]
    for version in (student, everything):
        assert not slicing.loads("\n".join(cell.source for cell in version if cell.cell_type == "code"))
    assert not any("SECRET" in cell.source for cell in student)
    assert sum("rubric" in cell.metadata.get("tags", []) for cell in cells) == 1


def test_an_unknown_assignment_names_those_that_exist(capsys):
    assert main(["15", "1"]) == 2
    assert "classifier, evaluation, features, translation" in capsys.readouterr().err
    assert main([]) == 2


def test_an_assignment_without_a_seed_is_refused(capsys):
    assert main(["05"]) == 2
    assert "05: a seed is missing" in capsys.readouterr().err


def test_the_guide_lists_what_varies_and_what_a_person_grades(lessons_made):
    guide = (NOTEBOOKS.parent / "docs" / "grading.md").read_text(encoding="utf-8")
    for lesson, listed in re.findall(r"^\| (\d\d) \| (.+) \|$", guide, re.MULTILINE):
        varied = [name for name, settings in VARIED.items() if name[:3] == f"{lesson}." and "vary" in settings]
        assert varied == listed.split(", ")
    assert re.findall(r"^\| (\d\d) \|", guide, re.MULTILINE) == LESSONS
    for exercise in (name for name, settings in VARIED.items() if settings.get("by_hand")):
        assert exercise in guide
        assert "code that is graded by a person" in (lessons_made[exercise[:2], 1] / "rubric.md").read_text(
            encoding="utf-8"
        )


# Grading


SOURCE = [
    new_markdown_cell("# Task: small"),
    new_code_cell("VARIANT = 0\nnumber = 6"),
    new_markdown_cell("### Exercise 1: product (pencil, 2 points)\n\nWhat is seven times `number`?"),
    new_code_cell("answer_1 = None", metadata={"tags": ["student"]}),
    new_code_cell("answer_1 = 7 * number", metadata={"tags": ["solution"]}),
    new_code_cell(
        "from functools import partial\n\nfrom musiclab.lessons import judge\n"
        "from musiclab.lessons.grading import compare\n\ntest_1 = partial(compare, truth=answer_1)",
        metadata={"tags": ["hidden"]},
    ),
    new_markdown_cell("### Exercise 2: halve (code, 4 points)\n\nWrite a function."),
    new_code_cell("answer_2 = None", metadata={"tags": ["student"]}),
    new_code_cell("answer_2 = lambda x: x / 2", metadata={"tags": ["solution"]}),
    new_code_cell(
        "def test_2(answer):\n    judge.expect_type(callable(answer), 'a function', answer)\n"
        "    return [judge.number(answer(value), value / 2) for value in (3, 5.0)]",
        metadata={"tags": ["hidden"]},
    ),
    new_markdown_cell("### Exercise 3: describe (report, 5 points)\n\nWrite."),
    new_code_cell("open('given.txt', 'w').write('4')", metadata={"tags": ["files"]}),
]

SLEEP = str(90_000 + os.getpid())  # s; no other process sleeps as long
CELLS = {  # the cells of each student's notebook
    "right": ["answer_1 = 42", "def answer_2(x):\n    return x / 2"],
    "right_by_reading_a_given_file": ["answer_1 = 38 + int(open('given.txt').read())", "answer_2 = lambda x: x * 0.5"],
    "wrong": ["answer_1 = 84", "answer_2 = lambda x: 1.5"],
    "blank": ["answer_1 = None"],
    "crashing": ["answer_1 = 42", "1 / 0", "answer_2 = lambda x: undefined"],
    "syntax": ["answer_1 = 42", "answer_2 = (", "%matplotlib inline"],
    "hungry": ["answer_1 = 42", "import numpy as np\nhuge = np.ones(1 << 30)"],
    "exits": ["answer_1 = 42", "import os\nos._exit(0)", "answer_2 = lambda x: x / 2"],
    "exits_later": ["answer_1 = 42", "import os\nanswer_2 = lambda x: os._exit(0)"],
    "boasts": [
        "print('all correct')",
        "from musiclab import lessons\nlessons.check = lessons.verdicts = lambda *a, **k: print('correct')",
        "class Yes(float):\n    __eq__ = __le__ = __lt__ = lambda *_: True\n    __abs__ = __sub__ = lambda *_: 0",
        "answer_1 = Yes()\nanswer_2 = Yes",
    ],
    "recursive": ["answer_1 = []\nanswer_1.append(answer_1)", "answer_2 = {(): answer_1}"],
    "noisy": [
        "import os, contextlib",
        "for stream in range(3, 30):\n    with contextlib.suppress(OSError): os.write(stream, b'not json\\n')",
    ],
    "forks": [
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    os.execv('/bin/sleep', ['sleep', '" + SLEEP + "'])",
        "answer_1 = 42",
    ],
    "deletes": ["import shutil\nshutil.rmtree('VICTIM')", "answer_1 = 42"],
    "peeks": ["answer_1 = open('VICTIM/hidden.ipynb').read()", "import os\nanswer_2 = os.listdir('VICTIM')"],
    "kills": ["import os, signal\nos.kill(os.getppid(), signal.SIGCONT)"],
    "phones": ["import socket\nsocket.create_connection(('127.0.0.1', 9), timeout=1)"],
}  # fmt: skip


def write_submission(path, cells, variant):
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    notebook.metadata["musiclab"] = {"variant": variant}
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Make a small task with three exercises, and return its folder."""
    top = tmp_path_factory.mktemp("small")
    (top / "notebooks" / "assignments").mkdir(parents=True)
    nbformat.write(new_notebook(cells=SOURCE), top / "notebooks" / "assignments" / "small.ipynb")
    return make("small", 7, top / "notebooks", top / "build").parent


def variant_of(small):
    return read(small / "seed7" / "hidden.ipynb").metadata["musiclab"]["variant"]


@pytest.fixture(scope="module")
def graded(small, tmp_path_factory):
    """Grade one notebook of each kind with the command, and return the table by student."""
    folder = tmp_path_factory.mktemp("class")
    submissions = folder / "submissions"
    submissions.mkdir()
    for student, cells in CELLS.items():
        dangerous = "VICTIM" in "".join(cells)
        if can_confine() or not dangerous:
            cells = [cell.replace("VICTIM", str(small / "seed7")) for cell in cells]
            write_submission(submissions / f"{student}.ipynb", cells, variant_of(small))
    write_submission(submissions / "another.ipynb", ["answer_1 = 42"], -1)
    (submissions / "broken.ipynb").write_text("not a notebook")
    class_.grade(submissions, small, csv=folder / "points.csv", seconds=60, megabytes=1500)
    return pd.read_csv(folder / "points.csv").set_index("student")


EXPECTED = {  # student -> points of two exercises, words of the message
    "right": ((2, 4), ""),
    "right_by_reading_a_given_file": ((2, 4), ""),
    "wrong": ((0, 2), "twice as large"),
    "blank": ((0, 0), "small 1: no answer"),
    "crashing": ((2, 0), "cell 2: ZeroDivisionError"),
    "syntax": ((2, 0), "cell 2: SyntaxError"),
    "hungry": ((2, 0), "MemoryError"),
    "exits": ((2, 0), "ended its own process"),
    "exits_later": ((2, 0), "your function ended its process"),
    "boasts": ((0, 0), "type Yes"),
    "recursive": ((0, 0), "RecursionError"),
    "noisy": ((0, 0), "disturbed the transfer"),
    "forks": ((2, 0), "no answer"),
}
CONFINED = {
    "deletes": ((2, 0), "PermissionError"),
    "peeks": ((0, 0), "PermissionError"),
    "kills": ((0, 0), "PermissionError"),
    "phones": ((0, 0), "PermissionError"),
}


def check_row(row, points, words):
    assert (row["small 1"], row["small 2"]) == points, row["message"]
    assert row["total"] == sum(points)
    assert row["out of"] == 6
    assert row["seed"] == 7
    assert pd.isna(row["small 3"])  # a person grades it
    assert words in str(row["message"])


def test_a_submission_gets_points_for_its_answers_only(graded):
    # one test for all, because grading them takes half a minute, in each process that tests
    for student, (points, words) in EXPECTED.items():
        check_row(graded.loc[student], points, words)
    assert "its seed has no folder" in graded.loc["another", "message"]
    assert "can't be read" in graded.loc["broken", "message"]
    assert graded.loc[["another", "broken"], "total"].isna().all()


@confined
def test_a_submission_gets_no_points_for_what_it_does_outside(graded):
    for student, (points, words) in CONFINED.items():
        check_row(graded.loc[student], points, words)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")
def test_nothing_is_left_of_a_submission(graded, small):
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)]
    assert not any(f"sleep\0{SLEEP}".encode() in command for command in commands)
    assert {path.name for path in (small / "seed7").iterdir()} == {
        "student",
        "solution.ipynb",
        "hidden.ipynb",
        "rubric.md",
    }


def test_an_endless_notebook_and_an_endless_function_are_stopped(small, tmp_path, monkeypatch):
    monkeypatch.setattr(grading, "LONGEST_CALLS", 1)
    write_submission(tmp_path / "loops.ipynb", ["answer_1 = 42", "while True: pass"], variant_of(small))
    (row,) = grading.grade(tmp_path, small, seconds=6).to_dict("records")
    assert "stopped after 6 s" in row["message"]
    write_submission(tmp_path / "loops.ipynb", ["def answer_2(x):\n    while True: pass"], variant_of(small))
    (row,) = grading.grade(tmp_path, small).to_dict("records")
    assert "small 2: your function takes too long" in row["message"]


def test_the_solution_of_a_lesson_gets_all_points(lessons_made, tmp_path):
    shutil.copy(lessons_made["01", 2] / "solution.ipynb", tmp_path / "ada.ipynb")
    (row,) = grading.grade(tmp_path, lessons_made["01", 2].parent).to_dict("records")
    assert (row["student"], row["seed"]) == ("ada", 2)
    assert row["total"] == row["out of"] == 10, row["message"]


def test_what_is_missing_is_said(small, tmp_path):
    with pytest.raises(MusiclabError, match="no notebooks"):
        grading.grade(tmp_path, small)
    write_submission(tmp_path / "ada.ipynb", [], 0)
    with pytest.raises(MusiclabError, match="no hidden tests"):
        grading.grade(tmp_path, tmp_path)


def test_a_solution_that_fails_stops_the_grading(small, tmp_path):
    copy = shutil.copytree(small, tmp_path / "copy")
    hidden = read(copy / "seed7" / "hidden.ipynb")
    hidden.cells.insert(0, new_code_cell("1 / 0"))
    nbformat.write(hidden, copy / "seed7" / "hidden.ipynb")
    (tmp_path / "class").mkdir()
    write_submission(tmp_path / "class" / "ada.ipynb", [], variant_of(small))
    with pytest.raises(MusiclabError, match=r"the solution fails \(ZeroDivisionError"):
        grading.grade(tmp_path / "class", copy)


def test_answers_are_data_and_come_back_unchanged():
    import numpy as np
    import torch

    values = [3, "a", None, 1.5, (1, [2]), {"a": 1, (1, 2): 3}, 2 + 1j, np.float32(1.5), float("inf")]
    assert decode(json.loads(json.dumps(encode(values)))) == values
    array = decode(encode(np.eye(2, dtype=np.int16)))
    assert array.dtype == np.int16
    assert isinstance(decode(encode(torch.ones(2, requires_grad=True))), torch.Tensor)
    assert decode(encode(pd.Series(["a", "b"]))) == ["a", "b"]
    for other in (object(), int, np.array([object()]), torch.nn.Linear(1, 1)):
        with pytest.raises(ValueError, match="can't be graded"):
            decode(encode(other, {}))
    assert sys.getsizeof(json.dumps(encode(np.zeros(1 << 24)))) < 200  # too large to hand in
