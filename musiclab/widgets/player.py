"""``Player``: hear a sound and see where in its picture you are."""

from collections.abc import Sequence

import anywidget
import numpy as np
import traitlets

from musiclab import plots
from musiclab.core.errors import AudioError
from musiclab.widgets import picture as seen
from musiclab.widgets import sound as heard
from musiclab.widgets.scripts import script, style
from musiclab.widgets.sound_still import still_of
from musiclab.widgets.still import Still, WithStill
from musiclab.widgets.tracks import Track

LONGEST = 600.0
"""Seconds that a player takes at most: 10 minutes are up to 20 MB for the browser."""


class _Position(traitlets.Float):
    """A time that is a wish to seek whenever Python sets it, also to what it is: the sound may have gone on since."""

    def set(self, obj, value) -> None:
        super().set(obj, value)
        if "time" not in obj._property_lock:  # which holds what the browser reports while it is set
            obj._seek = (obj._seek[0] + 1, obj.time)


class Player(WithStill, anywidget.AnyWidget):
    """Waveform and log-mel spectrogram of a sound on one time axis, with a playhead that follows what is heard.

    Click or use the arrow keys (0.1 s; with Shift 1 s) to seek, Home and End for the ends, drag a stretch to loop it,
    Escape to end the loop, Space to play and pause. Under the pointer it says frequency and level.

    Nothing is made louder: amplitudes are on a labelled axis, levels in dB under a sine of full scale with the same
    colours for every sound, and what is heard is at the level it has. More than two channels are heard as their mean.
    What the browser gets is lossless up to 48 kHz while that is under 1 MB for 30 s; else it is brought to 22,050 Hz,
    to mono and to 16,000 Hz until it is, and the player says so.

    Parameters
    ----------
    waveform : float array in [-1, 1] or int16 array, shape (samples,) or (channels, samples)
    sample_rate
        Hz.
    title
        Names it, to screen readers as well.
    tracks
        Rows above the waveform, see :class:`Track`.
    preview
        Seconds of sound in the still that stands in a committed notebook; as many as 170 kB hold if left out.

    Attributes
    ----------
    time : float
        Position in s. It follows the sound about five times a second; set it to seek.
    playing : bool
        Set it to play or pause. The end of the sound makes it False.
    loop : tuple of float, or None
        Start and end in s of the stretch that is repeated.
    duration : float
        In s.

    Raises
    ------
    AudioError
        There is no sample, one that is not finite, the shape is another, or it is longer than 10 minutes.
    """

    _esm = script("canvas", "player_parts", "player")
    _css = style("player")

    time = _Position(0.0).tag(sync=True, echo_update=False)  # only from the browser, see _should_send_property
    playing = traitlets.Bool(False).tag(sync=True)
    loop = traitlets.Tuple(traitlets.Float(), traitlets.Float(), default_value=None, allow_none=True).tag(sync=True)

    _seek = traitlets.Tuple(traitlets.Int(), traitlets.Float(), default_value=(0, 0.0)).tag(sync=True)
    _scene = traitlets.Dict().tag(sync=True)  # all that is not bytes
    _sound = traitlets.Bytes().tag(sync=True)  # FLAC
    _levels = traitlets.Bytes().tag(sync=True)  # uint8, shape (n_mels, columns)
    _outline = traitlets.Bytes().tag(sync=True)  # int8, shape (columns, 2)
    _colours = traitlets.Bytes().tag(sync=True)  # uint8, shape (256, 3)

    def __init__(
        self,
        waveform: np.ndarray,
        sample_rate: int,
        *,
        title: str = "",
        tracks: Sequence[Track] = (),
        preview: float | None = None,
    ):
        self._loading = False
        super().__init__(_colours=seen.colours(plots.LEVELS))
        self.load(waveform, sample_rate, title=title, tracks=tracks, preview=preview)

    def load(
        self,
        waveform: np.ndarray,
        sample_rate: int,
        *,
        title: str = "",
        tracks: Sequence[Track] = (),
        preview: float | None = None,
    ) -> None:
        """Put another sound in its place, stopped at its beginning; the parameters are those of the class."""
        waveform = heard.checked(waveform, sample_rate, "Player")
        sample_rate = int(sample_rate)
        duration = waveform.shape[-1] / sample_rate
        if duration > LONGEST:
            raise AudioError(
                f"Player: expected at most {LONGEST:g} s, found {duration:,.1f} s; "
                f"cut it: waveform[..., : {LONGEST:g} * sample_rate]"
            )
        view = seen.picture(waveform, sample_rate)
        points, reach = seen.outline(waveform)
        sound, given_up = heard.streamed(waveform, sample_rate)
        self._shown = {
            "waveform": waveform, "sample_rate": sample_rate, "title": title, "tracks": tuple(tracks),
            "seconds": preview, "view": view,
        }  # fmt: skip
        scene = {
            "title": title,
            "duration": duration,
            "note": "; ".join(filter(None, ["silent" if not np.any(waveform) else "", given_up])),
            "reach": reach,
            "rows": view.levels.shape[0],
            "columnSeconds": view.column_seconds,
            "edges": np.round(view.edges, 2).tolist(),
            "floor": seen.FLOOR,
            "step": seen.STEP,
            "range": [seen.QUIETEST, seen.LOUDEST],
            "tracks": [track.to_dict() for track in tracks],
        }
        self._loading = True  # the loop and time of the last sound may lie outside of this one
        with self.hold_sync():
            self.playing, self.loop, self.time = False, None, 0.0
            self._scene, self._sound = scene, sound
            self._levels, self._outline = view.levels.tobytes(), points.tobytes()
        self._loading = False

    @property
    def duration(self) -> float:
        """Length of the sound, in s."""
        return self._scene["duration"]

    @traitlets.validate("time")
    def _within(self, proposal) -> float:
        if self._loading or not self._scene:
            return proposal["value"]
        return min(max(0.0, proposal["value"]), self.duration)

    def _should_send_property(self, key, value) -> bool:
        # the browser alone knows where the sound is: a time from here could be older than what it has reported since
        return key != "time" and super()._should_send_property(key, value)

    @traitlets.validate("loop")
    def _a_stretch(self, proposal):
        loop = proposal["value"]
        if loop is not None and self._scene and not 0 <= loop[0] < loop[1] <= self.duration * (1 + 1e-9):
            raise AudioError(
                f"Player: expected a loop (start, end) in s with 0 <= start < end <= {self.duration:g}, found {loop}; "
                "None ends it"
            )
        return loop

    def still(self) -> Still:
        """The picture at rest, and the first seconds of the sound."""
        return still_of(**self._shown)
