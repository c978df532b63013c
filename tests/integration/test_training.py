"""What a finished training leaves behind."""

import csv
import hashlib
import json

import pytest
import torch


def test_it_ends_with_a_table_and_the_paths_of_what_it_wrote(trained):
    for row in ("DSC ", "IoU ", "Curve MAE, raw units", "Curve MAE, relative enhancement %", "Accuracy ", "AUC "):
        assert row in trained.said
    for baseline in (
        "no lesion",
        "population mean",
        "measured, predicted mask",
        "majority class",
        "logistic regression",
    ):
        assert baseline in trained.said
    for path in (
        trained.weights,
        trained.models / "model.json",
        trained.outputs / "metrics.json",
        trained.outputs / "studies.csv",
        trained.outputs / "checkpoints" / "resume.pt",
        trained.outputs / "history.csv",
        trained.outputs / "curves.png",
        trained.outputs / "tensorboard",
    ):
        assert path.exists(), path
        assert f"  {path}" in trained.said


def test_its_files_hold_what_they_should(trained):
    metrics = json.loads((trained.outputs / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["studies"] == 2
    assert metrics["classes"] == ["hemangioma", "HCC"]
    with open(trained.outputs / "history.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == list(range(1, 81))
    assert all(float(rows[-1][f"loss{term}"]) >= 0 for term in ("", "_seg", "_reg", "_cls", "_tim", "_adv"))
    assert float(rows[-1]["loss_seg"]) < float(rows[0]["loss_seg"])
    assert rows[0]["val_dsc"] == ""
    assert rows[-1]["val_dsc"] != ""
    assert (trained.outputs / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert any("tfevents" in path.name for path in (trained.outputs / "tensorboard").iterdir())


def test_the_weights_are_a_bare_state_and_model_json_describes_them(trained):
    state = torch.load(trained.weights, weights_only=True)
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    described = json.loads((trained.models / "model.json").read_text(encoding="utf-8"))
    assert described["sha256"] == hashlib.sha256(trained.weights.read_bytes()).hexdigest()
    assert described["classes"] == ["hemangioma", "HCC"]
    assert described["spacing_mm"] == 7.0


def test_an_earlier_model_of_other_content_is_kept_under_its_hash_and_it_says_so(trained):
    kept = f"model_{hashlib.sha256(trained.earlier).hexdigest()[:8]}.pt"
    assert (trained.models / kept).read_bytes() == trained.earlier
    assert kept in trained.said


def test_without_the_discriminator(shipped, phantom, tmp_path):
    """One key: nothing of the adversarial part is built, and no column of it is written."""
    folders = {"dataset_dir": str(phantom), "output_dir": str(tmp_path / "out"), "ckpt_dir": str(tmp_path / "models")}
    workflow = shipped.build(["train.json"], **{**shipped.small_training, **folders, "adversarial": False})
    shipped.run_logged(workflow)
    trainer = workflow.parser.get_parsed_content("train#trainer")
    assert trainer.discriminator is None
    assert trainer.d_optimizer is None
    with open(tmp_path / "out" / "history.csv", newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert float(row["loss_cls"]) > 0
    assert not row.get("loss_adv")
    assert not row.get("loss_discriminator")


@pytest.mark.parametrize("steps", [1, 2, 10, 11, 30])
def test_a_schedule_of_any_length(shipped, phantom, steps):
    """Torch's one-cycle schedule divides by zero where the rising part is a single step."""
    workflow = shipped.build(["train.json"], dataset_dir=str(phantom), steps_per_epoch=1, epochs=steps)
    scheduler = workflow.parser.get_parsed_content("lr_scheduler")
    for _ in range(steps - 1):
        scheduler.optimizer.step()
        scheduler.step()
    assert 0 < scheduler.get_last_lr()[0] <= 0.002
