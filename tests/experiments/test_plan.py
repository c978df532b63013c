"""What a run is told: the studies, names, times and weights of its arm, and no path of this machine."""

from __future__ import annotations

import json

import pytest
from monai.utils import optional_import

from custom.data.classes import class_indices
from custom.experiments import cli
from custom.experiments.planning.arms import Arm, Experiment, read_experiment
from custom.experiments.planning.plan import plan_runs
from custom.experiments.planning.settings import EXPERIMENTS, Settings
from custom.types import PHASES, InputError
from custom.user_errors import find_input_error


@pytest.fixture
def told(datalist, tmp_path):
    """The first run of one arm."""

    def plan(arm, **overrides):
        experiment = Experiment("toy", "Toy", arm.name, (arm,))
        how = {"settings": Settings(overrides=overrides), "folds": 2, "seeds": 1, "steps": 10}
        return plan_runs(experiment, datalist=datalist, output=tmp_path / "out", **how)[0]

    return plan


def test_places_given_on_the_command_line_are_not_in_what_a_manifest_holds(told, tmp_path):
    places = {
        "device": "cpu",
        "output_dir": str(tmp_path),
        "train#dataset#data#dataset_dir": "/data",
        "bundle_root": "/b",
    }
    run = told(Arm("A"), learning_rate=0.1, **places)
    assert run.task["config"]["overrides"] == {"learning_rate": 0.1}
    assert run.task["places"]["overrides"] == places


def test_the_weights_that_training_starts_from_are_told_by_their_checksum(told, tmp_path):
    weights = [tmp_path / name for name in ("a.pt", "b.pt")]
    for path in weights:
        path.write_bytes(b"weights")

    def start_from(path):
        return told(Arm("A", overlays=("finetune.json",), overrides={"pretrained": str(path)})).task

    first, elsewhere = map(start_from, weights)
    assert first["pretrained"]["sha256"] == elsewhere["pretrained"]["sha256"]
    assert first["config"] == elsewhere["config"]
    weights[1].write_bytes(b"other weights")
    assert start_from(weights[1])["pretrained"] != elsewhere["pretrained"]
    assert "pretrained" not in told(Arm("B")).task
    with pytest.raises(InputError, match=r"no weights c\.pt"):
        start_from(tmp_path / "c.pt")


def test_other_class_names_change_names_and_nothing_else(told):
    usual, other = told(Arm("A")), told(Arm("A", class_names="{} (local name)"))
    names = ["hemangioma (local name)", "HCC (local name)"]
    assert other.datalist["classes"] == other.task["config"]["overrides"]["classes"] == names
    assert other.datalist["content_hash"] != usual.datalist["content_hash"]
    for section in ("training", "validation"):
        before = class_indices(usual.datalist[section], ["hemangioma", "HCC"])
        assert class_indices(other.datalist[section], names) == before


def test_other_times_are_left_out_where_there_is_no_phantom(told, datalist, caplog):
    arm = Arm("A", timings={"late": {"arterial": 10}})
    assert list(told(arm).task["conditions"]) == ["held out"]
    assert "Left out: late." in caplog.text
    studies = [{"case": f"c{n}"} for n in range(12)] + [{"case": name} for name in ("again0", "again1", "t0")]
    manifest = {"what": "digital phantom, not patients", "studies": studies}
    (datalist.parent / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert told(arm).task["conditions"] == {"held out": {}, "late": {}}
    assert told(arm).task["timings"] == {"late": {"arterial": 10}}


def test_sensitivity_asks_every_way_in_which_an_examination_can_be_worse():
    (arm,) = read_experiment("sensitivity", EXPERIMENTS).arms
    asked = [overrides["x_degrade"] for overrides in arm.conditions.values()]
    assert {key for one in asked for key in one} == {
        *("_target_", "in_plane_mm", "slice_mm", "noise", "shift_mm", "missing")
    }
    assert {one["missing"] for one in asked if "missing" in one} == {"pre", "arterial", "delayed"}
    assert {phase for delays_s in arm.timings.values() for phase in delays_s} == set(PHASES[1:])


@pytest.mark.parametrize(
    ("arm", "said"),
    [("timings: {late: {pre: 3}}", "timing pre: 3"), ("timings: {late: {delayed: soon}}", "timing delayed: soon"),
     ("class_names: benign", "class_names 'benign'")],
)  # fmt: skip
def test_an_arm_that_cannot_be_says_why(tmp_path, arm, said):
    (tmp_path / "own.yaml").write_text(f"title: x\ncompared_with: A\narms:\n  A: {{{arm}}}\n", encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_experiment(str(tmp_path / "own.yaml"), EXPERIMENTS)


def test_a_network_that_cannot_work_is_told_before_any_run(told, monkeypatch):
    swin = read_experiment("comparison", EXPERIMENTS).arms[4]
    missing, _ = optional_import("not_installed", name="rearrange")  # what MONAI holds where einops is not
    monkeypatch.setattr("monai.networks.nets.swin_unetr.rearrange", missing)
    with pytest.raises(InputError, match=r"arm SwinUNETR: .*not_installed.*requirements-dev"):
        told(swin)
    with pytest.raises(RuntimeError) as caught:  # the network's own message stays
        told(Arm("A", overrides={"network_def#fusion": "sum"}))
    assert "fusion" in find_input_error(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("[2.0, 2]", [2.0, 2]),
        ("true", True),
        ("null", None),
        ("rigid", "rigid"),
        ("[a, b]", ["a", "b"]),
    ],
)
def test_values_are_read_as_json_or_yaml(text, value):
    assert cli._value(text) == value
