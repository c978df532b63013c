"""Which folder is a study's own: the highest one below the root that holds nothing of another study."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from .units import Unit


def drop_twice_read(units: list[Unit], root: Path) -> tuple[list[Unit], list[Unit]]:
    """An exam that lies in one folder as NIfTI phases and as DICOM is read once, from NIfTI.

    Returns:
        The units to read, and the DICOM exams that are not.
    """
    owners = _owners(units, root)
    dropped = []
    for unit in units:
        for folder in _upwards(unit.common, root)[:-1] if unit.is_dicom else ():
            others = owners[folder] - {unit}
            if len(others) == 1 and not next(iter(others)).is_dicom:
                dropped.append(unit)
                break
    return [unit for unit in units if unit not in dropped], dropped


def settle(units: list[Unit], root: Path) -> None:
    """Set each unit's ``home`` and ``alone``."""
    owners = _owners(units, root)
    for unit in units:
        way = _upwards(unit.common, root)
        own = [folder for folder in way if owners[folder] == {unit}]
        below_root = [folder for folder in own if folder != root]
        unit.alone = bool(own)
        unit.home = below_root[-1] if below_root else unit.common


def _owners(units: list[Unit], root: Path) -> dict[Path, set[Unit]]:
    """The units that have images in or below each folder."""
    owners: dict[Path, set[Unit]] = defaultdict(set)
    for unit in units:
        for folder in unit.folders:
            for above in _upwards(folder, root):
                owners[above].add(unit)
    return owners


def _upwards(folder: Path, root: Path) -> list[Path]:
    """The folder and those above it; the root comes last."""
    return [above for above in (folder, *folder.parents) if above.is_relative_to(root)]
