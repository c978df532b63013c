"""What looks wrong about a study that could be read: each a sentence, none of them a proof."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from ...types import InputError
from ..label_values import label_values
from ..study import Study, Volume

MOST_SPREAD_MM = 40.0
"""Breath-holds move a lesion by up to about 20 mm; centres further apart speak of lost positions."""

CUT_MARGIN = 0.25
"""How much more of another axis' ends must be body than of the head-foot axis' ends before that is remarkable."""

BODY_FRACTION = 0.1
"""Of the 99th percentile: what is brighter is body."""


def suspicions(study: Study, main: Volume | None, record: Mapping, classes: Sequence[str]) -> list[str]:
    """Look for the silent faults of shared data sets.

    Args:
        study: as read.
        main: its tumour mask.
        record: what ``measure_study`` found.
        classes: class names in head order.

    Returns:
        Sentences; empty when nothing is remarkable.
    """
    found = []
    for phase, volume in study.phases.items():
        if repeated := _repeated_slices(volume.data):
            found.append(f"{repeated} of {volume.data.shape[2]} slices of {phase} repeat another slice")
        if axis := _unexpected_cut(volume):
            found.append(f"{phase} looks cut off along its {axis} axis: its header may misstate the orientation")
    medians = {phase: values["median"] for phase, values in record["phases"].items()}
    later = [median for phase, median in medians.items() if phase != "pre"]
    if later and medians.get("pre", 0.0) > max(later):
        found.append("pre is brighter than every later phase: check which phase is which")
    if (spread_mm := record["centre_spread_mm"]) is not None and spread_mm > MOST_SPREAD_MM:
        found.append(f"the tumour's centres in the phases lie {spread_mm:.0f} mm apart")
    for phase, mask in study.phase_labels.items():
        if not mask.data.any() and main is not None and main.data.any():
            found.append(f"the mask of {phase} is empty")
    return found + _label_values(study, main, classes)


def _repeated_slices(data: np.ndarray) -> int:
    """Slices that are equal, bit by bit, to an earlier one; real noise never is. Constant slices do not count."""
    seen: set[bytes] = set()
    repeated = 0
    for k in range(data.shape[2]):
        plane = np.ascontiguousarray(data[:, :, k])
        if plane.min() == plane.max():
            continue
        digest = hashlib.blake2b(plane, digest_size=16).digest()
        repeated += digest in seen
        seen.add(digest)
    return repeated


def _unexpected_cut(volume: Volume) -> str | None:
    """The voxel axis along which the body is cut off, unless it is the one that runs from head to foot.

    An axial stack shows body in its first and last slice, and air around it in each of them.
    """
    threshold = BODY_FRACTION * np.percentile(volume.data[::4, ::4], 99)
    ends = [np.moveaxis(volume.data, axis, 0)[[0, -1]] for axis in range(3)]  # (2, two other axes) each
    shares = [float((planes > threshold).mean()) for planes in ends]
    stated, seen = int(np.argmax(np.abs(volume.affine[2, :3]))), int(np.argmax(shares))
    return ("first", "second", "third")[seen] if shares[seen] > shares[stated] + CUT_MARGIN else None


def _label_values(study: Study, main: Volume | None, classes: Sequence[str]) -> list[str]:
    """What training would refuse about the tumour mask, and a mask that is empty although there is a lesion."""
    if main is None:
        return []
    if study.lesion_class and not main.data.any():
        return [f"no tumour in the mask of a study of class {study.lesion_class}"]
    try:
        label_values(main.data, study.lesion_class, classes, where=main.source)
    except InputError as error:
        return [f"{error.where}: {error.found}; expected {error.expected}"]
    return []
