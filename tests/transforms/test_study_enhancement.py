import torch
from monai.data import MetaTensor

from custom.transforms import study_enhancement


def test_mean_over_the_study_under_the_true_mask():
    image = torch.rand(4, 6, 5, 7, generator=torch.Generator().manual_seed(1))
    label = torch.zeros(1, 6, 5, 7, dtype=torch.uint8)
    label[0, 1, 2:4, 3] = 1
    label[0, 4, 0, 5] = 2
    curve = study_enhancement({"image": MetaTensor(image), "label": MetaTensor(label)})
    expected = torch.stack([image[:, 1, 2, 3], image[:, 1, 3, 3], image[:, 4, 0, 5]]).mean(0)
    torch.testing.assert_close(curve, expected)
    assert type(curve) is torch.Tensor


def test_a_phase_with_a_mask_of_its_own_is_measured_under_that():
    image = torch.arange(4 * 8.0).reshape(4, 2, 2, 2)
    label, own = torch.zeros(1, 2, 2, 2), torch.zeros(4, 2, 2, 2)
    label[0, 0, 0, 1] = 1
    own[1, 1, 0, 0] = 1
    curve = study_enhancement({"image": image, "label": label, "phase_label": own})
    torch.testing.assert_close(
        curve, torch.stack([image[p, 0, 0, 1] if p != 1 else image[1, 1, 0, 0] for p in range(4)])
    )


def test_a_phase_that_does_not_cover_the_tumour_has_no_value():
    image, label = torch.full((4, 6, 5, 7), 2.0), torch.zeros(1, 6, 5, 7)
    label[0, 1:3, 2:4, 2:6] = 1
    image[3, ..., 5:] = 0
    image[1, ..., 6:] = 0
    assert [round(value, 4) for value in study_enhancement({"image": image, "label": label})[:3].tolist()] == [2, 2, 2]
    assert study_enhancement({"image": image, "label": label})[3].isnan()


def test_what_a_phase_misses_of_the_tumour_is_not_averaged_in():
    image, label = torch.full((4, 10, 10, 5), 2.0), torch.zeros(1, 10, 10, 5)
    label[0, :, :, 1] = 1  # 100 voxels
    image[2, 0, :4, 1] = 0
    torch.testing.assert_close(study_enhancement({"image": image, "label": label}), torch.full((4,), 2.0))
