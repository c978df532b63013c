"""Figures of whole runs: against those of the evaluation, against brute force, and against what must be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custom.engines.metrics.calibration import class_calibration, risk_coverage
from custom.engines.metrics.summary import auc
from custom.experiments.tables.figures import FIGURES
from custom.experiments.tables.pooled import AUC, ECE, RISK_COVERAGE, RISK_COVERAGE_TO_RANDOM
from custom.experiments.tables.pooled_statistics import against, own

FIGURE = {figure.key: figure for figure in FIGURES}


@pytest.fixture
def study(by_hand):
    """A study whose class, curves and mask follow from a few numbers."""

    def make(case, *, lesion_class, probabilities, disagreement=0.0, dsc=0.5, **values):
        curves = {"measured": [100.0, 100.0, 100.0, 100.0], "target": None, "true": None}
        curves["regressed"] = [100.0, *[100.0 + disagreement] * 3]
        predicted = None if probabilities is None else int(np.argmax(probabilities))
        answer = {"class_probabilities": probabilities, "predicted_class": predicted, "lesion_class": lesion_class}
        return by_hand.record(f"c{case}", dsc=dsc, curves=curves, **answer, **values)

    return make


@pytest.fixture
def random_run(study):
    """Studies with random answers, ties, missed tumours and, where asked for, three classes."""

    def make(seed, count=30, classes=2, skill=0.0):
        rng = np.random.default_rng(seed)
        records = []
        for case in range(count):
            lesion_class = case % classes
            raw = rng.integers(1, 9, classes) + skill * (np.arange(classes) == lesion_class)
            answer = None if rng.random() < 0.1 else (raw / raw.sum()).tolist()
            told = {"disagreement": float(20 * rng.random()), "dsc": float(rng.random())}
            records.append(study(case, lesion_class=lesion_class, probabilities=answer, **told))
        return records

    return make


def at_once(pooled, *arms):
    judged = [pooled.judged(records) for records in arms]
    return pooled.of(judged), sum(map(len, judged))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_with_equal_weights_they_are_the_figures_of_an_evaluation(random_run, seed, classes):
    records = random_run(seed, classes=classes)
    expected = {AUC: auc(records), ECE: class_calibration(records)["ece"]}
    expected[RISK_COVERAGE] = risk_coverage(records)["area"]
    expected[RISK_COVERAGE_TO_RANDOM] = risk_coverage(records)["area"] / risk_coverage(records)["area_random"]
    for pooled, value in expected.items():
        figure, count = at_once(pooled, records)
        assert figure(np.ones((1, count)))[0] == pytest.approx(value)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_a_weight_is_a_number_of_copies(seed):
    rng = np.random.default_rng(seed)
    records = [
        {"has_tumour": True, "lesion_class": k % 2, "class_probabilities": [1 - p, p], "predicted_class": int(p > 0.5)}
        for k, p in enumerate(rng.integers(0, 8, 12) / 8)
    ]
    weights = rng.integers(0, 3, 12)
    weights[:2] = 1  # both classes
    copies = [record for record, weight in zip(records, weights, strict=True) for _ in range(weight)]
    for pooled, value in ((AUC, auc(copies)), (ECE, class_calibration(copies)["ece"])):
        assert at_once(pooled, records)[0](weights[None].astype(float))[0] == pytest.approx(value)


def test_an_answer_without_weight_does_not_count(random_run):
    first, second = random_run(0), random_run(1, skill=9)
    for pooled in (ECE, RISK_COVERAGE, RISK_COVERAGE_TO_RANDOM, AUC):
        both, _ = at_once(pooled, first, second)
        alone, count = at_once(pooled, second)
        others = len(pooled.judged(first))
        weights = np.concatenate([np.zeros((1, others)), np.ones((1, count))], axis=1)
        assert both(weights) == pytest.approx(alone(np.ones((1, count))))


def test_a_draw_without_one_class_has_no_auc(study):
    records = [study(case, lesion_class=case, probabilities=[0.5, 0.5]) for case in range(2)]
    figure, _ = at_once(AUC, records)
    assert np.isnan(figure(np.array([[1.0, 0.0]]))[0])
    assert own({(0, 0): records[:1]}, FIGURE["auc"]) is None


def test_runs_are_judged_alone_and_averaged(study):
    def run(high, low):
        return [study(n, lesion_class=n % 2, probabilities=[1 - p, p]) for n, p in enumerate((low, high, low, high))]

    surer = {(0, 0): run(0.9, 0.8), (1, 0): run(0.2, 0.1)}  # each in perfect order, together not
    cell = own(surer, FIGURE["auc"])
    assert (cell["mean"], cell["sd_runs"], cell["sd_studies"]) == (1.0, 0.0, None)
    assert auc([*surer[0, 0], *surer[1, 0]]) == 0.75
    assert cell["interval"] == (1.0, 1.0)


def test_a_better_arm_is_told_from_a_worse_one_and_like_ones_are_not(random_run):
    good, bad = {(0, 0): random_run(0, 40, skill=9)}, {(0, 0): random_run(1, 40)}
    cell = against(good, bad, FIGURE["auc"])
    assert cell["difference"] > 0.2
    assert cell["difference_interval"][0] > 0
    assert cell["p"] < 0.01
    same = against(good, good, FIGURE["auc"])
    assert (same["difference"], same["difference_interval"], same["p"]) == (0.0, (0.0, 0.0), 1.0)
    assert against({(0, 0): random_run(2, 40)}, bad, FIGURE["auc"])["p"] > 0.05


def test_the_order_of_the_arms_turns_the_difference_and_nothing_else(random_run):
    one, other = {(0, 0): random_run(3)}, {(0, 0): random_run(4)}
    for key in ("auc", "ece", "risk_coverage"):
        there, back = against(one, other, FIGURE[key]), against(other, one, FIGURE[key])
        assert there["difference"] == pytest.approx(-back["difference"])
        assert there["p"] == pytest.approx(back["p"])
        assert there["difference_interval"] == pytest.approx([-end for end in back["difference_interval"][::-1]])


def test_auc_does_not_care_how_sure_an_arm_is(study):
    """The same order with other probabilities is no difference, whatever is exchanged."""
    places = (0.1, 0.6, 0.3, 0.9, 0.4, 0.2)
    arms = [
        [study(n, lesion_class=n % 2, probabilities=[1 - p**k, p**k]) for n, p in enumerate(places)] for k in (1, 3)
    ]
    cell = against({(0, 0): arms[0]}, {(0, 0): arms[1]}, FIGURE["auc"])
    assert (cell["difference"], cell["p"]) == (0.0, 1.0)


def test_the_interval_of_the_calibration_error_holds_the_error(random_run):
    for seed in range(5):
        cell = own({(0, 0): random_run(seed)}, FIGURE["ece"])
        assert cell["interval"][0] < cell["mean"] < cell["interval"][1]


def test_only_runs_and_studies_that_both_have_are_compared(random_run):
    records = random_run(0)
    assert against({(0, 0): records}, {(1, 0): records}, FIGURE["auc"]) == {}
    without = [{**record, "class_probabilities": None, "predicted_class": None} for record in records]
    assert against({(0, 0): records}, {(0, 0): without}, FIGURE["ece"]) == {}


def test_studies_of_a_patient_are_drawn_and_exchanged_together(random_run):
    records = [{**record, "group": "one"} for record in random_run(0)]
    assert own({(0, 0): records}, FIGURE["auc"])["interval"] is None
    cell = against({(0, 0): records}, {(0, 0): records}, FIGURE["auc"])
    assert cell == {"difference": 0.0}
