"""The target curve of a whole study."""

from __future__ import annotations

from monai.transforms import Transform

from ..enhancement import measure_enhancement
from .measure_enhancementd import masks_per_phase
from .plain_tensor import plain_tensor


class StudyEnhancementd(Transform):
    """Mean tumour signal of each phase over the whole study, through the true mask.

    Returns (of the call): the item with ``enhancement`` ``(P)`` in the unit of ``image`` (0 without tumour), without
        ``phase_label``; unchanged when there is no ``label``.
    """

    def __call__(self, data: dict) -> dict:
        out = dict(data)
        own = out.pop("phase_label", None)
        if "label" in out:
            mask = masks_per_phase(out["label"], own)
            out["enhancement"] = measure_enhancement(mask[None], plain_tensor(out["image"])[None])[0]  # (P)
        return out
