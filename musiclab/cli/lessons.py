"""Commands for the lessons: lab, restore, class results."""

import sys
from pathlib import Path
from typing import Annotated

import typer

class_app = typer.Typer(help="Follow a class: collect what the students hand in.", no_args_is_help=True)


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


@class_app.command(epilog="Example: musiclab class results handed_in --out results.html")
def results(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder of the files that students wrote with lessons.export.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Page (.html) with a picture, or table (.csv) with all states and hints, to write."),
    ] = None,
) -> None:
    """Show how far the students of a class are, and who is stuck at which exercise."""
    from musiclab.core.errors import counted
    from musiclab.core.files import check_can_write
    from musiclab.lessons.results import STUCK, check_output, collect

    if out is not None:
        check_output(out)
        check_can_write(out, "the results", "results.html")
    found = collect(folder)
    print(found.count_correct().to_string())
    stuck = found.find_stuck()
    if len(stuck):
        print(f"\nnot correct after {STUCK} tries or more:\n{stuck.to_string(max_colwidth=50)}")
    if out is not None:
        print(found.write(out))
    if found.left_out:
        heading = f"{counted(len(found.left_out), 'file')} left out:"
        print(heading, *(reason for _, reason in found.left_out), sep="\n  ", file=sys.stderr)
    raise typer.Exit(1 if found.left_out else 0)
