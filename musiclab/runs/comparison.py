"""Put runs side by side: accuracy, size, speed, and whether the differences could be chance."""

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from musiclab.core.errors import Problems, RunError
from musiclab.core.files import replacing, write_csv
from musiclab.metrics import mcnemar
from musiclab.runs.run import Run, load
from musiclab.training import pick_device

BATCH = 32  # segments at a time, for the speed
PICTURES = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Comparison:
    """Several runs in one table; ``str()`` is for people.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per run, the best first: ``name``, ``model``, ``data``, ``generated``, ``split``, ``accuracy``, ``low``
        and ``high`` (its 95 % interval), ``n``, ``parameters``, ``multiply_adds`` (for one segment), ``seconds`` (of
        training and testing), ``clips_per_second``, and for McNemar's test against the best run ``only_best`` and
        ``only_this`` (clips that only one of them classified correctly) and ``p``. Unknown values are missing.
    notes : tuple of str
        Footnotes of the table.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]

    def to_dict(self) -> dict:
        """Return what ``--json`` prints: ``runs`` and ``notes``; unknown values are None."""
        table = self.table.astype(object).where(self.table.notna(), None)
        return {"runs": table.to_dict("records"), "notes": list(self.notes)}

    def save(self, path: str | Path) -> Path:
        """Write the table (``.csv``) or a picture of the accuracies (``.png``, ``.svg``, ``.pdf``)."""
        path = check_out(path)
        if path.suffix.lower() == ".csv":
            return write_csv(path, self.table)
        with replacing(path) as unfinished:
            from matplotlib.figure import Figure  # not at the top, because comparing needs no pictures

            from musiclab import plots

            figure = Figure(figsize=(7, 1 + 0.4 * len(self.table)), layout="constrained")
            plots.comparison(self.table, figure.subplots())
            figure.savefig(unfinished, dpi=150)
        return path

    def __str__(self) -> str:
        table = self.table
        shown = {
            "model": table["model"],
            "accuracy (%)": [
                f"{100 * row.accuracy:.1f} ({100 * row.low:.1f} to {100 * row.high:.1f})" for row in table.itertuples()
            ],
            "n": table["n"].map("{:,}".format),
            "parameters": table["parameters"].map(_short),
            "multiply-adds": table["multiply_adds"].map(_short),
            "trained (s)": table["seconds"].map("{:,.1f}".format),
            "clips/s": table["clips_per_second"].astype(float).map("{:,.0f}".format, na_action="ignore"),
            "p": ["best", *table["p"].astype(float).map("{:.3g}".format, na_action="ignore")[1:]],
        }
        names = table["name"] + np.where(table["generated"], " *", "")
        text = pd.DataFrame(shown).set_index(names).rename_axis(index=None, columns="run").to_string(na_rep="-")
        return "\n".join([text, *self.notes])


def compare(*runs: Run | str | Path, device: str = "auto", measure_speed: bool = True) -> Comparison:
    """Put runs side by side, the most accurate first.

    McNemar's test compares each with the first if both were tested with the same clips. Its p-values are not corrected
    for the number of tests, and the best run was chosen by the same clips, so a p just below 0.05 means little.

    Parameters
    ----------
    *runs
        Runs and cross-validations, or their folders.
    device
        Device on which the speed is measured.
    measure_speed
        Measure how many segments per second each model classifies.

    Raises
    ------
    RunError
        There is no run, one was not tested, or the same clips have different labels in two of them.

    Examples
    --------
    >>> print(compare("runs/cnn", "runs/mlp"))  # doctest: +SKIP
    """
    if not runs:
        raise RunError("expected run folders to compare, found none")
    problems = Problems()
    compared = [run if isinstance(run, Run) else problems.check(load, run) for run in runs]
    for run in filter(None, compared):
        problems.check(run.check_tested)
    problems.raise_if_any()
    names = [run.name for run in compared]
    if len(set(names)) < len(names):
        names = [str(run.folder or f"{run.name} {index}") for index, run in enumerate(compared, start=1)]
    used_device = pick_device(device) if measure_speed else None
    best = max(compared, key=lambda run: run.result.accuracy)
    rows = [_row(name, run, best, used_device) for name, run in zip(names, compared, strict=True)]
    table = pd.DataFrame(rows).sort_values("accuracy", ascending=False, kind="stable", ignore_index=True)
    table = table.astype({"only_best": "Int64", "only_this": "Int64"})  # counts, of which some are missing
    return Comparison(table, tuple(_notes(table, used_device)))


def _row(name: str, run: Run, best: Run, device: torch.device | None) -> dict:
    low, high = run.result.ci95
    row = {
        "name": name,
        "model": run.settings.model,
        "data": run.settings.data.get("name", ""),
        "generated": run.is_generated,
        "split": run.settings.split,
        "accuracy": run.result.accuracy,
        "low": low,
        "high": high,
        "n": run.result.n,
        "parameters": run.summary.parameters,
        "multiply_adds": run.summary.multiply_adds,
        "seconds": run.seconds,
        "clips_per_second": None if device is None else segments_per_second(run.model, device),
        "only_best": None,
        "only_this": None,
        "p": None,
    }
    if run is not best and set(run.result.paths) == set(best.result.paths):
        test = mcnemar(best.result, run.result)
        row |= {"only_best": test.only_first, "only_this": test.only_second, "p": test.p}
    return row


def check_out(path: str | Path) -> Path:
    """Return the path of a comparison to save, or raise RunError if its ending is unknown."""
    path = Path(path)
    if path.suffix.lower() not in (".csv", *PICTURES):
        raise RunError(
            f"{path}: expected a name that ends in .csv or {', '.join(PICTURES)}, found {path.suffix or 'no ending'}"
        )
    return path


@torch.inference_mode()
def segments_per_second(model: nn.Module, device: torch.device, seconds: float = 1.0) -> float:
    """Measure how many segments (random numbers, float32) a model classifies per second, for about ``seconds``."""
    batch = torch.randn(BATCH, *model.input_shape, generator=torch.Generator().manual_seed(0)).to(device)
    model.to(device).eval()
    times: list[float] = []
    while len(times) < 5 or (sum(times[2:]) < seconds and len(times) < 102):
        started = time.perf_counter()
        model(batch)[0, 0].item()  # waits for a GPU
        times.append(time.perf_counter() - started)
    return BATCH / statistics.median(times[2:])  # the first batches choose algorithms and fill caches


def _notes(table: pd.DataFrame, device: torch.device | None) -> Iterator[str]:
    best, tests = table["name"][0], int(table["p"].notna().sum())
    others = table["name"][1:][table["p"][1:].isna()]
    if tests:
        yield (
            f"p: McNemar's test against {best}, on the same {table['n'][0]:,} clips; not corrected for "
            f"{tests} comparison{'s' if tests > 1 else ''}"
        )
    if len(others):
        yield f"tested with other clips than {best}, so that only the intervals can be compared: {', '.join(others)}"
    yield "accuracy: with its 95 % interval, by bootstrap over groups"
    if device is not None:
        threads = torch.get_num_threads()
        where = f"{device.type}, {threads} thread{'s' if threads > 1 else ''}"
        if device.type == "cuda":
            where = torch.cuda.get_device_name(device)
        yield f"clips/s: clips of one segment, batches of {BATCH}, float32, without decoding; {where}"
    if table["generated"].any():
        yield "*: generated data, not a benchmark"


def _short(count: int) -> str:
    """Round to three digits: 553 k, 3.91 M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= 0.9995 * size:
            return f"{float(f'{count / size:.3g}'):g} {unit}"
    return str(count)
