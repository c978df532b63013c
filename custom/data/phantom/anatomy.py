"""Procedural anatomy of the upper abdomen: what lies where in one patient, and which share of a voxel it covers.

The frame is RAS mm with its origin in the middle of the slab.  Body wall, spine and aorta stand still; liver, spleen,
kidneys, stomach, bowel, lung bases and their vessels move with the breath and are cut off by the abdominal cavity's
wall, as sliding organs are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .geometry import Ellipsoid, SmoothField, Tube, coverage, smooth_union
from .grid import Grid, Pose

BODY_SEMI_MM = (148.0, 106.0)
RIGHT_LOBE = Ellipsoid((70.0, -4.0, -4.0), (60.0, 76.0, 82.0))
LEFT_LOBE = Ellipsoid((2.0, 42.0, 16.0), (62.0, 32.0, 40.0))
LOBE_BLEND_MM = 18.0
MARGIN_MM = 14.0
"""How far the anatomical warp and the smooth deformation may carry an organ out of its nominal box."""

Layer = tuple[str, tuple[slice, ...], np.ndarray]
"""Tissue name, box of the grid, coverage in that box; painted in order, later ones over earlier ones."""


@dataclass(frozen=True)
class Anatomy:
    """One patient's shapes, all in RAS mm.

    Args:
        fat_mm, wall_mm: thickness of subcutaneous fat and of the abdominal wall.
        organs: ``(tissue, ellipsoid)`` in painting order below the liver.
        lobes: the liver's two ellipsoids.
        gallbladder: beneath the liver.
        vessels: ``(tissue, tube)`` in and near the liver.
        aorta: stands still.
        diaphragm_mm: height at which the lung bases begin.
        warp: displacement field that makes every organ irregular.
    """

    body_semi_mm: tuple[float, float]
    fat_mm: float
    wall_mm: float
    organs: tuple[tuple[str, Ellipsoid], ...]
    lobes: tuple[Ellipsoid, Ellipsoid]
    gallbladder: Ellipsoid
    vessels: tuple[tuple[str, Tube], ...]
    aorta: Tube
    diaphragm_mm: float
    warp: SmoothField

    def liver_distance(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Signed distance to the liver's surface, mm, negative inside."""
        return smooth_union(self.lobes[0].distance(x, y, z), self.lobes[1].distance(x, y, z), LOBE_BLEND_MM)

    def liver_bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Corners of the liver's nominal box, mm."""
        corners = [lobe.bounds() for lobe in self.lobes]
        return np.min([c[0] for c in corners], 0), np.max([c[1] for c in corners], 0)

    def cavity_semi_mm(self) -> tuple[float, float]:
        """Half axes of the abdominal cavity."""
        wall = self.fat_mm + self.wall_mm
        return self.body_semi_mm[0] - wall, self.body_semi_mm[1] - wall


def draw_anatomy(rng: np.random.Generator) -> Anatomy:
    """Draw one patient.

    Args:
        rng: the patient's anatomy stream; it never knows the lesion classes.

    Returns:
        Shapes whose sizes and places vary by some 5–10 % around an average adult's.
    """
    scale = rng.uniform(0.90, 1.03)

    def ellipsoid(centre, semi, jitter_mm=5.0) -> Ellipsoid:
        centre = np.array(centre) * scale + rng.normal(0, jitter_mm, 3)
        return Ellipsoid(tuple(centre), tuple(np.array(semi) * scale * rng.uniform(0.9, 1.1, 3)))

    organs = [
        ("kidney_cortex", ellipsoid((58, -58, -62), (27, 30, 55))),
        ("kidney_cortex", ellipsoid((-58, -58, -52), (27, 30, 55))),
    ]
    organs += [("kidney_medulla", Ellipsoid(o.centre_mm, tuple(0.6 * s for s in o.semi_mm))) for _, o in organs]
    organs.append(("spleen", ellipsoid((-92, -40, 12), (26, 44, 50))))
    organs.append(("bowel", ellipsoid((-62, 34, 12), (38, 28, 36))))  # stomach wall
    organs.append(("fluid", Ellipsoid(organs[-1][1].centre_mm, tuple(s - 5.0 for s in organs[-1][1].semi_mm))))
    for _ in range(7):  # bowel loops below the liver and the stomach
        place = (rng.uniform(-85, 60), rng.uniform(-5, 60), rng.uniform(-75, -30))
        organs.append(("bowel", ellipsoid(place, rng.uniform(12, 24, 3), 0.0)))
    return Anatomy(
        body_semi_mm=(BODY_SEMI_MM[0] * scale, BODY_SEMI_MM[1] * scale),
        fat_mm=rng.uniform(7, 16),
        wall_mm=rng.uniform(8, 12),
        organs=tuple(organs),
        lobes=(
            ellipsoid(RIGHT_LOBE.centre_mm, RIGHT_LOBE.semi_mm),
            ellipsoid(LEFT_LOBE.centre_mm, LEFT_LOBE.semi_mm),
        ),
        gallbladder=ellipsoid((38, 40, -46), (13, 17, 26)),
        vessels=_draw_vessels(rng, scale),
        aorta=Tube((-8.0, -34.0, -120.0), (-6.0, -38.0, 120.0), rng.uniform(9, 11), rng.uniform(10, 12)),
        diaphragm_mm=rng.uniform(38, 58),
        warp=SmoothField.draw(rng, components=3, sd=5.0, spacing_mm=55.0, half_mm=(170, 130, 100)),
    )


def _draw_vessels(rng: np.random.Generator, scale: float) -> tuple[tuple[str, Tube], ...]:
    """Vena cava, hepatic veins and a portal tree of two generations."""

    def point(x, y, z, jitter_mm=5.0) -> tuple[float, float, float]:
        return tuple(np.array([x, y, z]) * scale + rng.normal(0, jitter_mm, 3))

    cava, dome = point(24, -26, 55, 2.0), point(24, -24, 110, 2.0)
    vessels = [
        ("vena_cava", Tube(point(24, -30, -120, 2.0), cava, 11.0, 11.0)),
        ("vena_cava", Tube(cava, dome, 11.0, 10.0)),
    ]
    for x, y, z in ((100, -10, 8), (62, 40, 10), (5, 42, 20)):  # right, middle, left hepatic vein
        vessels.append(("vena_cava", Tube(cava, point(x, y, z, 8.0), rng.uniform(4.5, 6), 1.8)))
    hilum, right = point(34, 0, -10), point(62, 0, -6)
    vessels.append(("portal_vein", Tube(point(-2, -6, -42), hilum, 7.0, 6.5)))
    vessels.append(("portal_vein", Tube(hilum, right, 6.5, 5.5)))
    vessels.append(("portal_vein", Tube(hilum, point(6, 32, 10), 5.0, 3.5)))
    for x, y, z in ((98, 34, 4), (104, -36, 0), (84, 26, 40), (80, -44, -42), (92, 10, -50)):
        middle = np.array(point(x, y, z, 8.0))
        vessels.append(("portal_vein", Tube(right, tuple(middle), 4.2, 2.0)))
    return tuple(vessels)


def static_layers(anatomy: Anatomy, grid: Grid) -> Iterator[Layer]:
    """What does not move with the breath, in painting order; together they fill the body."""
    x, y = grid.axes_mm[0][:, None, None], grid.axes_mm[1][None, :, None]
    everywhere, width = (slice(None),) * 3, grid.edge_mm
    (a, b), wall, fat = anatomy.body_semi_mm, anatomy.wall_mm, anatomy.fat_mm
    for name, depth in (("fat", 0.0), ("muscle", fat), ("visceral_fat", fat + wall)):
        radius = (np.abs(x / (a - depth)) ** 2.4 + np.abs(y / (b - depth)) ** 2.4) ** (1 / 2.4)  # (X, Y, 1)
        yield name, everywhere, coverage((radius - 1) * min(a - depth, b - depth), width)
    back = [("muscle", 34.0, -72.0, 24.0), ("muscle", -34.0, -72.0, 24.0), ("marrow", 0.0, -58.0, 20.0)]
    for name, cx, cy, radius in [*back, ("fluid", 0.0, -84.0, 8.0)]:
        inside = coverage(np.hypot(x - cx, (y - cy) * 1.15) - radius, width)
        yield name, everywhere, inside * coverage((np.abs(y) - (b - fat)), width)


def moving_layers(anatomy: Anatomy, grid: Grid, pose: Pose, coordinates: np.ndarray) -> Iterator[Layer]:
    """What moves with the breath, in painting order, cut off by the cavity's wall.

    Args:
        coordinates: ``(3, X, Y, Z)`` where each voxel lies in the patient's undeformed body (see `Grid.coordinates`).
    """
    a, b = anatomy.cavity_semi_mm()
    x, y = grid.axes_mm[0][:, None, None], grid.axes_mm[1][None, :, None]
    radius = (np.abs(x / a) ** 2.4 + np.abs(y / b) ** 2.4) ** (1 / 2.4)
    cavity = coverage((radius - 1) * min(a, b), grid.edge_mm)  # (X, Y, 1)
    spine = coverage(26.0 - np.hypot(x, y + 66.0), grid.edge_mm)
    room = cavity * spine
    px, py, pz = coordinates
    lung = coverage(anatomy.diaphragm_mm - pz - (px * px * 0.0012 + py * py * 0.0016), grid.edge_mm)
    yield "lung", (slice(None),) * 3, lung * room
    box = grid.box(anatomy.aorta.bounds(), grid.edge_mm)  # stands still, but in front of the lung bases
    z = grid.axes_mm[2][None, None, :]
    yield "aorta", box, coverage(anatomy.aorta.distance(x[box[0]], y[:, box[1]], z[..., box[2]]), grid.edge_mm)
    for name, organ in anatomy.organs:
        box = grid.box(organ.bounds(), MARGIN_MM, pose)
        yield name, box, coverage(organ.distance(px[box], py[box], pz[box]), grid.edge_mm) * room[box[:2]]
    box = grid.box(anatomy.liver_bounds(), MARGIN_MM, pose)
    liver = coverage(anatomy.liver_distance(px[box], py[box], pz[box]), grid.edge_mm) * room[box[:2]]
    yield "liver", box, liver
    gallbladder = anatomy.gallbladder
    box = grid.box(gallbladder.bounds(), MARGIN_MM, pose)
    yield "fluid", box, coverage(gallbladder.distance(px[box], py[box], pz[box]), grid.edge_mm) * room[box[:2]]
    for name, tube in [*anatomy.vessels[2:], *anatomy.vessels[:2]]:
        box = grid.box(tube.bounds(), MARGIN_MM, pose)
        yield name, box, coverage(tube.distance(px[box], py[box], pz[box]), grid.edge_mm) * room[box[:2]]
