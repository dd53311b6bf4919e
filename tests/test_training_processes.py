"""Several processes: those that read ahead, and those that train together."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from training_cases import EVERYTHING, facts, fixed, main, network, two_classes, weights

from musiclab.training import fit
from musiclab.training.devices import is_main, launched, main_first


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(workers):
    def trained(workers):
        model = network()
        config = replace(EVERYTHING, epochs=2, workers=workers)
        history = fit(model, two_classes(), fixed(), config, show_progress=False)
        return facts(history), weights(model)

    alone, helped = trained(0), trained(workers)
    assert helped[0] == alone[0]
    assert torch.equal(helped[1], alone[1])


@pytest.mark.slow
def test_two_processes_get_what_one_gets(tmp_path):
    together, alone = tmp_path / "together", tmp_path / "alone"
    together.mkdir()
    alone.mkdir()
    script = Path(__file__).with_name("training_cases.py")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", script]
    ended = subprocess.run([*launch, together], capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert "Warning" not in ended.stderr
    main(alone)
    found, expected = (json.loads((folder / "outcome.json").read_text()) for folder in (together, alone))
    assert found["clips"] == expected["clips"] == list(range(37))  # every clip once
    np.testing.assert_allclose(found["values"], expected["values"], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["weights"], expected["weights"], rtol=1e-3, atol=1e-4)
    assert len(found["epochs"]) == 3
    for row, same in zip(found["epochs"], expected["epochs"], strict=True):
        assert row == pytest.approx(same, rel=1e-4)
    assert (together / "order.txt").read_text().split() == ["main", "other"]
    norms = [json.loads((together / f"norm-{name}.json").read_text()) for name in ("main", "other")]
    assert norms[0] == norms[1]  # though each has seen other clips, both have one norm's statistics
    states = [torch.load(folder / "state.pt", weights_only=True) for folder in (together, alone)]
    assert states[0]["model"].keys() == states[1]["model"].keys()  # one may go on with what the other has kept


def test_a_process_alone_is_the_main_one(monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert is_main()
    assert not launched()
    with main_first():
        assert not torch.distributed.is_initialized()
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert launched()
    assert not is_main()
