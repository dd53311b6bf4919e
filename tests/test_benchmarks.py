"""Benchmarks run with few examples: those for a GPU on a CPU, and the transfer of Studio on known numbers."""

import math
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import gpu, studio_transfer
from benchmarks.__main__ import format_table
from musiclab.studio import render


def test_gpu_benchmarks_run_on_a_cpu(monkeypatch):
    monkeypatch.setattr(gpu, "MODELS", {"mlp": (64, 32, 1)})
    rows = gpu.measure(1, math.inf, small=True)
    assert [row["work"].split()[0] for row in rows] == ["training", "log-mel,", "predictions", "cnn,"]
    assert all(row["ours"] > 0 for row in rows)
    assert len(format_table(rows).splitlines()) == 1 + 2 * len(rows)


def test_benchmarks_after_the_deadline_are_skipped_with_a_message(capsys):
    assert gpu.measure(1, -math.inf, small=True) == []
    assert "skipped 10 of 10 benchmarks" in capsys.readouterr().out


def test_studio_transfer_measures_what_the_table_of_real_tracks_contains():
    table = pd.DataFrame([{"label": "jazz"} | studio_transfer.measure(render("jazz", seed=1, seconds=3).waveform)])
    assert table.shape == (1, 54)
    assert np.isfinite(table.drop(columns="label").to_numpy()).all()
    if "MUSICLAB_DATA" in os.environ:
        names = pd.read_csv(Path(os.environ["MUSICLAB_DATA"], "gtzan-features.csv"), nrows=1).columns
        unused = {name for name in names if name.startswith(("harmony", "perceptr"))} | {"filename"}
        assert set(names) - unused == set(table.columns)


def test_studio_transfer_knows_shifts_and_accuracy():
    rng = np.random.default_rng(0)
    real = pd.DataFrame({"label": ["jazz"] * 50 + ["rock"] * 50, "mfcc1_mean": rng.standard_normal(100)})
    real["mfcc2_mean"] = np.where(real["label"] == "rock", 4.0, -4.0) + rng.standard_normal(100)
    generated = real.assign(mfcc1_mean=real["mfcc1_mean"] + 2 * real["mfcc1_mean"].std(ddof=0))
    names = ["mfcc1_mean", "mfcc2_mean"]
    shifts = studio_transfer.measure_shifts(generated, real, names)
    assert shifts.loc["mfcc1_mean", "all"] == pytest.approx(2)
    assert shifts.loc["mfcc2_mean"].tolist() == pytest.approx([0, 0, 0])
    results = studio_transfer.evaluate(generated, real, names)
    assert len(results) == 9
    assert (results["lowest"] >= 95).all()
