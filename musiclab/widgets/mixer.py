"""A generated track taken apart: change one thing, hear it, and watch what a trained model makes of it."""

import tempfile
from pathlib import Path

import anywidget
import ipywidgets
import numpy as np
import traitlets
from matplotlib.figure import Figure

from musiclab import plots, studio
from musiclab.audio import save_audio
from musiclab.core.errors import DatasetError, MusiclabError
from musiclab.studio.theory import PITCH_NAMES
from musiclab.studio.track import SWING_RANGE, TEMPO_RANGE, Track
from musiclab.widgets.player import Player
from musiclab.widgets.scripts import script, style
from musiclab.widgets.still import Still, WithStill, as_png
from musiclab.widgets.tracks import Track as Row

LONGEST = 60.0
"""Seconds of a track, at most: it is rendered at every change, about 100 times faster than it sounds."""

SETTINGS = ("genre", "seed", "tempo", "key", "swing", "mute")

_STILL_SECONDS = 2.0  # of sound in a still


class Desk(anywidget.AnyWidget):
    """Controls, truth and probabilities in the browser; :class:`StudioMixer` does the work."""

    _esm = script("mixer")
    _css = style("explorer", "mixer")

    genre = traitlets.Unicode("jazz").tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    tempo = traitlets.Float(None, allow_none=True).tag(sync=True)
    key = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    swing = traitlets.Float(None, allow_none=True).tag(sync=True)
    mute = traitlets.List(traitlets.Unicode()).tag(sync=True)
    problem = traitlets.Unicode().tag(sync=True)
    truth = traitlets.Dict().tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)  # classes, now, before: of the model, or nothing
    choices = traitlets.Dict().tag(sync=True)


def _setting(name: str, text: str) -> property:
    """An attribute of the mixer that is kept by its desk."""
    return property(
        lambda self: getattr(self.desk, name), lambda self, value: setattr(self.desk, name, value), None, text
    )


class StudioMixer(WithStill, ipywidgets.VBox):
    """Choose genre, tempo, key and swing of a Studio track, mute its stems, hear it, and see what a model says.

    Everything else of the track stays as it was: what changes in the model's answer is the doing of what was changed.
    The bars show its probabilities, with those of the state before behind them. A setting that cannot be is told
    (``problem``); sound and bars stay as they were.

    Parameters
    ----------
    run : str, Path, Outcome or Run, optional
        Folder of a trained model, or what came of a run. Without it there are no bars.
    genre
        To begin with, one of ``studio.GENRES``.
    seed
        Which track, 0 or more.
    seconds
        Its length, at most 60.

    Attributes
    ----------
    genre, seed, tempo, key, swing, mute
        As in :func:`musiclab.studio.render`; ``None`` is the track's own, ``mute`` a list of stems.
    track : musiclab.studio.Track
        What is heard; its ``record`` is the truth about it.
    probabilities, before : float array, shape (classes,), or None
        What the model says, and what it said of the state before.
    classes : list of str
        Of the model.
    player : Player
    problem : str
        Why a setting cannot be; "" where it can.

    Raises
    ------
    DatasetError
        There is no such genre or seed, or ``seconds`` is out of range.
    RunError
        There is no model in ``run``.

    Examples
    --------
    >>> mixer = StudioMixer(genre="blues", seconds=1)
    >>> mixer.mute = ["drums"]
    >>> mixer.key = "A minor"
    >>> mixer.track.record["mute"], mixer.track.record["key"]
    (['drums'], 'A minor')
    """

    genre = _setting("genre", "One of ``studio.GENRES``.")
    seed = _setting("seed", "Which track.")
    tempo = _setting("tempo", "Beats a minute; ``None`` is the track's own.")
    key = _setting("key", "Such as ``'A minor'`` or ``'A'``; ``None`` is the track's own.")
    swing = _setting("swing", "Where the off-beat falls, 0.5 to 0.75; ``None`` is the track's own.")
    mute = _setting("mute", "Stems that are left out.")
    problem = _setting("problem", "Why a setting cannot be.")

    def __init__(self, run=None, genre: str = "jazz", seed: int = 0, seconds: float = 6):
        if not 0 < seconds <= LONGEST:
            raise DatasetError(
                f"StudioMixer: expected seconds in 0 to {LONGEST:g}, found {seconds}; take a shorter part"
            )
        self.seconds = seconds
        self.track = studio.render(genre, seed, seconds=seconds)  # raises before anything is shown
        self._model, self._card = (None, None) if run is None else _trained(run)
        self.classes = [] if run is None else self._card.classes
        self.before: np.ndarray | None = None
        self.probabilities = self._listen(self.track)
        self.player = Player(self.track.waveform, self.track.sample_rate, **self._described())
        choices = {
            "genre": list(studio.GENRES),
            "key": PITCH_NAMES,
            "mute": studio.STEMS,
            "tempo": TEMPO_RANGE,
            "swing": SWING_RANGE,
        }
        self.desk = Desk(genre=genre, seed=seed, choices=choices, truth=self._truth(), answer=self._answer())
        self._of = self._settings()
        self.desk.observe(self._follow, names=SETTINGS)
        super().__init__([self.desk, self.player])

    def _follow(self, _) -> None:
        settings = self._settings()
        if settings == self._of:  # several that changed at once are rendered together
            return
        differing = [name for name, now, then in zip(SETTINGS, settings, self._of, strict=True) if now != then]
        self._of = settings
        try:
            self._render(keep_place=not {"genre", "seed", "tempo"} & set(differing))
        except MusiclabError as error:
            self.problem = str(error)

    def _render(self, keep_place: bool) -> None:
        genre, seed, tempo, key, swing, mute = self._of
        track = studio.render(genre, seed, tempo=tempo, key=key, swing=swing, mute=mute, seconds=self.seconds)
        probabilities = self._listen(track)
        self.track, self.before, self.probabilities = track, self.probabilities, probabilities
        with self.desk.hold_sync():  # one message
            self.problem = ""
            self.desk.truth, self.desk.answer = self._truth(), self._answer()
        place, playing = self.player.time, self.player.playing
        self.player.load(track.waveform, track.sample_rate, **self._described())
        if keep_place:  # the same bar with other sounds: the ear compares
            self.player.time = place
        self.player.playing = playing

    def _settings(self) -> tuple:
        return (*(getattr(self.desk, name) for name in SETTINGS[:-1]), tuple(self.desk.mute))

    def _listen(self, track: Track) -> np.ndarray | None:
        """Probabilities of the track, as :func:`musiclab.runs.prediction.predict` gives them of its file."""
        if self._model is None:
            return None
        from musiclab.runs.windows import listen

        with (
            tempfile.TemporaryDirectory() as folder
        ):  # a file is what the library names: the same code, the same numbers
            file = save_audio(Path(folder) / "track.wav", track.waveform, track.sample_rate)
            _, values = listen(file, self._model, self._card.feature, self._card.config, None, self._card.precision)
        whole = np.exp(values.mean(axis=0))
        return whole / whole.sum()

    def _described(self) -> dict:
        """Title and rows of the player."""
        record = self.track.record
        rows = [Row.beats(record["beats"])] if record["beats"] else []  # a second may pass without one
        rows += [Row.segments(record["chords"])] if record["chords"] else []
        return {"title": f"{record['genre']}, track {record['seed']}", "tracks": rows, "preview": _STILL_SECONDS}

    def _truth(self) -> dict:
        """What is true of the track, by name, in words."""
        record = self.track.record
        chords = [name for _, _, name in record["chords"]]
        return {
            "tempo": record["tempo"],
            "swing": record["swing"],
            "key": record["key"],
            "rows": [
                ["key", record["key"]],
                ["tempo", f"{record['tempo']:g} beats a minute, {record['beats_per_bar']} to a bar"],
                ["swing", _swing_in_words(record["swing"])],
                ["chords", " – ".join(name for at, name in enumerate(chords) if at == 0 or name != chords[at - 1])],
                ["sections", ", ".join(name for _, _, name in record["sections"])],
                ["artist", record["artist"]],
                ["plays", ", ".join(stem for stem in studio.STEMS if stem not in record["mute"]) or "nothing: silence"],
            ],
        }

    def _answer(self) -> dict:
        if self.probabilities is None:
            return {}
        before = None if self.before is None else self.before.tolist()
        return {"classes": list(self.classes), "now": self.probabilities.tolist(), "before": before}

    def still(self) -> Still:
        """Picture and first seconds of the track, with the model's probabilities."""
        record, sound = self.track.record, self.player.still()
        muted = f", without {', '.join(record['mute'])}" if record["mute"] else ""
        title = f"{record['genre']}, {record['key']}, {record['tempo']:g} beats a minute{muted}"
        caption = f"StudioMixer: {title}. Run this cell in Jupyter to change it."
        if self.probabilities is None:
            return Still(sound.png, f"{title}: {sound.alt}", sound.sound, caption)
        figure = Figure(figsize=(7, 0.9 + 0.24 * len(self.classes)), layout="constrained")
        ax = figure.subplots()
        if self.before is not None:
            ax.barh(self.classes, 100 * self.before, 0.9, color="0.93", edgecolor="0.5", label="before")
        ax.barh(self.classes, 100 * self.probabilities, 0.5, color=plots.PALETTE[0], label="now")
        ax.invert_yaxis()  # in the model's order, as the widget has them
        ax.set(xlabel="probability (%)", xlim=(0, 100), title=title)
        if self.before is not None:
            ax.legend(frameon=False, loc="lower right")
        best = int(self.probabilities.argmax())
        said = f"the model says {self.classes[best]} ({self.probabilities[best]:.0%})"
        return Still(as_png(figure), f"{title}; {said}", sound.sound, caption)


def _trained(run) -> tuple:
    """A trained model in evaluation mode, and its card."""
    from musiclab.runs.run import Run  # not at the top: torch takes seconds
    from musiclab.widgets.clips import trained

    return (run.model.eval(), run.card) if isinstance(run, Run) else trained(run)


def _swing_in_words(swing: float) -> str:
    """Where the off-beat falls, with what musicians call it.

    Examples
    --------
    >>> _swing_in_words(0.5), _swing_in_words(0.66)
    ('0.5 (straight)', '0.66 (near triplets)')
    """
    name = "straight" if swing < 0.52 else "light" if swing < 0.6 else "near triplets" if swing < 0.7 else "hard"
    return f"{swing:g} ({name})"
