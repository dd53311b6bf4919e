"""The report: one page that holds what the run's files say, and nothing from anywhere else."""

import base64
import io
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE, noisy_sine
from PIL import Image
from run_folders import make_history, make_result, make_run, make_untested

from musiclab.audio import save_audio
from musiclab.core.errors import RunError
from musiclab.runs import load, report
from musiclab.runs.experiments import join_folds

VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Elements and texts of a page; raises where a tag is not closed."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.open, self.words = [], [], []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        assert self.open == []
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    def all(self, name):
        return [attributes for tag, attributes in self.elements if tag == name]


def decoded(uri, kind):
    head, data = uri.split(",", 1)
    assert head == f"data:{kind};base64"
    return io.BytesIO(base64.b64decode(data))


@pytest.fixture
def clips(tmp_path):
    """Ten clips: of 6 s, in a folder of their own."""
    paths = [tmp_path / "sounds" / "some" / f"{number}.wav" for number in range(10)]
    for number, path in enumerate(paths):
        save_audio(path, noisy_sine(400 + 100 * number, number, 6.0), SAMPLE_RATE)
    return paths


def test_the_page_says_what_the_run_came_to(tmp_path):
    run = make_run(tmp_path / "run", command="musiclab train cnn small.h5 --out run")
    assert run.report() == run.folder / "report.html"
    page = Page(run.folder / "report.html")
    low, high = make_result([0, 1, 2, 2], [0, 1, 2, 1]).ci95
    assert "75.0 % accuracy" in page.text
    assert f"95 % interval {100 * low:.1f} to {100 * high:.1f} %, n = 4 clips in 4 groups; fold 1 tests." in page.text
    assert "Always predicting the most frequent class would reach 50.0 %." in page.text
    for said in ("cnn on small", "musiclab train cnn small.h5 --out run", "CC0", "3.5 s",
                 f"{run.summary.parameters:,}", f"{run.summary.multiply_adds:,}"):  # fmt: skip
        assert said in page.text
    assert "middle 100.0 50.0 66.7 2" in page.text  # precision, recall, F1, n
    assert "low 50.0 100.0 66.7 1" in page.text
    assert "weights of epoch 2 of 3" in page.text
    assert "generated" not in page.text


def test_the_page_needs_nothing_else(tmp_path):
    run = make_run(tmp_path / "run")
    page = Page(run.report())
    assert page.all("script") == page.all("link") == page.all("iframe") == []
    assert "http" not in page.source
    assert all(image["src"].startswith("data:") and image["alt"] for image in page.all("img"))
    assert [attributes.get("lang") for attributes in page.all("html")] == ["en"]
    assert "prefers-color-scheme: dark" in page.source
    assert "@media print" in page.source


def test_the_pictures_are_files_too(tmp_path):
    run = make_run(tmp_path / "run")
    page = Page(run.report())
    kept = [(run.folder / name).read_bytes() for name in ("curves.png", "confusion.png", "reliability.png")]
    assert [decoded(image["src"], "image/png").read() for image in page.all("img")] == kept
    for picture in kept:
        assert min(Image.open(io.BytesIO(picture)).size) > 300


def test_generated_data_are_said_to_be(tmp_path):
    run = make_run(tmp_path / "run", data={"name": "studio", "generated": True})
    page = Page(run.report())
    assert page.text.count("cnn on studio (generated data, not a benchmark)") == 2  # title and heading
    assert "The data were generated, so treat this result as an exercise, not a benchmark." in page.text


def test_the_surest_mistakes_can_be_seen_and_heard(tmp_path, clips):
    share = np.linspace(0.5, 0.95, 10)  # the last is the surest
    run = make_run(tmp_path / "run", make_result([0] * 10, [1] * 10, clips, share))
    page = Page(run.report())
    assert "10 of 10 clips were classified incorrectly. Here are the 8 most confident mistakes" in page.text
    headings = re.findall(r"high predicted as low, (\d+\.\d) % (\d)\.wav", page.text)
    assert headings == [(f"{100 * share[number]:.1f}", str(number)) for number in range(9, 1, -1)]
    sounds = [decoded(sound["src"], "audio/wav") for sound in page.all("audio")]
    assert len(sounds) == 8
    waveform, rate = soundfile.read(sounds[0], dtype="float32")
    assert (rate, len(waveform)) == (22050, 5 * 22050)
    np.testing.assert_array_equal(waveform, soundfile.read(clips[9], dtype="float32")[0][: 5 * 22050])
    assert len(page.all("img")) == 3 + 8
    assert (run.folder / "report.html").stat().st_size < 3e6


def test_a_mistake_whose_file_is_gone_says_so(tmp_path, clips):
    run = make_run(tmp_path / "run", make_result([0, 0], [1, 1], clips[:2], [0.9, 0.6]))
    clips[0].unlink()
    page = Page(run.report())
    assert f"The sound could not be loaded: {clips[0]}: no such file" in page.text
    assert len(page.all("audio")) == 1


def test_a_fast_or_short_sound_fits_the_page(tmp_path):
    from musiclab.features import MelConfig

    save_audio(tmp_path / "fast.wav", noisy_sine(440, 0), 44100)
    sound, _ = report.excerpt(tmp_path / "fast.wav", MelConfig(sample_rate=44100))
    assert soundfile.info(io.BytesIO(sound)).samplerate == 22050
    save_audio(tmp_path / "short.wav", noisy_sine(440, 0)[:300], SAMPLE_RATE)
    sound, picture = report.excerpt(tmp_path / "short.wav", MelConfig())
    assert soundfile.info(io.BytesIO(sound)).frames == 300
    assert Image.open(io.BytesIO(picture)).format == "PNG"


def test_what_is_in_the_files_is_text_and_never_markup(tmp_path):
    evil = '<script>alert("1")</script>&amp;'
    result = make_result([0, 1], [1, 1], [f"{evil}.wav", "b.wav"])
    run = make_run(tmp_path / "run", result, split=evil, command=evil, data={"name": evil, "licence": evil})
    page = Page(run.report())
    assert page.all("script") == []
    assert page.text.count(evil) >= 5


def test_without_validation_mistakes_or_more_than_an_epoch(tmp_path):
    right = make_result([0, 1, 2], [0, 1, 2])
    run = make_run(tmp_path / "run", right, make_history(1, validation=False))
    page = Page(run.report())
    assert "None. All 3 clips were classified correctly." in page.text
    assert "There was no validation set, so the model has the weights of the last epoch, 1." in page.text
    assert "The model was trained from Python, so there is no command to repeat." in page.text


def test_a_class_that_was_never_named_has_no_precision(tmp_path):
    page = Page(make_run(tmp_path / "run", make_result([0, 0, 1], [0, 0, 0])).report())
    assert "low \N{EN DASH} 0.0 0.0 1 middle \N{EN DASH} \N{EN DASH} 0.0 0" in page.text


def test_a_model_without_epochs_has_no_curves(tmp_path):
    run = make_run(tmp_path / "run")
    run.report()
    assert (run.folder / "curves.png").exists()
    (run.folder / "history.csv").unlink()
    page = Page(load(run.folder).report())
    assert "This model was not trained in epochs, so there are no learning curves." in page.text
    assert not (run.folder / "curves.png").exists()


# Cross-validations


@pytest.fixture
def crossval(tmp_path):
    """Two folds of two clips, one of the four wrong; the second fold is number 10."""
    folder = tmp_path / "cv"
    parts = {2: make_result([0, 1], [0, 1], ["a", "b"]), 10: make_result([0, 2], [0, 1], ["c", "d"])}
    history = make_history(4, validation=False)
    folds = {fold: make_run(folder / f"fold{fold}", part, history) for fold, part in parts.items()}
    return join_folds(folds, replace(folds[2].settings, split="all 2 folds by group")).save(folder)


def test_a_cross_validation_is_one_page(crossval):
    page = Page(crossval.report())
    assert "75.0 % accuracy" in page.text
    assert "fold accuracy (%) n 2 100.0 2 10 50.0 2" in page.text
    assert "Faint lines show the 2 folds, the strong line their mean." in page.text
    assert (crossval.folder / "curves.png").exists()


def test_the_folds_are_those_that_were_tested_together(crossval):
    make_run(crossval.folder / "fold3")  # of another time
    run = load(crossval.folder)
    assert list(run.folds) == [2, 10]
    assert run.folds[10].folder == crossval.folder / "fold10"
    assert run.history["fold"].tolist() == [2] * 4 + [10] * 4
    assert run.result.paths.tolist() == ["a", "b", "c", "d"]
    assert run.settings.split == "all 2 folds by group"
    assert (run.seconds, run.to_dict()) == (7.0, crossval.to_dict())
    make_result([0, 1, 0, 2], [0, 1, 0, 1], list("wxyz")).save(crossval.folder / "predictions.csv")
    assert load(crossval.folder).result.paths.tolist() == ["w", "x", "y", "z"]  # its own, where it has them


def test_a_cross_validation_is_not_one_model(crossval):
    for use in (lambda: crossval.predict("a.wav"), lambda: crossval.evaluate("s.h5")):
        with pytest.raises(
            RunError, match=r"cv: a cross-validation has one model per fold\. Choose one of them, such as"
        ):
            use()


# What cannot be reported


def test_a_folder_that_is_no_run_is_refused(tmp_path, crossval):
    with pytest.raises(RunError, match=r"model\.json: no such file\. Create the run folder with: musiclab train"):
        load(tmp_path)
    for text in ("[]", "{", '{"folds": [{}]}', '{"n": "many"}'):
        (crossval.folder / "metrics.json").write_text(text)
        with pytest.raises(RunError, match=r"metrics\.json: this is not a valid test result"):
            load(crossval.folder)


def test_a_run_without_a_result_or_a_folder_is_refused(tmp_path):
    untested = make_untested(tmp_path / "run", width=1, frames=64, hidden=[4, 4])
    with pytest.raises(RunError, match=r"metrics\.json: the run has no test result"):
        untested.report()
    with pytest.raises(RunError, match=r"the run was not saved\. Save it first with run\.save\(FOLDER\)"):
        replace(make_run(tmp_path / "other"), folder=None).report()


def test_files_of_two_runs_are_refused(tmp_path):
    folder = make_run(tmp_path / "run").folder
    make_result([0, 1], [0, 1]).save(folder / "predictions.csv")
    with pytest.raises(
        RunError, match=r"accuracy 1\.0000, n = 2\) and .*accuracy 0\.7500, n = 4\) belong to different runs\. Train"
    ):
        load(folder)


@pytest.mark.parametrize(("validation", "best_epoch"), [(True, 2), (False, 3)])
def test_a_run_from_before_the_best_epoch_was_written_has_one(tmp_path, validation, best_epoch):
    file = make_run(tmp_path / "run", history=make_history(3, validation)).folder / "metrics.json"
    metrics = json.loads(file.read_text())
    assert metrics.pop("best_epoch") == best_epoch
    file.write_text(json.dumps(metrics))
    assert load(tmp_path / "run").best_epoch == best_epoch


def test_a_history_that_is_none_is_refused(tmp_path):
    folder = make_run(tmp_path / "run").folder
    (folder / "history.csv").write_text("a,b\n1,2\n")
    with pytest.raises(RunError, match=r"history\.csv: expected a column named epoch, found \['a', 'b'\]"):
        load(folder)


# The command


def test_the_command(command, tmp_path):
    folder = make_run(tmp_path / "run").folder
    done = command("report", folder)
    assert (done.status, done.out) == (0, f"{folder / 'report.html'}\n")
    shutil.rmtree(folder)
    refused = command("report", folder)
    assert refused.status == 2
    assert "Create the run folder with: musiclab train" in refused.err
