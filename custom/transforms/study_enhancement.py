"""The target curve of a whole study."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch

from ..enhancement import measure_enhancement
from .measure_enhancementd import masks_per_phase
from .plain_tensor import plain_tensor


def study_enhancement(study: Mapping[Hashable, Any]) -> torch.Tensor:
    """Mean tumour signal of each phase over the whole study, through the true mask, as in training over a slice.

    Args:
        study: ``image (P, *spatial)``, ``label (1, *spatial)`` and, where single phases have their own mask,
            ``phase_label (P, *spatial)``.

    Returns:
        ``(P)`` in the unit of ``image``; 0 without tumour.
    """
    mask = masks_per_phase(study["label"], study.get("phase_label"))
    return measure_enhancement(mask[None], plain_tensor(study["image"])[None])[0]
