"""The still of a sound: tracks, waveform and spectrogram as a small picture, with the first seconds to hear."""

from collections.abc import Sequence

import numpy as np

from musiclab import plots
from musiclab.widgets.picture import FLOOR, LOUDEST, QUIETEST, STEP, Picture, outline, picture
from musiclab.widgets.sound import PREVIEW_RATE, preview
from musiclab.widgets.still import Still, as_png
from musiclab.widgets.tracks import Track

SOUND_BYTES = 170_000
"""Bytes of sound in a still: 3.8 s of mono at 22,050 Hz. With the picture, in base64, it stays under 300 kB."""

_CELLS = (300, 48)  # columns and rows of the spectrogram at most: what 15 kB can hold


def still_of(
    waveform: np.ndarray,
    sample_rate: int,
    *,
    title: str = "",
    tracks: Sequence[Track] = (),
    seconds: float | None = None,
    view: Picture | None = None,
) -> Still:
    """What stands in for a player.

    Parameters
    ----------
    waveform : float array, shape (samples,) or (channels, samples)
        From :func:`musiclab.widgets.sound.checked`.
    sample_rate
        Hz.
    title, tracks
        As for :class:`~musiclab.widgets.player.Player`.
    seconds
        Of the sound in it; as many as :data:`SOUND_BYTES` hold if left out.
    view
        The picture, where it is known already.
    """
    duration = waveform.shape[-1] / sample_rate
    view = view or picture(waveform, sample_rate)
    sound = waveform.mean(axis=0) if waveform.ndim == 2 and len(waveform) > 2 else waveform
    if seconds is None:
        channels = 1 if sound.ndim == 1 else len(sound)
        seconds = SOUND_BYTES / (2 * channels * min(sample_rate, PREVIEW_RATE))
    peak = float(np.abs(waveform).max())
    level = f"peak at {20 * np.log10(peak):z.1f} dB of full scale" if peak else "silence"
    above = f"; above it {', '.join(track.name for track in tracks)}" if tracks else ""
    alt = f"{title or 'Sound'}: waveform and log-mel spectrogram of {duration:.2f} s, {level}{above}"
    caption = f"The first {seconds:.1f} s of {duration:.1f} s:" if seconds < duration else ""
    return Still(_drawn(waveform, duration, view, tracks), alt, preview(sound, sample_rate, seconds), caption)


def _drawn(waveform: np.ndarray, duration: float, view: Picture, tracks: Sequence[Track]) -> bytes:
    from matplotlib.figure import Figure

    heights = [track.height for track in tracks] + [40, 110]
    figure = Figure(figsize=(7, (sum(heights) + 60) / 100))  # at 100 pixels an inch
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights, hspace=0.12)
    whole = sum(heights) + 60  # faster than a layout that is computed: there may be many players in a notebook
    grid.update(left=0.1, right=0.985, top=1 - 8 / whole, bottom=40 / whole)
    axes = grid.subplots(sharex=True, squeeze=False)[:, 0]
    for track, ax in zip(tracks, axes, strict=False):
        track.draw(ax)
    *_, wave, levels = axes

    points, reach = outline(waveform)
    time = np.linspace(0, duration, len(points), endpoint=False)
    wave.fill_between(time, *(points.T / 127 * reach), color=plots.PALETTE[0], linewidth=0.6)
    wave.set(ylim=(-reach, reach), yticks=[-reach, 0, reach])
    wave.tick_params(labelsize=7, bottom=False, labelbottom=False)

    bands, columns = view.levels.shape
    half = view.column_seconds / 2  # a column is centred on its time
    levels.imshow(
        _coarser(view.levels), origin="lower", aspect="auto", cmap=plots.LEVELS, interpolation="nearest",
        extent=(-half, columns * view.column_seconds - half, 0, bands),
        vmin=(QUIETEST - FLOOR) / STEP, vmax=(LOUDEST - FLOOR) / STEP,
    )  # fmt: skip
    marks = [hertz for hertz in (100, 500, 1000, 2000, 4000, 8000, 16000) if hertz <= view.edges[-1]]
    levels.set_yticks(np.interp(marks, view.edges, np.arange(bands + 2) - 0.5), [f"{hertz:,}" for hertz in marks])
    levels.tick_params(labelsize=7)
    levels.set_xlim(0, duration)
    levels.set_xlabel("time (s)", fontsize=8)
    levels.set_ylabel("Hz (mel scale)", fontsize=8)
    return as_png(figure)


def _coarser(levels: np.ndarray) -> np.ndarray:
    """Levels in fewer cells and in steps of 4 dB: a picture that is less like noise takes a fraction of the bytes."""
    columns, rows = _CELLS
    across, up = (max(1, -(-size // most)) for size, most in ((levels.shape[1], columns), (levels.shape[0], rows)))
    levels = np.maximum.reduceat(levels, np.arange(0, levels.shape[1], across), axis=1)
    levels = np.maximum.reduceat(levels, np.arange(0, levels.shape[0], up), axis=0)
    return levels // 10 * 10
