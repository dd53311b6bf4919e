"""Translate the text of lessons: ``python -m musiclab.lessons.translation``.

A translation is a PO file, the format of gettext, with one message per paragraph, such as
notebooks/translations/de/00_start_here.po. Code and outputs stay in the lesson, so they can't get out of step.
docs/translating.md explains how to work with it.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from musiclab.core.files import replacing

NOTEBOOKS = Path("notebooks")
_WORD = re.compile(r"[A-Za-z]{2}")


def paragraphs(notebook: nbformat.NotebookNode) -> Iterator[tuple[str, str]]:
    """Yield the texts of a lesson that a translator translates, each with the id of its cell.

    They are the paragraphs of its Markdown cells, and the alternative texts of its pictures.
    """
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield from ((cell.id, text) for text in cell.source.split("\n\n") if _is_text(text))
        elif "alt" in cell.metadata:
            yield cell.id, cell.metadata.alt


def translate(notebook: nbformat.NotebookNode, catalog: Catalog) -> list[str]:
    """Translate the text of a notebook in place, and return the paragraphs that have no valid translation.

    Links to other files get a prefix, because the translated notebook is two folders further down.
    """
    missing = []

    def replace(text: str) -> str:
        message = catalog.get(text)
        if message and message.string and not message.fuzzy:
            return message.string
        if _is_text(text):
            missing.append(text)
        return text

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = "\n\n".join(map(replace, cell.source.split("\n\n")))
            cell.source = re.sub(r"\]\((?![a-z]+:|#)", "](../../", text)
        elif "alt" in cell.metadata:
            cell.metadata.alt = replace(cell.metadata.alt)
    return missing


def read_catalog(path: Path) -> Catalog:
    """Read a PO file. The name of its folder is the language, such as ``de``."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.name)


def update(path: Path, notebook: nbformat.NotebookNode) -> None:
    """Bring the messages of a PO file up to date with the lesson, and create it if it doesn't exist.

    A paragraph that changed keeps its former translation as a suggestion, marked as fuzzy.
    """
    template = Catalog()
    for cell, text in paragraphs(notebook):
        template.add(text, auto_comments=[cell])
    catalog = read_catalog(path) if path.exists() else Catalog(locale=path.parent.name, fuzzy=False)
    catalog.update(template, update_creation_date=False)
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        write_po(file, catalog, width=120, ignore_obsolete=True, omit_header=False)


def main(paths: list[str]) -> None:
    """Update PO files, write the translated notebooks beside them, and print what is not translated."""
    for path in map(Path, paths or sorted(NOTEBOOKS.glob("translations/*/*.po"))):
        notebook = nbformat.read((NOTEBOOKS / path.name).with_suffix(".ipynb"), as_version=4)
        update(path, notebook)
        total = len(list(paragraphs(notebook)))
        missing = translate(notebook, read_catalog(path))
        with replacing(path.with_suffix(".ipynb")) as unfinished:
            nbformat.write(notebook, unfinished)
        print(f"{path}: {total - len(missing)} of {total} paragraphs are translated")
        for text in missing:
            print(f"  missing: {text[:70]!r}")


def _is_text(text: str) -> bool:
    """Return True unless a paragraph is only a formula or has no words."""
    return not text.startswith("$$") and bool(_WORD.search(text))


if __name__ == "__main__":
    main(sys.argv[1:])
