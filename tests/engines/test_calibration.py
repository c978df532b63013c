"""Calibration and risk-coverage by hand."""

from __future__ import annotations

import pytest

from custom.engines.metrics.calibration import class_calibration, risk_coverage


def answer(probability: float, *, right: bool, **values) -> dict:
    predicted = 0 if right else 1
    probabilities = [probability, 1 - probability] if right else [1 - probability, probability]
    about = {"has_tumour": True, "lesion_class": 0, "predicted_class": predicted}
    return {**about, "class_probabilities": probabilities, **values}


def curves(disagreement_pct: float, dsc: float | None) -> dict:
    measured = [100.0, 200.0, 150.0, 120.0]
    regressed = [100.0, *(value + disagreement_pct for value in measured[1:])]  # of 100: percent and units agree
    return {"has_tumour": True, "dsc": dsc, "curves": {"regressed": regressed, "measured": measured}}


def test_ece_by_hand():
    records = [answer(0.95, right=True), answer(0.95, right=False), answer(0.65, right=True), answer(0.65, right=True)]
    result = class_calibration(records)
    assert [row["studies"] for row in result["bins"]] == [2, 2]
    assert result["ece"] == pytest.approx((2 * abs(1.0 - 0.65) + 2 * abs(0.5 - 0.95)) / 4)


def test_right_as_often_as_sure_is_no_error():
    records = [answer(0.75, right=number < 3) for number in range(4)]
    assert class_calibration(records)["ece"] == pytest.approx(0.0)


def test_certainty_itself_lies_in_the_last_bin():
    (row,) = class_calibration([answer(1.0, right=True), answer(0.97, right=True)])["bins"]
    assert row["studies"] == 2


def test_missed_unknown_and_healthy_studies_are_not_calibrated():
    missed = answer(0.9, right=True, class_probabilities=None, predicted_class=None)
    unknown, healthy = answer(0.9, right=True, lesion_class=-1), answer(0.9, right=True, has_tumour=False)
    assert class_calibration([missed, unknown, healthy]) is None


def test_risk_coverage_by_hand():
    result = risk_coverage([curves(30.0, 0.2), curves(10.0, 0.9), curves(20.0, 0.8)])
    assert result["agreement_mae_pct"] == pytest.approx(20.0)
    assert result["risk"] == pytest.approx([0.1, 0.15, 1.1 / 3])
    assert result["area"] == result["area_ideal"] == pytest.approx((0.1 + 0.15 + 1.1 / 3) / 3)
    assert result["area_random"] == pytest.approx(1.1 / 3)


def test_disagreement_where_the_mask_is_good_is_worse_than_chance():
    result = risk_coverage([curves(10.0, 0.2), curves(20.0, 0.8), curves(30.0, 0.9)])
    assert result["area"] > result["area_random"] > result["area_ideal"]


def test_one_study_makes_no_order():
    assert risk_coverage([curves(10.0, 0.5), {**curves(10.0, 0.5), "has_tumour": False}]) is None
