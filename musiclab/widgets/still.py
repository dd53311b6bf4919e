"""Replace a widget that can't be shown by a picture with a description and a short sound.

Every widget derives from :class:`WithStill` first and from its ipywidgets or anywidget class second, and defines
``still()``. Jupyter then gets both forms. A live page shows the widget. Committed notebooks (from which
:mod:`musiclab.lessons.notebooks` removes widgets), web pages and editors without widgets show the still::

    class Explorer(WithStill, anywidget.AnyWidget):
        def still(self) -> Still:
            return Still(as_png(figure), "Log-mel spectrogram of a 440 Hz tone")
"""

import base64
import hashlib
import html
import io
import json
from dataclasses import dataclass, field

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
    settings : dict
        Arguments of the widget besides its sound, ready for JSON. With them, the book shows the widget itself.
    embed : bool
        False if another output of the notebook already contains the same sound. Then only its hash is stored.

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
    settings: dict = field(default_factory=dict)  # arguments of the widget besides its sound, ready for JSON
    embed: bool = True  # False: only the hash of the sound is stored

    def html(self, widget: str = "") -> str:
        """Convert picture, caption and audio player to HTML.

        Parameters
        ----------
        widget : str
            Class of the widget, which lets the book make the widget again. Optional.

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
        if self.sound is not None and self.embed:
            from IPython.display import Audio

            parts.append(Audio(self.sound)._repr_html_().strip())
        content = "".join(f"<div>{part}</div>" for part in parts)
        if not widget:
            return content
        recipe = json.dumps({"widget": widget, "sound": sound_hash(self.sound or b""), "settings": self.settings})
        return f'<div data-musiclab="{html.escape(recipe)}">{content}</div>'

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
        still = self.still()
        return {**data, "text/html": still.html(type(self).__name__), "text/plain": still.alt}, metadata


def sound_hash(sound: bytes) -> str:
    """Return a short hash of a sound file."""
    return hashlib.sha256(sound).hexdigest()[:16]


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
