"""Run notebooks from a clean kernel and keep what they show: ``python -m musiclab.lessons.notebooks``."""

import base64
import io
import os
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from PIL import Image

from musiclab.core.errors import MusiclabError
from musiclab.core.files import replacing

LARGEST = 1_500_000
"""Bytes that a notebook may have with its outputs."""

LONGEST = 180
"""Seconds that a notebook should take on two cores; more is pointed out, and no error: machines differ."""

WIDGET = "application/vnd.jupyter.widget-view+json"


def execute(path: str | Path, fast: bool = False, timeout: int = 600) -> nbformat.NotebookNode:
    """Run a notebook and return it with its new outputs; the file is not touched.

    Parameters
    ----------
    path
        The notebook; it runs in its own folder.
    fast
        Shorten trainings: a line ``EPOCHS = 30`` is run as ``EPOCHS = 2``. No cell is skipped.
    timeout
        Seconds a cell may take.

    Raises
    ------
    MusiclabError
        A cell failed, or took too long, or ended the kernel; the message holds its source and its traceback.
    """
    path = Path(path)
    notebook = nbformat.read(path, as_version=4)
    if fast:
        for cell in notebook.cells:
            cell.source = re.sub(r"^EPOCHS = \d+", "EPOCHS = 2", cell.source, flags=re.MULTILINE)
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": path.parent}},
    )
    try:
        client.execute(env={**os.environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1"})  # no debugger warning on stderr
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise MusiclabError(f"{path}: {error}") from error
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of the day: they would change at every run
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                data["image/png"] = _in_256_colours(data["image/png"])
    _keep_stills(notebook)
    notebook.metadata.pop("widgets", None)
    return notebook


def before_saving(model: dict, **_) -> None:
    """Jupyter's pre-save hook (``make lab`` sets it): a reader's saved notebook holds stills in place of widgets."""
    if model["type"] == "notebook" and model["content"]:
        _keep_stills(model["content"])


def _keep_stills(notebook: dict) -> None:
    """Drop what shows a widget where another form stands beside it: a widget's state is not kept, and opened again
    there would be "Error displaying widget"."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if WIDGET in data and len(data) > 2:
                del data[WIDGET]


def _in_256_colours(png: str) -> str:
    """A picture, base64 in and out, with a palette of its own: about a third of the bytes, and no visible change."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    smaller = io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(smaller, "PNG", optimize=True)
    return base64.b64encode(smaller.getvalue()).decode()


def problems(notebook: nbformat.NotebookNode) -> list[str]:
    """What must not stand in a notebook that is committed: errors, warnings, text on stderr, too many bytes."""
    found = []
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        found.append("its outputs are not from one clean run")
    for number, cell in enumerate(code, start=1):
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(f"cell {number}: {output.ename}")
            elif output.get("name") == "stderr":
                found.append(f"cell {number}: on stderr: {output.text.strip()[:200]}")
            elif WIDGET in output.get("data", {}):
                found.append(f"cell {number}: a widget without a still picture")
    size = len(nbformat.writes(notebook).encode())
    if size > LARGEST:
        found.append(f"{size / 1e6:.2f} MB, more than {LARGEST / 1e6:.1f}")
    return found


def main(paths: list[str]) -> int:
    """Execute notebooks in place, in order; print seconds and problems. Status 1 if there are any."""
    status, total = 0, 0.0
    lessons = sorted(Path("notebooks").glob("[0-9]*.ipynb")) + sorted(Path("notebooks/solutions").glob("*.ipynb"))
    for path in map(Path, paths or lessons):
        started = time.perf_counter()
        try:
            notebook = execute(path)
        except MusiclabError as error:  # the others are run all the same; the file stays as it was
            print(error, flush=True)
            status = 1
            continue
        found = problems(notebook)
        with replacing(path) as unfinished:
            nbformat.write(notebook, unfinished)
        seconds = time.perf_counter() - started
        total += seconds
        late = f", more than {LONGEST} s" if seconds > LONGEST else ""
        print(f"{path}: {seconds:.0f} s{late}, {path.stat().st_size / 1e6:.2f} MB", *found, sep="\n  ", flush=True)
        status = 1 if found else status
    print(f"{total / 60:.1f} minutes in all")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
