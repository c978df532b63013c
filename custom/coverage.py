"""Where a phase's field of view ends: phases are acquired with slabs of their own, and beyond them the image is 0.

A mean over nothing would pass for signal that is not there.  So a phase is absent in a slice that it does not reach, as
one that was not acquired is in all slices, and has no value in the curve of a tumour that it does not cover.
"""

from __future__ import annotations

import torch

MOST_OUTSIDE = 0.05
"""Share of a tumour's voxels that a phase may fail to cover, and still count for it."""


def phases_in_slices(slices: torch.Tensor, phase_mask: torch.Tensor) -> torch.Tensor:
    """Which phases are there in each slice.

    Args:
        slices: ``(N, P, H, W)``, 0 outside the field of view.
        phase_mask: ``(P)`` or ``(N, P)`` bool, the phases of the study.

    Returns:
        ``(N, P)`` bool; all phases of the study where a slice is empty in each of them.
    """
    reached = (slices != 0).flatten(2).any(-1) & phase_mask  # (N, P)
    return torch.where(reached.any(-1, keepdim=True), reached, phase_mask)


def covered_phases(mask: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """Which phases show the whole tumour, but for a share of `MOST_OUTSIDE`.

    Args:
        mask: ``(1, *spatial)`` or ``(P, *spatial)`` (one mask for each phase) bool.
        image: ``(P, *spatial)``, 0 outside the field of view.

    Returns:
        ``(P)`` bool; True for all without a tumour.
    """
    mask, image = mask.flatten(1), image.flatten(1)  # (1|P, V), (P, V)
    inside = (mask & (image != 0)).sum(-1)  # (P)
    return inside >= (1 - MOST_OUTSIDE) * mask.sum(-1)
