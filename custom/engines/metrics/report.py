"""From records to what people read: the table, ``metrics.json`` and ``studies.csv``."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...types import PHASES
from ..training_curves import TrainingCurves
from .baselines import baseline_figures
from .bootstrap import bootstrap_intervals
from .calibration import calibration
from .study_record import Record
from .summary import confusion_matrix, summarise

LR_PREDICTED, LR_TRUE = "logistic regression, predicted mask", "logistic regression, true mask"
CURVE_BASELINES = ("population mean", "measured, predicted mask")
CLASS_BASELINES = ("majority class", LR_PREDICTED, LR_TRUE)
# title, figure, number format, factor, baselines shown beside it
ROWS: tuple[tuple[str, str, str, float, tuple[str, ...]], ...] = (
    ("DSC", "dsc", ".3f", 1, ("no lesion",)),
    ("IoU", "iou", ".3f", 1, ("no lesion",)),
    ("HD95, mm", "hd95_mm", ".1f", 1, ()),
    ("Curve MAE, raw units", "curve_mae_raw", ".1f", 1, CURVE_BASELINES),
    ("Curve MAE, relative enhancement %", "curve_mae_pct", ".1f", 1, CURVE_BASELINES),
    ("Curve MAE against the true curve, raw units", "regressed_mae_raw_true", ".1f", 1, CURVE_BASELINES),
    ("Accuracy", "accuracy", ".3f", 1, CLASS_BASELINES),
    ("AUC", "auc", ".3f", 1, CLASS_BASELINES),
    ("Healthy studies with a finding, %", "fp_healthy", ".1f", 100, ("no lesion",)),
    ("False positives per study", "fp_per_study", ".2f", 1, ("no lesion",)),
    ("Lesions found, %", "sensitivity", ".1f", 100, ("no lesion",)),
    ("DSC per slice", "slice_dsc", ".3f", 1, ()),
    ("Accuracy per slice", "slice_accuracy", ".3f", 1, ()),
)


def build_report(
    records: Sequence[Record], *, classes: Sequence[str], training: TrainingCurves | None = None, seed: int = 0
) -> dict[str, Any]:
    """Figures, their 95 % intervals, baselines, calibration and the confusion matrix, as plain JSON values."""
    healthy = sum(not record["has_tumour"] for record in records)
    return {
        "studies": len(records),
        "healthy_studies": healthy,
        "classes": list(classes),
        "figures": summarise(records),
        "intervals_95": bootstrap_intervals(records, seed=seed),
        "baselines": baseline_figures(records, training),
        "calibration": calibration(records),
        "confusion_matrix": {
            "rows": [f"true {name}" for name in classes],
            "columns": [*(f"predicted {name}" for name in classes), "not found"],
            "counts": confusion_matrix(records, len(classes)),
        },
    }


def format_table(report: dict[str, Any]) -> str:
    """The table of a report: ours with its interval, and the baselines of each figure beside it."""
    lines = [("", "MTI-Net [95 % interval]", "baselines")]
    for title, figure, number, factor, names in ROWS:
        beside = [(name, report["baselines"][name][figure]) for name in names if name in report["baselines"]]
        beside = [(name, value) for name, value in beside if value is not None]
        if report["figures"][figure] is None and not beside:
            continue
        ours = _number(report["figures"][figure], number, factor)
        if (interval := report["intervals_95"][figure]) is not None:
            ours += " [" + ", ".join(_number(end, number, factor) for end in interval) + "]"
        lines.append((title, ours, "; ".join(f"{name} {_number(value, number, factor)}" for name, value in beside)))
    widths = [max(len(line[column]) for line in lines) for column in range(2)]
    text = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in lines]
    return f"{report['studies']} studies, {report['healthy_studies']} of them healthy\n" + "\n".join(text)


def write_report(report: dict[str, Any], records: Sequence[Record], output_dir: Path) -> list[Path]:
    """Write ``metrics.json`` and ``studies.csv``; returns their paths."""
    output_dir.mkdir(parents=True, exist_ok=True)
    metrics, studies = output_dir / "metrics.json", output_dir / "studies.csv"
    text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
    metrics.write_text(text + "\n", encoding="utf-8")
    rows = [study_row(record, report["classes"]) for record in records]
    with open(studies, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else ["case"])
        writer.writeheader()
        writer.writerows(rows)
    return [metrics, studies]


def study_row(record: Record, classes: Sequence[str]) -> dict[str, Any]:
    """One line of ``studies.csv``; an undefined value is an empty cell."""
    plain = ("dsc", "iou", "hd95_mm", "volume_ml", "predicted_volume_ml", "false_positives")
    errors = [key for key in record if "_mae_" in key]
    row = {"case": record["case"], "class": _class_name(record["lesion_class"], classes)}
    row |= {"predicted_class": _class_name(record["predicted_class"], classes)}
    row |= {key: record[key] for key in (*plain, *errors)}
    probabilities = record["class_probabilities"] or [None] * len(classes)
    row |= {f"probability_{name}": value for name, value in zip(classes, probabilities, strict=True)}
    for name, curve in record["curves"].items():
        values = curve or [None] * len(PHASES)
        row |= {f"{name}_{phase}": value for phase, value in zip(PHASES, values, strict=True)}
    row["lesions"] = len(record["lesions"])
    row["lesions_found"] = sum(lesion["found"] for lesion in record["lesions"])
    return row


def _class_name(index: int | None, classes: Sequence[str]) -> str | None:
    return None if index is None or index < 0 else classes[index]


def _number(value: float | None, number: str, factor: float) -> str:
    return "–" if value is None else format(value * factor, number)
