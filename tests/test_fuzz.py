"""A few hundred damaged files of every kind: each ends in a result or a message (``make fuzz`` tries thousands)."""

import fuzz
import pytest


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "count"), [("sounds", 144), ("stores", 60), ("runs", 60), ("tables", 100)])
def test_damaged_files_end_in_a_result_or_a_message(kind, count, tmp_path):
    outcomes, faults = fuzz.run(kind, count, seed=0, folder=tmp_path, workers=1)
    assert faults == {}
    assert outcomes["result"] + outcomes["message"] == count
    assert min(outcomes["result"], outcomes["message"]) > 0  # the damage is neither nothing nor everything


def test_what_is_neither_a_result_nor_a_message_is_a_fault(tmp_path, monkeypatch):
    def read(path):
        raise KeyError(path.name)

    monkeypatch.setitem(fuzz.KINDS, "tables", (fuzz.make_tables, read))
    (originals := tmp_path / "whole").mkdir()
    outcome = fuzz.try_one("tables", fuzz.make_tables(originals), 0, 0, tmp_path / "damaged")
    assert outcome.strip().endswith("KeyError: 'index.csv'")
