"""Runs side by side: the numbers of each, and a test only where it means something."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from run_folders import make_result, make_run

from musiclab import metrics, models
from musiclab.core.errors import RunError
from musiclab.runs.comparison import compare, segments_per_second

LABELS = np.arange(30) % 3


def answers(right):
    """A result of 30 clips, the first of which are right."""
    return make_result(LABELS, np.where(np.arange(30) < right, LABELS, (LABELS + 1) % 3))


@pytest.fixture
def three(tmp_path):
    return [
        make_run(tmp_path / name, answers(right)).folder for name, right in (("fair", 20), ("good", 28), ("poor", 5))
    ]


def test_the_best_is_first_and_each_has_its_own_numbers(three):
    comparison = compare(*three, measure_speed=False)
    table = comparison.table.set_index("name")
    assert list(table.index) == ["good", "fair", "poor"]
    np.testing.assert_allclose(table["accuracy"], [28 / 30, 20 / 30, 5 / 30])
    assert table["n"].tolist() == [30, 30, 30]
    assert table["seconds"].tolist() == [3.5] * 3
    assert tuple(table.loc["fair", ["low", "high"]]) == answers(20).ci95
    model = models.create("cnn", 3, width=1, frames=64, hidden=[4, 4])
    assert set(table["parameters"]) == {models.count_parameters(model)}
    assert set(table["multiply_adds"]) == {models.summary(model).multiply_adds}
    assert table["clips_per_second"].isna().all()


def test_each_is_held_against_the_best_by_mcnemar(three):
    table = compare(*three, measure_speed=False).table.set_index("name")
    assert pd.isna(table.loc["good", "p"])
    for name, right in (("fair", 20), ("poor", 5)):
        test = metrics.mcnemar(answers(28), answers(right))
        assert table.loc[name, "p"] == test.p
        assert (table.loc[name, "only_best"], table.loc[name, "only_this"]) == (28 - right, 0)


def test_other_clips_are_not_tested_and_said_so(three, tmp_path):
    other = make_run(tmp_path / "other", make_result([0, 1, 2], [0, 1, 1]))
    comparison = compare(*three[:2], other, measure_speed=False)
    table = comparison.table.set_index("name")
    assert pd.isna(table.loc["other", "p"])
    assert not pd.isna(table.loc["fair", "p"])
    (note,) = [note for note in comparison.notes if "other clips" in note]
    assert note.endswith("so compare only the intervals: other")
    alone = compare(three[1], other, measure_speed=False)
    assert not any("McNemar" in note for note in alone.notes)


def test_the_table_for_people(three, tmp_path):
    made_up = make_run(tmp_path / "made_up", answers(25), data={"name": "studio", "generated": True})
    text = str(compare(*three, made_up, measure_speed=False))
    head, first, *_ = text.splitlines()
    assert head.split()[:2] == ["run", "model"]
    low, high = answers(28).ci95
    assert f"93.3 ({100 * low:.1f} to {100 * high:.1f})" in first
    assert first.startswith("good")
    assert first.endswith("best")
    assert " 520 " in first  # parameters
    assert "157 k" in first  # multiply-adds
    assert "made_up *" in text
    assert "*: generated data, not a benchmark" in text
    assert "McNemar's test against good on the same 30 clips, not corrected for 3 comparisons" in text


def test_what_is_printed_as_json_says_nothing_where_nothing_is_known(three):
    values = json.loads(json.dumps(compare(*three, measure_speed=False).to_dict()))
    assert [run["name"] for run in values["runs"]] == ["good", "fair", "poor"]
    assert values["runs"][0]["p"] is None
    assert values["runs"][1]["only_best"] == 8
    assert values["runs"][0]["clips_per_second"] is None


def test_runs_of_one_name_are_told_apart(tmp_path):
    folders = [make_run(tmp_path / place / "run", answers(right)).folder for place, right in (("a", 20), ("b", 10))]
    assert compare(*folders, measure_speed=False).table["name"].tolist() == [str(folder) for folder in folders]


def test_it_is_saved_as_a_table_or_a_picture(three, tmp_path):
    comparison = compare(*three, measure_speed=False)
    table = pd.read_csv(comparison.save(tmp_path / "table.csv"))
    assert table["name"].tolist() == ["good", "fair", "poor"]
    np.testing.assert_array_equal(table["accuracy"], comparison.table["accuracy"])
    assert comparison.save(tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(RunError, match=r"table\.doc: expected one of the extensions \.csv, .*, found \.doc"):
        comparison.save(tmp_path / "table.doc")


def test_a_run_that_is_none_is_refused(three, tmp_path):
    with pytest.raises(RunError, match="expected one or more run folders to compare, found none"):
        compare()
    with pytest.raises(RunError, match=r"model\.json: no such file\. Create the run folder with: musiclab train"):
        compare(three[0], tmp_path)


class Slow(torch.nn.Module):
    """A model that does one large sum as often as it is told."""

    input_shape = (8,)

    def __init__(self, times):
        super().__init__()
        self.times, self.large = times, torch.ones(300, 300)

    def forward(self, batch):
        for _ in range(self.times):
            self.large @ self.large
        return batch


def test_the_speed_is_that_of_the_model(three):
    cpu = torch.device("cpu")
    fast, slow = (segments_per_second(Slow(times), cpu, seconds=0.02) for times in (1, 50))
    assert fast > 5 * slow
    comparison = compare(*three[:1])
    assert comparison.table["clips_per_second"][0] > 0
    assert any("batches of 32, float32, without decoding, on " in note for note in comparison.notes)


# The command


def test_the_command(command, three, tmp_path):
    done = command("compare", *three, "--no-speed", "--json", "--out", tmp_path / "c.csv")
    assert done.status == 0
    assert done.out.startswith("run ")
    assert [run["name"] for run in json.loads(done.out.splitlines()[-1])["runs"]] == ["good", "fair", "poor"]
    assert (tmp_path / "c.csv").is_file()
    refused = command("compare", *three, "--out", tmp_path / "c.txt")
    assert (refused.status, refused.out) == (2, "")
    assert "found .txt" in refused.err
