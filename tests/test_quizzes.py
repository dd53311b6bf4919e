"""The quizzes: each question has one correct answer and explains all of them, in HTML that works everywhere."""

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from musiclab import lessons
from musiclab.core.errors import MusiclabError

LESSONS = sorted((Path(__file__).parents[1] / "notebooks").glob("[0-9][0-9]_*.ipynb"))
SAFE = {"p", "strong", "em", "code", "details", "summary"}  # what JupyterLab keeps in a notebook that isn't trusted

every_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


@every_lesson
def test_each_question_has_one_correct_answer_and_explains_all(path):
    questions = lessons.quiz(path.name[:2]).questions
    assert 3 <= len(questions) <= 5
    for question in questions:
        assert question.keys() == {"ask", "answers"}
        assert question["ask"].endswith("?")
        assert 3 <= len(question["answers"]) <= 4
        kinds = Counter()
        for answer in question["answers"]:
            (kind,) = answer.keys() - {"text"}
            kinds[kind] += 1
            assert re.fullmatch(r"[A-Z0-9|\"`].+[.?!)]", answer[kind]), answer[kind]
        assert kinds == {"correct": 1, "wrong": len(question["answers"]) - 1}
        assert len({answer["text"] for answer in question["answers"]}) == len(question["answers"])


def test_the_position_of_an_answer_gives_nothing_away():
    positions = Counter()
    for path in LESSONS:
        for question in lessons.quiz(path.name[:2]).questions:
            positions[["correct" in answer for answer in question["answers"]].index(True)] += 1
    assert max(positions.values()) < 0.4 * positions.total()


@every_lesson
def test_the_html_needs_no_script(path):
    tags = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: tags.append((tag, attributes))
    parser.feed(lessons.quiz(path.name[:2])._repr_html_())
    assert {tag for tag, _ in tags} <= SAFE
    assert {name for _, attributes in tags for name, _ in attributes} == {"style"}  # only distances


@every_lesson
def test_the_lesson_shows_its_quiz_before_the_exercises(path):
    lesson = path.name[:2]
    cells = nbformat.read(path, as_version=4).cells
    (position,) = [index for index, cell in enumerate(cells) if cell.source == f'lessons.quiz("{lesson}")']
    assert cells[position].outputs[0].data["text/html"] == lessons.quiz(lesson)._repr_html_()
    assert cells[position - 1].source.startswith("## Quiz\n")
    assert cells[position + 1].source.startswith("## Exercises\n")


def test_an_unknown_lesson_is_refused():
    with pytest.raises(MusiclabError, match="no quiz for lesson '5'; did you mean 05"):
        lessons.quiz("5")
