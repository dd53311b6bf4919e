"""Compare runs by accuracy, size and speed, and test whether differences are due to chance."""

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
from musiclab.core.extras import require
from musiclab.core.files import replacing, write_csv
from musiclab.metrics import mcnemar
from musiclab.runs.run import Run, load
from musiclab.training import pick_device

BATCH = 32  # segments per batch, to measure speed
PICTURES = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Comparison:
    """A table that compares several runs. ``print`` shows it with footnotes.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per run, the most accurate first, with these columns:

        - ``name``, ``model``, ``data``, ``split``: run, model, data set, and description of the split.
        - ``generated``: True if the data were generated, so that the result is not a benchmark.
        - ``accuracy``, ``low``, ``high``: accuracy with its 95 % interval, in [0, 1].
        - ``n``: number of test clips.
        - ``parameters``, ``multiply_adds``: number of trainable parameters, and multiply-adds per segment.
        - ``seconds``: duration of training and testing.
        - ``clips_per_second``: number of clips of one segment that the model classifies per second.
        - ``only_best``, ``only_this``, ``p``: McNemar's test against the best run. The first two are the numbers of
          clips that only the best run, or only this run, classified correctly. ``p`` is the p-value.
    notes : tuple of str
        Footnotes.

    Examples
    --------
    >>> comparison = compare("runs/cnn", "runs/mlp")  # doctest: +SKIP
    >>> print(comparison)  # doctest: +SKIP
    >>> comparison.save("comparison.csv")  # doctest: +SKIP
    """

    table: pd.DataFrame
    notes: tuple[str, ...]

    def to_dict(self) -> dict:
        """Return the table and its footnotes as a dictionary that can be saved as JSON.

        Returns
        -------
        dict
            ``runs``, with one dictionary per row, and ``notes``. Missing values are None. On the command line,
            ``--json`` prints this dictionary.
        """
        table = self.table.astype(object).where(self.table.notna(), None)
        return {"runs": table.to_dict("records"), "notes": list(self.notes)}

    def save(self, path: str | Path) -> Path:
        """Write the table to a CSV file, or plot the accuracies.

        Parameters
        ----------
        path : path
            Path of the file. The extension chooses the format: ``.csv`` for the table, ``.png``, ``.svg`` or ``.pdf``
            for a plot.

        Returns
        -------
        pathlib.Path
            Path of the written file.

        Raises
        ------
        RunError
            The extension is not supported.
        """
        path = check_out(path)
        if path.suffix.lower() == ".csv":
            return write_csv(path, self.table)
        require("picture", "lessons", "matplotlib")
        with replacing(path) as unfinished:
            from matplotlib.figure import Figure  # imported late, because comparing works without matplotlib

            from musiclab import plots

            figure = Figure(figsize=(7, 1 + 0.4 * len(self.table)), layout="constrained")
            plots.comparison(self.table, figure.subplots())
            figure.savefig(unfinished, dpi=150)
        return path

    def __str__(self) -> str:
        table = self.table
        columns = {
            "model": table["model"],
            "accuracy (%)": [
                f"{100 * row.accuracy:.1f} ({100 * row.low:.1f} to {100 * row.high:.1f})" for row in table.itertuples()
            ],
            "n": table["n"].map("{:,}".format),
            "parameters": table["parameters"].map(_abbreviate),
            "multiply-adds": table["multiply_adds"].map(_abbreviate),
            "trained (s)": table["seconds"].map("{:,.1f}".format),
            "clips/s": table["clips_per_second"].astype(float).map("{:,.0f}".format, na_action="ignore"),
            "p": ["best", *table["p"].astype(float).map("{:.3g}".format, na_action="ignore")[1:]],
        }
        names = table["name"] + np.where(table["generated"], " *", "")
        text = pd.DataFrame(columns).set_index(names).rename_axis(index=None, columns="run").to_string(na_rep="-")
        return "\n".join([text, *self.notes])


def compare(*runs: Run | str | Path, device: str = "auto", measure_speed: bool = True) -> Comparison:
    """Compare runs in a table, the most accurate first.

    McNemar's test compares each run with the best one if both were tested on the same clips. Treat a p-value just below
    0.05 as weak evidence, for two reasons. The p-values are not corrected for multiple tests, and the same clips
    decided which run is best.

    Parameters
    ----------
    *runs : Run or path
        Runs and cross-validations, or their folders.
    device : str, default "auto"
        Device on which speed is measured: "auto" (a GPU if available), "cpu", "cuda" or "mps".
    measure_speed : bool, default True
        Measure how many segments per second each model classifies.

    Returns
    -------
    Comparison
        Table with one row per run, and its footnotes.

    Raises
    ------
    RunError
        No runs were passed, a run was not tested, or two runs have different labels for the same clip.

    Examples
    --------
    >>> from musiclab import models
    >>> from musiclab.metrics import Result
    >>> from musiclab.runs import RunSettings
    >>> paths, runs = np.array(["1.wav", "2.wav", "3.wav"]), []
    >>> for predictions in ([0, 1, 1], [0, 1, 0]):
    ...     result = Result(["low", "high"], np.array([0, 1, 1]), np.log(np.eye(2)[predictions] + 1e-9), paths, paths)
    ...     model = models.create("m3", classes=2, width=4)
    ...     runs.append(Run(RunSettings("m3", model.sizes, ["low", "high"], "audio", {}), model, result))
    >>> compare(*runs, measure_speed=False).table[["name", "accuracy", "only_best", "only_this", "p"]].round(2)
       name  accuracy  only_best  only_this    p
    0  m3 1      1.00       <NA>       <NA>  NaN
    1  m3 2      0.67          1          0  1.0
    """
    if not runs:
        raise RunError("expected one or more run folders to compare, found none")
    problems = Problems()
    runs = [run if isinstance(run, Run) else problems.check(load, run) for run in runs]
    for run in filter(None, runs):
        problems.check(run.check_tested)
    problems.raise_if_any()
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        names = [str(run.folder or f"{run.name} {position}") for position, run in enumerate(runs, start=1)]
    speed_device = pick_device(device) if measure_speed else None
    best = max(runs, key=lambda run: run.result.accuracy)
    rows = [_make_row(name, run, best, speed_device) for name, run in zip(names, runs, strict=True)]
    table = pd.DataFrame(rows).sort_values("accuracy", ascending=False, kind="stable", ignore_index=True)
    table = table.astype({"only_best": "Int64", "only_this": "Int64"})  # integer columns with missing values
    return Comparison(table, tuple(_make_notes(table, speed_device)))


def _make_row(name: str, run: Run, best: Run, device: torch.device | None) -> dict:
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
    """Return the path of a comparison to save, or raise RunError if its extension is not supported."""
    path = Path(path)
    if path.suffix.lower() not in (".csv", *PICTURES):
        extensions = ", ".join((".csv", *PICTURES))
        raise RunError(f"{path}: expected one of the extensions {extensions}, found {path.suffix or 'none'}")
    return path


@torch.inference_mode()
def segments_per_second(model: nn.Module, device: torch.device, seconds: float = 1.0) -> float:
    """Measure for about ``seconds`` how many segments (random float32 values) a model classifies per second."""
    batch = torch.randn(BATCH, *model.input_shape, generator=torch.Generator().manual_seed(0)).to(device)
    model.to(device).eval()
    times: list[float] = []
    while len(times) < 5 or (sum(times[2:]) < seconds and len(times) < 102):
        started = time.perf_counter()
        model(batch)[0, 0].item()  # waits for a GPU
        times.append(time.perf_counter() - started)
    return BATCH / statistics.median(times[2:])  # skip the first batches, which choose algorithms and fill caches


def _make_notes(table: pd.DataFrame, device: torch.device | None) -> Iterator[str]:
    best, tests = table["name"][0], int(table["p"].notna().sum())
    not_comparable = table["name"][1:][table["p"][1:].isna()]
    if tests:
        yield (
            f"p: McNemar's test against {best} on the same {table['n'][0]:,} clips, not corrected for "
            f"{tests} comparison{'s' if tests > 1 else ''}"
        )
    if len(not_comparable):
        yield f"tested on other clips than {best}, so compare only the intervals: {', '.join(not_comparable)}"
    yield "accuracy: with its 95 % interval, from a bootstrap over groups"
    if device is not None:
        threads = torch.get_num_threads()
        device_name = f"{device.type}, {threads} thread{'s' if threads > 1 else ''}"
        if device.type == "cuda":
            device_name = torch.cuda.get_device_name(device)
        yield f"clips/s: clips of one segment, in batches of {BATCH}, float32, without decoding, on {device_name}"
    if table["generated"].any():
        yield "*: generated data, not a benchmark"


def _abbreviate(count: int) -> str:
    """Round to three digits, as in 3.91 M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= 0.9995 * size:
            return f"{float(f'{count / size:.3g}'):g} {unit}"
    return str(count)
