"""What a tumour mask says: class values where it has them, the study's class where it has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..types import UNKNOWN_CLASS, InputError


class LabelValues(NamedTuple):
    """A label map in the project's values, and how much of the class it knows."""

    data: np.ndarray  # (X, Y, Z) uint8, class k is k + 1
    lesion_class: int  # of the study; UNKNOWN_CLASS when unknown or several
    class_values: bool  # False: any tumour is 1, whatever its class


def class_index(name: str | None, classes: Sequence[str], *, where: str) -> int:
    """Index of a class name in ``classes`` (case ignored), or ``UNKNOWN_CLASS`` for ``None``."""
    if name is None:
        return UNKNOWN_CLASS
    folded = [str(c).casefold() for c in classes]
    if str(name).casefold() not in folded:
        raise InputError(
            found=f"lesion class {name!r}",
            expected=f"one of {list(classes)} or null",
            where=where,
            remedy="Correct the datalist, or name the class in the configuration key 'classes'.",
        )
    return folded.index(str(name).casefold())


def label_values(
    mask: np.ndarray,
    lesion_class: str | None,
    classes: Sequence[str],
    *,
    where: str,
    names: Mapping[int, str] | None = None,
) -> LabelValues:
    """Bring a mask to class values.

    A mask that holds only 0 and 1 says where, not what: it takes the study's class. Values above 1 are classes of
    their own, value ``k + 1`` for class ``k``. Names that a viewer gave to the values decide, if they are classes.

    Args:
        mask: ``(X, Y, Z)``, whole numbers, 0 background.
        lesion_class: class name of the study or ``None``.
        classes: class names in head order.
        where: the mask, as the user named it.
        names: value → name of the segment, case ignored; names of which none is a class say nothing.

    Returns:
        The label map, the study's class index, and whether the values carry classes.

    Raises:
        InputError: a value that no class has, or a mask that contradicts the study's class.
    """
    study_class = class_index(lesion_class, classes, where=where)
    named = _classes_of_names(names or {}, classes)
    if named:
        mask = _renumbered(mask, named, names or {}, classes, where)
    present = [int(v) for v in np.unique(mask) if v != 0]
    if present and (present[-1] > len(classes) or present[0] < 0):
        raise InputError(
            found=f"label values {present}",
            expected=f"0 and 1..{len(classes)} (value k + 1 for class k of {list(classes)})",
            where=where,
            remedy="Renumber the mask; a mask without classes is 0 and 1.",
        )
    values = mask.astype(np.uint8)
    if not present or (present == [1] and not named):
        if study_class == UNKNOWN_CLASS:
            return LabelValues(values, UNKNOWN_CLASS, False)
        return LabelValues(values * np.uint8(study_class + 1), study_class, True)
    if len(present) > 1:
        return LabelValues(values, UNKNOWN_CLASS, True)
    if study_class not in (UNKNOWN_CLASS, present[0] - 1):
        raise InputError(
            found=f"label value {present[0]} ({classes[present[0] - 1]}) in a study of class {lesion_class!r}",
            expected="a mask and a study class that agree",
            where=where,
            remedy="Correct 'lesion_class' in the datalist, or store the mask as 0 and 1.",
        )
    return LabelValues(values, present[0] - 1, True)


def _classes_of_names(names: Mapping[int, str], classes: Sequence[str]) -> dict[int, int]:
    """Value of the mask → value of its class."""
    folded = [str(c).casefold() for c in classes]
    return {value: folded.index(name.casefold()) + 1 for value, name in names.items() if name.casefold() in folded}


def _renumbered(
    mask: np.ndarray, named: Mapping[int, int], names: Mapping[int, str], classes: Sequence[str], where: str
) -> np.ndarray:
    present = np.unique(mask)
    if strangers := [names.get(int(v), f"value {int(v)}") for v in present if v != 0 and int(v) not in named]:
        raise InputError(
            found=f"segments that are no class: {', '.join(map(repr, strangers))}",
            expected=f"segments named {', '.join(classes)}",
            where=where,
            remedy="Rename or remove them in the viewer, and save the label again.",
        )
    new = np.zeros(int(present[-1]) + 1, np.uint8)
    for value, class_value in named.items():
        if value < len(new):
            new[value] = class_value
    return new[mask.astype(np.intp)]
