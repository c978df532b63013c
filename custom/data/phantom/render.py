"""From shapes and signals to noise-free volumes: the painter's algorithm on thin slices, averaged to thick ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .anatomy import MARGIN_MM, Anatomy, Layer, moving_layers
from .grid import Grid, Pose
from .lesion_kinetics import LesionKinetics
from .lesions import DEPTHS, LesionShape


@dataclass(frozen=True)
class Lesion:
    """A lesion's shape and what it does with contrast."""

    shape: LesionShape
    kinetics: LesionKinetics


def paint(canvas: np.ndarray, layers: Iterable[Layer], signals: dict[str, np.ndarray]) -> np.ndarray:
    """Blend layers over a canvas in place.

    Args:
        canvas: ``(C, X, Y, Z)`` float32.
        layers: tissue, box and coverage; later ones over earlier ones.
        signals: ``(C,)`` per tissue.

    Returns:
        The coverage of the liver ``(X, Y, Z)`` (zeros without one), for the lesions to be cut off by.
    """
    liver = np.zeros(canvas.shape[1:], np.float32)
    for name, box, cover in layers:
        for channel, signal in zip(canvas, signals[name], strict=True):
            channel[box] += cover * (np.float32(signal) - channel[box])
        if name == "liver":
            liver[box] = cover
    return liver


def lesion_signal(kinetics: LesionKinetics, shape: LesionShape, depth: tuple, table: np.ndarray) -> np.ndarray:
    """Signal inside one lesion from its pattern.

    Args:
        kinetics, shape: the lesion.
        depth: radius, nodularity and texture of `LesionShape.depth`.
        table: ``(DEPTHS + 2, C)`` signals of `LesionKinetics.tissues`.

    Returns:
        ``(C, ...)``.
    """
    radius = depth[0]
    position = kinetics.depth(*depth)
    table = table.astype(np.float32)
    lower = np.minimum(position.astype(np.intp), DEPTHS - 2)
    part = position - lower
    capsule = np.zeros_like(radius)
    if kinetics.capsule_mm > 0:
        capsule = np.clip((radius - 1) * np.float32(0.5 * shape.diameter_mm / kinetics.capsule_mm) + 1.5, 0, 1)
    core = np.clip((shape.core - radius) * 8 + 0.5, 0, 1) if shape.core > 0 else np.zeros_like(radius)
    channels = []
    for column in table.T:
        signal = column[lower] * (1 - part) + column[lower + 1] * part
        signal += capsule * (column[DEPTHS] - signal)
        signal += core * (column[DEPTHS + 1] - signal)
        channels.append(signal)
    return np.stack(channels)


def sample_curves(lesion: Lesion, table: np.ndarray, samples: int = 15) -> np.ndarray:
    """A lesion's signal on a lattice of points inside it, without rendering it.

    Args:
        table: ``(DEPTHS + 2, C)`` signals of `LesionKinetics.tissues`.
        samples: lattice points per axis across the lesion's box.

    Returns:
        ``(C, N)``.
    """
    lower, upper = lesion.shape.bounds()
    axes = [np.linspace(a, b, samples, dtype=np.float32) for a, b in zip(lower, upper, strict=True)]
    depth = lesion.shape.depth(*np.meshgrid(*axes, indexing="ij"))
    return lesion_signal(lesion.kinetics, lesion.shape, depth, table)[:, depth[0] < 1]


def render_pose(
    *,
    grid: Grid,
    anatomy: Anatomy,
    static: list[Layer],
    lesions: list[Lesion],
    pose: Pose,
    signals: dict[str, np.ndarray],
    lesion_tables: list[np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One breath-hold, in one or several phases' signals.

    Args:
        static: layers that do not move (`static_layers`).
        signals: ``(C,)`` per organ; lesion_tables: ``(DEPTHS + 2, C)`` per lesion.

    Returns:
        Noise-free image ``(C, X, Y, Z)``, coverage of each lesion ``(L, X, Y, Z)`` and of liver ``(X, Y, Z)``.
    """
    count = len(next(iter(signals.values())))
    canvas = np.zeros((count, *grid.shape), np.float32)
    covers = np.zeros((len(lesions), *grid.shape), np.float32)
    points = grid.coordinates(anatomy.warp, pose)
    paint(canvas, static, signals)
    liver = paint(canvas, moving_layers(anatomy, grid, pose, points), signals)
    for lesion, table, cover in zip(lesions, lesion_tables, covers, strict=True):
        box = grid.box(lesion.shape.bounds(), MARGIN_MM, pose)
        depth = lesion.shape.depth(*(p[box] for p in points))
        cover[box] = lesion.shape.coverage(depth[0], grid.edge_mm) * liver[box]
        signal = lesion_signal(lesion.kinetics, lesion.shape, depth, table)
        canvas[(slice(None), *box)] += cover[box] * (signal - canvas[(slice(None), *box)])
    return grid.thick(canvas), grid.thick(covers), grid.thick(liver)
