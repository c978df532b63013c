import math

import pytest
import torch

from custom.losses.segmentation import batch_dice_loss, bce_loss, segmentation_loss, slice_dice_loss


def test_bce_by_hand():
    logits, label = torch.tensor([[[[0.0, 2.0]]]]), torch.tensor([[[[1.0, 0.0]]]])
    expected = (math.log(2) + math.log(1 + math.exp(2))) / 2
    assert math.isclose(bce_loss(logits, label).item(), expected, rel_tol=1e-6)


def test_batch_dice_by_hand():
    probability = torch.tensor([[[[0.5, 0.8]]], [[[0.2, 0.1]]]])
    label = torch.tensor([[[[1.0, 1.0]]], [[[0.0, 0.0]]]])  # the second slice is empty
    expected = 1 - (2 * 1.3 + 1) / (1.6 + 2 + 1)
    assert math.isclose(batch_dice_loss(probability.logit(), label).item(), expected, rel_tol=1e-6)


def test_false_positives_of_an_empty_slice_are_pushed_down():
    logits, label = torch.zeros(2, 1, 4, 4, requires_grad=True), torch.zeros(2, 1, 4, 4)
    label[0, :, :2] = 1
    batch_dice_loss(logits, label).backward()
    assert (logits.grad[1] > 0).all(), "descent lowers the logits where there is no tumour"
    assert (logits.grad[0, :, :2] < 0).all()


def test_a_batch_without_any_tumour():
    label = torch.zeros(2, 1, 4, 4)
    assert batch_dice_loss(torch.full((2, 1, 4, 4), -30.0), label).item() < 1e-6, (
        "perfect: nothing found, nothing there"
    )
    assert batch_dice_loss(torch.full((2, 1, 4, 4), 30.0), label).item() > 0.9


@pytest.mark.parametrize("value", [-1e4, 1e4])
def test_finite_at_the_ends(value):
    logits = torch.full((1, 1, 4, 4), value, requires_grad=True)
    segmentation_loss(logits, torch.eye(4)[None, None]).backward()
    assert logits.grad.isfinite().all()


def test_kinds():
    logits, label = torch.randn(2, 1, 4, 4), torch.eye(4).expand(2, 1, 4, 4)
    bce, dice = bce_loss(logits, label), 0.5 * (batch_dice_loss(logits, label) + slice_dice_loss(logits, label))
    torch.testing.assert_close(segmentation_loss(logits, label, "bce"), bce)
    torch.testing.assert_close(segmentation_loss(logits, label, "dice_ce"), bce + dice)


def test_half_precision_logits_are_summed_in_float32():
    logits, label = torch.full((1, 1, 256, 256), -9.0), torch.zeros(1, 1, 256, 256)
    torch.testing.assert_close(segmentation_loss(logits.bfloat16(), label), segmentation_loss(logits, label))


def test_slice_dice_counts_a_small_lesion_as_much_as_a_large_one():
    label = torch.zeros(3, 1, 8, 8)
    label[0, :, :, :4] = 1.0  # 32 pixels, found exactly
    label[1, :, 2, 3] = 1.0  # one pixel, missed; the third slice has no tumour and no say
    logits = torch.where(label > 0, 40.0, -40.0)
    logits[1] = -40.0
    torch.testing.assert_close(slice_dice_loss(logits, label), torch.tensor((0.0 + (1 - 1 / 2)) / 2))
    assert slice_dice_loss(logits[2:], label[2:]) == 0.0
