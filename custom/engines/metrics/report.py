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
from .unknown_kinds import unknown_kinds

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

# title, figure, number format, factor
KIND_COLUMNS = (
    ("lesions found, %", "found", ".1f", 100),
    ("class given surely, %", "sure", ".1f", 100),
    ("surely and wrongly, %", "wrongly_sure", ".1f", 100),
    ("mean probability", "probability", ".3f", 1),
)


def build_report(
    records: Sequence[Record],
    *,
    classes: Sequence[str],
    training: TrainingCurves | None = None,
    sure_from: float = 0.9,
    seed: int = 0,
) -> dict[str, Any]:
    """Figures, 95 % intervals, baselines, calibration, unknown kinds and the confusion matrix, as plain JSON values."""
    healthy = sum(not record["has_tumour"] for record in records)
    return {
        "studies": len(records),
        "healthy_studies": healthy,
        "classes": list(classes),
        "figures": summarise(records),
        "intervals_95": bootstrap_intervals(records, seed=seed),
        "baselines": baseline_figures(records, training),
        "calibration": calibration(records),
        "unknown_kinds": unknown_kinds(records, sure_from=sure_from, seed=seed),
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
        ours = _with_interval(report, figure, number, factor)
        lines.append((title, ours, "; ".join(f"{name} {_number(value, number, factor)}" for name, value in beside)))
    text = [f"{report['studies']} studies, {report['healthy_studies']} of them healthy", *_aligned(lines)]
    if report["unknown_kinds"] is not None:
        text += format_unknown_kinds(report["unknown_kinds"])
    return "\n".join(text)


def format_unknown_kinds(told: dict[str, Any]) -> list[str]:
    """Lines of the table of kinds never trained on, beside the known ones."""
    lines = [("", "studies", *(title for title, *_ in KIND_COLUMNS))]
    for name, studies in told["groups"].items():
        cells = [_with_interval(told, f"{name} {figure}", number, factor) for _, figure, number, factor in KIND_COLUMNS]
        lines.append((name, str(studies), *cells))
    return [
        f"Kinds never trained on; a class is given surely with a probability of at least {told['sure_from']:g}",
        *_aligned(lines),
        "AUROC of that probability, known against other kinds: " + _with_interval(told, "auroc", ".3f", 1),
    ]


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
    row |= {"kind": record.get("kind"), "predicted_class": _class_name(record["predicted_class"], classes)}
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


def _with_interval(figures: dict[str, Any], name: str, number: str, factor: float) -> str:
    """A figure of ``figures`` with its interval of ``intervals_95`` in brackets."""
    text, interval = _number(figures["figures"][name], number, factor), figures["intervals_95"][name]
    return text + (f" [{', '.join(_number(end, number, factor) for end in interval)}]" if interval else "")


def _aligned(lines: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _number(value: float | None, number: str, factor: float) -> str:
    return "–" if value is None else format(value * factor, number)
