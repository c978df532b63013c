import torch
from monai.data import MetaTensor

from custom.transforms import StudyEnhancementd


def test_mean_over_the_study_under_the_true_mask():
    image = torch.rand(4, 6, 5, 7, generator=torch.Generator().manual_seed(1))
    label = torch.zeros(1, 6, 5, 7, dtype=torch.uint8)
    label[0, 1, 2:4, 3] = 1
    label[0, 4, 0, 5] = 2
    out = StudyEnhancementd()({"image": MetaTensor(image), "label": MetaTensor(label)})
    expected = torch.stack([image[:, 1, 2, 3], image[:, 1, 3, 3], image[:, 4, 0, 5]]).mean(0)
    torch.testing.assert_close(out["enhancement"], expected)
    assert type(out["enhancement"]) is torch.Tensor


def test_without_a_mask_there_is_no_target():
    assert "enhancement" not in StudyEnhancementd()({"image": torch.ones(4, 2, 2, 2)})
