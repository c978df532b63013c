"""Baselines, statistics of the training curves, and what is written for people to read."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator
from monai.handlers import TensorBoardStatsHandler, ValidationHandler
from PIL import Image

from custom.engines import (
    EnhancementStatistics,
    EvaluationReport,
    PrepareStudy,
    StudyMetrics,
    TrainingReport,
)
from custom.engines.metrics import measure_study
from custom.engines.metrics.baselines import baseline_figures
from custom.engines.metrics.report import build_report, format_table
from custom.engines.statistics import collect_curves
from custom.engines.training_curves import TrainingCurves
from custom.types import InputError

S = slice
TRUE = (S(2, 6), S(1, 4), S(1, 3), 1)
CLASSES = ("hemangioma", "HCC")


@pytest.fixture
def training():
    """Class 0 rises late, class 1 early and washes out; two studies of class 1 more than of class 0."""
    rng = np.random.default_rng(0)
    shapes = np.array([[1.0, 1.2, 1.6, 2.0]] * 4 + [[1.0, 2.2, 1.8, 1.2]] * 6)
    curves = shapes * rng.normal(1, 0.05, shapes.shape) * rng.uniform(0.5, 2, (10, 1))
    return TrainingCurves(curves, np.full(10, 100.0), np.array([0] * 4 + [1] * 6), CLASSES)


@pytest.fixture
def records(study):
    late, early = torch.tensor([1.0, 1.2, 1.6, 2.0]), torch.tensor([1.0, 2.2, 1.8, 1.2])
    curves = [{"enhancement": curve, "enhancement_measured": curve} for curve in (late, early)]
    return [
        measure_study(study("late", true=[TRUE], pred=[TRUE[:3]], lesion_class=0, **curves[0])),
        measure_study(study("early", true=[TRUE], pred=[TRUE[:3]], lesion_class=1, **curves[1])),
        measure_study(study("missed", true=[TRUE], pred=[], lesion_class=1, enhancement=early)),
        measure_study(study("healthy", lesion_class=-1)),
    ]


def test_baselines_answer_the_same_studies(records, training):
    figures = baseline_figures(records, training)
    assert figures["majority class"]["accuracy"] == pytest.approx(2 / 3)
    assert figures["majority class"]["auc"] == 0.5
    assert figures["logistic regression, true mask"]["accuracy"] == 1.0
    assert figures["logistic regression, predicted mask"]["accuracy"] == pytest.approx(2 / 3)  # the missed one is wrong
    assert figures["measured, predicted mask"]["curve_mae_raw"] == pytest.approx(0.0, abs=1e-4)
    mean_curve = np.array(training.mean_and_std()[0])
    targets = np.array([[1.0, 1.2, 1.6, 2.0], [1.0, 2.2, 1.8, 1.2]])  # where the network gives a curve
    expected = 100 * np.abs(mean_curve - targets).mean()
    assert figures["population mean"]["curve_mae_raw"] == pytest.approx(expected, rel=1e-5)
    assert figures["no lesion"]["dsc"] == 0.0
    assert figures["no lesion"]["fp_healthy"] == 0.0
    assert figures["no lesion"]["sensitivity"] == 0.0


def test_gain_of_the_scanner_does_not_change_the_logistic_regression(records, training):
    def louder(record):
        curves = {key: curve and [7 * value for value in curve] for key, curve in record["curves"].items()}
        return {**record, "curves": curves}

    first, second = baseline_figures(records, training), baseline_figures([louder(r) for r in records], training)
    assert first["logistic regression, true mask"]["auc"] == second["logistic regression, true mask"]["auc"] == 1.0


def test_without_training_curves_only_baselines_that_need_none(records):
    assert set(baseline_figures(records, None)) == {"no lesion", "measured, predicted mask"}


def test_table_shows_ours_with_interval_and_baselines_beside(records, training):
    table = format_table(build_report(records, classes=CLASSES, training=training))
    assert table.startswith("4 studies, 1 of them healthy")
    line = next(line for line in table.splitlines() if line.startswith("Accuracy "))
    assert "0.333 [" in line
    assert "majority class 0.667; logistic regression, predicted mask 0.667; " in line
    assert line.endswith("logistic regression, true mask 1.000")
    assert "nan" not in table.lower()
    assert "true curve" not in table  # no phantom here


def test_report_is_plain_json_without_nan(records, training):
    report = build_report(records, classes=CLASSES, training=training)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["confusion_matrix"]["counts"] == [[1, 0, 0], [1, 0, 1]]


def studies_for_training():
    items = []
    for index, lesion_class in enumerate([0, 1, -1, 1]):
        image = torch.full((4, 6, 6, 3), 0.5) + torch.arange(4.0)[:, None, None, None] * (1 + index)
        label = torch.zeros(1, 6, 6, 3)
        if index != 2:
            label[:, 1:3, 2:5, 1] = lesion_class + 1
        mask = torch.ones(4, dtype=torch.bool)
        if index == 3:
            mask[3] = False
        items.append({"image": image, "label": label, "phase_mask": mask, "lesion_class": lesion_class, "scale": 10.0})
    return Dataset(items)


def test_statistics_are_those_of_the_studies_with_tumour(tmp_path, make_trainer):
    handler = EnhancementStatistics(
        dataset=studies_for_training(), output_dir=tmp_path, classes=CLASSES, standardise_losses=True
    )
    trainer = make_trainer(train_handlers=[handler])
    units = []
    trainer.loss_function.set_enhancement_std = units.append
    trainer.run()
    curves = np.array([[0.5, 1.5, 2.5, 3.5], [0.5, 2.5, 4.5, 6.5], [0.5, 4.5, 8.5, np.nan]])
    mean, std = np.nanmean(curves, 0), np.nanstd(curves, 0)
    std[0] = 0.1 * std.max()  # the pre-contrast value never varies here
    np.testing.assert_allclose(trainer.network.enhancement_mean, mean, rtol=1e-5)
    np.testing.assert_allclose(trainer.network.enhancement_std, std, rtol=1e-4)
    np.testing.assert_allclose(units[0], std, rtol=1e-4)
    again = TrainingCurves.from_file(tmp_path / "training_curves.json")
    np.testing.assert_allclose(again.curves, curves, rtol=1e-5)
    assert (again.classes, again.lesion_classes.tolist()) == (CLASSES, [0, 1, 1])
    assert json.loads((tmp_path / "curve_classifier.json").read_text())["classes"] == list(CLASSES)


def test_a_regression_head_that_is_held_still_keeps_its_unit(tmp_path, make_trainer):
    handler = EnhancementStatistics(
        dataset=studies_for_training(), output_dir=tmp_path, classes=CLASSES, standardise_losses=True
    )
    trainer = make_trainer(train_handlers=[handler])
    trainer.network.regression = torch.nn.Linear(2, 4).requires_grad_(False)
    units = []
    trainer.loss_function.set_enhancement_std = units.append
    trainer.run()
    assert trainer.network.enhancement_std.tolist() == [0.5, 1.0, 2.0, 0.25] == units[0]
    assert len(TrainingCurves.from_file(tmp_path / "training_curves.json").curves) == 3


def test_worker_processes_give_the_same_curves():
    studies = studies_for_training()
    alone = collect_curves(studies, classes=CLASSES)
    np.testing.assert_array_equal(collect_curves(studies, classes=CLASSES, num_workers=1).curves, alone.curves)


def test_without_any_tumour_the_statistics_stay(tmp_path, make_trainer, caplog):
    healthy = Dataset([studies_for_training().data[2]])
    trainer = make_trainer(train_handlers=[EnhancementStatistics(dataset=healthy, output_dir=tmp_path)])
    trainer.run()
    assert trainer.network.enhancement_std.tolist() == [0.5, 1.0, 2.0, 0.25]
    assert "No training study has a tumour" in caplog.text


def test_unreadable_training_curves_are_an_error(tmp_path):
    (tmp_path / "training_curves.json").write_text('{"curves": 3')
    with pytest.raises(InputError, match=r"training_curves\.json: found JSONDecodeError.*Train again"):
        TrainingCurves.from_file(tmp_path / "training_curves.json")


@pytest.fixture
def make_evaluator(study, toys):
    """An evaluator whose post-processing puts finished studies in the place of the network's answer."""

    class Finished:
        def __init__(self, studies):
            self.studies = {item["study"]["case"]: item for item in studies}

        def __call__(self, data):
            return {**data, **self.studies[data["study"]["case"]]}

    def build(studies, handlers=()):
        items = [{k: s[k] for k in ("image", "label", "phase_mask", "study", "scale", "lesion_class")} for s in studies]
        return SupervisedEvaluator(
            device=torch.device("cpu"),
            val_data_loader=DataLoader(Dataset(items), batch_size=1),
            network=toys.Network(),
            prepare_batch=PrepareStudy(),
            inferer=lambda image, network, phase_mask: {"seg": image[:, :1]},
            postprocessing=Finished(studies),
            key_val_metric={"score": StudyMetrics()},
            val_handlers=list(handlers),
        )

    return build


@pytest.fixture
def studies(study):
    boxes = {"half": (S(4, 8), S(1, 4), S(1, 3)), "full": TRUE[:3], "most": (S(3, 7), S(1, 4), S(1, 3))}
    return [study(name, true=[TRUE], pred=[box]) for name, box in boxes.items()] + [study("none", lesion_class=-1)]


def test_metric_puts_headlines_score_and_records_into_the_evaluator(make_evaluator, studies):
    evaluator = make_evaluator(studies)
    evaluator.run()
    metrics = evaluator.state.metrics
    assert metrics["dsc"] == pytest.approx(np.mean([0.5, 1.0, 0.75]))
    assert metrics["fp_healthy"] == 0.0
    assert "auc" not in metrics
    assert metrics["score"] == evaluator.state.best_metric > 0
    assert [record["case"] for record in evaluator.state.metric_details["studies"]] == ["full", "half", "most", "none"]
    evaluator.run()
    assert len(evaluator.state.metric_details["studies"]) == 4


def test_evaluation_writes_table_json_csv_and_pictures(make_evaluator, studies, tmp_path, caplog, training):
    caplog.set_level("INFO")
    (tmp_path / "curves.json").write_text(json.dumps(training.to_dict()))
    report = EvaluationReport(output_dir=tmp_path / "out", classes=CLASSES, training_curves=tmp_path / "curves.json")
    make_evaluator(studies, [report]).run()
    assert "DSC" in caplog.text
    assert caplog.text.count("MTI-Net [95 % interval]") == 1
    names = ["metrics.json", "studies.csv", "confusion_matrix.png", "overlays.png"]
    assert [path.name for path in report.written] == names
    with open(tmp_path / "out" / "studies.csv", newline="", encoding="utf-8") as file:
        rows = {row["case"]: row for row in csv.DictReader(file)}
    assert float(rows["half"]["dsc"]) == 0.5
    assert (rows["none"]["dsc"], rows["none"]["class"]) == ("", "")
    assert (rows["full"]["class"], rows["full"]["predicted_class"]) == ("hemangioma", "hemangioma")
    assert float(rows["full"]["target_arterial"]) == pytest.approx(300)
    for name in names[2:]:
        assert np.asarray(Image.open(tmp_path / "out" / name)).std() > 0


def test_overlays_rank_by_dsc_and_need_a_tumour(make_evaluator, study, tmp_path):
    report = EvaluationReport(output_dir=tmp_path)
    make_evaluator([study("none", lesion_class=-1)], [report]).run()
    assert [path.name for path in report.written] == ["metrics.json", "studies.csv", "confusion_matrix.png"]


def test_training_ends_with_the_table_of_the_published_weights_and_all_paths(
    make_trainer, make_evaluator, studies, tmp_path, caplog, toys
):
    caplog.set_level("INFO")
    evaluator = make_evaluator(studies)
    best = toys.Network()
    torch.save(best.state_dict(), tmp_path / "model.pt")
    (tmp_path / "history.csv").write_text("epoch\n")
    handler = TrainingReport(
        validator=evaluator,
        weights=tmp_path / "model.pt",
        output_dir=tmp_path / "out",
        also_written=[tmp_path / "history.csv", tmp_path / "absent"],
    )
    trainer = make_trainer(train_handlers=[handler])
    trainer.run()
    assert torch.equal(trainer.network.seg.weight, best.seg.weight)
    text = caplog.text[caplog.text.index("Written:") :]
    for name in ("model.pt", "metrics.json", "studies.csv", "confusion_matrix.png", "history.csv"):
        assert name in text
    assert "absent" not in text


def test_training_ends_well_without_validation_studies(make_trainer, tmp_path, caplog):
    """An annotation server's users may train on all that they have."""
    caplog.set_level("INFO")
    trainer = make_trainer()
    torch.save(trainer.network.state_dict(), tmp_path / "model.pt")
    validator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset([])),
        network=trainer.network,
        key_val_metric={"score": StudyMetrics()},
    )
    TrainingReport(validator=validator, weights=tmp_path / "model.pt", output_dir=tmp_path / "out").attach(trainer)
    trainer.run()
    assert "no validation studies" in caplog.text
    assert "model.pt" in caplog.text[caplog.text.index("Written:") :]


def test_validation_metrics_that_are_undefined_do_not_disturb_tensorboard(
    make_trainer, make_evaluator, studies, tmp_path
):
    board = TensorBoardStatsHandler(log_dir=str(tmp_path), iteration_log=False)
    evaluator = make_evaluator(studies, [board])
    trainer = make_trainer(train_handlers=[ValidationHandler(validator=evaluator, interval=1)])
    trainer.run()
    assert "auc" not in evaluator.state.metrics
    assert any(tmp_path.iterdir())
