"""Cross-entropy over the slices whose lesion class is known, and class weights for unequal numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from ..types import InputError
from .masking import masked_mean


def balanced_class_weights(labels: Sequence[int | None], num_classes: int) -> list[float]:
    """Weights ``n / (K n_k)`` that make the classes count alike.

    Args:
        labels: class index of each study, None or negative where unknown.
        num_classes: K.

    Returns:
        K weights; 1 for a class that does not occur.

    Raises:
        InputError: a label is not below ``num_classes``.
    """
    known = [int(label) for label in labels if label is not None and label >= 0]
    if known and max(known) >= num_classes:
        raise InputError(
            found=f"class index {max(known)}",
            expected=f"at most {num_classes - 1} ({num_classes} classes)",
            where="labels",
            remedy="Give the network as many classes as the data list names.",
        )
    counts = [known.count(k) for k in range(num_classes)]
    return [len(known) / (num_classes * count) if count else 1.0 for count in counts]


def classification_loss(
    logits: torch.Tensor, label: torch.Tensor, valid: torch.Tensor, class_weights: torch.Tensor | None = None
) -> torch.Tensor:
    """Class-weighted mean cross-entropy over the valid slices.

    Args:
        logits: ``(B, K)``.
        label: ``(B,)`` int64, anything where not valid.
        valid: ``(B,)`` bool: slices with tumour and known class.
        class_weights: ``(K,)`` or None.

    Returns:
        A scalar, 0 when nothing is valid.
    """
    label = torch.where(valid, label, torch.zeros_like(label))
    loss = F.cross_entropy(logits.float(), label, reduction="none")  # (B,)
    weight = valid.to(loss.dtype)
    if class_weights is not None:
        weight = weight * class_weights.to(loss)[label]
    return masked_mean(loss, weight)
