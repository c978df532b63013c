"""Losses on the enhancement curve: of the regression head (``reg``), and of the mask through TIM (``tim``)."""

from __future__ import annotations

import torch

from ..enhancement import measure_enhancement
from .masking import masked_mean


def curve_l1(
    curve: torch.Tensor, target: torch.Tensor, valid: torch.Tensor, std: torch.Tensor | None = None
) -> torch.Tensor:
    """Mean absolute error over the valid phases of the valid slices.

    Args:
        curve, target: ``(B, P)``, in the images' normalised unit; the target may be NaN where it is not valid.
        valid: ``(B, P)`` bool: slices with tumour, phases present.
        std: ``(P,)`` standard deviations of the training curves, to weigh the phases alike; None for the raw unit.

    Returns:
        A scalar, 0 when nothing is valid.
    """
    curve = curve.float()
    error = (curve - torch.where(valid, target.float(), curve.detach())).abs()  # (B, P)
    if std is not None:
        error = error / std.to(error)
    return masked_mean(error, valid)


def task_interaction_loss(
    logits: torch.Tensor,
    image: torch.Tensor,
    target: torch.Tensor,
    valid: torch.Tensor,
    std: torch.Tensor | None = None,
) -> torch.Tensor:
    """TIM: L1 between the curve measured through the predicted mask and the true one, a constraint on the mask.

    Args:
        logits: ``(B, 1, H, W)`` tumour logits.
        image: ``(B, P, H, W)``; the pixels of absent phases do not matter.
        target, valid, std: see :func:`curve_l1`.
    """
    present = valid[:, :, None, None]  # (B, P, 1, 1)
    measured = measure_enhancement(logits.float().sigmoid(), image.masked_fill(~present, 0.0))  # (B, P)
    return curve_l1(measured, target, valid, std)
