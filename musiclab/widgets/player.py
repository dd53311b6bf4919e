"""Play a sound beside its picture, with a playhead on one time axis."""

from collections.abc import Sequence

import anywidget
import numpy as np
import traitlets
from matplotlib.figure import Figure

from musiclab import plots
from musiclab.core.errors import AudioError
from musiclab.widgets import sound
from musiclab.widgets.scripts import script, style
from musiclab.widgets.still import Still, WithStill, as_png
from musiclab.widgets.tracks import Track

LONGEST = 600.0  # seconds that a player takes at most: 10 minutes are up to 20 MB for the browser
PREVIEW_SECONDS = 5.0  # length of what :func:`play` plays, so that a notebook stays small

# Bytes of sound in a still: 3.8 s of mono at 22,050 Hz. With the picture, in base64, it stays under 300 kB.
STILL_BYTES = 170_000
_STILL_CELLS = (300, 48)  # columns and rows of the spectrogram at most: what 15 kB can hold
_MARKS = (100, 500, 1000, 2000, 4000, 8000, 16000)  # Hz


class Player(WithStill, anywidget.AnyWidget):
    """Play a sound beside its waveform and log-mel spectrogram, with a playhead on one time axis.

    Click or use the arrow keys (0.1 s; with Shift 1 s) to seek, Home and End for the ends, drag a stretch to loop it,
    Escape to end the loop, Space to play and pause. Frequency and level under the pointer are shown beside the clock.

    Nothing is made louder: amplitudes are on a labelled axis, levels are in dB relative to a sine of full scale with
    the same colours for every sound. More than two channels are heard as their mean. The browser gets the sound without
    loss up to 48 kHz if that is under 1 MB for 30 s. Otherwise it gets 22,050 Hz, mono or 16,000 Hz, and the player
    says so.

    Parameters
    ----------
    waveform : float array in [-1, 1] or int16 array, shape (samples,) or (channels, samples)
        At most 10 minutes. AudioError if it is longer, empty, not finite or of another shape.
    sample_rate
        Hz.
    title
        Name of the sound, for screen readers as well.
    tracks
        Rows above the waveform, see :class:`Track`.
    preview
        Seconds of sound in the still of a committed notebook; by default as many as 170 kB hold.

    Attributes
    ----------
    time, duration : float
        Position, reported by the browser about five times per second (:meth:`seek` changes it), and length, in s.
    playing : bool
        Set it to play or pause. The end of the sound makes it False.
    loop : tuple of float, or None
        Start and end in s of the stretch that is repeated.

    Examples
    --------
    >>> player = Player(np.zeros(22050), 22050, title="silence", tracks=[Track.beats([0.25, 0.75])])
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
    )  # which of the loaded sounds, and its time
    _seek = traitlets.Tuple(traitlets.Int(), traitlets.Float(), default_value=(0, 0.0)).tag(sync=True)  # count and time
    _scene = traitlets.Dict().tag(sync=True)  # all that is not bytes
    _sound = traitlets.Bytes().tag(sync=True)  # FLAC
    _levels = traitlets.Bytes().tag(sync=True)  # uint8, shape (n_mels, columns)
    _outline = traitlets.Bytes().tag(sync=True)  # int8, shape (columns, 2)
    _colours = traitlets.Bytes(sound.colour_map(plots.LEVELS)).tag(sync=True)  # uint8, shape (256, 3)

    def __init__(
        self,
        waveform: np.ndarray,
        sample_rate: int,
        title: str = "",
        tracks: Sequence[Track] = (),
        preview: float | None = None,
    ):
        super().__init__()
        self.load(waveform, sample_rate, title, tracks, preview)

    def load(self, waveform, sample_rate: int, title: str = "", tracks=(), preview: float | None = None) -> None:
        """Replace the sound by another one, stopped at its beginning; the parameters are those of the class."""
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
        self._tracks, self._preview = tracks, preview
        with self.hold_sync():  # one message
            self.playing, self.loop = False, None
            count = self._scene.get("count", 0) + 1
            self._report = (count, 0.0)
            self.set_trait("time", 0.0)
            self._scene = {
                "count": count,
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
                "tracks": [track.to_dict() for track in tracks],
            }
            self._sound, self._levels, self._outline = stream, picture.levels.tobytes(), points.tobytes()

    @property
    def duration(self) -> float:
        return self._scene["duration"]

    def seek(self, time: float) -> None:
        """Go to a time in s, or to the nearer end of the sound."""
        time = min(max(0.0, time), self.duration)
        self._report = (self._scene["count"], time)
        self._seek = (self._seek[0] + 1, time)  # counted, because the sound may have gone on since the same wish

    @traitlets.observe("_report")
    def _follow(self, change):
        count, time = change["new"]
        if count == self._scene.get("count"):  # otherwise it was on its way when another sound was loaded
            self.set_trait("time", time)

    @traitlets.validate("loop")
    def _check_loop(self, proposal):
        loop = proposal["value"]
        if loop is not None and not 0 <= loop[0] < loop[1] <= self.duration * (1 + 1e-9):
            raise AudioError(
                f"Player: expected a loop (start, end) in s with 0 <= start < end <= {self.duration:g}, found {loop}; "
                "None ends it"
            )
        return loop

    def still(self) -> Still:
        """Return tracks, waveform and spectrogram as a small picture, with the first seconds of the sound."""
        waveform, rate = self._waveform, self._rate
        heard = waveform.mean(axis=0) if waveform.ndim == 2 and len(waveform) > 2 else waveform
        channels = 1 if heard.ndim == 1 else len(heard)
        seconds = self._preview or STILL_BYTES / (2 * channels * min(rate, sound.PREVIEW_RATE))
        peak = float(np.abs(waveform).max())
        level = f"peak at {20 * np.log10(peak):z.1f} dB of full scale" if peak else "silence"
        above = f"; above it {', '.join(track.name for track in self._tracks)}" if self._tracks else ""
        title = self._scene["title"] or "Sound"
        alt = f"{title}: waveform and log-mel spectrogram of {self.duration:.2f} s, {level}{above}"
        caption = f"The first {seconds:.1f} s of {self.duration:.1f} s:" if seconds < self.duration else ""
        return Still(as_png(self._figure()), alt, sound.encode_preview(heard, rate, seconds), caption)

    def _figure(self) -> Figure:
        heights = [track.height for track in self._tracks] + [40, 110]
        total = sum(heights) + 60
        figure = Figure(figsize=(7, total / 100))  # at 100 pixels per inch
        grid = figure.add_gridspec(len(heights), 1, height_ratios=heights, hspace=0.12)
        # faster than a layout that is computed: there may be many players in a notebook
        grid.update(left=0.1, right=0.985, top=1 - 8 / total, bottom=40 / total)
        axes = grid.subplots(sharex=True, squeeze=False)[:, 0]
        for track, ax in zip(self._tracks, axes, strict=False):
            track.draw(ax)
        *_, wave, levels = axes

        points, reach = sound.outline(self._waveform)
        time = np.linspace(0, self.duration, len(points), endpoint=False)
        wave.fill_between(time, *(points.T / 127 * reach), color=plots.PALETTE[0], linewidth=0.6)
        wave.set(ylim=(-reach, reach), yticks=[-reach, 0, reach])
        wave.tick_params(labelsize=7, bottom=False, labelbottom=False)

        picture = self._picture
        bands, columns = picture.levels.shape
        half = picture.column_seconds / 2  # a column is centred on its time
        coarse, _, _ = sound.block_maxima(picture.levels, *_STILL_CELLS)  # and in steps of 4 dB: few bytes
        levels.imshow(
            coarse // 10 * 10, origin="lower", aspect="auto", cmap=plots.LEVELS, interpolation="nearest",
            extent=(-half, columns * picture.column_seconds - half, 0, bands),
            vmin=(sound.QUIETEST - sound.FLOOR) / sound.STEP, vmax=(sound.LOUDEST - sound.FLOOR) / sound.STEP,
        )  # fmt: skip
        marks = [hertz for hertz in _MARKS if hertz <= picture.edges[-1]]
        rows = np.interp(marks, picture.edges, np.arange(bands + 2) - 0.5)
        levels.set_yticks(rows, [f"{hertz:,}" for hertz in marks])
        levels.tick_params(labelsize=7)
        levels.set_xlim(0, self.duration)
        levels.set_xlabel("time (s)", fontsize=8)
        levels.set_ylabel("Hz (mel scale)", fontsize=8)
        return figure


def play(waveform: np.ndarray, sample_rate: int, seconds: float = PREVIEW_SECONDS) -> Player:
    """Make a player for the first ``seconds`` of a sound, at the level it has: nothing is made louder.

    Sound and errors are those of :class:`Player`. The still, for a committed notebook and wherever widgets cannot be
    shown, holds all of it as 16-bit WAV of at most 22,050 Hz.

    Examples
    --------
    >>> play(np.zeros(44100), 22050, seconds=1).duration
    1.0
    """
    waveform = sound.check_sound(waveform, sample_rate, "play")
    samples = round(seconds * sample_rate)
    if samples < 1:
        raise AudioError(f"play: expected seconds enough for one sample, found {seconds}; leave it out for 5 s")
    return Player(waveform[..., :samples], sample_rate, preview=seconds)
