"""A worse examination from a good one: how far do the figures fall with resolution, noise, motion, a missing phase?"""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from monai.data.utils import affine_to_spacing
from monai.transforms import Transform
from torch.nn.functional import interpolate

from ..coverage import phases_in_slices
from ..types import PHASES, REFERENCE_PHASE, InputError
from .rand_phase_shift import shift_phases


class DegradeStudyd(Transform):
    """Degrade the image of a study on its grid; masks stay. The same study is always degraded in the same way.

    In the order in which it happens to a patient: a phase is moved, acquired coarsely and with noise, or not at all.
    Slices that a phase does not reach stay empty.

    Args:
        shift_mm: every phase but the reference one lies this far off in the plane, each in a direction of its own.
        in_plane_mm: pixel size of the acquisition, mm; averaged to it, and interpolated back.
        slice_mm: slice thickness likewise.
        noise: standard deviation of complex noise, in the normalised unit of ``image`` (Rician magnitude).
        missing: name of a phase that was not acquired.
        reference_phase: the phase that neither moves nor is missing.
    """

    def __init__(
        self,
        *,
        shift_mm: float = 0.0,
        in_plane_mm: float | None = None,
        slice_mm: float | None = None,
        noise: float = 0.0,
        missing: str | None = None,
        reference_phase: str = REFERENCE_PHASE,
    ) -> None:
        if missing is not None and (missing not in PHASES or missing == reference_phase):
            raise InputError(
                found=f"missing {missing!r}",
                expected=f"one of {', '.join(phase for phase in PHASES if phase != reference_phase)}",
                where="DegradeStudyd",
                remedy="Correct the condition of the experiment.",
            )
        self.shift_mm, self.in_plane_mm, self.slice_mm = float(shift_mm), in_plane_mm, slice_mm
        self.noise, self.missing, self.reference = float(noise), missing, PHASES.index(reference_phase)

    def __call__(self, data: dict) -> dict:
        out = dict(data)
        image = out["image"]  # MetaTensor (P, H, W, D)
        spacing_mm = [float(value) for value in affine_to_spacing(image.affine)]
        rng = np.random.default_rng(_seed(out))
        volume = image.as_tensor().float()
        present = torch.as_tensor(out["phase_mask"]).bool().clone()  # (P)
        reached = phases_in_slices(volume.movedim(-1, 0), present).T  # (P, D)
        if self.shift_mm:
            volume = self._shifted(volume, spacing_mm, rng)
        volume = self._coarse(volume, spacing_mm)
        if self.noise:
            real, imaginary = torch.from_numpy(rng.normal(0, self.noise, (2, *volume.shape))).float()
            volume = ((volume + real).square() + imaginary.square()).sqrt()
        if self.missing is not None:
            present[PHASES.index(self.missing)] = False
        out["phase_mask"] = present
        there = reached & present[:, None]
        out["image"] = type(image)(volume.masked_fill(~there[:, None, None], 0.0), affine=image.affine)
        return out

    def _shifted(self, volume: torch.Tensor, spacing_mm: list[float], rng: np.random.Generator) -> torch.Tensor:
        angle = rng.uniform(0, 2 * np.pi, len(PHASES))
        shifts = self.shift_mm * np.stack([np.cos(angle) / spacing_mm[0], np.sin(angle) / spacing_mm[1]], axis=1)
        shifts[self.reference] = 0
        pixels = torch.from_numpy(shifts)  # (P, 2)
        return torch.stack([shift_phases(plane, pixels, nearest=False) for plane in volume.unbind(-1)], dim=-1)

    def _coarse(self, volume: torch.Tensor, spacing_mm: list[float]) -> torch.Tensor:
        wanted_mm = (self.in_plane_mm, self.in_plane_mm, self.slice_mm)
        sizes = zip(volume.shape[1:], spacing_mm, wanted_mm, strict=True)
        coarse = [size if mm is None else max(1, round(size * own / max(own, mm))) for size, own, mm in sizes]
        if coarse == list(volume.shape[1:]):
            return volume
        averaged = interpolate(volume[None], size=coarse, mode="area")  # (1, P, h, w, d)
        return interpolate(averaged, size=volume.shape[1:], mode="trilinear", align_corners=False)[0]


def _seed(data: dict) -> int:
    """A number that the study's name decides."""
    case = str(data.get("study", {}).get("case", data.get("case", "")))
    return int.from_bytes(hashlib.sha256(case.encode()).digest()[:8], "big")
