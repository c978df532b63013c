"""What the images say, whatever the phases are called: how bright blood and liver are in each volume.

Blood is what changes most from volume to volume and is brightest at its best (aorta, spleen, renal cortex, veins);
arteries are the part of it that is at its best first. Liver is the bulk of what changes and is bright throughout.
Everything is relative to the body's median in the same volume, so that neither scaling nor the receiver's gain matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..budget import MemoryBudget
from ..geometry import slice_normal
from .pixels import read_slices
from .records import Frame, TimePoint

MOST_SLICES = 12
BLOCK_MM = 7.0
"""Pixels are averaged to blocks of this size: finer than vessels, coarser than noise and most of the breath's shift."""
SAME_PLACE_MM = 4.0
BODY = 0.2  # of the 99th percentile
TISSUE = 0.6  # of the body's median, in every volume: leaves out air, lung and what the breath moves into their place
FEWEST_BLOCKS = 100
ARTERIES = 0.15
"""Share of the blood that is at its best no later than where this share of it has been."""


@dataclass(frozen=True, eq=False)
class Curves:
    """Signal over the body's median in each of N volumes, in the order of time; NaN where a volume was not compared.

    Args:
        blood, arteries, liver: ``(N,)``.
    """

    blood: np.ndarray
    arteries: np.ndarray
    liver: np.ndarray

    def blood_to_liver(self, phase: str) -> np.ndarray:
        """What tells a phase: blood over liver ``(N,)``, of the arteries for the arterial phase."""
        return (self.arteries if phase == "arterial" else self.blood) / self.liver


def blood_and_liver(volumes: Sequence[TimePoint], groups: np.ndarray, budget: MemoryBudget) -> Curves | None:
    """Curves of the largest group of volumes that lie in one place; ``None`` when there is nothing to compare.

    Args:
        volumes: N candidates.
        groups: ``(N,)`` volumes of equal geometry and sequence share a number.
        budget: memory; the blocks are small.
    """
    usable = [k for k, volume in enumerate(volumes) if volume.fault is None]
    if len(usable) < 2:
        return None
    largest = np.bincount(groups[usable]).argmax()
    members = [k for k in usable if groups[k] == largest]
    members = [k for k in members if _distance_mm(volumes[k], volumes[members[0]]) < SAME_PLACE_MM]
    if len(members) < 2:
        return None
    curves = _curves(_blocks([volumes[k] for k in members], budget))
    if curves is None:
        return None
    known = np.full((3, len(volumes)), np.nan)
    known[:, members] = curves
    return Curves(*known)


def _distance_mm(volume: TimePoint, other: TimePoint) -> float:
    """How far the corners of two stacks are apart, in plane."""
    frame, first = volume.frames[0], other.frames[0]
    offset = np.subtract(frame.position_mm, first.position_mm)
    normal = slice_normal(first.row_cosine, first.column_cosine)
    return float(np.linalg.norm(offset - (offset @ normal) * normal))


def _blocks(volumes: list[TimePoint], budget: MemoryBudget) -> np.ndarray:
    """Block means at the same places of all volumes, ``(N, V)``."""
    first = volumes[0].frames
    chosen = np.unique(np.linspace(0, len(first) - 1, min(MOST_SLICES, len(first))).round().astype(int))
    normal = slice_normal(first[0].row_cosine, first[0].column_cosine)
    heights = np.array([first[k].position_mm for k in chosen]) @ normal
    frames: list[Frame] = []
    for volume in volumes:
        own = np.array([frame.position_mm for frame in volume.frames]) @ normal
        frames += [volume.frames[np.abs(own - height).argmin()] for height in heights]
    size = [max(1, round(BLOCK_MM / spacing)) for spacing in first[0].spacing_mm]
    blocks: list[np.ndarray | None] = [None] * len(frames)
    for k, values in read_slices(frames, budget=budget, where=volumes[0].source):
        rows, columns = (n // s for n, s in zip(values.shape, size, strict=True))
        cut = values[: rows * size[0], : columns * size[1]]
        blocks[k] = cut.reshape(rows, size[0], columns, size[1]).mean((1, 3)).ravel()
    return np.stack(blocks).reshape(len(volumes), -1)


def _curves(blocks: np.ndarray) -> np.ndarray | None:
    """Blood, arteries and liver ``(3, N)`` of block means ``(N, V)``."""
    mean = blocks.mean(0)
    body = blocks[:, mean > BODY * np.quantile(mean, 0.99)]
    if body.shape[1] < FEWEST_BLOCKS:
        return None
    relative = body / np.maximum(np.median(body, axis=1, keepdims=True), 1e-6)
    relative = relative[:, relative.min(0) >= TISSUE]
    if relative.shape[1] < FEWEST_BLOCKS:
        return None
    change, least = np.ptp(relative, axis=0), relative.min(0)
    bloodlike = change * relative.max(0) ** 2  # what a breath moves changes, too, but is never as bright
    blood = bloodlike >= np.quantile(bloodlike, 0.97)
    bulk = (change >= np.quantile(change, 0.6)) & (change < np.quantile(change, 0.95)) & ~blood
    if not bulk.any():  # an image of a few flat levels
        return None
    liver = bulk & (least >= np.quantile(least[bulk], 0.6))
    peak = relative[:, blood].argmax(0)
    arteries = np.flatnonzero(blood)[peak <= np.quantile(peak, ARTERIES)]
    medians = [np.median(relative[:, chosen], axis=1) for chosen in (blood, arteries)]
    return np.stack([*medians, relative[:, liver].mean(1)])
