"""Kinds of lesions, each by the ranges that its kinetics are drawn from: typical of a class, atypical, or of no class.

The classes' ranges overlap on purpose. Textbook constants would tell them apart from native T1 alone (AUC 0.99); here
T1, density, flow, volume and delay are drawn so that the four-point curve carries the class, mostly. About one lesion
in five is atypical: flash-filling or sclerosed hemangioma, hypovascular HCC or HCC without washout.

The kinds that no class names are for asking a trained network about what it never saw:

- cyst: takes up nothing, dark before contrast and ever after. T1 3793 ms before and 3671 ms after gadoxetate
  (doi:10.1016/j.ejro.2020.100312).
- metastasis: a closed ring that enhances in the arterial phase and then washes out, around a centre that hardly
  enhances and fills late. T1 1757 +- 723 ms (the same source); a smaller distribution volume and a longer transit than
  HCC, more arterial than portal flow (colorectal; PubMed 18666145); washout of the periphery: Radiology 1994;190:49.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ATYPICAL_SHARE: Final = 0.2
ATYPICAL_KINDS: Final = {"hemangioma": ("flash_filling", "sclerosed"), "HCC": ("hypovascular", "no_washout")}
Range = tuple[float, float]


@dataclass(frozen=True)
class KineticRanges:
    """Uniform ranges of one kind of lesion.

    Args:
        t1_s, density: native T1 and proton density relative to liver.
        flow_per_s: plasma flow of the earliest enhancing part, drawn log-uniformly; 0 = takes up nothing anywhere.
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


UNKNOWN_KINDS: Final[dict[str, KineticRanges]] = {
    "cyst": KineticRanges(
        t1_s=(3.4, 4.2),
        density=(1.1, 1.25),
        flow_per_s=(0.0, 0.0),
        centre_flow=(1.0, 1.0),
        arterial_fraction=(1.0, 1.0),
        volume=(0.2, 0.2),
        centre_delay_s=(4.0, 4.0),
        nodular=(0.0, 0.0),
        mosaic=(0.0, 0.0),
        capsule_share=0.0,
    ),
    "metastasis": KineticRanges(
        t1_s=(1.2, 2.2),
        density=(0.98, 1.2),
        flow_per_s=(0.012, 0.026),
        centre_flow=(0.03, 0.1),
        arterial_fraction=(0.85, 1.0),
        volume=(0.12, 0.22),
        centre_delay_s=(6.0, 20.0),
        nodular=(0.0, 0.05),
        mosaic=(0.0, 0.1),
        capsule_share=0.0,
    ),
}
"""Kinds that no class names; in data sets of their own only (preset ``unknown``)."""
