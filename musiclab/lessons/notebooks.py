"""Run notebooks in a fresh kernel and save their outputs: ``python -m musiclab.lessons.notebooks``."""

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

LARGEST = 1_500_000  # maximum size of a notebook with its outputs, in bytes
LONGEST = 180  # expected maximum seconds on two cores; a longer run is reported, but is not an error
WIDGET = "application/vnd.jupyter.widget-view+json"


def execute(path: str | Path, fast: bool = False, timeout: int = 600) -> nbformat.NotebookNode:
    """Run a notebook in its own folder and return it with new outputs. The file isn't changed.

    Parameters
    ----------
    path
        Path of the notebook.
    fast
        Train for one epoch only: replace lines such as ``EPOCHS = 30`` by ``EPOCHS = 1``.
    timeout
        Maximum time per cell in seconds.

    Raises
    ------
    MusiclabError
        If a cell fails, takes too long or kills the kernel. The message contains its source and traceback.
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
        # no debugger warning on stderr, and no progress of a learner
        client.execute(env={**os.environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1", "MUSICLAB_PROGRESS": ""})
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise MusiclabError(f"{path}: {error}") from error
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # timestamps, which change with every run
    for data in _iter_output_data(notebook):
        if "image/png" in data:
            data["image/png"] = _to_256_colours(data["image/png"])
    _remove_widgets(notebook)
    notebook.metadata.pop("widgets", None)
    return notebook


def before_saving(model: dict, **_) -> None:
    """Replace widgets by still pictures in a saved notebook, as a pre-save hook of Jupyter (see the Makefile)."""
    if model["type"] == "notebook" and model["content"]:
        _remove_widgets(model["content"])


def _iter_output_data(notebook: dict) -> Iterator[dict]:
    """Yield the data of each output, a dictionary by MIME type."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            yield output.get("data", {})


def _remove_widgets(notebook: dict) -> None:
    """Remove widgets from outputs that also have a still picture, because the state of a widget isn't saved."""
    for data in _iter_output_data(notebook):
        if WIDGET in data and len(data) > 2:
            del data[WIDGET]


def _to_256_colours(png: str) -> str:
    """Reduce a PNG (base64) to 256 colours, which takes a third of the bytes and looks the same."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    buffer = io.BytesIO()
    colours = picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)  # keeps rare colours, too
    colours.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def problems(notebook: nbformat.NotebookNode) -> list[str]:
    """List the reasons not to commit a notebook: errors, text on stderr, widgets without a picture, too many bytes."""
    faults = []
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        faults.append("its outputs are not from one clean run; run all cells again in a new kernel")
    for cell_number, cell in enumerate(code, start=1):
        for output in cell.outputs:
            if output.output_type == "error":
                faults.append(f"cell {cell_number}: {output.ename}")
            elif output.get("name") == "stderr":
                faults.append(f"cell {cell_number}: text on stderr: {output.text.strip()[:200]}")
            elif WIDGET in output.get("data", {}):
                faults.append(f"cell {cell_number}: a widget without a still picture")
    size = len(nbformat.writes(notebook).encode())
    if size > LARGEST:
        faults.append(f"{size / 1e6:.2f} MB, more than {LARGEST / 1e6:.1f}")
    return faults


def main(paths: list[str]) -> int:
    """Run notebooks in place, print their run times and problems, and return 1 if there are problems, otherwise 0."""
    status, first_start = 0, time.perf_counter()
    lessons = [
        path for folder in ("", "solutions/") for path in sorted(Path("notebooks").glob(f"{folder}[0-9]*.ipynb"))
    ]
    for path in map(Path, paths or lessons):
        start = time.perf_counter()
        try:
            notebook = execute(path)
        except MusiclabError as error:  # keep the old file and go on with the next notebook
            print(error, flush=True)
            status = 1
            continue
        with replacing(path) as unfinished:
            nbformat.write(notebook, unfinished)
        faults, seconds = problems(notebook), time.perf_counter() - start
        warning = f", more than {LONGEST} s" if seconds > LONGEST else ""
        print(f"{path}: {seconds:.0f} s{warning}, {path.stat().st_size / 1e6:.2f} MB", *faults, sep="\n  ", flush=True)
        status = 1 if faults else status
    print(f"{(time.perf_counter() - first_start) / 60:.1f} minutes in total")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
