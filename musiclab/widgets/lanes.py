"""Describe the lanes above the waveform of a :class:`~musiclab.widgets.Player`: beats, segments, predictions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musiclab.core.errors import MusiclabError
from musiclab.plots import PALETTE, drawable, name_ticks


@dataclass(frozen=True)
class Lane:
    """A row of annotations above the waveform of a Player, on the same time axis.

    Create a lane with :meth:`beats`, :meth:`segments` or :meth:`predictions`.

    Attributes
    ----------
    form : {"beats", "segments", "predictions"}
        Kind of annotation.
    name : str
        Name of the lane, one or two short words.
    data : dict
        Times in s with their texts or values, ready for JSON.

    Examples
    --------
    >>> Lane.segments([(0, 1.5, "verse"), (1.5, 3, "chorus")], name="part").data["texts"]
    ['verse', 'chorus']
    """

    form: str  # "beats", "segments" or "predictions"
    name: str  # one or two short words, shown at the left
    data: dict  # times in s with their texts or values, ready for JSON

    @classmethod
    def beats(cls, times, name: str = "beats") -> "Lane":
        """Create a lane with a line at each beat.

        Parameters
        ----------
        times : array, shape (beats,), s
            Times of the beats, at least one.
        name : str
            Name of the lane, by default "beats".

        Returns
        -------
        Lane
            Lane for :class:`Player`.

        Raises
        ------
        MusiclabError
            If ``times`` is empty, has the wrong shape, or is not finite.

        Examples
        --------
        >>> Lane.beats([0.25, 0.75]).data
        {'times': [0.25, 0.75]}
        """
        times = _check_finite(times, f"lane {name}: times", 1)
        return cls("beats", name, {"times": _short(times)})

    @classmethod
    def segments(cls, segments: Sequence[tuple[float, float, str]], name: str = "chords") -> "Lane":
        """Create a lane with a coloured box for each segment, such as a chord, a section or a label.

        Equal texts have the same colour. Colours repeat after ten different texts.

        Parameters
        ----------
        segments : sequence of (float, float, str)
            Start in s, end in s and text of each segment. There is at least one.
        name : str
            Name of the lane, by default "chords".

        Returns
        -------
        Lane
            Lane for :class:`Player`.

        Raises
        ------
        MusiclabError
            If there are no segments, a time is not finite, or a segment ends before it starts.

        Examples
        --------
        >>> Lane.segments([(0, 2, "Am"), (2, 4, "F")]).data["spans"]
        [[0.0, 2.0], [2.0, 4.0]]
        """
        spans = _check_finite([segment[:2] for segment in segments], f"lane {name}: starts and ends", 2, columns=2)
        is_reversed = spans[:, 1] < spans[:, 0]
        if is_reversed.any():
            raise MusiclabError(
                f"lane {name}: expected each segment to end after it starts, "
                f"found {spans[is_reversed.argmax()].tolist()}; pass (start, end, text) with times in s"
            )
        texts = [str(segment[2]) for segment in segments]
        colour_of = {text: PALETTE[index % len(PALETTE)] for index, text in enumerate(dict.fromkeys(texts))}
        colours = [colour_of[text] for text in texts]
        return cls("segments", name, {"spans": _short(spans), "texts": texts, "colours": colours})

    @classmethod
    def predictions(cls, edges, probabilities, classes: Sequence[str], name: str = "predicted") -> "Lane":
        """Create a lane with one row per class, darker where the class is more probable.

        :func:`musiclab.plots.timeline` plots the same as a figure.

        Parameters
        ----------
        edges : array, shape (windows + 1,), s
            Times between the windows that the model classified, from :func:`musiclab.runs.prediction.edges`. Window
            ``i`` lasts from ``edges[i]`` to ``edges[i + 1]``.
        probabilities : array, shape (windows, classes)
            Probability of each class in each window, from 0 to 1.
        classes : sequence of str, length (classes,)
            Names of the classes.
        name : str
            Name of the lane, by default "predicted".

        Returns
        -------
        Lane
            Lane for :class:`Player`.

        Raises
        ------
        MusiclabError
            If the shapes don't match, a value is not finite, or a probability is not between 0 and 1.

        Examples
        --------
        >>> Lane.predictions([0, 1, 2], [[0.9, 0.1], [0.2, 0.8]], ["speech", "music"]).data["edges"]
        [0.0, 1.0, 2.0]
        """
        edges = _check_finite(edges, f"lane {name}: edges", 1)
        probabilities = _check_finite(probabilities, f"lane {name}: probabilities", 2, columns=len(classes))
        if len(edges) != len(probabilities) + 1 or probabilities.min() < 0 or probabilities.max() > 1:
            raise MusiclabError(
                f"lane {name}: expected one more edge than windows, and probabilities from 0 to 1, found "
                f"{len(edges)} edges and {len(probabilities)} windows, with values from {probabilities.min():g} "
                f"to {probabilities.max():g}; "
                "get the edges from prediction.edges, and apply softmax to logits"
            )
        data = {"edges": _short(edges), "probabilities": _short(probabilities, 3), "classes": list(map(str, classes))}
        return cls("predictions", name, data)

    @property
    def height(self) -> int:
        """Height of the lane in CSS pixels."""
        if self.form == "predictions":
            return 6 + max(12, min(14 * len(self.data["classes"]), 160))
        return 16 if self.form == "beats" else 22

    def to_dict(self) -> dict:
        """Convert the lane to a dict that can be written as JSON.

        Returns
        -------
        dict
            ``form``, ``name`` and ``height``, and the entries of ``data``.

        Examples
        --------
        >>> Lane.beats([0.25]).to_dict()
        {'form': 'beats', 'name': 'beats', 'height': 16, 'times': [0.25]}
        """
        return {"form": self.form, "name": self.name, "height": self.height, **self.data}

    def draw(self, ax) -> None:
        """Draw the lane on matplotlib Axes.

        Parameters
        ----------
        ax : matplotlib.axes.Axes
            Axes whose horizontal axis is time in s.
        """
        data = self.data
        ax.tick_params(bottom=False, labelbottom=False, left=False)
        if self.form == "predictions":
            rows = np.arange(len(data["classes"]) + 1) - 0.5
            shares = np.transpose(data["probabilities"])
            ax.pcolormesh(data["edges"], rows, shares, cmap="Blues", vmin=0, vmax=1, rasterized=True)
            name_ticks(ax.yaxis, data["classes"], self.height / 100, fontsize=6)
            ax.invert_yaxis()
            return
        ax.set_yticks([])
        ax.set_ylabel(drawable([self.name])[0], rotation=0, ha="right", va="center", fontsize=8)
        if self.form == "beats":
            ax.vlines(data["times"], 0, 1, color=PALETTE[0], linewidth=0.8)
        else:
            for (start, end), text, colour in zip(data["spans"], drawable(data["texts"]), data["colours"], strict=True):
                ax.axvspan(start, end, color=colour, alpha=0.35, linewidth=0)
                ax.text((start + end) / 2, 0.5, text, ha="center", va="center", fontsize=7, clip_on=True)
            ax.set_ylim(0, 1)


def _check_finite(values, name: str, dimensions: int, columns: int | None = None) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    is_finite = np.isfinite(array).all()
    if array.ndim != dimensions or not array.size or (columns and array.shape[-1] != columns) or not is_finite:
        shape = "(n,)" if dimensions == 1 else f"(n, {columns})"
        raise MusiclabError(
            f"{name}: expected finite numbers of shape {shape} with n at least 1, found shape {array.shape}"
            f"{'' if is_finite else ' with NaN or infinite values'}; leave out entries without a value"
        )
    return array


def _short(array: np.ndarray, digits: int = 4) -> list:
    return np.round(array, digits).tolist()
