"""``DatasetBrowser``: the clips of a data set by class, group and split, to filter, sort, hear and see."""

import html
from collections.abc import Mapping
from pathlib import Path

import ipywidgets
import pandas as pd
from matplotlib.figure import Figure

from musiclab import plots
from musiclab.core.errors import DatasetError, did_you_mean
from musiclab.widgets.clip_view import ClipBrowser
from musiclab.widgets.clips import Sound, index_of, names_of, sounds_of
from musiclab.widgets.still import Still, as_png
from musiclab.widgets.table import ROWS, Table

MOST_GROUPS = 500
"""Groups that are offered while one is typed: a list of thousands is of no help."""

MOST_CLASSES = 30
"""In the still picture."""

_PARTS = {"train": plots.PALETTE[0], "valid": plots.PALETTE[5], "test": plots.PALETTE[7], "": plots.PALETTE[4]}


class DatasetBrowser(ClipBrowser):
    """A data set as a table of its clips, a page at a time; the chosen clip has a player.

    Above the table one chooses a class, a part of the split or a fold, types part of a group's or of a clip's name,
    or sorts by a column. Clips whose file is missing are marked; one that cannot be read says why where its player
    would be. Of 10,000 clips the browser gets 12.

    Parameters
    ----------
    data : Dataset or Store
        Of n clips. A store has only the clips that could be read; the others are told below the table.
    sounds
        Where the clips are heard: ``None`` for the files at their paths or the store's own audio, a folder they were
        moved to, or a mapping of paths to ``(waveform, sample_rate)``.
    rows
        Of a page.

    Attributes
    ----------
    index : pandas.DataFrame
        The whole table, n rows, as in the data set.
    clips : pandas.DataFrame
        The rows of it that the filters let through, in its order; the index says which rows they are.
    path : str
        Of the clip that is shown; "" for none.

    Raises
    ------
    DatasetError
        ``data`` is no data set, or holds no clip; ``sounds`` is nothing that holds sounds.
    """

    def __init__(self, data, sounds: str | Path | Mapping[str, Sound] | None = None, rows: int = ROWS):
        self.index = index_of(data).reset_index(drop=True)
        self._title = getattr(data, "name", "") or getattr(data, "source", {}).get("name", "the store")
        super().__init__(sounds_of(data, sounds), "Choose a clip to hear and see it.")
        self._table_of_all = _columns(self.index)
        self._table = Table(f"clips of {self._title}", self._chosen, {"seconds": "{:.2f}".format}, self._notes, rows)
        self._count = ipywidgets.HTML()
        self._controls = {
            "label": _dropdown("class", self.index["label"], "all classes"),
            "split": _dropdown("split", self.index["split"], "all parts"),
            "fold": _dropdown("fold", self.index["fold"], "all folds"),
            "group": ipywidgets.Combobox(
                description="group", placeholder="part of its name", options=_groups(self.index["group"])
            ),
            "name": ipywidgets.Text(description="clip", placeholder="part of its name"),
        }
        for name, control in self._controls.items():
            control.layout.width = "16rem"
            control.style.description_width = "3.2rem"
            if name in ("split", "fold") and len(control.options) < 3:  # all of one part: nothing to choose
                control.layout.display = "none"
            control.observe(self._filtered, "value")
        shown = ipywidgets.Box(list(self._controls.values()))
        shown.add_class("musiclab-filters")
        about = ipywidgets.HTML(_overview(self.index) + _notes_of(data))
        self.children = [shown, self._count, self._table, self._view, about]
        self._filtered()

    def filter(
        self,
        label: str | None = None,
        split: str | None = None,
        fold: int | None = None,
        group: str = "",
        name: str = "",
    ) -> pd.DataFrame:
        """Show only some clips; what is left out lets all through.

        Parameters
        ----------
        label
            Their class.
        split
            ``"train"``, ``"valid"`` or ``"test"``.
        fold
            From 1.
        group, name
            Part of the name of their group, or of their own; case does not count.

        Returns
        -------
        pandas.DataFrame
            ``clips``.

        Raises
        ------
        DatasetError
            The data set has no such class, part or fold.
        """
        wanted = {"label": label, "split": split, "fold": fold, "group": group, "name": name}
        for key in ("label", "split", "fold"):
            known = [value for _, value in self._controls[key].options[1:]]
            if wanted[key] is not None and wanted[key] not in known:
                near = did_you_mean(str(wanted[key]), map(str, known))
                listed = ", ".join(map(str, known[:20])) or "none"
                raise DatasetError(f"{self._title}: expected {key} among {listed}, found {wanted[key]!r}{near}")
        for key, value in wanted.items():
            self._controls[key].value = "" if value is None else value
        return self.clips

    def sort_by(self, column: str, descending: bool = False) -> None:
        """Sort by a column of the table, such as ``"class"`` or ``"group"``."""
        self._table.sort_by(column, descending)

    def _mark(self, row: int) -> None:
        self._table.choose(row)

    def _known(self, row: int) -> tuple:
        clip = self.clips.iloc[row]
        facts = [f"class {clip['label']}"]
        facts += [f"group {clip['group']}"] if clip["group"] != clip["path"] else []
        facts += [f"split {clip['split']}"] if clip["split"] else []
        facts += [f"fold {clip['fold']}"] if clip["fold"] else []
        return self._table_of_all["clip"][self.clips.index[row]], ", ".join(facts), ()

    def _filtered(self, _=None) -> None:
        wanted = {name: control.value for name, control in self._controls.items()}
        kept = pd.Series(True, index=self.index.index)
        for column in ("label", "split", "fold"):
            if wanted[column] != "":
                kept &= self.index[column] == wanted[column]
        for column, texts in (("group", self.index["group"]), ("name", self._table_of_all["clip"])):
            if wanted[column]:
                kept &= texts.str.contains(wanted[column], case=False, regex=False)
        self.clips = self.index[kept]
        groups, everything = self.clips["group"].nunique(), self.index["group"].nunique()
        self._count.value = (
            f"<p role='status'>{len(self.clips):,} of {len(self.index):,} clips, {groups:,} of {everything:,} groups, "
            f"{self.clips['label'].nunique()} of {self.index['label'].nunique()} classes</p>"
        )
        self._table.show(self._table_of_all[kept])
        if self.path in set(self.clips["path"]):
            self._table.choose(list(self.clips["path"]).index(self.path))

    def _notes(self, part: pd.DataFrame) -> list[str]:
        """For the rows of a page: to look for 10,000 files would take seconds where they lie far away."""
        return ["missing" if self._sounds.is_missing(path) else "" for path in self.index["path"][part.index]]

    def still(self) -> Still:
        """Clips of each class and part as bars, and the clip that is shown."""
        counts = pd.crosstab(self.index["label"], self.index["split"])
        counts = counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index[:MOST_CLASSES]][::-1]
        figure = Figure(figsize=(7, 0.9 + 0.22 * len(counts)), layout="constrained")
        ax, left = figure.subplots(), 0
        for part in sorted(counts, key=list(_PARTS).index):
            ax.barh(counts.index, counts[part], left=left, color=_PARTS[part], label=part or "clips")
            left = left + counts[part]
        ax.set_xlabel(f"clips of {self._title}")
        if len(counts.columns) > 1:
            ax.legend(frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)
        whole = f"{len(self.index):,} clips, {self.index['group'].nunique():,} groups"
        sizes = ", ".join(f"{label} {count:,}" for label, count in counts.sum(axis=1)[::-1].items())
        return Still(as_png(figure), f"Clips of {self._title}: {whole}; {sizes}.", *self._view.still_sound())


def _columns(index: pd.DataFrame) -> pd.DataFrame:
    """What the table shows of each clip: no column that says the same of all."""
    table = pd.DataFrame({"clip": names_of(index["path"]), "class": index["label"]})
    if (index["group"] != index["path"]).any():  # a clip that has none is a group of its own
        table["group"] = index["group"]
    for column in ("split", "fold"):
        if index[column].nunique() > 1:
            table[column] = index[column]
    if "seconds" in index:
        table["seconds"] = index["seconds"]
    return table


def _dropdown(name: str, values: pd.Series, everything: str) -> ipywidgets.Dropdown:
    """A choice among the values of a column, each with how many clips it has; "" is all of them."""
    counts = values[values.astype(bool)].value_counts().sort_index()  # "" is no part, and 0 no fold
    options = [(everything, ""), *((f"{value} ({count:,})", value) for value, count in counts.items())]
    return ipywidgets.Dropdown(description=name, options=options, value="")


def _groups(groups: pd.Series) -> list[str]:
    names = sorted(groups.unique())
    return names if len(names) <= MOST_GROUPS else []


def _overview(index: pd.DataFrame) -> str:
    """Clips and groups of each class, and of each part or fold, as a table that can be opened."""
    table = index.groupby("label").agg(clips=("path", "size"), groups=("group", "nunique"))
    by = "split" if index["split"].nunique() > 1 else "fold"
    if index[by].nunique() > 1:
        parts = pd.crosstab(index["label"], index[by])
        order = [part for part in _PARTS if part in parts] if by == "split" else sorted(parts)
        titles = {part: f"fold {part}" if by == "fold" else str(part) or "no part" for part in order}
        table = table.join(parts[order].rename(columns=titles))
    heads = "".join(f"<th scope='col'>{html.escape(str(name))}</th>" for name in ("class", *table))
    rows = "".join(
        f"<tr><th scope='row'>{html.escape(str(label))}</th>{''.join(f'<td>{value:,}</td>' for value in row)}</tr>"
        for label, row in zip(table.index, table.to_numpy(), strict=True)
    )
    return (
        "<details><summary>How many of each class</summary>"
        "<div class='musiclab-wide'><table class='musiclab-overview'>"
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def _notes_of(data) -> str:
    """What the data set says of itself, and clips that are not in a store since they could not be read."""
    notes = [*getattr(data, "notes", ())]
    if failures := getattr(data, "failures", ()):
        notes += [f"{len(failures)} of its clips could not be read:", *(reason for _, reason in failures[:10])]
    return "".join(f"<p class='musiclab-quiet'>{html.escape(note)}</p>" for note in notes)
