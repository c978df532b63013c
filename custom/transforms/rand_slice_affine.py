"""Small rotations, scalings, shifts and mirrors of a slice, with image and masks in one interpolation."""

from __future__ import annotations

import math

import torch
from monai.transforms import Randomizable, Transform
from torch.nn.functional import affine_grid, grid_sample

from .plain_tensor import plain_tensor

MASK_KEYS = ("label", "phase_label")


class RandSliceAffined(Randomizable, Transform):
    """Move a training slice as a whole: linear for the phases, nearest neighbour for masks, zeros from outside.

    Args:
        prob: probability (0..1) of rotation, scaling and shift together.
        max_rotation_deg: each way.
        max_scaling: 0.1 for factors from 0.9 to 1.1.
        max_shift_mm: along each in-plane axis.
        flip_prob: probability (0..1) of a mirror image, left and right swapped (the H axis of an LPS slice).
        spacing_mm: pixel size of the network's grid.
    """

    def __init__(
        self,
        *,
        prob: float = 0.5,
        max_rotation_deg: float = 10.0,
        max_scaling: float = 0.1,
        max_shift_mm: float = 10.0,
        flip_prob: float = 0.5,
        spacing_mm: float,
    ) -> None:
        self.prob = prob
        self.max_rotation = math.radians(max_rotation_deg)
        self.max_scaling = max_scaling
        self.max_shift = max_shift_mm / spacing_mm
        self.flip_prob = flip_prob

    def __call__(self, data: dict) -> dict:
        out = {k: plain_tensor(v) if k in ("image", *MASK_KEYS) else v for k, v in data.items()}
        masks = [k for k in MASK_KEYS if k in out]
        if self.R.random_sample() < self.flip_prob:
            for key in ("image", *masks):
                out[key] = out[key].flip(1)  # (C, H, W)
        if self.R.random_sample() < self.prob:
            rotation = self.R.uniform(-self.max_rotation, self.max_rotation)
            scaling = self.R.uniform(1 - self.max_scaling, 1 + self.max_scaling)
            shift = self.R.uniform(-self.max_shift, self.max_shift, 2)
            grid = slice_grid(out["image"].shape[1:], rotation, scaling, tuple(shift))
            out["image"] = _sample(out["image"], grid, "bilinear")
            for key in masks:
                out[key] = _sample(out[key], grid, "nearest")
        return out


def slice_grid(shape: tuple[int, int], rotation: float, scaling: float, shift: tuple[float, float]) -> torch.Tensor:
    """Where each output pixel comes from, about the slice's centre.

    Args:
        shape: ``(H, W)``.
        rotation: radians; content turns from H towards W.
        scaling: above 1 enlarges.
        shift: pixels along H and W; content moves towards higher indices, after turning.

    Returns:
        ``(1, H, W, 2)`` for ``grid_sample`` with ``align_corners=False``.
    """
    H, W = shape
    c, s = math.cos(rotation) / scaling, math.sin(rotation) / scaling  # output -> input, in pixels about the centre
    h, w = shift
    theta = [  # x along W first; half an image is 1, so mixed terms carry the aspect ratio
        [c, -s * H / W, -2 * (c * w - s * h) / W],
        [s * W / H, c, -2 * (s * w + c * h) / H],
    ]
    return affine_grid(torch.tensor([theta], dtype=torch.float32), [1, 1, H, W], align_corners=False)


def _sample(planes: torch.Tensor, grid: torch.Tensor, mode: str) -> torch.Tensor:
    sampled = grid_sample(planes[None].float(), grid, mode=mode, padding_mode="zeros", align_corners=False)
    return sampled[0].to(planes.dtype)  # (C, H, W)
