"""The separately drawn test studies, through train.json and evaluate.json."""

import csv
import json

import pytest


@pytest.fixture(scope="module")
def evaluated(shipped, trained, phantom, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluated")
    overrides = {
        **shipped.small_training,
        "dataset_dir": str(phantom),
        "output_dir": str(folder),
        "ckpt_dir": str(trained.models),
    }
    said = shipped.run_logged(shipped.build(["train.json", "evaluate.json"], run_id="evaluating", **overrides))
    return folder / "evaluation", said


def test_the_table_has_intervals_and_baselines(evaluated):
    folder, said = evaluated
    table = said[said.index("Results:") :]
    assert "3 studies, 1 of them healthy" in table
    assert "95 % interval" in table
    assert "Healthy studies with a finding, %" in table
    assert "population mean" in table
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    low, high = metrics["intervals_95"]["dsc"]
    assert 0 <= low <= metrics["figures"]["dsc"] <= high <= 1
    assert "population mean" in metrics["baselines"]


def test_every_test_study_has_its_row(evaluated, phantom):
    folder, _ = evaluated
    with open(folder / "studies.csv", newline="", encoding="utf-8") as file:
        rows = {row["case"]: row for row in csv.DictReader(file)}
    items = json.loads((phantom / "datalist.json").read_text(encoding="utf-8"))["test"]
    assert {case: row["class"] for case, row in rows.items()} == {
        item["case"]: item["lesion_class"] or "" for item in items
    }


def test_pictures_are_there(evaluated):
    folder, _ = evaluated
    for name in ("confusion_matrix.png", "overlays.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
