"""Thermal noise as augmentation: independent in every phase and pixel."""

from __future__ import annotations

import torch
from monai.transforms import Randomizable, Transform

from .plain_tensor import plain_tensor


class RandNoised(Randomizable, Transform):
    """Add Gaussian noise of one random level to all phases of a slice.

    Args:
        prob: probability (0..1) for a slice.
        max_std: largest standard deviation, in the normalised unit of ``image``.
    """

    def __init__(self, *, prob: float = 0.5, max_std: float = 0.03) -> None:
        self.prob = prob
        self.max_std = max_std

    def __call__(self, data: dict) -> dict:
        out = dict(data)
        if self.R.random_sample() >= self.prob:
            return out
        std = self.R.uniform(0, self.max_std)
        generator = torch.Generator().manual_seed(int(self.R.randint(2**31 - 1)))
        image = plain_tensor(out["image"])
        out["image"] = torch.randn(image.shape, generator=generator).mul_(std).add_(image)
        return out
