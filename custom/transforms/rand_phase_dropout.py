"""Missing phases as augmentation, so that a study without one is no surprise."""

from __future__ import annotations

import torch
from monai.transforms import Randomizable, Transform

from ..types import PHASES, REFERENCE_PHASE
from .plain_tensor import plain_tensor


class RandPhaseDropoutd(Randomizable, Transform):
    """Take phases away from a slice: their pixels become 0 and their ``phase_mask`` False.

    Phases that were absent from the start are zeroed as well, whatever augmentation has put there.

    Args:
        prob: probability (0..1) of each phase but the reference, independently.
        reference_phase: the phase that always stays.
    """

    def __init__(self, *, prob: float = 0.1, reference_phase: str = REFERENCE_PHASE) -> None:
        self.prob = prob
        self.reference = PHASES.index(reference_phase)

    def __call__(self, data: dict) -> dict:
        out = dict(data)
        kept = torch.from_numpy(self.R.random_sample(len(PHASES)) >= self.prob)  # (P)
        kept[self.reference] = True
        kept &= out["phase_mask"]
        out["phase_mask"] = kept
        out["image"] = plain_tensor(out["image"]).masked_fill(~kept[:, None, None], 0.0)  # not * 0: that would keep NaN
        return out
