"""Open the lessons in JupyterLab, as copies that belong to the learner."""

import hashlib
import json
import os
import re
import shutil
import sysconfig
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

import nbformat
from nbformat.sign import NotebookNotary

from musiclab.core.errors import MusiclabError
from musiclab.core.files import replacing, write_json

PATTERNS = ("[0-9]*.ipynb", "solutions/[0-9]*.ipynb", "glossary.md")  # what is copied
RECORD = ".copied.json"  # hashes of the originals that were copied, in the folder of the copies
SETTINGS = Path(__file__).parent / "jupyter"  # a configuration folder of Jupyter, and the style of its pages


def find_folders() -> tuple[Path, Path]:
    """Return the folder of the original lessons, and that of the learner's copies beside it.

    Raises
    ------
    MusiclabError
        If neither the current folder nor one above it contains ``notebooks``.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "notebooks" / "00_start_here.ipynb").is_file():
            return folder / "notebooks", folder / "my_notebooks"
    raise MusiclabError(
        f"{here}: the lessons are neither here nor in a folder above. "
        "Change to the folder that you cloned, which contains `notebooks`, and run the command again."
    )


def update_copies(originals: Path, copies: Path) -> list[str]:
    """Copy new and updated lessons, keep what the learner changed, and trust the copies.

    A notebook counts as changed if the text of its cells is. Outputs, and empty cells, don't count. JupyterLab removes
    the sounds of a notebook that isn't trusted, so every unchanged copy is signed.

    Parameters
    ----------
    originals : Path
        Folder of the lessons.
    copies : Path
        Folder of the learner's copies. It is created if it doesn't exist.

    Returns
    -------
    list of str
        Names of the files that both the learner and an update changed. They are kept as the learner left them.
    """
    record = _read_record(copies)
    notary = NotebookNotary()
    kept = []
    for original in _iter_originals(originals):
        name = original.relative_to(originals).as_posix()
        copy = copies / name
        newest = {"file": _hash(original.read_bytes()), "text": _hash_text(original)}
        copied = record.get(name, {})
        if copy.exists() and _hash_text(copy) not in (newest["text"], copied.get("text")):
            if newest["text"] != copied.get("text"):
                kept.append(name)
            continue
        if not copy.exists() or newest != copied:
            _copy(original, copy)
            record[name] = newest
        _trust(copy, notary)
    write_json(copies / RECORD, record)
    return kept


def restore(lesson: str, originals: Path, copies: Path) -> tuple[Path, Path | None]:
    """Replace the learner's copy of a lesson by the original, and keep the learner's version under another name.

    Parameters
    ----------
    lesson : str
        Number of the lesson, such as "05", or the name of its file.
    originals, copies : Path
        Folders, as in :func:`update_copies`.

    Returns
    -------
    copy : Path
        The restored lesson.
    kept : Path or None
        The learner's version, such as ``05_datasets_and_splits_mine.ipynb``, or None if there was none.

    Raises
    ------
    MusiclabError
        If there is no such lesson.
    """
    numbers = {path.name[:2]: path for path in originals.glob("[0-9][0-9]_*.ipynb")}
    digits = re.match(r"\d{1,2}(?!\d)", lesson)
    original = numbers.get(digits[0].zfill(2)) if digits else None
    if original is None:
        raise MusiclabError(f"{lesson}: no such lesson. Choose a number from {min(numbers)} to {max(numbers)}.")
    copy, kept = copies / original.name, None
    if copy.exists():
        endings = ("" if number == 1 else f"_{number}" for number in count(1))
        names = (copy.with_stem(f"{copy.stem}_mine{ending}") for ending in endings)
        kept = next(path for path in names if not path.exists())
        copy.rename(kept)
    _copy(original, copy)
    _trust(copy, NotebookNotary())
    record = _read_record(copies)
    record[original.name] = {"file": _hash(original.read_bytes()), "text": _hash_text(original)}
    write_json(copies / RECORD, record)
    return copy, kept


def start_jupyterlab(folder: Path, flags: Iterable[str] = ()) -> None:
    """Start JupyterLab in a folder, open lesson 00 in the browser, and return when JupyterLab ends.

    Parameters
    ----------
    folder : Path
        Folder of the notebooks.
    flags : iterable of str
        More options of JupyterLab, such as ``"--port=9000"``.
    """
    from jupyterlab.labapp import LabApp  # not at the top, because it takes a second

    def prepend(variable: str, path: str | Path) -> None:
        os.environ[variable] = os.pathsep.join(filter(None, [str(path), os.environ.get(variable)]))

    os.chdir(folder)  # where terminals of JupyterLab open
    prepend("PATH", sysconfig.get_path("scripts"))  # in which they find the command musiclab
    prepend("JUPYTER_CONFIG_PATH", SETTINGS)  # no questions about news and updates
    options = [
        f"--ServerApp.root_dir={folder}",
        "--LabApp.default_url=/lab/tree/00_start_here.ipynb",
        "--LabApp.custom_css=True",  # figures that don't glare on a dark page
        f"--ServerApp.tornado_settings={ {'static_custom_path': [str(SETTINGS / 'custom')]} }",
        # saved notebooks keep pictures instead of widgets, because the state of a widget is lost when they are reopened
        "--ContentsManager.pre_save_hook=musiclab.lessons.notebooks.before_saving",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # JupyterLab refuses to run as root without this option
        options.append("--ServerApp.allow_root=True")
    LabApp.launch_instance([*options, *flags])


def _iter_originals(folder: Path) -> Iterator[Path]:
    for pattern in PATTERNS:
        yield from sorted(folder.glob(pattern))


def _read_record(copies: Path) -> dict:
    """Read the hashes of the copied originals. Without them, every copy that differs from its original is changed."""
    try:
        return json.loads((copies / RECORD).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}


def _copy(original: Path, copy: Path) -> None:
    with replacing(copy) as unfinished:
        shutil.copyfile(original, unfinished)


def _trust(path: Path, notary: NotebookNotary) -> None:
    if path.suffix == ".ipynb":
        notary.sign(nbformat.read(path, as_version=4))


def _hash_text(path: Path) -> str:
    """Hash what a learner can write in a notebook, which are the cells without their outputs, or a whole other file."""
    content = path.read_bytes()
    if path.suffix == ".ipynb":
        try:
            cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(content)["cells"]]
        except (ValueError, KeyError, TypeError):  # no notebook any more
            return _hash(content)
        content = json.dumps([cell for cell in cells if cell[1].strip()]).encode()
    return _hash(content)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
