"""NIfTI files → plans of volumes with their place in the world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import nibabel
import numpy as np
from nibabel.spatialimages import HeaderDataError

from ..types import InputError
from .budget import MemoryBudget
from .nifti_file import open_nifti, read_nifti_voxels
from .plan import VolumePlan
from .shown import shown
from .study import check_affine

NIFTI_SUFFIXES = (".nii.gz", ".nii")

_MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # unknown, metre, millimetre, micrometre
_SAME_EDGE = 0.01  # of a voxel's edge


def is_nifti(path: Path) -> bool:
    """Whether the file's name says NIfTI."""
    return path.name.lower().endswith(NIFTI_SUFFIXES)


def nifti_stem(path: Path) -> str:
    """File name without ``.nii`` or ``.nii.gz``."""
    name = path.name
    for suffix in NIFTI_SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return path.stem


def plan_image(path: Path, *, where: str, budget: MemoryBudget, evidence: dict | None = None) -> VolumePlan:
    """Plan one 3-D NIfTI, which reads as its real intensities.

    Args:
        path: ``.nii`` or ``.nii.gz``.
        where: how to name it in messages.
        budget: memory to claim from.
        evidence: why it is the phase it is.

    Raises:
        InputError: no NIfTI, cut off, oversized, not 3-D, or without geometry.
    """
    file = open_nifti(path, where)
    if len(file.shape) != 3:
        raise InputError(
            found=f"{len(file.shape)} dimensions {file.shape}",
            expected="a 3-D image",
            where=where,
            remedy='Give one volume for each phase, or pick volumes in a phase map (--phase_map), such as "file@1".',
        )
    affine, doubts = _affine(file.header, file.shape, where)
    budget.claim(file.shape, where)
    return VolumePlan(
        shape=file.shape,
        affine=affine,
        source=shown(path),
        where=where,
        path=path,
        load=partial(read_nifti_voxels, file),  # (X, Y, Z)
        evidence={**(evidence or {}), **doubts},
    )


def plan_time_points(path: Path, *, where: str, budget: MemoryBudget) -> list[VolumePlan]:
    """Plan the volumes of one 4-D NIfTI ``(X, Y, Z, T)`` in their order; the first that is read reads them all."""
    file = open_nifti(path, where)
    if len(file.shape) != 4:
        raise InputError(
            found=f"{len(file.shape)} dimensions {file.shape}",
            expected="a 4-D image (X, Y, Z, phases)",
            where=where,
            remedy="Give the phases in one 4-D file, one file for each phase, or beside it in phases/.",
        )
    affine, doubts = _affine(file.header, file.shape, where)
    budget.claim(file.shape, where)
    whole = cache(partial(read_nifti_voxels, file))  # (X, Y, Z, T)
    return [
        VolumePlan(
            shape=file.shape[:3],
            affine=affine,
            source=f"{shown(path)}, volume {t + 1}",
            where=f"{where}, volume {t + 1}",
            path=path,
            load=partial(_time_point, whole, t),
            evidence=doubts,
        )
        for t in range(file.shape[3])
    ]


def _time_point(whole: Callable[[], np.ndarray], t: int) -> np.ndarray:
    return whole()[..., t]


def dimensions(path: Path, where: str) -> int:
    """Number of dimensions of a NIfTI, without reading its voxels."""
    return len(open_nifti(path, where).shape)


def read_grid(path: Path, *, where: str) -> tuple[tuple[int, ...], np.ndarray]:
    """Size ``(X, Y, Z, ...)`` and affine ``(4, 4)`` in RAS mm from the header alone."""
    file = open_nifti(path, where)
    return file.shape, _affine(file.header, file.shape, where)[0]


def plan_mask(path: Path, *, where: str, budget: MemoryBudget) -> VolumePlan:
    """Plan a label map, which reads as whole numbers from 0 to 255, uint8."""
    image = plan_image(path, where=where, budget=budget)
    return replace(image, load=partial(_label_values, image), evidence={})


def _label_values(image: VolumePlan) -> np.ndarray:
    values = image.read().data
    if values.min() < 0 or values.max() > 255 or not (values == np.rint(values)).all():
        raise InputError(
            found=f"values from {values.min():g} to {values.max():g}",
            expected="whole numbers from 0 to 255 (0 background, k + 1 for class k)",
            where=image.where,
            remedy="Give a label map, not an image or a probability.",
        )
    return values.astype(np.uint8)


def _affine(header: nibabel.Nifti1Header, shape: tuple[int, ...], where: str) -> tuple[np.ndarray, dict]:
    """Voxel → RAS+ mm by the sform, else the qform, else the voxel sizes; and what makes it doubtful, as evidence."""
    if header["pixdim"][0] == 0:
        header["pixdim"][0] = 1  # old files: no handedness stated
    unit = int(header["xyzt_units"]) & 7
    try:
        affine = np.array(header.get_best_affine(), dtype=np.float64)
        mm = _MM_PER_UNIT[unit]
    except (HeaderDataError, KeyError, ValueError) as error:
        raise InputError(
            found=f"an unusable geometry in the header ({type(error).__name__})",
            expected="voxel sizes above 0, a rotation, and a unit of length",
            where=where,
            remedy="Export the image again with its geometry.",
        ) from error
    affine[:3] *= mm
    check_affine(affine, where)
    stated = int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0
    doubts = {} if stated else {"orientation": "assumed"}
    if stated and not _agrees_with_header(header, affine / [[mm], [mm], [mm], [1]], shape):
        doubts["geometry"] = "contradictory"
    return affine, doubts


def _agrees_with_header(header: nibabel.Nifti1Header, affine: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether the header's voxel sizes, and its second transform if there is one, say what the affine says."""
    edges = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.allclose(np.asarray(header["pixdim"][1:4], float), edges, rtol=_SAME_EDGE, atol=0):
        return False
    if int(header["sform_code"]) == 0 or int(header["qform_code"]) == 0:
        return True
    try:
        other = header.get_qform()
    except (HeaderDataError, ValueError):
        return False
    last = np.array(shape[:3]) - 1
    corners = np.array([(0, 0, 0), (last[0], 0, 0), (0, last[1], 0), (0, 0, last[2])])  # (4, 3)
    apart = np.linalg.norm(corners @ (affine - other)[:3, :3].T + (affine - other)[:3, 3], axis=1).max()
    return bool(apart < 0.5 * edges.min())
