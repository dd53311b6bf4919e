"""Build the slides of each lesson: ``make slides`` writes them to build/slides, ``make book`` to build/book/slides.

A deck, ``docs/slides/NN.toml``, is a list of slides. Its figures and sounds are outputs of cells of the lesson::

    [[slides]]
    title = "What do you hear?"
    points = ["Two to four short lines"]  # optional
    show = "cell-06"                      # id of the cell whose outputs are shown
    outputs = [0]                         # which of them; all without this line
    code = true                           # show the code of the cell instead
    predict = true                        # hide the outputs until the class has guessed
    quiz = 2                              # or: ask this question of the lesson's quiz
    minutes = 3
    notes = "What to say, and what to ask."
"""

import re
import sys
import tomllib
from pathlib import Path

import jinja2
import nbformat
from markdown_it import MarkdownIt
from markupsafe import Markup
from notebook_pages import Page, write_host

from musiclab.lessons.quizzes import Quiz, quiz

ROOT = Path(__file__).parent.parent
SLIDES = ROOT / "docs" / "slides"
_markdown = MarkdownIt()


def write_deck(notebook, page: Page, path: Path) -> None:
    """Write the slides of a lesson, with outputs of its notebook as the page of the book shows them."""
    lesson, title = notebook.cells[0].source.partition("\n")[0].removeprefix("# ").split(" ", 1)
    cells = {cell.id: cell for cell in notebook.cells}
    deck = tomllib.loads((SLIDES / f"{lesson}.toml").read_text(encoding="utf-8"))["slides"]
    for slide in deck:
        slide["shown"] = shown(slide, cells[slide["show"]], page) if "show" in slide else []
        if "quiz" in slide:
            question = quiz(lesson).questions[slide["quiz"] - 1]
            slide["title"] = inline(question["ask"])
            answers = Quiz(lesson, [question])._repr_html_().partition("\n")[2]  # without the question
            slide["quiz"] = Markup(answers)
        slide["points"] = [inline(point) for point in slide.get("points", [])]
        slide["title"], slide["notes"] = inline(slide["title"]), inline(slide["notes"])
    template = jinja2.Template((SLIDES / "deck.html").read_text(encoding="utf-8"), autoescape=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    lesson_page = f"{page.top}{page.name}.html" if "/" in page.name else None  # only the book has it
    html = template.render(lesson=lesson, title=title, slides=deck, top=page.top, lesson_page=lesson_page)
    path.write_text(html, encoding="utf-8")


def inline(text: str) -> Markup:
    """Convert a line of Markdown to HTML."""
    return Markup(_markdown.renderInline(text))


def shown(slide: dict, cell, page: Page) -> list[Markup]:
    """Return what a slide shows of a cell as HTML, each caption in one piece with what follows it."""
    outputs = [f"```python\n{cell.source}\n```"] if slide.get("code") else page.outputs(cell)
    pieces, caption = [], Markup()
    for output in [outputs[index] for index in slide.get("outputs", range(len(outputs)))]:
        raw = re.fullmatch(r"(`+)\{raw} html\n(.*)\n\1", output, re.DOTALL)
        content = caption + Markup(raw[2] if raw else _markdown.render(output))
        if raw or slide.get("code"):
            pieces, caption = [*pieces, content], Markup()
        else:
            caption = content
    return pieces


def main(folder: Path) -> None:
    """Write all decks to a folder, with the sounds and figures that they need."""
    write_host(folder)
    for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        write_deck(nbformat.read(path, as_version=4), Page(path.stem, folder), folder / f"{path.stem[:2]}.html")


def write_deck_of_page(app, notebook, page: Page) -> None:
    """Write the slides of a lesson when its page is made."""
    folder, _, name = page.name.rpartition("/")
    if folder == "notebooks":
        write_deck(notebook, page, Path(app.outdir, "slides", f"{name[:2]}.html"))


def setup(app) -> None:
    """Write slides while Sphinx reads notebooks."""
    app.connect("notebook-read", write_deck_of_page)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
