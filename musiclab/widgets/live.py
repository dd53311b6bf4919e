"""Classify the sound of the microphone while it is on, or a sound file."""

import tempfile
from pathlib import Path

import ipywidgets
import numpy as np
import traitlets
from matplotlib.figure import Figure

from musiclab import plots
from musiclab.audio import from_int16, load_audio
from musiclab.core.errors import AudioError, MusiclabError
from musiclab.plots.browser import script, style
from musiclab.runs.prediction import live_seconds
from musiclab.widgets.answering import Answering
from musiclab.widgets.lanes import Lane
from musiclab.widgets.player import Player
from musiclab.widgets.predictions import bars, classify, open_run
from musiclab.widgets.sound import check_sound, encode_preview
from musiclab.widgets.still import Still, WithStill, as_png

LONGEST = 60.0  # largest number of seconds of the microphone or of a file that are kept and classified
LARGEST_FILE = 9_000_000  # bytes; Jupyter closes the connection on messages of 10 MB
STEP = 0.5  # hop between windows in s, and duration of each block from the microphone
STILL_SECONDS = 3.0  # duration of the sound in a still


class Microphone(Answering):
    """Buttons to record and to choose a file, and the predictions over time while the microphone is on.

    The browser sends blocks of 16-bit samples. It sends the next block only after the last one is classified, so that a
    slow model never falls more than one block behind.
    """

    _esm = script("canvas", "player_parts", "microphone")
    _css = style("clips")
    lane = traitlets.Dict().tag(sync=True)  # predictions while the microphone is on
    status = traitlets.Unicode("").tag(sync=True)  # last message from Python, for a page that is opened later
    limits = traitlets.Dict({"seconds": LONGEST, "bytes": LARGEST_FILE, "part": STEP}).tag(sync=True)
    accept = traitlets.Unicode(".wav,.flac,.ogg,.mp3,.au,.aif,.aiff").tag(sync=True)  # the browser decodes other files


class LiveClassifier(WithStill, ipywidgets.VBox):
    """A classifier for the sound of the microphone, with a new prediction twice per second, or for sound files.

    When you stop recording, you can play the sound with the predictions above it. The sound stays on the computer on
    which Jupyter runs and is not saved. Browsers allow the microphone only on pages from ``localhost`` or ``https``,
    and only after you agree. Otherwise the widget shows a message, and you can choose a file. The browser decodes files
    that Python can't read, such as the recordings of phones (m4a, mp4, webm, opus).

    Parameters
    ----------
    run : Run, str or Path
        Trained model, or its run folder.
    file : str or Path, optional
        Sound file to classify first, up to 60 s. Its predictions also appear in the still picture, which replaces the
        widget where it can't run.

    Attributes
    ----------
    probabilities : float array, shape (classes,), or None
        Prediction for the last block or, after the end, for the complete sound. None before the first sound.
    edges : float array, shape (windows + 1,)
        Times in s between the windows of ``timeline``.
    timeline : float array, shape (windows, classes)
        Probabilities over time.
    listening : bool
        True while the microphone is on.
    status : str
        Last message, for example about a file that can't be read.
    player : Player or None
        Player of the last sound.
    classes : list of str
        Classes of the model.

    Raises
    ------
    RunError
        If ``run`` holds no trained model, or if it is a cross-validation, which has several models.
    AudioError
        If ``file`` can't be decoded or is too short for the model.

    Examples
    --------
    >>> LiveClassifier("runs/first", "song.wav")  # doctest: +SKIP
    """

    def __init__(self, run, file: str | Path | None = None):
        self._run = open_run(run)
        self._run.check_single()
        settings = self._run.settings
        self.classes = settings.classes
        self.seconds = live_seconds(self._run.model, settings)
        self._step = self.seconds if settings.feature == "summary" else min(STEP, self.seconds)
        self.listening, self.status = False, ""
        self.player: Player | None = None
        self._microphone = Microphone()
        self._microphone.on_msg(self._receive)
        self._bars = ipywidgets.HTML()
        self._clear(rate=0)
        self._show_bars(None)
        note = ipywidgets.HTML(f"<p>In the picture, each column judges {self.seconds:.1f} s alone.</p>")
        super().__init__([note, self._microphone, self._bars])
        self.add_class("musiclab").add_class("musiclab-clips")
        if file is not None:
            self.hear(*load_audio(file, None, duration=LONGEST), Path(file).name)

    def hear(self, waveform: np.ndarray, sample_rate: int, name: str = "the sound") -> None:
        """Classify a sound, and show its player with the predictions over time.

        ``probabilities`` becomes the prediction for the complete sound, the same as that of ``musiclab predict``.
        ``timeline`` becomes the predictions for windows that start every 0.5 s, or less for a model with shorter
        windows. For models of summary features (statistics of a complete clip), the windows last 3 s and don't overlap.

        Parameters
        ----------
        waveform : float array in [-1, 1] or int16 array, shape (samples,) or (channels, samples)
            Sound to classify, at most 10 minutes. The model receives the mean of all channels.
        sample_rate : int, Hz
            Sample rate of the sound.
        name : str
            Name of the sound, which becomes the title of the player. The default is "the sound".

        Raises
        ------
        AudioError
            As in :class:`Player`, or if the sound is too short for the model.
        """
        waveform = check_sound(waveform, sample_rate, "LiveClassifier")
        mono = np.atleast_2d(waveform).mean(axis=0)
        probabilities = classify(self._run, mono, sample_rate)
        predictions = self._run.predict(mono, sample_rate, every=self._step)
        self.edges, self.timeline = predictions.along(predictions.files["path"].iloc[0])
        lanes = [Lane.predictions(self.edges, self.timeline, self.classes)]
        if self.player is None:
            self.player = Player(waveform, sample_rate, title=name, lanes=lanes)
            self.children = [*self.children, self.player]
        else:
            self.player.load(waveform, sample_rate, title=name, lanes=lanes)
        self._sound = (waveform, sample_rate)
        self._show_bars(probabilities)
        self._microphone.lane = {}  # the player shows it now
        best = self.classes[int(probabilities.argmax())]
        self._show_status(f"{name}: {waveform.shape[-1] / sample_rate:.1f} s, most likely {best}.")

    def _receive(self, _, content: dict, buffers: list) -> None:
        """Handle a message from the browser: start, block or end of a recording, a file, or a status."""
        event = content.get("event")
        if event == "status":  # the browser already shows this message
            self.status = content["text"]
            return
        try:
            if event == "start":
                self._clear(int(content["rate"]))
                self.listening = True
            elif event == "part" and self._rate:
                self._classify_block(np.frombuffer(buffers[0], dtype="<i2"))
            elif event == "stop":
                self.listening = False
                if len(self._samples):
                    self.hear(from_int16(self._samples), self._rate, "the microphone")
            elif event == "sound":
                samples = from_int16(np.frombuffer(buffers[0], dtype="<i2"))
                self.hear(samples, int(content["rate"]), content["name"])
            elif event == "file":
                self._classify_file(Path(content["name"]).name or "sound", bytes(buffers[0]))
        except MusiclabError as error:
            self._show_status(str(error))

    def _clear(self, rate: int) -> None:
        """Delete the last sound; ``rate`` is the sample rate of the blocks that follow."""
        self._samples, self._rate, self._sound = np.zeros(0, dtype=np.int16), rate, None
        self.edges, self.timeline = np.zeros(1), np.zeros((0, len(self.classes)))
        self._microphone.lane = {}

    def _show_status(self, text: str) -> None:
        self.status = self._microphone.status = text
        self._microphone.send({"say": text})  # because a trait isn't sent again if its text is the same

    def _classify_block(self, samples: np.ndarray) -> None:
        self._samples = np.concatenate([self._samples, samples])
        window = from_int16(self._samples[-round(self.seconds * self._rate) :])
        self._show_bars(classify(self._run, window, self._rate))
        self.edges = np.append(self.edges, len(self._samples) / self._rate)
        self.timeline = np.vstack([self.timeline, self.probabilities])
        self._microphone.lane = Lane.predictions(self.edges, self.timeline, self.classes).to_dict()

    def _classify_file(self, name: str, content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / name
            file.write_bytes(content)
            try:
                waveform, rate = load_audio(file, None, duration=LONGEST)
            except AudioError as error:  # show the name of the file without the temporary folder
                raise AudioError(str(error).replace(str(file), name)) from error
        self.hear(waveform, rate, name)

    def _show_bars(self, probabilities: np.ndarray | None) -> None:
        self.probabilities = probabilities
        self._bars.value = "" if probabilities is None else bars(self.classes, probabilities, "Predicted probabilities")

    def still(self) -> Still:
        """Draw the static picture that replaces the widget where it can't run.

        Returns
        -------
        Still
            Picture of the predictions over time, with the first 3 s of the sound. Without a sound, the picture is
            empty.
        """
        figure = Figure(figsize=(7, 1.2 + 0.22 * min(len(self.classes), plots.MOST_ROWS)), layout="constrained")
        ax = figure.subplots()
        if self._sound is None:
            plots.timeline(np.array([0.0, LONGEST]), np.zeros((1, len(self.classes))), self.classes, ax)
            names = ", ".join(self.classes)
            return Still(as_png(figure), f"A model that classifies the sound of the microphone as one of {names}.")
        plots.timeline(self.edges, self.timeline, self.classes, ax)
        best = self.classes[int(self.probabilities.argmax())]
        alt = f"Probabilities of {', '.join(self.classes)} over {self.edges[-1]:.1f} s; most likely {best}."
        return Still(as_png(figure), alt, encode_preview(*self._sound, STILL_SECONDS), self.status)
