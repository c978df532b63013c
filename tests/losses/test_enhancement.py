import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from custom.losses.enhancement import curve_l1, task_interaction_loss

NAN = float("nan")


def test_curve_l1_by_hand():
    curve = torch.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 5.0, 5.0, 5.0]])
    target = torch.tensor([[1.5, 0.0, NAN, 4.0], [NAN] * 4])
    valid = torch.tensor([[True, True, False, True], [False] * 4])
    assert curve_l1(curve, target, valid).item() == pytest.approx((0.5 + 2.0 + 0.0) / 3)
    std = torch.tensor([0.5, 4.0, 1.0, 1.0])
    assert curve_l1(curve, target, valid, std).item() == pytest.approx((1.0 + 0.5 + 0.0) / 3)


def test_nothing_valid_is_zero_and_in_the_graph():
    curve = torch.randn(2, 4, requires_grad=True)
    loss = curve_l1(curve, torch.full((2, 4), NAN), torch.zeros(2, 4, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(curve.grad, torch.zeros(2, 4))


def test_tim_is_zero_for_the_true_mask_and_measures_the_difference_otherwise():
    image, mask = torch.rand(1, 4, 8, 8, generator=torch.Generator().manual_seed(0)), torch.zeros(1, 1, 8, 8)
    mask[..., 1:4, 2:7] = 1
    target = image[..., 1:4, 2:7].mean((2, 3))
    valid = torch.ones(1, 4, dtype=torch.bool)
    assert task_interaction_loss((mask - 0.5) * 60, image, target, valid).item() < 1e-6
    everywhere = task_interaction_loss(torch.full_like(mask, 30.0), image, target, valid)
    torch.testing.assert_close(everywhere, (image.mean((2, 3)) - target).abs().mean())


def test_tim_moves_the_mask_towards_the_true_curve():
    image = torch.zeros(1, 4, 4, 4)
    image[..., :2] = 1.0  # bright left half
    logits = torch.zeros(1, 1, 4, 4, requires_grad=True)  # measures 0.5
    valid = torch.ones(1, 4, dtype=torch.bool)
    task_interaction_loss(logits, image, torch.ones(1, 4), valid).backward()
    assert (logits.grad[..., :2] < 0).all(), "descent adds the bright half"
    assert (logits.grad[..., 2:] > 0).all(), "and takes the dark half away"


@settings(max_examples=15, deadline=None)
@given(st.lists(st.booleans(), min_size=4, max_size=4), st.sampled_from([NAN, 1e9, -1.0]))
def test_absent_phases_never_matter(present, poison):
    generator = torch.Generator().manual_seed(0)
    image, logits = torch.rand(1, 4, 4, 4, generator=generator), torch.randn(1, 1, 4, 4, generator=generator)
    target, valid = torch.rand(1, 4, generator=generator), torch.tensor([present])
    expected = task_interaction_loss(logits, image, target, valid)
    image = torch.where(valid[:, :, None, None], image, torch.tensor(poison))
    target = torch.where(valid, target, torch.tensor(poison))
    assert torch.equal(task_interaction_loss(logits, image, target, valid), expected)
