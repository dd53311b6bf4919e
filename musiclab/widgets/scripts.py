"""Concatenate the scripts and style sheets of a widget, so that no build step is needed."""

from pathlib import Path


def script(*names: str) -> str:
    """Concatenate ``element.js`` and the named scripts into one module, for a widget's ``_esm``."""
    return _join("element", *names, suffix="js")


def style(*names: str) -> str:
    """Concatenate ``theme.css``, which defines the colours, and the named style sheets, for a widget's ``_css``."""
    return _join("theme", *names, suffix="css")


def _join(*names: str, suffix: str) -> str:
    return "\n".join(Path(__file__).with_name(f"{name}.{suffix}").read_text(encoding="utf-8") for name in names)
