"""The decks: every slide shows what its lesson contains, and has notes for the speaker."""

import csv
import tomllib
from pathlib import Path

import nbformat
import pytest

from musiclab.lessons.quizzes import quiz

ROOT = Path(__file__).parent.parent
with (ROOT / "notebooks/lessons.csv").open(encoding="utf-8") as file:
    LESSONS = {row["file"]: int(row["class_minutes"]) for row in csv.DictReader(file)}


@pytest.mark.parametrize("file", LESSONS)
def test_a_deck_shows_outputs_of_its_lesson_and_has_notes(file):
    lesson = file[:2]
    slides = tomllib.loads((ROOT / f"docs/slides/{lesson}.toml").read_text(encoding="utf-8"))["slides"]
    cells = {cell.id: cell for cell in nbformat.read(ROOT / f"notebooks/{file}.ipynb", as_version=4).cells}
    assert 8 <= len(slides) <= 15
    for slide in slides:
        assert set(slide) <= {"title", "points", "show", "outputs", "code", "predict", "quiz", "minutes", "notes"}
        assert ("title" in slide) != ("quiz" in slide)
        assert len(slide.get("points", [])) <= 4
        assert slide["minutes"] > 0
        assert len(slide["notes"]) > 40
        if "show" in slide:
            outputs = cells[slide["show"]].get("outputs", [])
            assert slide.get("code") or outputs, slide["show"]
            assert all(index < len(outputs) for index in slide.get("outputs", [])), slide["show"]
        if "quiz" in slide:
            assert 1 <= slide["quiz"] <= len(quiz(lesson).questions)
    assert any("quiz" in slide for slide in slides)
    assert any(slide.get("predict") for slide in slides)
    assert "audio" in str(cells[slides[0]["show"]].outputs)  # a deck begins with a sound
    assert sum(slide["minutes"] for slide in slides) <= LESSONS[file]


def test_every_deck_belongs_to_a_lesson():
    decks = {path.stem for path in (ROOT / "docs/slides").glob("*.toml")}
    assert decks == {file[:2] for file in LESSONS}
