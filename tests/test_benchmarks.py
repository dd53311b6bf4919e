"""The measurements for a GPU run on a CPU too, with few examples, so that they work when there is one."""

import math

from benchmarks import gpu
from benchmarks.__main__ import table


def test_the_measurements_for_a_gpu_work_on_a_cpu(monkeypatch):
    monkeypatch.setattr(gpu, "MODELS", {"mlp": (64, 32, 1)})
    rows = gpu.measure(1, math.inf, small=True)
    assert [row["work"].split()[0] for row in rows] == ["training", "log-mel", "predictions", "cnn,"]
    assert all(row["ours"] > 0 for row in rows)
    assert len(table(rows).splitlines()) == 1 + 2 * len(rows)


def test_what_would_begin_too_late_is_left_out_and_said(capsys):
    assert gpu.measure(1, -math.inf, small=True) == []
    assert "10 of 10 measurements are left out" in capsys.readouterr().out
