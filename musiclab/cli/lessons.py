"""Commands for the lessons: lab, restore."""

import sys
from typing import Annotated

import typer


def lab(
    flags: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- OPTION", help="Options of JupyterLab, after two hyphens."),
    ] = None,
) -> None:
    """Open the lessons in JupyterLab, as copies in the folder my_notebooks, where you can change them."""
    from musiclab.lessons.lab import find_folders, start_jupyterlab, update_copies

    originals, copies = find_folders()
    for name in update_copies(originals, copies):
        advice = f", or get the new one with `musiclab restore {name[:2]}`" if name[:2].isdigit() else ""
        print(f"{copies / name}: there is a new version. Yours is kept. Go on with it{advice}.", file=sys.stderr)
    start_jupyterlab(copies, flags or ())


def restore(
    lesson: Annotated[str, typer.Argument(metavar="LESSON", help="Number of the lesson, such as 05.")],
) -> None:
    """Start a lesson over: bring the original back, and keep your version beside it under another name."""
    from musiclab.lessons.lab import find_folders
    from musiclab.lessons.lab import restore as restore_lesson

    copy, kept = restore_lesson(lesson, *find_folders())
    print(f"{copy}: this is the original again." + (f" Your version is {kept.name}." if kept else ""))
