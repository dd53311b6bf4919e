"""One progress bar that looks right in a notebook, in a terminal and in a log file."""

import sys
from collections.abc import Iterable

from tqdm import tqdm

LOG_SECONDS = 10.0
"""At most so often, in seconds, a line goes to a log file."""


_LINE = "{desc}: {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"


def progress(
    iterable: Iterable | None, title: str, total: int | None = None, unit: str = "it", show: bool = True
) -> tqdm:
    """Wrap ``iterable`` in a progress bar with a rate and the time left.

    In a notebook the bar is one line of text that is replaced as it grows, so that a saved notebook holds only
    the last state; in a terminal it is removed when it is done; elsewhere a line is written now and then.

    Parameters
    ----------
    iterable
        What is gone through; ``None`` for a bar that is moved by ``bar.update(1)``.
    title
        Stands before the bar.
    total
        Number of steps, where ``iterable`` does not know.
    unit
        Of a step: "clip", "epoch" ...
    show
        ``False`` draws nothing.
    """
    if not show:
        return tqdm(iterable, total=total, disable=True)
    if _in_notebook():
        return _NotebookBar(iterable, title, total, unit=unit, bar_format="{l_bar}{bar:20}{r_bar}")
    if sys.stderr.isatty():
        return tqdm(iterable, title, total, unit=unit, leave=False, dynamic_ncols=True)
    return _LogBar(iterable, title, total, unit=unit, mininterval=LOG_SECONDS, bar_format=_LINE)


class _NotebookBar(tqdm):
    """A tqdm bar in one display that is updated in place (no widget, nothing on stderr)."""

    _handle = None

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        from IPython.display import display

        text = {"text/plain": str(self) if msg is None else msg}
        if self._handle is None:
            self._handle = display(text, raw=True, display_id=True)
        else:
            self._handle.update(text, raw=True)
        return True

    def close(self) -> None:
        if not self.disable:
            self.display()
            self.disable = True  # the standard bar would now write its end to stderr
            self._decr_instances(self)


class _LogBar(tqdm):
    """A tqdm bar that writes whole lines."""

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        text = str(self) if msg is None else msg
        if text.strip():
            sys.stderr.write(text.strip() + "\n")
            sys.stderr.flush()
        return True

    def close(self) -> None:
        if not self.disable:
            self.display()
            self.disable = True
            self._decr_instances(self)


def _in_notebook() -> bool:
    """Whether this is a Jupyter kernel (not a terminal's IPython)."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")
