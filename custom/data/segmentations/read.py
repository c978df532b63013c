"""One mask, as a datalist names it → one label map, whatever its format."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ...types import InputError
from ..budget import MemoryBudget
from ..nifti import is_nifti, nifti_stem, plan_mask
from ..plan import VolumePlan
from .dicom_seg import is_dicom_seg, plan_seg, seg_segments
from .nrrd import nrrd_segments, plan_nrrd
from .segments import Segment, choose_segments, parse_reference

NRRD_SUFFIXES = (".seg.nrrd", ".nrrd")
FORMATS = "a NIfTI file, a .seg.nrrd or .nrrd file, or a DICOM SEG"


def is_nrrd(path: Path) -> bool:
    """Whether the file's name says NRRD."""
    return path.name.lower().endswith(".nrrd")


def mask_stem(path: Path) -> str:
    """File name without what says its format."""
    for suffix in NRRD_SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return nifti_stem(path)


def mask_file(reference: str) -> Path:
    """The file of a mask reference, ``"seg.dcm@Tumour"`` → ``seg.dcm``."""
    return _split(reference)[0]


def read_segments(path: Path, *, where: str) -> tuple[Segment, ...]:
    """The segments that a file names; empty for a plain label map.

    Raises:
        InputError: no mask, or an unreadable one.
    """
    if is_nifti(path):
        return ()
    return nrrd_segments(path, where) if is_nrrd(path) else seg_segments(_seg(path, where), where)


def plan_segmentation(reference: str, *, purpose: str, where: str, budget: MemoryBudget) -> VolumePlan:
    """Plan a mask on its own grid.

    Args:
        reference: path, with ``@`` and segments behind it where not the names decide (see ``parse_reference``).
        purpose: ``"label"`` for the tumour, ``"liver"`` for the liver.
        where: how to name it in messages.
        budget: memory to claim from.

    Returns:
        The plan of a label map, uint8: values of a plain label map as they are, else 1 or the values behind the ``@``.

    Raises:
        InputError: no such file, no mask, or no such segment.
    """
    path, wanted = _split(reference)
    if not path.is_file():
        raise InputError(found="no such file", expected=FORMATS, where=where, remedy="Correct the path.")
    segments = read_segments(path, where=where)
    if segments:
        chosen = choose_segments(segments, wanted, purpose=purpose, where=where)
        return (plan_nrrd if is_nrrd(path) else plan_seg)(path, chosen, where=where, budget=budget)
    if is_nifti(path):
        plan = plan_mask(path, where=where, budget=budget)
    elif is_nrrd(path):
        plan = plan_nrrd(path, None, where=where, budget=budget)
    else:
        raise InputError(found="a segmentation without segments", expected=FORMATS, where=where, remedy="Export again.")
    return replace(plan, load=partial(_picked, plan, wanted)) if wanted else plan


def _picked(plan: VolumePlan, wanted: dict[str, int]) -> np.ndarray:
    """Chosen values of a plain label map, such as the tumours (2) of a map whose 1 is the liver."""
    whole = plan.load()
    data = np.zeros_like(whole)
    for name, value in wanted.items():
        if not name.isdecimal():
            present = [Segment(int(value)) for value in np.unique(whole) if value]
            choose_segments(present, {name: value}, purpose="label", where=plan.where)  # says which there are
        data[whole == int(name)] = value
    return data


def _split(reference: str) -> tuple[Path, dict[str, int]]:
    if Path(reference).exists():
        return Path(reference).absolute(), {}
    path, wanted = parse_reference(reference)
    return Path(path).absolute(), wanted


def _seg(path: Path, where: str) -> Path:
    if not is_dicom_seg(path):
        raise InputError(found="a file that is no mask", expected=FORMATS, where=where, remedy="Correct the path.")
    return path
