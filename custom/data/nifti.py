"""NIfTI files → volumes: sizes checked against the memory budget before any voxel is read."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from ..types import InputError
from .budget import MemoryBudget
from .shown import shown
from .study import Volume, check_affine

NIFTI_SUFFIXES = (".nii.gz", ".nii")

_MAX_DATA_OFFSET = 64 * 2**20  # bytes of header extensions that are plausible before the voxels
_MM_PER_UNIT = {"mm": 1.0, "unknown": 1.0, "meter": 1000.0, "micron": 0.001}
_READ_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
    ImageFileError,
    HeaderDataError,
    WrapStructError,
)


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


def read_image(path: Path, *, where: str, budget: MemoryBudget, evidence: dict | None = None) -> Volume:
    """Read one 3-D NIfTI, scaled to its real intensities.

    Args:
        path: ``.nii`` or ``.nii.gz``.
        where: how to name it in messages.
        budget: memory to claim from.
        evidence: why it is the phase it is.

    Raises:
        InputError: unreadable, truncated, oversized, not 3-D, not finite, or without geometry.
    """
    image = _open(path, where)
    shape = _spatial_shape(image, where)
    if len(shape) != 3:
        raise InputError(
            found=f"{len(shape)} dimensions {shape}",
            expected="a 3-D image",
            where=where,
            remedy='Give one volume for each phase, or pick volumes in a phase map (--phase_map), such as "file@1".',
        )
    data = _voxels(image, shape, where, budget)  # (X, Y, Z)
    return _volume(data, image, where, shown(path), {**(evidence or {}), **_orientation(image)})


def read_time_points(path: Path, *, where: str, budget: MemoryBudget) -> list[Volume]:
    """Read the volumes of one 4-D NIfTI ``(X, Y, Z, T)`` in their order."""
    image = _open(path, where)
    shape = _spatial_shape(image, where)
    if len(shape) != 4:
        raise InputError(
            found=f"{len(shape)} dimensions {shape}",
            expected="a 4-D image (X, Y, Z, phases)",
            where=where,
            remedy="Give the phases in one 4-D file, one file for each phase, or beside it in phases/.",
        )
    data = _voxels(image, shape, where, budget)  # (X, Y, Z, T)
    return [
        _volume(data[..., t], image, f"{where}, volume {t + 1}", f"{shown(path)}, volume {t + 1}", _orientation(image))
        for t in range(shape[3])
    ]


def dimensions(path: Path, where: str) -> int:
    """Number of dimensions of a NIfTI, without reading its voxels."""
    return len(_spatial_shape(_open(path, where), where))


def read_grid(path: Path, *, where: str) -> tuple[tuple[int, ...], np.ndarray]:
    """Size ``(X, Y, Z, ...)`` and affine ``(4, 4)`` in RAS mm from the header alone."""
    image = _open(path, where)
    return _spatial_shape(image, where), _affine(image, where)


def read_mask(path: Path, *, where: str, budget: MemoryBudget) -> Volume:
    """Read a label map: whole numbers from 0 to 255, as uint8."""
    image = read_image(path, where=where, budget=budget)
    values = image.data
    if values.min() < 0 or values.max() > 255 or not (values == np.rint(values)).all():
        raise InputError(
            found=f"values from {values.min():g} to {values.max():g}",
            expected="whole numbers from 0 to 255 (0 background, k + 1 for class k)",
            where=where,
            remedy="Give a label map, not an image or a probability.",
        )
    return Volume(values.astype(np.uint8), image.affine, image.source)


def _open(path: Path, where: str):
    if not path.is_file():
        raise InputError(found="no such file", expected="a NIfTI file", where=where, remedy="Correct the path.")
    try:
        image = nibabel.load(path)
        offset = int(image.dataobj.offset)
    except _READ_ERRORS as error:
        raise _unreadable(error, where) from error
    if not 0 <= offset <= _MAX_DATA_OFFSET:
        raise _unreadable(ValueError(f"voxels at byte {offset}"), where)
    return image


def _spatial_shape(image, where: str) -> tuple[int, ...]:
    """Declared sizes without trailing axes of one, which some tools append."""
    shape = tuple(int(size) for size in image.shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if image.get_data_dtype().kind not in "iuf":
        raise InputError(
            found=f"voxels of type {image.get_data_dtype()}",
            expected="numbers",
            where=where,
            remedy="Convert colour or complex images to magnitude images.",
        )
    return shape


def _voxels(image, shape: tuple[int, ...], where: str, budget: MemoryBudget) -> np.ndarray:
    budget.claim(shape, where, stored_bytes_per_voxel=image.get_data_dtype().itemsize)
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows float32 is reported as not finite
            return np.asarray(image.dataobj, dtype=np.float32).reshape(shape)
    except _READ_ERRORS as error:
        raise _unreadable(error, where) from error


def _volume(data: np.ndarray, image, where: str, source: str, evidence: dict) -> Volume:
    """A checked volume; it knows its file only, the message names the study too."""
    affine = _affine(image, where)
    try:
        return Volume(data, affine, source, None, evidence)
    except InputError as error:
        raise InputError(found=error.found, expected=error.expected, where=where, remedy=error.remedy) from None


def _affine(image, where: str) -> np.ndarray:
    affine = np.array(image.affine, dtype=np.float64)
    check_affine(affine, where)
    unit = image.header.get_xyzt_units()[0] if hasattr(image.header, "get_xyzt_units") else "mm"
    affine[:3] *= _MM_PER_UNIT[unit]
    return affine


def _orientation(image) -> dict:
    """Evidence that the file states no orientation (both codes 0): the axes are then assumed."""
    header = image.header
    stated = "sform_code" not in header or int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0
    return {} if stated else {"orientation": "assumed"}


def _unreadable(error: Exception, where: str) -> InputError:
    return InputError(
        found=f"an unreadable or truncated file ({type(error).__name__})",
        expected="a complete NIfTI file",
        where=where,
        remedy="Copy or export it again.",
    )
