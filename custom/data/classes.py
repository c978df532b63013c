"""Class names of datalist items as the indices that losses and heads speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..types import InputError


def class_indices(items: Sequence[Mapping], classes: Sequence[str]) -> list[int | None]:
    """Index of each item's ``lesion_class`` in ``classes``; ``None`` where it is unknown, mixed or healthy.

    Raises:
        InputError: an item names a class that ``classes`` does not hold.
    """
    indices = []
    for item in items:
        name = item.get("lesion_class")
        if name is not None and name not in classes:
            raise InputError(
                found=f"the lesion class '{name}'",
                expected=f"one of {list(classes)}, or null",
                where=f"datalist, case {item.get('case')}",
                remedy="Correct the datalist, or name your classes with --classes \"['...', '...']\".",
            )
        indices.append(None if name is None else list(classes).index(name))
    return indices
