"""A folder of DICOM files → the phases of one exam."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...types import PHASES, InputError
from ..budget import MemoryBudget
from ..phase_map import Selector
from ..study import Volume
from .automatic import choose_volumes
from .headers import read_headers
from .pixels import read_voxels
from .records import TimePoint
from .selection import list_volumes, select_volumes
from .stacks import stacks_of, time_points_of

_GADOXETATE = ("gadoxet", "primovist", "eovist", "gd-eob", "gdeob")
_SHEAR_WORTH_A_FLAG_DEG = 0.1


@dataclass(frozen=True)
class DicomExam:
    """The phases of an exam as read, with remarks and what was set aside."""

    phases: dict[str, Volume]
    flags: tuple[str, ...]
    set_aside: tuple[dict, ...]


def read_dicom_exam(
    files: Iterable[Path],
    *,
    folder: Path,
    where: str,
    selectors: dict[str, Selector] | None,
    budget: MemoryBudget,
) -> DicomExam:
    """Read the four phases from a study's files, however they are nested and mixed.

    Args:
        files: files of the study; what is no MR image is set aside.
        folder: the study's folder.
        where: the study, for messages.
        selectors: the phase map's entries for this study; ``None`` to name the phases by the evidence.
        budget: memory to claim from.

    Raises:
        InputError: see the steps.
    """
    frames, aside = read_headers(files, folder=folder, where=where)
    if not frames:
        counts: Counter[str] = Counter()
        for entry in aside:
            counts[entry["reason"]] += entry["files"]
        found = "; ".join(f"{count} file(s) {reason}" for reason, count in counts.most_common())
        raise InputError(
            found=f"no MR image: {found}",
            expected="MR images (classic or enhanced multi-frame DICOM), or NIfTI files",
            where=where,
            remedy="Check the folder.",
        )
    volumes = time_points_of(stacks_of(frames), where)
    if selectors is None:
        _check_one_exam(volumes, where)
        chosen, evidence, flags, more_aside = choose_volumes(volumes, where=where, budget=budget)
        aside = aside + more_aside
    else:
        chosen = select_volumes(selectors, volumes, where)
        _check_one_exam(list(chosen.values()), where)
        evidence = {
            phase: {"rule": "phase map", "selector": str(selectors[phase]), **volume.describe()}
            for phase, volume in chosen.items()
        }
        flags = []
    phases = _read(chosen, evidence, volumes, where, budget)
    return DicomExam(phases, (*flags, *_remarks(chosen)), tuple(aside))


def read_dicom_phases(
    folders: Mapping[str, tuple[Path, int | None]], *, where: str, budget: MemoryBudget, evidence: dict
) -> dict[str, Volume]:
    """Read phases that are named one by one: each a folder that holds one volume, or its k-th time point.

    Raises:
        InputError: a folder with none or several volumes, or phases of different patients.
    """
    chosen: dict[str, TimePoint] = {}
    for phase, (folder, time_point) in folders.items():
        here = f"{where}/{folder.name}"
        frames, _ = read_headers(_files_below(folder), folder=folder, where=here)
        volumes = time_points_of(stacks_of(frames), here) if frames else []
        picked = [volume for volume in volumes if time_point is None or volume.number == time_point]
        if len(picked) != 1:
            raise InputError(
                found=f"{len(picked)} volumes for phase {phase}: {list_volumes(volumes)}",
                expected="a folder with one volume, or folder@k for the k-th time point",
                where=here,
                remedy="Name the volume.",
            )
        chosen[phase] = picked[0]
    _check_one_exam(list(chosen.values()), where)
    records = {phase: {**evidence, **volume.describe()} for phase, volume in chosen.items()}
    return _read(chosen, records, list(chosen.values()), where, budget)


def _files_below(folder: Path) -> list[Path]:
    return [Path(root, name) for root, _, names in sorted(os.walk(folder)) for name in sorted(names)]


def _check_one_exam(volumes: Sequence[TimePoint], where: str) -> None:
    """Identifiers are compared, never shown."""
    for kind, values in (
        ("patients", {volume.file.patient for volume in volumes} - {""}),
        ("exams", {volume.file.exam for volume in volumes} - {""}),
    ):
        if len(values) > 1:
            raise InputError(
                found=f"{len(values)} different {kind}: {list_volumes(volumes)}",
                expected="the phases of one exam of one patient",
                where=where,
                remedy="Separate them into one folder each, or name the phases in a phase map (--phase_map).",
            )


def _read(chosen, evidence, volumes: Sequence[TimePoint], where: str, budget: MemoryBudget) -> dict[str, Volume]:
    for volume in chosen.values():
        if volume.fault is not None:
            raise volume.fault
    zero_s = _time_zero(chosen, volumes)
    phases = {}
    for phase in PHASES:
        if phase in chosen:
            volume = chosen[phase]
            data = read_voxels(volume.frames, budget=budget, where=f"{where}, {volume.source}")  # (X, Y, Z)
            time_s = None if volume.clock_s is None or zero_s is None else round(volume.clock_s - zero_s, 3)
            phases[phase] = Volume(data, volume.affine, volume.source, time_s, evidence[phase])
    return phases


def _time_zero(chosen: Mapping[str, TimePoint], volumes: Sequence[TimePoint]) -> float | None:
    """Start of the injection where the headers tell, else the first volume among the series of the phases."""
    clocks = [volume.clock_s for volume in chosen.values() if volume.clock_s is not None]
    injections = {volume.file.injection_clock_s for volume in chosen.values()} - {None}
    if clocks and len(injections) == 1 and abs(min(clocks) - min(injections)) < 3600:
        return min(injections)
    labels = {volume.label for volume in chosen.values()}
    return min((v.clock_s for v in volumes if v.label in labels and v.clock_s is not None), default=None)


def _remarks(chosen: Mapping[str, TimePoint]) -> list[str]:
    volumes = list(chosen.values())
    agents = " ".join(volume.file.contrast_agent for volume in volumes).casefold()
    scales = {(f.slope, f.intercept) for v in volumes for f in v.frames if not f.scale_undone}
    remarks = {
        "gadoxetate": any(name in agents for name in _GADOXETATE),
        "scaling_differs": len(scales) > 1,
        "sheared_stack": any(volume.shear_deg > _SHEAR_WORTH_A_FLAG_DEG for volume in volumes),
        "time_points_fewer_than_declared": any(
            volume.count < (volume.file.declared_time_points or 0) for volume in volumes
        ),
        "time_points_from_instance_numbers": any(volume.split_by == "repeated positions" for volume in volumes),
    }
    return [flag for flag, true in remarks.items() if true]
