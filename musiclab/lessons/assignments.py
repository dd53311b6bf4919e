"""Make graded assignments: ``make assignment N=05 SEED=1187``.

The source of an assignment is a notebook whose cells have tags: *student*, *solution*, *hidden*, *rubric*, *files*, or
no tag for cells that everybody gets. The larger tasks are such notebooks, in ``notebooks/assignments``. For a lesson,
the source is put together from the lesson's exercises and its worked solutions.
"""

import contextlib
import hashlib
import random
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from musiclab.core.errors import MusiclabError
from musiclab.core.files import replacing
from musiclab.lessons import slicing
from musiclab.lessons.lab import find_folders

POINTS = {"pencil": 2, "code": 3, "experiment": 5, "project": 5, "report": 5}  # by the last word in brackets
BY_HAND = ("experiment", "project", "report")
HEADING = re.compile(r"^### Exercise (\d+): (.+) \((.+?)\)$", re.MULTILINE)
CHECK = re.compile(r"^lessons\.check\(\"[\d.]+\", answer_\d+(?P<context>.*)\)$", re.MULTILINE)
_IMPORTS = "from functools import partial\n\nfrom musiclab import lessons\nfrom musiclab.lessons.grading import compare"
_INSTRUCTIONS = """\
Replace `None` with your answers. Keep the names `answer_1`, `answer_2` and so on, because they are what is graded. The
numbers may differ from those of the lesson and of your neighbours. Before you hand in the notebook, restart the kernel
and run all cells. Experiments are graded by a person: work in your copy of the lesson, and write your report here."""
_REPORT = "**Your report** (150 words at most, and one figure or table):\n\n..."
_RUBRIC = """\
For each report, give up to 5 points:

- 1 point: it says what was expected before the experiment, and why.
- 1 point: only one thing was changed, and both results are given.
- 1 point: the results come with the number of examples, and with an interval or several seeds.
- 1 point: the conclusion is no stronger than the evidence, and one other explanation is named.
- 1 point: a fellow student could repeat the experiment from the report."""
_RUBRIC_FOR_CODE = """\
For code that is graded by a person, give 2 points if it does all that the question asks and the lesson's check accepts
it (1 point if a step is missing), and 1 point if it is easy to read and the student can say what each line is for."""


def make(name: str, seed: int, notebooks: Path, folder: Path) -> Path:
    """Write the student's notebook, the hidden tests, the solution and the rubric of one variant.

    Parameters
    ----------
    name : str
        Number of a lesson, such as ``"05"``, or name of a task, such as ``"features"``.
    seed : int
        Number of the variant. Others get other numbers in the questions, or other sounds.
    notebooks : Path
        Folder of the lessons.
    folder : Path
        Folder to write to. The variant gets a folder of its own in it.

    Returns
    -------
    Path
        Folder of the variant.

    Raises
    ------
    MusiclabError
        If there is no such assignment.

    Examples
    --------
    >>> make("05", 7, Path("notebooks"), Path("build/assignments"))  # doctest: +SKIP
    PosixPath('build/assignments/05/seed7')
    """
    task = notebooks / "assignments" / f"{name}.ipynb"
    if task.is_file():
        cells = _read_task(task, name, seed)
    elif list(notebooks.glob(f"{name}_*.ipynb")) and name.isdigit():
        cells = list(_assemble_lesson(name, seed, notebooks))
    else:
        tasks = ", ".join(sorted(path.stem for path in task.parent.glob("*.ipynb")))
        raise MusiclabError(
            f"{name}: no such assignment. Choose the number of a lesson, such as 05, or one of {tasks}."
        )
    questions = _list_questions(name, cells)
    settings = {"assignment": name, "variant": derive(name, seed), "questions": questions}
    target = folder / name / f"seed{seed}"
    versions = {f"student/{name}": {"student"}, "solution": {"solution"}, "hidden": {"solution", "hidden"}}
    for file, tags in versions.items():
        chosen = [cell for cell in cells if not cell.metadata.get("tags") or tags & set(cell.metadata["tags"])]
        notebook = new_notebook(cells=[_copy(cell, index) for index, cell in enumerate(chosen)])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook.metadata["musiclab"] = settings if file != "hidden" else settings | {"seed": seed}
        with replacing(target / f"{file}.ipynb") as unfinished:
            nbformat.write(notebook, unfinished)
    with replacing(target / "rubric.md") as unfinished:
        unfinished.write_text(_write_rubric(name, questions, cells), encoding="utf-8")
    for cell in cells:
        if "files" in cell.metadata.get("tags", []):  # it writes files that students get with the notebook
            with contextlib.chdir(target / "student"):
                exec(cell.source, {})
    return target


def derive(name: str, seed: int) -> int:
    """Derive the number of a variant, which students see, from the seed, which they don't.

    Examples
    --------
    >>> derive("05", 7)
    8795
    """
    return int(hashlib.sha256(f"{name} {seed}".encode()).hexdigest(), 16) % 10_000


def _copy(cell, index: int):
    """Copy a cell without its outputs and tags."""
    new = new_code_cell if cell.cell_type == "code" else new_markdown_cell
    return new(cell.source, id=f"cell-{index:02}")


def _list_questions(name: str, cells: list) -> list[dict]:
    tested = " ".join(cell.source for cell in cells if "hidden" in cell.metadata.get("tags", []))
    questions = []
    for cell in cells:
        if cell.cell_type == "markdown" and (heading := HEADING.search(cell.source)):
            number, title, points = int(heading[1]), heading[2], int(re.search(r"(\d+) points", heading[3])[1])
            column = f"{name}.{number}" if name.isdigit() else f"{name} {number}"
            by_hand = not re.search(rf"\btest_{number}\b", tested)
            questions.append(dict(number=number, column=column, title=title, points=points, by_hand=by_hand))
    return questions


# The larger tasks


def _read_task(path: Path, name: str, seed: int) -> list:
    """Read a task, with ``VARIANT``, which students see, and ``SECRET``, which they don't, replaced by its numbers."""
    cells = nbformat.read(path, as_version=4).cells
    numbers = {
        "VARIANT": derive(name, seed),
        "SECRET": int(hashlib.sha256(f"{seed} {name}".encode()).hexdigest()[:8], 16),
    }
    for cell in cells:
        for word, number in numbers.items():
            cell.source = re.sub(rf"^{word} = \d+", f"{word} = {number}", cell.source, flags=re.MULTILINE)
    return cells


# Lessons


def _assemble_lesson(name: str, seed: int, notebooks: Path) -> Iterator:
    """Yield the cells of an assignment from the exercises of a lesson and its worked solutions."""
    (lesson_path,) = notebooks.glob(f"{name}_*.ipynb")
    lesson_cells, asked = _split_into_exercises(lesson_path)
    solution_cells, solved = _split_into_exercises(notebooks / "solutions" / lesson_path.name)
    variants = tomllib.loads((notebooks / "assignments" / "variants.toml").read_text(encoding="utf-8"))
    everywhere = _choose(variants.get(name, {}).get("vary", {}), f"{seed} {name}")
    exercises = [
        _Exercise(f"{name}.{number}", cells, solved[number], variants.get(f"{name}.{number}", {}), everywhere, seed)
        for number, cells in asked.items()
    ]
    lesson_code, solution_code = (
        [_vary(cell.source, everywhere) for cell in cells if cell.cell_type == "code"]
        for cells in (lesson_cells, solution_cells)
    )
    # names that a question may mention without using them in code
    known = set(re.findall(r"^def (\w+)", "\n".join(lesson_code), re.MULTILINE))
    known |= slicing.stores("\n".join(solution_code))
    title = lesson_cells[0].source.splitlines()[0].lstrip("# ")
    table = "\n".join(f"- Exercise {each.number}: {each.title}, {each.points} points" for each in exercises)
    yield new_markdown_cell(f"# Assignment {title}\n\n{_INSTRUCTIONS}\n\n{table}")

    needed: dict[str, set[str]] = {"student": set(), "solution": set()}
    defined: dict[str, set[str]] = {"student": set(), "solution": set()}
    for exercise in exercises:
        if not exercise.is_open:
            exercise.add_setup(defined["student"])
            codes = {"student": [*exercise.setup, *exercise.given], "solution": exercise.code}
            for reader, sources in codes.items():
                code = "\n".join(sources)
                needed[reader] |= (slicing.loads(code) | exercise.needs) - defined[reader]
                defined[reader] |= slicing.stores(code)
            needed["student"] |= set(re.findall(r"`(\w+)`", exercise.question)) & known - defined["student"]
    for reader, names in needed.items():
        setup = slicing.take(solution_code, names)
        missing = names - slicing.stores("\n".join(setup))
        imports, setup = _split_imports([*slicing.take(lesson_code, missing, through_modules=False), *setup])
        for source in ["\n".join([*imports, "from musiclab.lessons.grading import preview"]), *setup]:
            yield _tag(new_code_cell(source), reader)
    yield _tag(new_code_cell(_IMPORTS), "hidden")
    for exercise in exercises:
        yield from exercise.cells()


class _Exercise:
    """The parts of one exercise of a lesson and of its worked solution, with the numbers of a variant."""

    def __init__(self, name: str, asked: list, solved: list, settings: dict, everywhere: dict, seed: int):
        chosen = everywhere | _choose(settings.get("vary", {}), f"{seed} {name}")
        self.name, self.number, self.settings = name, name.split(".")[1], settings
        _, self.title, kind = HEADING.search(asked[0].source).groups()
        self.kind = re.findall(r"\w+", kind)[-1]
        self.is_open, self.points = self.kind in BY_HAND, POINTS[self.kind]
        self.question = "\n\n".join(_vary(cell.source, chosen) for cell in asked if cell.cell_type == "markdown")
        self.given = [self._rename(_vary(cell.source, chosen)) for cell in asked if cell.cell_type == "code"]
        self.solved = [(cell.cell_type, _vary(cell.source, chosen)) for cell in solved]
        if "solution" in settings:
            self.solved = [("code", f'{_vary(settings["solution"], chosen)}lessons.check("{name}", answer)')]
        self.code = [self._rename(source) for kind, source in self.solved if kind == "code"]
        (call,) = (each for each in map(CHECK.search, self.code) if each)
        self.context = call["context"]
        # other numbers than those of the lesson, so its check doesn't know the right answer
        self.is_compared = bool(settings.get("vary")) and not self.context
        self.needs = set(settings.get("needs", ()))
        self.setup: list[str] = []

    def _rename(self, source: str) -> str:
        return re.sub(r"\banswer\b", f"answer_{self.number}", source)

    def add_setup(self, defined: set[str]) -> None:
        """Take from the solution what the given cells need and no earlier cell defines."""
        wanted = slicing.loads("\n".join(self.given)) - defined | self.needs
        before = [slicing.without(source, f"answer_{self.number}") for source in self.code]
        setup = slicing.take(before, wanted, through_modules=bool(self.needs))
        self.setup = [source for source in setup if source not in "\n".join(self.given)]

    def cells(self) -> Iterator:
        """Yield the question, the given code, the solution and the hidden test."""
        heading = HEADING.search(self.question)
        points = f"### Exercise {self.number}: {self.title} ({heading[3]}, {self.points} points)"
        yield new_markdown_cell(self.question.replace(heading[0], points))
        if self.is_open:
            yield new_markdown_cell(_REPORT)
            return
        for source in [*self.setup, *self.given]:
            yield _tag(new_code_cell(self._show(source)), "student")
        for kind, source in self.solved:
            if kind == "code":
                yield _tag(new_code_cell(self._show(self._rename(source))), "solution")
            elif not self.settings.get("vary"):  # an explanation would explain the numbers of the lesson
                yield _tag(new_markdown_cell(HEADING.sub("", source).strip()), "solution")
        if not self.settings.get("by_hand"):
            yield _tag(new_code_cell(self._write_test()), "hidden")

    def _show(self, source: str) -> str:
        """Let students check the form only, if the numbers differ from those of the lesson."""
        return CHECK.sub(f"preview({self.number}, answer_{self.number})", source) if self.is_compared else source

    def _write_test(self) -> str:
        if not self.is_compared:
            return f'test_{self.number} = partial(lessons.verdicts, "{self.name}"{self.context})'
        tolerances = "".join(f", {key}={self.settings[key]}" for key in ("within", "absolute") if key in self.settings)
        return f"test_{self.number} = partial(compare, truth=answer_{self.number}{tolerances})"


def _split_into_exercises(path: Path) -> tuple[list, dict[str, list]]:
    """Split a notebook into the cells before its exercises, and the cells of each exercise by its number."""
    before, exercises = [], {}
    for cell in nbformat.read(path, as_version=4).cells:
        pieces = re.split(r"(?m)^(?=## |### Exercise)", cell.source) if cell.cell_type == "markdown" else [cell.source]
        for piece in filter(str.strip, pieces):
            if cell.cell_type == "markdown" and (heading := HEADING.search(piece)):
                exercises[heading[1]] = []
            target = exercises[max(exercises)] if exercises else before
            target.append(new_code_cell(piece) if cell.cell_type == "code" else new_markdown_cell(piece.strip()))
    return before, exercises


def _split_imports(sources: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split cells into their imports, each once, and the cells without them."""
    is_import = re.compile(r"^(?:import|from) .+\n?", re.MULTILINE)
    imports = [line.strip() for source in sources for line in is_import.findall(source)]
    rest = [re.sub(r"\n{3,}", "\n\n\n", is_import.sub("", source)).strip("\n") for source in sources]
    return list(dict.fromkeys(imports)), [source for source in rest if source]


def _choose(vary: dict | list[dict], seed: str) -> dict[str, str]:
    """Choose one of the values for each text or number to replace, or one of several tables of replacements."""
    chooser = random.Random(seed)
    if isinstance(vary, list):
        return chooser.choice(vary)
    return {text: str(chooser.choice(values)) for text, values in vary.items()}


def _vary(source: str, chosen: dict[str, str]) -> str:
    """Replace texts, and numbers in any of the forms 5000, 5_000 and 5,000.

    Examples
    --------
    >>> _vary("5,000 Hz are 5_000 Hz, and 15000 stays", {"5000": "12000"})
    '12,000 Hz are 12_000 Hz, and 15000 stays'
    """
    forms = {}
    for text, value in chosen.items():
        if text.isdigit():
            for separator in ("", "_", ","):
                forms[f"{int(text):,}".replace(",", separator)] = f"{int(value):,}".replace(",", separator)
        else:
            forms[text] = value
    if not forms:
        return source
    longest_first = "|".join(map(re.escape, sorted(forms, key=len, reverse=True)))
    pattern = rf"(?<![\w.])(?<!\d,)({longest_first})(?![\w]|[.,]\d)"
    return re.sub(pattern, lambda match: forms[match[0]], source)


def _tag(cell, *tags: str):
    cell.metadata["tags"] = list(tags)
    return cell


def _write_rubric(name: str, questions: list[dict], cells: list) -> str:
    rows = [f"| {each['number']} | {each['title']} | {each['points']} | {'person' if each['by_hand'] else 'program'} |"
            for each in questions]  # fmt: skip
    table = "\n".join(["| exercise | title | points | graded by |", "|---|---|---|---|", *rows])
    own = "\n\n".join(cell.source for cell in cells if "rubric" in cell.metadata.get("tags", []))
    has_code = any(each["by_hand"] and each["points"] == POINTS["code"] for each in questions)
    rubric = own or "\n\n".join([_RUBRIC, _RUBRIC_FOR_CODE] if has_code else [_RUBRIC])
    return (
        f"# Rubric of assignment {name} ({sum(each['points'] for each in questions)} points)\n\n{table}\n\n{rubric}\n"
    )


def main(arguments: Sequence[str]) -> int:
    """Make an assignment for each seed, print the folders, and return the exit status."""
    name, *seeds = arguments or ["05"]
    if not seeds:
        print(
            f"{name}: a seed is missing. Choose a large number: make assignment N={name} SEED=NUMBER", file=sys.stderr
        )
        return 2
    try:
        notebooks, _ = find_folders()
        for seed in seeds:
            print(make(name, int(seed), notebooks, notebooks.parent / "build" / "assignments"))
    except (MusiclabError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
