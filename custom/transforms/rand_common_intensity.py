"""Receiver gain and coil sensitivity as augmentation: the same for the four phases, as on a scanner."""

from __future__ import annotations

import torch
from monai.transforms import Randomizable, Transform

from .plain_tensor import plain_tensor


class RandCommonIntensityd(Randomizable, Transform):
    """Multiply all phases by one factor and one smooth field: ``x_k · gain · exp(b(h, w))``, b a quadratic polynomial.

    Ratios between phases, and so the relative enhancement, stay as they are.

    Args:
        prob: probability (0..1) for a slice.
        max_gain: 0.1 for factors from 0.9 to 1.1.
        max_bias: the field stays within about this share of 1, e.g. 0.2.
    """

    def __init__(self, *, prob: float = 0.5, max_gain: float = 0.1, max_bias: float = 0.2) -> None:
        self.prob = prob
        self.max_gain = max_gain
        self.max_bias = max_bias

    def __call__(self, data: dict) -> dict:
        out = dict(data)
        if self.R.random_sample() >= self.prob:
            return out
        gain = self.R.uniform(1 - self.max_gain, 1 + self.max_gain)
        coefficients = self.R.uniform(-1, 1, 5) * self.max_bias / 3
        image = plain_tensor(out["image"])
        out["image"] = image * smooth_field(image.shape[1:], gain, coefficients.tolist())
        return out


def smooth_field(shape: tuple[int, int], gain: float, coefficients: list[float]) -> torch.Tensor:
    """``gain · exp(b)`` with ``b = c0·h + c1·w + c2·h² + c3·w² + c4·h·w``, h and w from -1 to 1, as ``(H, W)``."""
    h = torch.linspace(-1, 1, shape[0])[:, None]
    w = torch.linspace(-1, 1, shape[1])[None, :]
    c = coefficients
    return gain * torch.exp((c[0] * h + c[2] * h * h) + (c[1] * w + c[3] * w * w) + (c[4] * h) * w)
