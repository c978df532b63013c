"""A folder of DICOM files → the phases of one exam, planned: their pixels are read later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ...types import PHASES, InputError
from ..budget import MemoryBudget
from ..phase_map import Selector
from ..plan import Faults, Origin, VolumePlan
from ..shown import redacted
from ..walk import walk_files
from .automatic import choose_volumes
from .headers import UNREAD, read_headers
from .pixels import read_voxels
from .records import Frame, TimePoint
from .selection import list_volumes, select_volumes
from .stacks import stacks_of, time_points_of
from .strays import with_strays_as_faults

_GADOXETATE = ("gadoxet", "primovist", "eovist", "gd-eob", "gdeob")
_SHEAR_WORTH_A_FLAG_DEG = 0.1


@dataclass(frozen=True)
class DicomExam:
    """The phases of an exam as planned, with remarks, what was set aside, and whose exam it is."""

    phases: dict[str, VolumePlan]
    flags: tuple[str, ...] = ()
    set_aside: tuple[dict, ...] = ()
    origin: Origin | None = None


def plan_dicom_exam(
    files: Iterable[Path],
    *,
    folder: Path,
    where: str,
    selectors: dict[str, Selector] | None,
    budget: MemoryBudget,
    faults: Faults,
) -> DicomExam:
    """Plan the four phases from a study's files, however they are nested and mixed.

    Only headers are read, and a few slices of each candidate where the phases are named by the evidence.

    Args:
        files: files of the study; what is no MR image is set aside.
        folder: the study's folder.
        where: the study, for messages.
        selectors: the phase map's entries for this study; ``None`` to name the phases by the evidence.
        budget: memory to claim from.
        faults: takes every unreadable file, after which nothing is planned, and what is wrong with single phases.

    Raises:
        InputError: see the steps.
    """
    frames, unused = _headers(files, folder, where, faults)
    if frames is None:
        return DicomExam({})
    aside = unused
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
    volumes = with_strays_as_faults(time_points_of(stacks_of(frames), where), where)
    if selectors is None:
        _check_one_exam(volumes, where)
        chosen, evidence, flags, more_aside = choose_volumes(volumes, where=where, budget=budget)
        aside = aside + more_aside
    else:
        chosen = select_volumes(selectors, volumes, where)
        _check_one_exam(list(chosen.values()), where)
        evidence = {
            phase: {"rule": "phase map", "selector": _shown_selector(selectors[phase], volume), **volume.describe()}
            for phase, volume in chosen.items()
        }
        flags = []
    phases = _plan(chosen, evidence, volumes, where, budget, faults)
    return DicomExam(phases, (*flags, *_remarks(chosen, unused)), tuple(aside), _origin(chosen))


def _shown_selector(selector: Selector, volume: TimePoint) -> str:
    """What the user wrote; a folder or description of an export may name the patient."""
    return redacted(str(selector), volume.file.identifiers)


def plan_dicom_phases(
    folders: Mapping[str, tuple[Path, int | None]], *, where: str, budget: MemoryBudget, evidence: dict, faults: Faults
) -> DicomExam:
    """Plan phases that are named one by one: each a folder that holds one volume, or its k-th time point.

    A folder with none or several volumes is a fault of its phase.

    Raises:
        InputError: phases of different patients.
    """
    chosen: dict[str, TimePoint] = {}
    for phase, (folder, time_point) in folders.items():
        with faults.at(folder, phase):
            volume = _only_volume(folder, time_point, phase, f"{where}/{folder.name}", faults)
            if volume is not None:
                chosen[phase] = volume
    _check_one_exam(list(chosen.values()), where)
    records = {phase: {**evidence, **volume.describe()} for phase, volume in chosen.items()}
    phases = _plan(chosen, records, list(chosen.values()), where, budget, faults)
    return DicomExam(phases, origin=_origin(chosen))


def _only_volume(folder: Path, time_point: int | None, phase: str, where: str, faults: Faults) -> TimePoint | None:
    frames, _ = _headers(walk_files(folder, where), folder, where, faults)
    if frames is None:
        return None
    volumes = with_strays_as_faults(time_points_of(stacks_of(frames), where), where)
    picked = [volume for volume in volumes if time_point is None or volume.number == time_point]
    if len(picked) != 1:
        raise InputError(
            found=f"{len(picked)} volumes for phase {phase}: {list_volumes(volumes)}",
            expected="a folder with one volume, or folder@k for the k-th time point",
            where=where,
            remedy="Name the volume.",
        )
    return picked[0]


def _headers(files: Iterable[Path], folder: Path, where: str, faults: Faults) -> tuple[list[Frame] | None, list[dict]]:
    """Frames, and what was set aside; ``None`` when a file cannot be read: its slice would seem to be missing."""
    unreadable = Faults()
    frames, aside = read_headers(files, folder=folder, where=where, faults=unreadable)
    faults.found += unreadable.found
    return None if unreadable else frames, aside


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


def _plan(
    chosen: Mapping[str, TimePoint],
    evidence: Mapping[str, dict],
    volumes: Sequence[TimePoint],
    where: str,
    budget: MemoryBudget,
    faults: Faults,
) -> dict[str, VolumePlan]:
    zero_s = _time_zero(chosen, volumes)
    phases = {}
    for phase in PHASES:
        if phase in chosen:
            volume = chosen[phase]
            with faults.at(_place(volume), phase):
                phases[phase] = _plan_volume(volume, zero_s, evidence[phase], where, budget)
    return phases


def _plan_volume(volume: TimePoint, zero_s, evidence: dict, where: str, budget: MemoryBudget) -> VolumePlan:
    if volume.fault is not None:
        raise volume.fault
    rows, columns = volume.file.shape
    shape, where = (columns, rows, len(volume.frames)), f"{where}, {volume.source}"
    budget.claim(shape, where)
    return VolumePlan(
        shape=shape,
        affine=volume.affine,
        source=volume.source,
        where=where,
        path=_place(volume),
        load=partial(read_voxels, volume.frames, budget=budget),  # (X, Y, Z)
        time_s=None if volume.clock_s is None or zero_s is None else round(volume.clock_s - zero_s, 3),
        evidence=evidence,
    )


def _place(volume: TimePoint) -> Path:
    """The folder of a volume's files, or its one file."""
    paths = {frame.file.path for frame in volume.frames}
    return volume.file.path if len(paths) == 1 else volume.file.path.parent


def _origin(chosen: Mapping[str, TimePoint]) -> Origin | None:
    """Digests of the identifiers that the chosen volumes share."""
    return next((Origin.of(volume.file.patient, volume.file.exam) for volume in chosen.values()), None)


def _time_zero(chosen: Mapping[str, TimePoint], volumes: Sequence[TimePoint]) -> float | None:
    """Start of the injection where the headers tell, else the first volume among the series of the phases."""
    clocks = [volume.clock_s for volume in chosen.values() if volume.clock_s is not None]
    injections = {volume.file.injection_clock_s for volume in chosen.values()} - {None}
    if clocks and len(injections) == 1 and abs(min(clocks) - min(injections)) < 3600:
        return min(injections)
    labels = {volume.label for volume in chosen.values()}
    return min((v.clock_s for v in volumes if v.label in labels and v.clock_s is not None), default=None)


def _remarks(chosen: Mapping[str, TimePoint], unused: Sequence[dict]) -> list[str]:
    volumes = list(chosen.values())
    agents = " ".join(volume.file.contrast_agent for volume in volumes).casefold()
    frames = [frame for volume in volumes for frame in volume.frames]
    scales = {(frame.slope, frame.intercept) for frame in frames if not frame.scale_undone}
    kinds = {(frame.rescaled, frame.scale_undone) for frame in frames}
    series = {str(volume.file.series_number) for volume in volumes}
    remarks = {
        "gadoxetate": any(name in agents for name in _GADOXETATE),
        "scaling_differs": len(scales) > 1 or len(kinds) > 1,
        "sheared_stack": any(volume.shear_deg > _SHEAR_WORTH_A_FLAG_DEG for volume in volumes),
        "time_points_fewer_than_declared": any(
            volume.count < (volume.file.declared_time_points or 0) for volume in volumes
        ),
        "same_series_set_aside": any(entry["series"] in series for entry in unused),
        "unread_files": any(entry["reason"] in UNREAD for entry in unused),
        "time_points_from_instance_numbers": any(volume.split_by == "repeated positions" for volume in volumes),
    }
    return [flag for flag, true in remarks.items() if true]
