"""What stands in for a widget where none can be shown: a picture, words, and a plain player of a short sound.

Every widget derives from :class:`WithStill` first and from its ipywidgets or anywidget class second, and defines
``still()``. Jupyter then gets both forms: a live page shows the widget; a committed notebook (from which
:mod:`musiclab.lessons.notebooks` drops the widget), a page on the web and an editor without widgets show the still::

    class Explorer(WithStill, anywidget.AnyWidget):
        def still(self) -> Still:
            return Still(as_png(figure), "Log-mel spectrogram of a 440 Hz tone")
"""

import base64
import html
import io
from dataclasses import dataclass

LARGEST = 18_000
"""Bytes that a still picture may have; base64 in a notebook makes 24,000 of them."""

_WIDTH = 700  # CSS pixels at most: the text column of a notebook on the web


@dataclass(frozen=True)
class Still:
    """A picture with its description, and perhaps a sound; Jupyter shows it as it is.

    Attributes
    ----------
    png : bytes
        The picture, from :func:`as_png`.
    alt : str
        What it shows, in words: for screen readers, and for where there are no pictures.
    sound : bytes or None
        A WAV file, from :func:`musiclab.widgets.sound.preview`.
    caption : str
        A line below the picture, such as what part of the sound it is.
    """

    png: bytes
    alt: str
    sound: bytes | None = None
    caption: str = ""

    def html(self) -> str:
        """Picture, caption and player as HTML that needs nothing else: the bytes stand in it."""
        source = f"data:image/png;base64,{base64.b64encode(self.png).decode()}"
        alt = html.escape(self.alt)
        parts = [f'<img src="{source}" alt="{alt}" style="max-width: min(100%, {_WIDTH}px); height: auto">']
        if self.caption:
            parts.append(f"<small>{html.escape(self.caption)}</small>")
        if self.sound is not None:
            from IPython.display import Audio

            parts.append(Audio(self.sound)._repr_html_().strip())
        return "".join(f"<div>{part}</div>" for part in parts)

    def bundle(self) -> dict[str, str]:
        """The forms that Jupyter can choose from, by MIME type."""
        return {"text/html": self.html(), "text/plain": self.alt}

    def _repr_mimebundle_(self, **_) -> dict[str, str]:
        return self.bundle()


class WithStill:
    """Mixed into a widget's class, before ipywidgets' own: what is displayed holds the widget and its still."""

    def still(self) -> Still:
        """What stands in for the widget, in its present state; each widget defines its own."""
        raise NotImplementedError(f"{type(self).__name__} defines no still picture; add a method still() -> Still")

    def _repr_mimebundle_(self, **options):
        shown = super()._repr_mimebundle_(**options) or {}
        data, metadata = shown if isinstance(shown, tuple) else (shown, {})
        return {**data, **self.still().bundle()}, metadata


def as_png(figure, dpi: int = 100, largest: int = LARGEST) -> bytes:
    """A matplotlib figure as a PNG with a palette, with as many colours as the bytes allow.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Made without pyplot (``Figure(figsize=(7, 2.4), layout="constrained")``), so that nothing shows it twice.
    dpi
        Pixels an inch: a figure 7 inches wide has 700.
    largest
        Bytes. The palette is halved from 256 colours down to 16 until the picture fits; a figure that does not fit
        with 16 is given as it is then: draw fewer, larger cells.
    """
    from PIL import Image

    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi)
    picture = Image.open(drawn).convert("RGB")
    for colours in (256, 128, 64, 32, 16):
        packed = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
        if packed.tell() <= largest:
            break
    return packed.getvalue()
