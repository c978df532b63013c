"""The enhancement curve of a masked region: the regression task's label, the TIM constraint, and the reported curve.

Equation (TIM, "element-wise multiplication between the mask and each image")::

    I_k = sum_v p_v x_kv / (sum_v p_v + eps)        k = pre, arterial, portal venous, delayed

One function serves the training label, the TIM loss and the study report, so that they cannot drift apart.
"""

from __future__ import annotations

import torch

EPSILON = 1e-6


def measure_enhancement(mask: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """Mean signal of each phase under a (soft) mask.

    Args:
        mask: ``(B, 1, *spatial)`` or ``(B, P, *spatial)`` (one mask per phase), weights in [0, 1].
        image: ``(B, P, *spatial)``, any linear intensity unit.

    Returns:
        ``(B, P)`` in the unit of ``image``, float32; 0 where the mask is empty.
    """
    mask, image = mask.float().flatten(2), image.float().flatten(2)  # (B, 1|P, V), (B, P, V)
    return (mask * image).sum(-1) / (mask.sum(-1) + EPSILON)
