"""What a damaged study may become: refused, the same, or different where the damaged file itself is different.

Silently wrong is every other study: one that is made of other files than before and does not say so, a slice of an
undamaged file that moved or changed, or a slice of the damaged file that is not what an independent reading of it says.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from custom.data.load import plan_study
from custom.data.study import Study, Volume

from .masks import places_in
from .slices import dicom_slices

_NEAR_MM = 0.35  # a volume's tolerance for positions: 1 % of the slice step and rounding, twice
_NEAR_VOXELS = 0.1
_SAME_TIME_S = 1.0


@dataclass(frozen=True)
class Look:
    """A study that was read, and which frames of which files each phase is made of."""

    study: Study
    frames: dict[str, tuple[tuple[str, int], ...]]  # phase → (file inside the study, frame) of each slice

    @classmethod
    def at(cls, folder: Path, phase_map: dict | None, memory_budget_gb: float) -> Look:
        """Read a study; raises what reading raises."""
        plan = plan_study(folder, phase_map=phase_map, memory_budget_gb=memory_budget_gb)
        study = plan.read()
        frames = {}
        for phase, volume in plan.phases.items():
            first = volume.load.args[0] if getattr(volume.load, "args", ()) else None
            if isinstance(first, tuple):  # DICOM frames
                frames[phase] = tuple((f.file.path.relative_to(folder).as_posix(), f.index) for f in first)
            else:
                frames[phase] = ((volume.path.relative_to(folder).as_posix(), 0),)
        return cls(study, frames)


def judge(before: Look, after: Look, folder: Path, damaged: str) -> str:
    """``same``, ``in the file``, ``flagged``, ``unchecked`` (no second reading), or ``WRONG: why``."""
    told = sorted(set(after.study.flags) - set(before.study.flags))
    if after.frames != before.frames:
        return f"flagged: {', '.join(told)}" if told else "WRONG: other files make the phases"
    used = any(name == damaged for frames in after.frames.values() for name, _ in frames)
    try:
        reading = dicom_slices(folder / damaged) if used and not damaged.endswith((".nii", ".nii.gz")) else {}
    except Exception:  # whatever pydicom says of it
        return "unchecked"
    changed = False
    for phase, frames in after.frames.items():
        old, new = before.study.phases[phase], after.study.phases[phase]
        if frames[0][0].endswith((".nii", ".nii.gz")):
            problem, differs = _compare_nifti(old, new, folder / frames[0][0], frames[0][0] == damaged)
        else:
            problem, differs = _compare_dicom(old, new, frames, damaged, reading)
        if problem:
            return f"flagged: {', '.join(told)}" if told else f"WRONG: {phase}: {problem}"
        changed |= differs
    for purpose in ("label", "liver"):
        problem, differs = _compare_mask(
            getattr(before.study, purpose), getattr(after.study, purpose), folder / damaged, told
        )
        if problem == "unchecked":
            return problem
        if problem:
            return f"WRONG: {purpose}: {problem}"
        changed |= differs
    if not told and (problem := _other_times(before, after, damaged)):
        return f"WRONG: {problem}"
    return "in the file" if changed else "same"


def _compare_nifti(old: Volume, new: Volume, path: Path, damaged: bool) -> tuple[str, bool]:
    same = old.data.shape == new.data.shape and np.array_equal(old.affine, new.affine)
    same = same and np.array_equal(old.data, new.data)
    if same or not damaged:
        return ("" if same else "an undamaged file reads differently"), False
    image = nib.load(path)
    data = np.asarray(image.dataobj, dtype=np.float32).reshape(*image.shape[:3], -1)
    if not any(np.array_equal(new.data, data[..., t].astype(new.data.dtype)) for t in range(data.shape[3])):
        return "voxels that nibabel does not read", True
    unit = {1: 1000.0, 3: 0.001}.get(int(image.header["xyzt_units"]) & 7, 1.0)
    if not np.allclose(new.affine[:3], image.affine[:3] * unit, rtol=1e-5, atol=1e-4):
        return "another affine than nibabel's", True
    return "", True


def _compare_mask(old: Volume | None, new: Volume | None, path: Path, told: list[str]) -> tuple[str, bool]:
    """A mask of the study; it may be gone if the flags say so, and else holds what the damaged file says."""
    if old is None or new is None:
        gone = old is not None and not told
        return ("is gone" if gone else "a mask that was not there" if new is not None else ""), old is not new
    same = old.data.shape == new.data.shape and np.array_equal(old.affine, new.affine)
    if same and np.array_equal(old.data, new.data):
        return "", False
    if path.name != new.source:
        return "an undamaged mask reads differently", True
    if path.name.endswith((".nii", ".nii.gz")):
        return _compare_nifti(old, new, path, True)
    try:
        places = places_in(path)
    except Exception:  # whatever the other reader says of it
        return "unchecked", True
    to_index = np.linalg.inv(new.affine)
    for value in {*places, *np.unique(new.data[new.data > 0]).tolist()}:
        index = places.get(value, np.zeros((0, 3))) @ to_index[:3, :3].T + to_index[:3, 3]
        near = np.rint(index).astype(int)
        if len(index) and np.abs(index - near).max() > _NEAR_VOXELS:
            return f"value {value} lies elsewhere than its file says", True
        if {tuple(voxel) for voxel in near} != {tuple(voxel) for voxel in np.argwhere(new.data == value)}:
            return f"value {value} at other voxels than in its file", True
    return "", True


def _compare_dicom(old: Volume, new: Volume, frames, damaged: str, reading: dict) -> tuple[str, bool]:
    changed = False
    for k, (name, index) in enumerate(frames):
        if name != damaged:
            if new.data.shape != old.data.shape or not np.array_equal(new.data[:, :, k], old.data[:, :, k]):
                return f"slice {k + 1}, of an undamaged file, changed", True
            if _apart_mm(new, old.affine, k) > _NEAR_MM:
                return f"slice {k + 1}, of an undamaged file, moved by {_apart_mm(new, old.affine, k):.2f} mm", True
            continue
        affine, values = reading[index]
        if new.data[:, :, k].T.shape != values.shape or not np.allclose(
            new.data[:, :, k].T, values, rtol=1e-5, atol=1e-4
        ):
            return f"slice {k + 1} holds other values than its file", True
        if _apart_mm(new, affine, k, own=True) > _NEAR_MM:
            return (
                f"slice {k + 1} lies {_apart_mm(new, affine, k, own=True):.2f} mm off the place that its file says",
                True,
            )
        changed |= not np.array_equal(new.data[:, :, k], old.data[:, :, k]) or not np.array_equal(
            new.affine, old.affine
        )
    return "", changed


def _apart_mm(volume: Volume, affine: np.ndarray, k: int, own: bool = False) -> float:
    """Largest distance between two places of a slice's corners; ``own``: the affine counts this slice as 0."""
    columns, rows = volume.data.shape[:2]
    corners = np.array([(i, j, k, 1) for i in (0, columns - 1) for j in (0, rows - 1)], dtype=float)
    there = corners * (1, 1, 0, 1) if own else corners
    return float(np.linalg.norm((corners @ volume.affine.T - there @ affine.T)[:, :3], axis=1).max())


def _other_times(before: Look, after: Look, damaged: str) -> str:
    """Times are compared with each other, where one damaged slice among many must not move a phase."""
    for phase, frames in after.frames.items():
        if len({name for name, _ in frames}) < 3:
            continue
        apart = []
        for look in (before, after):
            times = {p: v.time_s for p, v in look.study.phases.items()}
            apart.append(None if None in times.values() else times[phase] - min(times.values()))
        if apart[0] is not None and (apart[1] is None or abs(apart[1] - apart[0]) > _SAME_TIME_S):
            return f"{phase} moved in time from {apart[0]} to {apart[1]} s"
    return ""
