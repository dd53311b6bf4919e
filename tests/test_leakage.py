"""Leakage: the same clips, tested once by a split that leaks and once by one that does not."""

import tempfile

import numpy as np
import pandas as pd
import pytest
from conftest import SAMPLE_RATE, noisy_sine
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from musiclab.audio import save_audio
from musiclab.core.errors import DatasetError, RunError
from musiclab.datasets import AudioFolder
from musiclab.runs import compare_leak
from musiclab.store import Store, prepare

NEAREST = KNeighborsClassifier(1)


@pytest.fixture(scope="module")
def unlearnable(tmp_path_factory):
    """Twelve players, each with a pitch of their own and a class that has nothing to do with it; 4 clips each."""
    root = tmp_path_factory.mktemp("leak") / "players"
    rng = np.random.default_rng(0)
    for player, frequency in enumerate(np.geomspace(200, 5000, 12)):
        label = "ab"[player % 2]
        for clip in range(4):
            waveform = noisy_sine(frequency, 0, 3.2) + 0.01 * rng.standard_normal(round(3.2 * SAMPLE_RATE))
            save_audio(root / label / f"player{player:02d}" / f"{clip}.wav", waveform, SAMPLE_RATE)
    path = tmp_path_factory.mktemp("stores") / "players.h5"
    prepare(AudioFolder(root), path, ["logmel"], workers=1, progress=False)
    with Store(path) as store:
        yield store


@pytest.mark.parametrize("unit", ["segment", "clip"])
@pytest.mark.parametrize("model", [NEAREST, SVC(C=1e4)])
def test_what_cannot_be_learned_is_right_only_by_a_leak(unlearnable, model, unit):
    leak = compare_leak(model, unlearnable, unit, folds=4)
    assert leak.leaky.accuracy == 1  # the player was heard in training
    assert leak.honest.accuracy < 0.8  # half by chance: neighbouring pitches are of the other class
    assert leak.inflation == pytest.approx(1 - leak.honest.accuracy)
    assert leak.test.only_second == 0
    count = 48 * (2 if unit == "segment" else 1)  # 138 frames are two segments of 64
    assert leak.leaky.n == leak.honest.n == count
    assert sorted(leak.leaky.paths) == sorted(leak.honest.paths)
    assert len(set(leak.leaky.paths)) == count  # each tested once
    assert leak.honest.ci95[0] <= leak.honest.accuracy <= leak.honest.ci95[1]
    low, high = leak.honest.ci95
    assert (
        f"honest (split by group): accuracy {100 * leak.honest.accuracy:.1f} %, 95 % interval {100 * low:.1f} to "
        f"{100 * high:.1f} %, n = {count} {unit}s in 12 groups"
    ) in str(leak)
    assert f"leaky ({unit}s split at random): accuracy 100.0 %" in str(leak)
    assert str(leak).endswith(f"the leak is worth {100 * leak.inflation:+.1f} points")


def test_a_scaler_is_a_step_of_a_pipeline(unlearnable):
    leak = compare_leak(make_pipeline(StandardScaler(), NEAREST), unlearnable, "clip", folds=3)
    assert leak.model == "KNeighborsClassifier"
    assert leak.leaky.n == 48


def test_nothing_is_left_behind(unlearnable, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    compare_leak(NEAREST, unlearnable, "segment", folds=2)
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_leaks_nothing_is_gained(small_store):
    leak = compare_leak(NEAREST, small_store, "clip")
    assert (leak.leaky.accuracy, leak.honest.accuracy) == (1, 1)  # three tones two octaves apart
    assert leak.inflation == 0
    assert leak.test.p == 1


def test_a_network_is_compared_likewise(unlearnable):
    quick = {"epochs": 2, "device": "cpu", "precision": "fp32", "width": 2, "hidden": (8, 8), "dropout": 0.0}
    leak = compare_leak("cnn", unlearnable, folds=2, show_progress=False, **quick)
    assert leak.model == "cnn"
    assert leak.leaky.n == leak.honest.n == 96
    assert sorted(leak.leaky.paths) == sorted(leak.honest.paths)
    sides = pd.Series(leak.honest.groups).groupby(leak.honest.paths).nunique()
    assert (sides == 1).all()


def test_what_cannot_leak_is_refused(unlearnable, small_store):
    with pytest.raises(RunError, match="expected a unit among segment, clip, found 'song'"):
        compare_leak(NEAREST, unlearnable, "song")
    with pytest.raises(
        DatasetError, match=r"nothing can leak, because each of the 24 clips has only one segment\. Use fewer frames"
    ):
        compare_leak(NEAREST, small_store)  # 65 frames are one segment
    lonely = small_store.index.assign(group=small_store.index["path"])
    store = Store(small_store.path)
    store.index = lonely
    with pytest.raises(DatasetError, match="nothing can leak, because each of the 24 groups has only one clip"):
        compare_leak(NEAREST, store, "clip")
