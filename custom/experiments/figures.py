"""The figures of an experiment's table, each as a value a study: what pairs, averages and resamples without a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..engines.metrics.study_record import Record
from ..engines.metrics.summary import classifies


@dataclass(frozen=True)
class Figure:
    """One figure of merit.

    Args:
        key: name in files, as in ``metrics.json``.
        title: as a reader sees it.
        value: of one study, None where it is undefined.
        digits: after the decimal point.
        higher_is_better: the direction of progress.
        of_mask: says something of the predicted mask, and nothing where the true one is given.
    """

    key: str
    title: str
    value: Callable[[Record], float | None]
    digits: int = 3
    higher_is_better: bool = True
    of_mask: bool = False


def _entry(key: str) -> Callable[[Record], float | None]:
    return lambda record: record[key]


def _correct(record: Record) -> float | None:
    if not record["has_tumour"] or record["lesion_class"] < 0:
        return None
    return float(record["predicted_class"] == record["lesion_class"])  # a missed tumour is a wrong answer


def _found(record: Record) -> float | None:
    return float(np.mean([lesion["found"] for lesion in record["lesions"]])) if record["lesions"] else None


def _false_alarm(record: Record) -> float | None:
    return None if record["has_tumour"] else float(record["found_tumour"])


RAW, PCT = "Curve MAE, {}, raw units", "Curve MAE, {}, relative enhancement, percentage points"
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
    Figure("accuracy", "Accuracy of the class", _correct),
    Figure("sensitivity", "Lesions found, share", _found, of_mask=True),
    Figure("fp_healthy", "Healthy studies with a finding, share", _false_alarm, 3, False, of_mask=True),
)
"""Those of ``summarise`` that are means over studies."""


def study_values(records: Sequence[Record], figure: Figure) -> dict[str, float]:
    """Case → value, of the studies where it is defined; nothing where the network does not have the task."""
    if figure.key == "accuracy" and not classifies(records):
        return {}
    values = {record["case"]: figure.value(record) for record in records}
    return {case: value for case, value in values.items() if value is not None}


def averaged(repeats: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Case → mean over the seeds (and folds) in which it has a value."""
    collected: dict[str, list[float]] = {}
    for values in repeats:
        for case, value in values.items():
            collected.setdefault(case, []).append(value)
    return {case: float(np.mean(values)) for case, values in collected.items()}
