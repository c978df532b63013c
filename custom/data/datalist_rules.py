"""The rules for the entries of a datalist: each mistake is one error, and all of them are found."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..types import InputError
from .plan import Faults
from .splits import SECTIONS
from .study import check_case, check_optional_text, check_phase_names

ITEM_KEYS = (
    *("case", "patient", "phases", "image", "label", "labels", "liver", "lesion_class"),
    *("true_enhancement", "site", "fold", "name", "lesions", "atypical", "notes", "affines"),
    *("exam", "phase_map", "lesion_free", "kind"),
)
PATH_KEYS = ("image", "exam", "label", "liver")
PATH_TABLES = ("phases", "labels")


def mistakes_between_items(content: Mapping, path: Path) -> Iterator[tuple[dict, InputError]]:
    """Each case once; no patient in two sections or folds, which would let the network be tested on what it learnt.

    Args:
        content: the datalist.
        path: its file, for messages.

    Yields:
        The item, and what is wrong with it.
    """
    seen: set[str] = set()
    home: dict[str, str] = {}
    folds: dict[str, object] = {}
    for section in SECTIONS:
        for item in content.get(section, []):
            faults = Faults()
            with faults.at():
                check_case(item.get("case"))
                _check_once(item["case"], seen, path)
            with faults.at():
                _check_home(item, section, home, path)
                _check_fold(item, folds, path)
            yield from ((item, fault.error) for fault in faults.found)


def _check_once(case: str, seen: set[str], path: Path) -> None:
    if case in seen:
        raise InputError(
            found=f"case {case!r} twice",
            expected="each case once",
            where=path.name,
            remedy="Rename or remove one of them.",
        )
    seen.add(case)


def _check_home(item: Mapping, section: str, home: dict[str, str], path: Path) -> None:
    case, patient = item.get("case"), item.get("patient")
    check_optional_text(patient, f"{path.name}, case {case}, patient", "a text, or null")
    if patient is not None and home.setdefault(patient, section) != section:
        raise InputError(
            found=f"the patient of case {case!r} in {home[patient]} and in {section}",
            expected="each patient in one section only",
            where=path.name,
            remedy="Split by patient.",
        )


def _check_fold(item: Mapping, folds: dict[str, object], path: Path) -> None:
    patient, fold = item.get("patient"), item.get("fold")
    if patient is not None and fold is not None and folds.setdefault(patient, fold) != fold:
        raise InputError(
            found=f"the patient of case {item.get('case')!r} in fold {folds[patient]} and in fold {fold}",
            expected="each patient in one fold only",
            where=path.name,
            remedy="Split by patient.",
        )


def mistakes_of_item(item: Mapping, content: Mapping, path: Path) -> Iterator[InputError]:
    """What is wrong with one item: its keys, its paths' form, its class."""
    where, faults = f"{path.name}, case {item.get('case')}", Faults()
    for key in item:
        with faults.at():
            _check_key(key, where)
    with faults.at():
        _check_form(item, where)
    with faults.at():
        _check_class(item.get("lesion_class"), content.get("classes"), where)
    with faults.at():
        _check_kind(item, content.get("classes"), where)
    yield from (fault.error for fault in faults.found)


def _check_key(key: str, where: str) -> None:
    if key not in ITEM_KEYS:
        near = difflib.get_close_matches(key, ITEM_KEYS, n=1)
        raise InputError(
            found=f"unknown key {key!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
            expected=f"keys among {', '.join(ITEM_KEYS)}",
            where=where,
            remedy="Correct or remove it.",
        )


def _check_form(item: Mapping, where: str) -> None:
    """One path, or a path for each phase; several files only for masks."""
    if bool(item.get("phases")) == bool(item.get("image")):
        raise InputError(
            found="both or neither of phases and image",
            expected='"phases" {phase: path} or "image", a path',
            where=where,
            remedy="Complete the entry.",
        )
    for key in PATH_TABLES:
        if item.get(key) and not isinstance(item[key], Mapping):
            raise InputError(
                found=f"{key} that is no table", expected='{"pre": path, ...}', where=where, remedy="Correct it."
            )
        check_phase_names(item.get(key) or {}, where=f"{where}, {key}")
    if any(isinstance(value, list) for value in [item.get("image"), *(item.get("phases") or {}).values()]):
        raise InputError(
            found="a list of images",
            expected="one path for each phase (only masks may be several files)",
            where=where,
            remedy="Name one file, or a folder of DICOM.",
        )


def _check_class(lesion_class: object, classes: list[str] | None, where: str) -> None:
    check_optional_text(lesion_class, f"{where}, lesion_class", "the name of a class, or null")
    if classes and lesion_class is not None and lesion_class not in classes:
        raise InputError(
            found=f"lesion_class {lesion_class!r}",
            expected=f"one of {', '.join(classes)}, or null",
            where=where,
            remedy="Correct the entry, or the list of classes.",
        )


def _check_kind(item: Mapping, classes: list[str] | None, where: str) -> None:
    """A kind is what the lesions are when no class names them."""
    kind = item.get("kind")
    check_optional_text(kind, f"{where}, kind", "what the lesions are that no class names, or null")
    if kind is not None and (item.get("lesion_class") is not None or kind in (classes or ())):
        raise InputError(
            found=f"kind {kind!r} of lesions that have a class",
            expected="a kind only where lesion_class is null, and another name than the classes",
            where=where,
            remedy="Remove the kind, or correct the class.",
        )
