"""How scanners lay four phases out in DICOM: one row a dialect, read by the writers.

A dialect changes what the headers say, never the images: read correctly, all give the same raw values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...types import InputError


@dataclass(frozen=True)
class Dialect:
    """One vendor's habits.

    Args:
        manufacturer, model: as in the header.
        descriptions: SeriesDescription of each phase; one entry = all phases share one series.
        temporal_position: write TemporalPositionIdentifier and NumberOfTemporalPositions.
        trigger_time: write TriggerTime, ms since the first phase.
        acquisition_time: each phase has its own AcquisitionTime; else all have the first one's.
        bolus_time: write ContrastBolusStartTime.
        rescale_slopes: RescaleSlope of each phase.
        scale_slopes: Philips' private Scale Slope (2005,100E) of each phase: raw = stored / scale slope, whatever the
            RescaleSlope says; None = not written, and raw = stored * rescale slope.
        multi_frame: enhanced MR, one file for each series.
    """

    manufacturer: str
    model: str
    descriptions: tuple[str, ...]
    temporal_position: bool = False
    trigger_time: bool = False
    acquisition_time: bool = True
    bolus_time: bool = False
    rescale_slopes: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    scale_slopes: tuple[float, ...] | None = None
    multi_frame: bool = False

    @property
    def one_series(self) -> bool:
        """Whether all phases share one series."""
        return len(self.descriptions) == 1


DIALECTS: Final[dict[str, Dialect]] = {
    "series": Dialect(
        "SIEMENS",
        "Prisma_fit",
        ("t1_vibe_fs_tra_bh_nativ", "t1_vibe_fs_tra_bh_art", "t1_vibe_fs_tra_bh_pv", "t1_vibe_fs_tra_bh_3min"),
    ),
    "temporal": Dialect(
        "GE MEDICAL SYSTEMS",
        "SIGNA Premier",
        ("Ax LAVA-Flex +C Dyn",),
        temporal_position=True,
        trigger_time=True,
        acquisition_time=False,
    ),
    "trigger": Dialect(
        "GE MEDICAL SYSTEMS", "DISCOVERY MR750", ("Ax LAVA MULTIPHASE",), trigger_time=True, acquisition_time=False
    ),
    "scaled": Dialect(
        "Philips Medical Systems",
        "Ingenia Elition X",
        ("dyn_THRIVE_BH",),
        temporal_position=True,
        bolus_time=True,
        rescale_slopes=(1.25, 0.75, 1.5, 1.1),
        scale_slopes=(2.0, 4.0, 2.0, 8.0),
    ),
    "enhanced": Dialect(
        "SIEMENS",
        "MAGNETOM Vida",
        ("t1_vibe_fs_tra_dyn",),
        temporal_position=True,
        multi_frame=True,
        rescale_slopes=(0.5, 0.25, 0.5, 0.125),
    ),
}


def get_dialect(name: str) -> Dialect:
    """The dialect called ``name``, or an `InputError` that lists those there are."""
    if name not in DIALECTS:
        raise InputError(
            found=repr(name),
            expected=f"one of {', '.join(DIALECTS)}",
            where="phantom --layout",
            remedy="Choose one of the dialects.",
        )
    return DIALECTS[name]
