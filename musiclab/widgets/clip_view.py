"""A place that shows one clip with its player, and what widgets in which one chooses a clip have in common."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path

import ipywidgets
import pandas as pd

from musiclab.core.errors import MusiclabError
from musiclab.store import Store
from musiclab.widgets.clips import STILL_SECONDS, Sound, Sounds
from musiclab.widgets.player import Player
from musiclab.widgets.sound import preview
from musiclab.widgets.still import WithStill


class ClipView(ipywidgets.VBox):
    """A place that shows one clip at a time: its name, what is known of it, and its player, or why there is none.

    Parameters
    ----------
    sounds
        Finds them.
    empty
        What is said while there is no clip.

    Attributes
    ----------
    path : str
        Of the clip that is shown; "" for none.
    player : Player or None
        ``None`` where the clip cannot be played.
    reason : str
        Why not, otherwise "".
    """

    def __init__(self, sounds: Sounds, empty: str = ""):
        self._sounds, self._empty = sounds, empty
        self.path, self.player, self.reason = "", None, ""
        self._name, self._sound, self._player = "", None, None
        self._text = ipywidgets.HTML()
        super().__init__([self._text])
        self.add_class("musiclab-clip")
        self.clear()

    def clear(self, said: str | None = None) -> None:
        """Show no clip, and a text instead: the one that is said when there is none, if no other is given."""
        self.path, self.reason = "", ""
        self._text.value = f"<p class='musiclab-quiet'>{html.escape(self._empty if said is None else said)}</p>"
        self._put(None)

    def show(self, path: str, name: str, facts: str = "", play: bool = False, below: Sequence = ()) -> None:
        """Show a clip.

        Parameters
        ----------
        path
            Of the clip.
        name, facts
            Said above the player.
        play
            Let it sound at once.
        below
            Further widgets.
        """
        self.path, self.reason, player = path, "", None
        self._name = f"{name} ({facts})" if facts else name
        try:
            self._sound = self._sounds(path)
            player = self._loaded(name)
        except (MusiclabError, ImportError, OSError) as error:  # moved, damaged, or a machine that decodes nothing
            self.reason = str(error)
        heading = "" if player else f"<strong>{html.escape(name)}</strong> "  # the player says it itself
        told = (
            f"<p class='musiclab-warning' role='alert'>No sound: {html.escape(self.reason)}</p>" if self.reason else ""
        )
        self._text.value = f"<p>{heading}<span class='musiclab-quiet'>{html.escape(facts)}</span></p>{told}"
        self._put(player, below)
        if player is not None and play:
            player.playing = True

    def still_sound(self) -> tuple[bytes | None, str]:
        """Sound and caption of a :class:`~musiclab.widgets.still.Still`: of the clip that is shown."""
        if self.player is None:
            return None, ""
        return preview(*self._sound, STILL_SECONDS), self._name

    def _loaded(self, title: str) -> Player:
        """The one player of this place, with the sound of the clip."""
        if self._player is None:
            self._player = Player(*self._sound, title=title)
        else:
            self._player.load(*self._sound, title=title)
        return self._player

    def _put(self, player: Player | None, below: Sequence = ()) -> None:
        if player is None and self._player is not None:
            self._player.playing = False
        self.player = player
        before = self.children
        self.children = [self._text, *([player] if player is not None else []), *below]
        for old in set(before) - set(self.children) - {self._player}:
            old.close()  # it would stay in the page's memory


class ClipBrowser(WithStill, ipywidgets.VBox):
    """A widget in which one chooses a clip, which is then shown and heard in a place of its own.

    A widget of this kind puts its parts and ``_view`` into ``children``, and keeps ``clips``, a table with a column
    ``path``. ``_known`` gives what there is to say of a row of it, and ``_mark`` marks it as chosen.

    Parameters
    ----------
    sounds
        As :class:`~musiclab.widgets.clips.Sounds` takes it.
    empty
        What is said while no clip is chosen.
    """

    clips: pd.DataFrame

    def __init__(self, sounds: str | Path | Store | Mapping[str, Sound] | None, empty: str):
        self._sounds = Sounds(sounds)
        self._view = ClipView(self._sounds, empty)
        super().__init__()
        self.add_class("musiclab-clips")

    def choose(self, row: int, play: bool = False) -> None:
        """Show a clip.

        Parameters
        ----------
        row
            Of ``clips``, from 0, in whatever order they are shown.
        play
            Let it sound at once.

        Raises
        ------
        IndexError
            There is no such row.
        """
        path = self.clips["path"].iloc[row]
        self._mark(row)
        name, facts, below = self._known(row)
        self._view.show(path, name, facts, play, below)

    @property
    def path(self) -> str:
        """Of the clip that is shown; "" for none."""
        return self._view.path

    @property
    def player(self) -> Player | None:
        """The player of the clip that is shown; ``None`` where there is none or it cannot be played."""
        return self._view.player

    def _chosen(self, row: int) -> None:
        """The reader has chosen a row."""
        self.choose(row, play=True)

    def _mark(self, row: int) -> None:
        raise NotImplementedError

    def _known(self, row: int) -> tuple[str, str, Sequence[ipywidgets.Widget]]:
        """Name of a clip, what is said beside it, and widgets to put below its player."""
        raise NotImplementedError
