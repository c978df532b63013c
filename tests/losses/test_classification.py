import pytest
import torch
from torch.nn import functional as F

from custom.losses import balanced_class_weights
from custom.losses.classification import classification_loss
from custom.types import InputError


def test_balanced_weights_by_hand():
    weights = balanced_class_weights([0, 0, 0, 1, None, -1], 2)
    assert weights == [4 / (2 * 3), 4 / (2 * 1)]
    assert balanced_class_weights([0, 2, 2], 3) == [3 / 3, 1.0, 3 / 6], "a class that never occurs weighs 1"
    assert balanced_class_weights([], 2) == [1.0, 1.0]


def test_balanced_weights_make_classes_count_alike():
    labels = [0] * 7 + [1] * 2
    weights = balanced_class_weights(labels, 2)
    assert weights[0] * 7 == pytest.approx(weights[1] * 2)
    assert sum(weights[label] for label in labels) == pytest.approx(len(labels))


def test_a_label_beyond_the_classes_is_refused():
    with pytest.raises(InputError, match="class index 2"):
        balanced_class_weights([0, 2], 2)


def test_equals_torch_on_the_valid_slices():
    logits = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    label, valid = torch.tensor([1, -1, 0, 1]), torch.tensor([True, False, True, False])
    weights = torch.tensor([0.7, 2.0])
    for weight in (None, weights):
        expected = F.cross_entropy(logits[valid], label[valid], weight=weight)
        torch.testing.assert_close(classification_loss(logits, label, valid, weight), expected)


def test_nothing_valid_is_zero_and_in_the_graph():
    logits = torch.randn(2, 2, requires_grad=True)
    loss = classification_loss(logits, torch.tensor([-1, 1]), torch.zeros(2, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros(2, 2))
