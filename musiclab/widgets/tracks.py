"""Describe the rows above a sound in a :class:`~musiclab.widgets.Player`: events, segments, predictions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musiclab.core.errors import MusiclabError
from musiclab.plots import PALETTE, drawable, name_ticks


@dataclass(frozen=True)
class Track:
    """One row above a sound, on its time axis; made by one of the three class methods.

    Examples
    --------
    >>> Track.segments([(0, 1.5, "verse"), (1.5, 3, "chorus")], name="part").data["texts"]
    ['verse', 'chorus']
    """

    form: str  # "beats", "segments" or "predictions"
    name: str  # one or two short words at the left of the row
    data: dict  # times in s with their texts or values, ready for JSON

    @classmethod
    def beats(cls, times, name: str = "beats") -> "Track":
        """Draw a line at each of some times, shape (beats,), in s."""
        times = _check_finite(times, f"track {name}: times", 1)
        return cls("beats", name, {"times": _short(times)})

    @classmethod
    def segments(cls, segments: Sequence[tuple[float, float, str]], name: str = "chords") -> "Track":
        """Draw a coloured box with a word for each stretch of time: chords, sections, labels.

        A segment is (start, end, text), in s. Equal texts have one colour; from the eleventh text on colours repeat.
        """
        spans = _check_finite([segment[:2] for segment in segments], f"track {name}: starts and ends", 2, columns=2)
        is_reversed = spans[:, 1] < spans[:, 0]
        if is_reversed.any():
            raise MusiclabError(
                f"track {name}: expected each segment to end after it starts, "
                f"found {spans[is_reversed.argmax()].tolist()}; give (start, end, text) in s"
            )
        texts = [str(segment[2]) for segment in segments]
        colour_of = {text: PALETTE[index % len(PALETTE)] for index, text in enumerate(dict.fromkeys(texts))}
        colours = [colour_of[text] for text in texts]
        return cls("segments", name, {"spans": _short(spans), "texts": texts, "colours": colours})

    @classmethod
    def predictions(cls, edges, probabilities, classes: Sequence[str], name: str = "predicted") -> "Track":
        """Draw a row for each class, the darker the more probable, as :func:`musiclab.plots.timeline` does.

        Window i lasts from ``edges[i]`` to ``edges[i + 1]``, in s, as in :func:`musiclab.runs.prediction.edges`.
        ``probabilities`` has shape (windows, classes).
        """
        edges = _check_finite(edges, f"track {name}: edges", 1)
        probabilities = _check_finite(probabilities, f"track {name}: probabilities", 2, columns=len(classes))
        if len(edges) != len(probabilities) + 1 or probabilities.min() < 0 or probabilities.max() > 1:
            raise MusiclabError(
                f"track {name}: expected one edge more than windows, and probabilities in 0 to 1, found "
                f"{len(edges)} edges and {len(probabilities)} windows, from {probabilities.min():g} "
                f"to {probabilities.max():g}; "
                "prediction.edges gives the edges, and a softmax makes probabilities of logits"
            )
        data = {"edges": _short(edges), "probabilities": _short(probabilities, 3), "classes": list(map(str, classes))}
        return cls("predictions", name, data)

    @property
    def height(self) -> int:
        """Height in CSS pixels."""
        if self.form == "predictions":
            return 6 + max(12, min(14 * len(self.data["classes"]), 160))
        return 16 if self.form == "beats" else 22

    def to_dict(self) -> dict:
        """Return the row for JSON."""
        return {"form": self.form, "name": self.name, "height": self.height, **self.data}

    def draw(self, ax) -> None:
        """Draw the row on a matplotlib Axes whose x axis is time in s."""
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
            f"{'' if is_finite else ' with NaN or infinite ones'}; leave out what has no value"
        )
    return array


def _short(array: np.ndarray, digits: int = 4) -> list:
    return np.round(array, digits).tolist()
