"""A study's memory, claimed from headers before any voxel is read: a 76-byte file may declare gigabytes."""

from __future__ import annotations

from collections.abc import Sequence

from ..types import InputError

BYTES_PER_VOXEL = 4  # float32, what every phase is kept in


class MemoryBudget:
    """What one study may take in memory.

    Args:
        limit_gb: gigabytes (10⁹ bytes), > 0.
    """

    def __init__(self, limit_gb: float) -> None:
        if not limit_gb > 0:
            raise InputError(
                found=f"{limit_gb}",
                expected="a positive number of gigabytes",
                where="memory_budget_gb",
                remedy="Raise it.",
            )
        self.limit_gb = limit_gb
        self._left = int(limit_gb * 1e9)

    def claim(self, shape: Sequence[int], where: str) -> int:
        """Reserve a volume as float32.

        Args:
            shape: voxels along each axis, as declared by the header.
            where: file or series, for the message.

        Returns:
            Number of voxels.

        Raises:
            InputError: empty or negative size, or more than what is left.
        """
        voxels = self.check(shape, where)
        self._left -= voxels * BYTES_PER_VOXEL
        return voxels

    def check(self, shape: Sequence[int], where: str) -> int:
        """As ``claim``, for an array that is let go at once."""
        voxels = 1
        for size in shape:  # Python integers: a product of declared sizes overflows int64
            voxels *= int(size)
        if any(int(size) < 1 for size in shape):
            raise InputError(
                found=f"a size of {_times(shape)} in the header",
                expected="at least one voxel along each axis",
                where=where,
                remedy="Export the file again.",
            )
        if voxels * BYTES_PER_VOXEL > self._left:
            raise InputError(
                found=f"{_times(shape)} voxels in the header ({voxels * BYTES_PER_VOXEL / 1e9:.1f} GB)",
                expected=f"a study within {self.limit_gb:g} GB",
                where=where,
                remedy="Check the file, or raise memory_budget_gb.",
            )
        return voxels


def _times(shape: Sequence[int]) -> str:
    return " × ".join(str(int(size)) for size in shape)
