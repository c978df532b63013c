"""What a damaged study may become: refused, the same, or different where the damaged file itself is different.

Silently wrong is every other study: one that is made of other files than before and does not say so, a slice of an
undamaged file that moved or changed, or a slice of the damaged file that is not what an independent reading of it says.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
from pydicom.dataset import Dataset

from custom.data.load import plan_study
from custom.data.study import Study, Volume

_NEAR_MM = 0.3  # a volume's tolerance for positions: 1 % of the slice step and rounding, twice
_SAME_TIME_S = 1.0
_FLIP = np.array([-1.0, -1.0, 1.0])


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
        reading = _dicom_slices(folder / damaged) if used and not damaged.endswith((".nii", ".nii.gz")) else {}
    except Exception:  # whatever pydicom says of it
        return "unchecked"
    changed = False
    for phase, frames in after.frames.items():
        old, new = before.study.phases[phase], after.study.phases[phase]
        if damaged.endswith((".nii", ".nii.gz")):
            problem, differs = _compare_nifti(old, new, folder / frames[0][0], frames[0][0] == damaged)
        else:
            problem, differs = _compare_dicom(old, new, frames, damaged, reading)
        if problem:
            return f"flagged: {', '.join(told)}" if told else f"WRONG: {phase}: {problem}"
        changed |= differs
    label = after.study.label
    if label is not None and damaged == label.source:
        problem, differs = _compare_nifti(before.study.label, label, folder / damaged, True)
        if problem:
            return f"WRONG: label: {problem}"
        changed |= differs
    elif (label is None) != (before.study.label is None) and not told:
        return "WRONG: the label is gone"
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


def _dicom_slices(path: Path) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Frame → (affine of the slice, voxel (column, row, 0) to RAS mm; real values ``(rows, columns)``), by pydicom."""
    dataset = pydicom.dcmread(path, force=True)
    stored = _stored(dataset).astype(np.float64)
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    frames = dataset.get("PerFrameFunctionalGroupsSequence")
    if not frames:
        return {0: (_place(dataset, dataset, dataset), _real(stored, dataset, dataset, dataset))}
    slices = {}
    for n, own in enumerate(frames):
        value = _group(own, shared, "PixelValueTransformationSequence")
        private = _group(own, shared, (0x2005, 0x140F))
        place = _place(
            *(_group(own, shared, name) for name in ("PlanePositionSequence", "PlaneOrientationSequence")),
            _group(own, shared, "PixelMeasuresSequence"),
        )
        holder = value if len(value) else private
        slices[n] = (place, _real(stored[n], holder, private, dataset))
    return slices


def _stored(dataset: Dataset) -> np.ndarray:
    """Stored values ``([frames,] rows, columns)``; uncompressed ones without pydicom, which insists on every tag."""
    signed = bool(dataset.get("PixelRepresentation") or 0)
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        stored = dataset.pixel_array
    else:
        shape = (dataset.get("NumberOfFrames") or 1, dataset.Rows, dataset.Columns)
        stored = np.frombuffer(dataset.PixelData, f"<{'i' if signed else 'u'}{dataset.BitsAllocated // 8}")
        stored = stored[: np.prod(shape)].reshape(shape[1:] if shape[0] == 1 else shape)
    bits = dataset.get("BitsStored") or dataset.BitsAllocated
    return stored if signed else stored & ((1 << bits) - 1)


def _group(own: Dataset, shared: Dataset, name) -> Dataset:
    for groups in (own, shared):
        if name in groups and groups[name].value:
            return groups[name].value[0]
    return Dataset()


def _place(position: Dataset, orientation: Dataset, measures: Dataset) -> np.ndarray:
    cosines = np.array(orientation.ImageOrientationPatient, dtype=float)
    rows_mm, columns_mm = (float(value) for value in measures.PixelSpacing)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = cosines[:3] * columns_mm, cosines[3:] * rows_mm
    affine[:3, 3] = np.array(position.ImagePositionPatient, dtype=float)
    affine[:3] *= _FLIP[:, None]
    return affine


def _real(stored: np.ndarray, holder: Dataset, private: Dataset, file: Dataset) -> np.ndarray:
    slope, intercept = holder.get("RescaleSlope"), holder.get("RescaleIntercept")
    slope, intercept = 1.0 if slope in (None, "") else float(slope), float(intercept or 0)
    if "philips" in str(file.get("Manufacturer", "")).lower() and (0x2005, 0x100E) in private:
        return (stored * slope + intercept) / (slope * float(private[0x2005, 0x100E].value))
    return stored * slope + intercept
