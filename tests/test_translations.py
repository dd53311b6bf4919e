"""Translated lessons: their code is that of the lesson, and a paragraph that changed is never translated silently."""

import re
import shutil
from pathlib import Path

import nbformat
import pytest

from musiclab.lessons import translation

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
FILES = sorted(NOTEBOOKS.glob("translations/*/*.po"))
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")


def read_lesson(path) -> nbformat.NotebookNode:
    return nbformat.read((NOTEBOOKS / path.name).with_suffix(".ipynb"), as_version=4)


def test_there_is_a_translation():
    assert NOTEBOOKS / "translations/de/00_start_here.po" in FILES


@every_file
def test_code_and_outputs_are_those_of_the_lesson_and_the_text_is_translated(path):
    lesson, translated = read_lesson(path), read_lesson(path)
    missing = translation.translate(translated, translation.read_catalog(path))
    assert len(missing) < 0.1 * len(list(translation.paragraphs(lesson))), missing
    nbformat.validate(translated)
    for cell, original in zip(translated.cells, lesson.cells, strict=True):
        if cell.cell_type == "code":
            assert cell.source == original.source
            assert cell.outputs == original.outputs
        else:
            for target in re.findall(r"\]\((?![a-z]+:)([^)#]+)", cell.source):
                assert (path.parent / target).exists(), target


@every_file
def test_code_links_and_lines_of_lists_and_tables_survive(path):
    for message in translation.read_catalog(path):
        if message.id and message.string and not message.fuzzy:
            for pattern in (r"`[^`]+`", r"\]\([^)]+\)", r"(?m)^[-|#>]+"):
                found, expected = (sorted(re.findall(pattern, text)) for text in (message.string, message.id))
                assert found == expected, message.id


def test_a_paragraph_that_changed_is_shown_in_english_until_somebody_confirms_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = Path("notebooks/translations/de/00_start_here.po")
    path.parent.mkdir(parents=True)
    shutil.copy(NOTEBOOKS / "translations/de/00_start_here.po", path)
    lesson = read_lesson(path)
    (cell,) = [cell for cell in lesson.cells if cell.source.startswith("What would you say?")]
    cell.source = "What would you say now? Here is the classifier:"
    nbformat.write(lesson, "notebooks/00_start_here.ipynb")
    translation.main([str(path)])
    total = len(list(translation.paragraphs(lesson)))
    assert (
        f"{total - 1} of {total} paragraphs are translated\n  missing: 'What would you say now?"
        in capsys.readouterr().out
    )
    sources = [cell.source for cell in nbformat.read(path.with_suffix(".ipynb"), as_version=4).cells]
    assert cell.source in sources
    assert "## 2. Was macht es zu Jazz?" in "\n".join(sources)
    message = translation.read_catalog(path).get(cell.source)
    assert message.fuzzy
    assert message.string.startswith("Worauf")
    path.unlink()  # a language begins with an empty file
    translation.main([str(path)])
    assert f"0 of {total} paragraphs are translated" in capsys.readouterr().out
