"""Means over the entries that count, which keep every parameter in the graph when none does."""

from __future__ import annotations

import torch


def masked_mean(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted mean ``sum(w v) / sum(w)``; 0, still connected to ``values``, where all weights are 0.

    A term that vanished from the graph would make DistributedDataParallel wait for gradients for ever.

    Args:
        values: finite, any shape.
        weight: same shape, bool or non-negative.
    """
    weight = weight.to(values.dtype)
    total = weight.sum()
    return (values * weight).sum() / torch.where(total > 0, total, torch.ones_like(total))
