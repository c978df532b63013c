import torch

from custom.coverage import covered_phases, phases_in_slices

ALL = torch.ones(4, dtype=torch.bool)


def test_a_phase_is_absent_in_the_slices_that_it_does_not_reach():
    slices = torch.ones(3, 4, 6, 5)
    slices[1, 3] = 0
    slices[2, 0] = 0
    slices[2, 0, 4, 1] = -0.2  # a single voxel, below zero as interpolation may leave it
    there = phases_in_slices(slices, torch.tensor([True, False, True, True]))
    assert there.tolist() == [[True, False, True, True], [True, False, True, False], [True, False, True, True]]


def test_an_empty_slice_has_the_phases_of_its_study():
    present = torch.tensor([True, True, True, False])
    assert phases_in_slices(torch.zeros(2, 4, 6, 5), present).tolist() == [present.tolist()] * 2


def test_a_tumour_is_covered_up_to_a_twentieth():
    mask, image = torch.zeros(1, 10, 8, dtype=torch.bool), torch.full((4, 10, 8), 3.0)
    mask[0, 2:6, 1:6] = True  # 20 voxels
    image[1, 2, 1] = 0
    image[2, 2, 1:3] = 0
    image[3, 7:] = 0
    assert covered_phases(mask, image).tolist() == [True, True, False, True]
    assert covered_phases(torch.zeros_like(mask), image).all()


def test_each_phase_is_asked_about_its_own_mask():
    masks, image = torch.zeros(4, 10, 8, dtype=torch.bool), torch.ones(4, 10, 8)
    masks[:, 2:4, 2:4] = True
    masks[1], masks[1, 7:9, 2:4] = False, True
    image[:2, 6:] = 0
    assert covered_phases(masks, image).tolist() == [True, False, True, True]
