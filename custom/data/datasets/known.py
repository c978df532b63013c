"""The public data sets that ``prepare --dataset`` knows: how each is read, and under which licence it comes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike

from ...types import InputError
from . import liverhccseg, lld_mmri, lld_mmri_original
from .lld_annotation import CLASSES as LLD_CLASSES

_LLD_LICENCE = (
    "LLD-MMRI is licensed CC BY-NC 4.0: non-commercial research only. Its agreement forbids passing on any part of it, "
    "masks and crops included. Mark weights trained on it as non-commercial."
)
_LIVERHCCSEG_LICENCE = (
    "LiverHccSeg is licensed CC BY 4.0: name the authors (Gross et al., Data in Brief 2023) and the record, "
    "doi:10.5281/zenodo.7957516."
)


@dataclass(frozen=True)
class KnownSet:
    """One layout of a public data set.

    Args:
        entries: ``(root, *, classes, ...) -> (datalist entries, remarks)``.
        all_classes: every class of the set, what ``--classes all`` stands for.
        licence: the reminder to show.
    """

    entries: Callable[..., tuple[list[dict], list[str]]]
    all_classes: tuple[str, ...]
    licence: str

    def options(self) -> set[str]:
        """Names of the options that only this set has."""
        return set(inspect.signature(self.entries).parameters) - {"root", "classes"}


KNOWN_SETS = {
    "lld-mmri": KnownSet(lld_mmri.entries, LLD_CLASSES, _LLD_LICENCE),
    "lld-mmri-original": KnownSet(lld_mmri_original.entries, LLD_CLASSES, _LLD_LICENCE),
    "liverhccseg": KnownSet(liverhccseg.entries, (liverhccseg.CLASS,), _LIVERHCCSEG_LICENCE),
}


def known_entries(
    name: str, root: str | PathLike, *, classes: Sequence[str], **options: object
) -> tuple[list[dict], list[str]]:
    """The studies of a public data set.

    Args:
        name: one of ``KNOWN_SETS``.
        root: its folder; nothing in it is written to.
        classes: class names in head order.
        options: what the set can be asked beside that (``rater``, ``registered``); those that are ``None`` are left
            to their defaults.

    Returns:
        Datalist entries with absolute paths, and remarks on the set as a whole.

    Raises:
        InputError: no such set, an option that it does not have, or another layout.
    """
    if name not in KNOWN_SETS:
        raise InputError(
            found=f"the data set {name!r}",
            expected=f"one of {', '.join(KNOWN_SETS)}",
            where="--dataset",
            remedy="Choose one of them, or leave --dataset out for a folder of your own.",
        )
    known = KNOWN_SETS[name]
    given = {option: value for option, value in options.items() if value is not None}
    if strangers := sorted(set(given) - known.options()):
        raise InputError(
            found=f"--{strangers[0]} for {name}",
            expected=f"options among {', '.join(sorted(known.options())) or 'none'}",
            where="prepare",
            remedy="Leave it out.",
        )
    return known.entries(root, classes=classes, **given)
