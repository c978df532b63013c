"""A study made worse in one respect at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from custom.transforms import DegradeStudyd
from custom.types import InputError

AFFINE = torch.diag(torch.tensor([2.0, 3.0, 8.0, 1.0]))
PV = 2


@pytest.fixture
def study():
    """A bright block off the centre, longer one way than the other, in four phases."""
    image = torch.full((4, 32, 40, 8), 0.2)
    image[:, 6:16, 20:32, 2:6] = torch.tensor([0.4, 0.8, 0.7, 0.6])[:, None, None, None]
    return {"image": MetaTensor(image, affine=AFFINE), "phase_mask": torch.ones(4, dtype=torch.bool), "case": "c01"}


def centre_mm(volume) -> np.ndarray:
    """Centre of what is brighter than the surroundings."""
    weight = (volume.as_tensor() - 0.2).clamp(min=0).numpy()
    grid = np.indices(weight.shape).reshape(3, -1) * np.array([[2.0], [3.0], [8.0]])
    return (grid * weight.ravel()).sum(1) / weight.sum()


def test_nothing_asked_nothing_changed(study):
    out = DegradeStudyd()(study)
    assert torch.equal(out["image"].as_tensor(), study["image"].as_tensor())
    assert torch.equal(out["image"].affine, AFFINE)


def test_every_phase_but_the_reference_moves_by_so_many_mm_in_its_own_direction(study):
    out = DegradeStudyd(shift_mm=4.0)(study)
    moved = [centre_mm(out["image"][k]) - centre_mm(study["image"][k]) for k in range(4)]
    assert np.linalg.norm(moved[PV]) == pytest.approx(0.0, abs=1e-4)
    for k in (0, 1, 3):
        assert np.linalg.norm(moved[k]) == pytest.approx(4.0, abs=0.05)
        assert moved[k][2] == pytest.approx(0.0, abs=1e-4)
    assert not np.allclose(moved[0], moved[1], atol=0.1)


@pytest.mark.parametrize(("options", "axis"), [({"in_plane_mm": 12.0}, 1), ({"slice_mm": 32.0}, 3)])
def test_coarser_acquisition_blurs_along_its_axes_and_leaves_the_block_in_its_place(study, options, axis):
    image = DegradeStudyd(**options)(study)["image"]
    assert image.shape == study["image"].shape
    before, after = study["image"].as_tensor().diff(dim=axis).abs().max(), image.as_tensor().diff(dim=axis).abs().max()
    assert after < 0.8 * before
    assert np.allclose(centre_mm(image[1]), centre_mm(study["image"][1]), atol=1.5)
    assert image.mean() == pytest.approx(float(study["image"].mean()), abs=0.01)


def test_a_finer_acquisition_than_the_grid_changes_nothing(study):
    out = DegradeStudyd(in_plane_mm=1.0, slice_mm=1.0)(study)
    assert torch.equal(out["image"].as_tensor(), study["image"].as_tensor())


def test_noise_has_the_strength_asked_for_and_is_the_same_for_the_same_study(study):
    first, again = (DegradeStudyd(noise=0.02)(study)["image"].as_tensor() for _ in range(2))
    other = DegradeStudyd(noise=0.02)({**study, "case": "c02"})["image"].as_tensor()
    assert float((first - study["image"].as_tensor()).std()) == pytest.approx(0.02, rel=0.05)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_missing_phase_is_zero_and_said_to_be_absent(study):
    out = DegradeStudyd(missing="arterial", noise=0.1)(study)
    assert out["phase_mask"].tolist() == [True, False, True, True]
    assert not out["image"][1].any()
    assert study["phase_mask"].all()  # the caller's own


def test_the_reference_phase_cannot_be_missing():
    with pytest.raises(InputError, match="missing 'portal_venous'"):
        DegradeStudyd(missing="portal_venous")


@pytest.mark.parametrize("options", [{"noise": 0.1}, {"slice_mm": 32.0}, {"shift_mm": 4.0}], ids=str)
def test_slices_that_a_phase_does_not_reach_stay_empty(study, options):
    study["image"][3, ..., 5:] = 0
    image = DegradeStudyd(**options)(study)["image"]
    assert image[3].amax((0, 1)).bool().tolist() == [True] * 5 + [False] * 3
    assert image[:3].amax((1, 2)).all()
