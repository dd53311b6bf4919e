"""The GPU benchmarks also run on a CPU with few examples, so that they work once there is a GPU."""

import math

from benchmarks import gpu
from benchmarks.__main__ import format_table


def test_gpu_benchmarks_run_on_a_cpu(monkeypatch):
    monkeypatch.setattr(gpu, "MODELS", {"mlp": (64, 32, 1)})
    rows = gpu.measure(1, math.inf, small=True)
    assert [row["work"].split()[0] for row in rows] == ["training", "log-mel,", "predictions", "cnn,"]
    assert all(row["ours"] > 0 for row in rows)
    assert len(format_table(rows).splitlines()) == 1 + 2 * len(rows)


def test_benchmarks_after_the_deadline_are_skipped_with_a_message(capsys):
    assert gpu.measure(1, -math.inf, small=True) == []
    assert "skipped 10 of 10 benchmarks" in capsys.readouterr().out
