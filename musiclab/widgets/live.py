"""Classify the microphone's sound while it is open, or a file from the reader's disk."""

import tempfile
from pathlib import Path

import anywidget
import ipywidgets
import numpy as np
import traitlets
from matplotlib.figure import Figure

from musiclab import plots
from musiclab.audio import from_int16, load_audio
from musiclab.core.errors import AudioError, MusiclabError
from musiclab.widgets.player import Player
from musiclab.widgets.predictions import bars, classify, open_run
from musiclab.widgets.scripts import script, style
from musiclab.widgets.sound import check_sound, encode_preview
from musiclab.widgets.still import Still, WithStill, as_png
from musiclab.widgets.tracks import Track

LONGEST = 60.0  # seconds of the microphone, or of a file, that are kept and classified
LARGEST_FILE = 9_000_000  # bytes of a file: Jupyter closes the connection on a message of 10 MB
STEP = 0.5  # seconds from window to window along a sound that is played; the microphone's parts are as long
SUMMARY_SECONDS = 3.0  # length of what a model of summary features receives at once: it has no length of its own
STILL_SECONDS = 3.0


class Microphone(anywidget.AnyWidget):
    """Buttons to listen and to choose a file, and the predictions along time while it listens.

    The browser sends 16-bit samples, and the next part only after the last one is classified, so that a slow model
    falls behind by no more than one part.
    """

    _esm = script("canvas", "player_parts", "microphone")
    _css = style("clips")
    track = traitlets.Dict().tag(sync=True)  # of predictions, while it listens
    status = traitlets.Unicode("").tag(sync=True)  # what Python said last, for a page that is opened later
    answered = traitlets.Int(0).tag(sync=True)  # messages that Python has dealt with
    limits = traitlets.Dict({"seconds": LONGEST, "bytes": LARGEST_FILE, "part": STEP}).tag(sync=True)


class LiveClassifier(WithStill, ipywidgets.VBox):
    """Listen with a trained model: probabilities twice a second, from the microphone or for a sound file.

    The sound does not leave the machine that Jupyter runs on, and nothing is kept on its disk. The browser gives the
    microphone only to pages from ``localhost`` or ``https``, and only if the reader agrees. If it does not, the widget
    says so, and a file can be chosen. When listening ends, the sound can be played, with the predictions along time
    above it.

    Parameters
    ----------
    run : Run, str or Path
        Trained model, or the folder of one; otherwise a RunError.
    file
        A sound to begin with, in the still picture as well; AudioError if it cannot be decoded.

    Attributes
    ----------
    probabilities : float array, shape (classes,), or None
        Prediction for the last part, or for the whole sound after its end.
    edges, timeline : float arrays, shape (parts + 1,) and (parts, classes)
        Predictions along the sound: ends of the parts in s, and probabilities; empty at first.
    listening, status : bool, str
        Whether the microphone is open, and the last message: for example, that a file cannot be read.
    player, classes : Player or None, list of str
        Player of the last sound, and classes of the model.
    """

    def __init__(self, run, file: str | Path | None = None):
        self._run = open_run(run)
        self._run.check_single()
        settings = self._run.settings
        self.classes = settings.classes
        hop, rate = getattr(settings.feature_settings, "hop_length", 1), settings.feature_settings.sample_rate
        is_summary = settings.feature == "summary"
        self.seconds = SUMMARY_SECONDS if is_summary else self._run.model.length * hop / rate
        self._step = self.seconds if is_summary else min(STEP, self.seconds)
        self.listening, self.status = False, ""
        self.player: Player | None = None
        self._microphone = Microphone()
        self._microphone.on_msg(self._receive)
        self._bars = ipywidgets.HTML()
        self._clear(rate=0)
        self._show_bars(None)
        receives = ipywidgets.HTML(f"<p>The model receives {self.seconds:.1f} s at a time.</p>")
        super().__init__([receives, self._microphone, self._bars])
        self.add_class("musiclab").add_class("musiclab-clips")
        if file is not None:
            self.hear(*load_audio(file, None, duration=LONGEST), Path(file).name)

    def hear(self, waveform: np.ndarray, sample_rate: int, name: str = "the sound") -> None:
        """Classify a sound as a whole and along time, and show it with its player.

        Sound and errors are those of :class:`~musiclab.widgets.Player`, whose title is ``name``; a sound that is too
        short for the model raises AudioError, too. The model receives the mean of all channels. The probabilities of
        the whole are those of ``musiclab predict``. Along time there is a window each half second, or one after the
        other for models of summary features.
        """
        waveform = check_sound(waveform, sample_rate, "LiveClassifier")
        mono = np.atleast_2d(waveform).mean(axis=0)
        probabilities = classify(self._run, mono, sample_rate)
        along = self._run.predict(mono, sample_rate, every=self._step)
        self.edges, self.timeline = along.along(along.files["path"].iloc[0])
        tracks = [Track.predictions(self.edges, self.timeline, self.classes)]
        if self.player is None:
            self.player = Player(waveform, sample_rate, title=name, tracks=tracks)
            self.children = [*self.children, self.player]
        else:
            self.player.load(waveform, sample_rate, title=name, tracks=tracks)
        self._sound = (waveform, sample_rate)
        self._show_bars(probabilities)
        self._microphone.track = {}  # the player has it now
        best = self.classes[int(probabilities.argmax())]
        self._say(f"{name}: {waveform.shape[-1] / sample_rate:.1f} s, most likely {best}.")

    def _receive(self, _, content: dict, buffers: list) -> None:
        """Handle a message of the browser: a part of the microphone's sound, its end, a file, or a status."""
        event = content.get("event")
        if event == "status":  # what the browser says it shows already
            self.status = content["text"]
            return
        try:
            if event == "start":
                self._clear(int(content["rate"]))
                self.listening = True
            elif event == "part" and self._rate:
                self._hear_part(np.frombuffer(buffers[0], dtype="<i2"))
            elif event == "stop":
                self.listening = False
                if len(self._samples):
                    self.hear(from_int16(self._samples), self._rate, "the microphone")
            elif event == "file":
                self._hear_file(Path(content["name"]).name or "sound", bytes(buffers[0]))
        except MusiclabError as error:
            self._say(str(error))
        finally:
            self._microphone.answered += 1

    def _clear(self, rate: int) -> None:
        """Forget the last sound; ``rate`` is that of the parts to come."""
        self._samples, self._rate, self._sound = np.zeros(0, dtype=np.int16), rate, None
        self.edges, self.timeline = np.zeros(1), np.zeros((0, len(self.classes)))
        self._microphone.track = {}

    def _say(self, text: str) -> None:
        self.status = self._microphone.status = text
        self._microphone.send({"say": text})  # the trait alone would not be sent again with the same text

    def _hear_part(self, samples: np.ndarray) -> None:
        self._samples = np.concatenate([self._samples, samples])
        window = from_int16(self._samples[-round(self.seconds * self._rate) :])
        self._show_bars(classify(self._run, window, self._rate))
        self.edges = np.append(self.edges, len(self._samples) / self._rate)
        self.timeline = np.vstack([self.timeline, self.probabilities])
        self._microphone.track = Track.predictions(self.edges, self.timeline, self.classes).to_dict()

    def _hear_file(self, name: str, content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / name
            file.write_bytes(content)
            try:
                waveform, rate = load_audio(file, None, duration=LONGEST)
            except AudioError as error:  # the temporary folder is of no help to the reader
                raise AudioError(str(error).replace(str(file), name)) from error
        self.hear(waveform, rate, name)

    def _show_bars(self, probabilities: np.ndarray | None) -> None:
        self.probabilities = probabilities
        shown = np.zeros(len(self.classes)) if probabilities is None else probabilities
        self._bars.value = bars(self.classes, shown, "What the model predicts")

    def still(self) -> Still:
        """Return the predictions along the last sound; before there is one, the classes alone."""
        figure = Figure(figsize=(7, 1.2 + 0.22 * min(len(self.classes), plots.MOST_ROWS)), layout="constrained")
        ax = figure.subplots()
        if self._sound is None:
            plots.timeline(np.array([0.0, LONGEST]), np.zeros((1, len(self.classes))), self.classes, ax)
            names = ", ".join(self.classes)
            return Still(as_png(figure), f"A model that classifies the microphone's sound as one of {names}.")
        plots.timeline(self.edges, self.timeline, self.classes, ax)
        best = self.classes[int(self.probabilities.argmax())]
        alt = f"Probabilities of {', '.join(self.classes)} over {self.edges[-1]:.1f} s; most likely {best}."
        return Still(as_png(figure), alt, encode_preview(*self._sound, STILL_SECONDS), self.status)
