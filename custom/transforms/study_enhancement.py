"""The target curve of a whole study."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch

from ..coverage import covered_phases
from ..enhancement import measure_enhancement
from .measure_enhancementd import masks_per_phase
from .plain_tensor import plain_tensor


def study_enhancement(study: Mapping[Hashable, Any]) -> torch.Tensor:
    """Mean tumour signal of each phase over the whole study, through the true mask, as in training over a slice.

    Args:
        study: ``image (P, *spatial)``, ``label (1, *spatial)`` and, where single phases have their own mask,
            ``phase_label (P, *spatial)``.

    Returns:
        ``(P)`` in the unit of ``image``; 0 without tumour, NaN where a phase does not cover it.
    """
    mask, image = masks_per_phase(study["label"], study.get("phase_label")), plain_tensor(study["image"])
    within = mask & (image != 0)  # (P, *spatial); of a phase that misses a little, the rest is averaged
    curve = measure_enhancement(within[None], image[None])[0]
    return curve.masked_fill(~covered_phases(mask, image), torch.nan)
