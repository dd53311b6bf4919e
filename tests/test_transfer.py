"""Transfer: train on one data set, test on another, with sets whose difference is known."""

import base64
import io
import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import SAMPLE_RATE, TINY, check_refused, last_line
from scipy.linalg import sqrtm
from test_report import Page

import musiclab
from musiclab import features, models, plots
from musiclab.audio import load_audio, save_audio
from musiclab.core.errors import DatasetError, MusiclabError, RunError, StoreError
from musiclab.datasets import AudioFolder, open_source
from musiclab.metrics import frechet_distance
from musiclab.models.base import Classifier
from musiclab.runs import Distance, transfer
from musiclab.runs.experiments import mean_and_deviation, mean_embeddings
from musiclab.runs.shifts import measure_distance, measure_shifts
from musiclab.runs.transfer import _form, _standardise_by
from musiclab.store import prepare

REAL = os.environ.get("MUSICLAB_DATA")
QUICK = {"encoder": "summary", "show_progress": False}
CUTOFFS = {"dark": 300.0, "medium": 1500.0, "bright": 6000.0}  # Hz


def coloured_noise(cutoff, seed, level=0.05):
    """One second of noise that gets weaker above a cutoff, which varies a little, like its level."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal(SAMPLE_RATE))
    frequencies = np.fft.rfftfreq(SAMPLE_RATE, 1 / SAMPLE_RATE)
    waveform = np.fft.irfft(spectrum / (1 + (frequencies / (cutoff * rng.lognormal(0, 0.15))) ** 2))
    return (level * rng.lognormal(0, 0.2) * waveform / waveform.std()).astype(np.float32)


def make_set(root, seed, classes=CUTOFFS, change=lambda waveform: waveform, artists=4):
    """Make a folder with some artists per class, two clips each."""
    for label, sound in classes.items():
        for artist in range(artists):
            for clip in range(2):
                seed += 1
                waveform = coloured_noise(sound, seed) if isinstance(sound, float) else sound(seed)
                save_audio(
                    root / label / f"{root.name} {label} {artist}" / f"{clip}.wav", change(waveform), SAMPLE_RATE
                )
    return root


def low_pass(waveform):
    return np.convolve(waveform, np.full(8, 1 / 8), mode="same").astype(np.float32)


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """A training set, other clips of the same kind, and these clips 6 dB louder and low-passed."""
    root = tmp_path_factory.mktemp("sets")
    make_set(root / "train", 0)
    make_set(root / "same", 1000)
    make_set(root / "loud", 1000, change=lambda waveform: 2 * waveform)
    make_set(root / "dull", 1000, change=low_pass)
    return root


@pytest.fixture(scope="module")
def same(sets):
    return transfer(f"folder:{sets}/train", f"folder:{sets}/same", **QUICK)


def row(result, feature, label="all"):
    table = result.shifts
    return table[(table["feature"] == feature) & (table["class"] == label)].iloc[0]


# Two sets of the same kind, and a known difference


def test_two_sets_of_the_same_kind_do_not_differ(same):
    assert same.home.accuracy == 1
    assert same.away.accuracy > 0.8
    assert same.away.n == 24
    overall = same.shifts[same.shifts["class"] == "all"]
    assert len(overall) == 2 * (20 + 12 + 7 + 5)  # mean and deviation of MFCC, chroma, contrast and scalars
    assert (overall["shift"].abs() < 4.5 * overall["error"]).all()
    assert same.distance.low < same.distance.value < 1.3 * same.distance.high
    assert same.distance.n == 12
    assert same.unadapted is None


def test_the_model_is_the_one_that_train_makes(same, sets):
    run = musiclab.train("probe", f"folder:{sets}/train", **QUICK)
    np.testing.assert_array_equal(same.home.log_probabilities, run.result.log_probabilities)
    assert same.home.paths.tolist() == run.result.paths.tolist()
    tested = run.evaluate(f"folder:{sets}/same").result
    np.testing.assert_array_equal(same.away.log_probabilities, tested.log_probabilities)
    assert same.run.settings.trained_on == run.settings.trained_on


def test_a_gain_is_a_shift_of_the_level(same, sets):
    loud = transfer(f"folder:{sets}/train", f"folder:{sets}/loud", **QUICK)
    for label in ("all", *CUTOFFS):
        assert row(loud, "rms_mean", label)["test"] == pytest.approx(2 * row(same, "rms_mean", label)["test"], rel=1e-3)
        decibels = (row(loud, "mfcc_0_mean", label)["test"] - row(same, "mfcc_0_mean", label)["test"]) / np.sqrt(128)
        assert decibels == pytest.approx(20 * np.log10(2), abs=0.02)
        assert row(loud, "mfcc_0_mean", label)["shift"] < -2  # train minus test, and test is louder
        assert row(loud, "centroid_mean", label)["shift"] == pytest.approx(
            row(same, "centroid_mean", label)["shift"], abs=0.02
        )
    changed = loud.shifts.merge(same.shifts, on=["class", "feature"])
    difference = (changed["shift_x"] - changed["shift_y"]).abs().groupby(changed["feature"]).max()
    assert set(difference.index[difference > 0.5]) == {"mfcc_0_mean", "rms_mean", "rms_deviation"}
    assert loud.distance.value > loud.distance.high


def test_a_low_pass_is_a_shift_of_the_brightness(sets):
    dull = transfer(f"folder:{sets}/train", f"folder:{sets}/dull", **QUICK)
    for feature in ("centroid_mean", "rolloff_mean", "zero_crossing_rate_mean", "mfcc_1_mean"):
        assert (row(dull, feature, "bright")["shift"] > 2) == (feature != "mfcc_1_mean")  # which grows with the bass
    table = {
        side: [
            features.summary(load_audio(path, SAMPLE_RATE)[0], features.SummaryConfig())[2]  # centroid
            for path in sorted((sets / side / "bright").glob("*/*.wav"))
        ]
        for side in ("train", "dull")
    }
    expected = (np.mean(table["train"]) - np.mean(table["dull"])) / np.std(table["dull"], ddof=1)
    assert row(dull, "centroid_mean", "bright")["shift"] == pytest.approx(expected, rel=1e-3)
    error = np.hypot(*(np.std(table[side], ddof=1) / np.sqrt(8) for side in table)) / np.std(table["dull"], ddof=1)
    assert row(dull, "centroid_mean", "bright")["error"] == pytest.approx(error, rel=1e-3)


def test_a_typical_clip_is_in_the_middle(same):
    assert same.typical["class"].tolist() == sorted(CUTOFFS)
    for label, own, other in same.typical.itertuples(index=False):
        assert f"/train/{label}/" in own
        assert f"/same/{label}/" in other


# Shifts and distances of tables


def make_table(count, shift=0.0, seed=0, size=6):
    rng = np.random.default_rng(seed)
    labels = np.array(["a", "b"])[np.arange(count) % 2]
    values = rng.normal(size=(count, size)) + 3 * (labels == "b")[:, None] + shift
    clips = pd.DataFrame({"path": [f"{seed}-{n}" for n in range(count)], "label": labels, "group": np.arange(count)})
    return clips.join(pd.DataFrame(values, columns=[f"f{n}" for n in range(size)]))


def test_shifts_do_not_depend_on_the_shares_of_the_classes():
    train, test = make_table(2000), make_table(2000, 0.5, seed=1)
    few = pd.concat([test[test["label"] == "a"], test[test["label"] == "b"].head(100)])
    for table in (test, few):
        shifts = measure_shifts(train, table)
        np.testing.assert_allclose(shifts["shift"], -0.5, atol=0.35)
        np.testing.assert_allclose(shifts.loc[shifts["class"] == "all", "shift"], -0.5, atol=0.25)


def test_one_clip_or_a_constant_feature_has_no_shift():
    train, test = make_table(40), make_table(40, seed=1)
    alone = pd.concat([test[test["label"] == "a"], test[test["label"] == "b"].head(1)]).assign(f0=7.0)
    shifts = measure_shifts(train, alone)
    assert shifts.loc[shifts["class"] == "b", "shift"].isna().all()
    assert shifts.loc[shifts["feature"] == "f0", "shift"].isna().all()
    known = shifts[(shifts["class"] != "b") & (shifts["feature"] != "f0")]
    assert known[["shift", "error"]].notna().all(axis=None)


def test_the_distance_of_equal_sets_is_the_zero_point():
    train, test = make_table(400), make_table(300, seed=1)
    distance = measure_distance(train, test)
    assert distance.n == 150
    assert distance.value == pytest.approx(distance.zero, abs=0.05)
    assert distance.low < distance.zero < distance.high
    assert measure_distance(train, test) == distance
    spread = 1 + 1.5**2  # variance of a feature over both classes
    shifted = measure_distance(train.assign(**{f"f{n}": train[f"f{n}"] + 2 for n in range(6)}), test)
    assert shifted.value - distance.value == pytest.approx(4 / spread, rel=0.1)
    unbalanced = pd.concat([train[train["label"] == "a"], train[train["label"] == "b"].head(60)])
    assert measure_distance(unbalanced, test).value < 1.5 * distance.high  # the same number of clips of each class


def test_halves_have_no_common_artist():
    train, test = make_table(40), make_table(40, seed=1)
    artists = np.arange(40) // 2 % 2
    by_artist = test.assign(group=artists.astype(str)).copy()
    by_artist.loc[artists == 1, "f0"] += 50  # so the halves always differ in it
    assert measure_distance(train, by_artist).zero > 2 * measure_distance(train, by_artist.assign(group=range(40))).zero


def test_few_clips_have_no_distance():
    distance = measure_distance(make_table(40), make_table(4, seed=1))
    assert np.isnan(distance.value)
    assert str(distance) == "not measured, because halves of the test set have only 2 clips"


def test_the_frechet_distance_agrees_with_its_formula():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(50, 4)) @ rng.normal(size=(4, 4)), rng.normal(1, 2, size=(40, 4))
    covariances = [np.cov(values.T, ddof=0) for values in (first, second)]
    expected = np.square(first.mean(0) - second.mean(0)).sum()
    expected += np.trace(sum(covariances) - 2 * sqrtm(covariances[0] @ covariances[1]).real)
    assert frechet_distance(first, second) == pytest.approx(expected)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(first[:2], first[:2]) == pytest.approx(0, abs=1e-9)  # fewer vectors than dimensions


# Standardising by the test set


def test_standardising_repairs_a_gain(tmp_path):
    sounds = {
        "quiet": lambda seed: coloured_noise(1500.0, seed, 0.001),
        "loud": lambda seed: coloured_noise(1500.0, seed, 0.01),
    }
    make_set(tmp_path / "train", 0, sounds, artists=16)
    make_set(tmp_path / "test", 500, sounds, change=lambda waveform: 10 * waveform)
    result = transfer(f"folder:{tmp_path}/train", f"folder:{tmp_path}/test", standardise=True, **QUICK)
    assert result.home.accuracy > 0.9
    assert result.unadapted.accuracy <= 0.5  # all are loud
    assert result.away.accuracy > 0.9
    assert result.away.paths.tolist() == result.unadapted.paths.tolist()
    assert "away, standardised by the test set: accuracy" in str(result)


def test_every_model_can_be_standardised(all_features):
    for name in models.NAMES:
        assert issubclass(models.find(name), Classifier)
    run = musiclab.train("probe", all_features, show_progress=False)
    model, embeddings = _standardise_by(run, all_features).model, mean_embeddings(all_features)
    np.testing.assert_allclose(model.mean, embeddings.mean(axis=0), rtol=1e-4, atol=1e-4)
    run = musiclab.train("mlp", all_features, epochs=1, device="cpu", show_progress=False, kind="tutorial")
    before = run.model.mean.clone()
    mean, _ = mean_and_deviation(all_features, "summary", np.arange(len(all_features)))
    np.testing.assert_allclose(_standardise_by(run, all_features).model.mean, mean, rtol=1e-4)
    assert run.model.mean.equal(before)  # the run itself stays as it was


def test_a_network_can_be_transferred(sets):
    settings = {"epochs": 1, "device": "cpu", "show_progress": False, **TINY["cnn"]}
    result = transfer(f"folder:{sets}/train", f"folder:{sets}/same", "cnn", standardise=True, **settings)
    assert (result.home.n, result.away.n) == (6, 24)
    assert not np.array_equal(result.away.log_probabilities, result.unadapted.log_probabilities)


# Classes


@pytest.mark.parametrize("name", ["Dog bark", "dog_bark", "dog-bark", " DOGBARK"])
def test_class_names_match_however_they_are_written(name):
    assert _form(name) == "dogbark"
    assert _form("dogs bark") != "dogbark"


def test_only_common_classes_are_used(sets, tmp_path):
    shutil.copytree(sets / "same" / "dark", tmp_path / "other" / "Dark")
    shutil.copytree(sets / "same" / "bright", tmp_path / "other" / "BRIGHT")
    shutil.copytree(sets / "same" / "medium", tmp_path / "other" / "pink")
    result = transfer(f"folder:{sets}/train", f"folder:{tmp_path}/other", **QUICK)
    assert result.run.settings.classes == result.away.classes == result.home.classes == ["bright", "dark"]
    assert result.names == {"BRIGHT": "bright", "Dark": "dark"}
    assert (result.only_train, result.only_test) == (["medium"], ["pink"])
    assert result.home.n == 4
    assert result.away.n == 16
    assert result.away.accuracy > 0.8
    assert set(result.shifts["class"]) == {"all", "bright", "dark"}
    assert "Left out, because only folder:train has this class: medium." in str(result)
    assert "Left out, because only folder:other has this class: pink." in str(result)
    assert "Classes of folder:other count as classes of folder:train: BRIGHT as bright, Dark as dark." in str(result)
    matched = transfer(
        f"folder:{sets}/train", f"folder:{tmp_path}/other", classes={"medium": "pink", "dark": "BRIGHT"}, **QUICK
    )
    assert matched.names == {"pink": "medium", "BRIGHT": "dark"}
    assert (matched.only_train, matched.only_test) == (["bright"], ["Dark"])


def test_too_few_common_classes_are_refused_before_a_clip_is_decoded(sets, tmp_path):
    for label in ("dark", "rock"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "a.wav").touch()
    words = r"found 1\. The first has bright, dark, medium; the second has dark, rock\. Rename classes, or match them"
    with pytest.raises(DatasetError, match=words):
        transfer(f"folder:{sets}/train", f"folder:{tmp_path}", **QUICK)
    with pytest.raises(RunError, match="expected a class of folder:train among bright, dark, medium, found 'drak'"):
        transfer(f"folder:{sets}/train", f"folder:{sets}/same", classes={"drak": "dark"}, **QUICK)


def test_the_name_of_all_classes_is_refused(sets, tmp_path):
    for side in ("train", "same"):
        shutil.copytree(sets / side, tmp_path / side)
        (tmp_path / side / "dark").rename(tmp_path / side / "all")
    with pytest.raises(DatasetError, match='rename the class "all"'):
        transfer(f"folder:{tmp_path}/train", f"folder:{tmp_path}/same", **QUICK)


def test_a_class_that_is_left_out_need_not_be_large_enough(sets, tmp_path):
    shutil.copytree(sets / "train", tmp_path / "train")
    save_audio(tmp_path / "train" / "rare" / "a.wav", coloured_noise(500.0, 0), SAMPLE_RATE)
    assert transfer(f"folder:{tmp_path}/train", f"folder:{sets}/same", **QUICK).only_train == ["rare"]


# Copies


def test_copies_of_training_clips_do_not_count(sets, tmp_path, caplog):
    shutil.copytree(sets / "same", tmp_path / "test")
    for clip, suffix in ((0, "flac"), (1, "wav")):
        waveform, _ = load_audio(sets / "train" / "dark" / "train dark 0" / f"{clip}.wav")
        save_audio(tmp_path / "test" / "dark" / f"copy{clip}.{suffix}", 0.8 * waveform, SAMPLE_RATE)
    result = transfer(f"folder:{sets}/train", f"folder:{tmp_path}/test", **QUICK)
    assert result.away.n == 24
    assert not any("copy" in path for path in result.away.paths)
    assert "skipping 2 of 26 clips" in caplog.text
    assert row(result, "rms_mean", "dark")["test"] == pytest.approx(
        np.mean([features.rms(load_audio(path, SAMPLE_RATE)[0]).mean() for path in sets.glob("same/dark/*/*.wav")]),
        rel=1e-3,
    )


def test_a_copy_in_a_class_that_is_left_out_is_a_clip_like_others(sets, tmp_path):
    root = shutil.copytree(sets / "train", tmp_path / "train")
    shutil.copytree(root / "dark", root / "other")
    assert transfer(f"folder:{root}", f"folder:{sets}/same", **QUICK).away.n == 24


def test_a_class_is_matched_once(command, sets):
    done = command("transfer", sets / "train", sets / "same", "--class", "dark=bright", "--class", "medium=bright")
    check_refused(done, "bright, a class of folder:same, is matched more than once, with dark and medium")


def test_the_training_set_itself_is_refused(sets):
    with pytest.raises(DatasetError, match=r"all 24 clips, such as .*, are also in the training data"):
        transfer(f"folder:{sets}/train", f"folder:{sets}/train", **QUICK)


# Stores


def test_stores_are_used_as_they_are(sets, tmp_path, same):
    settings = {
        "embedding": features.EmbeddingConfig(encoder="summary"),
        "summary": features.SummaryConfig(kind="full"),
    }
    for name in ("train", "same"):
        prepare(AudioFolder(sets / name), tmp_path / f"{name}.h5", settings, workers=1, progress=False)
    result = transfer(tmp_path / "train.h5", tmp_path / "same.h5", **QUICK)
    np.testing.assert_array_equal(result.away.log_probabilities, same.away.log_probabilities)
    pd.testing.assert_frame_equal(result.shifts, same.shifts)
    assert result.distance == same.distance
    assert result.test["name"] == "folder:same"


def test_a_store_without_the_features_is_refused(sets, tmp_path, small_store):
    with pytest.raises(StoreError) as error:
        transfer(f"folder:{sets}/train", small_store, classes={"dark": "low", "bright": "high"}, **QUICK)
    assert "expected 'summary' in the store, found audio, logmel" in str(error.value)
    assert "expected 'embedding' in the store, found audio, logmel" in str(error.value)
    settings = {"embedding": features.EmbeddingConfig(encoder="random"), "summary": features.SummaryConfig()}
    prepare(AudioFolder(sets / "same"), tmp_path / "other.h5", settings, workers=1, progress=False)
    with pytest.raises(StoreError, match=r"the model was trained on embedding with .*encoder=summary"):
        transfer(f"folder:{sets}/train", tmp_path / "other.h5", **QUICK)


# The page


def test_the_page_has_tables_figures_and_sounds(sets, tmp_path):
    result = transfer(f"folder:{sets}/train", f"folder:{sets}/dull", **QUICK)
    assert result.away.accuracy < 1
    page = Page(result.report(tmp_path / "page.html"))
    assert page.all("script") == page.all("link") == []
    assert "http" not in page.source
    assert "Transfer: probe trained on folder:train, tested on folder:dull" in page.text
    for scores in (result.home, result.away):
        low, high = scores.ci95
        assert (
            f"{100 * scores.accuracy:.1f} % accuracy, 95 % interval {100 * low:.1f} to {100 * high:.1f} %" in page.text
        )
        assert f"n = {scores.n} clips in {scores.n // 2} groups" in page.text
    mistakes = result.away.mistakes.drop_duplicates("label")
    assert len(page.all("audio")) == 2 * 3 + len(mistakes)
    assert len(page.all("img")) == 2 + len(page.all("audio"))
    assert all(image["src"].startswith("data:image/png;base64,") and image["alt"] for image in page.all("img"))
    assert "Heat map of the shift of each feature" in page.source
    for label in CUTOFFS:
        assert f"training: typical {label} train/{label}/" not in page.text  # the artist's folder is named as well
        assert f"training: typical {label} {label}/train {label} " in page.text
        assert f"test: typical {label} {label}/dull {label} " in page.text
    worst = mistakes.iloc[0]
    assert f"test: {worst['label']} predicted as {worst['predicted']}, {100 * worst['probability']:.1f} %" in page.text
    sound = io.BytesIO(base64.b64decode(page.all("audio")[0]["src"].split(",")[1]))
    drop = result.per_class["home"] - result.per_class["away"]
    path = result.typical.set_index("class").loc[drop.idxmax(), "train"]
    np.testing.assert_array_equal(soundfile.read(sound)[0], soundfile.read(path)[0])
    assert "generated" not in page.text


def test_generated_data_are_said_to_be(sets, tmp_path):
    train = AudioFolder(sets / "train")
    train.generated = True
    result = transfer(train, f"folder:{sets}/same", **QUICK)
    words = "The model was trained on generated sound, so its accuracy at home is not a benchmark."
    assert words in str(result)
    assert "probe trained on folder:train (generated sound), tested on folder:same" in str(result)
    assert words in Page(result.report(tmp_path / "page.html")).text


def test_a_page_is_an_html_file(same, tmp_path):
    with pytest.raises(RunError, match=r"expected a page with the extension \.html, found \.pdf"):
        same.report(tmp_path / "page.pdf")


def test_a_heat_map_shows_each_shift():
    table = pd.DataFrame({"class": ["b", "a", "all"] * 2, "feature": ["rms"] * 3 + ["centroid"] * 3})
    ax = plots.shifts(table.assign(shift=[1.0, 2.5, 1.7, -0.1, np.nan, -0.04]))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["all", "a", "b"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["rms", "centroid"]
    assert [text.get_text() for text in ax.texts] == ["+1.7", "+2.5", "+1.0", "+0.0", "-0.1"]
    assert len(plots.shifts(table.assign(shift=1.0), features=1).get_yticklabels()) == 1


# The command


def test_the_command(command, sets, tmp_path):
    folder, page = tmp_path / "run", tmp_path / "pages" / "page.html"
    done = command("transfer", sets / "train", sets / "same", "--encoder", "summary", "--standardise", "--quiet",
                   "--out", folder, "--page", page, "--json")  # fmt: skip
    assert done.status == 0
    summary = last_line(done)
    for name in ("home", "away", "unadapted"):
        low, high = (100 * end for end in summary[name]["ci95"])
        words = f"accuracy {100 * summary[name]['accuracy']:.1f} %, 95 % interval {low:.1f} to {high:.1f} %"
        assert words in done.out
    assert summary["distance"]["n"] == 12
    assert "largest shifts over all classes" in done.out
    assert "distance between the sets: " in done.out
    assert f"page: {folder / 'transfer.html'}\npage: {page}\n" in done.out
    assert page.stat().st_size == (folder / "transfer.html").stat().st_size
    assert musiclab.load(folder).settings.command.startswith("musiclab transfer ")
    assert musiclab.metrics.Result.load(folder / "away.csv").n == 24
    again = command("transfer", sets / "train", sets / "same", "--encoder", "summary", "--out", folder)
    check_refused(again, "this folder contains a finished run", "--overwrite")


def test_everything_that_is_wrong_is_said_at_once(command, sets, tmp_path):
    (tmp_path / "empty").mkdir()
    done = command("transfer", tmp_path / "nowhere", tmp_path / "empty", "--set", "learning_rat=1", "--class", "a",
                   "--page", tmp_path / "page.pdf")  # fmt: skip
    check_refused(done, "5 problems", "nowhere: ", "empty: ", "learning_rat: model probe has no such setting",
                  "--class: expected TRAIN=TEST", ".html, found .pdf")  # fmt: skip
    done = command("transfer", sets / "train", sets / "same", "--model", "cnnn")
    check_refused(done, "expected a model among", "did you mean cnn?")
    done = command("transfer", sets / "train", sets / "same", "--encoder", "musicn", "--class", "dark=drak")
    check_refused(done, "2 problems", "did you mean musicnn?", "expected a class of folder:same among", "'drak'")


def test_bad_files_are_listed_and_left_out(command, sets, tmp_path):
    shutil.copytree(sets / "same", tmp_path / "test")
    (tmp_path / "test" / "dark" / "broken.wav").write_bytes(b"no sound")
    done = command("transfer", sets / "train", tmp_path / "test", "--encoder", "summary", "--json", "--quiet")
    assert done.status == 0
    assert "1 file could not be read and is left out" in done.err
    assert done.err.count("broken.wav") == 1
    assert last_line(done)["away"]["n"] == 24


def test_results_without_a_distance_are_valid_json(same):
    nothing = Distance(np.nan, np.nan, np.nan, np.nan, 2)
    table = same.shifts.assign(shift=np.nan)
    result = replace(same, distance=nothing, shifts=table)
    text = json.dumps(result.to_dict(), allow_nan=False)
    assert json.loads(text)["distance"]["value"] is None
    assert "not measured" in str(result)


# Real recordings


@pytest.mark.skipif(not REAL, reason="MUSICLAB_DATA is not set")
def test_real_recordings_of_other_folds():
    """Three classes of ESC-10: trained on folds 1 and 2 and tested on fold 3, whose classes are written differently."""
    written = {"dog": "Dog", "sea_waves": "Sea waves", "clock_tick": "clock-tick"}
    dataset = open_source(f"esc10:{REAL}/esc10")
    index = dataset.index[dataset.index["label"].isin(written)]
    train, test = open_source(f"esc10:{REAL}/esc10"), dataset
    train.index = index[index["fold"] <= 2].reset_index(drop=True)
    test.index = index[index["fold"] == 3].replace({"label": written}).reset_index(drop=True)
    result = transfer(train, test, **QUICK)
    assert result.names == {other: own for own, other in written.items()}
    assert (result.home.n, result.away.n) == (24, 24)
    assert result.away.accuracy > 0.8
    assert result.distance.value < 2 * result.distance.high  # recordings of the same kind
    with pytest.raises(MusiclabError, match="expected at least two common classes, found 0"):
        transfer(train, f"folder:{REAL}/esc10", **QUICK)
