"""Play a sound with its waveform and log-mel spectrogram."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import anywidget
import numpy as np
import traitlets

from musiclab import plots
from musiclab.audio import fix_length
from musiclab.core.errors import AudioError
from musiclab.plots.browser import PLAYER, colour_map, script, style
from musiclab.widgets import sound
from musiclab.widgets.lanes import Lane
from musiclab.widgets.player_still import figure_of
from musiclab.widgets.regions import WithRegions
from musiclab.widgets.still import Still, WithStill, as_png

LONGEST = 4 * 3600.0  # longest sound in s
MOST_TRACKS = 16  # of one player
WHOLE = 600.0  # s that are sent at once: up to 20 MB. A longer sound is sent in parts, when they are played or zoomed.
PART = 30.0  # s of a part
PREVIEW_SECONDS = 5.0  # default duration of :func:`play`, which keeps notebooks small

# Bytes of sound in a still: 3.8 s of mono at 22,050 Hz. Picture and sound together stay below 300 kB in base64.
STILL_BYTES = 170_000


class Player(WithStill, WithRegions, anywidget.AnyWidget):
    """A player for one sound or several in step, with waveform, spectrogram, playhead, zoom and regions.

    Space plays and pauses. Click, or use the arrow keys (0.1 s, with Shift 1 s), Home or End, to seek. Drag to loop a
    part of the sound; Escape ends the loop. Frequency and level under the pointer are shown beside the clock.

    Zoom with ``+``, ``-`` and ``0``, or with Ctrl and the wheel, down to single samples. Shift and drag draws a
    *region*, which you can name, move, resize, loop and delete. Below the picture are the speed (with the same pitch),
    the volume, the frequency axis, the range of the colours, the download, and region files. ``?`` lists all keys.

    Sounds are not normalised, and the waveforms of all tracks have the same scale. Levels are in dB relative to a
    full-scale sine, with the same colours for every sound. Sounds with more than two channels are mixed to mono.

    The browser receives a sound without loss, at up to 48 kHz, if 30 s need less than 1 MB. Otherwise it is reduced to
    22,050 Hz, mono or 16,000 Hz, and the player shows a note. The browser computes the zoomed picture from it. A sound
    of more than 10 minutes is sent in parts of 30 s, when they are played or zoomed. Without Python, only its whole
    picture and its first 30 s are there.

    Parameters
    ----------
    waveform : array, or dict of str to array
        Sound of at most 4 hours: floats in [-1, 1] or int16, shape (samples,) or (channels, samples). A dict has
        several sounds by title, such as stems or versions. They have one sample rate and one playhead, each can be
        muted or soloed, and shorter ones are padded with zeros.
    sample_rate : int, Hz
        Sample rate of the sound.
    title : str
        Title of the player, also for screen readers. Optional.
    lanes : sequence of Lane
        Rows of annotations above the waveform, such as beats; see :class:`Lane`. Optional.
    preview : float, s, optional
        Duration of the sound in the static picture that replaces the player where widgets can't run, such as on GitHub.
        By default as much as fits in 170 kB.

    Attributes
    ----------
    time : float
        Position in s, reported by the browser about five times per second. Use :meth:`seek` to change it.
    duration : float
        Duration in s.
    playing : bool
        True while the sound plays. Set it to play or pause.
    loop, view : tuple of (float, float), or None
        Start and end in s of the repeated part, and of the visible part. None is no loop, and the whole sound.
    regions : pandas.DataFrame
        Regions with the columns ``start, end`` (s) and ``label``. Set it to a table or to tuples, or to None to delete
        all.
    speed, volume : float
        Speed, 1 by default, which doesn't change the pitch. Volume from 0 to 1.
    muted, soloed : list of str
        Titles of muted and soloed tracks. If a track is soloed, only soloed tracks sound.
    frequency_axis : {"mel", "linear", "log"}
        Scale of the frequency axis.
    fmin, fmax : float, Hz
        Frequency range that is shown, by default all.
    dynamic_range : float, dB
        Range of levels that the colours span, by default 90 dB.

    Raises
    ------
    AudioError
        If the waveform is too long, empty, not finite or has the wrong shape or type, if the sample rate is not a
        positive number, or if a loop or view doesn't lie within the sound.

    Examples
    --------
    >>> player = Player(np.zeros(22050), 22050, title="silence", lanes=[Lane.beats([0.25, 0.75])])
    >>> player.seek(0.5)
    >>> player.duration, player.time
    (1.0, 0.5)
    >>> player.regions = [(0.25, 0.75, "a bar")]
    >>> player.regions
       start   end  label
    0   0.25  0.75  a bar
    """

    _esm = script(*PLAYER)
    _css = style("controls", "player")

    time = traitlets.Float(0.0, read_only=True)
    playing = traitlets.Bool(False).tag(sync=True)
    loop = traitlets.Tuple(traitlets.Float(), traitlets.Float(), default_value=None, allow_none=True).tag(sync=True)
    view = traitlets.Tuple(traitlets.Float(), traitlets.Float(), default_value=None, allow_none=True).tag(sync=True)
    speed = traitlets.Float(1.0, min=0.25, max=2.0).tag(sync=True)
    volume = traitlets.Float(1.0, min=0.0, max=1.0).tag(sync=True)
    muted = traitlets.List(traitlets.Unicode()).tag(sync=True)
    soloed = traitlets.List(traitlets.Unicode()).tag(sync=True)
    frequency_axis = traitlets.Enum(("mel", "linear", "log"), "mel").tag(sync=True)
    fmin = traitlets.Float(0.0).tag(sync=True)
    fmax = traitlets.Float(None, allow_none=True).tag(sync=True)
    dynamic_range = traitlets.Float(90.0, min=20.0, max=100.0).tag(sync=True)

    _report = traitlets.Tuple(traitlets.Int(), traitlets.Float(), default_value=(0, 0.0)).tag(
        sync=True, echo_update=False
    )  # index of the loaded sound, and its time
    _seek = traitlets.Tuple(traitlets.Int(), traitlets.Float(), default_value=(0, 0.0)).tag(sync=True)  # count and time
    _scene = traitlets.Dict().tag(sync=True)  # everything except bytes
    _sound = traitlets.Bytes().tag(sync=True)  # one FLAC file per track
    _levels = traitlets.Bytes().tag(sync=True)  # uint8, shape (tracks, n_mels, columns)
    _outline = traitlets.Bytes().tag(sync=True)  # int8, shape (tracks, columns, 2)
    answered = traitlets.Int(0).tag(sync=True)  # number of messages; see awaitAnswers in plots/browser/element.js
    _colours = traitlets.Bytes(colour_map(plots.LEVELS)).tag(sync=True)  # uint8, shape (256, 4)

    def __init__(
        self,
        waveform: np.ndarray | Mapping[str, np.ndarray],
        sample_rate: int,
        title: str = "",
        lanes: Sequence[Lane] = (),
        preview: float | None = None,
    ):
        super().__init__()
        self.on_msg(self._answer)
        self.load(waveform, sample_rate, title, lanes, preview)

    def load(self, waveform, sample_rate: int, title: str = "", lanes=(), preview: float | None = None) -> None:
        """Load another sound into the player, paused at its start.

        A sound of the same duration keeps the visible part and the frequency range.

        Parameters
        ----------
        waveform : array, or dict of str to array
            As in :class:`Player`.
        sample_rate : int, Hz
            As in :class:`Player`.
        title : str
            As in :class:`Player`.
        lanes : sequence of Lane
            As in :class:`Player`.
        preview : float, s, optional
            As in :class:`Player`.

        Raises
        ------
        AudioError
            As in :class:`Player`. The previous sound stays.

        Examples
        --------
        >>> player = Player(np.zeros(22050), 22050)
        >>> player.load(np.zeros(44100), 22050, title="longer silence")
        >>> player.duration
        2.0
        """
        tracks = _tracks(waveform, sample_rate)
        waveforms, sample_rate = list(tracks.values()), int(sample_rate)
        duration = waveforms[0].shape[-1] / sample_rate
        if duration > LONGEST:
            raise AudioError(
                f"Player: expected at most {LONGEST:g} s, found {duration:,.1f} s; "
                f"cut it: waveform[..., : {LONGEST:g} * sample_rate]"
            )
        pictures = [sound.mel_picture(waveform, sample_rate) for waveform in waveforms]
        points, reach = sound.outlines(waveforms, sound.most_columns(duration))
        is_long = duration > WHOLE
        if is_long:
            files = [sound.encode_part(waveform, sample_rate, 0, PART) for waveform in waveforms]
            rate, loss = sound.stream_rate(sample_rate), ""
        else:
            files, rate, loss = sound.encode_stream(waveforms, sample_rate)
        self._waveforms, self._rate, self._pictures = waveforms, sample_rate, pictures
        self._lanes, self._preview = lanes, preview
        gain = sound.gain(waveforms)
        quieter = (
            f"played {-20 * np.log10(gain):.1f} dB lower, so that the tracks together don't clip" if gain < 1 else ""
        )
        is_silent = not any(np.any(waveform) for waveform in waveforms)
        with self.hold_sync():  # one message
            self.playing, self.loop, self.muted, self.soloed, self._regions = False, None, [], [], []
            if duration != self._scene.get("duration"):
                self.view, self.fmin, self.fmax = None, 0.0, None
            self._scene = {
                "count": self._scene.get("count", 0) + 1,
                "title": title,
                "duration": duration,
                "rate": rate,
                "part": PART if is_long else None,
                "tracks": [{"title": name, "bytes": len(file)} for name, file in zip(tracks, files, strict=True)],
                "note": "; ".join(filter(None, ["silent" if is_silent else "", loss, quieter])),
                "gain": gain,
                "reach": reach,
                "rows": pictures[0].levels.shape[0],
                "columnSeconds": pictures[0].column_seconds,
                "edges": np.round(pictures[0].edges, 2).tolist(),
                "floor": sound.FLOOR,
                "step": sound.STEP,
                "range": [sound.QUIETEST, sound.LOUDEST],
                "lanes": [lane.to_dict() for lane in lanes],
            }
            self._sound, self._outline = b"".join(files), points.tobytes()
            self._levels = b"".join(picture.levels.tobytes() for picture in pictures)
            self._report = (self._scene["count"], 0.0)

    @property
    def duration(self) -> float:
        return self._scene["duration"]

    def seek(self, time: float) -> None:
        """Move the playhead to a position in the sound.

        Parameters
        ----------
        time : float, s
            New position. A position before the start or after the end moves the playhead to the start or the end.

        Examples
        --------
        >>> player = Player(np.zeros(22050), 22050)
        >>> player.seek(5)
        >>> player.time
        1.0
        """
        time = min(max(0.0, time), self.duration)
        self._report = (self._scene["count"], time)
        self._seek = (self._seek[0] + 1, time)  # the count makes a second seek to the same time a change

    def _answer(self, _, message: dict, __) -> None:
        if (part := message.get("part")) is not None:
            files = [sound.encode_part(waveform, self._rate, part, PART) for waveform in self._waveforms]
            answer = {"part": part, "count": self._scene["count"], "lengths": [len(file) for file in files]}
            self.send(answer, [b"".join(files)])
        self.answered += 1

    @traitlets.observe("_report")
    def _follow(self, change):
        count, time = change["new"]
        if count == self._scene.get("count"):  # ignore late reports about the previous sound
            self.set_trait("time", time)

    @traitlets.validate("loop", "view")
    def _check_stretch(self, proposal):
        stretch, name = proposal["value"], proposal["trait"].name
        if stretch is not None and not 0 <= stretch[0] < stretch[1] <= self.duration * (1 + 1e-9):
            raise AudioError(
                f"Player: expected a {name} (start, end) in s with 0 <= start < end <= {self.duration:g}, found "
                f"{stretch}; use None to {'end the loop' if name == 'loop' else 'show all'}"
            )
        return stretch

    def still(self) -> Still:
        """Draw the static picture that replaces the player where widgets can't be shown.

        Returns
        -------
        Still
            Picture of lanes, waveform and spectrogram, with the first seconds of the sound.
        """
        waveforms, rate = self._waveforms, self._rate
        audio = waveforms[0]
        audio = audio.mean(axis=0) if audio.ndim == 2 and len(audio) > 2 else audio
        channels = 1 if audio.ndim == 1 else len(audio)
        seconds = self._preview or STILL_BYTES / (2 * channels * min(rate, sound.PREVIEW_RATE))
        peak = max(float(np.abs(waveform).max()) for waveform in waveforms)
        level = f"peak at {20 * np.log10(peak):z.1f} dBFS" if peak else "silence"
        lanes = f"; lanes: {', '.join(lane.name for lane in self._lanes)}" if self._lanes else ""
        names = [track["title"] for track in self._scene["tracks"]]
        tracks = f"; tracks: {', '.join(names)}" if len(names) > 1 else ""
        title = self._scene["title"] or "Sound"
        alt = f"{title}: waveform and log-mel spectrogram of {self.duration:.2f} s, {level}{tracks}{lanes}"
        stretch = f"The first {seconds:.1f} s of {self.duration:.1f} s" if seconds < self.duration else ""
        caption = ", ".join(filter(None, [names[0] if tracks else "", stretch]))
        points = np.frombuffer(self._outline, np.int8).reshape(len(waveforms), -1, 2)
        figure = figure_of(self._lanes, self._pictures, points, self._scene["reach"], self.duration)
        settings = {
            "title": names[0] if tracks else self._scene["title"],  # a still has room for one sound
            "lanes": [asdict(lane) for lane in self._lanes],
        }
        preview = sound.encode_preview(audio, rate, seconds)
        return Still(as_png(figure), alt, preview, caption and f"{caption}:", settings)


def _tracks(waveform, sample_rate) -> dict[str, np.ndarray]:
    """Check a waveform or a dict of waveforms, and return waveforms of one duration by title."""
    if not isinstance(waveform, Mapping):
        return {"": sound.check_sound(waveform, sample_rate, "Player")}
    if not 1 <= len(waveform) <= MOST_TRACKS:
        raise AudioError(f"Player: expected 1 to {MOST_TRACKS} waveforms in the dict, found {len(waveform)}")
    tracks = {str(title): sound.check_sound(one, sample_rate, f"Player: {title}") for title, one in waveform.items()}
    samples = max(track.shape[-1] for track in tracks.values())
    return {title: fix_length(track, samples) for title, track in tracks.items()}


def play(waveform: np.ndarray, sample_rate: int, seconds: float = PREVIEW_SECONDS) -> Player:
    """Create a player for the first seconds of a sound.

    The notebook also stores the sound as 16-bit WAV with at most 22,050 Hz, for pages that can't run widgets, such as
    GitHub. A short sound keeps the notebook small.

    Parameters
    ----------
    waveform : float array in [-1, 1] or int16 array, shape (samples,) or (channels, samples)
        Sound to play.
    sample_rate : int, Hz
        Sample rate of the sound.
    seconds : float, s
        Duration to play, by default 5 s.

    Returns
    -------
    Player
        Player for this part of the sound. Jupyter shows it if it is the last value of a cell.

    Raises
    ------
    AudioError
        As in :class:`Player`, or if ``seconds`` is shorter than one sample.

    Examples
    --------
    >>> play(np.zeros(44100), 22050, seconds=1).duration
    1.0
    """
    waveform = sound.check_sound(waveform, sample_rate, "play")
    samples = round(seconds * sample_rate)
    if samples < 1:
        raise AudioError(f"play: {seconds} s is shorter than one sample; choose a longer duration, such as seconds=5")
    return Player(waveform[..., :samples], sample_rate, preview=seconds)
