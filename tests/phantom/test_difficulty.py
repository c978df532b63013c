"""The class lies in the four-point curve: mostly, not wholly, and nowhere else."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from custom.data.phantom.lesion_kinetics import ATYPICAL_SHARE
from custom.data.phantom.patient import draw_patient
from custom.data.phantom.presets import get_preset
from custom.data.phantom.reference import (
    cross_validated,
    curve_features,
    held_out,
    pre_contrast_features,
    references,
)


def _auc(model, features, labels) -> float:
    y = np.array(labels) == "HCC"
    probability = cross_val_predict(model, features, y, cv=5, method="predict_proba")[:, 1]
    return roc_auc_score(y, probability)


def test_curve_reference_lies_in_its_window(population):
    features = curve_features(population.curves, population.scale)
    result = cross_validated(features, population.labels, range(len(population.labels)))
    assert 0.88 <= result["accuracy"] <= 0.95


@pytest.mark.parametrize("model", [LogisticRegression(max_iter=1000), RandomForestClassifier(200, random_state=0)])
def test_shape_size_and_place_tell_nothing(population, model):
    shapes = [lesion.shape for lesion in population.lesions]
    features = np.array([[*s.centre_mm, s.diameter_mm, s.roughness, s.core, *np.linalg.svd(s.axes)[1]] for s in shapes])
    features /= features.std(0) + 1e-9
    assert 0.42 < _auc(model, features, population.labels) < 0.58


def test_pre_contrast_signal_tells_little(population):
    features = pre_contrast_features(population.curves, population.liver, population.scale)
    assert _auc(LogisticRegression(max_iter=1000), features, population.labels) <= 0.75


def test_textbook_signs_hold_on_average(population):
    ratio = population.curves / population.liver
    hcc, hemangioma = (ratio[np.array(population.labels) == name].mean(0) for name in ("HCC", "hemangioma"))
    assert hcc[1] > 1.2  # arterial hyperenhancement
    assert hcc[3] < 1.0 < hemangioma[3]  # washout against persistent enhancement


def test_one_lesion_in_five_is_atypical(population):
    share = np.mean([lesion.kinetics.kind != "typical" for lesion in population.lesions])
    assert share == pytest.approx(ATYPICAL_SHARE, abs=0.05)


def test_lesions_are_conspicuous_and_of_the_intended_sizes(population):
    contrast = np.abs(population.curves / population.liver - 1).max(1)
    assert np.mean(contrast < 0.2) < 0.08
    diameters = np.array([lesion.shape.diameter_mm for lesion in population.lesions])
    assert diameters.min() >= 8
    assert diameters.max() <= 60
    assert np.mean((diameters >= 25) & (diameters <= 55)) > 0.7


def test_shapes_do_not_depend_on_the_class():
    first, second = (draw_patient(5, get_preset("tiny"), (name,)).lesions[0].shape for name in ("HCC", "hemangioma"))
    assert first.centre_mm == second.centre_mm
    assert first.diameter_mm == second.diameter_mm
    np.testing.assert_array_equal(first.axes, second.axes)


def test_references_need_enough_studies():
    features = np.random.default_rng(0).normal(size=(30, 2))
    labels = ["a"] * 15 + ["b"] * 15
    assert cross_validated(features, labels, range(30)) is None
    assert held_out(features, labels, np.arange(30) % 2 == 0) is None
    assert references([])["curve_reference"]["cross_validated"] is None


def test_cross_validation_keeps_patients_apart():
    """Pairs of identical rows with random labels: only a leak would tell them."""
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(60, 200)), rng.permutation(["a", "b"] * 30)
    doubled, twice = np.repeat(rows, 2, axis=0), np.repeat(labels, 2)
    patients = np.repeat(np.arange(60), 2)
    assert cross_validated(doubled, twice, patients)["accuracy"] < 0.75
    assert cross_validated(doubled, twice, range(120))["accuracy"] > 0.9
