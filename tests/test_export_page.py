"""The page of an exported model in a real browser, from disk: its numbers equal those of predict."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import test_export
from conftest import check_refused, last_line
from test_export import CLASSES, MODELS, sound

from musiclab.core.errors import RunError
from musiclab.metrics import Result
from musiclab.plots import browser as browser_scripts
from musiclab.runs import export as export_module
from musiclab.runs import page as page_module

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

PATIENCE = 60_000  # ms
REAL = [  # at 44.1 kHz in stereo, 16 kHz and 44.1 kHz in mono
    "librosa-examples/sorohanro_-_solo-trumpet-06.ogg",
    "librosa-examples/198-209-0000.ogg",
    "esc10/001 - Dog bark/1-100032-A.ogg",
]


class Opened:
    """A page that is open in the browser."""

    def __init__(self, page):
        self.page, self.errors = page, []
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(f"{error.message}\n{error.stack}"))
        page.on("request", self._note_if_foreign)

    def _note_if_foreign(self, request):
        if not request.url.startswith(("file:", "blob:", "data:")):
            self.errors.append(f"asked another machine: {request.url}")

    @property
    def status(self):
        return self.page.locator("#microphone").get_by_role("status")

    def choose(self, file):
        self.page.locator('input[type="file"]').set_input_files(file)

    def classify(self, path):
        """The probabilities that the page shows for a file."""
        self.choose(path)
        self.status.filter(has_text=f"{Path(path).name}: ").filter(has_text="most likely").wait_for()
        return self.shown()

    def shown(self):
        styles = [bar.get_attribute("style") for bar in self.page.locator(".musiclab-bar").all()]
        return np.array([float(re.fullmatch(r"width: ([\d.e-]+)%;?", style)[1]) / 100 for style in styles])

    def say(self, text):
        self.status.filter(has_text=text).wait_for()


@pytest.fixture
def open_page(browser, tmp_path, monkeypatch):
    """Opens the page of a run from disk. When the test is over, there was no error and no request."""
    monkeypatch.setattr(export_module, "_compare", lambda *_: (0.0, "nothing"))  # the test compares by itself
    opened = []

    def open_with(run, **settings):
        path = run.export(tmp_path / f"page{len(opened)}.html").path
        opened.append(Opened(browser.new_page(viewport={"width": 1000, "height": 900}, **settings)))
        opened[-1].page.goto(path.as_uri())
        opened[-1].page.get_by_role("button", name="Listen").wait_for()
        assert opened[-1].page.locator(".musiclab-bar").count() == 0  # a bar of 0 % would look like a prediction
        return opened[-1]

    yield open_with
    for one in opened:
        one.page.close()
        assert one.errors == []


def make_run(name, temperature=1.7):
    run = test_export.make_run(name, temperature)
    return replace(run, settings=replace(run.settings, training={"precision": "fp32"}))  # as pages compute


def save(path, waveform, sample_rate):
    soundfile.write(path, waveform, sample_rate)
    return str(path)


# The same numbers as predict


@pytest.mark.parametrize("name", MODELS)
def test_a_page_equals_predict(name, open_page, tmp_path):
    run = make_run(name)
    rate = run.settings.feature_settings.sample_rate
    opened = open_page(run)
    for seconds in (0.5, 4.3):
        path = save(tmp_path / f"{seconds}.wav", sound(seconds, rate, seed=1), rate)
        np.testing.assert_allclose(opened.classify(path), run.predict(path, device="cpu").probabilities[0], atol=1e-3)


# with temperatures at which no probability is near 0 or 1, nor are all the same
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "temperature"), [("cnn", 0.02), ("mlp", 8), ("m5", 0.05), ("lstm", 0.2), ("probe studio", 60)]
)
def test_real_recordings(name, temperature, open_page, recordings):
    run = make_run(name, temperature)
    opened = open_page(run)
    for file in REAL:
        expected = run.predict(recordings / file, device="cpu").probabilities[0]
        np.testing.assert_allclose(opened.classify(recordings / file), expected, atol=1e-3)


def test_16_bit_samples_are_those_of_python(browser, tmp_path):
    path = save(tmp_path / "quiet.wav", np.concatenate([sound(1), np.round(2e-4 * sound(1), 4)]), 22050)
    page = browser.new_page()
    page.add_script_tag(content=page_module._read("files"))
    script = "async (bytes) => [...(await decoded(new Uint8Array(bytes).buffer)).waveform]"
    waveform = page.evaluate(script, list(Path(path).read_bytes()))
    page.close()
    np.testing.assert_allclose(waveform, soundfile.read(path)[0], atol=1e-7)


@pytest.mark.parametrize(("rate", "suffix"), [(48000, "flac"), (8000, "wav"), (16000, "ogg")])
def test_other_rates_and_two_channels(rate, suffix, open_page, tmp_path):
    run = make_run("mlp")
    stereo = np.stack([sound(4, rate), sound(4, rate, seed=3)], axis=1)
    path = save(tmp_path / f"stereo.{suffix}", stereo, rate)
    np.testing.assert_allclose(
        open_page(run).classify(path), run.predict(path, device="cpu").probabilities[0], atol=1e-3
    )


@pytest.mark.parametrize(
    ("name", "temperature", "every"), [("mlp", 8, 3), ("probe summary", 8, 3), ("lstm", 0.2, None), ("m5", 0.2, None)]
)
def test_the_predictions_over_time_are_those_of_predict(name, temperature, every, open_page, tmp_path):
    run = make_run(name, temperature)
    rate = run.settings.feature_settings.sample_rate
    noise = 0.3 * np.random.default_rng(0).standard_normal(3 * rate)
    path = save(tmp_path / "three.wav", np.concatenate([sound(3, rate, seed=1), noise, sound(3, rate, seed=8)]), rate)
    opened = open_page(run)
    opened.classify(path)
    stage = opened.page.get_by_role("slider", name="Position in three.wav")
    borders, probabilities = run.predict(path, every=every, device="cpu").along(path)
    assert np.ptp(probabilities, axis=0).max() > 0.01
    for second in range(9):
        row = probabilities[np.searchsorted(borders, second, side="right") - 1]
        opened.page.locator(f".stage[aria-valuenow='{second}.000']").wait_for()
        label, percent = re.search(r"predicted: (.+) (\d+) %", stage.get_attribute("aria-valuetext")).groups()
        assert label == CLASSES[row.argmax()]
        assert float(percent) == pytest.approx(100 * row.max(), abs=0.6)
        stage.press("Shift+ArrowRight")


@pytest.mark.slow
def test_a_long_recording_is_classified_in_parts(open_page, tmp_path):
    run = make_run("mlp")
    path = save(tmp_path / "long.wav", np.concatenate([sound(40, 8000, seed=1), sound(50, 8000, seed=4)]), 8000)
    np.testing.assert_allclose(
        open_page(run).classify(path), run.predict(path, device="cpu").probabilities[0], atol=2e-3
    )


# The page


@pytest.fixture
def cnn():
    return make_run("cnn")


def test_the_sound_plays(open_page, cnn, tmp_path):
    opened = open_page(cnn)
    opened.classify(save(tmp_path / "tone.wav", sound(3), 22050))
    opened.page.get_by_role("button", name="Play tone.wav").click()
    opened.page.locator(".stage:not([aria-valuenow='0.000'])").wait_for()
    opened.page.get_by_role("button", name="Pause tone.wav").click()
    opened.classify(save(tmp_path / "other.wav", sound(2), 22050))
    opened.page.get_by_role("slider", name="Position in other.wav").wait_for()


def test_a_file_can_be_dropped(open_page, cnn, tmp_path):
    opened = open_page(cnn)
    content = list(Path(save(tmp_path / "drop.wav", sound(2), 22050)).read_bytes())
    opened.page.evaluate(
        """content => {
            const carried = new DataTransfer();
            carried.items.add(new File([new Uint8Array(content)], "drop.wav"));
            const settings = {dataTransfer: carried, bubbles: true, cancelable: true};
            document.body.dispatchEvent(new DragEvent("drop", settings));
        }""",
        content,
    )
    opened.say("drop.wav: 2.0 s, most likely")
    np.testing.assert_allclose(
        opened.shown(), cnn.predict(tmp_path / "drop.wav", device="cpu").probabilities[0], atol=1e-3
    )


def test_the_microphone_gives_probabilities_and_then_a_player(open_page, cnn):
    opened = open_page(cnn)
    opened.page.get_by_role("button", name="Listen").click()
    opened.say("Listening: ")
    opened.page.locator("#verdict strong").wait_for()
    assert opened.shown().sum() == pytest.approx(1, abs=1e-3)
    opened.page.locator("#microphone canvas").wait_for()
    opened.page.get_by_role("button", name="Stop").click()
    opened.say("the microphone: ")
    opened.page.get_by_role("button", name="Play the microphone").click()
    opened.page.locator(".stage:not([aria-valuenow='0.000'])").wait_for()


@pytest.mark.parametrize(
    ("refuse", "message"),
    [
        ("getUserMedia = async () => { throw new DOMException('no', 'NotFoundError') }", "No microphone was found."),
        ("getUserMedia = async () => { throw new DOMException('no', 'NotAllowedError') }", "The browser blocked the"),
        ("getUserMedia = undefined", "Browsers allow the microphone only on pages from localhost or https"),
    ],
)
def test_without_a_microphone_the_page_says_why_and_takes_files(refuse, message, open_page, cnn, tmp_path):
    opened = open_page(cnn)
    opened.page.evaluate(f"() => {{ navigator.mediaDevices.{refuse} }}")
    opened.page.get_by_role("button", name="Listen").click()
    opened.say(message)
    opened.classify(save(tmp_path / "tone.wav", sound(2), 22050))


def test_bad_files_are_told_and_the_next_one_works(open_page, cnn, tmp_path):
    opened = open_page(cnn)
    short = Path(save(tmp_path / "short.wav", sound(0.02), 22050)).read_bytes()
    opened.classify(save(tmp_path / "first.wav", sound(2), 22050))
    for name, content, message in [
        ("empty.wav", b"", "empty.wav: this file is empty"),
        ("text.wav", b"no sound at all", "text.wav: this browser can't decode the file. Convert it to WAV"),
        ("short.wav", short, "short.wav: the sound is too short"),
    ]:
        opened.choose({"name": name, "mimeType": "audio/wav", "buffer": content})
        opened.say(message)
        assert opened.page.locator(".musiclab-bars").count() == 0  # those of the sound before
        assert not opened.page.locator("#player").is_visible()
    opened.classify(save(tmp_path / "tone.wav", sound(2), 22050))


def test_names_cannot_break_out_of_the_page(open_page, tmp_path):
    run = make_run("cnn")
    classes = ["</script><script>throw 1</script>", "<img src=x onerror='throw 2'>", '"&amp;']
    data = {"name": "<script>throw 3</script>", "licence": "CC0"}
    run = replace(run, settings=replace(run.settings, classes=classes, data=data))
    opened = open_page(run)
    opened.classify(save(tmp_path / "</tone>.wav".replace("/", ""), sound(2), 22050))
    assert opened.page.locator(".musiclab-bars th").all_inner_texts() == classes
    assert opened.page.locator("script").count() == 4


def test_the_page_says_how_good_the_model_is(open_page, cnn):
    text = open_page(cnn).page.inner_text("body")
    for words in (
        "jazz, rock, Chanson é",
        "This page has no test result of the model",
        "It always picks one of its classes",
        "sends nothing",
    ):
        assert words in text
    labels = np.arange(12) % 3
    log_probabilities = np.log(np.eye(3)[labels] * 0.7 + 0.1)
    groups = paths = np.array([f"{number}.wav" for number in range(12)])
    result = Result(CLASSES, labels, log_probabilities, groups, paths)
    data = {"name": "studio", "generated": True}
    tested = replace(cnn, result=result, settings=replace(cnn.settings, data=data))
    text = open_page(tested).page.inner_text("body")
    for words in ("Accuracy 100.0 %", "95 % interval", "n = 12 clips", "studio. The data were generated"):
        assert words in text


def test_a_telephone_and_a_dark_screen(open_page, cnn, tmp_path):
    opened = open_page(cnn, color_scheme="dark")
    opened.page.set_viewport_size({"width": 390, "height": 844})
    opened.classify(save(tmp_path / ("a very long name " * 6 + ".wav"), sound(2), 22050))
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 390
    assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 23, 26)"
    for control in ("Listen", "Choose a file", "Play"):
        assert opened.page.get_by_text(control, exact=False).first.is_visible()


def test_all_controls_are_reached_by_keys(open_page, cnn, tmp_path):
    opened = open_page(cnn)
    opened.classify(save(tmp_path / "tone.wav", sound(2), 22050))
    opened.page.locator("body").press("Tab")
    reached = []
    for _ in range(4):
        reached.append(opened.page.evaluate("document.activeElement.type || document.activeElement.role"))
        opened.page.keyboard.press("Tab")
    assert reached == ["button", "file", "button", "slider"]


# The scripts


@pytest.mark.parametrize("is_worker", [True, False])
def test_scripts_fit_together_and_load_nothing(is_worker):
    names = page_module._RUNTIME if is_worker else ("files", "classifier")
    text = page_module._read(*names)
    text += "" if is_worker else browser_scripts.script("model", *browser_scripts.PLAYER, "microphone")
    declared = re.findall(r"^(?:async )?(?:function|const|class|let) (\w+)", text, flags=re.MULTILINE)
    assert [name for name, count in Counter(declared).items() if count > 1] == []
    assert not re.search(r"^import |import\(|importScripts|https?://|</script", text, flags=re.MULTILINE)
    assert all(page_module._read(name).count("\n") < 350 for name in names)


# What is refused


def test_what_cannot_be_a_page(cnn, tmp_path, monkeypatch):
    with pytest.raises(RunError, match=r"page\.html: int8 is only possible for files that end in \.onnx"):
        cnn.export(tmp_path / "page.html", int8=True)
    (tmp_path / "page.html").write_text("old")
    with pytest.raises(RunError, match="this file exists"):
        cnn.export(tmp_path / "page.html")
    monkeypatch.setattr(page_module, "MOST_MULTIPLY_ADDS", 1e3)
    with pytest.raises(RunError, match=r"page\.html: cnn needs .+ multiply-adds.+ Export it as page\.onnx, or train a"):
        cnn.export(tmp_path / "page.html", overwrite=True)
    monkeypatch.undo()
    monkeypatch.setattr(page_module, "_RUNTIME", ("tensors", "arithmetic"))
    with pytest.raises(RunError, match=r"cnn: a page can't run this model.+ operators Conv, Gemm, .+ ends in \.onnx"):
        cnn.export(tmp_path / "page.html", overwrite=True)
    assert (tmp_path / "page.html").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_the_command_writes_a_page(command, cnn, tmp_path):
    folder = cnn.save(tmp_path / "run").folder
    done = command("export", folder, tmp_path / "page.html", "--json")
    assert done.status == 0, done.err
    for words in ("MB, open it in a browser", "at 22,050 Hz", "largest difference from the run"):
        assert words in done.out
    assert last_line(done)["size"] == (tmp_path / "page.html").stat().st_size
    check_refused(command("export", folder, tmp_path / "page.html"), "this file exists", "--overwrite")
    check_refused(command("export", tmp_path, tmp_path / "other.html"), "model.json", "no such file")
