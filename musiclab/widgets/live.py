"""``LiveClassifier``: what a model makes of the microphone while it sounds, or of a file from the reader's disk."""

import tempfile
from pathlib import Path

import anywidget
import ipywidgets
import numpy as np
import pandas as pd
import traitlets
from matplotlib.figure import Figure

from musiclab import plots
from musiclab.audio import from_int16, load_audio, resample, save_audio, to_int16
from musiclab.core.errors import AudioError, MusiclabError
from musiclab.widgets.clips import STILL_SECONDS, bars, trained
from musiclab.widgets.player import Player
from musiclab.widgets.scripts import script, style
from musiclab.widgets.sound import checked, preview
from musiclab.widgets.still import Still, WithStill, as_png
from musiclab.widgets.tracks import Track

LONGEST = 60.0
"""Seconds of the microphone, or of a file, that are kept and named."""

LARGEST = 9_000_000
"""Bytes of a file: Jupyter closes the connection on a message of 10 MB."""

STEP = 0.5
"""Seconds from window to window along a sound that is played; the microphone's parts are as long."""

SUMMARY_SECONDS = 3.0
"""What a model that hears a summary is given at once: it has no length of its own."""


class Microphone(anywidget.AnyWidget):
    """Buttons to listen and to choose a file, and what was heard along time.

    The browser sends 16-bit samples, and the next part only once the last one is named, so that a slow model falls
    behind by no more than one part.
    """

    _esm = script("canvas", "microphone")
    _css = style("clips")
    classes = traitlets.List().tag(sync=True)
    along = traitlets.List().tag(sync=True)
    """``[seconds, [probability, ...]]`` of each part, the last :data:`LONGEST` seconds."""
    said = traitlets.Unicode("").tag(sync=True)
    """What Python said last, for a page that is opened later."""
    heard = traitlets.Int(0).tag(sync=True)
    """Parts that have been named."""
    limits = traitlets.Dict({"seconds": LONGEST, "bytes": LARGEST}).tag(sync=True)


class LiveClassifier(WithStill, ipywidgets.VBox):
    """A trained model that listens: probabilities twice a second, from the microphone or of a sound file.

    The sound does not leave the machine that Jupyter runs on, and nothing is written to disk for longer than it takes
    to name it. The browser gives the microphone only to pages from ``localhost`` or ``https``, and only if the reader
    agrees; where it does not, that is said, and a file can be chosen. When listening ends, what was heard can be
    played, with what the model made of each part above it.

    Parameters
    ----------
    run : str, Path or Outcome
        The folder of a trained model, or what came of a run.
    file
        A sound to begin with: its probabilities are shown, also in the still picture.

    Attributes
    ----------
    classes : list of str
    probabilities : float array, shape (classes,), or None
        Of what was heard last.
    edges, timeline : float arrays, shape (parts + 1,) and (parts, classes)
        What was heard along the whole sound: limits in s and probabilities; empty before there is any.
    listening : bool
        Whether the microphone is open.
    status : str
        What the widget said last: that it listens, that the microphone was refused, that a file cannot be read.
    player : Player or None
        Of the last sound.

    Raises
    ------
    RunError
        There is no model in ``run``.
    AudioError
        ``file`` cannot be decoded.
    """

    def __init__(self, run, file: str | Path | None = None):
        self._model, self._card = trained(run)
        self.classes = self._card.classes
        self._config = self._card.config
        hop = getattr(self._config, "hop_length", 1)
        is_summary = self._card.feature == "summary"
        self.seconds = SUMMARY_SECONDS if is_summary else self._model.length * hop / self._config.sample_rate
        self.probabilities: np.ndarray | None = None
        self.listening, self.status = False, ""
        self.edges, self.timeline = np.zeros(0), np.zeros((0, len(self.classes)))
        self.player: Player | None = None
        self._sound: tuple[np.ndarray, int] | None = None
        self._parts: list[np.ndarray] = []
        self._rate = 0
        self._microphone = Microphone(classes=self.classes)
        self._microphone.on_msg(self._heed)
        self._bars = ipywidgets.HTML()
        self._place = ipywidgets.VBox()
        listens = f"The model hears {self.seconds:.1f} s at a time."
        super().__init__([ipywidgets.HTML(f"<p>{listens}</p>"), self._microphone, self._bars, self._place])
        self.add_class("musiclab-clips")
        self._show_bars(None)
        if file is not None:
            waveform, rate = load_audio(file, None, duration=LONGEST)
            self.hear(waveform, rate, Path(file).name)

    def hear(self, waveform: np.ndarray, sample_rate: int, name: str = "the sound") -> None:
        """Name a sound as a whole and along time, and show it with its player.

        The probabilities of the whole are those that ``musiclab predict`` gives; along time there is a window each
        half second, or one after the other for models that hear a summary.

        Parameters
        ----------
        waveform : float array in [-1, 1] or int16 array, shape (samples,) or (channels, samples)
            The model hears the mean of several channels.
        sample_rate
            Hz; it is resampled to what the model hears.
        name
            What to call it.

        Raises
        ------
        AudioError
            There is nothing in it, it is longer than ten minutes, or not finite.
        """
        from musiclab.runs.prediction import edges
        from musiclab.runs.windows import listen

        waveform = checked(waveform, sample_rate, "LiveClassifier")
        every = self.seconds if self._card.feature == "summary" else min(STEP, self.seconds)
        with tempfile.TemporaryDirectory() as folder:  # the library names files, and this must give the same
            file = save_audio(Path(folder) / "sound.wav", waveform, sample_rate)
            given = (file, self._model, self._card.feature, self._config)
            _, whole = listen(*given, None, self._card.precision)
            spans, values = listen(*given, every, self._card.precision)
        self.edges = edges(pd.DataFrame(spans, columns=["start", "end"]))
        self.timeline = np.exp(values)
        mean = np.exp(whole.mean(axis=0))  # of the logarithms, as a test counts them
        self._show_bars(mean / mean.sum())
        self._sound = (waveform, sample_rate)
        tracks = [Track.predictions(self.edges, self.timeline, self.classes)]
        if self.player is None:
            self.player = Player(*self._sound, title=name, tracks=tracks)
            self._place.children = [self.player]
        else:
            self.player.load(*self._sound, title=name, tracks=tracks)
        self._microphone.along = []  # the player has it now
        best = self.classes[int(self.probabilities.argmax())]
        self._say(f"{name}: {waveform.shape[-1] / sample_rate:.1f} s, most likely {best}.")

    def _heed(self, _, content: dict, buffers: list) -> None:
        """What the browser sends: a part of the microphone's sound, its end, or a file."""
        kind = content.get("kind")
        if kind == "told":  # what the browser says it says already
            self.status = content["text"]
            return
        try:
            if kind == "start":
                self._parts, self._rate, self.listening = [], int(content["rate"]), True
                self._microphone.along = []
            elif kind == "part" and self._rate:
                self._hear_part(np.frombuffer(buffers[0], dtype="<i2"))
            elif kind == "stop":
                self.listening = False
                if self._parts:
                    self.hear(from_int16(np.concatenate(self._parts)), self._rate, "the microphone")
            elif kind == "file":
                self._hear_file(content["name"], bytes(buffers[0]))
        except (MusiclabError, ValueError) as error:  # ValueError: a part too short for the model's features
            self._say(str(error))
        finally:
            self._microphone.heard += 1

    def _say(self, text: str) -> None:
        self.status = self._microphone.said = text
        self._microphone.send({"say": text})  # the trait alone would not be sent where it says the same again

    def _hear_part(self, samples: np.ndarray) -> None:
        self._parts.append(samples)
        kept = round(self.seconds * self._rate)
        latest: list[np.ndarray] = []
        for part in reversed(self._parts):
            latest.insert(0, part)
            if sum(map(len, latest)) >= kept:
                break
        window = from_int16(np.concatenate(latest)[-kept:])
        self._show_bars(self._named(window))
        seconds = sum(map(len, self._parts)) / self._rate
        self._microphone.along = [*self._microphone.along, [round(seconds, 3), self.probabilities.round(3).tolist()]]

    def _named(self, window: np.ndarray) -> np.ndarray:
        """Probabilities of one window of sound at the browser's rate, shape (classes,)."""
        import torch

        from musiclab import features
        from musiclab.training import autocast

        rate = self._config.sample_rate
        waveform = resample(window, self._rate, rate)[: round(self.seconds * rate)]
        if self._card.feature == "audio":
            values = from_int16(to_int16(waveform))
        else:
            values = features.compute(waveform, {self._card.feature: self._config})[self._card.feature]
        values = values[..., : self._model.length]
        if (missing := self._model.length - values.shape[-1]) > 0:
            silence = np.broadcast_to(
                np.asarray(self._config.silence, np.float32)[..., None], (*values.shape[:-1], missing)
            )
            values = np.concatenate([values, silence], axis=-1)
        device = next(self._model.parameters()).device
        with torch.inference_mode(), autocast(device, self._card.precision):
            logits = self._model(torch.from_numpy(values)[None].to(device))
        return logits[0].cpu().double().softmax(dim=0).numpy()

    def _hear_file(self, name: str, content: bytes) -> None:
        name = Path(name).name or "sound"
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / name
            file.write_bytes(content)
            try:
                waveform, rate = load_audio(file, None, duration=LONGEST)
            except AudioError as error:  # where it lay is of no help to the reader
                raise AudioError(str(error).replace(str(file), name)) from error
        self.hear(waveform, rate, name)

    def _show_bars(self, probabilities: np.ndarray | None) -> None:
        self.probabilities = probabilities
        shown = np.zeros(len(self.classes)) if probabilities is None else probabilities
        self._bars.value = bars(self.classes, shown, ordered=False, caption="What the model takes it for")

    def still(self) -> Still:
        """What was heard along the last sound; the classes with nothing beside them before there is any."""
        figure = Figure(figsize=(7, 1.2 + 0.22 * len(self.classes)), layout="constrained")
        ax = figure.subplots()
        if len(self.timeline):
            plots.timeline(self.edges, self.timeline, self.classes, ax)
            best = self.classes[int(self.probabilities.argmax())]
            alt = f"Probabilities of {', '.join(self.classes)} over {self.edges[-1]:.1f} s; most likely {best}."
            return Still(as_png(figure), alt, preview(*self._sound, STILL_SECONDS), self.status)
        plots.timeline(np.array([0.0, LONGEST]), np.zeros((1, len(self.classes))), self.classes, ax)
        alt = (
            f"A model that listens to the microphone and names one of {', '.join(self.classes)}; it has heard nothing."
        )
        return Still(as_png(figure), alt)
