"""One study: its bits, its truth, its nuisances."""

import numpy as np
import pytest

from custom.data.phantom import simulate_study
from custom.data.phantom.acquisition import add_rician_noise
from custom.types import PHASES, InputError


def test_same_seed_same_bits(tiny_study):
    again = simulate_study(seed=11, preset="tiny", lesions=("HCC", "hemangioma"))
    np.testing.assert_array_equal(again.images, tiny_study.images)
    np.testing.assert_array_equal(again.tumour, tiny_study.tumour)
    assert again.truth == tiny_study.truth
    other = simulate_study(seed=12, preset="tiny", lesions=("HCC", "hemangioma"))
    assert (other.images != tiny_study.images).mean() > 0.5


def test_arrays_are_like_a_scanners(tiny_study):
    assert tiny_study.images.shape == (4, 48, 48, 8)
    assert tiny_study.images.dtype == np.int16
    assert tiny_study.images.min() >= 0
    assert np.diag(tiny_study.affine)[:3] == pytest.approx([-7.0, -7.0, 16.0])
    assert np.abs(tiny_study.affine[:3, 3]).min() > 1.0


def test_mask_holds_both_classes_inside_the_body(tiny_study):
    assert set(np.unique(tiny_study.tumour)) == {0, 1, 2}
    assert tiny_study.classes == ("hemangioma", "HCC")
    centres = [lesion["centre_ras_mm"] for lesion in tiny_study.truth["lesions"]]
    for centre, lesion in zip(centres, tiny_study.truth["lesions"], strict=True):
        index = np.rint(np.linalg.inv(tiny_study.affine) @ [*centre, 1.0])[:3].astype(int)
        assert tiny_study.tumour[tuple(index)] == {"hemangioma": 1, "HCC": 2}[lesion["class"]]


def test_volume_is_the_masks(tiny_study):
    volume_ml = sum(lesion["volume_ml"] for lesion in tiny_study.truth["lesions"])
    assert volume_ml == pytest.approx((tiny_study.tumour > 0).sum() * 7 * 7 * 16 / 1000, rel=1e-3)


def test_true_curve_is_what_the_reference_phase_shows():
    """The reference phase is at rest: its measured mean differs from the truth by noise alone."""
    study = simulate_study(seed=4, preset="demo", lesions=("hemangioma",))
    measured = study.images[:, study.tumour > 0].mean(1)
    true = np.array(study.truth["true_enhancement"])
    assert measured[PHASES.index("portal_venous")] == pytest.approx(true[2], rel=0.02)
    assert np.abs(measured / true - 1).max() > 0.02  # a moved phase does not
    liver = study.truth["liver_enhancement"]
    assert liver[2] > 1.3 * liver[0]


def test_healthy_study_has_an_empty_mask_and_no_curve():
    study = simulate_study(seed=2, preset="tiny", lesions=())
    assert study.tumour.sum() == 0
    assert study.truth["true_enhancement"] is None
    assert study.classes == ()


def test_follow_up_shares_the_patient_but_not_the_examination():
    first = simulate_study(seed=9, preset="tiny", lesions=("HCC",))
    second = simulate_study(seed=9, preset="tiny", lesions=("HCC",), acquisition_seed=10)
    np.testing.assert_array_equal(first.tumour, second.tumour)
    assert first.truth["times_s"] != second.truth["times_s"]
    assert first.truth["lesions"][0]["diameter_mm"] == second.truth["lesions"][0]["diameter_mm"]


def test_kinds_can_be_forced():
    study = simulate_study(seed=1, preset="tiny", lesions=("hemangioma",), kinds=("flash_filling",))
    assert study.truth["lesions"][0]["kind"] == "flash_filling"
    assert study.truth["lesions"][0]["atypical"] is True


def test_nuisances_lie_in_their_ranges():
    truths = [simulate_study(seed=seed, preset="tiny", lesions=()).truth for seed in range(30)]
    times = np.array([list(truth["times_s"].values()) for truth in truths])
    for column, (low, high) in zip(times.T, ((-60, -25), (28, 42), (60, 85), (120, 300)), strict=True):
        assert low <= column.min()
        assert column.max() <= high
        assert column.max() - column.min() > 0.5 * (high - low)
    shifts = np.array([truth["shifts_ras_mm"]["arterial"] for truth in truths])
    assert 3.0 < shifts[:, 2].std() < 7.5
    assert np.abs(shifts).max() <= 15.0
    assert all(truth["shifts_ras_mm"]["portal_venous"] == [0.0, 0.0, 0.0] for truth in truths)
    snr = np.array([truth["snr"] for truth in truths])
    assert snr.min() >= 12
    assert snr.max() <= 30
    assert max(truth["gain"] for truth in truths) > 2 * min(truth["gain"] for truth in truths)


def test_noise_is_rician():
    rng = np.random.default_rng(0)
    background = add_rician_noise(rng, np.zeros(200_000, np.float32), 3.0)
    assert background.mean() == pytest.approx(3.0 * np.sqrt(np.pi / 2), rel=0.01)  # Rayleigh
    bright = add_rician_noise(rng, np.full(200_000, 100.0, np.float32), 3.0)
    assert bright.std() == pytest.approx(3.0, rel=0.02)
    assert bright.mean() == pytest.approx(np.sqrt(100.0**2 + 3.0**2), rel=1e-3)


def test_unknown_preset_is_an_error():
    with pytest.raises(InputError, match=r"'huge'.*demo, paper, .*tiny"):
        simulate_study(seed=0, preset="huge")
