"""The tumour logits alone, for tools that take one tensor from a network."""

from __future__ import annotations

import torch
from torch import nn


class SegmentationOnly(nn.Module):
    """Wraps a network with dict output and returns its ``seg`` entry (MONAI's ``verify_net_in_out`` takes no dict).

    Args:
        network: ``(image (B, P, H, W)) -> {"seg": (B, 1, H, W), ...}``.
    """

    def __init__(self, *, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """``image (B, P, H, W)`` to tumour logits ``(B, 1, H, W)``."""
        return self.network(image)["seg"]
