"""Commands for teachers: class results, class grade."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from musiclab.cli.output import check_table

app = typer.Typer(help="Follow a class: show where students are stuck, and grade assignments.", no_args_is_help=True)


@app.command(epilog="Example: musiclab class results handed_in --out results.html")
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


@app.command(epilog="Example: musiclab class grade submissions build/assignments/05 --csv points.csv")
def grade(
    submissions: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder with one notebook for each student.")],
    assignment: Annotated[
        Path, typer.Argument(metavar="ASSIGNMENT", help="Folder that `make assignment` wrote, with the hidden tests.")
    ],
    csv: Annotated[Path | None, typer.Option("--csv", help="Table to write (.csv), one row for each student.")] = None,
    seconds: Annotated[int, typer.Option("--seconds", min=1, help="Longest time of one notebook.")] = 300,
    megabytes: Annotated[int, typer.Option("--megabytes", min=500, help="Largest memory of one notebook.")] = 4096,
) -> None:
    """Grade a folder of notebooks: run each in a process of its own, and test the answers that it yields."""
    check_table(csv)
    from musiclab.core.files import write_csv
    from musiclab.lessons.grading import grade as grade_folder
    from musiclab.lessons.submission import can_confine

    if not can_confine():
        message = "this system can't keep a notebook away from your files. Grade in a container (docs/grading.md)."
        print(message, file=sys.stderr)
    table = grade_folder(submissions, assignment, seconds, megabytes)
    if csv is not None:
        write_csv(csv, table)
    print(table.drop(columns="message").to_string(index=False, na_rep=""))
    for row in table[table["message"] != ""].itertuples():
        print(f"{row.student}: {row.message}")
