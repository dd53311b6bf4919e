"""Models side by side: how good, how sure, how large, how fast, and whether the differences could be luck."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from musiclab import models
from musiclab.core.errors import RunError
from musiclab.core.files import replacing
from musiclab.metrics import Result, mcnemar
from musiclab.runs import checkpoint, runfolder
from musiclab.training import pick_device

BATCH = 32
"""Segments at a time where the speed is measured."""

PICTURES = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Comparison:
    """Several runs in one table; ``str()`` is for people.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a run, the best first: ``name``, ``model``, ``data``, ``generated``, ``split``, ``accuracy``, ``low``
        and ``high`` (its 95 % interval), ``n``, ``parameters``, ``multiply_adds`` (for one segment),
        ``seconds`` (training and testing), ``clips_per_second``, and of McNemar's test against the best run
        ``only_best`` and ``only_this`` (clips that one alone named rightly) and ``p``. What is not known is missing.
    notes : tuple of str
        What one must know to read it.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]

    def to_dict(self) -> dict:
        """What ``--json`` prints: ``runs`` and ``notes``; what is not known is None."""
        rows = [
            {name: None if pd.isna(value) else value for name, value in row.items()}
            for row in self.table.astype(object).to_dict("records")
        ]
        return {"runs": rows, "notes": list(self.notes)}

    def save(self, path: str | Path) -> Path:
        """Write the table (``.csv``) or the picture of the accuracies (``.png``, ``.svg``, ``.pdf``).

        Raises
        ------
        RunError
            The name ends in something else.
        """
        path = check_out(path)
        with replacing(path) as unfinished:
            if path.suffix.lower() == ".csv":
                self.table.to_csv(unfinished, index=False)
                return path
            from musiclab import plots

            ax = plots.comparison(self.table, _new_axes(len(self.table)))
            ax.figure.savefig(unfinished, dpi=150)
        return path

    def __str__(self) -> str:
        head = ("run", "model", "accuracy (%)", "n", "parameters", "multiply-adds", "trained (s)", "clips/s", "p")
        lines = [head] + [
            (
                row["name"] + (" *" if row["generated"] else ""),
                row["model"],
                f"{100 * row['accuracy']:.1f} ({100 * row['low']:.1f} to {100 * row['high']:.1f})",
                f"{row['n']:,}",
                _short(row["parameters"]),
                _short(row["multiply_adds"]),
                "-" if pd.isna(row["seconds"]) else f"{row['seconds']:,.1f}",
                "-" if pd.isna(row["clips_per_second"]) else f"{row['clips_per_second']:,.0f}",
                "best" if number == 0 else "-" if pd.isna(row["p"]) else f"{row['p']:.3g}",
            )
            for number, row in enumerate(self.table.to_dict("records"))
        ]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = [
            "  ".join(
                cell.ljust(width) if place < 2 else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        return "\n".join([*text, *self.notes])


def compare(folders: Sequence[str | Path], device: str = "auto", measure: bool = True) -> Comparison:
    """Put runs side by side.

    Each is held against the one of the highest accuracy by McNemar's test, where both were tested with the same
    clips. The tests are not corrected for their number, and the best was chosen by the same clips: with many runs a
    p just under 0.05 means little.

    Parameters
    ----------
    folders
        Of runs or cross-validations.
    device
        Where the speed is measured.
    measure
        Whether it is.

    Raises
    ------
    RunError
        No folder is given, one holds no finished run, or the same clips have other labels in two of them.
    """
    if not folders:
        raise RunError("expected run folders to compare, found none")
    runs = [runfolder.read(folder) for folder in folders]
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in folders]
    order = sorted(range(len(runs)), key=lambda number: -runs[number].result.accuracy)  # of equals the first named
    best = runs[order[0]].result
    rows, others, used = [], [], None
    for number in order:
        run = runs[number]
        low, high = run.result.ci95
        row = {
            "name": names[number],
            "model": run.model,
            "data": run.data,
            "generated": run.generated,
            "split": run.metrics.get("split", ""),
            "accuracy": run.result.accuracy,
            "low": low,
            "high": high,
            "n": run.result.n,
            "parameters": run.metrics.get("parameters"),
            "multiply_adds": run.metrics.get("multiply_adds"),
            "seconds": run.metrics.get("seconds"),
            "clips_per_second": None,
            "only_best": None,
            "only_this": None,
            "p": None,
        }
        if measure or row["multiply_adds"] is None:
            model, _ = checkpoint.load(run.model_folder)
            row["multiply_adds"] = row["multiply_adds"] or models.summary(model).multiply_adds
            if measure:
                used = pick_device(device)
                row["clips_per_second"] = segments_per_second(model, used)
        if run.result is not best:
            if _same_clips(run.result, best):
                test = mcnemar(best, run.result)
                row |= {"only_best": test.only_first, "only_this": test.only_second, "p": test.p}
            else:
                others.append(names[number])
        rows.append(row)
    table = pd.DataFrame(rows).astype({"only_best": "Int64", "only_this": "Int64"})  # counts, also where some miss
    return Comparison(table, tuple(_notes(rows, others, used)))


def check_out(path: str | Path) -> Path:
    """The path, if a comparison can be saved under that name; raise RunError before the work, not after it."""
    path = Path(path)
    if path.suffix.lower() not in (".csv", *PICTURES):
        raise RunError(
            f"{path}: expected a name that ends in .csv or {', '.join(PICTURES)}, found {path.suffix or 'no ending'}"
        )
    return path


@torch.inference_mode()
def segments_per_second(model: nn.Module, device: torch.device, batch_size: int = BATCH, seconds: float = 1.0) -> float:
    """How many segments a model names in a second: of random numbers, in float32, without reading or decoding.

    Parameters
    ----------
    model
        It is left in evaluation mode on ``device``.
    device
        Where.
    batch_size
        Segments at a time.
    seconds
        To spend on it, about; at least three batches are timed and their median is taken.
    """
    batch = torch.randn(batch_size, *model.input_shape, generator=torch.Generator().manual_seed(0)).to(device)
    model.to(device).eval()
    times: list[float] = []
    for _ in range(2):  # the first batches choose algorithms and fill caches
        _timed(model, batch)
    while len(times) < 3 or (sum(times) < seconds and len(times) < 100):
        times.append(_timed(model, batch))
    return batch_size / statistics.median(times)


def _timed(model: nn.Module, batch: torch.Tensor) -> float:
    started = time.perf_counter()
    model(batch)[0, 0].item()  # waits for a GPU to be done
    return time.perf_counter() - started


def _same_clips(one: Result, other: Result) -> bool:
    return set(one.paths) == set(other.paths)


def _notes(rows: list[dict], others: list[str], device: torch.device | None):
    best = rows[0]["name"]
    if len(rows) - len(others) > 1:
        yield (
            f"p: McNemar's test against {best}, on the same {rows[0]['n']:,} clips; not corrected for "
            f"{len(rows) - len(others) - 1} comparison{'s' if len(rows) - len(others) > 2 else ''}"
        )
    if others:
        yield f"tested with other clips than {best}, so that only the intervals can be compared: {', '.join(others)}"
    yield "accuracy: with its 95 % interval, by bootstrap over groups"
    if device is not None:
        where = (
            torch.cuda.get_device_name(device)
            if device.type == "cuda"
            else f"{device.type}, {torch.get_num_threads()} thread{'s' if torch.get_num_threads() > 1 else ''}"
        )
        yield f"clips/s: clips of one segment, batches of {BATCH}, float32, without decoding; {where}"
    if any(row["generated"] for row in rows):
        yield "*: generated data, not a benchmark"


def _new_axes(rows: int):
    from matplotlib.figure import Figure

    return Figure(figsize=(7, 1 + 0.4 * rows), layout="constrained").subplots()


def _short(number) -> str:
    """A large number in three digits: 553 k, 3.91 M."""
    if number is None or np.isnan(number):
        return "-"
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= 0.9995 * size:
            return f"{float(f'{number / size:.3g}'):g} {unit}"
    return f"{number:g}"
