"""How well the class can be told at all: cross-validated logistic regressions on the phantom's truth.

`curve_reference` uses the true, aligned, noise-free four-point curve of the whole tumour: publish it beside every
classification result on the phantom.  `pre_contrast_reference` sees the pre-contrast truth only, and must stay weak.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MAX_FOLDS = 5
FEWEST_PER_CLASS = 20
FEWEST_TEST_PER_CLASS = 10


def curve_features(curves: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Features of four-point curves that do not depend on the scanner's gain.

    Args:
        curves: ``(N, P)`` raw units, > 0.
        scales: ``(N,)`` joint scale of each study's four phases, raw units.

    Returns:
        ``(N, 2 P - 1)``: log of curve over scale, then relative enhancement ``(S_k - S_pre) / S_pre``.
    """
    relative = (curves[:, 1:] - curves[:, :1]) / curves[:, :1]
    return np.concatenate([np.log(curves / scales[:, None]), relative], axis=1)


def pre_contrast_features(curves: np.ndarray, liver: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """What the pre-contrast phase tells: lesion over liver, and lesion over joint scale, ``(N, 2)``."""
    return np.log(np.stack([curves[:, 0] / liver[:, 0], curves[:, 0] / scales], axis=1))


def cross_validated(features: np.ndarray, labels: Sequence[str], groups: Sequence) -> dict | None:
    """Logistic regression, grouped cross-validation (no patient on both sides).

    Args:
        features: ``(N, F)``.
        labels: class name of each row, two classes.
        groups: patient of each row.

    Returns:
        ``accuracy``, ``auc``, ``studies``, ``folds``; None where there are not two classes of `FEWEST_PER_CLASS` each.
    """
    y = _two_classes(labels)
    if y is None:
        return None
    folds = min(MAX_FOLDS, len(set(groups)))
    probability = cross_val_predict(
        _model(), features, y, groups=list(groups), cv=GroupKFold(folds), method="predict_proba"
    )[:, 1]
    return _scores(y, probability) | {"folds": folds}


def held_out(features: np.ndarray, labels: Sequence[str], is_test: np.ndarray) -> dict | None:
    """The same regression fitted outside the test section and scored inside it; None where either side is small.

    Args:
        features, labels: as in `cross_validated`.
        is_test: ``(N,)`` bool.

    Returns:
        ``accuracy``, ``auc``, ``studies``.
    """
    y, is_test = _two_classes(labels), np.asarray(is_test)
    if y is None or min(_counts(y[is_test])) < FEWEST_TEST_PER_CLASS or min(_counts(y[~is_test])) < FEWEST_PER_CLASS:
        return None
    model = _model().fit(features[~is_test], y[~is_test])
    return _scores(y[is_test], model.predict_proba(features[is_test])[:, 1])


def references(studies: Sequence[dict]) -> dict:
    """Both references over the studies of one class.

    Args:
        studies: manifest entries.

    Returns:
        ``curve_reference`` and ``pre_contrast_reference``: what each was computed on, ``cross_validated`` over all
        sections, and ``test`` (fitted outside the test section).
    """
    single = [study for study in studies if len(study["classes"]) == 1]
    curves, liver, scales = (
        np.array([study[key] for study in single]) for key in ("true_enhancement", "liver_enhancement", "joint_scale")
    )
    labels, groups = [study["classes"][0] for study in single], [study["seeds"]["patient"] for study in single]
    is_test = np.array([study["section"] == "test" for study in single])
    results = {}
    for name, what in (
        ("curve_reference", "four-point curve of the whole tumour"),
        ("pre_contrast_reference", "pre-contrast signal of the whole tumour and of liver"),
    ):
        results[name] = {
            "computed_on": f"logistic regression on the true, aligned, noise-free {what}; studies of one class",
            "cross_validated": None,
            "test": None,
        }
        if _two_classes(labels) is not None:
            whole_curve = name == "curve_reference"
            features = curve_features(curves, scales) if whole_curve else pre_contrast_features(curves, liver, scales)
            results[name]["cross_validated"] = cross_validated(features, labels, groups)
            results[name]["test"] = held_out(features, labels, is_test)
    return results


def _model():
    return make_pipeline(StandardScaler(), LogisticRegression(C=10.0, max_iter=5000))


def _two_classes(labels: Sequence[str]) -> np.ndarray | None:
    """0/1 per row, or None where the rows do not hold two classes of `FEWEST_PER_CLASS` each."""
    names, y = np.unique(np.asarray(labels), return_inverse=True)
    return y if len(names) == 2 and min(_counts(y)) >= FEWEST_PER_CLASS else None


def _counts(y: np.ndarray) -> np.ndarray:
    return np.bincount(y, minlength=2)


def _scores(y: np.ndarray, probability: np.ndarray) -> dict:
    return {
        "accuracy": round(float(accuracy_score(y, probability > 0.5)), 4),
        "auc": round(float(roc_auc_score(y, probability)), 4),
        "studies": len(y),
    }
