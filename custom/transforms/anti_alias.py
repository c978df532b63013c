"""Fine pixels averaged before they are sampled on a coarser grid."""

from __future__ import annotations

import math

import numpy as np
from monai.transforms import Transform
from scipy.ndimage import gaussian_filter1d

from ..types import InputError


class AntiAliasd(Transform):
    """In-plane Gaussian that widens a pixel to the target spacing, ``sigma = sqrt(spacing² - pixel²) / 2``.

    ``Spacingd`` samples linearly: from 0.7 mm to 2.5 mm it reads two of four pixels and keeps nearly all their noise.
    Nothing happens where pixels are as large as the target already. Goes between ``Orientationd`` and ``Spacingd``.

    Args:
        spacing_mm: in-plane spacing of the network's grid, > 0.
        key: the image, ``(P, X, Y, Z)`` with an affine; the first two spatial axes are in-plane.
    """

    def __init__(self, *, spacing_mm: float, key: str = "image") -> None:
        if not spacing_mm > 0:
            raise InputError(
                found=f"spacing_mm={spacing_mm}",
                expected="a spacing above 0 mm",
                where="AntiAliasd",
                remedy="Correct 'spacing_mm' in the configuration.",
            )
        self.spacing_mm = spacing_mm
        self.key = key

    def __call__(self, data: dict) -> dict:
        out = dict(data)
        image = out[self.key]
        pixels_mm = np.linalg.norm(np.asarray(image.affine, dtype=np.float64)[:3, :2], axis=0)
        sigmas = [math.sqrt(max(self.spacing_mm**2 - p**2, 0.0)) / 2 / p for p in pixels_mm]  # in pixels
        if max(sigmas) < 0.1:
            return out
        smooth = image.clone()
        for phase in smooth.as_tensor().numpy():  # (X, Y, Z), a view; one phase at a time keeps the memory flat
            for axis, sigma in enumerate(sigmas):
                if sigma >= 0.1 and phase.any():
                    gaussian_filter1d(phase, sigma, axis=axis, output=phase, mode="nearest", truncate=3.0)
        out[self.key] = smooth
        return out
