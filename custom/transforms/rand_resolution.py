"""Coarser acquisitions as augmentation: a network for fine pixels also meets images that never had them."""

from __future__ import annotations

from monai.transforms import Randomizable, Transform
from torch.nn.functional import interpolate

from ..types import InputError
from .plain_tensor import plain_tensor


class RandResolutiond(Randomizable, Transform):
    """Average a slice to coarser pixels and interpolate it back, all phases alike; masks stay.

    Args:
        prob: probability (0..1) for a slice.
        spacing_mm: in-plane spacing of the slice.
        max_mm: largest pixel, at least ``spacing_mm``; sizes are drawn uniformly between the two.
    """

    def __init__(self, *, spacing_mm: float, max_mm: float, prob: float = 0.3) -> None:
        if max_mm < spacing_mm:
            raise InputError(
                found=f"max_mm {max_mm}",
                expected=f"at least the slices' own spacing, {spacing_mm} mm",
                where="RandResolutiond",
                remedy="Correct it in the configuration.",
            )
        self.prob, self.spacing_mm, self.max_mm = prob, float(spacing_mm), float(max_mm)

    def __call__(self, data: dict) -> dict:
        out = dict(data)
        if self.R.random_sample() >= self.prob:
            return out
        share = self.spacing_mm / self.R.uniform(self.spacing_mm, self.max_mm)
        image = plain_tensor(out["image"])[None]  # (1, P, H, W)
        size = image.shape[2:]
        coarse = interpolate(image, size=[max(1, round(pixels * share)) for pixels in size], mode="area")
        out["image"] = interpolate(coarse, size=size, mode="bilinear", align_corners=False)[0]
        return out
