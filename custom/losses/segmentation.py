"""Segmentation losses on every slice, those without tumour included."""

from __future__ import annotations

import torch
from torch.nn import functional as F

SEGMENTATION_LOSSES = ("dice_ce", "bce")


def bce_loss(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Pixel-wise binary cross-entropy (the paper's segmentation loss) of ``(B, 1, H, W)`` logits: a scalar."""
    return F.binary_cross_entropy_with_logits(logits.float(), label.float())


def batch_dice_loss(logits: torch.Tensor, label: torch.Tensor, smooth: float = 1.0) -> torch.Tensor:
    """Soft Dice loss ``1 - (2 sum(p y) + s) / (sum(p) + sum(y) + s)`` with sums over the whole batch: a scalar.

    One Dice for the batch and not one a slice: a slice without tumour has no Dice, but here its false positives weigh
    in the common denominator; and a large batch of them with no tumour at all still goes to 0 as they vanish.

    Args:
        logits: ``(B, 1, H, W)``.
        label: ``(B, 1, H, W)``, 0 or 1.
        smooth: pixels added to both sums.
    """
    probability, label = logits.float().sigmoid(), label.float()
    overlap = 2.0 * (probability * label).sum()
    return 1.0 - (overlap + smooth) / (probability.sum() + label.sum() + smooth)


def segmentation_loss(logits: torch.Tensor, label: torch.Tensor, kind: str = "dice_ce") -> torch.Tensor:
    """``"bce"``, or ``"dice_ce"``: BCE plus batch Dice. Returns a scalar."""
    loss = bce_loss(logits, label)
    return loss + batch_dice_loss(logits, label) if kind == "dice_ce" else loss
