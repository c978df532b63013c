import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from custom.networks import MdIEF
from custom.networks.mdief import ConcatFusion, FirstDomain


def by_hand(domains, score):
    """Equations 1 and 2, one sample and channel at a time."""
    channels = domains.shape[1] // 2
    fused = torch.empty(domains.shape[0], channels, *domains.shape[2:])
    for b in range(domains.shape[0]):
        for c in range(channels):
            spatial, spectral = domains[b, c], domains[b, channels + c]
            spa, spe = math.exp(score(spatial)), math.exp(score(spectral))
            gamma_spa, gamma_spe = spa / (spa + spe), spe / (spa + spe)
            assert math.isclose(gamma_spa + gamma_spe, 1.0)
            fused[b, c] = spatial * (1 + gamma_spa) + spectral * (1 + gamma_spe)
    return fused


def entropy(x):
    share = (x.double() + 1e-6).flatten() / (x.double() + 1e-6).sum()
    return float(-(share * share.log()).sum() / math.log(x.numel()))


def test_gap_weighting_is_equations_1_and_2():
    domains = torch.relu(torch.randn(2, 10, 3, 5, generator=torch.Generator().manual_seed(0))) * 3
    torch.testing.assert_close(MdIEF()(domains), by_hand(domains, lambda x: float(x.mean())))


def test_entropy_weighting_is_shannon_entropy():
    domains = torch.relu(torch.randn(2, 10, 3, 5, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(MdIEF(weighting="entropy")(domains), by_hand(domains, entropy))


def test_entropy_weighs_the_evenly_spread_domain_more():
    peak = torch.zeros(1, 1, 4, 4)
    peak[..., 1, 2] = 1.0
    even = torch.ones(1, 1, 4, 4)
    fused = MdIEF(weighting="entropy")(torch.cat([even, peak], 1))
    weight_even = float(fused[0, 0, 0, 0])  # the peak is 0 there
    assert math.isclose(weight_even, 1 + math.e / (math.e + 1), rel_tol=1e-3)


@settings(max_examples=15, deadline=None)
@given(st.floats(-20, 20), st.floats(-20, 20))
def test_weights_of_a_channel_sum_to_three(a, b):
    """gamma sums to 1, so that equal domains x are always fused to 3x, whatever their means."""
    domains = torch.tensor([a, a, b, b]).reshape(1, 4, 1, 1)[:, [0, 2, 1, 3]]
    torch.testing.assert_close(MdIEF()(domains).flatten(), torch.tensor([3 * a, 3 * b]), rtol=1e-4, atol=1e-4)


def test_concat_fusion_is_one_convolution_for_each_encoder():
    torch.manual_seed(0)
    fusion, domains = ConcatFusion(encoders=4, channels=3), torch.randn(2, 24, 5, 4)
    weight, bias = fusion.conv.weight.reshape(4, 3, 6), fusion.conv.bias.reshape(4, 3)
    spatial, spectral = domains[:, :12].reshape(2, 4, 3, 5, 4), domains[:, 12:].reshape(2, 4, 3, 5, 4)
    for e in range(4):
        pair = torch.cat([spatial[:, e], spectral[:, e]], 1)
        expected = torch.einsum("oi,bihw->bohw", weight[e], pair) + bias[e][:, None, None]
        torch.testing.assert_close(fusion(domains)[:, 3 * e : 3 * e + 3], expected)


def test_first_domain_takes_the_spatial_half():
    domains = torch.arange(6.0).reshape(1, 6, 1, 1)
    assert FirstDomain(domains=2)(domains).flatten().tolist() == [0, 1, 2]
    assert torch.equal(FirstDomain(domains=1)(domains), domains)
