"""A table of clips in pages, sorted in Python: the browser holds one page, however many rows there are."""

from collections.abc import Callable, Mapping, Sequence

import anywidget
import numpy as np
import pandas as pd
import traitlets

from musiclab.widgets.scripts import script, style

ROWS = 12
"""Of a page."""


class Table(anywidget.AnyWidget):
    """A table whose rows can be sorted, turned page by page and chosen, with the pointer or with keys.

    What the browser is to draw is one trait, set here; what the reader does comes as messages. So there is one place
    that knows the state, and a test can ask it.

    Parameters
    ----------
    caption
        Says what is in it, for screen readers too.
    on_choose
        Called with the row's number in the frame when the reader chooses it, also when it was chosen already.
    words
        How a column's values are written; others by ``str``.
    notes
        Gives, for some rows of the frame, a note each, or "": asked for the rows of a page only.
    rows
        Of a page.

    Attributes
    ----------
    frame : pandas.DataFrame
        What is shown, in the order it came in.
    order : int array, shape (rows,)
        Numbers of the rows as they are sorted.
    chosen : int or None
        Number of the chosen row in ``frame``.
    """

    _esm = script("table")
    _css = style("clips")
    view = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        caption: str = "clips",
        on_choose: Callable[[int], None] | None = None,
        words: Mapping[str, Callable] | None = None,
        notes: Callable[[pd.DataFrame], Sequence[str]] | None = None,
        rows: int = ROWS,
    ):
        super().__init__()
        self._caption, self._on_choose, self._words, self._notes, self._rows = caption, on_choose, words, notes, rows
        self._sort: tuple[str, bool] = ("", False)
        self.page, self.chosen = 0, None
        self.show(pd.DataFrame({"clip": []}))
        self.on_msg(self._heed)

    def show(self, frame: pd.DataFrame, caption: str | None = None) -> None:
        """Show other rows, sorted as before, from the first page on, perhaps under another caption; none is chosen."""
        self._caption = self._caption if caption is None else caption
        self.frame, self.page, self.chosen = frame, 0, None
        self._put_in_order()

    def sort_by(self, column: str, descending: bool = False) -> None:
        """Sort by a column, or by none (""), in the order the rows came in; equals keep that order."""
        self._sort, self.page = (column, descending), 0
        self._put_in_order()

    def turn_to(self, page: int) -> None:
        """Show a page, from 0; the nearest there is."""
        self.page = min(max(0, page), self.pages - 1)
        self._draw()

    def choose(self, row: int | None) -> None:
        """Mark a row, by its number in the frame, and turn to its page; nobody is told."""
        self.chosen = row
        if row is not None:
            self.page = int(np.flatnonzero(self.order == row)[0]) // self._rows
        self._draw()

    @property
    def pages(self) -> int:
        """How many there are, at least 1."""
        return max(1, -(-len(self.frame) // self._rows))

    @property
    def on_page(self) -> np.ndarray:
        """Numbers of the rows on this page, from top to bottom."""
        return self.order[self.page * self._rows : (self.page + 1) * self._rows]

    def _put_in_order(self) -> None:
        column, descending = self._sort
        self.order = np.arange(len(self.frame))
        if column in self.frame:
            places = self.frame[column].reset_index(drop=True)
            self.order = places.sort_values(ascending=not descending, kind="stable").index.to_numpy()
        self._draw()

    def _draw(self) -> None:
        part = self.frame.iloc[self.on_page]
        written = [part[name].map((self._words or {}).get(name, str)).tolist() for name in part]
        first = self.page * self._rows
        self.view = {
            "caption": self._caption,
            "columns": list(part),
            "numeric": [part[name].dtype.kind in "if" for name in part],
            "cells": [list(row) for row in zip(*written, strict=True)],
            "notes": list(self._notes(part)) if self._notes and len(part) else [""] * len(part),
            "rows": self.on_page.tolist(),
            "chosen": -1 if self.chosen is None else int(self.chosen),
            "sort": list(self._sort),
            "page": self.page,
            "pages": self.pages,
            "count": f"{first + 1:,} to {first + len(part):,} of {len(self.frame):,}" if len(part) else "none",
        }

    def _heed(self, _, content: dict, __) -> None:
        """Do what the reader asked for; what may have come from an older page is checked."""
        if (column := content.get("sort")) in self.frame:
            self.sort_by(column, self._sort == (column, False))
        elif "turn" in content:
            self.turn_to(self.page + int(content["turn"]))
        elif 0 <= (row := content.get("choose", -1)) < len(self.frame):
            self.choose(row)
            if self._on_choose:
                self._on_choose(row)
