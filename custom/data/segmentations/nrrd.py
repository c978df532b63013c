"""NRRD masks: ``.seg.nrrd`` of 3D Slicer with named segments, and plain ``.nrrd`` label maps."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ...types import InputError
from ..budget import BYTES_PER_VOXEL, MemoryBudget
from ..plan import VolumePlan
from ..shown import shown
from .label_map import check_label_map, pad_single_slices, padded_shape
from .nrrd_header import NrrdHeader, read_nrrd_header
from .segments import Segment


def nrrd_segments(path: Path, where: str) -> tuple[Segment, ...]:
    """The segments that the header names; empty for a plain label map."""
    return read_nrrd_header(path, where).segments


def plan_nrrd(
    path: Path, chosen: Sequence[tuple[Segment, int]] | None, *, where: str, budget: MemoryBudget
) -> VolumePlan:
    """Plan a label map, or chosen segments as one.

    Args:
        path: the file.
        chosen: segments and the value of each; where they overlap, the later one counts. ``None`` for the values as
            they are.
        where: how to name it in messages.
        budget: memory to claim from.

    Raises:
        InputError: unreadable or oversized; when read: truncated, or no label map.
    """
    header = read_nrrd_header(path, where)
    sizes = tuple(size for axis, size in enumerate(header.sizes) if axis != header.layers)
    stored_bytes = np.dtype(header.dtype).itemsize
    budget.check((max(1, stored_bytes // BYTES_PER_VOXEL), *header.sizes), where)
    budget.claim(sizes, where)
    load = partial(_label_map, path, header, chosen, where)
    return VolumePlan(padded_shape(sizes), header.affine, shown(path), where, path, load)


def _label_map(path: Path, header: NrrdHeader, chosen: Sequence[tuple[Segment, int]] | None, where: str) -> np.ndarray:
    layers = _layers(path, header, where)  # (L, X, Y, Z)
    if chosen is None:
        if len(layers) != 1:
            raise InputError(
                found=f"{len(layers)} layers and no word on their segments",
                expected="one label map, or the segments that 3D Slicer writes",
                where=where,
                remedy="Name the segments, or save the mask as one label map.",
            )
        return pad_single_slices(check_label_map(layers[0], where))
    data = np.zeros(layers.shape[1:], dtype=np.uint8)
    for segment, value in chosen:
        if segment.layer >= len(layers):
            raise _unreadable("a segment in a layer that is not there", where)
        data[layers[segment.layer] == segment.value] = value
    return pad_single_slices(data)


def _layers(path: Path, header: NrrdHeader, where: str) -> np.ndarray:
    """Voxels as stored, the axis of layers first: ``(L, X, Y, Z)``. No more is unpacked than was declared."""
    wanted = math.prod(header.sizes) * np.dtype(header.dtype).itemsize
    try:
        with path.open("rb") as stream:
            stream.seek(header.start)
            source = gzip.GzipFile(fileobj=stream) if header.gzipped else stream
            stored = source.read(wanted)
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(type(error).__name__, where) from error
    if len(stored) != wanted:
        raise _unreadable(f"{len(stored)} of {wanted} bytes", where)
    data = np.frombuffer(stored, dtype=header.dtype).reshape(header.sizes, order="F")
    return data[None] if header.layers is None else np.moveaxis(data, header.layers, 0)


def _unreadable(how: str, where: str) -> InputError:
    return InputError(
        found=f"an unreadable or truncated file ({how})",
        expected="a complete NRRD file",
        where=where,
        remedy="Copy or save it again.",
    )
