"""A small study with an asymmetric tumour on an oblique, flipped grid, and a network that finds it by brightness."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, DivisiblePadd, Orientationd, Spacingd, Transform

from custom.inference import AggregateStudyd, KeepNatived, MeasureLesionsd, ReturnToNatived
from custom.types import PHASES, InputError

CLASSES = ["hemangioma", "HCC"]
LIVER = (100.0, 120.0, 160.0, 150.0)
TUMOUR_OF_CLASS = {1: (90.0, 260.0, 250.0, 240.0), 2: (80.0, 270.0, 130.0, 110.0)}


def oblique_affine(spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """First axis to the left, second to the back, turned by 12 degrees in the axial plane: voxel -> RAS+ mm."""
    angle = np.deg2rad(12.0)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([-1.0, -1.0, 1.0]) @ np.diag(spacing_mm)
    affine[:3, 3] = [61.5, 43.25, -77.0]
    return affine


def l_shape(shape: tuple[int, int, int]) -> np.ndarray:
    """An L whose arms differ in length and thickness and that climbs through the slices: no symmetry hides a flip."""
    mask = np.zeros(shape, bool)
    mask[12:34, 30:38, 3:6] = True
    mask[12:18, 30:52, 4:7] = True
    return mask


def volumes(lesions: dict[int, np.ndarray]) -> np.ndarray:
    """``(4, X, Y, Z)`` raw units: liver everywhere, each lesion with the curve of its class."""
    shape = next(iter(lesions.values())).shape
    image = np.ones((4, *shape), np.float32) * np.array(LIVER, np.float32)[:, None, None, None]
    for value, mask in lesions.items():
        image[:, mask] = np.array(TUMOUR_OF_CLASS[value], np.float32)[:, None]
    return image


class FakeLoadd(Transform):
    """Stands for LoadStudyd: takes the arrays out of the item, and fails as the item's ``fail`` says."""

    def __call__(self, item: dict) -> dict:
        if item.get("fail") == "input":
            raise InputError(found="two arterial volumes", expected="one", where=item["case"], remedy="Name one.")
        if item.get("fail") == "truncated":
            raise EOFError("Compressed file ended before the end-of-stream marker was reached")
        if item.get("fail") == "bug":
            raise KeyError("a slip of the programmer")
        image, affine = torch.from_numpy(item["volumes"].copy()), torch.as_tensor(item["affine"])
        present = torch.tensor([phase not in item.get("missing", ()) for phase in PHASES])
        image[~present] = 0
        meta = {"original_affine": affine.clone(), "spatial_shape": list(image.shape[1:])}
        times_s = dict(zip(PHASES, (0.0, 35.0, 70.0, 180.0), strict=True))
        phases = {
            phase: {"source": f"{phase}.nii.gz", "time_s": times_s[phase], "evidence": {"rule": "file name"}}
            for phase, there in zip(PHASES, present.tolist(), strict=True)
            if there
        }
        study = {
            "case": item["case"],
            "phases": phases,
            "reference_phase": "portal_venous",
            "flags": [f"missing_phase:{phase}" for phase in item.get("missing", ())],
            "set_aside": [{"series": "series 9", "reason": "localiser"}],
        }
        return {"image": MetaTensor(image, affine=affine, meta=meta), "phase_mask": present, "study": study}


class FakeScaled(Transform):
    """Stands for JointScaled, with a known scale."""

    def __call__(self, data: dict) -> dict:
        return {**data, "image": data["image"] / 200.0, "scale": 200.0}


class BrightnessNetwork(torch.nn.Module):
    """Tumour is what is bright in the arterial phase; washed out means HCC; the curve is the slice's tumour mean."""

    def forward(self, image: torch.Tensor, phase_mask: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        arterial = image[:, 1:2]  # (B, 1, H, W)
        seg = (arterial - (LIVER[1] + TUMOUR_OF_CLASS[1][1]) / 2 / 200.0) * 20.0
        weight = torch.sigmoid(seg * 10).flatten(1)  # (B, H*W)
        curve = (image.flatten(2) * weight[:, None]).sum(-1) / (weight.sum(-1, keepdim=True) + 1e-6)  # (B, 4)
        washed_out = 6.0 * (0.9 - curve[:, 2])
        return {"seg": seg, "enhancement": curve, "class_logits": torch.stack([-washed_out, washed_out], 1)}


@pytest.fixture
def network() -> torch.nn.Module:
    return BrightnessNetwork()


@pytest.fixture
def make_preprocessing():
    def make(spacing_mm: float | None = None) -> Compose:
        steps = [FakeLoadd(), KeepNatived(), Orientationd(keys="image", axcodes="RAS", labels=None)]
        steps += [Spacingd(keys="image", pixdim=[spacing_mm, spacing_mm, -1])] if spacing_mm else []
        return Compose([*steps, FakeScaled(), DivisiblePadd(keys="image", k=[16, 16, 1])])

    return make


@pytest.fixture
def postprocessing() -> Compose:
    return Compose([AggregateStudyd(classes=CLASSES), ReturnToNatived(), MeasureLesionsd()])


@pytest.fixture
def make_item():
    """Datalist item of a study with the given lesions, as ``{label value: mask}``; by default one L-shaped HCC."""

    def make(
        case: str = "c01", lesions: dict[int, np.ndarray] | None = None, spacing_mm=(1.1, 1.4, 5.0), **more
    ) -> dict:
        lesions = {2: l_shape((48, 60, 9))} if lesions is None else lesions
        return {"case": case, "volumes": volumes(lesions), "affine": oblique_affine(spacing_mm), **more}

    return make
