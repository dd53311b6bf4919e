"""The syllabus: minutes add up, prerequisites come first, and what it names exists in the lessons."""

import csv
import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

from musiclab import lessons

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/syllabus.md").read_text(encoding="utf-8")
with (ROOT / "notebooks/lessons.csv").open(encoding="utf-8") as file:
    LESSONS = {row["file"][:2]: row for row in csv.DictReader(file)}


def rows(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, without its head."""
    lines = TEXT.partition(f"# {heading}\n")[2].partition("\n|")[2].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def taken(text: str) -> list[tuple[str, int]]:
    """Lessons or meetings of a plan with their minutes: "00 to 02, 06 (sections 1 to 8, 60 minutes)"."""
    text = re.sub(r"\b(\d\d) to (\d\d)\b", lambda ends: ", ".join(numbers(*map(int, ends.groups()))), text)
    parts = re.findall(r"(?<!to )\b(\d\d|presentations)\b(?!\.| minutes)(?: \((?:[^)]*, )?(\d+) minutes\))?", text)
    return [(name, int(part) if part else int(LESSONS[name]["class_minutes"])) for name, part in parts]


def numbers(first: int, last: int) -> list[str]:
    return [f"{number:02}" for number in range(first, last + 1)]


def test_the_minutes_of_the_plans_add_up():
    plans = rows("Plans")
    assert len(plans) >= 9
    for name, plan, total in plans:
        lessons_taken, _, before = plan.partition("they build on ")
        assert sum(minutes for _, minutes in taken(lessons_taken)) == int(total), name
        if before:
            earlier, with_them = re.fullmatch(r"(.+) \(with them, (\d+) minutes\)", before).groups()
            assert int(total) + sum(minutes for _, minutes in taken(earlier)) == int(with_them), name


def test_longer_plans_contain_what_their_lessons_need():
    shortened = ("minutes", "day", "derivatives", "musicians")  # for these, the text says what to tell the class
    for name, plan, _ in rows("Plans"):
        if not name.endswith(shortened):
            lessons_taken = {lesson for lesson, _ in taken(plan)} & set(LESSONS)
            for lesson in lessons_taken:
                assert set(LESSONS[lesson]["needs"].split()) <= lessons_taken, (name, lesson)


@pytest.mark.parametrize("heading", ["90 minutes", "A day"])
def test_the_clock_is_right(heading):
    clock = rows(heading)
    times = [60 * int(hours) + int(minutes) for hours, minutes in (time.split(":") for time, *_ in clock)]
    assert [int(minutes) for *_, minutes in clock] == [end - start for start, end in pairwise(times)] + [0]


def test_a_day_has_the_lessons_of_its_plan_and_exercises():
    planned, spent = dict(taken(dict(row[:2] for row in rows("Plans"))["a day"])), {}
    for start, what, minutes in rows("A day"):
        for lesson, length in taken(what):
            assert length == int(minutes), start
            spent[lesson] = spent.get(lesson, 0) + length
        assert not (exercise := re.search(r"\d\d\.\d", what)) or exercise[0] in lessons.names()
    assert spent == planned


def test_the_courses_keep_their_promises():
    """Meetings fill their minutes, every lesson comes after those that it needs, and exercises after their lesson."""
    plans = {name: (lessons_taken, int(total)) for name, lessons_taken, total in rows("Plans")}
    for heading, name in [
        ("Four weeks, two meetings of 90 minutes each", "four weeks"),
        ("Twelve weeks, one meeting of 90 minutes each", "twelve weeks"),
    ]:
        met, minutes = [], 0
        for number, (meeting, in_class, length, at_home) in enumerate(rows(heading), start=1):
            assert int(meeting) == number
            assert sum(part for _, part in taken(in_class)) == int(length) == 90
            for lesson, _ in taken(in_class):
                needs = set(LESSONS[lesson]["needs"].split()) if lesson in LESSONS else set()
                assert needs <= {*met}, lesson
                met.append(lesson)
            minutes += int(length)
            for exercise in re.findall(r"\d\d\.\d", at_home):
                assert exercise in lessons.names()
                assert exercise[:2] in met or f"lesson {exercise[:2]} with" in at_home
        assert met == [lesson for lesson, _ in taken(plans[name][0])]
        assert minutes == plans[name][1]


def test_every_lesson_has_an_outcome_that_its_exercises_test():
    outcomes = rows("What each lesson adds")
    assert [lesson for lesson, *_ in outcomes] == list(LESSONS)
    for lesson, _, exercises in outcomes:
        assert exercises
        for exercise in exercises.split(", "):
            assert exercise in lessons.names()
            assert exercise.startswith(f"{lesson}.")


def test_a_lesson_names_what_the_reading_list_says():
    for lesson, work in rows("Reading list"):
        (path,) = (ROOT / "notebooks").glob(f"{lesson}_*.ipynb")
        link = re.search(r"\((https?://\S+)\)$", work)[1]
        source = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
        assert f"({link})" in source, work
        assert re.search(r"\(\d{4}\)\]", work)


def test_shares_of_the_grade_add_up_and_there_are_ten_questions():
    for column in (1, 2):
        assert sum(int(row[column].removesuffix(" %")) for row in rows("What to grade, and how")) == 100
    questions = re.findall(r"^(\d+)\. .+\? \*.+\*$", TEXT.partition("self-test\n")[2], re.M)
    assert questions == [str(number) for number in range(1, 11)]
