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


def slice_dice_loss(logits: torch.Tensor, label: torch.Tensor, smooth: float = 1.0) -> torch.Tensor:
    """Soft Dice loss of each slice with tumour, averaged: a small lesion counts as much as a large one. A scalar.

    Args:
        logits: ``(B, 1, H, W)``.
        label: ``(B, 1, H, W)``, 0 or 1; 0, but in the graph, when no slice has a tumour.
        smooth: pixels added to both sums.
    """
    probability, label = logits.float().sigmoid().flatten(1), label.float().flatten(1)  # (B, H·W)
    overlap = 2.0 * (probability * label).sum(1)
    dice = (overlap + smooth) / (probability.sum(1) + label.sum(1) + smooth)  # (B)
    has_tumour = label.amax(1)
    return ((1.0 - dice) * has_tumour).sum() / has_tumour.sum().clamp(min=1.0)


def segmentation_loss(logits: torch.Tensor, label: torch.Tensor, kind: str = "dice_ce") -> torch.Tensor:
    """``"bce"``, or ``"dice_ce"``: BCE plus the mean of batch Dice and slice Dice. Returns a scalar."""
    loss = bce_loss(logits, label)
    if kind == "dice_ce":
        loss = loss + 0.5 * (batch_dice_loss(logits, label) + slice_dice_loss(logits, label))
    return loss
