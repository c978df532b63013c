"""One mask, as a datalist names it → one label map, whatever its format."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...types import InputError
from ..budget import MemoryBudget
from ..nifti import is_nifti, nifti_stem, plan_mask, read_mask
from ..plan import VolumePlan
from ..study import Volume
from .dicom_seg import is_dicom_seg, read_seg, seg_segments
from .nrrd import nrrd_segments, read_nrrd
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
    """Plan a mask on its own grid; takes what ``read_segmentation`` takes.

    Only a NIfTI mask is left unread: the grid of the others is known once they are read.
    """
    path, wanted = _split(reference)
    if is_nifti(path) and not wanted:
        return plan_mask(path, where=where, budget=budget)
    mask = read_segmentation(reference, purpose=purpose, where=where, budget=budget)
    return VolumePlan(mask.data.shape, mask.affine, mask.source, where, path, lambda: mask.data)


def read_segmentation(reference: str, *, purpose: str, where: str, budget: MemoryBudget) -> Volume:
    """Read a mask on its own grid.

    Args:
        reference: path, with ``@`` and segments behind it where not the names decide (see ``parse_reference``).
        purpose: ``"label"`` for the tumour, ``"liver"`` for the liver.
        where: how to name it in messages.
        budget: memory to claim from.

    Returns:
        Label map, uint8: values of a plain label map as they are, else 1 or the values behind the ``@``.

    Raises:
        InputError: no such file, no mask, or no such segment.
    """
    path, wanted = _split(reference)
    if not path.is_file():
        raise InputError(found="no such file", expected=FORMATS, where=where, remedy="Correct the path.")
    segments = read_segments(path, where=where)
    if segments:
        chosen = choose_segments(segments, wanted, purpose=purpose, where=where)
        return (read_nrrd if is_nrrd(path) else read_seg)(path, chosen, where=where, budget=budget)
    whole = read_mask if is_nifti(path) else _read_label_map
    return _picked(whole(path, where=where, budget=budget), wanted, where)


def _read_label_map(path: Path, *, where: str, budget: MemoryBudget) -> Volume:
    if not is_nrrd(path):
        raise InputError(found="a segmentation without segments", expected=FORMATS, where=where, remedy="Export again.")
    return read_nrrd(path, None, where=where, budget=budget)


def _picked(mask: Volume, wanted: dict[str, int], where: str) -> Volume:
    """Chosen values of a plain label map, such as the tumours (2) of a map whose 1 is the liver."""
    if not wanted:
        return mask
    present = tuple(Segment(int(value)) for value in np.unique(mask.data) if value)
    data = np.zeros_like(mask.data)
    for name, value in wanted.items():
        if not name.isdecimal():
            choose_segments(present, {name: value}, purpose="label", where=where)  # says which there are
        data[mask.data == int(name)] = value
    return Volume(data, mask.affine, mask.source)


def _split(reference: str) -> tuple[Path, dict[str, int]]:
    if Path(reference).exists():
        return Path(reference).absolute(), {}
    path, wanted = parse_reference(reference)
    return Path(path).absolute(), wanted


def _seg(path: Path, where: str) -> Path:
    if not is_dicom_seg(path):
        raise InputError(found="a file that is no mask", expected=FORMATS, where=where, remedy="Correct the path.")
    return path
