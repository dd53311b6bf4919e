"""Choose a clip in a table with filters and pages."""

import html
from collections.abc import Sequence

import ipywidgets
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from musiclab import plots
from musiclab.widgets.buttons import Buttons, attributes_of, button, sending
from musiclab.widgets.clips import clip_table
from musiclab.widgets.predictions import percent
from musiclab.widgets.still import as_png

PAGE = 12  # rows per page
MOST_GROUPS = 500  # with more groups, the browser suggests none while you type: the list would be too long
MOST_CLASSES = 30  # classes in the still picture
_FORMATS = {"seconds": "{:.2f}".format, "probability": percent}  # all other columns are formatted by str
_SPLITS = {"train": plots.PALETTE[0], "valid": plots.PALETTE[5], "test": plots.PALETTE[7], "": plots.PALETTE[4]}


class Table(Buttons):
    """A table of clips with pages, in which you can sort and choose rows with the mouse or the keyboard.

    Python keeps the state and sorts the rows. The browser receives one page and sends the reader's actions back as
    messages: ``{"sort": title}``, ``{"turn": pages}`` and ``{"choose": row, "play": bool}``.

    ``columns`` maps the title of each visible column to its name in ``clips``, the table of all rows.
    ``on_choose(row, play)`` is called whenever a row is chosen, even if it already was. ``is_missing(path)`` returns
    True for clips without a sound.
    """

    def __init__(self, columns: dict[str, str], on_choose, is_missing):
        super().__init__()
        self._columns, self._on_choose, self._is_missing = columns, on_choose, is_missing
        self._sorting: tuple[str, bool] = ("", False)
        self.on_msg(self._receive)

    def show(self, clips: pd.DataFrame, caption: str) -> None:
        """Replace the rows. The sort order stays, the first page is shown, and no row is chosen."""
        self.clips, self._caption, self.chosen = clips, caption, None
        self.sort_by(*self._sorting)
        self.answered += 1  # the filters above the table wait for it

    def sort_by(self, title: str, descending: bool = False) -> None:
        """Sort the rows by the column ``title`` with a stable sort; "" restores the original order."""
        self._sorting = (title, descending)
        self.order = np.arange(len(self.clips))
        if title:
            values = self.clips[self._columns[title]].reset_index(drop=True)
            self.order = values.sort_values(ascending=not descending, kind="stable").index.to_numpy()
        self.turn_to(0)

    def turn_to(self, page: int) -> None:
        """Show a page, counted from 0 and clipped to the existing pages."""
        pages = max(1, -(-len(self.clips) // PAGE))
        self.page = min(max(0, page), pages - 1)
        first = self.page * PAGE
        rows = self.order[first : first + PAGE]
        page_clips = self.clips.iloc[rows]
        columns = [page_clips[name].map(_FORMATS.get(name, str)).tolist() for name in self._columns.values()]
        self.view = {
            "caption": self._caption,
            "columns": list(self._columns),
            "numeric": [page_clips[name].dtype.kind in "if" for name in self._columns.values()],
            "cells": list(map(list, zip(*columns, strict=True))),
            # only for this page, because checking 10,000 files on a network drive takes seconds
            "notes": ["missing" if self._is_missing(path) else "" for path in page_clips["path"]],
            "rows": rows.tolist(),
            "chosen": -1 if self.chosen is None else self.chosen,
            "sort": list(self._sorting),
            "page": self.page,
            "pages": pages,
            "count": f"{first + 1:,} to {first + len(rows):,} of {len(self.clips):,}" if len(rows) else "no clips",
        }
        self.content = _page(self.view)

    def choose(self, row: int) -> None:
        """Mark row ``row`` of ``clips`` as chosen, and show its page."""
        self.chosen = row
        self.turn_to(int(np.flatnonzero(self.order == row)[0]) // PAGE)

    def _receive(self, _, content: dict, __) -> None:
        """Handle a message from the browser; ignore it if it comes from an outdated page and no longer applies."""
        if (title := content.get("sort")) in self._columns:
            self.sort_by(title, self._sorting == (title, False))
        elif "turn" in content:
            self.turn_to(self.page + int(content["turn"]))
        elif 0 <= (row := content.get("choose", -1)) < len(self.clips):
            self.choose(row)
            self._on_choose(row, bool(content.get("play")))


class FilteredTable(ipywidgets.VBox):
    """Choose a clip of a data set or store in a table that can be filtered by class, split, fold, group and name.

    Takes the parameters of :class:`~musiclab.widgets.ClipBrowser` and :class:`Table`.

    Attributes
    ----------
    clips : pandas.DataFrame
        Rows of the index table that pass the filters.
    controls : dict of str to ipywidgets.Widget
        Filters ``label``, ``split``, ``fold``, ``group`` and ``name``. Set their ``value``; "" matches all clips.
    """

    probabilities = None  # there are no predictions

    def __init__(self, data, rows: Sequence[int] | None, on_choose, is_missing):
        index = clip_table(data)
        self._index = index = index if rows is None else index.iloc[np.asarray(rows, dtype=int)]
        self._title = getattr(data, "name", "") or getattr(data, "source", {}).get("name", "the store")
        self.table = Table(_visible_columns(index), lambda row, play: on_choose(self.clips.iloc[row], play), is_missing)
        self._count = ipywidgets.HTML()
        groups = sorted(index["group"].unique())
        suggestions = groups if len(groups) <= MOST_GROUPS else []
        hint = {"placeholder": "part of the name"}
        self.controls = {
            "label": _dropdown("class", index["label"], "all classes"),
            "split": _dropdown("split", index["split"], "all splits"),
            "fold": _dropdown("fold", index["fold"], "all folds"),
            "group": ipywidgets.Combobox(options=suggestions, description="group", **hint),
            "name": ipywidgets.Text(description="clip", **hint),
        }
        for control in self.controls.values():
            control.layout.width, control.style.description_width = "16rem", "3.2rem"
            control.observe(self._filter, "value")
        for name in ("split", "fold"):
            if len(self.controls[name].options) < 3:  # nothing to choose: all clips have the same value
                self.controls[name].layout.display = "none"
        filters = ipywidgets.Box(list(self.controls.values())).add_class("musiclab-filters")
        self._filter()
        super().__init__([filters, self._count, self.table, ipywidgets.HTML(_overview(index) + _notes(data))])
        self.add_class("musiclab-filtered")

    def mark(self, row: int) -> None:
        """Mark a row of ``clips`` as chosen."""
        self.table.choose(row)

    def _filter(self, change=None) -> None:
        chosen = None if change is None or self.table.chosen is None else self.clips.index[self.table.chosen]
        values = {name: control.value for name, control in self.controls.items()}
        is_kept = pd.Series(True, index=self._index.index)
        for column in ("label", "split", "fold"):
            if values[column] != "":
                is_kept &= self._index[column] == values[column]
        for column, text in (("group", values["group"]), ("clip", values["name"])):
            is_kept &= self._index[column].str.contains(text, case=False, regex=False)
        self.clips = self._index[is_kept]
        groups, classes = (f"{self.clips[c].nunique():,} of {self._index[c].nunique():,}" for c in ("group", "label"))
        clips = f"{len(self.clips):,} of {len(self._index):,}"
        self._count.value = f"<p role='status'>{clips} clips, {groups} groups, {classes} classes</p>"
        self.table.show(self.clips, f"clips of {self._title}")
        if chosen in self.clips.index:
            self.table.choose(self.clips.index.get_loc(chosen))

    def picture(self) -> tuple[bytes, str]:
        """Draw the number of clips per class and split as bars; return a PNG and its description."""
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


def _page(view: dict) -> str:
    """Format a page of a table, and the buttons that turn it."""
    heads, lines = [], []
    css = ["musiclab-number" if is_numeric else "" for is_numeric in view["numeric"]]
    for name, css_class in zip(view["columns"], css, strict=True):
        order = {(name, False): "ascending", (name, True): "descending"}.get(tuple(view["sort"]), "")
        text = name + {"ascending": " ▴", "descending": " ▾", "": ""}[order]
        attributes = attributes_of(scope="col", class_=css_class, aria_sort=order)
        heads.append(f"<th{attributes}>{button(text, {'sort': name})}</th>")
    focused = view["rows"].index(view["chosen"]) if view["chosen"] in view["rows"] else 0
    for place, (row, texts, note) in enumerate(zip(view["rows"], view["cells"], view["notes"], strict=True)):
        message, is_chosen = {"choose": row}, row == view["chosen"]
        more = {"data_place": f"{place} 0", "tabindex": 0 if place == focused else -1, "title": texts[0]}
        name = button(texts[0], message, **more, aria_current="true" if is_chosen else "")
        warning = f"<span class='musiclab-warning'> {note}</span>" if note else ""
        cells = "".join(
            f"<td{attributes_of(class_=css_class)}>{html.escape(text)}</td>"
            for text, css_class in zip(texts[1:], css[1:], strict=True)
        )
        line = attributes_of(class_="musiclab-chosen" if is_chosen else "") + sending(message)
        lines.append(f"<tr{line}><th scope='row'>{name}{warning}</th>{cells}</tr>")
    table = (
        f"<table class='musiclab-table'><caption>{html.escape(view['caption'])}</caption>"
        f"<thead><tr>{''.join(heads)}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    )
    page, last = view["page"], view["pages"] - 1
    back, forth = ({"aria_disabled": "true" if page == end else ""} for end in (0, last))  # disabled loses the focus
    turns = [
        button("«", {"turn": -page}, aria_label="first page", **back),
        button("‹", {"turn": -1}, aria_label="previous page", data_key="PageUp", **back),
        f"page {page + 1} of {last + 1}",
        button("›", {"turn": 1}, aria_label="next page", data_key="PageDown", **forth),
        button("»", {"turn": last - page}, aria_label="last page", **forth),
    ]
    pager = f"<span role='status'>{view['count']}</span>{''.join(turns) if last else ''}"
    return f"<div class='musiclab-wide'>{table}</div><div class='musiclab-pager'>{pager}</div>"


def _visible_columns(index: pd.DataFrame) -> dict[str, str]:
    """Map titles to names of the columns that differ between clips."""
    columns = {"clip": "clip", "class": "label"}
    if (index["group"] != index["path"]).any():  # clips without a group have their path as group
        columns["group"] = "group"
    columns |= {name: name for name in ("split", "fold") if index[name].nunique() > 1}
    return columns | ({"seconds": "seconds"} if "seconds" in index else {})


def _dropdown(name: str, values: pd.Series, all_text: str) -> ipywidgets.Dropdown:
    """Make a dropdown list of the values of a column with their numbers of clips; "" stands for all."""
    counts = values[values.astype(bool)].value_counts().sort_index()  # "" means no split, and 0 no fold
    options = [(all_text, ""), *((f"{value} ({count:,})", value) for value, count in counts.items())]
    return ipywidgets.Dropdown(description=name, options=options, value="")


def _overview(index: pd.DataFrame) -> str:
    """Count the clips and groups per class and the clips per split or fold, in a collapsible HTML table."""
    table = index.groupby("label").agg(clips=("path", "size"), groups=("group", "nunique"))
    by = "split" if index["split"].nunique() > 1 else "fold"
    if index[by].nunique() > 1:
        counts = pd.crosstab(index["label"], index[by])
        order = [split for split in _SPLITS if split in counts] if by == "split" else sorted(counts)
        table = table.join(counts[order].rename(columns=lambda key: f"fold {key}" if by == "fold" else key or "none"))
    table = table.map("{:,}".format).rename_axis(index=None).to_html(border=0, classes="musiclab-overview")
    return f"<details><summary>Clips and groups per class</summary><div class='musiclab-wide'>{table}</div></details>"


def _notes(data) -> str:
    notes = [*getattr(data, "notes", ())]
    if failures := getattr(data, "failures", ()):
        notes += [f"{len(failures)} clips could not be read:", *(reason for _, reason in failures[:10])]
    return "".join(f"<p class='musiclab-quiet'>{html.escape(note)}</p>" for note in notes)
