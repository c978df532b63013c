import torch

from custom.networks import SegmentationOnly


def test_it_is_the_tumour_logits(make_net, images):
    net = make_net()
    assert torch.equal(SegmentationOnly(network=net)(images), net(images)["seg"])
