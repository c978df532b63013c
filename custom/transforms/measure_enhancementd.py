"""The regression target of a training slice, measured on the very tensor that the network will see."""

from __future__ import annotations

import torch
from monai.transforms import Transform

from ..enhancement import measure_enhancement
from .plain_tensor import plain_tensor


class MeasureEnhancementd(Transform):
    """Mean tumour signal of each phase of a slice. It follows the augmentation: image and target then cannot part.

    A phase with a mask of its own (``phase_label``) is measured under that; where it is empty, under ``label``.

    Returns (of the call): the slice with ``enhancement`` ``(P)`` in the unit of ``image``, 0 without tumour; all
        tensors plain, and without ``phase_label``.
    """

    def __call__(self, data: dict) -> dict:
        out = dict(data)
        out["image"], out["label"] = plain_tensor(out["image"]), plain_tensor(out["label"])
        mask = masks_per_phase(out["label"], out.pop("phase_label", None))
        out["enhancement"] = measure_enhancement(mask[None], out["image"][None])[0]  # (P)
        return out


def masks_per_phase(label: torch.Tensor, phase_label: torch.Tensor | None) -> torch.Tensor:
    """``(1, *spatial)`` for all phases, or ``(P, *spatial)`` where single phases have their own."""
    common = plain_tensor(label) > 0
    if phase_label is None:
        return common
    own = plain_tensor(phase_label) > 0  # (P, *spatial)
    empty = ~own.flatten(1).any(dim=1)  # (P)
    own[empty] = common[0]
    return own
