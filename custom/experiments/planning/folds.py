"""The studies of one run: which patients it learns from, and which it is judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...data.datalist import read_datalist
from ...data.datalist_rules import mistakes_between_items
from ...data.splits import SECTIONS, content_hash, split_items
from ...types import InputError

SPLIT_SEED = 0
"""Of the folds and of the patients that are taken when there shall be fewer: all seeds of a run share its patients."""


def fold_datalists(path: Path, folds: int) -> list[dict]:
    """One datalist a fold, with the sections ``training`` and ``validation``, the held-out fold.

    The test section stays out of every fold: it is for what an experiment has decided. The folds of the file are kept
    where it has as many; otherwise patients are dealt anew.

    Args:
        path: a datalist whose sections ``training`` and ``validation`` are divided.
        folds: at least 2; or 0 for the file's own sections, judged on ``test`` or else ``validation``.

    Raises:
        InputError: a datalist that cannot be divided so.
    """
    content = read_datalist(path)
    for _, mistake in mistakes_between_items(content, path):
        raise mistake
    if folds == 0:
        held_out = content.get("test") or content.get("validation") or []
        return [_datalist(content, content.get("training", []), held_out, path)]
    items = [item for section in ("training", "validation") for item in content.get(section, [])]
    if {item.get("fold") for item in items} != set(range(folds)):
        split = split_items(items, folds=folds, validation=1 / folds, seed=SPLIT_SEED)
        items = [item for section in split.values() for item in section]
    parts = []
    for fold in range(folds):
        learnt = [item for item in items if item["fold"] != fold]
        parts.append(_datalist(content, learnt, [item for item in items if item["fold"] == fold], path))
    return parts


def take_patients(datalist: dict, wanted: float | int | None) -> dict:
    """The datalist with fewer training patients, every class in its share; a smaller choice lies within a larger one.

    Args:
        datalist: one fold's.
        wanted: a share up to 1.0, or a whole number of patients; None: all.

    Raises:
        InputError: more patients than there are.
    """
    items = datalist["training"]
    count = len({item.get("patient") or item["case"] for item in items})
    share = wanted / count if isinstance(wanted, int) else wanted
    if share is None or share == 1:
        return datalist
    if not 1 / (2 * count) <= share < 1:
        raise InputError(
            found=f"{count} training patients",
            expected=f"enough to take {wanted} of them",
            where="experiment, patients of an arm",
            remedy="Add studies, or change the arm.",
        )
    kept = split_items(items, folds=0, validation=1 - share, seed=SPLIT_SEED)["training"]
    return _hashed({**datalist, "training": kept})


def renamed(datalist: dict, names: Mapping[str, str]) -> dict:
    """The datalist with other names of its classes, as another hospital would call them.

    Args:
        datalist: one fold's.
        names: class → new name, in the order of the classes; empty: as it is.
    """
    if not names:
        return datalist
    sections = {
        section: [{**item, "lesion_class": names.get(item.get("lesion_class"))} for item in datalist[section]]
        for section in SECTIONS
    }
    return _hashed({**datalist, "classes": list(names.values()), **sections})


def _datalist(content: dict, training: Sequence[dict], held_out: Sequence[dict], path: Path) -> dict:
    if not training or not held_out:
        raise InputError(
            found=f"{len(training)} studies to learn from and {len(held_out)} to be judged on",
            expected="some of both",
            where=path.name,
            remedy="Add studies, or divide them otherwise (--folds).",
        )
    classes = {"classes": content["classes"]} if content.get("classes") else {}
    return _hashed({**classes, "training": list(training), "validation": list(held_out), "test": []})


def _hashed(datalist: dict) -> dict:
    return {**datalist, "content_hash": content_hash(datalist)}
