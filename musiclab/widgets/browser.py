"""Browse clips: choose one in a table, a confusion matrix or a map; hear it, see it, and read about it."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path

import ipywidgets
import numpy as np
import pandas as pd

from musiclab.core.errors import DatasetError, MusiclabError
from musiclab.metrics import Result
from musiclab.store import Store
from musiclab.widgets.clips import Sound, Sounds, describe
from musiclab.widgets.matrix import ConfusionTable
from musiclab.widgets.player import Player
from musiclab.widgets.predictions import bars, open_run
from musiclab.widgets.sound import encode_preview
from musiclab.widgets.still import Still, WithStill
from musiclab.widgets.table import FilteredTable

STILL_SECONDS = 3.0  # length of the sound beside a still picture, in s: at most 180 kB of a committed notebook
MOST_BARS = 12  # classes with a bar each; of more, the least probable ones share a bar


class ClipBrowser(WithStill, ipywidgets.VBox):
    """Choose a clip to hear it, to see it, and to read its class, its group and the prediction for it.

    The arguments decide how a clip is chosen:

    ==============================  ===================================================================================
    ``ClipBrowser(dataset)``        a table to filter by class, split, fold, group or name, and to sort; also of a store
    ``ClipBrowser(result)``         a confusion matrix; a cell lists its clips, the most confident predictions first
    ``ClipBrowser(store, run)``     a map, on which clips are close together if the last layer receives similar values
    ==============================  ===================================================================================

    Everything can be reached with keys: Tab goes from part to part, arrow keys from cell to cell, from clip to clip
    and to the nearest point, Enter opens and plays. A clip that cannot be read shows the reason instead of a player.

    Parameters
    ----------
    data : Dataset, Store, Result, Run, str or Path
        Data set or store; or the result of a test, a run that has one, or the folder of a run or cross-validation.
    run : Run, str or Path
        Trained model for the map of a data set or a store. A data set is prepared first.
    rows : sequence of int
        Rows of ``data.index`` to show, such as ``split.test``; default all. A map shows at most 1,000, drawn at random.
    sounds
        Source of the sounds, by default the files at their paths or the store's own audio. Otherwise a folder that
        they were moved to, a store with audio, or a mapping of paths to ``(waveform, sample_rate)``.
    method
        ``"pca"``: a map of the two directions in which the clips differ most, with exact distances except for
        differences in other directions. ``"tsne"``: neighbours stay neighbours, but the sizes of groups and the
        distances between them mean nothing.
    colour
        Meaning of the map's colours at first: ``"label"``, ``"group"`` (artist, recording) or ``"predicted"``.

    Attributes
    ----------
    clips : pandas.DataFrame
        The clips that can be chosen now: those that the filters let through, of the open cell, or of the map.
    path, player : str, Player or None
        Path and player of the clip that is shown; "" and ``None`` without one.
    chooser : FilteredTable, ConfusionTable or ClipMap
        Table: ``chooser.controls["label"].value = "jazz"`` filters and ``chooser.table.sort_by("group")`` sorts.
        Matrix: ``chooser.open_cell("jazz", "blues")`` opens a cell.

    Raises
    ------
    DatasetError
        ``data`` is of another type, or holds no clip; ``sounds`` holds no sounds.
    RunError
        The folder holds no run, or the run no result; the model has no linear layer; fewer than three clips could be
        read for a map; ``method`` or ``colour`` is not known.
    StoreError
        The store has other feature settings than the run, or other classes.
    """

    def __init__(
        self,
        data,
        run=None,
        rows: Sequence[int] | None = None,
        sounds: str | Path | Store | Mapping[str, Sound] | None = None,
        method: str = "pca",
        colour: str = "label",
    ):
        self._sounds = Sounds(data if sounds is None and isinstance(data, Store) else sounds)
        self._clip: pd.Series | None = None
        self._sound: Sound | None = None
        self._player: Player | None = None  # stays while a clip without a sound is shown
        self.problem = ""
        self._text, self._bars = ipywidgets.HTML(), ipywidgets.HTML()
        self._view = ipywidgets.VBox([self._text]).add_class("musiclab-clip")
        self._text.value = "<p class='musiclab-quiet'>Choose a clip to hear and see it.</p>"
        super().__init__()
        self.add_class("musiclab").add_class("musiclab-clips")
        if not isinstance(getattr(data, "index", None), pd.DataFrame):
            self.chooser = ConfusionTable(_result_of(data), self._show, self._sounds.is_missing)
            self.chooser.open_most_frequent()
        elif run is None:
            self.chooser = FilteredTable(data, rows, self._show, self._sounds.is_missing)
        else:
            from musiclab.widgets.scatter import ClipMap  # not at the top: torch takes seconds

            self.chooser = ClipMap(open_run(run), data, rows, self._show, method, colour)
        self.children = [self.chooser, self._view]

    @property
    def clips(self) -> pd.DataFrame:
        return self.chooser.clips

    @property
    def path(self) -> str:
        return "" if self._clip is None else self._clip["path"]

    @property
    def player(self) -> Player | None:
        return None if self._sound is None else self._player

    def choose(self, row: int, play: bool = False) -> None:
        """Show a row of ``clips``, from 0, in whatever order they are shown, and perhaps play it.

        A row that does not exist raises IndexError.
        """
        clip = self.clips.iloc[row]
        self.chooser.mark(row)
        self._show(clip, play)

    def _show(self, clip: pd.Series | None, play: bool) -> None:
        """Show a clip with its player, or the reason why it has none, and with its prediction."""
        self._clip, self._sound, self.problem = clip, None, ""
        if self._player is not None:
            self._player.playing = False
        if clip is None:
            self._text.value = "<p class='musiclab-quiet'>There is no clip here.</p>"
            self._view.children = [self._text]
            return
        try:
            self._sound = self._sounds.load(clip["path"])
            if self._player is None:
                self._player = Player(*self._sound, title=clip["clip"])
            else:
                self._player.load(*self._sound, title=clip["clip"])
        except (MusiclabError, ImportError, OSError) as error:  # moved, damaged, or a machine that decodes nothing
            self._sound, self.problem = None, str(error)
        text = f"<span class='musiclab-quiet'>{html.escape(describe(clip))}</span>"
        if self.problem:  # otherwise the player has the name
            text = f"<strong>{html.escape(clip['clip'])}</strong> {text}"
            text += f"</p><p class='musiclab-warning' role='alert'>No sound: {html.escape(self.problem)}"
        self._text.value = f"<p>{text}</p>"
        self._bars.value = self._predictions(clip)
        self._view.children = [self._text, *filter(None, [self.player]), self._bars]
        if play and self.player is not None:
            self.player.playing = True

    def _predictions(self, clip: pd.Series) -> str:
        """Write the prediction, the most probable class first; "" without a model."""
        if self.chooser.probabilities is None:
            return ""
        classes, shares = np.array(self.chooser.classes), self.chooser.probabilities[clip.name]
        order = np.argsort(-shares, kind="stable")
        names, values = classes[order].tolist(), shares[order].tolist()
        if len(names) > MOST_BARS:
            rest = len(names) - MOST_BARS + 1
            names[-rest:], values[-rest:] = [f"{rest} others"], [sum(values[-rest:])]
        return bars(names, values, "What the model predicted", mark=(clip["label"], "true"))

    def still(self) -> Still:
        """Return a picture of the table, matrix or map, with the sound of the clip that is shown."""
        png, alt = self.chooser.picture()
        if self.player is None:
            return Still(png, alt)
        caption = f"{self._clip['clip']} ({describe(self._clip)})"
        return Still(png, alt, encode_preview(*self._sound, STILL_SECONDS), caption)


def _result_of(data) -> Result:
    if isinstance(data, str | Path):
        data = open_run(data)
    result = getattr(data, "result", data)
    if not isinstance(result, Result):
        raise DatasetError(
            "expected a data set, a store, or the result of a test (a Result, a run that was tested, or its folder), "
            f"found {type(data).__name__}"
        )
    if result.n == 0:
        raise DatasetError("expected the result of at least one clip, found none; test the model on some")
    return result
