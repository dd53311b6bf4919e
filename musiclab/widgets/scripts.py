"""Join the scripts and style sheets of a widget, without a build step."""

from pathlib import Path


def script(*names: str) -> str:
    """Join scripts after ``element.js``: a widget's ``_esm``, one module that loads nothing."""
    return _join("element", *names, suffix="js")


def style(*names: str) -> str:
    """Join style sheets after ``theme.css``, which names the colours: a widget's ``_css``."""
    return _join("theme", *names, suffix="css")


def _join(*names: str, suffix: str) -> str:
    return "\n".join(Path(__file__).with_name(f"{name}.{suffix}").read_text(encoding="utf-8") for name in names)
