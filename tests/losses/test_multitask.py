import math

import pytest
import torch
from torch.nn import functional as F

from custom.enhancement import measure_enhancement
from custom.losses import MultiTaskLoss
from custom.losses.segmentation import batch_dice_loss, slice_dice_loss
from custom.types import InputError


def test_terms_by_hand(pred, batch):
    terms = MultiTaskLoss(class_weights=[1.0, 3.0])(pred, batch)
    seg, curve, logits = pred["seg"], pred["enhancement"], pred["class_logits"]
    valid = batch["phase_mask"].clone()
    valid[3] = False
    bce = F.binary_cross_entropy_with_logits(seg, batch["label"])
    dice = 0.5 * (batch_dice_loss(seg, batch["label"]) + slice_dice_loss(seg, batch["label"]))
    torch.testing.assert_close(terms["seg"], bce + dice)
    torch.testing.assert_close(terms["reg"], F.l1_loss(curve[valid], batch["enhancement"][valid]))
    measured = measure_enhancement(seg.sigmoid(), batch["image"])
    torch.testing.assert_close(terms["tim"], F.l1_loss(measured[valid], batch["enhancement"][valid]))
    cls = F.cross_entropy(logits[:2], batch["lesion_class"][:2], weight=torch.tensor([1.0, 3.0]))
    torch.testing.assert_close(terms["cls"], cls)


def test_terms_in_standardised_units(pred, batch):
    raw = MultiTaskLoss()(pred, batch)
    halved = MultiTaskLoss(enhancement_std=[2.0] * 4)(pred, batch)
    later = MultiTaskLoss()
    later.set_enhancement_std([2.0] * 4)
    for name in ("reg", "tim"):
        torch.testing.assert_close(halved[name], raw[name] / 2)
        torch.testing.assert_close(later(pred, batch)[name], raw[name] / 2)
    torch.testing.assert_close(halved["seg"], raw["seg"])


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        (["seg"], {"seg", "tim"}),
        (["enhancement"], {"reg"}),
        (["class_logits"], {"cls"}),
        (["seg", "class_logits"], {"seg", "tim", "cls"}),
    ],
)
def test_only_the_tasks_that_are_predicted(pred, batch, keys, names):
    assert set(MultiTaskLoss()({key: pred[key] for key in keys}, batch)) == names


def test_slices_without_tumour_count_in_seg_only(pred, batch):
    loss = MultiTaskLoss()
    changed = {key: value.detach().clone() for key, value in pred.items()}
    for value in changed.values():
        value[3] += 5.0
    before, after = loss(pred, batch), loss(changed, batch)
    assert after["seg"] > before["seg"]
    for name in ("reg", "cls", "tim"):
        assert torch.equal(before[name], after[name]), name


def test_no_tumour_in_the_batch_keeps_the_graph_whole(pred, batch):
    batch = {**batch, "has_tumour": torch.zeros(4, dtype=torch.bool), "enhancement": torch.full((4, 4), float("nan"))}
    loss = MultiTaskLoss(weights={"seg": 0.0})
    total = loss.total(loss(pred, batch))
    total.backward()
    assert total.item() == 0
    for name, value in pred.items():
        assert torch.equal(value.grad, torch.zeros_like(value)), name


def test_total_is_the_weighted_sum():
    loss = MultiTaskLoss(weights={"reg": 2.0, "adv": 0.1})
    terms = {
        name: torch.tensor(value) for name, value in {"seg": 1.0, "reg": 10.0, "tim": 100.0, "adv": 1000.0}.items()
    }
    assert math.isclose(loss.total(terms).item(), 1 + 20 + 100 + 100)
    assert math.isclose(loss.total(terms, adversarial_weight_factor=0.5).item(), 1 + 20 + 100 + 50)
    assert math.isclose(loss.total(terms, 0.0).item(), 121)


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"weights": {"sge": 1}}, "weights"),
        ({"weights": {"seg": -1}}, "weights#seg"),
        ({"seg": "focal"}, "seg"),
        ({"enhancement_std": [1.0, 1.0, 1.0]}, "enhancement_std"),
        ({"enhancement_std": [1.0, 1.0, 1.0, 0.0]}, "enhancement_std"),
    ],
)
def test_impossible_settings_are_refused_by_name(settings, where):
    with pytest.raises(InputError) as error:
        MultiTaskLoss(**settings)
    assert error.value.where == where
