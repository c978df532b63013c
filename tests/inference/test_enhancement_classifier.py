import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from custom.enhancement_classifier import CurveClassifier, curve_features
from custom.types import InputError

HEMANGIOMA, HCC = (0.6, 1.2, 1.4, 1.3), (0.8, 1.7, 0.9, 0.8)


def curves_of_two_classes(count: int = 200, noise: float = 0.25) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    classes = rng.integers(0, 2, count)
    curves = np.array([HEMANGIOMA, HCC])[classes] * np.exp(noise * rng.standard_normal((count, 4)))
    return curves * rng.uniform(50, 2000, (count, 1)), classes


def test_scanner_gain_changes_nothing():
    curves, classes = curves_of_two_classes()
    classifier = CurveClassifier().fit(curves, classes)
    np.testing.assert_allclose(classifier.predict_proba(curves * 37.5), classifier.predict_proba(curves), atol=1e-12)


def test_it_separates_the_classes_and_rows_sum_to_one():
    curves, classes = curves_of_two_classes()
    probabilities = CurveClassifier().fit(curves, classes).predict_proba(curves)
    np.testing.assert_allclose(probabilities.sum(1), 1.0)
    assert (probabilities.argmax(1) == classes).mean() > 0.9


def test_it_agrees_with_scikit_learn():
    curves, classes = curves_of_two_classes(noise=0.6)
    classes[:20] = 2  # a third class, unbalanced
    ours = CurveClassifier(classes=("a", "b", "c"), l2=0.02).fit(curves, classes)
    z = (curve_features(curves) - ours.feature_mean) / ours.feature_std
    weight = len(classes) / (3 * np.bincount(classes))[classes]
    theirs = LogisticRegression(C=1 / (0.02 * len(classes)), tol=1e-10, max_iter=10000).fit(z, classes, weight)
    np.testing.assert_allclose(ours.predict_proba(curves), theirs.predict_proba(z), atol=1e-6)


def test_a_missing_phase_is_survived_in_fit_and_prediction():
    curves, classes = curves_of_two_classes()
    holed = curves.copy()
    holed[::3, 0] = np.nan
    holed[1::3, 3] = np.nan
    classifier = CurveClassifier().fit(holed, classes)
    probabilities = classifier.predict_proba(holed)
    assert np.isfinite(probabilities).all()
    assert (probabilities.argmax(1) == classes).mean() > 0.9
    nothing = classifier.predict_proba(np.full((1, 4), np.nan))
    np.testing.assert_allclose(nothing.sum(), 1.0)


def test_dark_and_negative_signals_are_finite():
    assert np.isfinite(curve_features(np.array([[0.0, -3.0, 100.0, 50.0], [0.0, 0.0, 0.0, 0.0]]))).all()


def test_unknown_classes_are_left_out_and_only_unknown_is_an_error():
    curves, classes = curves_of_two_classes()
    with_unknown = np.concatenate([curves, curves[:5, ::-1]])
    labels = np.concatenate([classes, np.full(5, -1)])
    np.testing.assert_array_equal(
        CurveClassifier().fit(with_unknown, labels).weight, CurveClassifier().fit(curves, classes).weight
    )
    with pytest.raises(InputError, match="no curve with a known class"):
        CurveClassifier().fit(curves, np.full(len(curves), -1))


def test_json_round_trip_keeps_every_bit():
    curves, classes = curves_of_two_classes()
    classifier = CurveClassifier().fit(curves, classes)
    again = CurveClassifier.from_dict(json.loads(json.dumps(classifier.to_dict())))
    np.testing.assert_array_equal(again.predict_proba(curves), classifier.predict_proba(curves))
    assert again.classes == classifier.classes


@pytest.mark.parametrize("change", [{"weight": [[1.0]]}, {"bias": "x"}, {"classes": ["a", "b", "c"]}])
def test_damaged_values_are_refused(change):
    curves, classes = curves_of_two_classes(40)
    values = CurveClassifier().fit(curves, classes).to_dict() | change
    with pytest.raises(InputError, match=r"expected the values that CurveClassifier.to_dict wrote"):
        CurveClassifier.from_dict(values)
