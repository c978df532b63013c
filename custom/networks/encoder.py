"""The encoder with MdIEF: four phases and two domains walk through four blocks side by side, as convolution groups.

Legend beyond :mod:`custom.types`: ``E`` encoders side by side (4 unshared, or 1 shared by the phases, which then lie
in the batch), ``n = B·P/E``, ``S`` domains (spatial, spectral), ``h w`` the size at a scale.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ..types import PHASES
from .mdief import ConcatFusion, FirstDomain, MdIEF
from .spectral import HighPass

FUSIONS = ("mdief", "concat", "spatial", "spectral")
FUSION_SCALES = ("all", "last")
DOWNSAMPLINGS = ("pool", "stride")


class EncoderBlock(nn.Module):
    """``Conv3×3 → BN → ReLU → MaxPool2`` of several independent encoders at once.

    The pooling comes before the ReLU: both are monotonic, so the result is the same and the ReLU four times cheaper.

    Args:
        groups: number of independent encoders; they meet nowhere.
        in_channels, out_channels: channels of one of them.
        downsampling: ``"pool"``, or ``"stride"``: a convolution of stride 2 in place of the pooling, which does a
            quarter of the work; the weights have the same names and shapes.
    """

    def __init__(self, *, groups: int, in_channels: int, out_channels: int, downsampling: str) -> None:
        super().__init__()
        self.pool = downsampling == "pool"
        stride = 1 if self.pool else 2
        self.conv = nn.Conv2d(
            groups * in_channels, groups * out_channels, 3, stride=stride, padding=1, groups=groups, bias=False
        )
        self.norm = nn.BatchNorm2d(groups * out_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(n, G·C_in, h, w)`` to ``(n, G·C_out, h/2, w/2)``."""
        x = self.norm(self.conv(x))  # (n, G·C_out, h, w)
        return F.relu(F.max_pool2d(x, 2) if self.pool else x)


class PhaseEncoder(nn.Module):
    """Encode every phase in both domains and fuse the domains.

    Where ``fusion_scales`` is ``"all"`` the fused map is what the spatial branch sees next, so the fusion matters at
    every scale even without skip connections; the spectral branch stays a pure mirror.

    Args:
        widths: channels of the four blocks.
        shared: one encoder for the four phases instead of one each.
        fusion: ``"mdief"``, or the ablations ``"concat"``, ``"spatial"``, ``"spectral"`` (one branch only).
        fusion_scales: ``"all"`` or ``"last"``.
        weighting: see :class:`~.mdief.MdIEF`.
        cutoff, spectral_form: see :class:`~.spectral.HighPass`.
        downsampling: see :class:`EncoderBlock`.
    """

    def __init__(
        self,
        *,
        widths: Sequence[int],
        shared: bool,
        fusion: str,
        fusion_scales: str,
        weighting: str,
        cutoff: float,
        spectral_form: str,
        downsampling: str,
    ) -> None:
        super().__init__()
        self.fusion = fusion
        self.encoders = 1 if shared else len(PHASES)
        self.domains = 1 if fusion in ("spatial", "spectral") else 2
        self.high_pass = HighPass(cutoff=cutoff, form=spectral_form)
        self.feed_fused = self.domains == 2 and fusion_scales == "all"
        self.blocks, self.fusions = nn.ModuleList(), nn.ModuleList()
        for scale, (fan_in, width) in enumerate(zip((1, *widths[:-1]), widths, strict=True)):
            groups = self.domains * self.encoders
            self.blocks.append(
                EncoderBlock(groups=groups, in_channels=fan_in, out_channels=width, downsampling=downsampling)
            )
            if self.domains == 1 or (fusion_scales == "last" and scale < len(widths) - 1):
                self.fusions.append(FirstDomain(domains=self.domains))
            elif fusion == "concat":
                self.fusions.append(ConcatFusion(encoders=self.encoders, channels=width))
            else:
                self.fusions.append(MdIEF(weighting=weighting))

    def forward(self, image: torch.Tensor, phase_mask: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Encode ``image (B, P, H, W)``, absent phases already 0.

        Returns:
            The fused maps ``(B, P, C, h, w)`` of the four scales H/2 … H/16, 0 where a phase is absent.
        """
        phases = image.shape[1]
        x = self._domain_images(image).contiguous(memory_format=torch.channels_last)  # (n, S·E, H, W)
        maps: list[torch.Tensor] = []
        for block, fuse in zip(self.blocks, self.fusions):  # noqa: B905 (TorchScript knows no strict=)
            x = block(x)  # (n, S·E·C, h, w)
            fused = fuse(x)  # (n, E·C, h, w)
            scale = fused.reshape(image.shape[0], phases, -1, fused.shape[2], fused.shape[3])  # (B, P, C, h, w)
            if phase_mask is not None:  # biases and batch norm make something even of an absent phase
                scale = scale.masked_fill(~phase_mask[:, :, None, None, None], 0.0)
            maps.append(scale)
            if self.feed_fused:
                x = torch.cat([fused, x.chunk(2, 1)[1]], 1)  # (n, 2·E·C, h, w)
            elif self.domains == 1:
                x = fused
        return maps

    def _domain_images(self, image: torch.Tensor) -> torch.Tensor:
        """Spatial and spectral image as channels: ``(n, S·E, H, W)``."""
        folded = (-1, self.encoders, image.shape[2], image.shape[3])
        if self.fusion == "spatial":
            return image.reshape(folded)
        spectral = self.high_pass(image).reshape(folded)  # (n, E, H, W)
        if self.fusion == "spectral":
            return spectral
        return torch.cat([image.reshape(folded), spectral.to(image.dtype)], 1)  # (n, 2·E, H, W)
