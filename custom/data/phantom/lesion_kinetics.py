"""Lesion kinetics: what one lesion does with contrast, drawn from the ranges of its kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .lesion_kinds import ATYPICAL_KINDS, ATYPICAL_SHARE, KINDS, UNKNOWN_KINDS
from .lesions import DEPTHS
from .tissues import Tissue


@dataclass(frozen=True)
class LesionKinetics:
    """What one lesion does with contrast.

    Args:
        lesion_class: None for a kind that no class names.
        kind: one of the class's `KINDS`, or one of `UNKNOWN_KINDS`.
        tissues: `DEPTHS` tissues from the earliest to the latest enhancing part, then capsule, then core.
        nodular, mosaic: weights of nodularity and texture in the pattern.
        capsule_mm: thickness of the capsule, 0 = none.
    """

    lesion_class: str | None
    kind: str
    tissues: tuple[Tissue, ...]
    nodular: float
    mosaic: float
    capsule_mm: float

    @property
    def atypical(self) -> bool:
        """Of its class; a lesion of no class is not."""
        return self.lesion_class is not None and self.kind != "typical"

    def depth(self, radius: np.ndarray, nodularity: np.ndarray, texture: np.ndarray) -> np.ndarray:
        """Depth in [0, DEPTHS - 1] from `LesionShape.depth`: from the rim inward, perturbed by nodules and mosaic."""
        pattern = np.float32(self.nodular) * nodularity + np.float32(self.mosaic) * texture
        share = (1.0 - radius) * np.float32(1.15) + pattern
        return np.clip(share, 0, 1) * np.float32(DEPTHS - 1)


def draw_kind(rng: np.random.Generator, lesion_class: str) -> str:
    """``"typical"``, or in `ATYPICAL_SHARE` of lesions one of the atypical kinds of the class; of no class: itself."""
    if lesion_class in UNKNOWN_KINDS:
        return lesion_class
    atypical = ATYPICAL_KINDS[lesion_class]
    choice = atypical[rng.integers(len(atypical))]
    return choice if rng.random() < ATYPICAL_SHARE else "typical"


def draw_kinetics(rng: np.random.Generator, lesion_class: str, kind: str) -> LesionKinetics:
    """Draw one lesion's kinetics.

    Args:
        rng: the patient's kinetics stream.
        lesion_class: ``"hemangioma"`` or ``"HCC"``, or one of `UNKNOWN_KINDS`, which is its own kind.
        kind: one of the class's `KINDS`.

    Returns:
        Kinetics whose parameters are drawn from the kind's ranges.
    """
    ranges = UNKNOWN_KINDS[kind] if kind in UNKNOWN_KINDS else KINDS[lesion_class][kind]
    t1, density = rng.uniform(*ranges.t1_s), rng.uniform(*ranges.density)
    r2star = rng.uniform(22.0, 42.0)
    flow = np.exp(rng.uniform(*np.log(ranges.flow_per_s))) if ranges.flow_per_s[1] > 0 else 0.0
    centre_flow, fraction = rng.uniform(*ranges.centre_flow), rng.uniform(*ranges.arterial_fraction)
    volume, centre_delay = rng.uniform(*ranges.volume), rng.uniform(*ranges.centre_delay_s)
    edge_delay = rng.uniform(2.0, 4.0)
    flows = flow * centre_flow ** np.linspace(0, 1, DEPTHS)
    delays = np.linspace(edge_delay, centre_delay, DEPTHS)
    tissues = [
        Tissue(t1, density, r2star, float(f), fraction, volume, float(d)) for f, d in zip(flows, delays, strict=True)
    ]
    tissues.append(Tissue(t1 * 0.96, density, r2star, rng.uniform(0.002, 0.004), 1.0, rng.uniform(0.35, 0.5), 5.0))
    tissues.append(Tissue(t1 * 1.15, density, r2star, rng.uniform(0.0005, 0.002), 1.0, 0.2, 20.0))
    if not flow:
        tissues = tissues[:1] * len(tissues)
    nodular, mosaic = rng.uniform(*ranges.nodular), rng.uniform(*ranges.mosaic)
    thickness = rng.uniform(1.5, 3.0)
    has_capsule = rng.random() < ranges.capsule_share
    of_class = None if kind in UNKNOWN_KINDS else lesion_class
    return LesionKinetics(of_class, kind, tuple(tissues), nodular, mosaic, thickness if has_capsule else 0.0)
