"""MONAI's experiment tracking by one option."""

import json
import shutil
import sqlite3

import pytest

pytest.importorskip("mlflow")


def recorded(output_dir):
    """Names of the metrics in the data base that MONAI makes in ``output_dir``."""
    with sqlite3.connect(output_dir / "mlruns.db") as database:
        return {name for (name,) in database.execute("select distinct key from metrics")}


def test_training_records_losses_and_metrics(shipped, phantom, tmp_path):
    """After one epoch most figures are undefined: that must not end the training."""
    overrides = {
        **shipped.small_training,
        "network_def#widths": [4, 4, 8, 8],
        "dataset_dir": str(phantom),
        "output_dir": str(tmp_path / "out puts"),
        "ckpt_dir": str(tmp_path / "models"),
    }
    workflow = shipped.build(["train.json"], tracking="mlflow", **overrides)
    assert "Results:" in shipped.run_logged(workflow)
    names = recorded(tmp_path / "out puts")
    assert {"dsc", "score"} <= names
    assert any("loss" in name for name in names)


def test_evaluating_records_metrics(shipped, phantom, trained, tmp_path):
    overrides = {
        **shipped.small_training,
        "dataset_dir": str(phantom),
        "output_dir": str(tmp_path),
        "ckpt_dir": str(trained.models),
    }
    files = ["train.json", "evaluate.json"]
    workflow = shipped.build(files, run_id="evaluating", tracking="mlflow", **overrides)
    shipped.run_logged(workflow)
    metrics = json.loads((tmp_path / "evaluation" / "metrics.json").read_text("utf-8"))
    assert {name for name in ("dsc", "iou", "accuracy") if metrics["figures"][name] is not None} <= recorded(tmp_path)


def test_inference_runs_with_tracking(shipped, trained, predicted, tmp_path):
    studies = tmp_path / "studies"
    shutil.copytree(predicted.studies / "nifti", studies / "one")
    overrides = {
        **shipped.small_network,
        "dataset_dir": str(studies),
        "output_dir": str(tmp_path / "out"),
        "ckpt_path": str(trained.weights),
    }
    workflow = shipped.build(["inference.json"], workflow_type="infer", tracking="mlflow", **overrides)
    shipped.run_logged(workflow)
    assert (tmp_path / "out" / "one" / "study.json").is_file()
    assert (tmp_path / "out" / "mlruns.db").is_file()
