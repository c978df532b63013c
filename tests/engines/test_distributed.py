"""Two processes on one CPU train one network: equal weights, one set of files, every study counted once."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_two_gloo_processes_end_with_equal_weights_and_count_every_study_once(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    script = [sys.executable, str(Path(__file__).with_name("distributed_training.py")), str(tmp_path)]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    processes = [
        subprocess.Popen(
            script,
            env={**os.environ, **common, "RANK": str(rank), "LOCAL_RANK": str(rank), "PYTHONPATH": path},
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors[-3000:]
    states = [torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in range(2)]
    assert [name for name in states[0] if not torch.equal(states[0][name], states[1][name])] == []
    results = [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in range(2)]
    assert results[0] == results[1]
    assert [record["case"] for record in results[0]["records"]] == [f"case {index}" for index in range(5)]
    names = {path.name for path in tmp_path.iterdir()} - {"rank0.pt", "rank1.pt", "rank0.json", "rank1.json"}
    assert names == {
        "model.pt", "model.json", "best.pt", "resume.pt", "training_curves.json", "curve_classifier.json",
        "history.csv", "curves.png", "metrics.json", "studies.csv", "confusion_matrix.png",
    }  # fmt: skip
