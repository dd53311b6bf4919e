"""Lesson 00: a first answer, blind guessing, and a change that the classifier falls for."""

import tempfile
from pathlib import Path

import numpy as np

from musiclab.audio import save_audio
from musiclab.lessons import exercise
from musiclab.lessons.judging import Verdict, number, right, wrong

SHORTEST = 2.0
"""Seconds of a track for 00.3: of less, a summary of the sound says little."""


@exercise("00.1")
def tempo(answer) -> Verdict:
    """Beats a minute of one track."""
    from musiclab import studio

    return number(answer, studio.render("reggae", seed=12, seconds=1).record["tempo"], "beats a minute", within=0.005)


@exercise("00.2")
def blind_guessing(answer, result) -> Verdict:
    """Clips that a program names rightly, on the average, if it picks one of the classes blindly."""
    share = 1 / len(result.classes)
    if isinstance(answer, int | float | np.number) and np.isclose(answer, share):
        return wrong("that is the share of them; how many of the tested clips is it?")
    named = int((result.predictions == result.labels).sum())
    return number(answer, result.n * share, "clips", note=f"the model named {named} of {result.n} rightly")


@exercise("00.3")
def deception(answer, run) -> Verdict:
    """A track that the model names rightly, changed so that it no longer does."""
    from musiclab import studio
    from musiclab.runs.prediction import predict

    if not isinstance(answer, studio.Track):
        return wrong(f"expected what studio.render returns, found an object of type {type(answer).__name__}")
    record = answer.record
    genre, seconds = record["genre"], record["seconds"]
    if seconds < SHORTEST:
        return wrong(
            f"expected {SHORTEST:g} s or more, found {seconds:g} s: so short, anything can be taken for anything"
        )
    if not np.any(np.abs(answer.waveform) > 1e-3):
        return wrong("there is nothing left to hear")
    unchanged = studio.render(genre, record["seed"], seconds=seconds)
    if np.array_equal(unchanged.samples, answer.samples):
        return wrong("nothing is changed yet: give tempo=, key=, swing=, mute= or artist= to studio.render")
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / "unchanged.wav", Path(folder) / "changed.wav"]
        for file, track in zip(files, (unchanged, answer), strict=True):
            save_audio(file, track.samples, track.sample_rate)
        before, after = predict(run, files).files.to_dict("records")
    said = [f"{row['predicted']} ({row[row['predicted']]:.0%})" for row in (before, after)]
    if before["predicted"] != genre:
        return wrong(f"this {genre} track is taken for {said[0]} even unchanged; choose one that is named rightly")
    if after["predicted"] == genre:
        return wrong(f"still named {said[1]}; unchanged it was {said[0]}")
    return right(f"unchanged it is named {said[0]}, with your change {said[1]}")
