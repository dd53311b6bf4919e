"""``EmbeddingMap``: clips as points, near each other where a model takes them for alike."""

import html
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
from musiclab.widgets.clip_view import ClipBrowser
from musiclab.widgets.clips import Sound, bars, index_of, names_of, sounds_of
from musiclab.widgets.hidden import METHODS, Hidden, hidden_of, on_a_plane
from musiclab.widgets.scripts import script, style
from musiclab.widgets.still import Still, as_png

MOST = 1000
"""Clips of a map; of more, so many are drawn at random."""

COLOURS = len(plots.PALETTE)
"""Classes, or artists, that have a colour of their own; the others are grey."""

GREY = "#9a9aa2"

MARKERS = "os^Dv"
"""Of matplotlib; scatter.js draws the same ones. With the colours they tell ten classes apart, in greyscale too."""


class Scatter(anywidget.AnyWidget):
    """Points to point at: the pointer says which one it is on, a click or Enter lets it be heard.

    Parameters
    ----------
    places : float array, shape (points, 2)
    on_choose
        Called with the number of a point, and whether it is to be heard at once.
    """

    _esm = script("canvas", "scatter")
    _css = style("clips")
    points = traitlets.Bytes().tag(sync=True)
    kinds = traitlets.Bytes().tag(sync=True)
    view = traitlets.Dict().tag(sync=True)
    chosen = traitlets.Int(-1).tag(sync=True)

    def __init__(self, places: np.ndarray, on_choose):
        low, high = places.min(axis=0), places.max(axis=0)
        spread = max(float((high - low).max()), 1e-12)  # one scale for both axes: distances can be compared
        middle = 0.5 + (places - (low + high) / 2) / spread
        extent = np.maximum((high - low) / spread, 0.35).tolist()
        super().__init__(points=middle.astype("<f4").tobytes(), view={"extent": extent})
        self._on_choose, self._count = on_choose, len(places)
        self.on_msg(self._heed)

    def paint(self, kinds: np.ndarray, legend: list[str], texts: list[str], axes: tuple[str, str]) -> None:
        """Colour the points.

        Parameters
        ----------
        kinds : int array, shape (points,)
            Place of each in ``legend``; :data:`COLOURS` and more is grey.
        legend
            Names, at most :data:`COLOURS` and one for the rest.
        texts
            What is said of each point.
        axes
            What is to the right, and what is up.
        """
        self.kinds = kinds.astype(np.uint8).tobytes()
        self.view = {
            **self.view,
            "legend": legend,
            "texts": texts,
            "axes": list(axes),
            "colours": [*plots.PALETTE, GREY],
        }

    def _heed(self, _, content: dict, __) -> None:
        number = content.get("choose", -1)
        if 0 <= number < self._count:
            self.chosen = number
            self._on_choose(number, bool(content.get("hear")))


class EmbeddingMap(ClipBrowser):
    """Clips as points on a plane, near each other where a model takes them for alike.

    What a model has made of a clip just before it names it, the input of its last layer, is a list of numbers (256
    or so). The mean over a clip's segments, drawn on a plane, shows what the model hears as alike. A point is heard
    with a click; arrow keys go to the nearest point in their direction, Enter plays it.

    Parameters
    ----------
    run : str, Path, Outcome or Classifier
        The folder of a run, what came of one, or a model.
    data : Store or Dataset
        A store that holds what the model hears, or a data set, whose files are then decoded one by one (20 to 100 ms
        each).
    clips : sequence of int
        Rows of ``data.index`` to show, such as ``split.test``; all when left out.
    method
        ``"pca"``: the two directions in which the clips differ most, the same at every run; distances are true but
        for what lies in the other directions. ``"tsne"``: neighbours stay neighbours, but the distances between
        groups and their sizes mean nothing.
    colour
        ``"label"``, ``"group"`` (the artist, or the recording) or ``"predicted"``: what the colours say at first.
    sounds
        Where the clips are heard: ``None`` for the files at their paths or the store's own audio, a folder they were
        moved to, or a mapping of paths to ``(waveform, sample_rate)``.
    most
        Clips at most; of more, so many are drawn at random.
    seed
        Of that draw, and of t-SNE.
    device
        Where the model computes.

    Attributes
    ----------
    clips : pandas.DataFrame
        One row a point: ``clip`` (its name), ``label``, ``group``, ``predicted``, ``path``, and its place ``x``,
        ``y``.
    values : float array, shape (points, dimensions)
        Inputs of the last layer: all that the plane is made of.
    path : str
        Of the clip that is shown; "" for none.

    Raises
    ------
    DatasetError
        ``data`` is no data set, or has classes that the model does not know.
    StoreError
        The store does not hold what the model hears, or has other classes.
    RunError
        There is no model, it has no linear layer at its end, fewer than three clips could be read, or a word is none
        of those above.
    """

    def __init__(
        self,
        run,
        data,
        clips=None,
        method: str = "pca",
        colour: str = "label",
        sounds: str | Path | Mapping[str, Sound] | None = None,
        most: int = MOST,
        seed: int = 0,
        device: str = "auto",
    ):
        for word, known in ((method, METHODS), (colour, _COLOURED_BY)):
            if word not in known:
                raise RunError(f"expected one of {', '.join(known)}, found {word!r}{did_you_mean(str(word), known)}")
        index = index_of(data).reset_index(drop=True)
        wanted = np.arange(len(index)) if clips is None else np.asarray(clips, dtype=int)
        drawn = np.sort(np.random.default_rng(seed).permutation(wanted)[:most])
        self._hidden: Hidden = hidden_of(run, data, drawn, device)
        self.values = self._hidden.values
        places, self._axes = on_a_plane(self.values, method, seed)
        rows = index.iloc[self._hidden.clips]
        classes = np.asarray(self._hidden.classes, dtype=object)
        self.clips = pd.DataFrame(
            {
                "clip": names_of(rows["path"]),
                "label": rows["label"].to_numpy(),
                "group": rows["group"].to_numpy(),
                "predicted": classes[self._hidden.probabilities.argmax(axis=1)],
                "path": rows["path"].to_numpy(),
                "x": places[:, 0],
                "y": places[:, 1],
            }
        )
        super().__init__(sounds_of(data, sounds), "Choose a point to hear its clip.")
        self._scatter = Scatter(places, self._pointed)
        self._colour = ipywidgets.Dropdown(
            description="colours", options=[(said, name) for name, said in _COLOURED_BY.items()], value=colour
        )
        self._colour.observe(self._painted, "value")
        told = ipywidgets.HTML(self._told(len(wanted), len(drawn)))
        self.children = [self._colour, self._scatter, told, self._view]
        self._painted()

    def _mark(self, row: int) -> None:
        self._scatter.chosen = row

    def _known(self, row: int) -> tuple:
        clip = self.clips.iloc[row]
        shares = ipywidgets.HTML(bars(self._hidden.classes, self._hidden.probabilities[row], clip["label"]))
        return clip["clip"], _said_of(clip), [shares]

    def _pointed(self, row: int, play: bool) -> None:
        if play or self.path != self.clips["path"].iloc[row]:
            self.choose(row, play)

    def _coloured(self) -> tuple[np.ndarray, list[str]]:
        """Number of the colour of each point, and what each colour says, the most frequent first."""
        column = self.clips[self._colour.value]
        counts = column.value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable")
        if len(counts) <= COLOURS:
            counts = counts.sort_index()  # as many as there are colours: as in every other picture
        number = {name: min(place, COLOURS) for place, name in enumerate(counts.index)}
        legend = [str(name) for name in counts.index[:COLOURS]]
        if rest := len(counts) - COLOURS:
            legend += [f"{rest} others"] if rest > 0 else []
        return column.map(number).to_numpy(), legend

    def _painted(self, _=None) -> None:
        kinds, legend = self._coloured()
        texts = [f"{row['clip']}: {_said_of(row)}" for _, row in self.clips.iterrows()]
        self._scatter.paint(kinds, legend, texts, self._axes)

    def _told(self, wanted: int, drawn: int) -> str:
        told = [f"{len(self.clips):,} clips; {self._hidden.values.shape[1]} numbers each, from {self._hidden.layer}."]
        if drawn < wanted:
            told.append(f"Drawn at random out of {wanted:,}.")
        if not self.values.std(axis=0).any():
            told.append("The model gives all of them the same numbers: all points lie on one place.")
        lines = [" ".join(told)]
        if failures := self._hidden.failures:
            lines += [
                f"{len(failures)} clip{'s' * (len(failures) > 1)} could not be read:",
                *(reason for _, reason in failures[:5]),
            ]
        return "".join(f"<p class='musiclab-quiet'>{html.escape(line)}</p>" for line in lines)

    def still(self) -> Still:
        """The map, and the clip that is shown."""
        kinds, legend = self._coloured()
        figure = Figure(figsize=(7, 4.6), layout="constrained")
        ax = figure.subplots()
        for kind in sorted(set(kinds), reverse=True):  # grey below the others
            points = self.clips[kinds == kind]
            colour = GREY if kind == COLOURS else plots.PALETTE[kind]
            style = {"s": 16, "color": colour, "marker": MARKERS[kind % len(MARKERS)], "label": legend[kind]}
            ax.scatter(points["x"], points["y"], linewidths=0, alpha=0.85, zorder=COLOURS + 1 - kind, **style)
        ax.set(xlabel=self._axes[0], ylabel=self._axes[1], xticks=[], yticks=[], aspect="equal")
        ax.set_adjustable("datalim")
        handles, names = ax.get_legend_handles_labels()
        figure.legend(handles[::-1], names[::-1], frameon=False, loc="outside right upper", fontsize=8)
        said = _COLOURED_BY[self._colour.value]
        alt = f"{len(self.clips):,} clips as points, coloured by {said}: {', '.join(legend)}. {' '.join(self._axes)}."
        return Still(as_png(figure), alt, *self._view.still_sound())


_COLOURED_BY = {"label": "class", "group": "group (artist, recording)", "predicted": "predicted class"}


def _said_of(clip: pd.Series) -> str:
    wrong = "" if clip["predicted"] == clip["label"] else f", predicted {clip['predicted']}"
    group = "" if clip["group"] == clip["path"] else f", group {clip['group']}"
    return f"class {clip['label']}{group}{wrong}"
