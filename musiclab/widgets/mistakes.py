"""``MistakeBrowser``: a confusion matrix whose cells open on the clips behind them."""

from collections.abc import Mapping
from pathlib import Path

import anywidget
import ipywidgets
import numpy as np
import pandas as pd
import traitlets
from matplotlib.figure import Figure

from musiclab import plots
from musiclab.core.errors import RunError, did_you_mean
from musiclab.metrics import Result
from musiclab.runs import runfolder
from musiclab.store import Store
from musiclab.widgets.clip_view import ClipBrowser
from musiclab.widgets.clips import Sound, bars, names_of, percent
from musiclab.widgets.scripts import script, style
from musiclab.widgets.still import Still, as_png
from musiclab.widgets.table import Table


class Matrix(anywidget.AnyWidget):
    """A confusion matrix of buttons: rows are true classes, the darker a cell the larger its share of the row.

    Parameters
    ----------
    classes : list of str
    counts : int array, shape (classes, classes)
        Rows are true classes, columns predicted ones.
    on_open
        Called with the numbers of the true and the predicted class whose cell the reader opens.
    """

    _esm = script("matrix")
    _css = style("clips")
    view = traitlets.Dict().tag(sync=True)

    def __init__(self, classes: list[str], counts: np.ndarray, on_open):
        super().__init__()
        self._classes, self._counts, self._on_open = classes, counts, on_open
        self.mark(None)
        self.on_msg(self._heed)

    def mark(self, cell: tuple[int, int] | None) -> None:
        """Mark a cell as open; nobody is told."""
        shares = self._counts / np.maximum(self._counts.sum(axis=1, keepdims=True), 1)
        self.view = {
            "classes": self._classes,
            "counts": self._counts.tolist(),
            "shares": shares.round(3).tolist(),
            "open": [-1, -1] if cell is None else list(cell),
        }

    def _heed(self, _, content: dict, __) -> None:
        true, predicted = content.get("open", (-1, -1))
        if 0 <= true < len(self._classes) and 0 <= predicted < len(self._classes):
            self.mark((true, predicted))
            self._on_open(true, predicted)


class MistakeBrowser(ClipBrowser):
    """What a model took for what: a confusion matrix, and behind each cell its clips to hear and see.

    A cell lists its clips, the surest answers first; a clip is shown with its player and with what the model thought
    of it. Arrow keys go from cell to cell and from clip to clip, Enter opens. The most frequent confusion is open at
    first.

    Parameters
    ----------
    result : Result, Outcome, str or Path
        Of a test of n clips; an outcome's result, or that of a run folder (a cross-validation's too).
    sounds
        Where the clips are heard: ``None`` for the files at ``result.paths``, a folder they were moved to, a
        :class:`~musiclab.store.Store` with audio, or a mapping of paths to ``(waveform, sample_rate)``.

    Attributes
    ----------
    result : Result
    cell : (str, str) or None
        The true and the predicted class of the cell that is open.
    clips : pandas.DataFrame
        Those of the open cell: ``clip`` (its name), ``probability`` (of the predicted class), ``path``.
    path : str
        Of the clip that is shown; "" for none.

    Raises
    ------
    RunError
        ``result`` is none of these, the folder holds no finished run, or no clip was tested.
    DatasetError
        ``sounds`` is nothing that holds sounds.
    """

    def __init__(self, result, sounds: str | Path | Store | Mapping[str, Sound] | None = None):
        self.result = result_of(result)
        self._names = np.array(names_of(self.result.paths), dtype=object)
        self.cell: tuple[str, str] | None = None
        super().__init__(sounds, "Choose a cell, then a clip.")
        self._matrix = Matrix(self.result.classes, self.result.confusion, self._opened)
        self._table = Table("Choose a cell.", self._chosen, {"probability": percent})
        self.clips = pd.DataFrame({"clip": [], "probability": [], "path": []})
        for side, name in ((self._matrix, "matrix"), (self._table, "list")):
            side.add_class(f"musiclab-{name}-side")
        top = ipywidgets.Box([self._matrix, self._table])
        top.add_class("musiclab-sides")
        self.children = [ipywidgets.HTML(f"<p>{self.result}</p>"), top, self._view]
        confusions = self.result.confusions
        if len(confusions):
            self.show(*confusions.loc[0, ["label", "predicted"]])
        else:
            said = "No clip was named wrongly. The cells on the diagonal open on what was right."
            self._table.show(self.clips[["clip", "probability"]], said)

    def show(self, true: str, predicted: str) -> None:
        """Open a cell, as a click on it does, and show its first clip.

        Parameters
        ----------
        true, predicted
            Names of classes.

        Raises
        ------
        RunError
            There is no such class.
        """
        numbers = []
        for name in (true, predicted):
            if name not in self.result.classes:
                known = self.result.classes
                raise RunError(f"expected a class among {', '.join(known)}, found {name!r}{did_you_mean(name, known)}")
            numbers.append(self.result.classes.index(name))
        self._matrix.mark(tuple(numbers))
        self._opened(*numbers)

    def _mark(self, row: int) -> None:
        self._table.choose(row)

    def _known(self, row: int) -> tuple:
        shares = np.exp(self.result.log_probabilities[self.clips.index[row]])
        true, predicted = self.cell
        told = ipywidgets.HTML(bars(self.result.classes, shares, true))
        return self.clips["clip"].iloc[row], f"true {true}, predicted {predicted}", [told]

    def _opened(self, true: int, predicted: int) -> None:
        result = self.result
        inside = np.flatnonzero((result.labels == true) & (result.predictions == predicted))
        sure = np.exp(result.log_probabilities[inside, predicted])
        inside, sure = inside[np.argsort(-sure, kind="stable")], np.sort(sure)[::-1]
        self.cell = (result.classes[true], result.classes[predicted])
        self.clips = pd.DataFrame(
            {"clip": self._names[inside], "probability": sure, "path": result.paths[inside]}, index=inside
        )
        self._table.show(self.clips[["clip", "probability"]], _in_words(*self.cell, len(inside)))
        if len(inside):
            self.choose(0)
        else:
            self._view.clear("No clip is behind this cell.")

    def still(self) -> Still:
        """The matrix, and the clip that is shown."""
        size = 2.2 + 0.42 * len(self.result.classes)
        figure = Figure(figsize=(size + 0.6, size), layout="constrained")
        plots.confusion(self.result.confusion, self.result.classes, figure.subplots())
        most = [
            f"{row.label} for {row.predicted} {row.count_} times"
            for row in self.result.confusions.head(3).rename(columns={"count": "count_"}).itertuples()
        ]
        alt = f"Confusion matrix: {self.result}. " + (
            f"Most often mistaken: {', '.join(most)}." if most else "No clip was named wrongly."
        )
        return Still(as_png(figure, dpi=80), alt, *self._view.still_sound())


def result_of(result) -> Result:
    """The result in whatever holds one: itself, an Outcome, a RunFolder or the path of a run folder.

    Raises
    ------
    RunError
        There is none in it, or it is of no clip at all.
    """
    if isinstance(result, str | Path):
        result = runfolder.read(result)
    found = getattr(result, "result", result)
    if not isinstance(found, Result):
        raise RunError(
            f"expected a Result, an Outcome or the folder of a run, found {type(result).__name__}; "
            "see musiclab.runs.run and musiclab.runs.runfolder.read"
        )
    if found.n == 0:
        raise RunError("expected the result of at least one clip, found none; test the model on some")
    return found


def _in_words(true: str, predicted: str, count: int) -> str:
    """What is behind a cell, as its button says it too."""
    clips = "no clips" if count == 0 else "1 clip" if count == 1 else f"{count:,} clips"
    return f"true {true}, predicted {predicted}: {clips}"
