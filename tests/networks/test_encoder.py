"""The grouped encoder against the same encoders written one by one."""

import pytest
import torch
from torch.nn import functional as F

WIDTHS = (3, 4, 5, 6)


def reference_maps(net, image, *, shared, fusion_scales):
    """Every phase and domain alone, in a loop, with the textbook order conv, BN, ReLU, pool and eqs. 1 and 2."""
    encoder, encoders = net.encoder, 1 if shared else 4
    phases = []
    for p in range(4):
        spatial, maps = image[:, p : p + 1], []
        spectral = encoder.high_pass(image)[:, p : p + 1]
        for scale, (block, width) in enumerate(zip(encoder.blocks, WIDTHS, strict=True)):

            def one(x, domain, block=block, width=width, p=p):
                first = (domain * encoders + (0 if shared else p)) * width
                part = slice(first, first + width)
                norm = block.norm
                x = F.conv2d(x, block.conv.weight[part], padding=1)
                x = F.batch_norm(
                    x, norm.running_mean[part], norm.running_var[part], norm.weight[part], norm.bias[part], eps=norm.eps
                )
                return F.max_pool2d(F.relu(x), 2)

            spatial, spectral = one(spatial, 0), one(spectral, 1)
            if fusion_scales == "all" or scale == 3:
                means = torch.stack([spatial.mean((2, 3)), spectral.mean((2, 3))])  # (2, B, C)
                gamma = means.softmax(0)[..., None, None]
                spatial = spatial * (1 + gamma[0]) + spectral * (1 + gamma[1])
            maps.append(spatial)
        phases.append(maps)
    return [torch.stack([phases[p][s] for p in range(4)], 1) for s in range(4)]


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("fusion_scales", ["all", "last"])
def test_grouped_equals_separate_encoders(make_net, images, shared, fusion_scales):
    net = make_net(shared_encoder=shared, fusion_scales=fusion_scales)
    expected = reference_maps(net, images, shared=shared, fusion_scales=fusion_scales)
    for found, wanted in zip(net.encoder(images), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_unshared_phases_meet_nowhere(make_net, images):
    encoder = make_net().encoder
    changed = images.clone()
    changed[:, 2] += 1
    for before, after in zip(encoder(images), encoder(changed), strict=True):
        differs = (before != after).flatten(3).any(-1).any(-1).any(0)  # (P,)
        assert differs.tolist() == [False, False, True, False]


def test_shared_encoder_treats_phases_alike(make_net, images):
    order = [2, 0, 3, 1]
    encoder = make_net(shared_encoder=True).encoder
    for straight, permuted in zip(encoder(images), encoder(images[:, order]), strict=True):
        torch.testing.assert_close(straight[:, order], permuted)


def test_shared_encoder_is_a_quarter(make_net):
    def size(net):
        return sum(p.numel() for p in net.encoder.parameters())

    assert size(make_net()) == 4 * size(make_net(shared_encoder=True))


@pytest.mark.parametrize(("fusion", "sees_mean"), [("mdief", True), ("spatial", True), ("spectral", False)])
def test_spectral_only_encoder_is_blind_to_the_mean(make_net, images, fusion, sees_mean):
    encoder = make_net(fusion=fusion).encoder
    change = (encoder(images)[-1] - encoder(images + 1.0)[-1]).abs().max()
    assert (change > 1e-2) == sees_mean


@pytest.mark.parametrize("fusion", ["mdief", "concat", "spatial", "spectral"])
def test_absent_phases_are_zero_at_every_scale(make_net, images, fusion):
    mask = torch.tensor([[1, 1, 0, 1], [0, 1, 1, 1], [1, 1, 1, 1]]).bool()
    for scale in make_net(fusion=fusion).encoder(images, mask):
        assert torch.equal(scale.flatten(2).abs().sum(-1) > 0, mask)


def test_strided_encoder_shares_the_weights_names_and_scales(make_net, images):
    pooled, strided = make_net(), make_net(downsampling="stride")
    strided.load_state_dict(pooled.state_dict())
    shapes = [tuple(m.shape) for m in strided.encoder(images)]
    assert shapes == [tuple(m.shape) for m in pooled.encoder(images)]
    assert shapes == [(3, 4, 3, 16, 24), (3, 4, 4, 8, 12), (3, 4, 5, 4, 6), (3, 4, 6, 2, 3)]
