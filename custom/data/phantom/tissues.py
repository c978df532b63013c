"""Tissues: their MR properties and perfusion, and the signal of each at the four phases.

T1 at 3 T: liver 812 ms (Stanisz, Magn Reson Med 2005;54:507) and 750–950 across cohorts; spleen 1330, kidney
1140/1550 ms (de Bazelaire, Radiology 2004;230:652); blood 1650 ms (Lu, Magn Reson Med 2004;52:679); muscle 1410 ms
(Stanisz 2005).
Perfusion values are typical of dual-input studies of the liver, and rounded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from .kinetics import (
    HEMATOCRIT,
    Circulation,
    blood_inputs,
    delayed,
    dual_input_concentration,
    spgr_signal,
)


@dataclass(frozen=True)
class Tissue:
    """Native MR properties and perfusion; ``flow_per_s`` 0 = takes up nothing, ``blood`` = a vessel's lumen.

    Args:
        t1_s, density, r2star_per_s: T1, proton density relative to liver, R2*.
        flow_per_s, arterial_fraction, volume, arterial_delay_s: dual-input one-compartment model.
        blood: ``"arterial"``, ``"portal"`` or ``"venous"`` for vessels, else None.
    """

    t1_s: float
    density: float = 1.0
    r2star_per_s: float = 40.0
    flow_per_s: float = 0.0
    arterial_fraction: float = 1.0
    volume: float = 0.2
    arterial_delay_s: float = 2.0
    blood: str | None = None


HEPATIC_VENOUS_DELAY_S: Final = 12.0

ORGANS: Final[dict[str, Tissue]] = {
    "liver": Tissue(0.81, 1.0, 1 / 0.022, 0.010, 0.20, 0.25),
    "spleen": Tissue(1.33, 1.0, 1 / 0.030, 0.020, 1.0, 0.30),
    "kidney_cortex": Tissue(1.14, 1.0, 1 / 0.030, 0.030, 1.0, 0.35),
    "kidney_medulla": Tissue(1.55, 1.0, 1 / 0.030, 0.008, 1.0, 0.45, 10.0),
    "aorta": Tissue(1.65, 1.0, 1 / 0.040, blood="arterial"),
    "portal_vein": Tissue(1.65, 1.0, 1 / 0.040, blood="portal"),
    "vena_cava": Tissue(1.65, 1.0, 1 / 0.040, blood="venous"),
    "muscle": Tissue(1.41, 0.9, 1 / 0.030, 0.0012, 1.0, 0.12, 6.0),
    "bowel": Tissue(1.25, 0.8, 1 / 0.030, 0.006, 1.0, 0.25, 5.0),
    "fat": Tissue(0.38, 0.16, 1 / 0.030),  # low: the examination is fat-suppressed
    "visceral_fat": Tissue(0.38, 0.22, 1 / 0.030),
    "marrow": Tissue(0.75, 0.45, 1 / 0.010, 0.0015, 1.0, 0.15, 5.0),
    "fluid": Tissue(3.2, 1.1, 1 / 0.200),
    "lung": Tissue(1.2, 0.10, 1 / 0.003),
}


def vary_organs(rng: np.random.Generator) -> dict[str, Tissue]:
    """One patient's organs: T1, density and perfusion vary as between healthy and cirrhotic livers.

    Args:
        rng: the patient's anatomy stream; it never knows the lesion classes.

    Returns:
        A table like `ORGANS`.
    """
    organs = {}
    for name, tissue in ORGANS.items():
        organs[name] = replace(
            tissue,
            t1_s=tissue.t1_s * rng.uniform(0.94, 1.06),
            density=tissue.density * rng.uniform(0.95, 1.05),
            flow_per_s=tissue.flow_per_s * np.exp(rng.normal(0, 0.15)),
        )
    organs["liver"] = replace(
        organs["liver"],
        t1_s=rng.uniform(0.75, 0.95),
        density=1.0,
        arterial_fraction=rng.uniform(0.12, 0.32),
        volume=rng.uniform(0.22, 0.30),
    )
    return organs


def phase_signals(tissues: list[Tissue], times_s: np.ndarray, circulation: Circulation) -> np.ndarray:
    """Noise-free signal of each tissue at each phase.

    Args:
        tissues: N tissues.
        times_s: ``(P,)`` seconds after the start of injection; negative = before it.
        circulation: the patient's contrast arrival.

    Returns:
        ``(N, P)``, the unit of `spgr_signal`.
    """
    times = np.asarray(times_s, dtype=float)
    grid_s, arterial, portal = blood_inputs(circulation, max(float(times.max()), 1.0))
    perfused = [t for t in tissues if t.blood is None and t.flow_per_s > 0]
    curves = np.zeros((len(tissues), len(grid_s)))  # (N, T) mM
    if perfused:
        curves[[t.blood is None and t.flow_per_s > 0 for t in tissues]] = dual_input_concentration(
            arterial,
            portal,
            flow_per_s=np.array([t.flow_per_s for t in perfused]),
            arterial_fraction=np.array([t.arterial_fraction for t in perfused]),
            volume=np.array([t.volume for t in perfused]),
            arterial_delay_s=np.array([t.arterial_delay_s for t in perfused]),
        )
    vessels = {"arterial": arterial, "portal": portal, "venous": delayed(portal, HEPATIC_VENOUS_DELAY_S)[0]}
    for row, tissue in enumerate(tissues):
        if tissue.blood is not None:
            curves[row] = vessels[tissue.blood] * (1 - HEMATOCRIT)
    at_phase = np.stack([np.interp(times, grid_s, curve, left=0.0) for curve in curves])  # (N, P)
    native = {n: np.array([getattr(t, n) for t in tissues])[:, None] for n in ("t1_s", "density", "r2star_per_s")}
    return spgr_signal(at_phase, **native)  # (N, P)
