"""The README and the guide: their links lead somewhere, and they leave nothing out."""

import csv
import re
from pathlib import Path

import nbformat
import pytest

from musiclab import datasets, models
from musiclab.cli.commands import app

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "notebooks/README.md", "notebooks/glossary.md")),
    *sorted(DOCS.glob("*.md")),
]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


with (ROOT / "notebooks/lessons.csv").open(encoding="utf-8") as file:
    LESSONS = list(csv.DictReader(file))


def test_one_table_says_what_the_lessons_are():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    notes = (ROOT / "notebooks/README.md").read_text(encoding="utf-8")
    first = nbformat.read(ROOT / "notebooks/00_start_here.ipynb", as_version=4)
    start = "\n".join(cell.source for cell in first.cells)
    assert [lesson["file"] for lesson in LESSONS] == sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
    for lesson in LESSONS:
        file, number, about = lesson["file"], lesson["file"][:2], lesson["about"]
        title = f"{number} {lesson['title']}"
        assert f"| [{title}](notebooks/{file}.ipynb) | {about} |" in readme
        needs = ", ".join(lesson["needs"].split())
        minutes = lesson["class_minutes"]
        assert number == "00" or f"| [{title}]({file}.ipynb) | {about} | {needs} | {minutes} |" in start
        notebook = nbformat.read(ROOT / f"notebooks/{file}.ipynb", as_version=4)
        assert notebook.cells[0].source.startswith(f"# {title}")
        section = notes.partition(f"### {title}\n")[2].partition("###")[0]
        assert f"**In class** {minutes} minutes" in section


def test_the_guide_lists_every_command_source_and_model():
    commands = (DOCS / "command-line.md").read_text(encoding="utf-8")
    for command in app.registered_commands:
        assert f"`{command.name or command.callback.__name__.replace('_', '-')}" in commands
    data = (DOCS / "data-and-models.md").read_text(encoding="utf-8")
    for name in (*datasets.FROM_FOLDER, *datasets.GENERATED, *models.NAMES):
        assert re.search(rf"`{name}[:`]", data), name


def test_the_glossary_defines_each_term_once_in_one_sentence():
    entries = re.findall(r"^\*\*(.+?)\*\*: (.+)$", (ROOT / "notebooks/glossary.md").read_text(encoding="utf-8"), re.M)
    terms = [term for names, _ in entries for term in names.split(", ")]
    assert len(terms) == len(set(terms)) > 40
    for names, definition in entries:
        assert re.fullmatch(r"[A-Z0-9].+[^.!?]\.", definition), names
        assert not re.search(r"[.!?] [A-Z]", definition), names
