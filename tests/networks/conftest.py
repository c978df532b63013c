"""A small MTI-Net whose every value is away from its initial one, so that a forgotten bias or statistic shows."""

import pytest
import torch

from custom.networks import MTINet

SMALL = {"widths": (3, 4, 5, 6), "token_grid": (2, 4), "head_dim": 4, "mlp_ratio": 2, "skip_connections": True}


@pytest.fixture
def make_net():
    def make(seed: int = 0, **settings) -> MTINet:
        torch.manual_seed(seed)
        net = MTINet(**{**SMALL, **settings})
        with torch.no_grad():
            for module in net.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    module.weight.normal_()
                    module.bias.uniform_(0.3, 1.0)  # above 0, lest a ReLU silence a whole phase
                    module.running_mean.normal_(std=0.1)
                    module.running_var.uniform_(0.5, 2.0)
        if "reg" in net.tasks:
            net.set_enhancement_statistics([1.0, 2.0, 3.0, 4.0], [0.1, 0.2, 0.3, 0.4])
        return net.eval()

    return make


@pytest.fixture
def images():
    """``(3, 4, 32, 48)``: asymmetric, every phase and slice different."""
    return torch.rand(3, 4, 32, 48, generator=torch.Generator().manual_seed(1))
