"""The side of the widgets and of exported pages that runs in a browser: scripts, style sheets and colours.

Scripts and style sheets are concatenated, so that no build step is needed and nothing has to be loaded.
"""

from functools import lru_cache
from pathlib import Path

PLAYER = (
    "canvas",
    "controls",
    "fourier",
    "spectrum",
    "player_parts",
    "waveforms",
    "sound",
    "regions",
    "player_picture",
)
PLAYER += ("player",)  # scripts of the Player, in the order in which they are concatenated


def script(*names: str) -> str:
    """Concatenate ``element.js`` and the named scripts into one module, for a widget's ``_esm``."""
    return _join("element", *names, suffix="js")


def style(*names: str) -> str:
    """Concatenate ``theme.css``, which defines the colours, and the named style sheets, for a widget's ``_css``."""
    return _join("theme", *names, suffix="css")


def _join(*names: str, suffix: str) -> str:
    return "\n".join(Path(__file__).with_name(f"{name}.{suffix}").read_text(encoding="utf-8") for name in names)


@lru_cache
def colour_map(name: str) -> bytes:
    """Return a matplotlib colour map as 256 times RGBA, so that canvases and figures have the same colours."""
    import numpy as np
    from matplotlib import colormaps

    return colormaps[name](np.arange(256), bytes=True).tobytes()
