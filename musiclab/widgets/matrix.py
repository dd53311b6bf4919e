"""Choose a clip in a confusion matrix."""

import html

import ipywidgets
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from musiclab import plots
from musiclab.core.checks import check_known
from musiclab.metrics import Result
from musiclab.widgets.buttons import Buttons, button
from musiclab.widgets.clips import short_names
from musiclab.widgets.still import as_png
from musiclab.widgets.table import Table


class Matrix(Buttons):
    """A confusion matrix of buttons. Rows are true classes; darker cells have a larger share of their row.

    When the reader opens a cell, ``on_open`` is called with the indices of its true and its predicted class.
    """

    def __init__(self, classes: list[str], counts: np.ndarray, on_open):
        super().__init__()
        self._classes, self._counts, self._on_open = classes, counts, on_open
        self._shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        self.mark(-1, -1)
        self.on_msg(self._receive)

    def mark(self, true: int, predicted: int) -> None:
        """Mark a cell as open; -1 and -1 mark none."""
        self.cell = [true, predicted]
        heads = "".join(f"<th scope='col'><span>{html.escape(name)}</span></th>" for name in self._classes)
        rows = [
            f"<tr><th scope='row'>{html.escape(name)}</th>"
            + "".join(f"<td role='gridcell'>{self._button(row, column)}</td>" for column in range(len(self._classes)))
            + "</tr>"
            for row, name in enumerate(self._classes)
        ]
        self.content = (
            "<div class='musiclab-wide'><table role='grid' class='musiclab-matrix'>"
            "<caption>Confusion matrix: choose a cell to hear its clips</caption>"
            f"<thead><tr><td class='musiclab-corner'>true ↓  predicted →</td>{heads}</tr></thead>"
            f"<tbody>{''.join(rows)}</tbody></table></div>"
        )

    def _button(self, row: int, column: int) -> str:
        count, share = int(self._counts[row, column]), self._shares[row, column]
        words = f"true {self._classes[row]}, predicted {self._classes[column]}: {count_clips(count)}"
        css = ("musiclab-strong " if share > 0.65 else "") + ("musiclab-diagonal" if row == column else "")
        is_open, focused = [row, column] == self.cell, [max(0, index) for index in self.cell]
        return button(
            str(count or "·"), {"open": [row, column]}, aria_label=words, title=words, class_=css,
            style=f"--share: {share:.3f}", aria_pressed=str(is_open).lower(), data_place=f"{row} {column}",
            tabindex=0 if [row, column] == focused else -1,
        )  # fmt: skip

    def _receive(self, _, content: dict, __) -> None:
        true, predicted = content.get("open", (-1, -1))
        if 0 <= true < len(self._classes) and 0 <= predicted < len(self._classes):
            self._on_open(true, predicted)


def count_clips(count: int) -> str:
    """Format a number of clips."""
    return "no clips" if count == 0 else "1 clip" if count == 1 else f"{count:,} clips"


class ConfusionTable(ipywidgets.VBox):
    """Choose a cell of a confusion matrix, then one of its clips, sorted with the most confident predictions first.

    ``on_choose`` and ``is_missing`` are those of :class:`Table`; ``on_choose`` receives None if a cell has no clips.

    Attributes
    ----------
    cell : tuple of str, or None
        True and predicted class of the open cell.
    clips : pandas.DataFrame
        Clips of the open cell. Its index is the row in ``probabilities``.
    """

    def __init__(self, result: Result, on_choose, is_missing):
        self._result, self._on_choose = result, on_choose
        self.classes, self.probabilities = result.classes, np.exp(result.log_probabilities)
        names = np.array(result.classes, dtype=object)
        mistakes = result.confusion - np.diag(np.diag(result.confusion))
        worst = (-mistakes.sum(axis=0) - mistakes.sum(axis=1)).argsort(kind="stable")[: plots.MOST_ROWS]
        self._shown = np.sort(worst).tolist()  # classes in the matrix: a browser can't handle 100,000 buttons
        self._index = pd.DataFrame(
            {
                "clip": short_names(result.paths),
                "label": names[result.labels],
                "predicted": names[result.predictions],
                "probability": self.probabilities.max(axis=1),
                "group": result.groups,
                "path": result.paths,
            }
        )
        self.clips, self.cell = self._index[:0], None
        shown = np.ix_(self._shown, self._shown)
        self._matrix = Matrix(names[self._shown].tolist(), result.confusion[shown], self._open_shown)
        columns = {name: name for name in ("clip", "probability")}
        self.table = Table(columns, lambda row, play: on_choose(self.clips.iloc[row], play), is_missing)
        self.table.show(self.clips, "Every prediction is correct. Open a cell on the diagonal to see its clips.")
        sides = [self._matrix.add_class("musiclab-matrix-side"), self.table.add_class("musiclab-list-side")]
        note = f"; the {len(worst)} of {len(names)} classes with the most mistakes" if len(worst) < len(names) else ""
        super().__init__([ipywidgets.HTML(f"<p>{result}{note}</p>"), ipywidgets.Box(sides).add_class("musiclab-sides")])

    def open_most_frequent(self) -> None:
        """Open the cell with the most frequent mistake, if there is one."""
        if len(self._result.confusions):
            self.open_cell(*self._result.confusions.loc[0, ["label", "predicted"]])

    def open_cell(self, true: str, predicted: str) -> None:
        """Open the cell of a true and a predicted class, and show its first clip; unknown classes raise RunError."""
        classes = self._result.classes
        for name in (true, predicted):
            check_known(name, classes, "a class")
        self._open(classes.index(true), classes.index(predicted))

    def mark(self, row: int) -> None:
        """Mark a row of ``clips`` as chosen."""
        self.table.choose(row)

    def _open_shown(self, row: int, column: int) -> None:
        self._open(self._shown[row], self._shown[column])

    def _open(self, true: int, predicted: int) -> None:
        is_shown = {true, predicted} <= set(self._shown)
        self._matrix.mark(*(self._shown.index(index) if is_shown else -1 for index in (true, predicted)))
        self.cell = (self._result.classes[true], self._result.classes[predicted])
        is_inside = (self._result.labels == true) & (self._result.predictions == predicted)
        self.clips = self._index[is_inside].sort_values("probability", ascending=False, kind="stable")
        count = len(self.clips)
        self.table.show(self.clips, f"true {self.cell[0]}, predicted {self.cell[1]}: {count_clips(count)}")
        if count:
            self.table.choose(0)
        self._on_choose(self.clips.iloc[0] if count else None, False)

    def picture(self) -> tuple[bytes, str]:
        """Draw the matrix; return a PNG and its description."""
        result = self._result
        figure = Figure(figsize=plots.confusion_size(result.classes), layout="constrained")
        plots.confusion(result.confusion, result.classes, figure.subplots())
        confusions = result.confusions.head(3)[["label", "predicted", "count"]].itertuples(index=False, name=None)
        mistakes = ", ".join(f"{label} as {predicted} ({count})" for label, predicted, count in confusions)
        alt = f"Most frequent mistakes: {mistakes}." if mistakes else "Every prediction is correct."
        return as_png(figure, dpi=80), f"Confusion matrix: {result}. {alt}"
