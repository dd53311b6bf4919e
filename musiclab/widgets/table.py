"""Choose a clip of a data set in a table with pages, and filters above it."""

import html
from collections.abc import Sequence

import anywidget
import ipywidgets
import numpy as np
import pandas as pd
import traitlets
from matplotlib.figure import Figure

from musiclab import plots
from musiclab.widgets.clips import clip_table
from musiclab.widgets.predictions import percent
from musiclab.widgets.scripts import script, style
from musiclab.widgets.still import as_png

PAGE = 12  # rows of a page
MOST_GROUPS = 500  # groups that are offered while one is typed: a list of thousands is of no help
MOST_CLASSES = 30  # classes in the still picture
_FORMATS = {"seconds": "{:.2f}".format, "probability": percent}  # other columns are written by str
_SPLITS = {"train": plots.PALETTE[0], "valid": plots.PALETTE[5], "test": plots.PALETTE[7], "": plots.PALETTE[4]}


class Table(anywidget.AnyWidget):
    """A table whose rows can be sorted, turned page by page and chosen, with the pointer or with keys.

    Python sorts, and the browser holds one page, however many rows there are. The page is one trait; the reader's
    actions come back as messages. So only Python has the state, and a test can ask it.

    ``columns`` has the title of each column that is shown, and its name in ``clips``, the table of all rows.
    ``on_choose(row)`` is called even if the row was chosen before. ``is_missing(path)`` marks clips without a sound.
    """

    _esm = script("table")
    _css = style("clips")
    view = traitlets.Dict().tag(sync=True)

    def __init__(self, columns: dict[str, str], on_choose, is_missing):
        super().__init__()
        self._columns, self._on_choose, self._is_missing = columns, on_choose, is_missing
        self._sorting: tuple[str, bool] = ("", False)
        self.on_msg(self._receive)

    def show(self, clips: pd.DataFrame, caption: str) -> None:
        """Show other rows, sorted as before, from the first page on; none is chosen."""
        self.clips, self._caption, self.chosen = clips, caption, None
        self.sort_by(*self._sorting)

    def sort_by(self, title: str, descending: bool = False) -> None:
        """Sort by a column, or by none (""), in the order the rows came in; equals keep that order."""
        self._sorting = (title, descending)
        self.order = np.arange(len(self.clips))
        if title:
            values = self.clips[self._columns[title]].reset_index(drop=True)
            self.order = values.sort_values(ascending=not descending, kind="stable").index.to_numpy()
        self.turn_to(0)

    def turn_to(self, page: int) -> None:
        """Show a page, from 0, or the nearest one."""
        pages = max(1, -(-len(self.clips) // PAGE))
        self.page = min(max(0, page), pages - 1)
        first = self.page * PAGE
        rows = self.order[first : first + PAGE]
        part = self.clips.iloc[rows]
        columns = [part[name].map(_FORMATS.get(name, str)).tolist() for name in self._columns.values()]
        self.view = {
            "caption": self._caption,
            "columns": list(self._columns),
            "numeric": [part[name].dtype.kind in "if" for name in self._columns.values()],
            "cells": list(map(list, zip(*columns, strict=True))),
            # for one page: to look for 10,000 files would take seconds if they lie on another machine
            "notes": ["missing" if self._is_missing(path) else "" for path in part["path"]],
            "rows": rows.tolist(),
            "chosen": -1 if self.chosen is None else self.chosen,
            "sort": list(self._sorting),
            "page": self.page,
            "pages": pages,
            "count": f"{first + 1:,} to {first + len(part):,} of {len(self.clips):,}" if len(part) else "none",
        }

    def choose(self, row: int) -> None:
        """Mark a row, by its number in ``clips``, and turn to its page."""
        self.chosen = row
        self.turn_to(int(np.flatnonzero(self.order == row)[0]) // PAGE)

    def _receive(self, _, content: dict, __) -> None:
        """Do what the reader asked for, if it is still possible: the message may come from an older page."""
        if (title := content.get("sort")) in self._columns:
            self.sort_by(title, self._sorting == (title, False))
        elif "turn" in content:
            self.turn_to(self.page + int(content["turn"]))
        elif 0 <= (row := content.get("choose", -1)) < len(self.clips):
            self.choose(row)
            self._on_choose(row)


class FilteredTable(ipywidgets.VBox):
    """Choose a clip in a table of all clips of a data set or store, by class, split, fold, group and name.

    The parameters are those of :class:`~musiclab.widgets.ClipBrowser` and :class:`Table`.

    Attributes
    ----------
    clips : pandas.DataFrame
        The rows of the index table that the filters let through.
    controls : dict of str to ipywidgets.Widget
        Filters ``label``, ``split``, ``fold``, ``group`` and ``name``; their ``value`` can be set, "" lets all through.
    """

    probabilities = None  # no model was asked

    def __init__(self, data, rows: Sequence[int] | None, on_choose, is_missing):
        index = clip_table(data)
        self._index = index = index if rows is None else index.iloc[np.asarray(rows, dtype=int)]
        self._title = getattr(data, "name", "") or getattr(data, "source", {}).get("name", "the store")
        self.table = Table(_visible_columns(index), lambda row: on_choose(self.clips.iloc[row], True), is_missing)
        self._count = ipywidgets.HTML()
        groups = sorted(index["group"].unique())
        offered = groups if len(groups) <= MOST_GROUPS else []
        part = {"placeholder": "part of its name"}
        self.controls = {
            "label": _dropdown("class", index["label"], "all classes"),
            "split": _dropdown("split", index["split"], "all parts"),
            "fold": _dropdown("fold", index["fold"], "all folds"),
            "group": ipywidgets.Combobox(options=offered, description="group", **part),
            "name": ipywidgets.Text(description="clip", **part),
        }
        for control in self.controls.values():
            control.layout.width, control.style.description_width = "16rem", "3.2rem"
            control.observe(self._filter, "value")
        for name in ("split", "fold"):
            if len(self.controls[name].options) < 3:  # all clips are of one
                self.controls[name].layout.display = "none"
        filters = ipywidgets.Box(list(self.controls.values())).add_class("musiclab-filters")
        self._filter()
        super().__init__([filters, self._count, self.table, ipywidgets.HTML(_overview(index) + _notes(data))])

    def mark(self, row: int) -> None:
        """Mark a row of ``clips`` as chosen."""
        self.table.choose(row)

    def _filter(self, change=None) -> None:
        chosen = None if change is None or self.table.chosen is None else self.clips.index[self.table.chosen]
        wanted = {name: control.value for name, control in self.controls.items()}
        is_kept = pd.Series(True, index=self._index.index)
        for column in ("label", "split", "fold"):
            if wanted[column] != "":
                is_kept &= self._index[column] == wanted[column]
        for column, part in (("group", wanted["group"]), ("clip", wanted["name"])):
            is_kept &= self._index[column].str.contains(part, case=False, regex=False)
        self.clips = self._index[is_kept]
        groups, classes = (f"{self.clips[c].nunique():,} of {self._index[c].nunique():,}" for c in ("group", "label"))
        clips = f"{len(self.clips):,} of {len(self._index):,}"
        self._count.value = f"<p role='status'>{clips} clips, {groups} groups, {classes} classes</p>"
        self.table.show(self.clips, f"clips of {self._title}")
        if chosen in self.clips.index:
            self.table.choose(self.clips.index.get_loc(chosen))

    def picture(self) -> tuple[bytes, str]:
        """Draw the clips of each class and split as bars: a PNG, and its description."""
        counts = pd.crosstab(self._index["label"], self._index["split"])
        counts = counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index[:MOST_CLASSES]][::-1]
        figure = Figure(figsize=(7, 0.9 + 0.22 * len(counts)), layout="constrained")
        ax, left = figure.subplots(), 0
        for split in sorted(counts, key=list(_SPLITS).index):
            ax.barh(range(len(counts)), counts[split], left=left, color=_SPLITS[split], label=split or "clips")
            left = left + counts[split]
        ax.set_yticks(range(len(counts)), plots.drawable(counts.index))
        ax.set_xlabel(f"clips of {plots.drawable([self._title])[0]}")
        if len(counts.columns) > 1:
            ax.legend(frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)
        total = f"{len(self._index):,} clips, {self._index['group'].nunique():,} groups"
        sizes = ", ".join(f"{label} {count:,}" for label, count in counts.sum(axis=1)[::-1].items())
        return as_png(figure), f"Clips of {self._title}: {total}; {sizes}."


def _visible_columns(index: pd.DataFrame) -> dict[str, str]:
    """Return titles and names of the columns that differ between clips."""
    columns = {"clip": "clip", "class": "label"}
    if (index["group"] != index["path"]).any():  # a clip without a group is a group of its own
        columns["group"] = "group"
    columns |= {name: name for name in ("split", "fold") if index[name].nunique() > 1}
    return columns | ({"seconds": "seconds"} if "seconds" in index else {})


def _dropdown(name: str, values: pd.Series, everything: str) -> ipywidgets.Dropdown:
    """Offer the values of a column, each with its number of clips; "" stands for all of them."""
    counts = values[values.astype(bool)].value_counts().sort_index()  # "" is no split, and 0 no fold
    options = [(everything, ""), *((f"{value} ({count:,})", value) for value, count in counts.items())]
    return ipywidgets.Dropdown(description=name, options=options, value="")


def _overview(index: pd.DataFrame) -> str:
    """Count clips and groups of each class, and of each split or fold, in a table that can be opened."""
    table = index.groupby("label").agg(clips=("path", "size"), groups=("group", "nunique"))
    by = "split" if index["split"].nunique() > 1 else "fold"
    if index[by].nunique() > 1:
        parts = pd.crosstab(index["label"], index[by])
        order = [split for split in _SPLITS if split in parts] if by == "split" else sorted(parts)
        table = table.join(parts[order].rename(columns=lambda part: f"fold {part}" if by == "fold" else part or "none"))
    table = table.map("{:,}".format).rename_axis(index=None).to_html(border=0, classes="musiclab-overview")
    return f"<details><summary>How many of each class</summary><div class='musiclab-wide'>{table}</div></details>"


def _notes(data) -> str:
    notes = [*getattr(data, "notes", ())]
    if failures := getattr(data, "failures", ()):
        notes += [f"{len(failures)} of its clips could not be read:", *(reason for _, reason in failures[:10])]
    return "".join(f"<p class='musiclab-quiet'>{html.escape(note)}</p>" for note in notes)
