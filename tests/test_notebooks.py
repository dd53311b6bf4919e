"""Every notebook runs from a clean kernel, keeps clean outputs, and has the parts that a lesson needs."""

import ast
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest

from musiclab import lessons
from musiclab.lessons.notebooks import execute, problems

FOLDER = Path(__file__).parents[1] / "notebooks"
LESSONS = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))
SOLUTIONS = sorted((FOLDER / "solutions").glob("[0-9][0-9]_*.ipynb"))
NUMBERS = [f"{number:02}" for number in range(15)]
LONGEST_CELL = 30  # lines: what fits on a projector
LONGEST_CODE = 15  # lines that a reader can retype, except for the imports
PLACEHOLDER = re.compile(r"^answer\w* = None", re.MULTILINE)
CHECK = re.compile(r"^lessons\.check\(\"([\d.]+)\", answer\b", re.MULTILINE)
DATA = re.compile(r"^data = \"(?:studio|street)\b[^\"]*\"", re.MULTILINE)
ON_REAL = ("06", "13")  # the whole way once, and every feature and model
RIGHT = re.compile(r"Exercise \d: (?:.+: )?correct\b")

every_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
every_notebook = pytest.mark.parametrize(
    "path", LESSONS + SOLUTIONS, ids=lambda path: path.relative_to(FOLDER).with_suffix("").as_posix()
)


@cache
def _cells(path: Path) -> list:
    return nbformat.read(path, as_version=4).cells


def _code(path: Path) -> list:
    return [cell for cell in _cells(path) if cell.cell_type == "code"]


def _markdown(path: Path) -> str:
    return "\n\n".join(cell.source for cell in _cells(path) if cell.cell_type == "markdown")


def _printed(cell) -> str:
    outputs = cell.get("outputs", [])
    return "\n".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs)


@every_notebook
def test_a_notebook_imports_from_at_most_six_places_of_the_library(path):
    code = "\n".join(cell.source for cell in _code(path))
    places = set(re.findall(r"^\s*(?:from|import) (musiclab[\w.]*)", code, re.MULTILINE))
    assert len(places) <= 6, places


def _headings(path: Path) -> list[str]:
    return [text.strip() for text in re.findall(r"^#{1,6} (.+)$", _markdown(path), flags=re.MULTILINE)]


def _exercises(path: Path) -> dict[str, list]:
    """The code cells below each heading of an exercise, by the exercise's name."""
    found, name = {}, None
    for cell in _cells(path):
        if cell.cell_type == "markdown" and (heading := re.search(r"^#{1,3} (?:Exercise (\d))?", cell.source, re.M)):
            name = heading[1] and f"{path.name[:2]}.{heading[1]}"
            if name:
                found[name] = []
        elif name and cell.cell_type == "code":
            found[name].append(cell)
    return found


@pytest.mark.parametrize("number", NUMBERS)
def test_there_is_one_lesson_of_each_number_and_its_solution(number):
    lessons = [path.name for path in LESSONS if path.name.startswith(number)]
    assert len(lessons) == 1
    assert [path.name for path in SOLUTIONS if path.name.startswith(number)] == lessons


def test_there_are_no_other_lessons():
    assert {path.name[:2] for path in LESSONS + SOLUTIONS} <= set(NUMBERS)


def test_lessons_and_library_have_the_same_exercises():
    in_lessons = [name for path in LESSONS for name in _exercises(path)]
    assert in_lessons == lessons.names()
    assert [name for path in SOLUTIONS for name in _exercises(path)] == in_lessons


@pytest.fixture
def as_for_a_reader(monkeypatch):
    """Figures are drawn into the notebook."""
    monkeypatch.delenv("MPLBACKEND", raising=False)


@pytest.mark.slow
@every_notebook
@pytest.mark.usefixtures("as_for_a_reader")
def test_runs_from_a_clean_kernel(path):
    assert problems(execute(path, fast=True)) == []


def test_the_lessons_on_data_name_them_in_one_line():
    lines = {path.stem: sum(len(DATA.findall(cell.source)) for cell in _code(path)) for path in LESSONS}
    assert set(lines.values()) <= {0, 1}
    assert sum(lines.values()) >= 9


@pytest.fixture(scope="module")
def two_of_each(recordings, tmp_path_factory):
    """Folder with two clips of each class and fold of ESC-10."""
    folder = tmp_path_factory.mktemp("esc10")
    for class_folder in sorted((recordings / "esc10").glob("[0-9]*")):
        (folder / class_folder.name).mkdir()
        for fold in range(1, 6):
            for clip in sorted(class_folder.glob(f"{fold}-*"))[:2]:
                (folder / class_folder.name / clip.name).symlink_to(clip)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in LESSONS if path.name[:2] in ON_REAL], ids=lambda path: path.stem)
@pytest.mark.usefixtures("as_for_a_reader")
def test_that_line_switches_to_real_recordings(path, two_of_each, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.source = DATA.sub(f'data = "esc10:{two_of_each}"', cell.source)
    nbformat.write(notebook, tmp_path / path.name)
    unexpected = problems(execute(tmp_path / path.name, fast=True))
    # ESC-10 has one recording in two folds, and the log says which copy is left out
    assert [problem for problem in unexpected if "of clips on another side" not in problem] == []


@every_notebook
def test_committed_outputs_are_clean(path):
    assert problems(nbformat.read(path, as_version=4)) == []


@every_notebook
def test_is_a_valid_notebook_without_repeated_cell_ids(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


@every_notebook
def test_no_cell_is_too_long(path):
    too_long = [cell.id for cell in _cells(path) if len(cell.source.splitlines()) > LONGEST_CELL]
    assert too_long == []
    _, *code = [cell.source for cell in _code(path) if not cell.source.startswith("from musiclab.core import")]
    assert [cell for cell in code if len(cell.splitlines()) > LONGEST_CODE] == []


@every_lesson
def test_cells_are_short_and_use_few_names_of_the_library(path):
    sources = [cell.source for cell in _code(path)]
    assert sum(len(source.splitlines()) for source in sources) < 10 * len(sources)
    imported = [
        alias.asname or alias.name
        for node in ast.walk(ast.parse("\n".join(sources)))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if (getattr(node, "module", None) or alias.name).startswith("musiclab")
    ]
    assert len(imported) <= 8, imported


@every_notebook
def test_fractions_have_braces(path):
    assert not re.search(r"\\[dt]?frac[^{]", _markdown(path))  # the book reads \\frac12 as 12 over what follows


@every_notebook
def test_every_picture_has_alternative_text(path):
    pictures = [
        cell
        for cell in _code(path)
        if any("image/png" in output.get("data", {}) and "text/html" not in output.data for output in cell.outputs)
    ]
    assert [cell.source for cell in pictures if len(cell.metadata.get("alt", "")) < 40] == []


@every_notebook
def test_names_no_place_of_the_machine_it_ran_on(path):
    cells = _cells(path)
    text = "\n".join([cell.source for cell in cells] + [_printed(cell) for cell in cells])
    assert re.findall(r"/(?:home|root|Users|work|tmp)/\w+|[A-Z]:\\Users", text) == []


@every_notebook
def test_relative_links_lead_somewhere(path):
    targets = [unquote(target) for target in re.findall(r"\]\(([^)\s]+)\)", _markdown(path))]
    missing = []
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        file, _, section = target.partition("#")
        there = path.parent / file if file else path
        if not there.exists():
            missing.append(target)
        elif section and section not in [heading.replace(" ", "-") for heading in _headings(there)]:
            missing.append(target)
    assert missing == []


@every_notebook
def test_imports_stand_in_one_cell(path):
    cells = [cell.source for cell in _code(path)]
    importing = [cell for cell in cells if re.search(r"^(?:import|from) \w", cell, flags=re.MULTILINE)]
    if importing[0].startswith("from musiclab.core import environment"):  # lesson 00 checks the installation before
        del importing[0], cells[0]
    assert importing == cells[:1]


@every_lesson
def test_begins_with_title_minutes_and_what_it_needs_and_teaches(path):
    first, *rest = _cells(path)
    assert first.cell_type == "markdown"
    assert first.source.startswith(f"# {path.name[:2]} ")
    opening = "\n".join(cell.source for cell in [first, *rest[:2]] if cell.cell_type == "markdown")
    for words in ("minute", "You need", "you can"):
        assert words in opening


@every_lesson
def test_has_a_summary_and_three_to_five_exercises(path):
    headings = _headings(path)
    for part in ("Summary", "Exercises"):
        assert part in headings
    assert headings.index("Summary") < headings.index("Exercises")
    assert 3 <= sum(heading.startswith("Exercise ") for heading in headings) <= 5


@every_lesson
def test_every_exercise_waits_for_an_answer_and_has_a_worked_solution(path):
    solution = FOLDER / "solutions" / path.name
    asked = [heading for heading in _headings(path) if heading.startswith("Exercise ")]
    assert [heading for heading in _headings(solution) if heading.startswith("Exercise ")] == asked
    for number, cells in enumerate(_exercises(path).values(), start=1):
        blanks = [cell for cell in cells if PLACEHOLDER.search(cell.source)]
        assert len(blanks) == 1
        assert _printed(blanks[0]).strip() == f"Exercise {number}: no answer yet"


@every_notebook
def test_every_exercise_is_checked_by_the_library_under_its_own_name(path):
    found = _exercises(path)
    assert list(found) == [f"{path.name[:2]}.{number}" for number in range(1, len(found) + 1)]
    for name, cells in found.items():
        assert [check for cell in cells for check in CHECK.findall(cell.source)] == [name]
        assert not any('"Exercise ' in cell.source for cell in cells)  # judged by hand


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_a_solution_passes_its_own_checks(path):
    assert not any(PLACEHOLDER.search(cell.source) for cell in _code(path))
    said = "\n".join(map(_printed, _code(path))).splitlines()
    for number in range(1, len(_exercises(path)) + 1):
        verdicts = [line for line in said if line.startswith(f"Exercise {number}:")]
        assert verdicts
        assert [verdict for verdict in verdicts if not RIGHT.match(verdict)] == []
