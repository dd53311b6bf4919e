"""Run notebooks from a clean kernel and save their outputs: ``python -m musiclab.lessons.notebooks``."""

import base64
import io
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from PIL import Image

from musiclab.core.errors import MusiclabError
from musiclab.core.files import replacing

LARGEST = 1_500_000  # bytes of a notebook with its outputs
LONGEST = 180  # seconds on two cores; more is noted, but is no error, because machines differ
WIDGET = "application/vnd.jupyter.widget-view+json"


def execute(path: str | Path, fast: bool = False, timeout: int = 600) -> nbformat.NotebookNode:
    """Run a notebook and return it with its new outputs, without changing the file.

    Parameters
    ----------
    path
        The notebook, which runs in its own folder.
    fast
        Shorten trainings: a line ``EPOCHS = 30`` is run as ``EPOCHS = 1``.
    timeout
        Longest time for one cell, in seconds.

    Raises
    ------
    MusiclabError
        A cell failed, took too long, or ended the kernel; the message has its source and its traceback.
    """
    path = Path(path)
    notebook = nbformat.read(path, as_version=4)
    if fast:
        for cell in notebook.cells:
            cell.source = re.sub(r"^EPOCHS = \d+", "EPOCHS = 1", cell.source, flags=re.MULTILINE)
    resources = {"metadata": {"path": path.parent}}
    client = NotebookClient(
        notebook, timeout=timeout, kernel_name="python3", coalesce_streams=True, resources=resources
    )
    try:
        client.execute(env={**os.environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1"})  # no debugger warning on stderr
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise MusiclabError(f"{path}: {error}") from error
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of the day, which change at every run
    for data in _displayed(notebook):
        if "image/png" in data:
            data["image/png"] = _in_256_colours(data["image/png"])
    _keep_stills(notebook)
    notebook.metadata.pop("widgets", None)
    return notebook


def before_saving(model: dict, **_) -> None:
    """Replace widgets by still pictures when a reader saves a notebook: Jupyter's pre-save hook (see the Makefile)."""
    if model["type"] == "notebook" and model["content"]:
        _keep_stills(model["content"])


def _displayed(notebook: dict) -> Iterator[dict]:
    """Yield the data of all outputs, by MIME type."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            yield output.get("data", {})


def _keep_stills(notebook: dict) -> None:
    """Remove the widget from outputs that have another form, too: its state is not saved, so it could not be shown."""
    for data in _displayed(notebook):
        if WIDGET in data and len(data) > 2:
            del data[WIDGET]


def _in_256_colours(png: str) -> str:
    """Convert a picture, base64 in and out, to a palette: a third of the bytes, and no visible change."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    smaller = io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(smaller, "PNG", optimize=True)
    return base64.b64encode(smaller.getvalue()).decode()


def problems(notebook: nbformat.NotebookNode) -> list[str]:
    """List what must not be committed in a notebook: errors, warnings, text on stderr, too many bytes."""
    faults = []
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        faults.append("its outputs are not from one clean run")
    for cell_number, cell in enumerate(code, start=1):
        for output in cell.outputs:
            if output.output_type == "error":
                faults.append(f"cell {cell_number}: {output.ename}")
            elif output.get("name") == "stderr":
                faults.append(f"cell {cell_number}: on stderr: {output.text.strip()[:200]}")
            elif WIDGET in output.get("data", {}):
                faults.append(f"cell {cell_number}: a widget without a still picture")
    size = len(nbformat.writes(notebook).encode())
    if size > LARGEST:
        faults.append(f"{size / 1e6:.2f} MB, more than {LARGEST / 1e6:.1f}")
    return faults


def main(paths: list[str]) -> int:
    """Run notebooks in place, in order; print seconds and problems, and return status 1 if there are any."""
    status, started = 0, time.perf_counter()
    lessons = [
        path for folder in ("", "solutions/") for path in sorted(Path("notebooks").glob(f"{folder}[0-9]*.ipynb"))
    ]
    for path in map(Path, paths or lessons):
        begin = time.perf_counter()
        try:
            notebook = execute(path)
        except MusiclabError as error:  # the file stays as it was, and the next one is run
            print(error, flush=True)
            status = 1
            continue
        with replacing(path) as unfinished:
            nbformat.write(notebook, unfinished)
        faults, seconds = problems(notebook), time.perf_counter() - begin
        late = f", more than {LONGEST} s" if seconds > LONGEST else ""
        print(f"{path}: {seconds:.0f} s{late}, {path.stat().st_size / 1e6:.2f} MB", *faults, sep="\n  ", flush=True)
        status = 1 if faults else status
    print(f"{(time.perf_counter() - started) / 60:.1f} minutes in all")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
