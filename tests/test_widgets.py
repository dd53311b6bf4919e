"""Players on the Python side: what the browser is given, decoded again; stills; what is no sound."""

import base64
import io
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib import import_module

import nbformat
import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import SAMPLE_RATE, sine
from matplotlib.figure import Figure
from PIL import Image
from traitlets import TraitError

import musiclab.widgets
from musiclab.core.errors import AudioError, MusiclabError
from musiclab.lessons.notebooks import execute, problems
from musiclab.widgets import Lane, Player, play
from musiclab.widgets.player import PREVIEW_SECONDS
from musiclab.widgets.sound import FLOOR, PREVIEW_RATE, STEP, mel_picture, outlines
from musiclab.widgets.still import LARGEST, as_png

WIDGET = "application/vnd.jupyter.widget-view+json"


class Page(HTMLParser):
    """The elements of a still, by tag: their attributes."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.text = {}, ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.setdefault(tag, []).append(dict(attrs))

    def handle_data(self, data):
        self.text += data


def bundle_of(shown):
    made = shown._repr_mimebundle_()
    return made[0] if isinstance(made, tuple) else made


def embedded(source, kind):
    head, _, data = source.partition(",")
    assert head == f"data:{kind};base64"
    return base64.b64decode(data)


def previewed(shown):
    """What the still of a player holds: float64 samples, shape (samples,) or (samples, channels), and their rate."""
    (source,) = Page(bundle_of(shown)["text/html"]).elements["source"]
    with soundfile.SoundFile(io.BytesIO(embedded(source["src"], "audio/wav"))) as file:
        assert (file.format, file.subtype) == ("WAV", "PCM_16")
        return file.read(), file.samplerate


def played(*arguments, **settings):
    return previewed(play(*arguments, **settings))


def sent(player):
    """What the browser is sent to play: samples and rate."""
    with soundfile.SoundFile(io.BytesIO(player._sound)) as file:
        assert (file.format, file.subtype) == ("FLAC", "PCM_16")
        return file.read(), file.samplerate


def noise(seconds, sample_rate=SAMPLE_RATE, channels=1):
    values = 0.3 * np.random.default_rng(0).standard_normal((channels, round(seconds * sample_rate)))
    return values.clip(-1, 1).astype(np.float32)[() if channels > 1 else 0]


# play


def test_it_begins_at_the_beginning_and_ends_after_five_seconds():
    waveform = sine(440.0, seconds=PREVIEW_SECONDS + 1)
    preview, rate = played(waveform, SAMPLE_RATE)
    assert rate == SAMPLE_RATE
    assert preview.shape == (round(PREVIEW_SECONDS * SAMPLE_RATE),)
    np.testing.assert_allclose(preview, waveform[: len(preview)], atol=0.5 / 32768)
    live, rate = sent(play(waveform, SAMPLE_RATE))
    assert rate == SAMPLE_RATE
    np.testing.assert_array_equal(live, preview)


@pytest.mark.parametrize(("seconds", "samples"), [(0.25, 2000), (1.0, 8000), (60.0, 8000)])
def test_a_length_can_be_asked_for_but_nothing_is_added(seconds, samples):
    preview, rate = played(sine(440.0, sample_rate=8000), 8000, seconds=seconds)
    assert (rate, preview.shape) == (8000, (samples,))


def test_a_high_rate_is_brought_down_in_the_still_and_the_pitch_stays():
    preview, rate = played(sine(441.0, sample_rate=44100), 44100)
    assert (rate, preview.shape) == (PREVIEW_RATE, (22050,))
    assert np.abs(np.fft.rfft(preview)).argmax() == 441  # line k of 1 s is k Hz


@pytest.mark.parametrize("amplitude", [0.01, 0.5, 1.0])
def test_the_level_is_kept(amplitude):
    player = play(sine(440.0, amplitude=amplitude), SAMPLE_RATE)
    for samples, _ in (previewed(player), sent(player)):
        assert np.abs(samples).max() == pytest.approx(amplitude, abs=1e-3)


def test_what_is_too_loud_is_cut_off_and_the_picture_shows_it_whole():
    player = play(2 * sine(440.0, amplitude=1.0), SAMPLE_RATE)
    preview, _ = previewed(player)
    assert (preview.max(), preview.min()) == (32767 / 32768, -1)
    assert player._scene["reach"] == 2


def test_int16_samples_are_played_as_they_are():
    samples = np.array([0, 1, -1, 1000, 32767, -32768], dtype=np.int16)
    player = play(samples, SAMPLE_RATE)
    for heard, _ in (previewed(player), sent(player)):
        np.testing.assert_array_equal(heard * 32768, samples)


@pytest.mark.parametrize("rate", [22050, 44100])
def test_stereo_keeps_its_two_sides(rate):
    left, right = sine(300.0, sample_rate=rate), sine(500.0, sample_rate=rate, amplitude=0.25)
    player = play(np.stack([left, right]), rate)
    for heard, found_rate in (previewed(player), sent(player)):
        assert heard.shape == (found_rate, 2)
        assert np.abs(np.fft.rfft(heard, axis=0)).argmax(axis=0).tolist() == [300, 500]
        assert heard[1000:-1000].max(axis=0) == pytest.approx([0.5, 0.25], abs=2e-3)


BAD = [
    (np.zeros(0), r"expected at least one sample, .*found shape \(0,\); check how you cut the waveform"),
    (np.zeros((2, 0)), r"found shape \(2, 0\)"),
    (np.float32(0.5), r"shape \(samples,\) or \(channels, samples\), found shape \(\)"),
    (np.zeros((1, 2, 3)), r"found shape \(1, 2, 3\)"),
    (np.zeros((1000, 2)), r"at most 64 channels, found shape \(1000, 2\); transpose it with waveform.T"),
    (np.zeros(10, dtype=np.int32), r"expected floats in \[-1, 1\] or int16, found int32"),
    (np.array([0.0, np.nan, np.inf]), r"expected finite samples, found nan at sample 1; check the code"),
    (np.array([[0.0, 0.0, 0.0], [0.0, 0.0, -np.inf]]), r"found \[0.0, -inf\] at sample 2"),
]


@pytest.mark.parametrize(("waveform", "words"), BAD)
@pytest.mark.parametrize(("make", "name"), [(play, "play"), (Player, "Player")])
def test_what_is_no_sound_is_an_error(make, name, waveform, words):
    with pytest.raises(AudioError, match=f"^{name}: .*{words}"):
        make(waveform, SAMPLE_RATE)


@pytest.mark.parametrize("rate", [0, -8000, np.nan, None, "fast"])
def test_a_rate_that_is_none_is_an_error(rate):
    with pytest.raises(AudioError, match=r"^Player: expected a sample rate in Hz, found"):
        Player(np.zeros(100), rate)


@pytest.mark.parametrize("seconds", [0, -1.0, 1e-6])
def test_a_length_of_nothing_is_an_error(seconds):
    with pytest.raises(AudioError, match=f"^play: {seconds} s is shorter than one sample"):
        play(np.zeros(100), SAMPLE_RATE, seconds=seconds)


def test_an_hour_is_sent_in_parts_and_a_day_is_refused():
    hour = np.zeros(3600 * 1000, dtype=np.int16)
    hour[45 * 1000] = 32767
    assert played(hour, 1000)[0].shape == (5000,)
    player = Player({"click": hour, "silence": hour[:1000] * 0}, 1000)
    assert sent(player)[0].shape == (30 * 8000,)  # browsers decode 8,000 Hz or more
    assert np.frombuffer(player._levels, np.uint8).reshape(2, player._scene["rows"], -1).shape[2] <= 14400
    answers = []
    player.send = lambda message, buffers: answers.append((message, *buffers))
    player._handle_custom_msg({"part": 1}, [])
    ((message, data),) = answers
    assert (message["part"], message["count"], sum(message["lengths"])) == (1, 1, len(data))
    click, rate = soundfile.read(io.BytesIO(data[: message["lengths"][0]]))
    assert np.abs(click).argmax() / rate == pytest.approx(15, abs=1e-3)
    with pytest.raises(
        AudioError, match=r"at most 14400 s, found 86,400\.0 s; cut it: waveform\[\.\.\., : 14400 \* sam"
    ):
        Player(np.zeros(86400, dtype=np.int16), 1)


def test_a_long_picture_is_computed_in_blocks_that_fit_together(monkeypatch):
    waveform = noise(20, 8000)
    whole = mel_picture(waveform, 8000)
    monkeypatch.setattr("musiclab.widgets.sound.BLOCK", 3.0)
    blocks = mel_picture(waveform, 8000)
    assert np.abs(whole.levels.astype(int) - blocks.levels).max() <= 1
    assert (whole.levels != blocks.levels).mean() < 1e-3


# What a page and a notebook have to carry


def live_bytes(player):
    """Bytes on a live page: all that is synchronised, and the still beside it."""
    state = player.get_state()
    sizes = (len(value) if isinstance(value, bytes) else len(repr(value)) for value in state.values())
    return sum(sizes) + sum(len(str(form)) for form in bundle_of(player).values())


@pytest.mark.parametrize("rate", [22050, 44100])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_half_a_minute_of_noise_is_bounded_live_and_in_a_notebook(rate, channels):
    player = Player(noise(30, rate, channels), rate)
    assert live_bytes(player) < 1_500_000
    assert len(bundle_of(player)["text/html"]) < 300_000
    assert player._scene["note"] == f"played{' in mono' if channels > 1 else ''} at 16,000 Hz"


def test_a_sound_that_fits_is_sent_without_loss():
    waveform = noise(5)
    player = Player(waveform, SAMPLE_RATE)
    heard, rate = sent(player)
    assert (rate, player._scene["note"]) == (SAMPLE_RATE, "")
    np.testing.assert_allclose(heard, waveform, atol=1.001 / 32768)


@pytest.mark.parametrize("lanes", [0, 3])
def test_the_picture_of_a_still_costs_less_than_25_kb(lanes):
    rng = np.random.default_rng(1)
    rows = rng.dirichlet(np.ones(10), 50)
    lane = Lane.predictions(np.linspace(0, 5, 51), rows, [f"class {index}" for index in range(10)])
    player = play(noise(5), SAMPLE_RATE)
    player = Player(noise(5), SAMPLE_RATE, lanes=[lane] * lanes) if lanes else player
    still = player.still()
    assert len(still.html()) - len(base64.b64encode(still.sound)) < 25_000


@pytest.mark.parametrize("seconds", [0.4, 1.0, 5.0])
def test_the_last_time_of_a_still_is_not_cut_off(seconds):
    picture = Image.open(io.BytesIO(play(noise(5), SAMPLE_RATE, seconds=seconds).still().png)).convert("L")
    assert (np.asarray(picture)[:, -2:] > 240).all()


def test_as_png_takes_colours_away_until_it_fits():
    figure = Figure(figsize=(4, 2))
    figure.add_axes((0, 0, 1, 1)).imshow(np.random.default_rng(0).random((60, 120)), aspect="auto")
    pictures = [Image.open(io.BytesIO(as_png(figure, largest=largest))) for largest in (10**6, 15_000, 10)]
    colours = [len(picture.getcolors()) for picture in pictures]
    assert colours[0] > colours[1] >= colours[2]
    assert colours[2] <= 16
    assert {picture.size for picture in pictures} == {(400, 200)}
    assert len(as_png(figure)) <= LARGEST


# Stills


def test_a_still_has_words_picture_and_sound():
    player = Player(sine(440.0, seconds=6.0), SAMPLE_RATE, title="A <tone>", lanes=[Lane.beats([1, 2])])
    bundle = bundle_of(player)
    assert set(bundle) == {WIDGET, "text/html", "text/plain"}
    assert bundle["text/plain"].startswith("A <tone>: waveform and log-mel spectrogram of 6.00 s, peak at -6.0 dBFS")
    assert "beats" in bundle["text/plain"]
    page = Page(bundle["text/html"])
    (image,) = page.elements["img"]
    assert image["alt"] == bundle["text/plain"]
    assert Image.open(io.BytesIO(embedded(image["src"], "image/png"))).width == 700
    assert "The first 3.9 s of 6.0 s" in page.text
    assert "http" not in bundle["text/html"]  # nothing is loaded


def test_a_committed_notebook_keeps_the_still_alone(tmp_path):
    source = "import numpy as np; from musiclab.widgets import play; play(np.zeros(800), 8000)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbformat.write(notebook, tmp_path / "one.ipynb")
    done = execute(tmp_path / "one.ipynb")
    (output,) = done.cells[0].outputs
    assert set(output.data) == {"text/html", "text/plain"}
    assert "silence" in output.data["text/plain"]
    assert problems(done) == []
    assert "widgets" not in done.metadata


# Pictures


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000])
@pytest.mark.parametrize("amplitude", [1.0, 0.1])
def test_a_level_is_db_under_a_sine_of_full_scale(rate, amplitude):
    view = mel_picture(sine(1000.0, seconds=0.5, sample_rate=rate, amplitude=amplitude), rate)
    band, column = view.levels.shape[0], view.levels.shape[1] // 2
    band = int(view.levels[:, column].argmax())
    assert view.edges[band] <= 1000 <= view.edges[band + 2]
    level = FLOOR + STEP * view.levels[band, column]
    assert level == pytest.approx(20 * np.log10(amplitude), abs=4)  # 1 kHz may lie between two bands


@pytest.mark.parametrize(("seconds", "rate"), [(0.01, 22050), (1.0, 8000), (5.0, 22050), (30.0, 22050), (300.0, 8000)])
def test_columns_cover_the_sound_and_are_not_too_many(seconds, rate):
    view = mel_picture(noise(seconds, rate), rate)
    assert 1 <= view.levels.shape[1] <= 1300
    assert view.levels.shape[1] >= min(600, seconds * 200)
    assert (view.levels.shape[1] - 0.5) * view.column_seconds >= seconds - view.column_seconds


def test_a_click_is_seen_in_a_long_sound():
    waveform = np.zeros(120 * 8000, dtype=np.float32)
    waveform[60 * 8000] = 1
    view = mel_picture(waveform, 8000)
    loud = np.flatnonzero(view.levels.max(axis=0))
    assert len(loud) in (1, 2, 3)
    assert loud.mean() * view.column_seconds == pytest.approx(60, abs=0.2)


@pytest.mark.parametrize(
    ("peak", "reach"), [(1.0, 1), (0.6, 1), (0.5, 0.5), (0.21, 0.5), (0.004, 0.005), (1.5, 2), (0, 1e-4)]
)
def test_the_axis_of_amplitudes_ends_at_a_round_number(peak, reach):
    (points,), found = outlines([np.array([0, peak, -peak / 2], dtype=np.float32)])
    assert found == pytest.approx(reach)
    np.testing.assert_allclose(points[:, 1] / 127 * reach, [0, peak, -peak / 2], atol=reach / 127)


def test_the_outline_holds_every_peak():
    waveform = 0.01 * noise(10)
    waveform[[5000, 100_000]] = 0.9, -0.7
    (points,), reach = outlines([waveform])
    assert points.shape[0] <= 1300
    assert (points.max(), points.min()) == (round(127 * 0.9 / reach), round(-127 * 0.7 / reach))


@pytest.mark.parametrize(
    ("waveform", "rate", "note"),
    [
        (np.float32([0.5]), 22050, ""),
        (np.float32([0.5]), 96000, "played at 48,000 Hz"),
        (np.zeros(22050, dtype=np.float32), 22050, "silent"),
        (noise(0.2, 48000, channels=6), 48000, "played in mono"),
        (noise(1, 100), 100, ""),
    ],
)
def test_what_is_unusual_is_shown(waveform, rate, note):
    player = Player(waveform, rate)
    assert player.duration == waveform.shape[-1] / rate
    assert player._scene["note"] == note
    assert len(player._levels) % player._scene["rows"] == 0
    assert len(player.still().png) <= LARGEST


# The player in Python


def test_time_stays_within_the_sound_and_every_wish_is_passed_on():
    player = Player(sine(440.0, seconds=2.0), SAMPLE_RATE)
    before = player._seek[0]
    wishes = []
    for wish in (1.5, 1.5, -1, 99, np.nan):
        player.seek(wish)
        assert player.time == player._seek[1]
        wishes.append(player._seek[1])
    assert wishes == [1.5, 1.5, 0, 2, 0]
    assert player._seek[0] == before + 5
    player.set_state({"_report": [player._scene["count"], 1.25]})  # as the browser does
    assert (player.time, player._seek[0]) == (1.25, before + 5)
    with pytest.raises(TraitError, match="read-only"):
        player.time = 1.5


def test_a_report_of_the_sound_before_does_not_move_the_next_one():
    player = Player(sine(440.0, seconds=2.0), SAMPLE_RATE)
    on_its_way = {"_report": [player._scene["count"], 1.25]}
    player.load(sine(220.0, seconds=2.0), SAMPLE_RATE)
    player.set_state(on_its_way)
    assert player.time == 0
    player.set_state({"_report": [player._scene["count"], 0.5]})
    assert player.time == 0.5


@pytest.mark.parametrize("loop", [(1, 1), (1.5, 1), (-1, 1), (1, 3)])
def test_a_loop_that_is_none_is_an_error(loop):
    player = Player(sine(440.0, seconds=2.0), SAMPLE_RATE)
    player.loop = [0.5, 1]
    with pytest.raises(AudioError, match=r"expected a loop \(start, end\) in s with 0 <= start < end <= 2, found"):
        player.loop = loop
    assert player.loop == (0.5, 1)


def test_another_sound_starts_stopped_at_its_beginning():
    player = Player(sine(440.0, seconds=2.0), SAMPLE_RATE)
    player.loop, player.playing = (1.5, 2), True
    player.seek(1.7)
    before = player._sound
    player.load(sine(880.0), SAMPLE_RATE, title="Higher")
    assert (player.loop, player.time, player.playing, player.duration) == (None, 0, False, 1)
    assert player._sound != before
    assert player.still().alt.startswith("Higher: ")
    player.view, player.fmax = (0.25, 0.5), 2000
    player.load(sine(440.0), SAMPLE_RATE)  # the same duration: a reader who compares keeps what is visible
    assert (player.view, player.fmax) == ((0.25, 0.5), 2000)
    player.load(sine(440.0, seconds=2.0), SAMPLE_RATE)
    assert (player.view, player.fmax) == (None, None)


# Tracks


def test_tracks_share_rate_duration_and_scale():
    loud, quiet = sine(440.0, seconds=2.0), np.stack([sine(220.0, amplitude=0.05)] * 2)
    player = Player({"loud": loud, "quiet": quiet}, SAMPLE_RATE, title="Two")
    scene = player._scene
    assert [track["title"] for track in scene["tracks"]] == ["loud", "quiet"]
    assert (player.duration, scene["reach"]) == (2.0, 0.5)
    sizes = [track["bytes"] for track in scene["tracks"]]
    assert sum(sizes) == len(player._sound)
    heard, rate = soundfile.read(io.BytesIO(player._sound[sizes[0] :]))
    assert (heard.shape, rate) == ((2 * SAMPLE_RATE, 2), SAMPLE_RATE)
    assert np.abs(heard[SAMPLE_RATE:]).max() == 0  # padded
    outlines = np.frombuffer(player._outline, np.int8).reshape(2, -1, 2)
    assert outlines.max(axis=(1, 2)) == pytest.approx([127, 12.7], abs=1)
    assert "tracks: loud, quiet" in player.still().alt
    assert (scene["gain"], scene["note"]) == (1, "")
    three = Player({name: loud for name in "abc"}, SAMPLE_RATE)._scene  # each has an amplitude of 0.5
    assert three["gain"] == pytest.approx(1 / 1.5, rel=1e-3)
    assert three["note"] == "played 3.5 dB lower, so that the tracks together don't clip"
    with pytest.raises(AudioError, match=r"^Player: quiet: expected finite samples"):
        Player({"loud": loud, "quiet": [np.nan]}, SAMPLE_RATE)
    with pytest.raises(AudioError, match="1 to 16 waveforms in the dict, found 0"):
        Player({}, SAMPLE_RATE)


# Regions


@pytest.mark.parametrize("suffix", ["csv", "txt", "jams", "CSV"])
def test_regions_are_the_same_after_saving_and_loading(suffix, tmp_path):
    player = Player(sine(440.0, seconds=2.0), SAMPLE_RATE)
    player.regions = [(1.5, 2.0, "b"), (0.0, 0.1234567, 'a, "quoted"'), (1, 1, "")]
    assert player.regions["label"].tolist() == ['a, "quoted"', "", "b"]
    player.save_regions(tmp_path / f"regions.{suffix}")
    before, player.regions = player.regions, None
    assert player.regions.columns.tolist() == ["start", "end", "label"]
    assert len(player.regions) == 0
    player.load_regions(tmp_path / f"regions.{suffix}")
    pd.testing.assert_frame_equal(player.regions, before, atol=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == [f"regions.{suffix}"]


def test_regions_of_other_programs_are_read_and_bad_ones_passed_over(tmp_path):
    player = Player(sine(440.0, seconds=2.0), SAMPLE_RATE)
    (tmp_path / "a.txt").write_text(
        "\ufeff0.5\t1\tverse\r\n\\\t100\t200\n1,5\t2\tcomma\n1\t9\tlate\n", encoding="utf-8"
    )
    with pytest.warns(UserWarning, match=r"a\.txt: passed over 2 regions \(2, 3\) of 3; a region needs 0 <= start"):
        player.load_regions(tmp_path / "a.txt")
    assert player._regions == [{"start": 0.5, "end": 1.0, "label": "verse"}]
    for name, text, words in [
        ("b.csv", "from,to\n1,2\n", r"b\.csv: expected a table with the columns start, end .*no start and no end"),
        ("b.txt", "no tabs\n", r"b\.txt: can't be read as regions .*Audacity labels"),
        ("b.jams", "{}", r"b\.jams: can't be read as regions .*segment_open"),
        ("b.wav", "", r"b\.wav: expected a name that ends in \.csv, \.txt"),
        ("none.csv", None, r"none\.csv: No such file"),
    ]:
        if text is not None:
            (tmp_path / name).write_text(text)
        with pytest.raises(MusiclabError, match=words):
            player.load_regions(tmp_path / name)
    assert len(player.regions) == 1


# Lanes


def test_lanes_hold_what_they_were_given():
    rows = Lane.predictions([0, 1, 2], [[0.25, 0.75], [1, 0]], ["a", "b"]).to_dict()
    assert rows["probabilities"] == [[0.25, 0.75], [1, 0]]
    spans = Lane.segments([(0, 1, "Am"), (1, 2, "C"), (2, 3, "Am")]).to_dict()
    assert (spans["spans"][1], spans["texts"]) == ([1, 2], ["Am", "C", "Am"])
    assert spans["colours"][0] == spans["colours"][2] != spans["colours"][1]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: Lane.beats([]),
            r"lane beats: times: expected .* shape \(n,\) with n at least 1, found shape \(0,\)",
        ),
        (lambda: Lane.beats([1, np.nan]), "with NaN or infinite values; leave out entries without a value"),
        (lambda: Lane.segments([(2, 1, "C")]), r"expected each segment to end after it starts, found \[2.0, 1.0\]"),
        (lambda: Lane.predictions([0, 1], [[0.5, 0.5]], ["a"]), r"shape \(n, 1\)"),
        (lambda: Lane.predictions([0, 1], [[2, -1]], ["a", "b"]), "1 windows, with values from -1 to 2; .*softmax"),
        (lambda: Lane.predictions([0], [[1, 0]], ["a", "b"]), "found 1 edges and 1 windows"),
    ],
)
def test_a_lane_that_does_not_fit_is_an_error(make, words):
    with pytest.raises(MusiclabError, match=words):
        make()


# The package


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("player", "Player"),
        ("explorer", "FeatureExplorer"),
        ("mixer", "Desk"),
        ("matrix", "Matrix"),
        ("table", "Table"),
        ("scatter", "Scatter"),
        ("live", "Microphone"),
    ],
)
def test_a_script_is_one_module_that_loads_nothing(module, name):
    text = str(getattr(import_module(f"musiclab.widgets.{module}"), name)._esm)
    names = re.findall(r"^(?:async )?(?:function|const|class) (\w+)", text, flags=re.MULTILINE)
    assert names[0] == "element"
    assert sorted(set(names)) == sorted(names)  # two of one name would be an error in the browser
    assert len(re.findall(r"^export default", text, flags=re.MULTILINE)) == 1
    assert not re.search(r"^import |import\(|https?://", text, flags=re.MULTILINE)
    assert text.count("createElement(") == 1  # in element.js


def test_one_widget_does_not_import_the_others():
    code = "import sys, musiclab.widgets as w; w.Still; print([m for m in sys.modules if m.startswith('musiclab.w')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert re.findall(r"'([\w.]+)'", done.stdout) == ["musiclab.widgets", "musiclab.widgets.still"]


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'musiclab.widgets' has no attribute 'Organ'"):
        musiclab.widgets.Organ  # noqa: B018
    assert {"Player", "play", "FeatureExplorer"} <= set(dir(musiclab.widgets))
