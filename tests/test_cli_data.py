"""The commands about stores: make one, add to it, look at it, hold it against its checksums."""

import numpy as np
import pandas as pd
import pytest
from conftest import check_refused

import musiclab
from musiclab.store import Store


@pytest.fixture
def store(command, small_folder, tmp_path):
    """A store of its own, with audio and log-mels."""
    path = tmp_path / "s.h5"
    assert command("prepare", f"folder:{small_folder}", path, "--workers", 1).status == 0
    return path


def test_preparing_twice_computes_nothing(command, small_folder, store):
    before = store.read_bytes()
    again = command("prepare", f"folder:{small_folder}", store, "--workers", 1)
    assert again.status == 0
    assert again.out.startswith(f"{store}: 24 clips, ")
    assert again.out.endswith(" MB, 0 computed now\n")
    assert store.read_bytes() == before


def test_preparing_again_adds_a_feature_and_leaves_the_others(command, small_folder, store):
    with Store(store) as old:
        before = {name: np.array(old.values(name)) for name in old.features}
    added = command("prepare", f"folder:{small_folder}", store, "--features", "summary", "--workers", 1)
    assert added.status == 0
    with Store(store) as new:
        assert set(new.features) == {"audio", "logmel", "summary"}
        assert new.values("summary").shape == (24, 26)
        for name, values in before.items():
            np.testing.assert_array_equal(new.values(name), values)


def test_settings_are_those_that_were_asked_for(command, small_folder, tmp_path):
    path = tmp_path / "s.h5"
    settings = ("--set", "audio.sample_rate=8000", "--set", "logmel.n_mels=64", "--set", "logmel.fmin=20")
    assert command("prepare", f"folder:{small_folder}", path, *settings, "--workers", 1).status == 0
    with Store(path) as store:
        assert store.config["audio"]["sample_rate"] == 8000
        assert store.config["logmel"]["n_mels"] == store.read("logmel", 0).shape[0] == 64
        assert store.config["logmel"]["fmin"] == 20
        assert len(store.read("audio", 0)) == 12000  # 1.5 s
    other = command("prepare", f"folder:{small_folder}", path, "--set", "logmel.n_mels=32", "--workers", 1)
    words = "logmel.n_mels=32, found one made with audio.sample_rate=8000, logmel.fmin=20, logmel.n_mels=64; choose an"
    check_refused(other, words, "start from scratch with --replace")
    replaced = ("--features", "logmel", "--set", "logmel.n_mels=32", "--replace", "--workers", 1)
    assert command("prepare", f"folder:{small_folder}", path, *replaced).status == 0
    assert Store(path).config["logmel"]["n_mels"] == 32


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--set", "logmel.n_mel=64"), ("expected settings of logmel among", "did you mean n_mels?")),
        (("--set", "mfcc.n_mfcc=13"), ("expected settings of a feature among audio, logmel, found 'mfcc'",)),
        (("--set", "logmel=64"), ("logmel: expected settings by name, such as logmel.sample_rate=22050, found 64",)),
        (("--set", "logmel.n_mels"), ("--set: expected NAME=VALUE, found 'logmel.n_mels'",)),
        (("--set", "logmel.n_mels=-1"), ("n_mels", "-1")),
        (("--features", ""), ("expected features among audio, logmel",)),
        (("--backend", "threads"), ("expected a backend among", "did you mean threading?")),
    ],
)
def test_what_cannot_be_prepared_is_refused(command, small_folder, tmp_path, options, words):
    check_refused(command("prepare", f"folder:{small_folder}", tmp_path / "s.h5", *options), *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["prepare", "scan"])
def test_no_workers_at_all_are_refused(command, small_folder, tmp_path, name):
    done = command(name, f"folder:{small_folder}", *[tmp_path / "s.h5"] * (name == "prepare"), "--workers", 0)
    assert done.status == 2
    assert "expected 1 or more, or -1 for one per core" in done.err
    assert list(tmp_path.iterdir()) == []


def test_inspect_says_what_is_in_a_store(command, store):
    done = command("inspect", store)
    assert done.status == 0
    for words in (f"{store}: 24 clips, ", "logmel    float16", "n_mels=128", "audio     int16", "folder:small",
                  "licence", "groups    12", "failures: none"):  # fmt: skip
        assert words in done.out
    for label in ("low", "middle", "high"):
        assert f"  {label} " in done.out


def test_the_summary_becomes_a_table(command, all_features, tmp_path):
    done = command("inspect", all_features.path, "--csv", tmp_path / "features.csv")
    assert done.status == 0
    table = pd.read_csv(tmp_path / "features.csv")
    assert table["path"].tolist() == all_features.index["path"].tolist()
    assert table["label"].tolist() == all_features.index["label"].tolist()
    names = list(all_features.names("summary"))
    assert list(table.columns[-len(names) :]) == names
    np.testing.assert_allclose(table[names].to_numpy(), all_features.values("summary"), rtol=1e-6)


def test_without_a_summary_there_is_no_table(command, store, tmp_path):
    done = command("inspect", store, "--csv", tmp_path / "features.csv")
    assert done.status == 2
    assert "expected 'summary' in the store, found audio, logmel" in done.err
    assert f"add it with: musiclab prepare SOURCE {store} --features summary" in done.err
    assert not (tmp_path / "features.csv").exists()


def test_a_table_in_place_of_a_folder_is_refused(command, all_features, tmp_path):
    done = command("inspect", all_features.path, "--csv", tmp_path)
    assert done.status == 2
    assert done.out == ""
    assert (
        done.err
        == f"musiclab: {tmp_path} is a folder. Choose a file name for the table, such as {tmp_path}/table.csv.\n"
    )


def test_verify_finds_a_damaged_clip(command, store):
    good = command("verify", store)
    assert (good.status, good.out) == (0, f"{store}: no faults\n")
    with Store(store) as opened:
        clip = opened.read("audio", 5)
        path = opened.index["path"][5]
    content = bytearray(store.read_bytes())
    place = content.find(clip.tobytes())
    content[place + 100] ^= 1
    store.write_bytes(content)
    bad = command("verify", store)
    assert bad.status == 1
    assert f"audio: clip 5 ({path}): expected checksum " in bad.out
    assert bad.out.endswith(f"{store}: 1 fault\n")


@pytest.mark.parametrize("name", ["inspect", "verify"])
def test_what_is_no_store_is_refused(command, tmp_path, name):
    check_refused(command(name, tmp_path / "none.h5"), "none.h5: no such file; make it with: musiclab prepare")
    (tmp_path / "text.h5").write_text("text")
    check_refused(command(name, tmp_path / "text.h5"), "text.h5: not a readable HDF5 file", "make it again with")


def test_prepare_for_models_stores_what_their_recipes_take(command, small_folder, tmp_path):
    store = tmp_path / "for.h5"
    good = command("prepare", f"folder:{small_folder}", store, "--for", "mlp, m5", "--features", "mfcc")
    assert good.status == 0
    with Store(store) as opened:
        assert opened.features == ["audio", "mfcc", "summary"]
        assert opened.config["summary"]["kind"] == "full"
        assert opened.config["audio"]["sample_rate"] == 8000
    bad = command("prepare", f"folder:{small_folder}", tmp_path / "bad.h5", "--for", "mlp,cmn")
    assert bad.status == 2
    assert "found 'cmn'; did you mean cnn?" in bad.err
    changed = command(
        "prepare", f"folder:{small_folder}", tmp_path / "s.h5", "--for", "cnn", "--set", "logmel.n_mels=64"
    )
    assert changed.status == 0
    with Store(tmp_path / "s.h5") as opened:
        assert opened.config["logmel"] | {"n_mels": 128} == musiclab.training.features_for("cnn")["logmel"].to_dict()
        assert opened.config["logmel"]["n_mels"] == 64
