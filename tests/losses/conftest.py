"""A batch of four slices: two with tumour and class, one with tumour of unknown class, one without tumour."""

import pytest
import torch

from custom.enhancement import measure_enhancement


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    label = torch.zeros(4, 1, 16, 16)
    label[0, :, 2:6, 3:9], label[1, :, 8:, 1:4], label[2, :, 5:7, 5:7] = 1.0, 1.0, 1.0
    image = torch.rand(4, 4, 16, 16, generator=generator)
    enhancement = measure_enhancement(label, image)
    enhancement[3] = float("nan")  # no tumour, no curve
    phase_mask = torch.tensor([[1, 1, 1, 1], [1, 0, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1]]).bool()
    return {
        "image": image,
        "label": label,
        "enhancement": enhancement,
        "lesion_class": torch.tensor([0, 1, -1, 1]),
        "has_tumour": torch.tensor([True, True, True, False]),
        "phase_mask": phase_mask,
    }


@pytest.fixture
def pred():
    generator = torch.Generator().manual_seed(1)
    return {
        "seg": torch.randn(4, 1, 16, 16, generator=generator).requires_grad_(),
        "enhancement": torch.rand(4, 4, generator=generator).requires_grad_(),
        "class_logits": torch.randn(4, 2, generator=generator).requires_grad_(),
    }
