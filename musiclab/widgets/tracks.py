"""What stands above a sound in a :class:`~musiclab.widgets.Player`: events, stretches, predictions, curves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musiclab.core.errors import MusiclabError
from musiclab.plots import PALETTE

_MOST_POINTS = 2000  # of a curve: a screen has no more columns

_HEIGHTS = {"beats": 16, "segments": 22, "curve": 40}  # CSS pixels


@dataclass(frozen=True)
class Track:
    """One row above a sound, on its time axis; made by one of the four class methods.

    Attributes
    ----------
    kind : str
        ``"beats"``, ``"segments"``, ``"predictions"`` or ``"curve"``.
    name : str
        Stands at its left; one or two short words.
    data : dict
        What JSON can hold, times in s.
    """

    kind: str
    name: str
    data: dict

    @classmethod
    def beats(cls, times, name: str = "beats") -> "Track":
        """A line at each moment.

        Parameters
        ----------
        times : array, shape (beats,)
            In s.
        """
        times = _finite(times, f"track {name}: times", 1)
        return cls("beats", name, {"times": _short(times)})

    @classmethod
    def segments(cls, segments: Sequence[tuple[float, float, str]], name: str = "chords") -> "Track":
        """A coloured box with a word for each stretch of time: chords, sections, labels.

        Parameters
        ----------
        segments
            Start and end in s, and a text. Equal texts have one colour; from the eleventh text on colours repeat.
        """
        spans = _finite([(start, end) for start, end, _ in segments], f"track {name}: starts and ends", 2, columns=2)
        if (spans[:, 1] < spans[:, 0]).any():
            worst = int((spans[:, 1] < spans[:, 0]).argmax())
            raise MusiclabError(
                f"track {name}: expected each segment to end after it starts, found {spans[worst].tolist()}; "
                "give (start, end, text) in s"
            )
        texts = [str(text) for _, _, text in segments]
        colour_of = {text: PALETTE[index % len(PALETTE)] for index, text in enumerate(dict.fromkeys(texts))}
        colours = [colour_of[text] for text in texts]
        return cls("segments", name, {"spans": _short(spans), "texts": texts, "colours": colours})

    @classmethod
    def predictions(cls, edges, probabilities, classes: Sequence[str], name: str = "predicted") -> "Track":
        """A row a class, the stronger coloured the surer, as :func:`musiclab.plots.timeline` draws them.

        Parameters
        ----------
        edges : array, shape (windows + 1,)
            Where one window ends and the next begins, in s: from :func:`musiclab.runs.prediction.edges`.
        probabilities : array, shape (windows, classes)
            In [0, 1].
        classes
            Names.
        """
        edges = _finite(edges, f"track {name}: edges", 1)
        probabilities = _finite(probabilities, f"track {name}: probabilities", 2, columns=len(classes))
        if len(edges) != len(probabilities) + 1 or probabilities.min() < 0 or probabilities.max() > 1:
            raise MusiclabError(
                f"track {name}: expected one edge more than windows, and probabilities in 0 to 1, found "
                f"{len(edges)} edges and {len(probabilities)} windows, from {probabilities.min():g} "
                f"to {probabilities.max():g}; "
                "prediction.edges gives the edges, and a softmax makes probabilities of logits"
            )
        data = {"edges": _short(edges), "probabilities": _short(probabilities, 3), "classes": list(map(str, classes))}
        return cls("predictions", name, data)

    @classmethod
    def curve(cls, times, values, name: str = "curve", unit: str = "") -> "Track":
        """A line, from its lowest to its highest value: saliency, loudness, any feature.

        Parameters
        ----------
        times, values : array, shape (points,)
            Times in s, rising. Of more than 2,000 points every so many is drawn, the largest of them.
        unit
            Stands behind values that are read out.
        """
        times, values = (_finite(array, f"track {name}: times and values", 1) for array in (times, values))
        if times.shape != values.shape:
            raise MusiclabError(
                f"track {name}: expected a time for each value, found {len(times)} times and {len(values)} values; "
                "frame i of a feature is at i * hop_length / sample_rate"
            )
        step = -(-len(times) // _MOST_POINTS)
        starts = np.arange(0, len(times), step)
        highest = np.maximum.reduceat(values, starts)
        return cls("curve", name, {"times": _short(times[starts]), "values": _short(highest, 4), "unit": unit})

    @property
    def height(self) -> int:
        """In CSS pixels."""
        if self.kind == "predictions":
            return 6 + max(12, min(14 * len(self.data["classes"]), 160))
        return _HEIGHTS[self.kind]

    def to_dict(self) -> dict:
        """All of it as JSON can hold it."""
        return {"kind": self.kind, "name": self.name, "height": self.height, **self.data}

    def draw(self, ax) -> None:
        """Draw it on a matplotlib Axes whose x axis is time in s."""
        data = self.data
        if self.kind == "beats":
            ax.vlines(data["times"], 0, 1, color=PALETTE[0], linewidth=0.8)
        elif self.kind == "segments":
            for (start, end), text, colour in zip(data["spans"], data["texts"], data["colours"], strict=True):
                ax.axvspan(start, end, color=colour, alpha=0.35, linewidth=0)
                ax.text((start + end) / 2, 0.5, text, ha="center", va="center", fontsize=7, clip_on=True)
            ax.set_ylim(0, 1)
        elif self.kind == "predictions":
            rows = np.arange(len(data["classes"]) + 1) - 0.5
            shares = np.reshape(data["probabilities"], (-1, len(data["classes"])))
            ax.pcolormesh(data["edges"], rows, shares.T, cmap="Blues", vmin=0, vmax=1, rasterized=True)
            ax.set_yticks(range(len(data["classes"])), data["classes"], fontsize=6)
            ax.invert_yaxis()
        else:
            ax.plot(data["times"], data["values"], color=PALETTE[0], linewidth=0.8)
        if self.kind != "predictions":
            ax.set_yticks([])
            ax.set_ylabel(self.name, rotation=0, ha="right", va="center", fontsize=8)
        ax.tick_params(bottom=False, labelbottom=False, left=False)


def _finite(values, what: str, dimensions: int, columns: int | None = None) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    fits = array.ndim == dimensions and array.size and (columns is None or array.shape[-1] == columns)
    if not fits or not np.isfinite(array).all():
        shape = "(n,)" if dimensions == 1 else f"(n, {columns})"
        raise MusiclabError(
            f"{what}: expected finite numbers of shape {shape} with n at least 1, found shape {array.shape}"
            f"{'' if np.isfinite(array).all() else ' with NaN or infinite ones'}; leave out what has no value"
        )
    return array


def _short(array: np.ndarray, digits: int = 4) -> list:
    return np.round(array, digits).tolist()
