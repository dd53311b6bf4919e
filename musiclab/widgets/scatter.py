"""Choose a clip on a map, on which nearby clips have similar inputs to a model's last layer."""

import html
from collections.abc import Sequence

import ipywidgets
import numpy as np
import traitlets
from matplotlib.figure import Figure

from musiclab import plots
from musiclab.core.checks import check_known
from musiclab.plots.browser import script, style
from musiclab.runs import Run
from musiclab.widgets.answering import Answering
from musiclab.widgets.clips import clip_table, describe, short_names
from musiclab.widgets.hidden import METHODS, Hidden, hidden_of, project
from musiclab.widgets.still import as_png

MOST = 1000  # largest number of clips on a map; larger data sets are sampled at random
COLOURS = len(plots.PALETTE)  # number of classes or groups with their own colour; the others are grey
GREY = "#9a9aa2"

MARKERS = "os^Dv"  # as in scatter.js; together with the colours they distinguish ten classes, also in greyscale

# Columns of the table of clips that can be shown as colours, with their names for the reader.
COLUMNS = {"label": "class", "group": "group (artist, recording)", "predicted": "predicted class"}
PROJECTIONS = {"pca": "PCA: most different directions", "tsne": "t-SNE: neighbours together"}


class Scatter(Answering):
    """A scatter plot that shows a text about the point under the pointer, and can be zoomed and moved.

    A click chooses a point, Enter also plays it. The reader chooses projection and colours above the plot.

    ``on_choose(index, play)`` is called when a point is chosen or played.
    """

    _esm = script("canvas", "controls", "scatter")
    _css = style("clips", "controls")
    points = traitlets.Bytes().tag(sync=True)  # float32, shape (points, 2), in [0, 1]
    extent = traitlets.List().tag(sync=True)  # width and height of the area that the points occupy
    colours = traitlets.List([*plots.PALETTE, GREY]).tag(sync=True)
    colour_of = traitlets.Bytes().tag(sync=True)  # uint8, shape (points,): index of the colour
    legend = traitlets.List().tag(sync=True)  # meaning of each colour
    texts = traitlets.List().tag(sync=True)  # description of each point
    axes = traitlets.List().tag(sync=True)  # labels of the horizontal and the vertical axis
    chosen = traitlets.Int(-1).tag(sync=True)
    method = traitlets.Unicode().tag(sync=True)
    colour = traitlets.Unicode().tag(sync=True)
    choices = traitlets.Dict(
        {"method": [list(item) for item in PROJECTIONS.items()], "colour": [list(item) for item in COLUMNS.items()]}
    ).tag(sync=True)

    def __init__(self, on_choose, **traits):
        super().__init__(**traits)
        self._on_choose = on_choose
        self.on_msg(self._receive)

    def place(self, positions: np.ndarray, axes: Sequence[str]) -> None:
        """Set the positions of all points, shape (points, 2), and the labels of both axes."""
        low, high = positions.min(axis=0), positions.max(axis=0)
        spread = max(float((high - low).max()), 1e-12)  # same scale on both axes, so that distances are comparable
        points = 0.5 + (positions - (low + high) / 2) / spread
        extent = np.maximum((high - low) / spread, 0.35).tolist()
        with self.hold_sync():
            self.points, self.extent, self.axes = points.astype("<f4").tobytes(), extent, list(axes)

    def _receive(self, _, content: dict, __) -> None:
        point, play = content.get("choose", -1), bool(content.get("play"))
        if 0 <= point < len(self.texts) and (play or point != self.chosen):
            self.chosen = point
            self._on_choose(point, play)


class ClipMap(ipywidgets.VBox):
    """Choose a clip on a map, on which nearby clips have similar inputs to a model's last layer.

    Takes the parameters of :class:`~musiclab.widgets.ClipBrowser` and :class:`Scatter`.

    Attributes
    ----------
    clips : pandas.DataFrame
        One row per point, with the predicted class as ``predicted`` and the position as ``x`` and ``y``.
    values : float array, shape (points, dimensions)
        Inputs of the last layer.
    """

    def __init__(self, run: Run, data, rows: Sequence[int] | None, on_choose, method: str, colour: str):
        check_known(method, METHODS, "a method")
        check_known(colour, COLUMNS, "a colour")
        rows = np.arange(len(clip_table(data))) if rows is None else np.asarray(rows, dtype=int)
        drawn = np.sort(np.random.default_rng(0).permutation(rows)[:MOST])
        hidden = hidden_of(run, data, drawn)
        self.values, self.probabilities, self.classes = hidden.values, hidden.probabilities, run.settings.classes
        index = hidden.store.index.iloc[hidden.rows].reset_index(drop=True)
        self.clips = index.assign(
            clip=short_names(index["path"]),
            predicted=np.array(self.classes, dtype=object)[self.probabilities.argmax(axis=1)],
        )
        texts = [f"{clip['clip']}: {describe(clip)}" for _, clip in self.clips.iterrows()]
        choose = lambda row, play: on_choose(self.clips.iloc[row], play)  # noqa: E731
        self._scatter = Scatter(choose, texts=texts, method=method, colour=colour)
        self._project()
        self._paint()
        self._scatter.observe(self._project, "method")
        self._scatter.observe(self._paint, "colour")
        super().__init__([self._scatter, ipywidgets.HTML(self._notes(hidden, len(rows) - len(drawn)))])

    def mark(self, row: int) -> None:
        """Mark a row of ``clips`` as chosen."""
        self._scatter.chosen = row

    def _project(self, _=None) -> None:
        positions, axes = project(self.values, self._scatter.method)
        self.clips["x"], self.clips["y"] = positions.T
        self._scatter.place(positions, axes)

    def _paint(self, _=None) -> None:
        """Colour the points; if there are too few colours, rare values are grey."""
        column = self.clips[self._scatter.colour]
        counts = column.value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable")
        if len(counts) <= COLOURS:
            counts = counts.sort_index()  # the same colours as in all other figures
        colour_of = {value: min(index, COLOURS) for index, value in enumerate(counts.index)}
        others = [f"{len(counts) - COLOURS} others"] if len(counts) > COLOURS else []
        with self._scatter.hold_sync():
            self._scatter.colour_of = column.map(colour_of).to_numpy(np.uint8).tobytes()
            self._scatter.legend = [*map(str, counts.index[:COLOURS]), *others]

    def _notes(self, hidden: Hidden, left_out: int) -> str:
        note = f"{len(self.clips):,} clips, computed from the {self.values.shape[1]} inputs of {hidden.layer}."
        if left_out:
            note += f" The clips were drawn at random from {MOST + left_out:,}."
        if not self.values.std(axis=0).any():
            note += " The inputs are the same for all clips, so all points are in the same place."
        lines = [note]
        if count := len(hidden.failures):
            lines += [f"{count} clip{'s' * (count > 1)} could not be read:"]
            lines += [reason for _, reason in hidden.failures[:5]]
        return "".join(f"<p class='musiclab-quiet'>{html.escape(line)}</p>" for line in lines)

    def picture(self) -> tuple[bytes, str]:
        """Draw the map; return a PNG and its description."""
        colour_of, legend = np.frombuffer(self._scatter.colour_of, np.uint8), self._scatter.legend
        names = plots.drawable(legend)
        axes = self._scatter.axes
        figure = Figure(figsize=(7, 4.6), layout="constrained")
        ax = figure.subplots()
        for colour in sorted(set(colour_of), reverse=True):  # grey first, so that it lies below the others
            points = self.clips[colour_of == colour]
            style = {"color": self._scatter.colours[colour], "marker": MARKERS[colour % len(MARKERS)]}
            style |= {"s": 16, "linewidths": 0, "alpha": 0.85, "zorder": COLOURS + 1 - colour}
            ax.scatter(points["x"], points["y"], label=names[colour], **style)
        ax.set(xlabel=axes[0], ylabel=axes[1], xticks=[], yticks=[], aspect="equal")
        ax.set_adjustable("datalim")
        handles, names = ax.get_legend_handles_labels()
        figure.legend(handles[::-1], names[::-1], frameon=False, loc="outside right upper", fontsize=8)
        by = COLUMNS[self._scatter.colour]
        alt = f"{len(self.clips):,} clips as points, coloured by {by}: {', '.join(legend)}. {' '.join(axes)}."
        return as_png(figure), alt
