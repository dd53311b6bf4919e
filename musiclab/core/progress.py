"""Show a progress bar in notebooks, terminals and log files."""

import sys
from collections.abc import Iterable

from tqdm import tqdm

SHOWN = True  # False hides all bars
LOG_SECONDS = 10.0  # minimum time between two lines in a log file

_SPEED = "<{remaining}, {rate_fmt}"
_COUNTS = "| {n_fmt}/{total_fmt} [{elapsed}" + _SPEED + "{postfix}]"
_BAR = "{l_bar}{bar}" + _COUNTS
_SHORT = "{desc} |{bar:10}" + _COUNTS  # 120 characters in a training, so that it fits beside the files of JupyterLab
_LINE = "{desc}:" + _COUNTS.removeprefix("|")


def progress(
    iterable: Iterable | None, title: str, total: int | None = None, unit: str = "it", show: bool = True
) -> tqdm:
    """Wrap an iterable in a progress bar that shows the speed and the remaining time.

    In a notebook, the bar is a line of text that is updated in place, so a saved notebook contains only its last state.
    In a terminal, the bar is removed when it is finished. Elsewhere, a line is printed every few seconds.

    Parameters
    ----------
    iterable
        Steps to iterate over, or None for a bar that is moved by ``bar.update(1)``.
    title
        Text before the bar.
    total
        Number of steps. Required if ``iterable`` has no length.
    unit
        Name of a step, such as "clip".
    show
        Show the bar. With False, nothing is printed.
    """
    if not (show and SHOWN):
        return tqdm(iterable, total=total, disable=True)
    if _in_notebook():
        return _NotebookBar(iterable, title, total, unit=unit, bar_format=_SHORT)
    if sys.stderr.isatty():
        return _Bar(iterable, title, total, unit=unit, leave=False, dynamic_ncols=True, bar_format=_BAR)
    return _LogBar(iterable, title, total, unit=unit, mininterval=LOG_SECONDS, bar_format=_LINE)


class _Bar(tqdm):
    """Progress bar that excludes the first step from the speed, because it includes the start of worker processes.

    The speed and the remaining time appear after 5 % of the steps.
    """

    _first_update = (0, 0.0)  # steps and elapsed seconds at the first update

    @property
    def format_dict(self) -> dict:
        values = super().format_dict
        steps, elapsed = values["n"], values["elapsed"]
        if values["total"] and steps < values["total"] / 20:
            values["bar_format"] = values["bar_format"].replace(_SPEED, "")
        first_steps, first_elapsed = self._first_update
        if steps and not first_steps:
            self._first_update = (steps, elapsed)
        elif steps > first_steps and elapsed > first_elapsed:
            values["rate"] = (steps - first_steps) / (elapsed - first_elapsed)
        return values


class _LogBar(_Bar):
    """Progress bar that prints a line for each update."""

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        self.write_state(str(self) if msg is None else msg)
        return True

    def write_state(self, line: str) -> None:
        if line.strip():
            print(line.strip(), file=sys.stderr, flush=True)

    def close(self) -> None:
        if not self.disable:
            self.display()
            self.disable = True  # otherwise tqdm prints its final state to stderr
            self._decr_instances(self)


class _NotebookBar(_LogBar):
    """Progress bar in a notebook output that is updated in place, without a widget or output on stderr."""

    _handle = None

    def write_state(self, line: str) -> None:
        from IPython.display import display

        text = {"text/plain": line}
        if self._handle is None:
            self._handle = display(text, raw=True, display_id=True)
        else:
            self._handle.update(text, raw=True)


def _in_notebook() -> bool:
    """Return True in a Jupyter kernel, but not in IPython in a terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")
