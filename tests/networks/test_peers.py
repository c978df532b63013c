"""Other networks in MTI-Net's place: same inputs, same keys, absent phases without effect."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from custom.networks import SegmentationPeer, SlicePeer
from custom.networks.decoder import TUMOUR_LOGIT
from custom.types import InputError


class Sides(nn.Conv2d):
    """One convolution that remembers the size that it was given."""

    def forward(self, image):
        self.seen = tuple(image.shape[-2:])
        return super().forward(image)


def averages(outputs: int) -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, outputs))


def test_the_image_is_padded_for_the_network_and_the_map_cut_back():
    torch.manual_seed(0)
    inner = Sides(4, 1, 1)
    image = torch.rand(2, 4, 48, 80)
    seg = SegmentationPeer(network=inner, multiple=32)(image)["seg"]
    assert inner.seen == (64, 96)
    assert torch.allclose(seg, TUMOUR_LOGIT + nn.Conv2d.forward(inner, image))  # every pixel in its place


@pytest.mark.parametrize(("task", "key", "outputs"), [("reg", "enhancement", 4), ("cls", "class_logits", 3)])
def test_a_slice_gives_a_curve_or_a_class(task, key, outputs):
    pred = SlicePeer(network=averages(outputs), task=task)(torch.rand(2, 4, 16, 16))
    assert set(pred) == {key}
    assert pred[key].shape == (2, outputs)


def test_the_curve_is_regressed_in_standard_deviations_around_the_training_mean():
    network = averages(4)
    nn.init.zeros_(network[2].weight)
    nn.init.constant_(network[2].bias, 2.0)
    peer = SlicePeer(network=network, task="reg")
    peer.set_enhancement_statistics([1.0, 2.0, 3.0, 4.0], [0.1, 0.2, 0.3, 0.4])
    assert torch.allclose(peer(torch.rand(1, 4, 16, 16))["enhancement"], torch.tensor([[1.2, 2.4, 3.6, 4.8]]))


def test_what_an_absent_phase_holds_changes_nothing():
    peer = SlicePeer(network=averages(2), task="cls")
    image, mask = torch.rand(1, 4, 16, 16), torch.tensor([[True, False, True, True]])
    broken = image.clone()
    broken[:, 1] = torch.nan
    assert torch.equal(peer(image, mask)["class_logits"], peer(broken, mask)["class_logits"])


def test_an_unknown_task_is_refused():
    with pytest.raises(InputError, match="'seg'"):
        SlicePeer(network=averages(2), task="seg")
