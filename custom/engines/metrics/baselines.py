"""What a network has to beat: the same studies, answered without a network.

A baseline is made of records, like a prediction, so that every figure is computed for it in the same way.

- ``population mean``: the training set's mean curve, scaled to the study; over the studies for which the network gives
  a curve.
- ``measured, predicted mask``: the curve measured through the network's own segmentation.
- ``majority class``: the most frequent class of the training set.
- ``logistic regression, predicted mask`` / ``true mask``: on the curve measured through that mask, fitted on the
  training studies' curves through their true masks.
- ``no lesion``: nothing is ever found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...enhancement_classifier import CurveClassifier
from ..training_curves import TrainingCurves
from .curves import mae_pct, mae_raw
from .study_record import Record
from .summary import Figures, summarise


def baseline_figures(records: Sequence[Record], training: TrainingCurves | None) -> dict[str, Figures]:
    """Figures of every baseline under its name; without training curves only those that need none."""
    answered: dict[str, list[Record]] = {
        "no lesion": [no_lesion(record) for record in records],
        "measured, predicted mask": [measured_curve(record) for record in records],
    }
    if training is not None and len(training.curves):
        mean_curve = training.mean_and_std()[0]
        asked = [record for record in records if record["curves"]["regressed"] is not None] or records
        answered["population mean"] = [population_mean(record, mean_curve) for record in asked]
        majority = training.majority_class()
        if majority is not None:
            answered["majority class"] = [majority_class(record, majority, len(training.classes)) for record in records]
        classifier = training.classifier()
        if classifier is not None:
            for title, curve in (("predicted mask", "measured"), ("true mask", "target")):
                answers = [logistic_regression(record, classifier, curve) for record in records]
                answered[f"logistic regression, {title}"] = answers
    return {name: summarise(answers) for name, answers in answered.items()}


def no_lesion(record: Record) -> Record:
    zero = {"dsc": 0.0, "iou": 0.0} if record["has_tumour"] else {}
    lesions = [{**lesion, "found": False} for lesion in record["lesions"]]
    nothing = {"found_tumour": False, "false_positives": 0, "hd95_mm": None, "lesions": lesions}
    return {**record, **zero, **nothing, "slice_dsc": [0.0] * len(record["slice_dsc"])}


def measured_curve(record: Record) -> Record:
    """The measured curve in the place of the regressed one."""
    return _with_curve(record, record["curves"]["measured"])


def population_mean(record: Record, mean_curve: Sequence[float]) -> Record:
    return _with_curve(record, [value * record["scale"] for value in mean_curve])


def majority_class(record: Record, majority: int, num_classes: int) -> Record:
    return _with_probabilities(record, [float(index == majority) for index in range(num_classes)])


def logistic_regression(record: Record, classifier: CurveClassifier, curve: str) -> Record:
    values = record["curves"][curve]
    if values is None:
        return _with_probabilities(record, None)
    row = np.array([[np.nan if value is None else value for value in values]])  # (1, P)
    return _with_probabilities(record, classifier.predict_proba(row)[0].tolist())


def _with_curve(record: Record, curve: Sequence[float | None] | None) -> Record:
    curves: Mapping[str, Sequence[float | None] | None] = {**record["curves"], "regressed": curve}
    errors = {}
    for truth, suffix in (("target", ""), ("true", "_true")):
        errors[f"regressed_mae_raw{suffix}"] = mae_raw(curve, curves[truth])
        errors[f"regressed_mae_pct{suffix}"] = mae_pct(curve, curves[truth])
    return {**record, "curves": curves, **errors}


def _with_probabilities(record: Record, probabilities: list[float] | None) -> Record:
    predicted = None if probabilities is None else int(np.argmax(probabilities))
    return {**record, "class_probabilities": probabilities, "predicted_class": predicted}
