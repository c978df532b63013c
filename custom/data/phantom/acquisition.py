"""One examination: phase times, breath-holds, receive bias, noise and gain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...types import PHASES, REFERENCE_PHASE
from .geometry import SmoothField
from .grid import Grid, Pose
from .kinetics import Circulation
from .sites import Site

BIAS_AMPLITUDE = 0.25
SHIFT_SD_MM = (1.0, 2.0, 5.0)
"""Left–right, anterior–posterior, cranio-caudal."""
SHIFT_LIMIT_MM = (4.0, 6.0, 15.0)


@dataclass(frozen=True)
class Acquisition:
    """How one examination was made.

    Args:
        times_s: ``(P,)`` after the start of injection; the pre-contrast phase is before it (negative).
        circulation: contrast arrival and dose.
        poses: one per phase; the reference phase's is at rest.
        bias: log receive field, one for all phases.
        snr: pre-contrast liver signal over the standard deviation of the noise.
        gain: raw units per signal unit.
    """

    times_s: tuple[float, ...]
    circulation: Circulation
    poses: tuple[Pose, ...]
    bias: SmoothField
    snr: float
    gain: float

    def receive_field(self, grid: Grid) -> np.ndarray:
        """Multiplicative receive bias ``(X, Y, Z)`` of the stored grid, within 1 +- `BIAS_AMPLITUDE`."""
        x, y, z = grid.axes_mm
        field = self.bias.on_grid((x, y, z.reshape(-1, grid.sub_slices).mean(1)))[0]
        return 1 + np.float32(BIAS_AMPLITUDE) * np.tanh(field)


def draw_acquisition(rng: np.random.Generator, site: Site | None = None) -> Acquisition:
    """Draw one examination.

    Args:
        rng: the examination's stream; it never knows the lesion classes.
        site: where it is made; None: anywhere.

    Returns:
        Motion and bias within the ranges above; times, SNR and gain within the site's.
    """
    site = site or Site()
    before = rng.uniform(25, 60)
    after = [rng.uniform(*span) for span in (site.arterial_s, site.portal_venous_s, site.delayed_s)]
    times = (-before, *after)
    circulation = Circulation(
        arrival_s=float(np.clip(rng.normal(17.0, 2.0), 12.0, 22.0)),
        dose=float(np.clip(np.exp(rng.normal(0, 0.12)), 0.75, 1.3)),
        portal_delay_s=rng.uniform(8.0, 12.0),
        gut_transit_s=rng.uniform(10.0, 14.0),
    )
    poses = []
    for phase in PHASES:
        pose = draw_pose(rng)
        poses.append(Pose() if phase == REFERENCE_PHASE else pose)
    return Acquisition(
        times_s=tuple(float(t) for t in times),
        circulation=circulation,
        poses=tuple(poses),
        bias=SmoothField.draw(rng, components=1, sd=0.7, spacing_mm=140.0, half_mm=(200, 160, 110)),
        snr=float(rng.uniform(*site.snr)),
        gain=float(np.exp(rng.uniform(*np.log(site.gain)))),
    )


def draw_pose(rng: np.random.Generator) -> Pose:
    """Where one breath-hold puts the organs."""
    shift = np.clip(rng.normal(0, SHIFT_SD_MM), np.negative(SHIFT_LIMIT_MM), SHIFT_LIMIT_MM)
    deformation = SmoothField.draw(rng, components=3, sd=1.3, spacing_mm=70.0, half_mm=(170, 130, 100))
    return Pose(tuple(float(s) for s in shift), deformation)


def add_rician_noise(rng: np.random.Generator, signal: np.ndarray, sigma: float) -> np.ndarray:
    """Magnitude of a complex signal with Gaussian noise in both channels, float32, the shape of ``signal``."""
    real = signal + np.float32(sigma) * rng.standard_normal(signal.shape, dtype=np.float32)
    imaginary = np.float32(sigma) * rng.standard_normal(signal.shape, dtype=np.float32)
    return np.sqrt(real * real + imaginary * imaginary)
