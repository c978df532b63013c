"""Two arms on a tiny phantom: from the command to the table, and once more after a stop."""

from __future__ import annotations

import hashlib
import json
import logging
import sys

import pytest
from monai.utils import set_determinism

from custom.__main__ import main
from custom.data.phantom import write_phantom
from custom.experiments import cli
from custom.experiments.manifest import read_manifests
from custom.experiments.running import execute as execute_module
from custom.experiments.running import schedule
from custom.experiments.running.execute import execute
from custom.experiments.running.schedule import work_off

SMALL = ["spacing_mm=7.0", "roi_size=[48,48]", "slices_per_study=2", "amp=False", "min_certainty=0.0"]
SMALL += ["network_def#widths=[4,4,4,8]", "network_def#head_dim=16", "network_def#transformer_blocks=1"]


def hidden(patient: str) -> str:
    """As names are hidden: once when a study is loaded, and once more in a manifest."""
    return hashlib.sha256(patient.encode()).hexdigest()[:12]


class Done:
    """A process that has ended."""

    def poll(self) -> int:
        return 0


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """A workflow changes the interpreter that it runs in."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "path", list(sys.path))
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    set_determinism(None)


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    return write_phantom(tmp_path_factory.mktemp("phantom") / "tiny", preset="tiny", studies=5, workers=1)


@pytest.fixture
def in_this_process(monkeypatch):
    """Runs without a process of their own; the names of those that were started."""
    started = []

    def start(run, environment):
        started.append(run.name)
        execute(run.folder)
        return Done()

    monkeypatch.setattr(schedule, "POLL_S", 0.0)
    monkeypatch.setattr(cli, "work_off", lambda runs, places: work_off(runs, places, start=start))
    return started


def test_two_arms_from_the_command_to_the_table(phantom, in_this_process, tmp_path):
    command = ["experiment", "ablation", "--arms", "MTI-Net", "No TDD", "--datalist", str(phantom), "--folds", "0"]
    command += ["--seeds", "1", "--steps", "2", "--output", str(tmp_path / "out"), "--set", *SMALL]
    assert main(command) == 0
    full, no_tdd = read_manifests(tmp_path / "out")
    assert (full["arm"], no_tdd["arm"]) == ("MTI-Net", "No TDD")
    assert full["weights"]["sha256"] != no_tdd["weights"]["sha256"]
    assert full["weights"]["parameters"] == no_tdd["weights"]["parameters"]
    assert full["split"] == no_tdd["split"]
    assert full["budget"]["steps"] == 2
    assert full["seconds"]["training"] > 0
    assert full["peak_memory_mb"]["host"] is None or full["peak_memory_mb"]["host"] > 50
    records = full["evaluations"]["held out"]
    assert len(records) == full["split"]["held_out"]
    patients = {item["case"]: item["patient"] for item in json.loads(phantom.read_text(encoding="utf-8"))["test"]}
    assert [record["group"] for record in records] == [hidden(hidden(patients[record["case"]])) for record in records]
    text = (tmp_path / "out" / "runs" / "mti-net" / "fold0-seed0" / "manifest.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    assert str(phantom.parent) not in text
    page = (tmp_path / "out" / "table" / "table.md").read_text(encoding="utf-8")
    assert "| No TDD |" in page
    assert "No MdIEF, fold 0, seed 0" in page  # planned, not run

    assert main([*command, "--resume"]) == 0
    assert in_this_process == ["MTI-Net, fold 0, seed 0", "No TDD, fold 0, seed 0"]  # nothing twice
    (tmp_path / "out" / "table" / "table.md").unlink()
    assert main(["experiment", "table", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "table" / "table.md").read_text(encoding="utf-8") == page


OWN = """
title: Own
compared_with: First
arms:
  First: {timings: {late: {arterial: 10}}}
"""
AGAIN = """
  Again: {overlays: [finetune.json], overrides: {pretrained: "WEIGHTS"}, class_names: "{} (here)"}
"""


def test_other_times_and_a_start_from_weights_that_lie_elsewhere(phantom, in_this_process, tmp_path):
    own, weights = tmp_path / "own.yaml", tmp_path / "out" / "runs" / "first" / "fold0-seed0" / "models" / "model.pt"
    command = ["experiment", str(own), "--datalist", str(phantom), "--folds", "0", "--seeds", "1"]
    command += ["--steps", "2", "--output", str(tmp_path / "out"), "--resume", "--set", *SMALL]
    own.write_text(OWN, encoding="utf-8")
    assert main(command) == 0
    own.write_text(OWN + AGAIN.replace("WEIGHTS", weights.as_posix()), encoding="utf-8")
    assert main(command) == 0
    first, again = read_manifests(tmp_path / "out")
    usual, late = first["evaluations"]["held out"], first["evaluations"]["late"]
    true = [[record["curves"]["true"] for record in records if record["has_tumour"]] for records in (usual, late)]
    for before, after in zip(*true, strict=True):
        assert before[1] != after[1]  # arterial
        assert [before[p] for p in (0, 2, 3)] == [after[p] for p in (0, 2, 3)]
    assert not (weights.parents[1] / "retimed").exists()
    assert again["pretrained"] == {"file": "model.pt", "sha256": first["weights"]["sha256"]}
    assert again["classes"] == ["hemangioma (here)", "HCC (here)"]
    text = (tmp_path / "out" / "runs" / "again" / "fold0-seed0" / "manifest.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text


def test_mistakes_on_the_command_line_are_answered(capsys):
    assert main(["experiment", "ablatoin"]) == 2
    assert "ablation, comparison, crossval" in capsys.readouterr().err
    assert main(["experiment", "ablation", "--folds", "1"]) == 2
    assert "--folds 1" in capsys.readouterr().err


def test_a_training_that_stands_in_two_experiments_is_done_once(phantom, in_this_process, tmp_path, monkeypatch):
    options = ["--datalist", str(phantom), "--folds", "0", "--seeds", "1", "--steps", "2", "--set", *SMALL]
    whole = {name: tmp_path / name for name in ("crossval", "synergy")}
    assert main(["experiment", "crossval", *options, "--output", str(whole["crossval"])]) == 0
    monkeypatch.setattr(execute_module, "_train", lambda task, folder: pytest.fail(f"trained again: {task['arm']}"))
    assert main(["experiment", "synergy", "--arms", "All", *options, "--output", str(whole["synergy"])]) == 0
    (first,), (second,) = read_manifests(whole["crossval"]), read_manifests(whole["synergy"])
    assert second["arm"] == "All"
    assert second["weights"] == first["weights"]
    assert second["seconds"]["training"] == first["seconds"]["training"]
    assert second["evaluations"] == first["evaluations"]
