import pytest
import torch

from custom.networks import TaskDrivenDiscriminator
from custom.types import InputError

MASK = torch.tensor([[1, 1, 0, 1], [0, 1, 1, 1], [1, 1, 1, 1]]).bool()


@pytest.fixture
def discriminator():
    torch.manual_seed(0)
    return TaskDrivenDiscriminator(num_classes=3).eval()


@pytest.fixture
def pairs():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(3, 4, generator=generator), torch.randn(3, 3, generator=generator).softmax(1)


def test_one_logit_for_each_pair_alone(discriminator, pairs):
    logits = discriminator(*pairs)
    assert logits.shape == (3, 1)
    alone = torch.cat([discriminator(pairs[0][i : i + 1], pairs[1][i : i + 1]) for i in range(3)])
    torch.testing.assert_close(logits, alone)


def test_no_batch_statistics(discriminator):
    assert not any(isinstance(m, torch.nn.modules.batchnorm._BatchNorm) for m in discriminator.modules())
    assert not list(discriminator.buffers())


def test_every_phase_and_the_class_count(discriminator, pairs):
    curve, label = pairs
    base = discriminator(curve, label)
    for phase in range(4):
        assert (discriminator(curve + torch.eye(4)[phase], label) - base).abs().min() > 1e-6
    assert (discriminator(curve, label.flip(1)) - base).abs().min() > 1e-6
    assert (discriminator(curve.flip(1), label) - base).abs().min() > 1e-6, "the phases' order counts"


def test_absent_phases_are_not_looked_at(discriminator, pairs):
    curve, label = pairs
    poisoned = torch.where(MASK, curve, torch.tensor(float("nan")))
    assert torch.equal(discriminator(curve, label, MASK), discriminator(poisoned, label, MASK))
    torch.testing.assert_close(discriminator(curve, label, MASK)[2], discriminator(curve, label)[2])
    masked, full = discriminator(curve, label, MASK), discriminator(curve, label)
    discriminator.position.data[2] += 1.0  # the phase that is absent in the first pair alone
    changed = discriminator(curve, label, MASK) != masked
    assert changed.flatten().tolist() == [False, True, True]
    assert (discriminator(curve, label) != full).all()


def test_gradient_reaches_curve_and_class(discriminator, pairs):
    curve, label = (t.requires_grad_() for t in pairs)
    discriminator(curve, label, MASK).sum().backward()
    assert torch.equal(curve.grad != 0, MASK)
    assert label.grad.abs().min() > 0


def test_impossible_settings_are_refused_by_name():
    for settings, where in (({"dim": 0}, "dim"), ({"depth": -1}, "depth"), ({"dim": 30}, "head_dim")):
        with pytest.raises(InputError) as error:
            TaskDrivenDiscriminator(**settings)
        assert error.value.where == where
