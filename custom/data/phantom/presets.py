"""Sizes of the phantom: the grid of a study and the make-up of a data set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ...types import InputError


@dataclass(frozen=True)
class Preset:
    """One size of the phantom.

    Args:
        shape: voxels ``(X, Y, Z)``.
        spacing_mm: voxel size along the same axes; X and Y in-plane, Z through-plane.
        sub_slices: thin slices that are rendered and averaged for each thick one (partial volume).
        counts: studies of each section, by lesion class, kind that no class names, and ``"healthy"``.
        folds: number of cross-validation folds among the training studies; 0 = none.
        follow_up: share of patients with a second examination, which lies in the same section.
        mixed: share of studies with lesions of two classes.
        diameter_mm: smallest and largest lesion.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    sub_slices: int
    counts: dict[str, dict[str, int]]
    folds: int = 0
    follow_up: float = 0.0
    mixed: float = 0.0
    diameter_mm: tuple[float, float] = (8.0, 60.0)


DEMO: Final = Preset(
    shape=(128, 128, 16),
    spacing_mm=(2.5, 2.5, 8.0),
    sub_slices=2,
    counts={
        "training": {"hemangioma": 116, "HCC": 116, "healthy": 24},
        "validation": {"hemangioma": 15, "HCC": 15, "healthy": 2},
        "test": {"hemangioma": 30, "HCC": 30, "healthy": 20},
    },
    follow_up=0.06,
    mixed=0.04,
)

PRESETS: Final[dict[str, Preset]] = {
    "demo": DEMO,
    "paper": Preset(
        shape=(256, 256, 28),
        spacing_mm=(1.5, 1.5, 5.0),
        sub_slices=2,
        counts={"training": {"hemangioma": 100, "HCC": 138}},
        folds=5,
    ),
    "fine": replace(  # the paper's grid for the shipped weights, with healthy studies and a test section
        DEMO,
        shape=(256, 256, 28),
        spacing_mm=(1.5, 1.5, 5.0),
        counts={
            "training": {"hemangioma": 182, "HCC": 182, "healthy": 36},
            "validation": {"hemangioma": 11, "HCC": 11, "healthy": 2},
            "test": {"hemangioma": 30, "HCC": 30, "healthy": 20},
        },
    ),
    "tiny": Preset(  # for tests of the code around the phantom, not for training
        shape=(48, 48, 8),
        spacing_mm=(7.0, 7.0, 16.0),
        sub_slices=2,
        counts={
            "training": {"hemangioma": 3, "HCC": 3},
            "validation": {"hemangioma": 1, "HCC": 1},
            "test": {"hemangioma": 1, "HCC": 1, "healthy": 1},
        },
        diameter_mm=(30.0, 60.0),
    ),
    "unknown": replace(  # to ask networks of the classes about kinds that they never saw, beside those that they did
        DEMO,
        counts={"test": {"hemangioma": 20, "HCC": 20, "cyst": 20, "metastasis": 20}},
        follow_up=0.0,
        mixed=0.0,
    ),
}


def get_preset(name: str) -> Preset:
    """The preset called ``name``, or an `InputError` that lists those there are."""
    if name not in PRESETS:
        raise InputError(
            found=repr(name),
            expected=f"one of {', '.join(PRESETS)}",
            where="phantom preset",
            remedy="Choose one of the presets.",
        )
    return PRESETS[name]
