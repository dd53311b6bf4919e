"""Classify a sound with a trained model, and show the probabilities as bars."""

import html
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from musiclab.core.errors import RunError


def open_run(run):
    """Return a :class:`musiclab.runs.Run`, loaded if ``run`` is a folder; raise RunError for any other type."""
    from musiclab.runs import Run, load  # imported here, because importing torch takes seconds

    if isinstance(run, str | Path):
        return load(run)
    if isinstance(run, Run):
        return run
    raise RunError(f"expected a run or its folder, found {type(run).__name__}; see musiclab.train and musiclab.load")


def classify(run, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Predict the probabilities of the classes for a waveform, shape (classes,)."""
    return run.predict(waveform, sample_rate).probabilities[0]


def percent(share: float) -> str:
    """Format a share as a percentage; only exact values are written as 0 % and 100 %.

    Examples
    --------
    >>> percent(0.123), percent(0.9999), percent(0.0001), percent(1.0)
    ('12 %', '>99 %', '<1 %', '100 %')
    """
    if 0 < share < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 <= share < 1 else f"{100 * share:.0f} %"


def bars(
    classes: Sequence[str],
    probabilities: Sequence[float],
    caption: str,
    mark: tuple[str, str] = ("", ""),
    before: Sequence[float] | None = None,
) -> str:
    """Format probabilities as an HTML table with bars.

    ``mark`` is a class and a remark to add to its name, such as ``("jazz", "true")``. ``before`` are earlier
    probabilities, drawn as outlined bars in the background.
    """
    rows = []
    for index, (name, share) in enumerate(zip(classes, probabilities, strict=True)):
        bar = f"<div class='musiclab-bar' style='width: {share:.3%}'></div>"
        earlier_cell = ""
        if before is not None:
            bar = f"<div class='musiclab-before' style='width: {before[index]:.3%}'></div>{bar}"
            earlier_cell = f"<td class='musiclab-quiet'>{percent(before[index])}</td>"
        remark, css = "", "musiclab-best" if share == max(probabilities) > 0 else ""
        if name == mark[0]:
            remark, css = f" ({mark[1]})", f"{css} musiclab-marked"
        rows.append(
            f"<tr class='{css}'><th scope='row'>{html.escape(name)}{remark}</th><td class='musiclab-track'>{bar}</td>"
            f"<td>{percent(share)}</td>{earlier_cell}</tr>"
        )
    return f"<table class='musiclab-bars'><caption>{html.escape(caption)}</caption>{''.join(rows)}</table>"
