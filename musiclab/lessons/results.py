"""Collect the exported progress of a class, and show who is stuck where.

Everything in an exported file was written by a student, so it is checked, and escaped in the page.
"""

import base64
import html
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from musiclab import plots
from musiclab.core.errors import MusiclabError, counted
from musiclab.core.files import replacing, write_csv
from musiclab.lessons import learner, names

STUCK = 3  # tries without a correct answer
LARGEST = 1_000_000  # bytes of an exported file
_GREYS = {"correct": "0.35", "tried": "0.8", "not yet": "1.0"}


@dataclass(frozen=True)
class ClassResults:
    """Progress of a class.

    Attributes
    ----------
    students : dict
        Recorded verdicts by exercise, for each student's name.
    exercises : list of str
        Exercises of all lessons that somebody has begun, or of all lessons if nobody has begun.
    left_out : list of (str, str)
        Path and reason for each file that was not used.
    """

    students: dict[str, dict[str, dict]]
    exercises: list[str]
    left_out: list[tuple[str, str]]

    def to_frame(self) -> pd.DataFrame:
        """Return a table with one row for each student and exercise: student, exercise, state, tries and last hint."""
        rows = []
        for student, entries in self.students.items():
            for name in self.exercises:
                entry = entries.get(name)
                tries, hint = (entry["tries"], entry.get("hint", "")) if entry else (0, "")
                rows.append((student, name, learner.state(entry), tries, hint))
        return pd.DataFrame(rows, columns=["student", "exercise", "state", "tries", "hint"])

    def count_correct(self) -> pd.DataFrame:
        """Return the number of correct exercises as "2 of 4", with one row per student and one column per lesson."""
        table = self.to_frame()
        lesson = table["exercise"].str[:2].rename("lesson")
        groups = table["state"].eq("correct").groupby([table["student"], lesson], sort=False)
        return (groups.sum().astype(str) + " of " + groups.size().astype(str)).unstack().rename_axis(columns=None)

    def find_stuck(self) -> pd.DataFrame:
        """Return the exercises that somebody tried at least three times in vain, those of most students first."""
        table = self.to_frame()
        is_stuck = table["tries"].ge(STUCK) & table["state"].ne("correct")
        rows = []
        for name, group in table[is_stuck].groupby("exercise"):
            rows.append((name, len(group), group["hint"].mode()[0], ", ".join(group["student"])))
        found = pd.DataFrame(rows, columns=["exercise", "stuck", "most frequent hint", "students"])
        return found.sort_values("stuck", ascending=False, kind="stable").set_index("exercise")

    def plot(self, ax: Axes | None = None) -> Axes:
        """Plot a grid of students and exercises: dark is correct, and a number counts the tries in vain."""
        ax = plots.style.axes(ax, self._size())
        lessons = pd.Series(self.exercises).str[:2]
        gaps = lessons.factorize()[0] / 2  # half a square more for each lesson
        columns = gaps + range(len(gaps))
        for row, entries in enumerate(self.students.values()):
            for column, name in zip(columns, self.exercises, strict=True):
                state = learner.state(entries.get(name))
                grey = _GREYS["tried" if state.startswith("tried") else state]
                corner = column - 0.45, row - 0.45
                ax.add_patch(Rectangle(corner, 0.9, 0.9, facecolor=grey, edgecolor="0.6", linewidth=0.6))
                if state.startswith("tried"):
                    text = str(min(entries[name]["tries"], 99))
                    ax.text(column, row, text, ha="center", va="center", fontsize=8, color="black")
        ax.set_xticks(columns, [name[3:] for name in self.exercises])
        for lesson, positions in pd.Series(columns).groupby(lessons):
            ax.text(positions.mean(), -0.8, lesson, ha="center", fontsize=9, fontweight="bold")
        ax.set_yticks(range(len(self.students)), plots.drawable(self.students))
        ax.set(
            xlabel="exercise, below its lesson", xlim=(-0.7, columns[-1] + 0.7), ylim=(len(self.students) - 0.4, -1.3)
        )
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        return ax

    def describe(self) -> str:
        """Describe the grid in a sentence or two, as alternative text."""
        states = self.to_frame()["state"]
        solved, tried = states.eq("correct").sum(), states.str.startswith("tried").sum()
        text = (
            f"Grid of {counted(len(self.students), 'student')} and {counted(len(self.exercises), 'exercise')}: "
            f"{solved} of {len(states)} squares are dark (correct), {tried} are light and count tries in vain, "
            "and the others are white (not yet)."
        )
        stuck = self.find_stuck()
        return text + (f" Most students are stuck at exercise {stuck.index[0]}." if len(stuck) else "")

    def write(self, path: str | Path) -> Path:
        """Write a page (``.html``) with the picture and the tables, or all states and hints as a table (``.csv``)."""
        check_output(path)
        if Path(path).suffix == ".csv":
            return write_csv(path, self.to_frame())
        with replacing(path) as unfinished:
            unfinished.write_text("\n".join(self._page()), encoding="utf-8")
        return Path(path)

    def _size(self) -> tuple[float, float]:
        return 1.8 + 0.27 * len(self.exercises), 0.9 + 0.27 * len(self.students)

    def _page(self) -> Iterator[str]:
        figure = Figure(figsize=self._size(), layout="constrained")
        self.plot(figure.subplots())
        png = io.BytesIO()
        figure.savefig(png, dpi=110)
        alt, picture = html.escape(self.describe()), base64.b64encode(png.getvalue()).decode()
        yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Progress of the class</title>'
        yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>'
        yield "body { font: 1rem/1.5 system-ui, sans-serif; margin: 1.5rem; }"
        yield "div { overflow-x: auto; }\ntable { border-collapse: collapse; }"
        yield "th, td { padding: 0.2rem 0.7rem; border: 1px solid #999; text-align: left; }\n</style>\n</head>"
        yield "<body>\n<main>\n<h1>Progress of the class</h1>"
        yield f'<div><img alt="{alt}" src="data:image/png;base64,{picture}"></div>'
        yield "<p>Dark squares are correct. A number counts the tries of an exercise that isn't correct yet.</p>"
        stuck = self.find_stuck()
        if len(stuck):
            yield f"<h2>Stuck after {STUCK} tries or more</h2>\n<div>{_to_html(stuck)}</div>"
        yield f"<h2>Correct exercises of each lesson</h2>\n<div>{_to_html(self.count_correct())}</div>"
        if self.left_out:
            yield "<h2>Files that were left out</h2>\n<ul>"
            yield from (f"<li>{html.escape(reason)}</li>" for _, reason in self.left_out)
            yield "</ul>"
        yield "</main>\n</body>\n</html>\n"


def collect(folder: str | Path) -> ClassResults:
    """Read the files that the students of a class have exported with :func:`musiclab.lessons.export`.

    Files that can't be used are listed and passed over. If a student handed in several, the latest counts.

    Parameters
    ----------
    folder : str or Path
        Folder of the files, which may lie in subfolders. Their names end in ``.json``.

    Returns
    -------
    ClassResults
        Progress of each student, in the order of their names, and the files that were left out.

    Raises
    ------
    MusiclabError
        If the folder doesn't exist, or contains no file that can be used.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from musiclab.lessons import export
    >>> with TemporaryDirectory() as folder:
    ...     file = export(f"{folder}/ada.json", name="Ada")
    ...     collect(folder).students
    {'Ada': {}}
    """
    if not Path(folder).is_dir():
        raise MusiclabError(f"{folder}: no such folder. Put the files that the students exported into one folder.")
    latest, left_out = {}, []
    known = set(names())
    for path in sorted(path for path in Path(folder).rglob("*.json") if path.is_file()):
        try:
            content = _read_export(path, known)
        except (ValueError, RecursionError, OSError) as error:
            left_out.append((str(path), f"{path}: {_explain(error)}"))
            continue
        key = " ".join(content["name"].casefold().split())
        former_path, former = latest.get(key, (None, None))
        if former and _time(former) >= _time(content):
            left_out.append((str(path), f"{path}: {former_path.name} is by the same student and not older"))
            continue
        if former:
            left_out.append((str(former_path), f"{former_path}: {path.name} is by the same student and newer"))
        latest[key] = path, content
    if not latest:
        details = "".join(f"\n  {reason}" for _, reason in left_out)
        raise MusiclabError(f"{folder}: no file from lessons.export('me.json', name='Ada') can be used.{details}")
    students = {content["name"]: content["exercises"] for _, (_, content) in sorted(latest.items())}
    begun = {name[:2] for entries in students.values() for name in entries}
    exercises = [name for name in names() if name[:2] in begun or not begun]
    return ClassResults(students, exercises, left_out)


def check_output(path: str | Path) -> None:
    """Raise MusiclabError unless results can be written to a file of that name."""
    if Path(path).suffix not in (".html", ".csv"):
        raise MusiclabError(f"{path}: expected a name that ends in .html or .csv")


def _read_export(path: Path, known: set[str]) -> dict:
    """Read an exported file. Raise ValueError with the reason if it can't be used."""
    if path.stat().st_size > LARGEST:
        raise ValueError("the file is too large for an exported progress")
    text = path.read_text(encoding="utf-8")
    if not text.strip():
        raise ValueError("the file is empty")
    content = json.loads(text)
    if not isinstance(content, dict) or not str(content.get("format")).startswith("musiclab progress"):
        raise ValueError("this is no exported progress. Ask for a file from lessons.export.")
    if content["format"] != learner.FORMAT:
        raise ValueError(f"it was written by another version of musiclab ({str(content.get('musiclab'))[:20]})")
    checksum = content.pop("sha256", None)
    if checksum != learner.fingerprint(content):
        raise ValueError("its content doesn't match its checksum. It is damaged, or was edited.")
    learner.check_name(content.get("name"))
    learner.check_entries(content.get("exercises"))
    _time(content)
    if unknown := sorted(set(content["exercises"]) - known):
        raise ValueError(f"this version of musiclab has no exercise {unknown[0][:20]!r}. Update musiclab.")
    return content


def _time(content: dict) -> float:
    return datetime.fromisoformat(str(content.get("time"))).timestamp()


def _explain(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError | json.JSONDecodeError | RecursionError):
        return "the file is damaged, or no JSON file"
    return getattr(error, "strerror", None) or str(error)


def _to_html(table: pd.DataFrame) -> str:
    with pd.option_context("display.max_colwidth", None):
        return table.reset_index().to_html(index=False)
