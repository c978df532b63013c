"""The records of many studies → what the data set is like, as plain JSON values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ...types import PHASES

UNKNOWN = "unknown"
"""Stands for lesions and studies whose class is not told."""

HEALTHY = "healthy"
"""Stands for studies whose mask is empty."""

SEVERAL = "several classes"

Record = Mapping


def summarise(records: Mapping[str, Sequence[Record]], classes: Sequence[str]) -> dict:
    """Put the studies of all sections together. A study that could not be read is a finding and counts nowhere else.

    Args:
        records: by section, as ``measure_study`` makes them.
        classes: class names in head order.

    Returns:
        ``sections``, ``missing_phases``, ``grids``, ``intensity``, ``classes`` {name: lesions, volume_ml,
        relative_enhancement_percent, signal_of_scale, lesion_to_liver}, ``tumour_centre_spread_mm``, ``flags``,
        ``findings`` and ``studies`` (the records). Distributions are ``{"n", "mean", "sd", "min", "median", "max"}``,
        or ``{"n": 0}``.
    """
    read = [record for section in records.values() for record in section if "error" not in record]
    findings = [
        {"case": record["case"], "section": section, "finding": text}
        for section, rows in records.items()
        for record in rows
        for text in ([f"left out: {record['error']}"] if "error" in record else record["findings"])
    ]
    return {
        "sections": {name: _section(rows) for name, rows in records.items()},
        "missing_phases": {phase: sum(phase not in record["phases"] for record in read) for phase in PHASES},
        "grids": _grids(read),
        "intensity": _intensity(read),
        "classes": {name: _class(name, read) for name in _names(read, classes)},
        "tumour_centre_spread_mm": distribution(record["centre_spread_mm"] for record in read),
        "flags": dict(sorted(Counter(flag for record in read for flag in record["flags"]).items())),
        "findings": findings,
        "studies": [{"section": name, **record} for name, rows in records.items() for record in rows],
    }


def relative_enhancement(signal: Mapping[str, float | None]) -> dict[str, float]:
    """``100 (S_k - S_pre) / S_pre`` in percent, for the phases that are known; empty without a pre-contrast signal."""
    before = signal.get("pre")
    if not before or before <= 0:
        return {}
    return {phase: 100 * (value - before) / before for phase, value in signal.items() if value is not None}


def distribution(values: Iterable[float | None]) -> dict:
    """Count and spread of the known values, the count alone where there is none; sd is the sample's, 0 for one."""
    known = np.array([value for value in values if value is not None], dtype=np.float64)
    if not known.size:
        return {"n": 0}
    sd = known.std(ddof=1) if known.size > 1 else 0.0
    figures = {"mean": known.mean(), "sd": sd, "min": known.min(), "median": np.median(known), "max": known.max()}
    return {"n": int(known.size), **{name: float(f"{value:.6g}") for name, value in figures.items()}}


def class_name(name: str | None) -> str:
    """The class, or that it is unknown."""
    return UNKNOWN if name is None else name


def study_kind(record: Record) -> str:
    """What a study counts as: its class, ``unknown``, ``several classes`` or ``healthy``."""
    if record["has_mask"] and not record["curves"]:
        return HEALTHY
    return SEVERAL if len(record["curves"]) > 1 else class_name(record["lesion_class"])


def _names(read: Sequence[Record], classes: Sequence[str]) -> list[str]:
    """The classes in head order, and ``unknown`` where there is a lesion or study without class."""
    unknown = any(part["class"] is None for record in read for part in record["curves"])
    return [*classes, *([UNKNOWN] if unknown else [])]


def _section(rows: Sequence[Record]) -> dict:
    read = [record for record in rows if "error" not in record]
    counts = Counter(study_kind(record) for record in read)
    return {"studies": len(read), "unreadable": len(rows) - len(read), "classes": dict(sorted(counts.items()))}


def _grids(read: Sequence[Record]) -> dict:
    """Spacings and sizes of all volumes along the axes as stored, and in how many studies the phases differ."""
    volumes = [volume for record in read for volume in record["phases"].values()]
    differ = [len({str((v["size"], v["spacing_mm"])) for v in record["phases"].values()}) > 1 for record in read]
    return {
        "spacing_mm": [distribution(volume["spacing_mm"][axis] for volume in volumes) for axis in range(3)],
        "size": [distribution(volume["size"][axis] for volume in volumes) for axis in range(3)],
        "orientations": dict(Counter(volume["orientation"] for volume in volumes).most_common()),
        "studies_with_several_grids": sum(differ),
    }


def _intensity(read: Sequence[Record]) -> dict:
    """Median of the body in each phase over the study's joint scale, and that scale in raw units."""
    phases = {
        phase: distribution(
            record["phases"][phase]["median"] / record["scale"]
            for record in read
            if phase in record["phases"] and record["scale"]
        )
        for phase in PHASES
    }
    return {"scale": distribution(record["scale"] for record in read), "body_median_of_scale": phases}


def _class(name: str, read: Sequence[Record]) -> dict:
    curves = [(record, c) for record in read for c in record["curves"] if class_name(c["class"]) == name]
    lesions = [part["volume_ml"] for record in read for part in record["lesions"] if class_name(part["class"]) == name]
    relative = [relative_enhancement(curve["signal"]) for _, curve in curves]
    scaled = [{p: s / r["scale"] for p, s in c["signal"].items() if s is not None and r["scale"]} for r, c in curves]
    return {
        "studies": len(curves),
        "lesions": len(lesions),
        "volume_ml": distribution(lesions),
        "relative_enhancement_percent": {phase: distribution(r.get(phase) for r in relative) for phase in PHASES},
        "signal_of_scale": {phase: distribution(s.get(phase) for s in scaled) for phase in PHASES},
        "lesion_to_liver": {
            phase: distribution((curve["lesion_to_liver"] or {}).get(phase) for _, curve in curves) for phase in PHASES
        },
    }
