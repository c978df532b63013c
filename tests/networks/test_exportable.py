"""Operations in the form for exporters against PyTorch's own."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from custom.networks.exportable import area_average, soft_mask

sizes = st.integers(1, 40)


@settings(deadline=None, max_examples=60)
@given(height=sizes, width=sizes, cells_high=sizes, cells_wide=sizes)
def test_the_exported_form_gives_the_same_means(height, width, cells_high, cells_wide):
    image = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.compiler, "is_exporting", lambda: True)
        found = area_average(image, cells_high, cells_wide)
    torch.testing.assert_close(found, F.adaptive_avg_pool2d(image, (cells_high, cells_wide)))


def test_the_exported_sigmoid_is_exact_in_its_tails(monkeypatch):
    logits = torch.tensor([-200.0, -88.0, -30.0, -1.0, 0.0, 3.0, 90.0])
    expected = torch.sigmoid(logits)
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    torch.testing.assert_close(soft_mask(logits), expected, rtol=1e-6, atol=0)


def test_outside_an_export_it_is_pytorchs_own():
    image = torch.rand(1, 2, 7, 9)
    assert torch.equal(area_average(image, 8, 4), F.adaptive_avg_pool2d(image, (8, 4)))
    assert torch.equal(soft_mask(image), torch.sigmoid(image))
