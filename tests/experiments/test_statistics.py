"""Intervals and tests against scipy and against hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap, ttest_1samp

from custom.experiments.tables.statistics import bootstrap_interval, holm, mean_and_sd, paired_p_value


def one_each(values) -> dict:
    return {f"p{index:03d}": [float(value)] for index, value in enumerate(values)}


def test_mean_and_sd_are_numpys_and_a_single_value_has_no_spread():
    assert mean_and_sd([1.0, 2.0, 4.0]) == pytest.approx((7 / 3, np.std([1, 2, 4], ddof=1)))
    assert mean_and_sd([3.0]) == (3.0, None)


def test_bootstrap_agrees_with_scipys():
    values = np.random.default_rng(1).exponential(size=40)
    theirs = bootstrap((values,), np.mean, method="percentile", n_resamples=9999, rng=np.random.default_rng(2))
    ours = bootstrap_interval(one_each(values))
    assert ours == pytest.approx(tuple(theirs.confidence_interval), abs=0.02)


def test_bootstrap_is_the_same_for_the_same_seed_and_patients_in_any_order():
    values = one_each(np.random.default_rng(3).normal(size=12))
    backwards = dict(reversed(values.items()))
    assert bootstrap_interval(values) == bootstrap_interval(backwards)
    assert bootstrap_interval(values) != bootstrap_interval(values, seed=1)


def test_studies_of_one_patient_are_drawn_together():
    """Each study twice is no more knowledge: drawn apart, the interval would shrink by the root of two."""
    values = one_each(np.random.default_rng(4).normal(size=20))
    doubled = {patient: studies * 2 for patient, studies in values.items()}
    assert bootstrap_interval(doubled) == pytest.approx(bootstrap_interval(values))
    assert paired_p_value(doubled) == paired_p_value(values)


def test_one_patient_tells_nothing():
    assert bootstrap_interval({"p": [0.1, 0.2]}) is None
    assert paired_p_value({"p": [0.1, 0.2]}) is None


def test_five_differences_of_one_sign_have_the_smallest_p_there_is():
    assert paired_p_value(one_each([1, 2, 3, 4, 5])) == pytest.approx(2 / 2**5)
    assert paired_p_value(one_each([0, 0, 0])) == 1.0


def test_right_and_wrong_answers_give_mcnemars_exact_test():
    differences = one_each([1] * 7 + [-1] + [0] * 5)
    assert paired_p_value(differences) == pytest.approx(binomtest(1, 8).pvalue)


def test_many_differences_give_about_students_test():
    differences = np.random.default_rng(5).normal(0.3, 1.0, size=60)
    assert paired_p_value(one_each(differences)) == pytest.approx(ttest_1samp(differences, 0).pvalue, abs=0.01)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, None]) == pytest.approx([0.03, 0.06, 0.06, None])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_raises_no_p_value_above_another(p_values):
    corrected = holm(p_values)
    assert all(p <= c <= min(1.0, len(p_values) * p) or c >= p for p, c in zip(p_values, corrected, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(corrected)[order]) >= 0).all()
