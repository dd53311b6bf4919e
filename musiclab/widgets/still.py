"""Replace a widget that cannot be shown by a picture, words, and a plain player of a short sound.

Every widget derives from :class:`WithStill` first and from its ipywidgets or anywidget class second, and defines
``still()``. Jupyter then gets both forms. A live page shows the widget. A committed notebook (from which
:mod:`musiclab.lessons.notebooks` drops the widget), a page on the web and an editor without widgets show the still::

    class Explorer(WithStill, anywidget.AnyWidget):
        def still(self) -> Still:
            return Still(as_png(figure), "Log-mel spectrogram of a 440 Hz tone")
"""

import base64
import html
import io
from dataclasses import dataclass

LARGEST = 18_000  # bytes that a still picture may have; base64 turns them into 24,000 in a notebook
_WIDTH = 700  # CSS pixels at most: the text column of a notebook on the web


@dataclass(frozen=True)
class Still:
    """A picture with its description, and perhaps a sound; Jupyter shows it as it is."""

    png: bytes  # from as_png
    alt: str  # for screen readers and for pages without pictures
    sound: bytes | None = None  # a WAV file, from musiclab.widgets.sound.encode_preview
    caption: str = ""  # a line below the picture

    def html(self) -> str:
        """Return picture, caption and player as HTML that loads nothing: it contains the bytes."""
        source = f"data:image/png;base64,{base64.b64encode(self.png).decode()}"
        alt = html.escape(self.alt)
        parts = [f'<img src="{source}" alt="{alt}" style="max-width: min(100%, {_WIDTH}px); height: auto">']
        if self.caption:
            parts.append(f"<small>{html.escape(self.caption)}</small>")
        if self.sound is not None:
            from IPython.display import Audio

            parts.append(Audio(self.sound)._repr_html_().strip())
        return "".join(f"<div>{part}</div>" for part in parts)

    def _repr_mimebundle_(self, **_) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": self.alt}


class WithStill:
    """Mixin for a widget with a method ``still() -> Still``, so that its output holds both."""

    def _repr_mimebundle_(self, **options):
        shown = super()._repr_mimebundle_(**options) or {}
        data, metadata = shown if isinstance(shown, tuple) else (shown, {})
        return {**data, **self.still()._repr_mimebundle_()}, metadata


def as_png(figure, dpi: int = 100, largest: int = LARGEST) -> bytes:
    """Draw a matplotlib figure as a PNG with a palette, with as many colours as the bytes allow.

    Make the figure without pyplot (``Figure(figsize=(7, 2.4), layout="constrained")``), so that it isn't shown twice.
    The palette is halved from 256 colours down to 16 until the picture fits. One that does not fit with 16 is returned
    all the same: draw fewer, larger cells.
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
