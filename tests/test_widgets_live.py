"""The classifier that listens: what the browser would send, and what the library says of the same sound as a file."""

import re

import numpy as np
import pytest
import torch
from conftest import TINY, noisy_sine, sine
from run_folders import CLASSES, make_untested
from test_widgets_clips import send

from musiclab import features
from musiclab.audio import resample, save_audio, to_int16
from musiclab.core.errors import AudioError, RunError
from musiclab.runs import load
from musiclab.widgets import LiveClassifier

RATE = 48000  # what most browsers record at


def make_run(folder, name="cnn"):
    feature = {"m5": "audio", "cnn": "logmel", "mlp": "summary", "lstm": "sequence"}[name]
    settings = features.config(feature, {"sample_rate": 8000} if feature == "audio" else None).to_dict()
    make_untested(folder, name, settings, **TINY[name])
    return folder


@pytest.fixture
def live(tmp_path):
    return LiveClassifier(make_run(tmp_path / "run"))


def listen(live, waveform, rate=RATE, part=0.5):
    """Send a sound as the browser does, part by part, to its end."""
    send(live._microphone, {"event": "start", "rate": rate})
    samples = to_int16(waveform)
    size = round(part * rate)
    for start in range(0, len(samples), size):
        send(live._microphone, {"event": "part"}, [memoryview(samples[start : start + size].astype("<i2").tobytes())])
    heard = live.probabilities
    send(live._microphone, {"event": "stop"})
    return heard


@pytest.mark.parametrize("name", ["cnn", "m5", "mlp", "lstm"])
def test_the_last_part_is_named_as_the_same_sound_in_a_file(name, tmp_path):
    run = make_run(tmp_path / "run", name)
    live = LiveClassifier(run)
    waveform = noisy_sine(800.0, 0, 1.5 * live.seconds)
    waveform = resample(waveform, 22050, RATE)
    heard = listen(live, waveform, part=live.seconds / 2)
    last = to_int16(waveform)[-round(live.seconds * RATE) :]
    file = save_audio(tmp_path / "last.wav", last, RATE)
    np.testing.assert_allclose(heard, load(run).predict(file).probabilities[0], atol=2e-3)
    assert heard.sum() == pytest.approx(1)


def test_each_part_is_answered_and_drawn(live):
    before, drawn = live._microphone.answered, []
    live._microphone.observe(lambda change: drawn.append(change.new), "lane")
    listen(live, sine(440.0, 2.0, RATE))
    assert live._microphone.answered == before + 6  # a start, four parts and an end
    assert drawn[-1] == {}  # at the end the player has it
    assert drawn[-2]["edges"] == [0, 0.5, 1.0, 1.5, 2.0]
    assert drawn[-2]["classes"] == CLASSES
    np.testing.assert_allclose(np.sum(drawn[-2]["probabilities"], axis=1), 1, atol=0.002)


def test_at_its_end_the_sound_can_be_played_with_what_was_heard_above_it(live):
    waveform = sine(440.0, 4.0, RATE)
    listen(live, waveform)
    assert live.player.duration == pytest.approx(4.0)
    assert live.edges[0] == 0
    assert live.edges[-1] == pytest.approx(4.0)
    assert live.timeline.shape == (len(live.edges) - 1, 3)
    np.testing.assert_allclose(live.timeline.sum(axis=1), 1)
    assert live.status.startswith("the microphone: 4.0 s, most likely ")
    first = live.player
    listen(live, sine(440.0, 2.0, RATE))
    assert live.player is first
    assert first.duration == pytest.approx(2.0)


def test_the_first_part_is_named_before_there_is_a_whole_window(tmp_path):
    for name in ("cnn", "mlp"):
        run = make_run(tmp_path / name, name)
        live = LiveClassifier(run)
        waveform = resample(noisy_sine(800.0, 0, 0.5), 22050, RATE)
        named = load(run).predict(save_audio(tmp_path / "part.wav", waveform, RATE)).probabilities[0]
        heard = listen(live, waveform)
        np.testing.assert_allclose(heard, named, atol=2e-3)


@pytest.mark.parametrize("rate", [8000, 48000])
def test_the_browsers_rate_changes_nothing_but_the_filter(live, rate):
    heard = listen(live, sine(440.0, 2.0, rate), rate)
    np.testing.assert_allclose(heard, listen(live, sine(440.0, 2.0, 22050), 22050), atol=0.05)


def test_a_file_is_named_as_predict_names_it(tmp_path):
    run = make_run(tmp_path / "run")
    live = LiveClassifier(run)
    file = save_audio(tmp_path / "sound.flac", noisy_sine(800.0, 1, 4.2), 22050)
    send(live._microphone, {"event": "file", "name": "sound.flac"}, [memoryview(file.read_bytes())])
    named = load(run).predict(file)
    np.testing.assert_allclose(live.probabilities, named.probabilities[0], atol=1e-6)
    assert live.status == f"sound.flac: 4.2 s, most likely {named.files.loc[0, 'predicted']}."
    given = LiveClassifier(run, file)
    np.testing.assert_allclose(given.probabilities, live.probabilities)


def test_what_the_browser_decodes_is_heard_as_samples(live):
    assert live._bars.value == ""  # nothing was heard, so no class has 0 %
    samples = to_int16(noisy_sine(800.0, 1, 4.2))
    send(live._microphone, {"event": "sound", "name": "memo.m4a", "rate": 22050}, [memoryview(samples.tobytes())])
    assert live.status.startswith("memo.m4a: 4.2 s, most likely ")
    assert "musiclab-bar" in live._bars.value
    np.testing.assert_allclose(
        live.probabilities, live._run.predict(samples / np.float32(32768), 22050).probabilities[0]
    )


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("talk.m4a", b"xyz", 'talk.m4a: .m4a files are not supported.* `ffmpeg -i "talk.m4a" "talk.wav"`$'),
        ("text.wav", b"no sound", "text.wav: the file cannot be decoded"),
        ("empty.wav", b"", "empty.wav: the file is empty"),
        ("../up.wav", b"no sound", "up.wav: the file cannot be decoded"),
    ],
)
def test_a_file_that_is_no_sound_is_told_in_words(live, name, content, words):
    before = live._microphone.answered
    send(live._microphone, {"event": "file", "name": name}, [memoryview(content)])
    assert re.match(words, live.status)
    assert live._microphone.answered == before + 1
    assert live.probabilities is None


def test_it_says_what_the_browser_says_and_whether_it_listens(live):
    send(live._microphone, {"event": "status", "text": "The browser refused the microphone."})
    assert live.status == "The browser refused the microphone."
    send(live._microphone, {"event": "start", "rate": RATE})
    assert live.listening
    send(live._microphone, {"event": "stop"})
    assert not live.listening


def test_two_channels_are_heard_as_their_mean(live):
    left, right = noisy_sine(800.0, 1), noisy_sine(300.0, 2)
    live.hear((left + right) / 2, 22050)
    one = live.probabilities
    live.hear(np.stack([left, right]), 22050)
    np.testing.assert_allclose(live.probabilities, one, atol=1e-3)
    with pytest.raises(AudioError, match="LiveClassifier: expected finite samples"):
        live.hear(np.full(22050, np.nan), 22050)


def test_nothing_heard_is_nothing_named(live):
    for message in ({"event": "stop"}, {"event": "part"}, {"event": "other"}, {}):
        send(live._microphone, message, [memoryview(b"\0\0")])
    send(live._microphone, {"event": "start", "rate": RATE})
    send(live._microphone, {"event": "stop"})
    assert live.probabilities is None
    assert live.player is None


def test_the_still_shows_what_was_heard(live, tmp_path):
    empty = live.still()
    assert empty.sound is None
    assert empty.alt.endswith("one of high, low, middle.")
    listen(live, sine(440.0, 4.0, RATE))
    still = live.still()
    assert still.alt.startswith("Probabilities of high, low, middle over 4.0 s; most likely ")
    assert still.sound[:4] == b"RIFF"
    assert still.caption == live.status


def test_what_is_no_run_and_no_sound_are_errors(tmp_path):
    with pytest.raises(RunError, match="expected a run or its folder, found NoneType"):
        LiveClassifier(None)
    with pytest.raises(RunError, match="no such file"):
        LiveClassifier(tmp_path)
    with pytest.raises(AudioError, match="no such file"):
        LiveClassifier(make_run(tmp_path / "run"), tmp_path / "none.wav")


def test_the_model_is_not_changed_by_listening(live):
    model = live._run.model
    before = {name: value.clone() for name, value in model.state_dict().items()}
    listen(live, sine(440.0, 1.0, RATE))
    after = model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
