"""Metadata left behind where nothing reads it any more."""

from __future__ import annotations

import torch


def plain_tensor(value: torch.Tensor) -> torch.Tensor:
    """The tensor without MONAI's metadata (no copy): every operation on a ``MetaTensor`` copies its metadata along."""
    return value.as_tensor() if hasattr(value, "as_tensor") else value
