"""The figures of a set of studies, each a function of its records; None where it is undefined.

What counts in which figure:

- DSC, IoU, HD95: studies with a true tumour (a missed tumour has DSC and IoU 0, and no HD95).
- accuracy: studies with a tumour of one known class; a study in which nothing is found is a wrong answer.
- AUC: the same studies; one in which nothing is found has the uninformative probability 1/K. For K > 2 the mean of one
  against rest.
- curve errors: studies with a tumour and a predicted curve; ``curve_found`` says how many of all that is.
- false positives: predicted components without a tumour voxel, per study; ``fp_healthy``: healthy studies with any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import rankdata

from .lesions import SIZE_CLASSES_MM, size_class_name
from .study_record import Record

Figures = dict[str, float | None]


def summarise(records: Sequence[Record]) -> Figures:
    """All figures of ``records`` under flat names, e.g. ``dsc``, ``curve_mae_pct``, ``auc``, ``sensitivity <20 mm``."""
    tumour = [record for record in records if record["has_tumour"]]
    healthy = [record for record in records if not record["has_tumour"]]
    figures: Figures = {name: mean(tumour, name) for name in ("dsc", "iou", "hd95_mm")}
    figures["curve_mae_raw"] = mean(tumour, "regressed_mae_raw")
    figures["curve_mae_pct"] = mean(tumour, "regressed_mae_pct")
    figures["measured_mae_raw"] = mean(tumour, "measured_mae_raw")
    figures["measured_mae_pct"] = mean(tumour, "measured_mae_pct")
    for name in ("regressed_mae_raw_true", "regressed_mae_pct_true", "measured_mae_raw_true", "measured_mae_pct_true"):
        figures[name] = mean(tumour, name)
    figures |= {"accuracy": accuracy(records), "auc": auc(records), "curve_found": mean_of(tumour, _has_curve)}
    figures |= {"slice_dsc": flat_mean(tumour, "slice_dsc"), "slice_accuracy": flat_mean(tumour, "slice_correct")}
    figures["fp_healthy"] = mean_of(healthy, lambda record: record["found_tumour"])
    figures["fp_per_study"] = mean(records, "false_positives")
    return figures | sensitivity_by_size(tumour)


def score(figures: Figures, population_mae_pct: float | None = None) -> float:
    """One number to choose weights by: the mean of the defined among DSC, curve skill, class skill and specificity.

    Curve skill is ``1 - error / error of the population-mean curve`` (in relative enhancement), not below 0; class
    skill the mean of accuracy and AUC; specificity ``1 / (1 + fp_per_study)``, to which every study contributes and
    not only the few healthy ones of a validation set. A task that the network lacks takes no part.
    """
    parts = [figures["dsc"]]
    if figures["curve_mae_pct"] is not None and population_mae_pct:
        parts.append(max(0.0, 1 - figures["curve_mae_pct"] / population_mae_pct))
    elif population_mae_pct and figures["curve_found"] == 0:
        parts.append(0.0)  # nothing found, nothing regressed
    class_skill = [value for value in (figures["accuracy"], figures["auc"]) if value is not None]
    parts.append(float(np.mean(class_skill)) if class_skill else None)
    parts.append(None if figures["fp_per_study"] is None else 1 / (1 + figures["fp_per_study"]))
    defined = [part for part in parts if part is not None]
    return float(np.mean(defined)) if defined else 0.0


def mean(records: Sequence[Record], name: str) -> float | None:
    return mean_of(records, lambda record: record[name])


def mean_of(records: Sequence[Record], value_of: Callable[[Record], float | None]) -> float | None:
    """Mean over the records whose value is defined; None if none is."""
    values = [value for record in records if (value := value_of(record)) is not None]
    return float(np.mean(values)) if values else None


def flat_mean(records: Sequence[Record], name: str) -> float | None:
    values = [value for record in records for value in record[name]]
    return float(np.mean(values)) if values else None


def known(records: Sequence[Record]) -> list[Record]:
    """Studies that the class figures are about: with a tumour of one known class."""
    return [record for record in records if record["has_tumour"] and record["lesion_class"] >= 0]


def accuracy(records: Sequence[Record]) -> float | None:
    studies = known(records)
    if not any(record["predicted_class"] is not None for record in studies):
        return None if not studies or not classifies(records) else 0.0
    return mean_of(studies, lambda record: record["predicted_class"] == record["lesion_class"])


def auc(records: Sequence[Record]) -> float | None:
    """Area under the ROC curve; one against the rest, averaged over the classes that occur, for more than two."""
    studies = known(records)
    sizes = {len(record["class_probabilities"]) for record in studies if record["class_probabilities"]}
    if not sizes:
        return None
    num_classes = sizes.pop()
    uninformed = [1 / num_classes] * num_classes
    probabilities = np.array([record["class_probabilities"] or uninformed for record in studies])  # (N, K)
    classes = np.array([record["lesion_class"] for record in studies])  # (N)
    columns = [1] if num_classes == 2 else range(num_classes)
    areas = [binary_auc(probabilities[:, column], classes == column) for column in columns]
    areas = [area for area in areas if area is not None]
    return float(np.mean(areas)) if areas else None


def binary_auc(scores: np.ndarray, positive: np.ndarray) -> float | None:
    """Mann-Whitney: the share of (positive, negative) pairs in the right order, ties one half. None with one class."""
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return None
    rank_sum = rankdata(scores)[positive].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def confusion_matrix(records: Sequence[Record], num_classes: int) -> list[list[int]]:
    """``[true class][predicted class]``, with a last column for tumours that were missed: K rows, K + 1 columns."""
    matrix = np.zeros((num_classes, num_classes + 1), dtype=int)
    for record in known(records):
        predicted = record["predicted_class"]
        matrix[record["lesion_class"], num_classes if predicted is None else predicted] += 1
    return matrix.tolist()


def sensitivity_by_size(records: Sequence[Record]) -> Figures:
    """Share of true lesions that the prediction touches, over all and in each class of diameter."""
    lesions = [lesion for record in records for lesion in record["lesions"]]
    figures = {"sensitivity": mean_of(lesions, lambda lesion: lesion["found"])}
    for low, high in SIZE_CLASSES_MM:
        inside = [lesion for lesion in lesions if low <= lesion["diameter_mm"] < high]
        figures[f"sensitivity {size_class_name((low, high))}"] = mean_of(inside, lambda lesion: lesion["found"])
    return figures


def _has_curve(record: Record) -> bool:
    return record["curves"]["regressed"] is not None


def classifies(records: Sequence[Record]) -> bool:
    """Whether the network has a class head at all: seen from what it says about any study or slice."""
    return any(record["class_probabilities"] or record["slice_correct"] for record in records)
