"""Kinetics and signal against an independent library, closed forms, and the textbook's ratios."""

import numpy as np
import pytest

from custom.data.phantom.kinetics import (
    FLIP_ANGLE_DEG,
    HEMATOCRIT,
    R1_PER_MM_S,
    REPETITION_TIME_S,
    TIME_STEP_S,
    Circulation,
    blood_inputs,
    delayed,
    dual_input_concentration,
    parker_aif,
    spgr_signal,
    washout_integral,
)
from custom.data.phantom.tissues import ORGANS, Tissue, phase_signals

TIMES_S = np.array([0.0, 35.0, 70.0, 180.0])
TEXTBOOK = {  # T1, density, R2*, flow, arterial fraction, volume, delay; ratio to liver at pre, 35, 70, 180 s
    "HCC core": (Tissue(1.06, 1.0, 40.0, 0.020, 0.95, 0.16), (0.82, 1.67, 0.75, 0.78)),
    "HCC capsule": (Tissue(1.00, 1.0, 40.0, 0.0025, 1.0, 0.45), (0.86, 1.02, 0.80, 1.07)),
    "hemangioma rim": (Tissue(1.90, 1.1, 20.0, 0.020, 1.0, 0.55, 3.0), (0.57, 2.16, 1.37, 1.34)),
    "hemangioma centre": (Tissue(1.90, 1.1, 20.0, 0.0025, 1.0, 0.55, 40.0), (0.57, 0.41, 0.59, 1.11)),
    "aorta": (ORGANS["aorta"], (0.58, 1.91, 1.14, 1.20)),
    "spleen": (ORGANS["spleen"], (0.68, 1.87, 0.97, 0.94)),
}


@pytest.mark.parametrize("name", TEXTBOOK)
def test_textbook_ratios_to_liver(name):
    tissue, expected = TEXTBOOK[name]
    lesion, liver = phase_signals([tissue, ORGANS["liver"]], TIMES_S, Circulation())
    np.testing.assert_allclose(lesion / liver, expected, atol=0.03)


def test_parker_against_dcmri():
    dcmri = pytest.importorskip("dcmri", reason="dcmri is not installed")
    time_s = np.arange(0, 300, 0.5)
    expected_mm = 1000 * dcmri.aif_parker(time_s, 17.0)
    after = time_s > 17.0  # the two differ in the value at the very moment of arrival
    np.testing.assert_allclose(parker_aif(time_s - 17.0)[after], expected_mm[after], atol=1e-6)


def test_spgr_against_dcmri():
    dcmri = pytest.importorskip("dcmri", reason="dcmri is not installed")
    concentration = np.linspace(0, 8, 50)
    expected = dcmri.signal_ss(1000.0, 1 / 0.81 + R1_PER_MM_S * concentration, REPETITION_TIME_S, FLIP_ANGLE_DEG)
    ours = spgr_signal(concentration, t1_s=0.81, density=1.0, r2star_per_s=0.0)
    t2star_loss = np.exp(-1.4e-3 * 6.0 * concentration)
    np.testing.assert_allclose(ours, expected * t2star_loss, rtol=1e-9)


def test_dual_input_against_dcmri_convolution():
    dcmri = pytest.importorskip("dcmri", reason="dcmri is not installed")
    grid_s, arterial, portal = blood_inputs(Circulation(), 300.0)
    ours = dual_input_concentration(
        arterial,
        portal,
        flow_per_s=0.010,
        arterial_fraction=0.20,
        volume=0.25,
        arterial_delay_s=0.0,
        portal_delay_s=0.0,
    )[0]
    inflow = 0.010 * (0.20 * arterial + 0.80 * portal)
    expected = dcmri.conc_comp(inflow, 0.25 / 0.010, t=grid_s)
    np.testing.assert_allclose(ours, expected, atol=2e-3 * expected.max())


def test_washout_integral_against_the_closed_form():
    time_s = np.arange(0, 100, TIME_STEP_S)
    concentration = washout_integral(np.full((2, len(time_s)), 0.3), np.array([0.02, 0.4]))
    for row, rate in zip(concentration, (0.02, 0.4), strict=True):
        np.testing.assert_allclose(row, 0.3 / rate * (1 - np.exp(-rate * time_s)), rtol=1e-9, atol=1e-12)


def test_delay_moves_a_ramp_by_a_fraction_of_a_step():
    time_s = np.arange(0, 20, TIME_STEP_S)
    moved = delayed(time_s, np.array([0.0, 3.3]))
    np.testing.assert_allclose(moved[0], time_s, atol=1e-12)
    np.testing.assert_allclose(moved[1], np.maximum(time_s - 3.3, 0), atol=TIME_STEP_S)
    np.testing.assert_allclose(moved[1][time_s > 4], time_s[time_s > 4] - 3.3, atol=1e-9)


def test_portal_vein_peaks_after_the_aorta():
    grid_s, arterial, portal = blood_inputs(Circulation(), 300.0)
    assert grid_s[arterial.argmax()] == pytest.approx(27.0, abs=1.0)
    assert grid_s[portal.argmax()] == pytest.approx(42.0, abs=2.0)
    assert arterial.max() * (1 - HEMATOCRIT) == pytest.approx(parker_aif(np.arange(0, 60, 0.1)).max(), rel=0.01)


def test_nothing_enhances_before_the_injection():
    signals = phase_signals([*ORGANS.values()], np.array([-40.0, 0.0]), Circulation())
    np.testing.assert_array_equal(signals[:, 0], signals[:, 1])
