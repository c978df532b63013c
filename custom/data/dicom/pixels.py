"""Chosen time points → voxels: each frame read once, straight into the volume, as real values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ...types import InputError
from ..budget import MemoryBudget
from .decode import decode
from .records import FileHeader, Frame


def read_voxels(frames: Sequence[Frame], *, budget: MemoryBudget) -> np.ndarray:
    """Real values of a stack.

    Args:
        frames: slices in order, all of one matrix.
        budget: what is left beside the stack, which was claimed; for decoding compressed files.

    Returns:
        ``(X, Y, Z)`` = (column, row, slice), float32.

    Raises:
        InputError: pixels that cannot be decoded, or too many of them.
    """
    rows, columns = frames[0].file.shape
    stack = np.empty((len(frames), rows, columns), dtype=np.float32)  # (Z, Y, X)
    for k, stored in _stored_slices(frames, budget):
        _real_values(stored, frames[k], out=stack[k])
    return stack.transpose(2, 1, 0)  # (X, Y, Z)


def read_slices(frames: Sequence[Frame], *, budget: MemoryBudget, where: str) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (number, real values ``(rows, columns)`` float32) of single frames of one matrix, file by file."""
    budget.check(frames[0].file.shape, where)
    for k, stored in _stored_slices(frames, budget):
        yield k, _real_values(stored, frames[k], out=np.empty(frames[k].file.shape, np.float32))


def _real_values(stored: np.ndarray, frame: Frame, *, out: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows float32 is reported as not finite
        np.multiply(stored, np.float32(frame.slope), out=out, casting="unsafe")
        if frame.intercept:
            out += np.float32(frame.intercept)
    return out


def _stored_slices(frames: Sequence[Frame], budget: MemoryBudget):
    """Yield (slice number, stored values ``(rows, columns)``), file by file."""
    by_file: dict[Path, list[int]] = defaultdict(list)
    for k, frame in enumerate(frames):
        by_file[frame.file.path].append(k)
    for members in by_file.values():
        header = frames[members[0]].file
        if header.pixels is not None:
            yield from zip(members, _native_frames(header, [frames[k].index for k in members]), strict=True)
            continue
        decoded = decode(header, budget)  # (frames, rows, columns)
        for k in members:
            stored = decoded[frames[k].index]
            yield k, stored if stored.dtype.kind == "f" else _used_bits(stored, header.bits_stored)


def _native_frames(header: FileHeader, indices: Sequence[int]) -> Iterator[np.ndarray]:
    start, length = header.pixels
    size = length // header.frame_count
    try:
        with header.path.open("rb") as stream:
            for index in indices:
                stream.seek(start + index * size)
                stored = np.frombuffer(stream.read(size), dtype=header.dtype)
                yield _used_bits(stored, header.bits_stored).reshape(header.shape)
    except (OSError, ValueError) as error:
        raise InputError(
            found=f"a file that changed while it was read ({type(error).__name__})",
            expected="files that stay as they are",
            where=header.name,
            remedy="Wait until the exam is copied, then try again.",
        ) from error


def _used_bits(stored: np.ndarray, bits: int) -> np.ndarray:
    """Values of the lower bits: scanners leave overlays or sign bits of their own in the unused ones."""
    unused = 8 * stored.dtype.itemsize - bits
    if bits < 1 or unused < 1:
        return stored
    return (stored << unused) >> unused  # arithmetic for signed types, which keeps the sign
