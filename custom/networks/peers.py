"""Networks of others in MTI-Net's place: the same slices, the same outputs, the same losses, one task each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ..types import PHASES
from .decoder import TUMOUR_LOGIT
from .options import one_of

SLICE_TASKS = ("reg", "cls")


class SegmentationPeer(nn.Module):
    """Any network from phases to one map of logits, padded to the sides that it needs.

    Args:
        network: ``(B, P, H, W) -> (B, 1, H, W)`` logits.
        multiple: of which H and W have to be, e.g. 32 for SwinUNETR.
    """

    def __init__(self, *, network: nn.Module, multiple: int = 16) -> None:
        super().__init__()
        self.network, self.multiple, self.tasks = network, multiple, ("seg",)

    def forward(self, image: torch.Tensor, phase_mask: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        """As MTI-Net's forward: ``image (B, P, H, W)``, ``phase_mask (B, P)`` to ``seg (B, 1, H, W)``.

        Logits start where MTI-Net's do, at few pixels of tumour: small budgets are not spent on finding that out.
        """
        image = _without_absent(image, phase_mask)
        height, width = image.shape[-2:]
        padded = F.pad(image, (0, -width % self.multiple, 0, -height % self.multiple))
        return {"seg": TUMOUR_LOGIT + self.network(padded)[..., :height, :width]}


class SlicePeer(nn.Module):
    """Any network from phases to a few numbers a slice: the curve, standardised as MTI-Net's, or class logits.

    It segments nothing: at evaluation the true mask says which slices count (``AggregateStudyd(given_mask=True)``).

    Args:
        network: ``(B, P, H, W) -> (B, P)`` or ``(B, K)``.
        task: ``"reg"`` or ``"cls"``.
    """

    def __init__(self, *, network: nn.Module, task: str) -> None:
        super().__init__()
        self.network, self.tasks = network, (one_of("task", task, SLICE_TASKS),)
        if task == "reg":
            self.register_buffer("enhancement_mean", torch.zeros(len(PHASES)))
            self.register_buffer("enhancement_std", torch.ones(len(PHASES)))

    def forward(self, image: torch.Tensor, phase_mask: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        """As MTI-Net's forward, to ``enhancement (B, P)`` in the image's unit or ``class_logits (B, K)``."""
        values = self.network(_without_absent(image, phase_mask)).float()
        if "cls" in self.tasks:
            return {"class_logits": values}
        return {"enhancement": self.enhancement_mean + values * self.enhancement_std}

    def set_enhancement_statistics(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Mean and standard deviation ``(P)`` of the training curves."""
        if "reg" in self.tasks:
            self.enhancement_mean.copy_(torch.as_tensor(mean, dtype=torch.float32))
            self.enhancement_std.copy_(torch.as_tensor(std, dtype=torch.float32))


def _without_absent(image: torch.Tensor, phase_mask: torch.Tensor | None) -> torch.Tensor:
    return image if phase_mask is None else image.masked_fill(~phase_mask[:, :, None, None], 0.0)
