"""Replace a widget that can't be shown by a picture with a description and a short sound.

Every widget derives from :class:`WithStill` first and from its ipywidgets or anywidget class second, and defines
``still()``. Jupyter then gets both forms. A live page shows the widget. Committed notebooks (from which
:mod:`musiclab.lessons.notebooks` removes widgets), web pages and editors without widgets show the still::

    class Explorer(WithStill, anywidget.AnyWidget):
        def still(self) -> Still:
            return Still(as_png(figure), "Log-mel spectrogram of a 440 Hz tone")
"""

import base64
import html
import io
from dataclasses import dataclass

LARGEST = 18_000  # largest size of a still picture in bytes; base64 makes it 24,000 bytes in a notebook
_WIDTH = 700  # largest width in CSS pixels: the text column of a notebook on the web


@dataclass(frozen=True)
class Still:
    """A picture with a description and an optional sound, which Jupyter can show without running a widget.

    Parameters
    ----------
    png : bytes
        Picture as a PNG file, from :func:`musiclab.widgets.still.as_png`.
    alt : str
        Description of the picture for screen readers.
    sound : bytes, optional
        WAV file, from :func:`musiclab.widgets.sound.encode_preview`. Optional.
    caption : str
        Line below the picture, by default empty.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> still = Still(as_png(Figure(figsize=(1, 1))), "An empty square")
    >>> 'alt="An empty square"' in still.html()
    True
    """

    png: bytes  # from as_png
    alt: str  # alternative text, for screen readers
    sound: bytes | None = None  # WAV file, from musiclab.widgets.sound.encode_preview
    caption: str = ""  # line below the picture

    def html(self) -> str:
        """Convert picture, caption and audio player to HTML.

        Returns
        -------
        str
            HTML that contains the picture and the sound, so that it needs no other files.
        """
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
    """Mixin that shows a static picture wherever the widget itself can't run.

    Inherit from it before the class of the widget, and define a method ``still()`` that returns a :class:`Still`.

    Examples
    --------
    >>> import ipywidgets
    >>> class Greeting(WithStill, ipywidgets.HTML):
    ...     def still(self) -> Still:
    ...         return Still(b"", "A greeting")
    >>> data, metadata = Greeting("Hello")._repr_mimebundle_()
    >>> data["text/plain"]
    'A greeting'
    """

    def _repr_mimebundle_(self, **options):
        bundle = super()._repr_mimebundle_(**options) or {}
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, **self.still()._repr_mimebundle_()}, metadata


def as_png(figure, dpi: int = 100, largest: int = LARGEST) -> bytes:
    """Save a matplotlib figure as a PNG with a colour palette, in at most ``largest`` bytes if possible.

    Create the figure without pyplot (``Figure(figsize=(7, 2.4), layout="constrained")``), so that it isn't shown twice.
    The palette shrinks from 256 to 16 colours until the picture fits. If it still doesn't fit, it is returned anyway;
    draw fewer, larger cells then.
    """
    from PIL import Image

    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=dpi)
    picture = Image.open(png).convert("RGB")
    for colours in (256, 128, 64, 32, 16):
        packed = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
        if packed.tell() <= largest:
            break
    return packed.getvalue()
