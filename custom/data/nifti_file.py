"""A NIfTI file read within bounds: at most 540 bytes of header, then exactly the voxels that it declares.

Header extensions are skipped (they may hold gigabytes, XML or DICOM), a compressed file is never inflated further than
its header declares, and what is left over behind the voxels means that the header is not the file's own.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import nibabel
import numpy as np
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from ..types import InputError

_VERSIONS = {348: nibabel.Nifti1Header, 540: nibabel.Nifti2Header}
_LONGEST_HEADER = 540  # bytes
_MAX_DATA_OFFSET = 64 * 2**20  # bytes of header extensions that are plausible before the voxels
_CHUNK = 2**20  # voxels
_CODES = range(6)  # of sform and qform
_READ_ERRORS = (
    *(OSError, EOFError, ValueError, KeyError, TypeError, OverflowError, MemoryError),
    *(struct.error, zlib.error, HeaderDataError, WrapStructError),
)


@dataclass(frozen=True)
class NiftiFile:
    """A NIfTI file whose header has been checked.

    Args:
        path: ``.nii`` or ``.nii.gz``.
        where: how messages name it.
        header: nibabel's, without extensions.
        shape: declared sizes, without trailing axes of one, which some tools append.
    """

    path: Path
    where: str
    header: nibabel.Nifti1Header
    shape: tuple[int, ...]


def open_nifti(path: Path, where: str) -> NiftiFile:
    """Read and check the header.

    Raises:
        InputError: no such file, no NIfTI header, or one that contradicts itself.
    """
    if not path.is_file():
        raise InputError(found="no such file", expected="a NIfTI file", where=where, remedy="Correct the path.")
    try:
        with _stream(path) as stream:
            block = stream.read(_LONGEST_HEADER)
        header = _header(block)
        shape = tuple(int(size) for size in header.get_data_shape())
        dtype = header.get_data_dtype()
    except _READ_ERRORS as error:
        raise unreadable(error, where) from error
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if dtype.kind not in "iuf":
        raise InputError(
            found=f"voxels of type {dtype}",
            expected="numbers",
            where=where,
            remedy="Convert colour or complex images to magnitude images.",
        )
    _scaling(header, where)
    return NiftiFile(path, where, header, shape)


def read_nifti_voxels(file: NiftiFile) -> np.ndarray:
    """Real intensities ``(X, Y, Z)`` or ``(X, Y, Z, T)``, float32; beyond its range they become infinite.

    Their memory has been claimed by the caller.

    Raises:
        InputError: too few voxels, or bytes left over behind them.
    """
    slope, intercept = _scaling(file.header, file.where)
    dtype = file.header.get_data_dtype()
    voxels = np.empty(file.shape[::-1], dtype=np.float32)  # ([T,] Z, Y, X): the file's order
    flat = voxels.reshape(-1)
    try:
        with _stream(file.path) as stream, np.errstate(over="ignore", invalid="ignore"):
            stream.seek(file.header.get_data_offset())
            for start in range(0, flat.size, _CHUNK):
                part = flat[start : start + _CHUNK]
                stored = np.frombuffer(_exactly(stream, part.size * dtype.itemsize), dtype=dtype)
                part[:] = (
                    stored if (slope, intercept) == (1, 0) else np.multiply(stored, slope, dtype=float) + intercept
                )
            surplus = stream.read(1)  # reaching the end also checks a compressed file's checksum
    except _READ_ERRORS as error:
        raise unreadable(error, file.where) from error
    if surplus:
        raise InputError(
            found=f"more bytes than {' × '.join(map(str, file.shape))} voxels of type {dtype} take",
            expected="a header that describes its file",
            where=file.where,
            remedy="Copy or export it again.",
        )
    return voxels.T


def unreadable(error: Exception, where: str) -> InputError:
    """What is said of a file that cannot be read."""
    return InputError(
        found=f"an unreadable or truncated file ({type(error).__name__})",
        expected="a complete NIfTI file",
        where=where,
        remedy="Copy or export it again.",
    )


def _stream(path: Path) -> BinaryIO:
    """The file's content, uncompressed where it says that it is compressed."""
    with path.open("rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
    return gzip.open(path) if compressed else path.open("rb")


def _exactly(stream: BinaryIO, count: int) -> bytes:
    content = stream.read(count)
    if len(content) < count:
        raise EOFError
    return content


def _header(block: bytes) -> nibabel.Nifti1Header:
    sizes = [struct.unpack(order + "i", block[:4])[0] for order in "<>"]
    size = next((size for size in sizes if size in _VERSIONS), None)
    if size is None:
        raise HeaderDataError("no NIfTI header")
    header = _VERSIONS[size](block[:size], check=False)  # nibabel's own check repairs by guessing
    offset = float(header["vox_offset"])
    wrong = (
        header["magic"].item() != header.single_magic,
        not (offset == 0 or size <= offset <= _MAX_DATA_OFFSET) or offset != int(offset),
        int(header["sform_code"]) not in _CODES,
        int(header["qform_code"]) not in _CODES,
    )
    if any(wrong):
        raise HeaderDataError("a damaged header")
    return header


def _scaling(header: nibabel.Nifti1Header, where: str) -> tuple[float, float]:
    """Slope and intercept from stored to real values; a slope of 0 or NaN means that there is none."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or np.isnan(slope):
        return 1.0, 0.0
    if not (slope > 0 and np.isfinite(slope) and np.isfinite(intercept)):
        raise InputError(
            found=f"a scaling of {slope:g} · stored value + {intercept:g}",
            expected="a finite, positive slope and a finite intercept",
            where=where,
            remedy="Export the image again.",
        )
    return slope, intercept
