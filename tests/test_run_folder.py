"""Run folders: the same logits, to the last bit, and words when something does not fit."""

import dataclasses
import json

import pytest
import torch
from conftest import SAMPLE_RATE, noisy_sine
from run_folders import make_run, make_untested
from safetensors.torch import load_file, save_file

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


def rewrite_weights(folder, value):
    """Set one weight."""
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if name.endswith("0.weight"))
    weights[name].flatten()[0] = value
    save_file(weights, folder / "model.safetensors")


def cut(path):
    path.write_bytes(path.read_bytes()[:-1000])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            lambda run: (run / "model.json").unlink(),
            r"model\.json: no such file\. Create the run folder with: musiclab train",
        ),
        (lambda run: (run / "model.safetensors").unlink(), r"model\.safetensors: no such file\. Create the run"),
        (lambda run: (run / "model.json").write_text("{"), r"model\.json: expected the settings of a run, found"),
        (lambda run: (run / "model.json").write_text('{"a": 1}'), r"model\.json: expected the settings of a run"),
        (lambda run: (run / "model.json").write_text("[]"), r"model\.json: expected the settings of a run"),
        (lambda run: cut(run / "model.safetensors"), r"model\.safetensors: this is not a safetensors file"),
        (lambda run: (run / "model.safetensors").write_text("text"), "this is not a safetensors file"),
        (
            lambda run: rewrite_settings(run, classes=["a", "b"]),
            r"the weights do not fit cnn .* and 2 classes: expected ",
        ),
        (lambda run: rewrite_settings(run, model="rnn"), "expected a model among .*, found 'rnn'"),
        (lambda run: rewrite_settings(run, sizes={"depth": 3}), "model cnn: expected a size among .*, found 'depth'"),
        (
            lambda run: rewrite_settings(run, sizes={"width": 10**12}),
            r"model\.json: model cnn: invalid sizes",
        ),
        (lambda run: rewrite_settings(run, sizes=[1]), r"expected the settings of a run, .*\(sizes is \[1\]\)"),
        (
            lambda run: rewrite_settings(run, classes="abc"),
            r"expected the settings of a run, .*\(classes is 'abc'\)",
        ),
        (
            lambda run: rewrite_settings(run, test_paths=[3]),
            r"expected the settings of a run, .*test_paths contains values that are not strings",
        ),
        (lambda run: rewrite_settings(run, feature="smell"), "expected a feature among .*, found 'smell'"),
        (
            lambda run: rewrite_settings(run, sizes={"width": 1000}),  # 1.5 GB, if it were made
            r"model cnn: expected at most 268,435,456 parameters, found 411,071,195 with .*",
        ),
        (
            lambda run: rewrite_settings(run, sizes={"frames": 10**6}),
            "expected at most 16,777,216 values per example",
        ),
        (lambda run: rewrite_settings(run, sizes={"classes": 3}), r"model\.json: .*'classes'"),
        (lambda run: rewrite_settings(run, sizes={"name": "cnn"}), r"model\.json: .*'name'"),
        (lambda run: rewrite_settings(run, classes=["a", "a", "b"]), "expected unique class names"),
        (lambda run: rewrite_settings(run, training={"epochs": "x"}), "expected epochs to be a whole number"),
        (
            lambda run: rewrite_settings(run, data={"name": [1]}),
            "data or trained_on contains values that are not strings",
        ),
        (lambda run: rewrite_settings(run, clips={"train": "1"}), "clips is {'train': '1'}"),
        (lambda run: (run / "model.json").write_text("[" * 100_000), "expected the settings of a run, found"),
        (lambda run: rewrite_weights(run, torch.nan), r"conv.* contains NaN or infinite values"),
        (lambda run: rewrite_weights(run, torch.inf), r"conv.* contains NaN or infinite values"),
        (
            lambda run: (run / "history.csv").write_text("epoch,train_loss\n1,x\n"),
            "the column 'train_loss' has invalid values",
        ),
        (
            lambda run: (run / "history.csv").write_text("epoch,train_loss\n0,1\n"),
            "the column 'epoch' has invalid values",
        ),
        (
            lambda run: (run / "metrics.json").write_text('{"n": "3"}'),
            r"metrics\.json: this is not a valid test result",
        ),
        (
            lambda run: (run / "metrics.json").write_text('{"n": 1e400}'),
            r"metrics\.json: this is not a valid test result",
        ),
        (lambda run: (run / "metrics.json").write_text('{"accuracy": NaN}'), "expected accuracy to be a finite number"),
        (lambda run: (run / "metrics.json").write_text('{"folds": [{"fold": -1}]}'), "expected fold to be a whole"),
        (
            lambda run: rewrite_settings(run, feature_config={"n_mels": 10**6}),
            r"model\.json: expected the settings of a run.*n_mels to be a whole number from 1 to 2048",
        ),
        (
            lambda run: rewrite_settings(run, feature_config={"n_mels": 0}),
            r"model\.json: expected the settings of a run.*n_mels",
        ),
    ],
)
def test_a_run_folder_that_does_not_fit_is_an_error(trained, tmp_path, damage, words):
    trained.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(RunError, match=words) as told:
        load(tmp_path)
    assert len(str(told.value)) < 1000


def test_weights_that_overflow_are_named_and_give_no_prediction(trained, tmp_path):
    trained.save(tmp_path)
    rewrite_weights(tmp_path, 3e38)
    with pytest.raises(
        RunError, match=r"waveform: the model returned NaN or infinite scores\. It is damaged, so train it again"
    ):
        load(tmp_path).predict(noisy_sine(440, 0), SAMPLE_RATE, device="cpu")


def test_a_result_of_other_classes_or_of_no_clips_is_refused(tmp_path):
    make_run(tmp_path)
    table = (tmp_path / "predictions.csv").read_text()
    for changed, words in (
        (
            table.replace("high", "loud"),
            r"csv \(classes=\['loud', 'low', 'middle'\]\) and model.json \(classes=\['high', 'low', 'middle'\]\)",
        ),
        (table.splitlines()[0] + "\n", "expected the probabilities of each clip to add up to 1, found no clips"),
        (table.replace("-0.2231", "-0.9231"), "probabilities of each clip to add up to 1, found 0.59"),
        (table.replace("-0.2231", "x"), "this is not a table of predictions"),
    ):
        (tmp_path / "predictions.csv").write_text(changed)
        with pytest.raises(RunError, match=words):
            load(tmp_path)


def test_a_cross_validation_with_a_fold_that_was_not_tested_is_refused(tmp_path):
    make_run(tmp_path / "fold1")
    make_untested(tmp_path / "fold2", width=1, frames=64, hidden=[4, 4])
    (tmp_path / "metrics.json").write_text('{"folds": [{"fold": 1}, {"fold": 2}]}')
    with pytest.raises(RunError, match=r"fold2.metrics\.json: the run has no test result"):
        load(tmp_path)


def test_a_run_folder_that_is_not_there(tmp_path):
    with pytest.raises(RunError, match=r"none.model\.json: no such file\. .*musiclab train MODEL DATA --out .*none"):
        load(tmp_path / "none")
