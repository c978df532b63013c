"""Breath-hold misalignment as augmentation."""

from __future__ import annotations

import torch
from monai.transforms import Randomizable, Transform
from torch.nn.functional import affine_grid, grid_sample

from ..types import PHASES, REFERENCE_PHASE
from .plain_tensor import plain_tensor


class RandPhaseShiftd(Randomizable, Transform):
    """Move single phases of a slice by a few millimetres against the reference phase.

    A phase's own mask (``phase_label``) moves with it; the common mask stays with the reference.

    Args:
        prob: probability (0..1) for a slice.
        max_mm: largest shift along each in-plane axis, in mm.
        spacing_mm: pixel size of the network's grid, in mm.
        reference_phase: the phase that stays.
    """

    def __init__(
        self, *, prob: float = 0.2, max_mm: float = 5.0, spacing_mm: float, reference_phase: str = REFERENCE_PHASE
    ) -> None:
        self.prob = prob
        self.max_pixels = max_mm / spacing_mm
        self.reference = PHASES.index(reference_phase)

    def __call__(self, data: dict) -> dict:
        out = dict(data)
        if self.R.random_sample() >= self.prob:
            return out
        shifts = torch.from_numpy(self.R.uniform(-self.max_pixels, self.max_pixels, (len(PHASES), 2)))  # (P, 2) H, W
        shifts[self.reference] = 0
        out["image"] = shift_phases(out["image"], shifts, nearest=False)
        if "phase_label" in out:
            out["phase_label"] = shift_phases(out["phase_label"], shifts, nearest=True)
        return out


def shift_phases(image: torch.Tensor, shifts: torch.Tensor, *, nearest: bool) -> torch.Tensor:
    """Translate each phase by its own number of pixels; edge pixels are repeated.

    Args:
        image: ``(P, H, W)``.
        shifts: ``(P, 2)`` in pixels along H and W; phase content moves towards higher indices.
        nearest: for masks.

    Returns:
        ``(P, H, W)``, phases with shift 0 untouched.
    """
    P, H, W = image.shape
    moving = (shifts != 0).any(dim=1)  # (P)
    theta = torch.eye(2, 3, dtype=torch.float32).repeat(P, 1, 1)  # (P, 2, 3), x = W first, in units of half the image
    theta[:, 0, 2] = -2 * shifts[:, 1] / W
    theta[:, 1, 2] = -2 * shifts[:, 0] / H
    image = plain_tensor(image)
    planes = image[moving][:, None].float()  # (M, 1, H, W)
    grid = affine_grid(theta[moving], list(planes.shape), align_corners=False)  # (M, H, W, 2)
    mode = "nearest" if nearest else "bilinear"
    out = image.clone()
    out[moving] = grid_sample(planes, grid, mode=mode, padding_mode="border", align_corners=False)[:, 0].to(out.dtype)
    return out
