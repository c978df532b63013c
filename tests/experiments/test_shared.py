"""Which training is the same: decided by settings, studies, steps and seed, and by nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from custom.experiments.files import write_json
from custom.experiments.manifest import MANIFEST
from custom.experiments.planning.plan import TASK
from custom.experiments.running.shared import take_over_training, training_identity

RUN = {
    "arm": "MTI-Net",
    "fold": 0,
    "config": {"sha256": "c"},
    "split": {"sha256": "s"},
    "budget": {"epochs": 2, "steps_per_epoch": 3, "steps": 6},
    "seed": 0,
    "conditions": {"held out": {}},
    "places": {"dataset_dir": "site-a"},
}


@pytest.fixture
def experiments(tmp_path):
    """A finished run of one experiment, and a run of another that is still to be done."""
    finished = tmp_path / "crossval" / "runs" / "mti-net" / "fold0-seed0"
    write_json(finished / TASK, RUN)
    write_json(finished / MANIFEST, {**RUN, "seconds": {"training": 5.0}})
    write_json(finished / "models" / "model.json", {"sha256": "w"})
    (finished / "models" / "model.pt").write_bytes(b"w")
    write_json(finished / "evaluation" / "held-out" / "metrics.json", {})
    waiting = tmp_path / "synergy" / "runs" / "all" / "fold0-seed0"

    def tell(**values):
        write_json(waiting / TASK, {**RUN, "arm": "All", **values})
        return waiting

    return tell


def test_the_same_training_is_taken_over_whatever_the_arm_is_called(experiments):
    waiting = experiments(conditions={"held out": {}, "given mask": {"a": True}})
    assert take_over_training(waiting)["seconds"] == {"training": 5.0}
    assert (waiting / "models" / "model.json").is_file()
    assert not (waiting / "evaluation").exists()
    assert not (waiting / MANIFEST).exists()


def test_runs_may_be_named_from_within_the_experiment(experiments, monkeypatch):
    waiting = experiments()
    monkeypatch.chdir(waiting.parents[2])
    assert take_over_training(Path("runs") / "all" / "fold0-seed0")


@pytest.mark.parametrize(
    "values",
    [
        {"config": {"sha256": "other"}},
        {"split": {"sha256": "other"}},
        {"budget": {"epochs": 3, "steps_per_epoch": 2, "steps": 6}},
        {"seed": 1},
        {"pretrained": "w"},
        {"places": {"dataset_dir": "site-b"}},
    ],
    ids=lambda values: next(iter(values)),
)
def test_another_training_is_not(experiments, values):
    waiting = experiments(**values)
    assert take_over_training(waiting) is None
    assert not (waiting / "models").exists()
    assert training_identity({**RUN, **values}) != training_identity(RUN)


@pytest.mark.parametrize("lost", [MANIFEST, TASK, "models/model.pt", "models/model.json"])
def test_a_run_that_lost_something_is_passed_over(experiments, lost, tmp_path):
    waiting = experiments()
    (tmp_path / "crossval" / "runs" / "mti-net" / "fold0-seed0" / lost).unlink()
    assert take_over_training(waiting) is None


@pytest.mark.parametrize("content", ["{", "[]", "{}", '"text"', "null"])
@pytest.mark.parametrize("file", [MANIFEST, TASK])
def test_a_damaged_file_of_another_experiment_stops_nothing(experiments, file, content, tmp_path):
    waiting = experiments()
    (tmp_path / "crossval" / "runs" / "mti-net" / "fold0-seed0" / file).write_text(content, encoding="utf-8")
    assert take_over_training(waiting) is None
