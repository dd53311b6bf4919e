"""Browse clips in a table, a confusion matrix or a map, and hear and see them."""

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

STILL_SECONDS = 3.0  # duration of the sound in a still: at most 180 kB in a committed notebook
MOST_BARS = 12  # largest number of bars; with more classes, the least probable ones share a bar


class ClipBrowser(WithStill, ipywidgets.VBox):
    """A browser for clips. Choose a clip to hear it, see it, and read its class, its group and the model's prediction.

    A group holds clips that belong together, such as those of one artist. The arguments decide how you choose clips:

    ==============================  ===================================================================================
    ``ClipBrowser(dataset)``        in a table that you can sort and filter by class, split, fold, group or name
    ``ClipBrowser(result)``         in a confusion matrix; each cell lists its clips, most confident predictions first
    ``ClipBrowser(store, run)``     on a map; nearby clips have similar inputs to the model's last layer
    ==============================  ===================================================================================

    A click chooses a clip, and its player plays it. While a clip plays, the next one that you choose plays, too. With
    the keyboard, Tab moves between the parts of the browser, arrow keys move between cells, clips and points, and Enter
    opens and plays. Zoom a map with Ctrl and the wheel, or + and -, and drag to move it. If a clip can't be read, the
    reason is shown instead of a player.

    Parameters
    ----------
    data : Dataset, Store, Result, Run, str or Path
        Data set, store (a folder of prepared features) or test result. A run, or the folder of a run or
        cross-validation, stands for its test result.
    run : Run, str or Path, optional
        Trained model for the map of a data set or a store. A data set is prepared first.
    rows : sequence of int, optional
        Rows of ``data.index`` to show, such as ``split.test``. By default all. A map shows at most 1,000, drawn at
        random.
    sounds : str, Path, Store or mapping, optional
        Source of the sounds: a folder to which they were moved, a store with audio, or a mapping from path to
        ``(waveform, sample_rate)``. By default the files at their paths, or the audio in the store.
    method : {"pca", "tsne"}
        Initial projection of the map. ``"pca"`` (the default) shows the two directions in which the clips differ most.
        ``"tsne"`` keeps neighbours together, but distances between groups and sizes of groups have no meaning.
    colour : {"label", "group", "predicted"}
        Initial meaning of the colours of the map: the true class (the default), the group (artist, recording) or the
        predicted class.

    Attributes
    ----------
    clips : pandas.DataFrame
        Clips that can be chosen: those that pass the filters, are in the open cell, or are on the map.
    path : str
        Path of the chosen clip, or "".
    player : Player or None
        Player of the chosen clip.
    problem : str
        Reason why the chosen clip has no player, or "".
    chooser : FilteredTable, ConfusionTable or ClipMap
        In a table, ``chooser.controls["label"].value = "jazz"`` filters and ``chooser.table.sort_by("group")`` sorts.
        In a matrix, ``chooser.open_cell("jazz", "blues")`` opens a cell.

    Raises
    ------
    DatasetError
        If ``data`` has the wrong type or no clips, or ``sounds`` is not a source of sounds.
    RunError
        If the folder has no run, the run has no result, the model has no linear layer, fewer than three clips of a map
        can be read, or ``method`` or ``colour`` is unknown.
    StoreError
        If the feature settings or classes of the store differ from those of the run.

    Examples
    --------
    >>> paths = np.array(["a.wav", "b.wav", "c.wav"])
    >>> log_probabilities = np.log([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    >>> result = Result(["jazz", "rock"], np.array([0, 1, 1]), log_probabilities, groups=paths, paths=paths)
    >>> browser = ClipBrowser(result)
    >>> browser.chooser.open_cell("rock", "jazz")
    >>> browser.path
    'b.wav'
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
        self._player: Player | None = None  # kept while a clip without a sound is shown
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
            from musiclab.widgets.scatter import ClipMap  # imported here, because importing torch takes seconds

            self.chooser = ClipMap(open_run(run), data, rows, self._show, method, colour)
        self.children = [ipywidgets.Box([self.chooser, self._view]).add_class("musiclab-beside")]

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
        """Choose a clip, as a click on it does.

        Parameters
        ----------
        row : int
            Row of the clip in ``clips``, counted from 0.
        play : bool
            Start to play the clip. The default is False.

        Raises
        ------
        IndexError
            If the row doesn't exist.

        Examples
        --------
        >>> paths = np.array(["a.wav", "b.wav"])
        >>> log_probabilities = np.log([[0.9, 0.1], [0.6, 0.4]])
        >>> result = Result(["jazz", "rock"], np.array([0, 0]), log_probabilities, groups=paths, paths=paths)
        >>> browser = ClipBrowser(result)
        >>> browser.chooser.open_cell("jazz", "jazz")
        >>> browser.choose(1)
        >>> browser.path
        'b.wav'
        """
        clip = self.clips.iloc[row]
        self.chooser.mark(row)
        self._show(clip, play)

    def _show(self, clip: pd.Series | None, play: bool) -> None:
        """Show a clip with its prediction and its player, or the reason why it has no player."""
        self._clip, self._sound, self.problem = clip, None, ""
        if self._player is not None:
            play = play or self._player.playing  # whoever is listening hears the next clip at once
            self._player.playing = False
        if clip is None:
            self._text.value = "<p class='musiclab-quiet'>This cell has no clips.</p>"
            self._view.children = [self._text]
            return
        try:
            self._sound = self._sounds.load(clip["path"])
            if self._player is None:
                self._player = Player(*self._sound, title=clip["clip"])
            else:
                self._player.load(*self._sound, title=clip["clip"])
        except (MusiclabError, ImportError, OSError) as error:  # missing or damaged file, or no decoder installed
            self._sound, self.problem = None, str(error)
        text = f"<span class='musiclab-quiet'>{html.escape(describe(clip))}</span>"
        if self.problem:  # otherwise the player shows the name
            text = f"<strong>{html.escape(clip['clip'])}</strong> {text}"
            text += f"</p><p class='musiclab-warning' role='alert'>No sound: {html.escape(self.problem)}"
        self._text.value = f"<p>{text}</p>"
        self._bars.value = self._predictions(clip)
        self._view.children = [self._text, *filter(None, [self.player]), self._bars]
        if play and self.player is not None:
            self.player.playing = True

    def _predictions(self, clip: pd.Series) -> str:
        """Format the prediction for a clip, sorted by probability; "" without a model."""
        if self.chooser.probabilities is None:
            return ""
        classes, probabilities = np.array(self.chooser.classes), self.chooser.probabilities[clip.name]
        order = np.argsort(-probabilities, kind="stable")
        names, values = classes[order].tolist(), probabilities[order].tolist()
        if len(names) > MOST_BARS:
            n_others = len(names) - MOST_BARS + 1
            names[-n_others:], values[-n_others:] = [f"{n_others} others"], [sum(values[-n_others:])]
        return bars(names, values, "Predicted probabilities", mark=(clip["label"], "true"))

    def still(self) -> Still:
        """Draw the static picture that replaces the browser where widgets can't be shown.

        Returns
        -------
        Still
            Picture of the table, matrix or map, with the first 3 s of the chosen clip.
        """
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
            "expected a data set, a store, or a test result (a Result, a tested run, or the folder of a tested run), "
            f"found {type(data).__name__}"
        )
    if result.n == 0:
        raise DatasetError("expected a test result of at least one clip, found no clips; test the model on more data")
    return result
