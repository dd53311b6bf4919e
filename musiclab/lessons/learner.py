"""Record which exercises a learner has solved, show them, and export them for a teacher."""

import hashlib
import json
import os
import warnings
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from filelock import FileLock

import musiclab
from musiclab.core.errors import MusiclabError
from musiclab.core.files import write_json

FORMAT = "musiclab progress 1"  # of the file that a learner exports
PATIENCE = 5  # s to wait for another notebook that is saving a verdict


def record_file() -> Path | None:
    """Return the file with the learner's verdicts, or None if nothing is recorded.

    The environment variable ``MUSICLAB_PROGRESS`` overrides the default, a file in the user's data folder. If it is
    empty, nothing is recorded. The file isn't in the folder of the notebooks, because a lesson can also be opened in
    other ways than with ``make lab``, and because the folder may be deleted or restored.
    """
    if (name := os.environ.get("MUSICLAB_PROGRESS")) is not None:
        return Path(name) if name else None
    import platformdirs  # not at the top, because it is rarely needed

    return Path(platformdirs.user_data_dir("musiclab", appauthor=False)) / "progress.json"


def record(name: str, is_right: bool, text: str) -> None:
    """Record a verdict on an exercise. A file that can't be written causes a warning, never an error.

    Answers to a solved exercise don't count, nor does a worked solution, which runs in the folder ``solutions``.
    """
    file = record_file()
    if file is None or Path.cwd().name == "solutions":
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_name(f".{file.name}.lock"), timeout=PATIENCE):  # for notebooks that run at once
            entries = read()
            entry = entries.get(name, {"tries": 0, "is_correct": False})
            if entry["is_correct"]:
                return
            hint = {} if is_right else {"hint": text.encode("utf-8", "replace").decode()}
            entries[name] = {"tries": entry["tries"] + 1, "is_correct": is_right, "time": _now(), **hint}
            write_json(file, entries)
    except OSError as error:  # Timeout of a lock is one, too
        warnings.warn(f"{file}: your progress can't be saved ({error.strerror or error}).", stacklevel=3)


def read() -> dict[str, dict]:
    """Read the recorded verdicts by exercise. A damaged file is moved aside, and the record begins again."""
    file = record_file()
    try:
        entries = json.loads(file.read_text(encoding="utf-8")) if file else {}
        check_entries(entries)
    except FileNotFoundError:
        return {}
    except ValueError:
        file.replace(file.with_name(f"{file.name}.damaged"))
        return {}
    return entries


def check_entries(entries) -> None:
    """Raise ValueError unless ``entries`` are recorded verdicts by exercise."""
    if not isinstance(entries, dict):
        raise ValueError("expected a table of exercises")
    for name, entry in entries.items():
        is_valid = (
            isinstance(entry, dict)
            and type(entry.get("tries")) is int
            and entry["tries"] > 0
            and type(entry.get("is_correct")) is bool
            and isinstance(entry.get("hint", ""), str)
        )
        if not is_valid:
            raise ValueError(f"exercise {name[:20]!r}: expected tries and is_correct")
        entry.get("hint", "").encode()  # raises ValueError for half of a character


def state(entry: dict | None) -> str:
    """Say in words how far a learner is with an exercise."""
    if entry is None:
        return "not yet"
    if entry["is_correct"]:
        return "correct"
    return "tried once" if entry["tries"] == 1 else f"tried {entry['tries']} times"


def progress() -> pd.DataFrame:
    """Show which exercises you have solved.

    :func:`check` records its verdicts in a file on this computer. Each run of a cell with an answer counts as a try.
    Nothing is sent anywhere.

    Returns
    -------
    DataFrame
        One row per lesson and one column per exercise: "correct", "tried 3 times", "not yet", or empty if the lesson
        has no such exercise.

    Examples
    --------
    >>> progress().loc["04"].tolist()
    ['not yet', 'not yet', 'not yet', 'not yet', '']
    """
    from musiclab.lessons import names

    entries = read()
    cells = [(*name.split("."), state(entries.get(name))) for name in names()]
    table = pd.DataFrame(cells, columns=["lesson", "exercise", "state"])
    return table.pivot(index="lesson", columns="exercise", values="state").fillna("")


def export(path: str | os.PathLike, name: str) -> Path:
    """Write your progress to a file that you can give to your teacher.

    Parameters
    ----------
    path : str or Path
        File to write, such as ``"me.json"``.
    name : str
        Your name, or whatever your teacher knows you by.

    Returns
    -------
    Path
        The written file.

    Raises
    ------
    MusiclabError
        If the name is empty, longer than 60 characters, or begins with a sign that a spreadsheet takes for a formula.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     export(f"{folder}/me.json", name="Ada").name
    'me.json'
    """
    try:
        check_name(name)
    except ValueError as error:
        raise MusiclabError(f"name: {error}. Write for example lessons.export('me.json', name='Ada').") from None
    content = {"format": FORMAT, "musiclab": musiclab.__version__, "name": name, "time": _now(), "exercises": read()}
    return write_json(path, content | {"sha256": fingerprint(content)})


def check_name(name) -> None:
    """Raise ValueError unless ``name`` can stand in a table for a learner."""
    if not isinstance(name, str) or not name.strip() or len(name) > 60 or not name.isprintable():
        raise ValueError("expected 1 to 60 printable characters")
    if name[0] in "=+-@":
        raise ValueError(f"a spreadsheet would take {name[0]!r} at the beginning for a formula")


def fingerprint(content: dict) -> str:
    """Compute the checksum of an exported progress. It reveals damage, but anybody can compute it anew."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
