import math

import pytest
import torch
from torch.nn import functional as F

from custom.losses import AdversarialLoss
from custom.types import InputError

VALID = torch.tensor([True, False, True])


def test_discriminator_loss_is_the_original_gan():
    real, fake = torch.tensor([[0.3], [9.0], [-1.0]]), torch.tensor([[0.5], [9.0], [2.0]])
    keep = [0, 2]
    expected = 0.5 * (
        F.binary_cross_entropy_with_logits(real[keep], torch.ones(2, 1))
        + F.binary_cross_entropy_with_logits(fake[keep], torch.zeros(2, 1))
    )
    torch.testing.assert_close(AdversarialLoss().discriminator(real, fake, VALID), expected)


def test_generator_loss_does_not_saturate():
    fake = torch.tensor([[0.5], [9.0], [-20.0]], requires_grad=True)
    loss = AdversarialLoss().generator(fake, VALID)
    loss.backward()
    expected = (math.log(1 + math.exp(-0.5)) + math.log(1 + math.exp(20.0))) / 2
    assert math.isclose(loss.item(), expected, rel_tol=1e-6)
    assert fake.grad[2].item() == pytest.approx(-0.5), "full gradient where the discriminator is sure"
    assert fake.grad[1].item() == 0, "slices that are not valid do not play"


def test_nothing_valid_is_zero_and_in_the_graph():
    loss, none = AdversarialLoss(), torch.zeros(3, dtype=torch.bool)
    real, fake = (torch.randn(3, 1, requires_grad=True) for _ in range(2))
    total = loss.discriminator(real, fake, none) + loss.generator(fake, none)
    total.backward()
    assert total.item() == 0
    assert torch.equal(fake.grad, torch.zeros(3, 1))
    assert torch.equal(real.grad, torch.zeros(3, 1))


def test_real_class_is_smoothed():
    label = torch.tensor([1, 0, -1])
    two = AdversarialLoss(label_smoothing=0.1).real_class_probabilities(label, 2)
    torch.testing.assert_close(two[:2], torch.tensor([[0.1, 0.9], [0.9, 0.1]]))
    three = AdversarialLoss(label_smoothing=0.3).real_class_probabilities(label, 3)
    torch.testing.assert_close(three[0], torch.tensor([0.15, 0.7, 0.15]))
    torch.testing.assert_close(three.sum(1), torch.ones(3))
    assert AdversarialLoss(label_smoothing=0).real_class_probabilities(label, 2)[0].tolist() == [0, 1]


@pytest.mark.parametrize("value", [-0.1, 0.5, float("nan")])
def test_impossible_smoothing_is_refused(value):
    with pytest.raises(InputError, match="label_smoothing"):
        AdversarialLoss(label_smoothing=value)
