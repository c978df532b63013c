"""The text header of a NRRD file: sizes, type, geometry, and the segments that 3D Slicer describes in it.

Format: http://teem.sourceforge.net/nrrd/format.html. Only what holds its voxels itself, raw or gzipped, is read: a
header that points at other files could point anywhere.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...types import InputError
from .segments import Segment

_MAX_HEADER_BYTES = 2**20
_MAX_DIMENSION = 5
_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(("longlong", "long long", "long long int", "int64", "int64_t"), "i8"),
    **dict.fromkeys(("ulonglong", "unsigned long long", "uint64", "uint64_t"), "u8"),
    **{"float": "f4", "double": "f8"},
}
_TO_RAS = {
    **dict.fromkeys(("left-posterior-superior", "lps"), (-1, -1, 1)),
    **dict.fromkeys(("right-anterior-superior", "ras"), (1, 1, 1)),
    **dict.fromkeys(("left-anterior-superior", "las"), (-1, 1, 1)),
}
_CODE = re.compile(r"(\w+)\^([^\^]+)\^")


@dataclass(frozen=True)
class NrrdHeader:
    """What the header declares.

    Args:
        sizes: of the axes, fastest first; ``layers`` tells which axis, if any, counts layers instead of voxels.
        dtype: numpy's name of the stored type, with byte order.
        affine: ``(4, 4)`` voxel to RAS mm.
        gzipped: else raw.
        start: byte where the voxels begin.
        segments: as 3D Slicer describes them; empty for a plain label map.
    """

    sizes: tuple[int, ...]
    layers: int | None
    dtype: str
    affine: np.ndarray
    gzipped: bool
    start: int
    segments: tuple[Segment, ...]


def read_nrrd_header(path: Path, where: str) -> NrrdHeader:
    """Read and check the header.

    Raises:
        InputError: no NRRD file, or one that is not understood.
    """
    with path.open("rb") as stream:
        head = stream.read(_MAX_HEADER_BYTES)
    end = re.search(rb"\r?\n\r?\n", head)
    if not head.startswith(b"NRRD000") or end is None:
        raise _fault("no complete NRRD header", "a NRRD file", where)
    fields, keys = _fields(head[: end.start()].decode("utf-8", errors="replace"))
    if "data file" in fields or "datafile" in fields:
        raise _fault("voxels in a file of their own", "header and voxels in one file", where)
    if any(fields.get(name, "0") != "0" for name in ("byte skip", "byteskip", "line skip", "lineskip")):
        raise _fault("skipped bytes before the voxels", "voxels right behind the header", where)
    encoding = fields.get("encoding", "").casefold()
    if encoding not in ("raw", "gzip", "gz"):
        raise _fault(f"the encoding {encoding!r}", "raw or gzip", where)
    sizes, layers, affine = _grid(fields, where)
    return NrrdHeader(sizes, layers, _dtype(fields, where), affine, encoding != "raw", end.end(), _segments(keys))


def _fields(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """``field: value`` lines in lower case, and ``key:=value`` lines."""
    fields, keys = {}, {}
    for line in text.splitlines()[1:]:
        if line.startswith("#"):
            continue
        key, mark, value = line.partition(":=")
        if mark:
            keys[key.strip()] = value.strip()
            continue
        field, mark, value = line.partition(":")
        if mark:
            fields[field.strip().casefold()] = value.strip()
    return fields, keys


def _dtype(fields: dict[str, str], where: str) -> str:
    kind = _TYPES.get(" ".join(fields.get("type", "").casefold().split()))
    endian = {"little": "<", "big": ">"}.get(fields.get("endian", "").casefold())
    if kind is None or (endian is None and kind[1] != "1"):
        raise _fault(f"voxels of type {fields.get('type', '')!r}", "numbers, with their byte order", where)
    return (endian or "<") + kind


def _grid(fields: dict[str, str], where: str) -> tuple[tuple[int, ...], int | None, np.ndarray]:
    """Sizes, the axis of layers and the affine; three axes of space and at most one of layers."""
    sizes = tuple(int(word) for word in fields.get("sizes", "").split() if re.fullmatch(r"\d{1,9}", word))
    directions = re.findall(r"none|\([^()]*\)", fields.get("space directions", ""))
    spatial = [axis for axis, direction in enumerate(directions) if direction != "none"]
    to_ras = _TO_RAS.get(fields.get("space", "").casefold())
    if fields.get("dimension") != str(len(sizes)) or len(directions) != len(sizes) or len(sizes) > _MAX_DIMENSION:
        raise _fault("sizes and space directions that do not fit together", "one of each for every axis", where)
    if to_ras is None or len(spatial) != 3 or len(sizes) > 4:
        raise _fault(
            f"{len(spatial)} axes in the space {fields.get('space', '')!r}",
            "three axes in left-posterior-superior or right-anterior-superior, and at most one of layers",
            where,
        )
    vectors = [_vector(directions[axis], where) for axis in spatial]
    affine = np.eye(4)
    affine[:3, :3] = np.transpose(vectors)
    affine[:3, 3] = _vector(fields.get("space origin", ""), where)
    layers = next((axis for axis in range(len(sizes)) if axis not in spatial), None)
    return sizes, layers, np.diag([*to_ras, 1.0]) @ affine


def _vector(text: str, where: str) -> list[float]:
    try:
        vector = [float(part) for part in text.strip("() ").split(",")]
    except ValueError:
        vector = []
    if len(vector) != 3 or not all(map(math.isfinite, vector)):
        raise _fault("a position or direction that is no triple of numbers", "(x,y,z)", where)
    return vector


def _segments(keys: dict[str, str]) -> tuple[Segment, ...]:
    """Slicer's ``Segment<i>_…`` keys. Before layers were shared, each segment had one of its own, with value 1."""
    numbers = sorted({int(match[1]) for key in keys if (match := re.match(r"Segment(\d{1,4})_", key))})
    return tuple(
        Segment(
            number=place,
            label=keys.get(f"Segment{i}_Name", ""),
            codes=_codes(keys.get(f"Segment{i}_Tags", "") + keys.get(f"Segment{i}_TerminologyEntry", "")),
            layer=_whole(keys.get(f"Segment{i}_Layer"), place - 1),
            value=_whole(keys.get(f"Segment{i}_LabelValue"), 1),
        )
        for place, i in enumerate(numbers, start=1)
    )


def _codes(text: str) -> tuple[str, ...]:
    """Category and type of ``TerminologyEntry:context~SCT^1^a~SCT^2^b~modifier~region…``; the region is left out."""
    parts = text.partition("TerminologyEntry:")[2].split("|")[0].split("~") if "TerminologyEntry:" in text else []
    parts = parts or text.split("~")
    return tuple(f"{match[1]}:{match[2]}" for part in parts[1:3] if (match := _CODE.match(part)))


def _whole(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and re.fullmatch(r"\d{1,9}", text) else otherwise


def _fault(found: str, expected: str, where: str) -> InputError:
    return InputError(
        found=found, expected=expected, where=where, remedy="Save the mask again, as one .seg.nrrd or NIfTI file."
    )
