"""Class names of datalist items as the indices that losses and heads speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..types import UNKNOWN_CLASS
from .annotated import as_entry
from .label_values import class_index


def class_indices(items: Sequence[Mapping], classes: Sequence[str]) -> list[int | None]:
    """Index of each item's ``lesion_class`` in ``classes``; ``None`` where it is unknown, mixed or healthy.

    Args:
        items: entries of a datalist, or an annotation server's items.
        classes: class names in head order.

    Raises:
        InputError: an item names a class that ``classes`` does not hold.
    """
    entries = [as_entry(item) for item in items]
    where = [f"datalist, case {entry.get('case')}" for entry in entries]
    found = [class_index(e.get("lesion_class"), classes, where=w) for e, w in zip(entries, where, strict=True)]
    return [None if index == UNKNOWN_CLASS else index for index in found]
