"""Training, validation, test and folds: by patient, stratified by class, decided by the seed and the names alone."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from ..types import InputError

SECTIONS = ("training", "validation", "test")


def split_items(
    items: Sequence[Mapping], *, folds: int = 5, validation: float = 0.2, test: float = 0.0, seed: int = 0
) -> dict[str, list[dict]]:
    """Split studies into sections and folds.

    A patient's studies stay together; patients are stratified by the classes of their studies. The order of the items
    does not matter, and neither does the order in which they were found.

    Args:
        items: each with ``case`` and, where known, ``patient`` and ``lesion_class``.
        folds: number of folds over all that is not test, 0 for none; fold 0 is the validation section when
            ``validation`` is one of ``folds`` parts.
        validation, test: share of the patients, 0 <= share < 1; ``test`` may be 1 without folds and validation.
        seed: another seed, another split.

    Returns:
        ``{"training": [...], "validation": [...], "test": [...]}``: copies of the items in natural order of their
        cases, with ``fold`` where there are folds.

    Raises:
        InputError: shares that leave nothing to train on, or fewer patients than folds.
    """
    patients = _patients(items)
    _check(len(patients), folds, validation, test)
    tested = _draw(patients, test, seed, "test")
    rest = {patient: studies for patient, studies in patients.items() if patient not in tested}
    fold_of = _deal(rest, folds, seed) if folds else {}
    if folds and abs(validation * folds - 1) < 1e-6:
        validated = {patient for patient, fold in fold_of.items() if fold == 0}
    else:
        validated = _draw(rest, validation * len(patients) / max(1, len(rest)), seed, "validation")
    sections: dict[str, list[dict]] = {name: [] for name in SECTIONS}
    for item in sorted(items, key=lambda item: natural_key(item["case"])):
        patient = _patient(item)
        section = "test" if patient in tested else "validation" if patient in validated else "training"
        fold = {"fold": fold_of[patient]} if patient in fold_of else {}
        sections[section].append({**item, **fold})
    return sections


def content_hash(content: Mapping) -> str:
    """SHA-256 of a datalist's content: the same for the same content, however it is written down."""
    kept = {key: value for key, value in content.items() if key != "content_hash"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def natural_key(name: str) -> list:
    """Sorts ``case9`` before ``case10``."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name)]


def _patient(item: Mapping) -> tuple[str, str]:
    """A study whose patient is unknown stands for itself."""
    patient = item.get("patient")
    return ("case", item["case"]) if patient is None else ("patient", patient)


def _patients(items: Sequence[Mapping]) -> dict[tuple[str, str], list[str]]:
    """The classes of each patient's studies."""
    patients: dict[tuple[str, str], list[str]] = defaultdict(list)
    for item in items:
        patients[_patient(item)].append(str(item.get("lesion_class")))
    return dict(patients)


def _check(count: int, folds: int, validation: float, test: float) -> None:
    if test == 1 and validation == 0 and folds == 0 and count:  # a data set that only serves to test
        return
    shares = 0 <= validation < 1 and 0 <= test < 1 and validation + test < 1
    if not shares or folds < 0 or folds == 1:
        raise InputError(
            found=f"folds {folds}, validation {validation:g}, test {test:g}",
            expected="no folds or at least two; shares from 0 that leave some for training, or all for test alone",
            where="split",
            remedy="Correct --folds, --validation or --test.",
        )
    needed = max(1 + (validation > 0) + (test > 0), folds + round(test * count))
    if count < needed:
        raise InputError(
            found=f"{count} patients",
            expected=f"at least {needed} for {folds} folds, {validation:.0%} validation and {test:.0%} test",
            where="split",
            remedy="Lower --folds, --validation or --test, or add studies.",
        )


def _strata(patients: Mapping[tuple, list[str]], seed: int, purpose: str) -> list[list[tuple]]:
    """Patients whose studies have the same classes, each stratum in the seed's order, largest stratum first."""
    strata: dict[str, list[tuple]] = defaultdict(list)
    for patient, classes in patients.items():
        strata["+".join(sorted(set(classes)))].append(patient)
    return [
        sorted(strata[name], key=lambda patient: _order(seed, purpose, patient))
        for name in sorted(strata, key=lambda name: (-len(strata[name]), name))
    ]


def _order(*parts: object) -> str:
    """A number that only the parts decide: independent of the other patients and of the machine."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _draw(patients: Mapping[tuple, list[str]], share: float, seed: int, purpose: str) -> set[tuple]:
    """That share of the patients of each stratum, whole numbers by largest remainder; at least one of all."""
    if share == 0:
        return set()
    strata = _strata(patients, seed, purpose)
    exact = [share * len(stratum) for stratum in strata]
    counts = [int(number + 1e-9) for number in exact]
    missing = max(1, round(share * len(patients))) - sum(counts)
    by_remainder = sorted(range(len(strata)), key=lambda s: (counts[s] - exact[s], -len(strata[s]), s))
    for s in by_remainder[: max(0, missing)]:
        counts[s] += 1
    return {patient for stratum, count in zip(strata, counts, strict=True) for patient in stratum[:count]}


def _deal(patients: Mapping[tuple, list[str]], folds: int, seed: int) -> dict[tuple, int]:
    """Each stratum dealt to the folds in rounds of one patient each, many studies to where there are few."""
    fold_of: dict[tuple, int] = {}
    dealt, studies = [0] * folds, [0] * folds
    for stratum in _strata(patients, seed, "folds"):
        ordered = sorted(stratum, key=lambda patient: -len(patients[patient]))  # stable: ties stay in the seed's order
        for start in range(0, len(ordered), folds):
            free = sorted(range(folds), key=lambda fold: (dealt[fold], studies[fold], fold))
            for patient, fold in zip(ordered[start : start + folds], free, strict=False):
                fold_of[patient] = fold
                dealt[fold] += 1
                studies[fold] += len(patients[patient])
    return fold_of
