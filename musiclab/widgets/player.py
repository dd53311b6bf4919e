"""Play a sound with its waveform and log-mel spectrogram."""

from collections.abc import Sequence

import anywidget
import numpy as np
import traitlets
from matplotlib.figure import Figure

from musiclab import plots
from musiclab.core.errors import AudioError
from musiclab.plots.browser import colour_map, script, style
from musiclab.widgets import sound
from musiclab.widgets.lanes import Lane
from musiclab.widgets.still import Still, WithStill, as_png

LONGEST = 600.0  # longest sound in s: the browser receives up to 20 MB for 10 minutes
PREVIEW_SECONDS = 5.0  # default duration of :func:`play`, which keeps notebooks small

# Bytes of sound in a still: 3.8 s of mono at 22,050 Hz. Picture and sound together stay below 300 kB in base64.
STILL_BYTES = 170_000
_STILL_CELLS = (300, 48)  # most columns and rows of the spectrogram in a still, which keeps it below 15 kB
_TICKS = (100, 500, 1000, 2000, 4000, 8000, 16000)  # Hz


class Player(WithStill, anywidget.AnyWidget):
    """A player for a sound, with its waveform, its log-mel spectrogram and a playhead.

    Space plays and pauses. Click, or use the arrow keys (0.1 s, with Shift 1 s), Home or End, to seek. Drag to loop a
    part of the sound; Escape ends the loop. Frequency and level under the pointer are shown beside the clock.

    Sounds are not normalised. Levels are in dB relative to a full-scale sine, with the same colours for every sound.
    Sounds with more than two channels are mixed to mono.

    The browser receives the sound without loss, at up to 48 kHz, if 30 s need less than 1 MB. Otherwise the sound is
    reduced to 22,050 Hz, mono or 16,000 Hz, and the player shows a note.

    Parameters
    ----------
    waveform : float array in [-1, 1] or int16 array, shape (samples,) or (channels, samples)
        Sound of at most 10 minutes.
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
    loop : tuple of (float, float), or None
        Start and end in s of the repeated part. Set it to start a loop, or to None to end it.

    Raises
    ------
    AudioError
        If the waveform is too long, empty, not finite or has the wrong shape or type, if the sample rate is not a
        positive number, or if a loop doesn't lie within the sound.

    Examples
    --------
    >>> player = Player(np.zeros(22050), 22050, title="silence", lanes=[Lane.beats([0.25, 0.75])])
    >>> player.seek(0.5)
    >>> player.duration, player.time
    (1.0, 0.5)
    """

    _esm = script("canvas", "player_parts", "player")
    _css = style("player")

    time = traitlets.Float(0.0, read_only=True)
    playing = traitlets.Bool(False).tag(sync=True)
    loop = traitlets.Tuple(traitlets.Float(), traitlets.Float(), default_value=None, allow_none=True).tag(sync=True)

    _report = traitlets.Tuple(traitlets.Int(), traitlets.Float(), default_value=(0, 0.0)).tag(
        sync=True, echo_update=False
    )  # index of the loaded sound, and its time
    _seek = traitlets.Tuple(traitlets.Int(), traitlets.Float(), default_value=(0, 0.0)).tag(sync=True)  # count and time
    _scene = traitlets.Dict().tag(sync=True)  # everything except bytes
    _sound = traitlets.Bytes().tag(sync=True)  # FLAC
    _levels = traitlets.Bytes().tag(sync=True)  # uint8, shape (n_mels, columns)
    _outline = traitlets.Bytes().tag(sync=True)  # int8, shape (columns, 2)
    _colours = traitlets.Bytes(colour_map(plots.LEVELS)).tag(sync=True)  # uint8, shape (256, 3)

    def __init__(
        self,
        waveform: np.ndarray,
        sample_rate: int,
        title: str = "",
        lanes: Sequence[Lane] = (),
        preview: float | None = None,
    ):
        super().__init__()
        self.load(waveform, sample_rate, title, lanes, preview)

    def load(self, waveform, sample_rate: int, title: str = "", lanes=(), preview: float | None = None) -> None:
        """Load another sound into the player, paused at its start.

        Parameters
        ----------
        waveform : array
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
        waveform, sample_rate = sound.check_sound(waveform, sample_rate, "Player"), int(sample_rate)
        duration = waveform.shape[-1] / sample_rate
        if duration > LONGEST:
            raise AudioError(
                f"Player: expected at most {LONGEST:g} s, found {duration:,.1f} s; "
                f"cut it: waveform[..., : {LONGEST:g} * sample_rate]"
            )
        picture = sound.mel_picture(waveform, sample_rate)
        points, reach = sound.outline(waveform)
        stream, loss = sound.encode_stream(waveform, sample_rate)
        self._waveform, self._rate, self._picture = waveform, sample_rate, picture
        self._lanes, self._preview = lanes, preview
        with self.hold_sync():  # one message
            self.playing, self.loop = False, None
            self._scene = {
                "count": self._scene.get("count", 0) + 1,
                "title": title,
                "duration": duration,
                "note": "; ".join(filter(None, ["silent" if not np.any(waveform) else "", loss])),
                "reach": reach,
                "rows": picture.levels.shape[0],
                "columnSeconds": picture.column_seconds,
                "edges": np.round(picture.edges, 2).tolist(),
                "floor": sound.FLOOR,
                "step": sound.STEP,
                "range": [sound.QUIETEST, sound.LOUDEST],
                "lanes": [lane.to_dict() for lane in lanes],
            }
            self._sound, self._levels, self._outline = stream, picture.levels.tobytes(), points.tobytes()
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

    @traitlets.observe("_report")
    def _follow(self, change):
        count, time = change["new"]
        if count == self._scene.get("count"):  # ignore late reports about the previous sound
            self.set_trait("time", time)

    @traitlets.validate("loop")
    def _check_loop(self, proposal):
        loop = proposal["value"]
        if loop is not None and not 0 <= loop[0] < loop[1] <= self.duration * (1 + 1e-9):
            raise AudioError(
                f"Player: expected a loop (start, end) in s with 0 <= start < end <= {self.duration:g}, found {loop}; "
                "use None to end the loop"
            )
        return loop

    def still(self) -> Still:
        """Draw the static picture that replaces the player where widgets can't be shown.

        Returns
        -------
        Still
            Picture of lanes, waveform and spectrogram, with the first seconds of the sound.
        """
        waveform, rate = self._waveform, self._rate
        audio = waveform.mean(axis=0) if waveform.ndim == 2 and len(waveform) > 2 else waveform
        channels = 1 if audio.ndim == 1 else len(audio)
        seconds = self._preview or STILL_BYTES / (2 * channels * min(rate, sound.PREVIEW_RATE))
        peak = float(np.abs(waveform).max())
        level = f"peak at {20 * np.log10(peak):z.1f} dBFS" if peak else "silence"
        lanes = f"; lanes: {', '.join(lane.name for lane in self._lanes)}" if self._lanes else ""
        title = self._scene["title"] or "Sound"
        alt = f"{title}: waveform and log-mel spectrogram of {self.duration:.2f} s, {level}{lanes}"
        caption = f"The first {seconds:.1f} s of {self.duration:.1f} s:" if seconds < self.duration else ""
        return Still(as_png(self._figure()), alt, sound.encode_preview(audio, rate, seconds), caption)

    def _figure(self) -> Figure:
        heights = [lane.height for lane in self._lanes] + [40, 110]
        total = sum(heights) + 60
        figure = Figure(figsize=(7, total / 100))  # at 100 pixels per inch
        grid = figure.add_gridspec(len(heights), 1, height_ratios=heights, hspace=0.12)
        # faster than a computed layout, because a notebook may have many players
        grid.update(left=0.1, right=0.985, top=1 - 8 / total, bottom=40 / total)
        axes = grid.subplots(sharex=True, squeeze=False)[:, 0]
        for lane, ax in zip(self._lanes, axes, strict=False):
            lane.draw(ax)
        *_, wave, levels = axes

        points, reach = sound.outline(self._waveform)
        time = np.linspace(0, self.duration, len(points), endpoint=False)
        wave.fill_between(time, *(points.T / 127 * reach), color=plots.PALETTE[0], linewidth=0.6)
        wave.set(ylim=(-reach, reach), yticks=[-reach, 0, reach])
        wave.tick_params(labelsize=7, bottom=False, labelbottom=False)

        picture = self._picture
        bands, columns = picture.levels.shape
        half = picture.column_seconds / 2  # a column is centred on its time
        coarse, _, _ = sound.block_maxima(picture.levels, *_STILL_CELLS)  # coarse, in steps of 4 dB, to save bytes
        levels.imshow(
            coarse // 10 * 10, origin="lower", aspect="auto", cmap=plots.LEVELS, interpolation="nearest",
            extent=(-half, columns * picture.column_seconds - half, 0, bands),
            vmin=(sound.QUIETEST - sound.FLOOR) / sound.STEP, vmax=(sound.LOUDEST - sound.FLOOR) / sound.STEP,
        )  # fmt: skip
        ticks = [hertz for hertz in _TICKS if hertz <= picture.edges[-1]]
        rows = np.interp(ticks, picture.edges, np.arange(bands + 2) - 0.5)
        levels.set_yticks(rows, [f"{hertz:,}" for hertz in ticks])
        levels.tick_params(labelsize=7)
        levels.set_xlim(0, self.duration)
        levels.set_xlabel("time (s)", fontsize=8)
        levels.set_ylabel("Hz (mel scale)", fontsize=8)
        return figure


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
