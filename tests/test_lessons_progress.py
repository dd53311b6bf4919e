"""What a learner has solved: recorded by the checks, shown, exported, and collected by a teacher."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import check_refused

from musiclab import lessons
from musiclab.core.errors import MusiclabError
from musiclab.lessons import learner
from musiclab.lessons.results import collect

RIGHT, WRONG = 30 * 22050 * 2, 30 * 22050  # answers to exercise 01.1


@pytest.fixture(autouse=True)
def record(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "data" / "progress.json"
    monkeypatch.setenv("MUSICLAB_PROGRESS", str(path))
    return path


def entry(**changes) -> dict:
    return {"tries": 1, "is_correct": True, "time": "2026-01-01T00:00:00+00:00", **changes}


def hand_in(path, name, exercises=None, **changes) -> None:
    """Write a file as lessons.export does, with whatever is to be different."""
    content = {"format": learner.FORMAT, "musiclab": "0.1.0", "name": name, "time": "2026-01-01T00:00:00+00:00"}
    content |= {"exercises": exercises or {}, **changes}
    path.write_text(json.dumps({"sha256": learner.fingerprint(content), **content}))


def test_tries_count_until_the_answer_is_correct(record):
    for answer in (None, WRONG, WRONG, RIGHT, WRONG, RIGHT):
        lessons.check("01.1", answer)
    lessons.check("01.2", [1, 2, 3])
    entries = json.loads(record.read_text(encoding="utf-8"))
    assert {name: (each["tries"], each["is_correct"]) for name, each in entries.items()} == {
        "01.1": (3, True),
        "01.2": (1, False),
    }
    assert "hint" not in entries["01.1"]
    assert entries["01.2"]["hint"]
    table = lessons.progress()
    assert table.loc["01"].tolist() == ["correct", "tried once", "not yet", "not yet", "not yet"]
    assert (table != "").sum().sum() == len(lessons.names())
    assert "tried once" in table.to_html()


def test_worked_solutions_and_verdicts_without_a_check_are_not_recorded(record, tmp_path, monkeypatch):
    lessons.verdicts("01.1", RIGHT)
    (tmp_path / "solutions").mkdir()
    monkeypatch.chdir(tmp_path / "solutions")
    lessons.check("01.1", RIGHT)
    assert not record.exists()
    monkeypatch.setenv("MUSICLAB_PROGRESS", "")
    monkeypatch.chdir(tmp_path)
    lessons.check("01.1", RIGHT)
    assert lessons.progress().loc["01", "1"] == "not yet"


def test_a_file_that_cannot_be_written_never_breaks_a_check(record, capsys):
    record.parent.write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="your progress can't be saved"):
        lessons.check("01.1", RIGHT)
    assert capsys.readouterr().out.startswith("Exercise 1: correct")


@pytest.mark.parametrize("content", ["{", "[]", '{"01.1": 3}', '{"01.1": {"tries": 0, "is_correct": true}}', "\xff"])
def test_a_damaged_record_is_moved_aside(record, content):
    record.parent.mkdir()
    record.write_text(content, encoding="latin-1")
    lessons.check("01.1", RIGHT)
    assert lessons.progress().loc["01", "1"] == "correct"
    assert record.with_name("progress.json.damaged").read_text(encoding="latin-1") == content


def test_several_notebooks_at_once_lose_no_entry(record):
    code = "import sys; from musiclab.lessons import learner\n"
    code += "for number in range(20): learner.record(f'{sys.argv[1]}.{number}', True, '')"
    started = [subprocess.Popen([sys.executable, "-c", code, lesson]) for lesson in ("01", "02", "03")]
    assert [process.wait(120) for process in started] == [0, 0, 0]
    assert len(learner.read()) == 60


@pytest.mark.parametrize("name", ["", " ", "x" * 61, "a\nb", "=1+1", None])
def test_a_name_that_cannot_stand_in_a_table_is_refused(name, tmp_path):
    with pytest.raises(MusiclabError, match=r"name: .+ Write for example lessons\.export"):
        lessons.export(tmp_path / "me.json", name=name)


def test_what_is_exported_can_be_collected(tmp_path):
    lessons.check("01.1", WRONG)
    folder = tmp_path / "class" / "monday"
    exported = lessons.export(folder / "me.json", name="Ada")
    assert json.loads(exported.read_text(encoding="utf-8"))["musiclab"]
    results = collect(folder.parent)
    assert results.students["Ada"]["01.1"]["tries"] == 1
    assert results.exercises == ["01.1", "01.2", "01.3", "01.4", "01.5"]
    assert results.left_out == []


BROKEN = {
    "empty.json": "",
    "half.json": '{"format": "musiclab pro',
    "deep.json": "[" * 100_000,
    "list.json": "[1, 2]",
    "notes.json": '{"a": 1}',
    "bytes.json": "\xff\xfe",
    "large.json": " " * 1_000_001,
}


def test_files_that_cannot_be_used_are_listed_and_passed_over(tmp_path, command):
    for name, content in BROKEN.items():
        (tmp_path / name).write_text(content, encoding="latin-1")
    wrong = {
        "newer": {"format": "musiclab progress 2"},
        "nameless": {"name": ""},
        "formula": {"name": "=cmd"},
        "timeless": {"time": "yesterday"},
        "untried": {"exercises": {"01.1": {"tries": -1, "is_correct": False}}},
        "halved": {"exercises": {"01.1": entry(hint="\ud800")}},
        "unknown": {"exercises": {"99.1": entry()}},
        "edited": {"sha256": "0" * 64},
    }
    for name, changes in wrong.items():
        hand_in(tmp_path / f"{name}.json", **{"name": name, **changes})
    check_refused(
        command("class", "results", tmp_path), "no file from lessons.export", "half.json: the file is damaged"
    )
    hand_in(tmp_path / "ada.json", "Ada", {"01.1": entry(tries=4, is_correct=False, hint="off by one")})
    hand_in(tmp_path / "ada2.json", "ADA ", {"01.1": entry()}, time="2026-01-02T00:00:00+01:00")
    hand_in(tmp_path / "ada3.json", "ada", {"01.1": entry()})
    done = command("class", "results", tmp_path)
    assert done.status == 1
    assert "1 of 5" in done.out
    assert "ada.json: ada2.json is by the same student and newer" in done.err
    assert "ada3.json: ada2.json is by the same student and not older" in done.err
    for name in [*BROKEN, *(f"{name}.json" for name in wrong)]:
        assert f"{name}: " in done.err
    assert f"{len(BROKEN) + len(wrong) + 2} files left out:" in done.err


def test_the_page_and_the_table_say_who_is_stuck_where(tmp_path, command):
    folder = tmp_path / "class"
    folder.mkdir()
    stuck = entry(tries=5, is_correct=False, hint="the sign is <reversed>")
    hand_in(folder / "a.json", "Ada <script>", {"01.1": entry(), "01.2": stuck})
    hand_in(folder / "b.json", "Béla", {"01.2": stuck, "01.3": entry(tries=1, is_correct=False)})
    done = command("class", "results", folder, "--out", tmp_path / "page.html")
    assert (done.status, done.err) == (0, "")
    assert "01.2          2  the sign is <reversed>" in done.out
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "Ada &lt;script&gt;, Béla" in page
    assert 'alt="Grid of 2 students and 5 exercises: 1 of 10 squares are dark (correct), 3 are light' in page
    assert "stuck at exercise 01.2" in page
    command("class", "results", folder, "--out", tmp_path / "table.csv")
    lines = (tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "student,exercise,state,tries,hint"
    assert "Béla,01.2,tried 5 times,5,the sign is <reversed>" in lines
    assert len(lines) == 11


def test_grid_is_readable_in_greyscale():
    from matplotlib.figure import Figure

    from musiclab.lessons.results import ClassResults

    entries = {"01.1": entry(), "01.2": entry(tries=3, is_correct=False)}
    results = ClassResults({"Ada": entries}, ["01.1", "01.2", "01.3"], [])
    ax = results.plot(Figure().subplots())
    levels = [sum(patch.get_facecolor()[:3]) / 3 for patch in ax.patches]
    assert levels == sorted(levels)
    assert min(b - a for a, b in pairwise(levels)) > 0.15
    assert "3" in [text.get_text() for text in ax.texts]


def test_nothing_to_collect_and_nowhere_to_write_is_refused(tmp_path, command):
    check_refused(command("class", "results", tmp_path / "none"), "no such folder")
    check_refused(command("class", "results", tmp_path), "no file from lessons.export")
    hand_in(tmp_path / "a.json", "Ada")
    check_refused(command("class", "results", tmp_path, "--out", tmp_path / "page.pdf"), "ends in .html or .csv")
    assert "0 of 3" in command("class", "results", tmp_path).out
    assert command("class", "results", tmp_path, "--out", tmp_path / "page.html").status == 0


def test_the_default_is_in_the_data_folder_of_the_user(monkeypatch):
    monkeypatch.delenv("MUSICLAB_PROGRESS")
    assert learner.record_file().name == "progress.json"
    assert os.fspath(Path.cwd()) not in os.fspath(learner.record_file())
