"""The page that a run leaves behind: what it scored, how it learnt, and its mistakes, to look at and listen to."""

from pathlib import Path

from musiclab.core.files import replacing
from musiclab.runs import runfolder


def write(folder: str | Path) -> Path:
    """Write ``curves.png``, ``confusion.png`` and ``report.html`` into a run folder, from the files that are in it.

    The page is one file that needs nothing else: pictures and sounds are inside it, and no script.

    Parameters
    ----------
    folder
        Of a run, or of a cross-validation.

    Returns
    -------
    pathlib.Path
        Of the page.

    Raises
    ------
    RunError
        There is no finished run in the folder.
    """
    from musiclab.runs.report import figures, mistakes, page  # here: training does without matplotlib and decoders

    run = runfolder.read(folder)
    pictures = {"curves.png": figures.curves(run), "confusion.png": figures.confusion(run)}
    for name, picture in pictures.items():
        if picture is None:  # nothing was trained in epochs; an older run's picture must not stay
            (run.path / name).unlink(missing_ok=True)
            continue
        with replacing(run.path / name) as unfinished:
            unfinished.write_bytes(picture)
    with replacing(run.path / "report.html") as unfinished:
        text = page.page(run, pictures["curves.png"], pictures["confusion.png"], mistakes.worst(run))
        unfinished.write_text(text, encoding="utf-8")
    return run.path / "report.html"
