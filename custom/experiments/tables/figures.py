"""The figures of an experiment's table: means of a value a study, and those that only a run as a whole has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...engines.metrics.study_record import Record
from .pooled import AUC, ECE, RISK_COVERAGE, RISK_COVERAGE_TO_RANDOM, Pooled, disagreement_pct


@dataclass(frozen=True)
class Figure:
    """One figure of merit.

    Args:
        key: name in files, as in ``metrics.json``.
        title: as a reader sees it.
        value: of one study, None where it is undefined; or a figure of all studies of a run.
        digits: after the decimal point.
        higher_is_better: the direction of progress.
        of_mask: says something of the predicted mask, and nothing where the true one is given.
        of_class: is about the class, and undefined for a network that names none.
    """

    key: str
    title: str
    value: Callable[[Record], float | None] | Pooled
    digits: int = 3
    higher_is_better: bool = True
    of_mask: bool = False
    of_class: bool = False


def _entry(key: str) -> Callable[[Record], float | None]:
    return lambda record: record[key]


def _correct(record: Record) -> float | None:
    if not record["has_tumour"] or record["lesion_class"] < 0:
        return None
    return float(record["predicted_class"] == record["lesion_class"])  # nothing found is a wrong answer


def _found(record: Record) -> float | None:
    return float(np.mean([lesion["found"] for lesion in record["lesions"]])) if record["lesions"] else None


def _false_alarm(record: Record) -> float | None:
    return None if record["has_tumour"] else float(record["found_tumour"])


def _disagreement(record: Record) -> float | None:
    return disagreement_pct(record) if record["has_tumour"] else None


RAW, PCT = "Curve MAE, {}, raw units", "Curve MAE, {}, relative enhancement, percentage points"
AGREEMENT = "Regressed curve from the measured one, relative enhancement, percentage points"
FIGURES = (
    Figure("dsc", "DSC", _entry("dsc"), of_mask=True),
    Figure("iou", "IoU", _entry("iou"), of_mask=True),
    Figure("hd95_mm", "HD95, mm", _entry("hd95_mm"), 1, False, of_mask=True),
    Figure("curve_mae_raw", RAW.format("regressed"), _entry("regressed_mae_raw"), 1, False),
    Figure("curve_mae_pct", PCT.format("regressed"), _entry("regressed_mae_pct"), 1, False),
    Figure(
        "regressed_mae_raw_true", RAW.format("regressed against the true"), _entry("regressed_mae_raw_true"), 1, False
    ),
    Figure(
        "measured_mae_raw", RAW.format("measured under the mask"), _entry("measured_mae_raw"), 1, False, of_mask=True
    ),
    Figure("agreement_mae_pct", AGREEMENT, _disagreement, 1, False, of_mask=True),
    Figure("accuracy", "Accuracy of the class", _correct, of_class=True),
    Figure("auc", "AUC of the class", AUC, of_class=True),
    Figure("ece", "Expected calibration error of the class", ECE, 3, False, of_class=True),
    Figure("risk_coverage", "Risk-coverage area of the curves' disagreement", RISK_COVERAGE, 3, False, of_mask=True),
    Figure(
        "risk_coverage_to_random",
        "Risk-coverage area, as a share of the area at random",
        RISK_COVERAGE_TO_RANDOM,
        3,
        False,
        of_mask=True,
    ),
    Figure("sensitivity", "Lesions found, share", _found, of_mask=True),
    Figure("fp_healthy", "Healthy studies with a finding, share", _false_alarm, 3, False, of_mask=True),
    Figure("fp_per_study", "False positives a study", _entry("false_positives"), 3, False, of_mask=True),
)
