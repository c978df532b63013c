"""A study becomes a few training slices."""

from __future__ import annotations

import torch
from monai.transforms import Randomizable, Transform

from ..coverage import covered_phases, phases_in_slices
from ..types import InputError
from .measure_enhancementd import masks_per_phase
from .plain_tensor import plain_tensor

SLICED_KEYS = ("image", "label", "phase_label")
STUDY_KEYS = ("phase_mask", "lesion_class", "class_values")


class RandSlicesd(Randomizable, Transform):
    """Draw slices of one study, with a set share of them showing tumour.

    Of ``num_samples`` slices, ``tumour_fraction * num_samples`` show tumour (a fractional part is rounded up or down
    at random in its proportion). A study without tumour, or with tumour everywhere, gives what it has. Slices repeat
    only when there are too few.

    Args:
        num_samples: slices per call, >= 1.
        tumour_fraction: 0..1.

    Returns (of the call): a list of dicts of plain tensors ``image (P, H, W)``, ``label (1, H, W)`` class values,
        ``phase_mask (P)`` (phases that reach the slice and cover the tumour in it) and what the slice needs to know its
        class; nothing else of the study.

    Raises:
        InputError: the study has no mask: it cannot be told from a healthy one.
    """

    def __init__(self, *, num_samples: int = 4, tumour_fraction: float = 0.5) -> None:
        if num_samples < 1 or not 0.0 <= tumour_fraction <= 1.0:
            raise InputError(
                found=f"num_samples={num_samples}, tumour_fraction={tumour_fraction}",
                expected="num_samples of at least 1 and a tumour_fraction from 0 to 1",
                where="RandSlicesd",
                remedy="Correct the training transforms in the configuration.",
            )
        self.num_samples = num_samples
        self.tumour_fraction = tumour_fraction

    def __call__(self, data: dict) -> list[dict]:
        if "label" not in data:
            raise InputError(
                found="no tumour mask",
                expected="a mask for every training study (all zeros for a healthy one)",
                where=data.get("study", {}).get("case", "study"),
                remedy="Add 'label' to its datalist entry.",
            )
        volumes = {k: plain_tensor(data[k]) for k in SLICED_KEYS if k in data}  # (C, H, W, D) each
        has_tumour = volumes["label"].amax(dim=(0, 1, 2)) > 0  # (D)
        study = {k: data[k] for k in STUDY_KEYS if k in data}
        chosen = self._choose(has_tumour)
        slices = [{**{k: v[..., d].contiguous() for k, v in volumes.items()}, **study} for d in chosen]  # (C, H, W)
        return [{**drawn, "phase_mask": _phases_there(drawn)} for drawn in slices]

    def _choose(self, has_tumour: torch.Tensor) -> list[int]:
        tumour = has_tumour.nonzero().flatten().tolist()
        healthy = (~has_tumour).nonzero().flatten().tolist()
        wanted = int(self.num_samples * self.tumour_fraction + self.R.random_sample())
        if not tumour or not healthy:
            wanted = self.num_samples if tumour else 0
        return self._draw(tumour, wanted) + self._draw(healthy, self.num_samples - wanted)

    def _draw(self, slices: list[int], count: int) -> list[int]:
        if count == 0:
            return []
        return self.R.choice(slices, size=count, replace=count > len(slices)).tolist()


def _phases_there(drawn: dict) -> torch.Tensor:
    """``(P)`` bool. Found before augmentation, whose noise fills what lies outside the field of view."""
    there = phases_in_slices(drawn["image"][None], torch.as_tensor(drawn["phase_mask"]))[0]
    covering = there & covered_phases(masks_per_phase(drawn["label"], drawn.get("phase_label")), drawn["image"])
    return covering if covering.any() else there
