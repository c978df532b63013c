"""The segmentation decoder: the phases are concatenated, then four blocks ``Deconv2×2 → BN → ReLU`` and a 1×1 head."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

TUMOUR_LOGIT = math.log(0.05 / 0.95)
"""Where a pixel starts before training: tumour in one of twenty."""


class UpBlock(nn.Module):
    """``Deconv2×2 → BN → ReLU``; with a skip, a ``Conv3×3 → BN → ReLU`` then merges it in.

    Args:
        in_channels, out_channels: channels before and after.
        skip_channels: channels of the skip, 0 for none.
    """

    def __init__(self, *, in_channels: int, out_channels: int, skip_channels: int = 0) -> None:
        super().__init__()
        self.deconv = nn.ConvTranspose2d(in_channels, out_channels, 2, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)
        self.merge = None
        if skip_channels:
            self.merge = nn.Sequential(
                nn.Conv2d(out_channels + skip_channels, out_channels, 3, padding=1, bias=False),
                nn.BatchNorm2d(out_channels),
                nn.ReLU(),
            )

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """``x (B, C_in, h, w)`` and ``skip (B, C_skip, 2h, 2w)`` to ``(B, C_out, 2h, 2w)``."""
        x = F.relu(self.norm(self.deconv(x)))
        if self.merge is not None:
            x = self.merge(torch.cat([x, skip.to(x.dtype)], 1))
        return x


class SegmentationDecoder(nn.Module):
    """Tumour logits from the fused maps of all phases.

    Args:
        widths: channels of the four encoder blocks; the decoder walks them backwards.
        phases: number of phases P.
        skip_connections: merge the fused maps at H/8, H/4, H/2 and the image at H; the paper mentions none.
    """

    def __init__(self, *, widths: Sequence[int], phases: int, skip_connections: bool) -> None:
        super().__init__()
        out = (*reversed(widths[:-1]), widths[0])  # e.g. 256 128 64 64
        skips = [phases * width for width in (*reversed(widths[:-1]), 1)] if skip_connections else [0] * len(widths)
        self.blocks = nn.ModuleList(
            UpBlock(in_channels=fan_in, out_channels=width, skip_channels=skip)
            for fan_in, width, skip in zip((phases * widths[-1], *out[:-1]), out, skips, strict=True)
        )
        self.head = nn.Conv2d(out[-1], 1, 1)
        # Tumour is rare: starting every pixel near its frequency and not at 1/2 saves the first hundred steps.
        nn.init.constant_(self.head.bias, TUMOUR_LOGIT)

    def forward(self, maps: list[torch.Tensor], image: torch.Tensor) -> torch.Tensor:
        """Decode four ``maps (B, P, C, h, w)``, fine to coarse, and ``image (B, P, H, W)`` to ``(B, 1, H, W)``."""
        skips = [image]
        for scale in maps[:-1]:
            skips.append(scale.flatten(1, 2))  # (B, P·C, h, w)
        x = maps[-1].flatten(1, 2)  # (B, P·C, H/16, W/16)
        for block in self.blocks:
            x = block(x, skips.pop())
        return self.head(x)
