"""A small abdomen in world coordinates, without any symmetry: what breathes lies inside a wall that does not."""

from types import SimpleNamespace

import numpy as np
import pytest

from custom.data import Study, Volume
from custom.transforms.alignment.working_image import working_image
from custom.types import PHASES

SIGNALS = {  # wall, gut, liver, lung, vessel, lesion, kidney, spine
    "pre": (300, 100, 220, 20, 150, 160, 170, 120),
    "arterial": (310, 130, 300, 25, 700, 620, 600, 130),
    "portal_venous": (315, 160, 520, 25, 640, 430, 560, 140),
    "delayed": (315, 170, 460, 25, 520, 380, 540, 140),
}
LESION_MM, LESION_RADIUS_MM = np.array([62.0, 20.0, -6.0]), 16.0
SHAPE, AFFINE = (60, 48, 14), np.diag([-5.0, -5.0, 8.0, 1.0])
AFFINE[:3, 3] = [148.0, 117.0, -52.0]


def world(shape=SHAPE, affine=AFFINE) -> np.ndarray:
    """Coordinates of all voxels: ``(X, Y, Z, 3)`` RAS mm."""
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    return index @ affine[:3, :3].T + affine[:3, 3]


def shifted(shift_mm):
    """Where a voxel of the shifted body lies in the body at rest."""
    return lambda points: points - np.asarray(shift_mm)


def image(phase: str, place=lambda points: points, shape=SHAPE, affine=AFFINE, noise=4.0) -> np.ndarray:
    """One phase; ``place`` maps world coordinates to those of the body at rest, for what breathes."""
    points = world(shape, affine)
    rest = place(points)
    wall, gut, liver, lung, vessel, lesion, kidney, spine = SIGNALS[phase]
    picture = np.zeros(shape)

    def paint(distance_mm, value):
        nonlocal picture
        cover = np.clip(0.5 - distance_mm / 5.0, 0, 1)
        picture = picture + cover * (value - picture)

    paint(_ellipsoid(points, (0, 0, 0), (135, 105, 1e4)), wall)
    cavity = _ellipsoid(points, (0, 0, 0), (113, 83, 1e4))
    paint(cavity, gut)
    for centre, axes, value in (
        ((58, 4, -8), (52, 68, 58), liver),
        ((-45, 30, 6), (30, 24, 38), vessel),  # stands for spleen and stomach, another shape on the other side
        ((64, -52, -40), (22, 20, 34), kidney),
        ((84, -20, 22), (11, 9, 14), vessel),
        ((30, 34, -28), (9, 14, 10), gut),
        ((46, -18, 6), (30, 6, 7), vessel),
        ((74, 42, -30), (6, 18, 8), vessel),
    ):
        paint(np.maximum(_ellipsoid(rest, centre, axes), cavity), value)
    paint(np.maximum(_ellipsoid(rest, LESION_MM, (LESION_RADIUS_MM,) * 3), cavity), lesion)
    dome = 44 - rest[..., 2] - 0.004 * ((rest[..., 0] - 50) ** 2 + rest[..., 1] ** 2)
    paint(np.maximum(dome, cavity), lung)
    paint(_ellipsoid(points, (0, -75, 0), (24, 24, 1e4)), spine)
    rng = np.random.default_rng(list(SIGNALS).index(phase))
    return np.abs(picture + rng.normal(0, noise, shape)).astype(np.float32)


def lesion(shift_mm=(0, 0, 0), shape=SHAPE, affine=AFFINE) -> np.ndarray:
    """The lesion's mask during a shifted breath-hold: uint8."""
    inside = np.linalg.norm(world(shape, affine) - LESION_MM - np.asarray(shift_mm), axis=-1) < LESION_RADIUS_MM
    return inside.astype(np.uint8)


def _ellipsoid(points: np.ndarray, centre, axes) -> np.ndarray:
    """About the signed distance in mm, negative inside."""
    return (np.linalg.norm((points - np.array(centre)) / np.array(axes), axis=-1) - 1) * min(axes)


def study(shifts=None, phases=PHASES, grids=None, noise=4.0, **rest) -> Study:
    """Phases of the abdomen, each with its own shift and on its own grid where one is given."""
    shifts, grids = shifts or {}, grids or {}
    volumes = {}
    for phase in phases:
        shape, affine = grids.get(phase, (SHAPE, AFFINE))
        data = image(phase, shifted(shifts.get(phase, (0, 0, 0))), shape, affine, noise)
        volumes[phase] = Volume(data=data, affine=affine, source=f"{phase}.nii.gz")
    return Study(case="abdomen", phases=volumes, reference_phase="portal_venous", **rest)


def working(phase: str, place=lambda points: points, shape=SHAPE, affine=AFFINE, noise=4.0):
    """A phase as registration sees it."""
    return working_image(Volume(data=image(phase, place, shape, affine, noise), affine=affine, source=phase))


@pytest.fixture
def abdomen():
    """The functions of this file."""
    names = (image, lesion, shifted, study, working, world)
    constants = {"SHAPE": SHAPE, "AFFINE": AFFINE, "LESION_MM": LESION_MM}
    return SimpleNamespace(**{f.__name__: f for f in names}, **constants)
