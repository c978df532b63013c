"""Lesion kinetics: what a hemangioma or an HCC does with contrast, typical or not.

The ranges overlap on purpose.  Textbook constants would tell the classes apart from native T1 alone (AUC 0.99); here
T1, density, flow, volume and delay are drawn so that the four-point curve carries the class, mostly.  About one lesion
in five is atypical: flash-filling or sclerosed hemangioma, hypovascular HCC or HCC without washout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from .lesions import DEPTHS
from .tissues import Tissue

ATYPICAL_SHARE: Final = 0.2
ATYPICAL_KINDS: Final = {"hemangioma": ("flash_filling", "sclerosed"), "HCC": ("hypovascular", "no_washout")}
Range = tuple[float, float]


@dataclass(frozen=True)
class KineticRanges:
    """Uniform ranges of one kind of lesion.

    Args:
        t1_s, density: native T1 and proton density relative to liver.
        flow_per_s: plasma flow of the earliest enhancing part, drawn log-uniformly.
        centre_flow: flow of the latest part relative to the earliest.
        arterial_fraction, volume: dual-input model.
        centre_delay_s: delay of the latest part; the earliest has 2–4 s.
        nodular: weight of nodularity against depth in the pattern; mosaic: weight of texture.
        capsule_share: chance of a capsule that enhances late.
    """

    t1_s: Range
    density: Range
    flow_per_s: Range
    centre_flow: Range
    arterial_fraction: Range
    volume: Range
    centre_delay_s: Range
    nodular: Range
    mosaic: Range
    capsule_share: float


KINDS: Final[dict[str, dict[str, KineticRanges]]] = {
    "hemangioma": {
        "typical": KineticRanges(
            t1_s=(1.05, 1.75),
            density=(0.98, 1.26),
            flow_per_s=(0.01, 0.028),
            centre_flow=(0.1, 0.45),
            arterial_fraction=(0.9, 1.0),
            volume=(0.34, 0.58),
            centre_delay_s=(8.0, 36.0),
            nodular=(0.1, 0.3),
            mosaic=(0.0, 0.15),
            capsule_share=0.05,
        ),
        "flash_filling": KineticRanges(
            t1_s=(1.05, 1.75),
            density=(0.98, 1.26),
            flow_per_s=(0.018, 0.034),
            centre_flow=(0.7, 1.0),
            arterial_fraction=(0.92, 1.0),
            volume=(0.32, 0.52),
            centre_delay_s=(3.0, 6.0),
            nodular=(0.0, 0.2),
            mosaic=(0.0, 0.2),
            capsule_share=0.05,
        ),
        "sclerosed": KineticRanges(
            t1_s=(0.95, 1.45),
            density=(0.92, 1.15),
            flow_per_s=(0.003, 0.007),
            centre_flow=(0.3, 0.8),
            arterial_fraction=(0.75, 1.0),
            volume=(0.2, 0.36),
            centre_delay_s=(5.0, 20.0),
            nodular=(0.0, 0.3),
            mosaic=(0.05, 0.3),
            capsule_share=0.05,
        ),
    },
    "HCC": {
        "typical": KineticRanges(
            t1_s=(0.95, 1.55),
            density=(0.94, 1.2),
            flow_per_s=(0.013, 0.028),
            centre_flow=(0.55, 1.0),
            arterial_fraction=(0.82, 1.0),
            volume=(0.14, 0.25),
            centre_delay_s=(2.0, 8.0),
            nodular=(0.0, 0.2),
            mosaic=(0.1, 0.4),
            capsule_share=0.5,
        ),
        "hypovascular": KineticRanges(
            t1_s=(0.95, 1.55),
            density=(0.94, 1.2),
            flow_per_s=(0.004, 0.009),
            centre_flow=(0.5, 1.0),
            arterial_fraction=(0.55, 0.85),
            volume=(0.13, 0.23),
            centre_delay_s=(3.0, 10.0),
            nodular=(0.0, 0.2),
            mosaic=(0.1, 0.4),
            capsule_share=0.4,
        ),
        "no_washout": KineticRanges(
            t1_s=(0.95, 1.55),
            density=(0.94, 1.2),
            flow_per_s=(0.014, 0.028),
            centre_flow=(0.55, 1.0),
            arterial_fraction=(0.8, 1.0),
            volume=(0.26, 0.38),
            centre_delay_s=(2.0, 8.0),
            nodular=(0.0, 0.2),
            mosaic=(0.1, 0.4),
            capsule_share=0.2,
        ),
    },
}


@dataclass(frozen=True)
class LesionKinetics:
    """What one lesion does with contrast.

    Args:
        lesion_class, kind: class name and kind; ``kind != "typical"`` is atypical.
        tissues: `DEPTHS` tissues from the earliest to the latest enhancing part, then capsule, then core.
        nodular, mosaic: weights of nodularity and texture in the pattern.
        capsule_mm: thickness of the capsule, 0 = none.
    """

    lesion_class: str
    kind: str
    tissues: tuple[Tissue, ...]
    nodular: float
    mosaic: float
    capsule_mm: float

    def depth(self, radius: np.ndarray, nodularity: np.ndarray, texture: np.ndarray) -> np.ndarray:
        """Depth in [0, DEPTHS - 1] from `LesionShape.depth`: from the rim inward, perturbed by nodules and mosaic."""
        pattern = np.float32(self.nodular) * nodularity + np.float32(self.mosaic) * texture
        share = (1.0 - radius) * np.float32(1.15) + pattern
        return np.clip(share, 0, 1) * np.float32(DEPTHS - 1)


def draw_kind(rng: np.random.Generator, lesion_class: str) -> str:
    """``"typical"``, or in `ATYPICAL_SHARE` of lesions one of the atypical kinds of the class."""
    atypical = ATYPICAL_KINDS[lesion_class]
    choice = atypical[rng.integers(len(atypical))]
    return choice if rng.random() < ATYPICAL_SHARE else "typical"


def draw_kinetics(rng: np.random.Generator, lesion_class: str, kind: str) -> LesionKinetics:
    """Draw one lesion's kinetics.

    Args:
        rng: the patient's kinetics stream.
        lesion_class: ``"hemangioma"`` or ``"HCC"``.
        kind: one of the class's `KINDS`.

    Returns:
        Kinetics whose parameters are drawn from the kind's ranges.
    """
    ranges = KINDS[lesion_class][kind]
    t1, density = rng.uniform(*ranges.t1_s), rng.uniform(*ranges.density)
    r2star = rng.uniform(22.0, 42.0)
    flow = np.exp(rng.uniform(*np.log(ranges.flow_per_s)))
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
    nodular, mosaic = rng.uniform(*ranges.nodular), rng.uniform(*ranges.mosaic)
    thickness = rng.uniform(1.5, 3.0)
    has_capsule = rng.random() < ranges.capsule_share
    return LesionKinetics(lesion_class, kind, tuple(tissues), nodular, mosaic, thickness if has_capsule else 0.0)
