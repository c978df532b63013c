"""Who lies in the scanner: anatomy, organs and lesions drawn from one seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...types import DEFAULT_CLASSES, PHASES, REFERENCE_PHASE, InputError
from .anatomy import Anatomy, draw_anatomy
from .grid import Grid, Pose
from .kinetics import Circulation
from .lesion_kinds import UNKNOWN_KINDS
from .lesion_kinetics import draw_kind, draw_kinetics
from .lesions import LesionShape, draw_shape, mask_voxels, place_shapes
from .presets import Preset
from .render import Lesion, sample_curves
from .tissues import Tissue, phase_signals, vary_organs

REFERENCE_INDEX = PHASES.index(REFERENCE_PHASE)
CONSPICUITY = 0.22
"""A lesion's mean signal differs from liver by at least this share in one phase, nearly always."""
REFERENCE_CONSPICUITY = 0.18
"""The same for the root mean square difference in the reference phase, whose breath-hold the mask belongs to."""
INCONSPICUOUS_SHARE = 0.02
"""Chance that a lesion which does not is kept all the same."""
SMALLEST_MASK_VOXELS = 6
TYPICAL_TIMES_S = (-30.0, 35.0, 70.0, 180.0)


@dataclass(frozen=True)
class Patient:
    """Anatomy, organs and lesions: what stays from one examination to the next."""

    anatomy: Anatomy
    organs: dict[str, Tissue]
    lesions: tuple[Lesion, ...]


def draw_lesion_classes(rng: np.random.Generator, main: str) -> tuple[str, ...]:
    """Classes of a patient's 1–3 lesions: 74 % one lesion, 21 % two and 5 % three of the class ``main``."""
    return (main,) * int(1 + rng.choice(3, p=(0.74, 0.21, 0.05)))


def draw_patient(
    seed: int, preset: Preset, lesions: Sequence[str] | None, kinds: Sequence[str] | None = None
) -> Patient:
    """Draw a patient from independent streams for anatomy, shapes and kinetics.

    Args:
        seed: the patient's seed.
        preset: size.
        lesions: class of each lesion, or each one of `UNKNOWN_KINDS`; empty = healthy; None draws a class and 1–3
            lesions of it.
        kinds: kind of each lesion; None draws them.

    Returns:
        The patient; shapes and places never depend on the classes.

    Raises:
        InputError: lesions that are neither, or of both sorts, which a mask cannot hold apart.
    """
    body, outline, contrast = (np.random.default_rng([seed, stream]) for stream in range(3))
    if lesions is None:
        lesions = draw_lesion_classes(contrast, DEFAULT_CLASSES[contrast.integers(len(DEFAULT_CLASSES))])
    _check_lesions(lesions)
    anatomy, organs, grid = draw_anatomy(body), vary_organs(body), Grid.of(preset)
    shapes = _draw_placed_shapes(outline, len(lesions), anatomy, grid, preset.diameter_mm)
    kinds = kinds or [draw_kind(contrast, name) for name in lesions]
    drawn = [
        _conspicuous_lesion(contrast, shape, organs["liver"], name, kind)
        for shape, name, kind in zip(shapes, lesions, kinds, strict=True)
    ]
    return Patient(anatomy, organs, tuple(drawn))


def _check_lesions(lesions: Sequence[str]) -> None:
    if not any(set(lesions) <= set(names) for names in (DEFAULT_CLASSES, UNKNOWN_KINDS)):
        raise InputError(
            found=f"lesions {', '.join(lesions)}",
            expected=f"all among {', '.join(DEFAULT_CLASSES)}, or all among {', '.join(UNKNOWN_KINDS)}",
            where="phantom lesions",
            remedy="Put them into studies of their own.",
        )


def _draw_placed_shapes(rng, count: int, anatomy: Anatomy, grid: Grid, limits_mm) -> list[LesionShape]:
    """``count`` shapes that found room in the liver and each show in the stored mask."""
    if not count:
        return []
    points = grid.coordinates(anatomy.warp, Pose())
    while True:
        shapes = place_shapes(rng, [draw_shape(rng, limits_mm) for _ in range(count)], anatomy, grid, points)
        if shapes and min(mask_voxels(shape, grid, points) for shape in shapes) >= SMALLEST_MASK_VOXELS:
            return shapes


def _conspicuous_lesion(rng, shape: LesionShape, liver: Tissue, name: str, kind: str) -> Lesion:
    """Draw kinetics of one kind until the lesion stands out from the liver at typical phase times; a few may not."""
    while True:
        lesion = Lesion(shape, draw_kinetics(rng, name, kind))
        signals = phase_signals([*lesion.kinetics.tissues, liver], np.array(TYPICAL_TIMES_S), Circulation())
        contrast = sample_curves(lesion, signals[:-1]) / signals[-1][:, None] - 1  # (P, N)
        in_reference = np.sqrt(np.mean(contrast[REFERENCE_INDEX] ** 2))
        visible = np.abs(contrast.mean(1)).max() >= CONSPICUITY and in_reference >= REFERENCE_CONSPICUITY
        if visible or rng.random() < INCONSPICUOUS_SHARE:
            return lesion
