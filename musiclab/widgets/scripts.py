"""Front ends without a build step: the scripts and styles of this folder that a widget needs, as one text each."""

from pathlib import Path

_HERE = Path(__file__).parent


def script(*names: str) -> str:
    """A widget's ``_esm``: ``element.js``, which every script begins with, and then the scripts of these names.

    They become one module, which loads nothing, and see each other's functions; the last one exports ``render``.
    """
    return _joined(("element", *names), "js")


def style(*names: str) -> str:
    """A widget's ``_css``: the style sheets of these names; of rules that weigh the same the later one counts."""
    return _joined(names, "css")


def _joined(names: tuple[str, ...], kind: str) -> str:
    return "\n".join((_HERE / f"{name}.{kind}").read_text(encoding="utf-8") for name in names)
