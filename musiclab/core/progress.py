"""One progress bar that looks right in a notebook, in a terminal and in a log file."""

import sys
from collections.abc import Iterable

from tqdm import tqdm

SHOWN = True  # False hides all bars
LOG_SECONDS = 10.0  # least time between two lines in a log file

_SPEED = "<{remaining}, {rate_fmt}"
_COUNTS = "| {n_fmt}/{total_fmt} [{elapsed}" + _SPEED + "{postfix}]"
_BAR = "{l_bar}{bar}" + _COUNTS
_LINE = "{desc}:" + _COUNTS.removeprefix("|")


def progress(
    iterable: Iterable | None, title: str, total: int | None = None, unit: str = "it", show: bool = True
) -> tqdm:
    """Wrap ``iterable`` in a progress bar with a rate and the time left.

    In a notebook the bar is a line of text, replaced as it grows, so that a saved notebook holds only the last one.
    A terminal's bar is removed when it is done. Anywhere else, a line is written now and then.

    Parameters
    ----------
    iterable
        Steps to iterate over; None for a bar that ``bar.update(1)`` moves.
    title, unit
        Text before the bar, and the name of a step, such as "clip".
    total
        Number of steps, if ``iterable`` has no length.
    show
        False draws nothing.
    """
    if not (show and SHOWN):
        return tqdm(iterable, total=total, disable=True)
    if _in_notebook():
        return _NotebookBar(iterable, title, total, unit=unit, bar_format="{l_bar}{bar:20}" + _COUNTS)
    if sys.stderr.isatty():
        return _Bar(iterable, title, total, unit=unit, leave=False, dynamic_ncols=True, bar_format=_BAR)
    return _LogBar(iterable, title, total, unit=unit, mininterval=LOG_SECONDS, bar_format=_LINE)


class _Bar(tqdm):
    """A bar whose speed does not count the first step, which waits until processes have started.

    It tells the speed and the time left once a twentieth of the steps is done.
    """

    _first = (0, 0.0)  # steps, and seconds, when the first of them were shown

    @property
    def format_dict(self) -> dict:
        facts = super().format_dict
        steps, elapsed = facts["n"], facts["elapsed"]
        if facts["total"] and steps < facts["total"] / 20:
            facts["bar_format"] = facts["bar_format"].replace(_SPEED, "")
        if steps and not self._first[0]:
            self._first = (steps, elapsed)
        elif steps > self._first[0] and elapsed > self._first[1]:
            facts["rate"] = (steps - self._first[0]) / (elapsed - self._first[1])
        return facts


class _LogBar(_Bar):
    """A bar that writes a line for each state."""

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        self.write_state(str(self) if msg is None else msg)
        return True

    def write_state(self, line: str) -> None:
        if line.strip():
            print(line.strip(), file=sys.stderr, flush=True)

    def close(self) -> None:
        if not self.disable:
            self.display()
            self.disable = True  # otherwise the standard bar would write its end to stderr
            self._decr_instances(self)


class _NotebookBar(_LogBar):
    """A bar in one display that is updated in place: no widget, nothing on stderr."""

    _handle = None

    def write_state(self, line: str) -> None:
        from IPython.display import display

        text = {"text/plain": line}
        if self._handle is None:
            self._handle = display(text, raw=True, display_id=True)
        else:
            self._handle.update(text, raw=True)


def _in_notebook() -> bool:
    """Return True in a Jupyter kernel, but not in a terminal's IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")
