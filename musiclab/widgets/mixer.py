"""Change a generated track, hear it, and watch the predictions of a trained model."""

import html

import ipywidgets
import traitlets
from matplotlib.figure import Figure

from musiclab import plots, studio
from musiclab.core.errors import DatasetError, MusiclabError
from musiclab.plots.browser import script, style
from musiclab.studio.theory import PITCH_NAMES
from musiclab.studio.track import SWING_RANGE, TEMPO_RANGE
from musiclab.widgets.answering import Answering
from musiclab.widgets.lanes import Lane
from musiclab.widgets.player import Player
from musiclab.widgets.predictions import bars, classify, open_run, percent
from musiclab.widgets.still import Still, WithStill, as_png

# Longest duration of a track in s. Every change renders the track again, about 100 times faster than real time.
LONGEST = 60.0
SETTINGS = ("genre", "seed", "tempo", "key", "swing", "mute")
_CHOICES = {"genre": list(studio.GENRES), "key": PITCH_NAMES, "mute": studio.STEMS}
_CHOICES |= {"seed": (0, None), "tempo": TEMPO_RANGE, "swing": SWING_RANGE}

_STILL_SECONDS = 2.0  # duration of the sound in a still


class Desk(Answering):
    """The controls of a :class:`StudioMixer` in the browser."""

    _esm = script("controls", "mixer")
    _css = style("clips", "controls")

    genre = traitlets.Unicode("jazz").tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    tempo = traitlets.Float(None, allow_none=True).tag(sync=True)
    key = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    swing = traitlets.Float(None, allow_none=True).tag(sync=True)
    mute = traitlets.List(traitlets.Unicode()).tag(sync=True)
    problem = traitlets.Unicode().tag(sync=True)
    status = traitlets.Unicode().tag(sync=True)  # the prediction in words
    previous = traitlets.Dict().tag(sync=True)  # settings before the last change
    own = traitlets.Dict().tag(sync=True)  # tempo, swing and key that the track has by default
    choices = traitlets.Dict(_CHOICES).tag(sync=True)


class StudioMixer(WithStill, ipywidgets.VBox):
    """Controls for a generated track: change its music, hear the result, and see what a model predicts.

    You can change genre, tempo, key, swing and stems (the parts of the mix, such as the drums). Everything else about
    the track stays the same, so any change in the prediction is caused by your change. Bars show the probabilities now
    and, as outlines, before the change. S beside a stem mutes all others, and "Hear before" switches between the track
    before the last change and after it. If a setting is invalid, the mixer shows the reason and keeps the sound and the
    bars.

    Parameters
    ----------
    run : Run, str or Path, optional
        Trained model, or its run folder. Without a model, the mixer shows no predictions.
    genre : str
        Initial genre, a name in :data:`musiclab.studio.GENRES`. The default is "jazz".
    seed : int
        Initial random seed of the track, 0 or more. The default is 0.
    seconds : float, s
        Duration of the track, from 0.05 to 60 s. The default is 6 s.

    Attributes
    ----------
    desk : Desk
        Controls. Set ``genre``, ``seed``, ``tempo``, ``key``, ``swing`` and ``mute`` (a list) as in
        :func:`musiclab.studio.render`. None restores the value that the track has by default. ``problem`` is the reason
        why a setting is invalid, or "".
    track : musiclab.studio.Track
        Current track, with its ground truth in ``record``.
    probabilities : float array, shape (classes,), or None
        Prediction for the current track. None without a model.
    before : float array, shape (classes,), or None
        Prediction for the previous track. None without a model and before the first change.
    classes : list of str
        Classes of the model.
    player : Player
        Player of the track.

    Raises
    ------
    DatasetError
        If genre, seed or seconds are invalid.
    RunError
        If ``run`` holds no trained model.

    Examples
    --------
    >>> mixer = StudioMixer(genre="blues", seconds=1)
    >>> mixer.desk.mute = ["drums"]
    >>> mixer.desk.key = "A minor"
    >>> mixer.track.record["mute"], mixer.track.record["key"]
    (['drums'], 'A minor')
    """

    def __init__(self, run=None, genre: str = "jazz", seed: int = 0, seconds: float = 6):
        if not 0 < seconds <= LONGEST:
            raise DatasetError(
                f"StudioMixer: expected seconds from 0 to {LONGEST:g}, found {seconds}; choose a shorter duration"
            )
        self.seconds = seconds
        self._run = None if run is None else open_run(run)
        self.classes = [] if run is None else self._run.settings.classes
        self.desk = Desk(genre=genre, seed=seed)
        self._bars, self._truth = ipywidgets.HTML(), ipywidgets.HTML()
        self.before, self.probabilities = None, None
        self._rendered = self._settings()
        self._render()  # first, so that an error is raised before anything is shown
        self.player = Player(self.track.waveform, self.track.sample_rate, **self._labels())
        self.desk.observe(self._follow, names=SETTINGS)
        columns = ipywidgets.Box([self._bars, self._truth] if self.classes else [self._truth])
        super().__init__([self.desk, columns.add_class("musiclab-columns"), self.player])
        self.add_class("musiclab").add_class("musiclab-clips").add_class("musiclab-mixer")

    def _settings(self) -> dict:
        return {name: getattr(self.desk, name) for name in SETTINGS}

    def _follow(self, _) -> None:
        before, self._rendered = self._rendered, self._settings()
        changed = {name for name in SETTINGS if self._rendered[name] != before[name]}
        if not changed:  # settings that changed at the same time are rendered together
            return
        try:
            self._render()
        except MusiclabError as error:
            self.desk.problem = str(error)
            return
        self.desk.previous = before
        time, playing = self.player.time, self.player.playing
        self.player.load(self.track.waveform, self.track.sample_rate, **self._labels())
        if not changed & {"genre", "seed", "tempo"}:  # stay at the same bar, so that you can compare by ear
            self.player.seek(time)
        self.player.playing = playing

    def _render(self) -> None:
        track = studio.render(**self._rendered, seconds=self.seconds)
        if self._run is not None:
            self.before, self.probabilities = self.probabilities, classify(self._run, track.waveform, track.sample_rate)
        self.track, record = track, track.record
        with self.desk.hold_sync():  # one message
            self.desk.problem = ""
            self.desk.own = {name: record[name] for name in ("tempo", "swing", "key")}
            self.desk.status = self._status()
        self._truth.value = _truth_table(record)
        if self.classes:
            caption = "Predicted probabilities" + ("; outlined: before" if self.before is not None else "")
            mark = (record["genre"], "played")
            self._bars.value = bars(self.classes, self.probabilities, caption, mark, self.before)

    def _status(self) -> str:
        if self.probabilities is None:
            return ""
        best = int(self.probabilities.argmax())
        text = f"The model predicts {self.classes[best]} ({percent(self.probabilities[best])})"
        if self.before is not None and self.before.argmax() != best:
            text += f", no longer {self.classes[int(self.before.argmax())]}"
        return f"{text}."

    def _labels(self) -> dict:
        record = self.track.record
        lanes = [Lane.beats(record["beats"])] if record["beats"] else []  # a short track may have no beat
        lanes += [Lane.segments(record["chords"])] if record["chords"] else []
        return {"title": f"{record['genre']}, track {record['seed']}", "lanes": lanes, "preview": _STILL_SECONDS}

    def still(self) -> Still:
        """Draw the static picture that replaces the mixer where widgets can't be shown.

        Returns
        -------
        Still
            Picture of the predicted probabilities, or of the sound if there is no model, with the first 2 s of the
            track.
        """
        record, sound = self.track.record, self.player.still()
        muted = f", without {', '.join(record['mute'])}" if record["mute"] else ""
        title = f"{record['genre']}, {record['key']}, {record['tempo']:g} beats per minute{muted}"
        caption = f"StudioMixer: {title}. Run this cell in Jupyter to change it."
        if self.probabilities is None:
            return Still(sound.png, f"{title}: {sound.alt}", sound.sound, caption)
        figure = Figure(figsize=(7, 0.9 + 0.24 * len(self.classes)), layout="constrained")
        ax, rows = figure.subplots(), range(len(self.classes))
        if self.before is not None:
            ax.barh(rows, 100 * self.before, 0.9, color="0.93", edgecolor="0.5", label="before")
        ax.barh(rows, 100 * self.probabilities, 0.5, color=plots.PALETTE[0], label="now")
        ax.set_yticks(rows, plots.drawable(self.classes))
        ax.invert_yaxis()  # classes in the same order as in the widget
        ax.set(xlabel="probability (%)", xlim=(0, 100), title=title)
        if self.before is not None:
            ax.legend(frameon=False, loc="lower right")
        return Still(as_png(figure), f"{title}. {self._status()}", sound.sound, caption)


def _truth_table(record: dict) -> str:
    chords = [name for _, _, name in record["chords"]]
    swing = record["swing"]
    feel = "straight" if swing < 0.52 else "light" if swing < 0.6 else "near triplets" if swing < 0.7 else "hard"
    truth = {
        "key": record["key"],
        "tempo": f"{record['tempo']:g} beats per minute, {record['beats_per_bar']} per bar",
        "swing": f"{swing:g} ({feel})",
        "chords": " – ".join(name for at, name in enumerate(chords) if at == 0 or name != chords[at - 1]),
        "sections": ", ".join(name for _, _, name in record["sections"]),
        "artist": record["artist"],
        "stems": ", ".join(stem for stem in studio.STEMS if stem not in record["mute"]) or "none (silence)",
    }
    rows = "".join(f"<dt>{name}</dt><dd>{html.escape(text)}</dd>" for name, text in truth.items())
    return f"<dl aria-label='Ground truth of the track'>{rows}</dl>"
