"""The feature explorer and the Studio mixer in a real browser: what a reader moves, sees, reads and hears."""

import numpy as np
import pytest
from conftest import TINY
from run_folders import CLASSES, make_untested

from musiclab import studio
from musiclab.audio import find_audio, load_audio
from musiclab.plots.browser import script
from musiclab.widgets import FeatureExplorer

SETUP = """
import numpy as np
from musiclab import studio
from musiclab.widgets import FeatureExplorer, StudioMixer

calls = []
render = studio.render
studio.render = lambda **settings: calls.append(settings) or render(**settings)
track = render("jazz", 1, seconds=5)
"""
PICTURES = ("waveform", "spectrogram", "mel", "mfcc", "bank")


@pytest.fixture(scope="module")
def notebook(notebook_of_module_with, tmp_path_factory):
    """Both widgets, the mixer with an untrained model: what it says is arbitrary, and depends on what it hears."""
    folder = tmp_path_factory.mktemp("runs") / "cnn"
    make_untested(folder, "cnn", **TINY["cnn"])
    cells = [
        SETUP,
        "explored = FeatureExplorer(track.waveform, track.sample_rate)\nexplored",
        f"mixed = StudioMixer({str(folder)!r}, seconds=4)\nmixed",
    ]
    opened = notebook_of_module_with(*cells, width=1280, height=1400)
    opened.page.wait_for_function("document.querySelector('.musiclab-explorer')?.dataset.shown")
    opened.page.locator(".musiclab-mixer .musiclab-bars tr").first.wait_for()
    return opened


@pytest.fixture
def fresh(notebook):
    """The notebook with both widgets as they were at first."""
    notebook.run(
        "explored.set_state(dict(n_fft=1024, hop_length=256, window='hann', n_mels=64, fmin=0., fmax=11025., "
        "decibels=80., scaling='decibel'))\n"
        "mixed.desk.set_state(dict(genre='jazz', seed=0, tempo=None, key=None, swing=None, mute=[]))\n"
        "mixed.player.playing = False\nmixed.player.seek(0)\n"
        "calls.clear()"
    )
    shown(notebook, n_fft=1024, hop_length=256, window="hann", n_mels=64, fmin=0, fmax=11025, scaling="decibel")
    return notebook


def shown(notebook, **settings):
    """Wait until the pictures are those of these settings."""
    notebook.page.wait_for_function(
        "wanted => { const drawn = JSON.parse(document.querySelector('.musiclab-explorer').dataset.shown);"
        " return Object.entries(wanted).every(([name, value]) => drawn[name] === value); }",
        arg=settings,
    )


def pixels(notebook):
    """What each canvas shows."""
    script = "name => document.querySelector(`[data-picture=${name}]`).toDataURL()"
    return {name: notebook.page.evaluate(script, name) for name in PICTURES}


def setting(notebook, widget, name):
    return notebook.page.locator(f".musiclab-{widget} [data-setting={name}]")


# The explorer


SETTINGS = (  # n_fft, hop_length, window, n_mels, fmin, fmax, decibels, scaling
    (1024, 256, "hann", 64, 0.0, 11025.0, 80.0, "decibel"),
    (64, 2048, "hamming", 256, 0.0, 11025.0, 100.0, "ln"),
    (4096, 512, "blackman", 256, 1000.0, 8000.0, 60.0, "log10(1+10x)"),
    (256, 256, "boxcar", 4, 25.0, 50.0, 20.0, "log10(1+10000x)"),
    (1000, 300, "hann", 20, 100.0, 4000.0, 80.0, "ln"),  # no power of two
)


@pytest.mark.parametrize("source", ["recording", "studio"])
def test_the_browser_computes_what_the_library_computes(browser, request, source):
    """Within 0.05 dB for all that is drawn, down to 100 dB below the peak."""
    if source == "recording":
        waveform, _ = load_audio(
            find_audio(request.getfixturevalue("recordings") / "librosa-examples")[0], 22050, duration=5
        )
    else:
        waveform = studio.render("jazz", 1, seconds=5).waveform
    page = browser.new_page()
    page.add_script_tag(content=script("fourier", "analysis"))
    page.evaluate("samples => { globalThis.samples = Float32Array.from(samples); }", waveform.tolist())
    names = ("n_fft", "hop_length", "window", "n_mels", "fmin", "fmax", "decibels", "scaling")
    for values in SETTINGS:
        settings = dict(zip(names, values, strict=True))
        made = page.evaluate(
            "settings => { const { spectrogram, mel, mfcc, bank, down } = analyse(samples, 22050, settings);"
            " const rows = ({ values, rows, columns, low }) => ({ low, rows: Array.from({ length: rows }, (_, row) =>"
            "   [...values.slice(row * columns, (row + 1) * columns)]) });"
            " return { down, empty: bank.filter(({ weights }) => !weights.length).length,"
            "   pictures: [spectrogram, mel, mfcc].map(rows) }; }",
            settings,
        )
        steps = FeatureExplorer(waveform, 22050, **settings).steps
        levels = 20 * np.log10(np.maximum(steps.spectrogram, 1e-5))
        levels = np.maximum.reduceat(levels, np.arange(0, len(levels), made["down"]))
        decibel = np.log(10) / 20 if settings["scaling"] == "ln" else 1
        lows = levels.max() - settings["decibels"], steps.picture.min(), -np.inf
        expected = levels, steps.picture, steps.mfcc[1:]
        tolerances = 0.05, 0.05 * decibel if "log10" not in settings["scaling"] else 0.001, 0.05
        for values, picture, low, tolerance in zip(expected, made["pictures"], lows, tolerances, strict=True):
            drawn, values = np.maximum(np.array(picture["rows"]), low), np.maximum(values, low)
            np.testing.assert_allclose(drawn, values, atol=tolerance, err_msg=str(settings))
        assert made["empty"] == (steps.bank.max(axis=1) == 0).sum()
    page.close()


@pytest.mark.parametrize(
    ("name", "key", "value", "same"),
    [
        ("n_fft", "ArrowRight", 2048, {"waveform"}),
        ("hop_length", "ArrowRight", 512, {"waveform", "bank"}),
        ("n_mels", "ArrowLeft", 63, {"waveform", "spectrogram"}),
        ("decibels", "ArrowLeft", 75, {"waveform", "mfcc", "bank"}),
        ("fmin", "End", 11000, {"waveform", "spectrogram"}),  # stays below fmax
        ("fmax", "Home", 25, {"waveform", "spectrogram"}),
        ("window", "blackman", "blackman", {"waveform", "bank"}),
        ("scaling", "ln", "ln", {"waveform", "spectrogram", "mfcc", "bank"}),
    ],
)
def test_a_control_changes_its_pictures_and_the_code(fresh, name, key, value, same):
    before = pixels(fresh)
    if name in ("window", "scaling"):
        setting(fresh, "explorer", name).select_option(key)
    else:
        setting(fresh, "explorer", name).press(key)
    shown(fresh, **{name: value})
    fresh.wait_for(f"explored.{name} == {value!r}")
    after = pixels(fresh)
    assert {picture for picture in PICTURES if after[picture] == before[picture]} == same
    assert fresh.page.locator(".musiclab-explorer code").inner_text().strip() == fresh.ask("explored.code").strip()


def test_five_seconds_follow_the_slider_within_200_ms(fresh):
    """50 ms on a quiet machine; others may use this one, too."""
    root = fresh.page.locator(".musiclab-explorer")
    times = []
    for key, value in (("ArrowRight", 65), ("ArrowRight", 66), ("ArrowLeft", 65), ("ArrowLeft", 64)):
        setting(fresh, "explorer", "n_mels").press(key)
        shown(fresh, n_mels=value)
        times.append(int(root.get_attribute("data-milliseconds")))
    assert min(times) < 200, times


def test_it_plays_from_where_the_reader_clicks_warns_and_resets(fresh):
    root = fresh.page.locator(".musiclab-explorer")
    fresh.run("explored.set_state(dict(n_fft=512, n_mels=200, hop_length=1024))")
    shown(fresh, n_mels=200)
    remarks = root.locator(".musiclab-remarks").inner_text()
    assert "16 of 200 mel bands are empty" in remarks
    assert "50 % of the sound is not in any frame" in remarks
    root.locator("[data-picture=mel]").click(position={"x": 300, "y": 50})
    root.get_by_role("button", name="Pause").wait_for()
    head = root.locator(".musiclab-playhead")
    first = head.bounding_box()["x"]
    fresh.page.wait_for_function(
        "first => document.querySelector('.musiclab-playhead').getBoundingClientRect().x > first + 5", arg=first
    )
    fresh.run("mixed.player.playing = True")  # another sound
    root.get_by_role("button", name="Play").wait_for()
    root.get_by_role("button", name="Reset").click()
    shown(fresh, n_fft=1024, n_mels=64, hop_length=256)
    assert root.locator(".musiclab-remarks").inner_text() == ""


def test_it_says_what_is_under_the_pointer_and_under_the_keys(fresh):
    canvas = fresh.page.locator("[data-picture=mel]")
    reading = fresh.page.locator("figure", has=canvas).locator(".musiclab-reading")
    canvas.hover(position={"x": 300, "y": 100})
    words = reading.inner_text()
    fresh.run(
        "import re\n"
        f"time, band, level = re.match(r'([\\d.]+) s, band (\\d+) around [\\d,]+ Hz: (\\S+) dB', {words!r}).groups()\n"
        "frame = round(float(time) * 22050 / 256)\n"  # the time is rounded to 10 ms, about a frame
        "cell = explored.steps.picture[int(band), frame - 1 : frame + 2]\n"
        "level = float(level.replace('−', '-'))"
    )
    assert fresh.ask("cell.min() - 0.3 <= level <= cell.max() + 0.3") == "True"
    fresh.page.mouse.move(0, 0)
    canvas.focus()
    canvas.press("ArrowRight")
    first = reading.inner_text()
    canvas.press("ArrowUp")
    assert first.startswith("2.5")
    assert "band 32 around" in first
    assert "band 33 around" in reading.inner_text()
    fresh.page.locator("[data-picture=bank]").press("ArrowRight")
    assert "Hz" in fresh.page.locator("figure", has=fresh.page.locator("[data-picture=bank]")).inner_text()
    assert reading.inner_text() == ""


# The mixer


def bars(notebook):
    """Class -> width of its bar, width of the one behind it, and the texts beside them."""
    row = """row => [row.querySelector('.musiclab-bar').style.width, row.querySelector('.musiclab-before')?.style.width,
                     row.cells[2].textContent, row.cells[3]?.textContent]"""
    rows = notebook.page.locator(".musiclab-mixer .musiclab-bars tr")
    return {line.locator("th").inner_text(): line.evaluate(row) for line in rows.all()}


def test_bars_change_when_the_drums_are_muted(fresh):
    before = bars(fresh)
    assert list(before) == CLASSES
    fresh.page.get_by_role("checkbox", name="drums").check()
    fresh.wait_for("mixed.track.record['mute'] == ['drums']")
    truth = fresh.page.get_by_label("Ground truth of the track")
    truth.get_by_text("bass, chords, pad, lead, vocals, noise", exact=True).wait_for()
    after = bars(fresh)
    assert [after[name][0] for name in CLASSES] != [before[name][0] for name in CLASSES]
    for name in CLASSES:
        assert after[name][1] == before[name][0]  # the state before stands behind
        assert after[name][3] == before[name][2]
    assert "drums" not in truth.inner_text()


def test_the_truth_follows_genre_tempo_and_key(fresh):
    truth = fresh.page.get_by_label("Ground truth of the track")
    setting(fresh, "mixer", "genre").select_option("blues")
    fresh.wait_for("mixed.track.record['genre'] == 'blues'")
    setting(fresh, "mixer", "tempo").press("End")
    setting(fresh, "mixer", "key").select_option("A")
    fresh.wait_for("mixed.track.record['tempo'] == 220 and mixed.track.record['key'].startswith('A ')")
    truth.get_by_text("220 beats per minute").wait_for()
    truth.get_by_text(fresh.ask("mixed.track.record['key']"), exact=True).wait_for()
    fresh.page.get_by_role("button", name="Reset to defaults").click()
    fresh.wait_for("mixed.desk.tempo is None and mixed.desk.key is None and mixed.track.record['tempo'] < 220")
    fresh.page.locator(".musiclab-mixer output", has_text="(default)").first.wait_for()


def test_a_stem_alone_the_track_before_and_a_seed_that_cannot_be(fresh):
    fresh.page.get_by_role("button", name="solo drums").click()
    fresh.wait_for("len(mixed.track.record['mute']) == 6 and 'drums' not in mixed.track.record['mute']")
    fresh.page.get_by_role("button", name="Hear before").click()
    fresh.wait_for("mixed.track.record['mute'] == []")
    fresh.page.get_by_role("button", name="Hear before").click()
    fresh.wait_for("len(mixed.track.record['mute']) == 6")
    seed = setting(fresh, "mixer", "seed")
    seed.fill("-1")
    seed.press("Tab")
    assert seed.evaluate("field => field.matches(':invalid') && getComputedStyle(field).outlineStyle") == "solid"
    seed.fill("0")


def test_tempo_that_is_dragged_is_rendered_a_few_times(fresh):
    setting(fresh, "mixer", "tempo").evaluate(
        "slider => { for (let beats = 60; beats <= 160; beats++) {"
        " slider.value = beats; slider.dispatchEvent(new Event('input')); } }"
    )
    fresh.wait_for("mixed.track.record['tempo'] == 160")
    assert int(fresh.ask("len(calls)")) <= 3
    assert fresh.ask("calls[-1]['tempo']") == "160.0"


def test_what_cannot_be_is_told(fresh):
    fresh.run("mixed.desk.key = 'H major'")
    alert = fresh.page.locator(".musiclab-mixer [role=alert]:not(:empty)")
    alert.wait_for()
    assert "expected a key such as" in alert.inner_text()
    setting(fresh, "mixer", "key").select_option("C")
    alert.wait_for(state="detached")


def test_it_goes_on_sounding_when_a_stem_is_muted(fresh):
    fresh.page.locator(".musiclab-mixer").get_by_role("button", name="Play").click()
    fresh.wait_for("mixed.player.playing and mixed.player.time > 0.2")
    fresh.page.get_by_role("checkbox", name="bass").check()
    fresh.wait_for("mixed.track.record['mute'] == ['bass'] and mixed.player.playing and mixed.player.time > 0.4")
    fresh.run("mixed.player.playing = False")


# Both


def test_every_control_has_a_name(fresh):
    controls = ":is(.musiclab-explorer, [aria-label='Studio mixer']) :is(input, select, button, canvas, pre)"
    nameless = fresh.page.locator(controls).evaluate_all(
        """nodes => nodes.filter(node => !(node.labels?.[0]?.textContent || node.ariaLabel
                                           || (node.tagName === "BUTTON" && node.textContent)))
                         .map(node => node.outerHTML)"""
    )
    assert nameless == []
    ids = fresh.page.locator(controls).evaluate_all("nodes => nodes.map(node => node.id).filter(id => id)")
    assert len(set(ids)) == len(ids) == 8 + 12


def test_colours_follow_the_theme(fresh):
    light, colour = pixels(fresh), "node => getComputedStyle(node).color"
    mixer_text = fresh.page.locator(".musiclab-mixer").evaluate(colour)
    fresh.set_theme("dark")
    fresh.page.wait_for_function(
        "light => document.querySelector('[data-picture=waveform]').toDataURL() !== light", arg=light["waveform"]
    )
    dark = pixels(fresh)
    assert all(dark[picture] != light[picture] for picture in PICTURES)
    assert fresh.page.locator(".musiclab-mixer").evaluate(colour) != mixer_text
    fresh.set_theme("light")
    fresh.page.wait_for_function(
        "light => document.querySelector('[data-picture=waveform]').toDataURL() === light", arg=light["waveform"]
    )


def test_a_narrow_page_has_one_column_and_nothing_is_cut_off(fresh):
    fresh.page.set_viewport_size({"width": 700, "height": 1400})
    fresh.page.wait_for_function(
        "() => { const box = name => document.querySelector(`[data-picture=${name}]`).getBoundingClientRect();"
        " return box('bank').top > box('mfcc').bottom && box('bank').left === box('mfcc').left; }"
    )
    for widget in ("explorer", "mixer"):
        wide = fresh.page.locator(f".musiclab-{widget}").evaluate("node => node.scrollWidth - node.clientWidth")
        assert wide <= 0
    fresh.page.set_viewport_size({"width": 1280, "height": 1400})
