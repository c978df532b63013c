"""How scanners lay the moments of a dynamic examination out in DICOM: one row a dialect, read by the writers.

A dialect changes what the headers say, never the images: read correctly, all give the same raw values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ....types import InputError

OWN, CONSTANT, ABSENT = "own", "constant", "absent"
"""What acquisition times tell: each moment's own, the first one's for all (some vendors, anonymisers), or nothing."""


@dataclass(frozen=True)
class Dialect:
    """One vendor's habits.

    Args:
        name: on the command line.
        summary: for the command line's help.
        manufacturer, model: as in the header.
        sequence: what the vendor calls the sequence; SeriesDescriptions begin with it.
        one_series: all moments share one series.
        temporal_position: write TemporalPositionIdentifier and NumberOfTemporalPositions.
        acquisition_number: AcquisitionNumber counts the moments.
        trigger_time: write TriggerTime, ms since the first moment.
        clocks: `OWN`, `CONSTANT` or `ABSENT`.
        bolus_time: write ContrastBolusStartTime.
        rescale_slopes: RescaleSlope of the moments, over and over.
        scale_slopes: Philips' private Scale Slope (2005,100E) of the moments: raw = stored / scale slope, whatever the
            RescaleSlope says; None = not that vendor, and raw = stored * rescale slope.
        scale_slope_written: whether (2005,100E) survived export.
        multi_frame: enhanced MR, one file for each series.
        tilt_deg: how the stack lies in the scanner, rotations about x, y, z.
    """

    name: str
    summary: str
    manufacturer: str
    model: str
    sequence: str
    one_series: bool = True
    temporal_position: bool = False
    acquisition_number: bool = False
    trigger_time: bool = False
    clocks: str = OWN
    bolus_time: bool = False
    rescale_slopes: tuple[float, ...] = (1.0,)
    scale_slopes: tuple[float, ...] | None = None
    scale_slope_written: bool = True
    multi_frame: bool = False
    tilt_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)


_SIEMENS, _GE, _PHILIPS = "SIEMENS", "GE MEDICAL SYSTEMS", "Philips Medical Systems"
_PHILIPS_RESCALE, _PHILIPS_SCALE = (1.25, 0.75, 1.5, 1.1), (2.0, 4.0, 2.0, 8.0)

_ALL = (
    Dialect(
        "series",
        "one series for each phase",
        *(_SIEMENS, "Prisma_fit", "t1_vibe_fs_tra_bh"),
        one_series=False,
    ),
    Dialect(
        "temporal",
        "one series, TemporalPositionIdentifier and TriggerTime",
        *(_GE, "SIGNA Premier", "Ax LAVA-Flex +C Dyn"),
        temporal_position=True,
        trigger_time=True,
        clocks=CONSTANT,
    ),
    Dialect(
        "acquisition",
        "one series, AcquisitionNumber",
        *(_SIEMENS, "Avanto_fit", "t1_fl3d_dynamic"),
        acquisition_number=True,
    ),
    Dialect(
        "trigger",
        "one series, TriggerTime",
        *(_GE, "DISCOVERY MR750", "Ax LAVA MULTIPHASE"),
        trigger_time=True,
        clocks=CONSTANT,
    ),
    Dialect(
        "clock",
        "one series, AcquisitionTime alone",
        *("Canon_Medical", "Vantage Galan 3T", "3D Quick dyn"),
    ),
    Dialect(
        "blocks",
        "one series, positions repeated in blocks of InstanceNumbers",
        *("HITACHI", "ECHELON", "TIGRE DYNAMIC"),
        clocks=CONSTANT,
    ),
    Dialect(
        "scaled",
        "one series, another scaling for each dynamic (2005,100E), injection time",
        *(_PHILIPS, "Ingenia Elition X", "dyn_THRIVE_BH"),
        temporal_position=True,
        bolus_time=True,
        rescale_slopes=_PHILIPS_RESCALE,
        scale_slopes=_PHILIPS_SCALE,
    ),
    Dialect(
        "enhanced",
        "enhanced multi-frame, temporal index and time of each frame",
        *(_SIEMENS, "MAGNETOM Vida", "t1_vibe_fs_tra_dyn"),
        temporal_position=True,
        multi_frame=True,
        rescale_slopes=(0.5, 0.25, 0.5, 0.125),
    ),
    Dialect(
        "enhanced-scaled",
        "enhanced multi-frame, another private scaling for each dynamic",
        *(_PHILIPS, "Ambition X", "mDIXON_dyn"),
        temporal_position=True,
        multi_frame=True,
        rescale_slopes=_PHILIPS_RESCALE,
        scale_slopes=_PHILIPS_SCALE,
    ),
    Dialect(
        "oblique",
        "one series for each phase, tilted about all three axes",
        *(_SIEMENS, "Skyra", "t1_vibe_dixon_obl"),
        one_series=False,
        tilt_deg=(16.6, -4.0, 7.5),
    ),
)
DIALECTS: Final[dict[str, Dialect]] = {dialect.name: dialect for dialect in _ALL}


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
