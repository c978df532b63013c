"""What needs no network but a mask: answers from the curve measured under MTI-Net's own, for the runs of one arm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...engines.metrics.baselines import logistic_regression, population_mean
from ...engines.metrics.study_record import Record
from ...engines.training_curves import TrainingCurves
from ...enhancement_classifier import curve_features
from ..planning.arms import HELD_OUT

CURVE_FIGURES = ("curve_mae_raw", "curve_mae_pct", "regressed_mae_raw_true")
CLASS_FIGURES = ("accuracy", "auc", "ece")


class GradientBoosting:
    """Boosted trees on the log ratios of the phases, with the interface of the ``CurveClassifier``."""

    def __init__(self, training: TrainingCurves) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier  # takes a second to import

        known = training.lesion_classes >= 0
        self.classes = training.classes
        self.model = HistGradientBoostingClassifier(random_state=0, min_samples_leaf=5, early_stopping=False)
        self.model.fit(curve_features(training.curves[known]), training.lesion_classes[known])

    def predict_proba(self, curves: np.ndarray) -> np.ndarray:
        """``(N, P)`` to ``(N, K)``; a class without a training study has probability 0."""
        probabilities = np.zeros((len(curves), len(self.classes)))
        probabilities[:, self.model.classes_] = self.model.predict_proba(curve_features(curves))
        return probabilities


def curve_baselines(manifest: Mapping[str, Any]) -> dict[str, tuple[list[Record], tuple[str, ...]]]:
    """Name → the held-out studies' records with the baseline's answers, and the figures that are about them."""
    if manifest["training_curves"] is None:
        return {}
    training = TrainingCurves.from_dict(manifest["training_curves"])
    records, mean_curve = manifest["evaluations"][HELD_OUT], training.mean_and_std()[0]

    def answered(answer: Callable[[Record], Record]) -> list[Record]:
        return [answer(record) for record in records]

    found = {"Population mean curve": (answered(lambda record: population_mean(record, mean_curve)), CURVE_FIGURES)}
    if (classifier := training.classifier()) is not None:
        for name, model in (("Logistic regression", classifier), ("Gradient boosting", GradientBoosting(training))):
            records_of = answered(lambda record, model=model: logistic_regression(record, model, "measured"))
            found[f"{name} on the measured curve"] = (records_of, CLASS_FIGURES)
    return found
