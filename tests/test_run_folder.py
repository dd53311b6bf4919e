"""Run folders: the same logits, to the last bit, and words when something does not fit."""

import dataclasses
import json

import pytest
import torch

from musiclab.core.errors import RunError
from musiclab.features import MelConfig
from musiclab.models import create
from musiclab.runs import Run, RunSettings, load


@pytest.fixture
def trained():
    torch.manual_seed(0)
    model = create("cnn", 3, width=2, n_mels=64, frames=64, hidden=(16, 8))
    model.standardise_by(-1.5, 0.7)
    for _ in range(3):  # so that batch norm has something to remember
        model.train()(torch.randn(8, 64, 64))
    settings = RunSettings(
        "cnn", model.sizes, ["dörr", "b", "c"], "logmel", MelConfig(n_mels=64).to_dict(), {"name": "x"}, "fold 1 tests",
        {"seed": 3}, ["a.wav"],
    )  # fmt: skip
    return Run(settings, model.eval())


def test_a_checkpoint_gives_the_same_logits_to_the_last_bit(trained, tmp_path):
    assert trained.save(tmp_path / "run").folder == tmp_path / "run"
    files = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert files == ["history.csv", "model.json", "model.safetensors"]
    again = load(tmp_path / "run")
    assert again.settings == trained.settings
    assert again.result is None
    assert not again.model.training
    batch = torch.randn(5, 64, 64)
    assert torch.equal(again.model(batch), trained.model(batch))
    for name, value in trained.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value)


def test_a_run_folder_can_be_written_over(trained, tmp_path):
    trained.save(tmp_path)
    other = dataclasses.replace(trained.settings, split="fold 2 tests")
    dataclasses.replace(trained, settings=other).save(tmp_path)
    assert load(tmp_path).settings.split == "fold 2 tests"


def rewrite_settings(folder, **changes):
    settings = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    (folder / "model.json").write_text(json.dumps(settings | changes), encoding="utf-8")


def cut(path):
    path.write_bytes(path.read_bytes()[:-1000])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            lambda run: (run / "model.json").unlink(),
            r"model\.json: no such file; expected the folder that musiclab train",
        ),
        (lambda run: (run / "model.safetensors").unlink(), r"model\.safetensors: no such file; expected the folder"),
        (lambda run: (run / "model.json").write_text("{"), r"model\.json: expected the description of a model, found"),
        (lambda run: (run / "model.json").write_text('{"a": 1}'), r"model\.json: expected the description of a model"),
        (lambda run: (run / "model.json").write_text("[]"), r"model\.json: expected the description of a model"),
        (lambda run: cut(run / "model.safetensors"), r"model\.safetensors: expected weights in safetensors, found"),
        (lambda run: (run / "model.safetensors").write_text("text"), "expected weights in safetensors, found"),
        (
            lambda run: rewrite_settings(run, classes=["a", "b"]),
            r"expected the weights of cnn .* and 2 classes, found others",
        ),
        (lambda run: rewrite_settings(run, model="rnn"), "expected a model among .*, found 'rnn'"),
        (lambda run: rewrite_settings(run, sizes={"depth": 3}), "model cnn: expected a size among .*, found 'depth'"),
        (
            lambda run: rewrite_settings(run, sizes={"width": 10**12}),
            r"model\.json: model cnn: expected sizes that can be had",
        ),
        (lambda run: rewrite_settings(run, sizes=[1]), r"expected the description of a model, .*\(sizes is \[1\]\)"),
        (
            lambda run: rewrite_settings(run, classes="abc"),
            r"expected the description of a model, .*\(classes is 'abc'\)",
        ),
        (lambda run: rewrite_settings(run, test_paths=[3]), r"expected the description of a model, .*not all texts"),
        (lambda run: rewrite_settings(run, feature="smell"), "expected a feature among .*, found 'smell'"),
        (
            lambda run: rewrite_settings(run, feature_config={"n_mels": 0}),
            r"model\.json: expected the description .*n_mels",
        ),
    ],
)
def test_a_run_folder_that_does_not_fit_is_an_error(trained, tmp_path, damage, words):
    trained.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(RunError, match=words):
        load(tmp_path)


def test_a_run_folder_that_is_not_there(tmp_path):
    with pytest.raises(
        RunError, match=r"none.model\.json: no such file; .*musiclab train MODEL DATA --out .*none has made"
    ):
        load(tmp_path / "none")
