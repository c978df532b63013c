"""Who is in the data set: sections, classes, patients, folds and seeds, drawn before anything is rendered."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...types import DEFAULT_CLASSES, InputError
from .patient import draw_lesion_classes
from .presets import Preset

SECTIONS = ("training", "validation", "test")


@dataclass(frozen=True)
class PlannedStudy:
    """One study to simulate.

    Args:
        case, patient: fictitious names that tell nothing about the content.
        section: one of `SECTIONS`; with folds, fold 0 is the validation section.
        lesions: class of each lesion, or kind that no class names; empty = healthy.
        seed, acquisition_seed: see `simulate_study`.
        fold: cross-validation fold, or None.
    """

    case: str
    patient: str
    section: str
    lesions: tuple[str, ...]
    seed: int
    acquisition_seed: int
    fold: int | None = None


def scale_counts(counts: dict[str, dict[str, int]], studies: int | None) -> dict[str, dict[str, int]]:
    """Bring the counts of a preset to ``studies`` in all, in proportion (largest remainders)."""
    if studies is None:
        return counts
    if studies < 1:
        raise InputError(
            found=f"{studies} studies",
            expected="at least 1",
            where="phantom --studies",
            remedy="Ask for one study or more, or leave the option out.",
        )
    groups = [(section, group, n) for section, part in counts.items() for group, n in part.items()]
    exact = np.array([n for *_, n in groups]) * studies / sum(n for *_, n in groups)
    whole = np.floor(exact).astype(int)
    for index in np.argsort(whole - exact, kind="stable")[: studies - whole.sum()]:
        whole[index] += 1
    scaled: dict[str, dict[str, int]] = {section: {} for section in counts}
    for (section, group, _), n in zip(groups, whole, strict=True):
        scaled[section][group] = int(n)
    return scaled


def plan_studies(preset: Preset, *, seed: int = 0, studies: int | None = None) -> list[PlannedStudy]:
    """Plan a data set.

    Args:
        preset: size and make-up.
        seed: of the whole data set; sections draw from separate streams.
        studies: total number, None = the preset's.

    Returns:
        Studies in the order of `SECTIONS`, shuffled within each, so that neither order nor name tells the class.
    """
    planned = []
    for section, groups in scale_counts(preset.counts, studies).items():
        rng = np.random.default_rng([seed, SECTIONS.index(section)])
        members = [m for group, count in groups.items() for m in _draw_group(rng, preset, section, group, count)]
        for number, index in enumerate(rng.permutation(len(members)), start=1):
            name = "study" if preset.folds else section
            planned.append(replace(members[index], case=f"phantom_{name}_{number:03d}"))
    names = {p: f"phantom_patient_{i:04d}" for i, p in enumerate(dict.fromkeys(p.patient for p in planned), start=1)}
    return [replace(p, patient=names[p.patient]) for p in planned]


def _draw_group(rng, preset: Preset, section: str, group: str, count: int) -> list[PlannedStudy]:
    """Studies of one class: some of two classes, some a follow-up of the one before."""
    follow_ups, mixed = round(preset.follow_up * count), round(preset.mixed * count)
    seeds = rng.integers(2**31, size=(count, 2)).tolist()
    members: list[PlannedStudy] = []
    for number in range(count):
        patient, exam = seeds[number]
        lesions = _lesions(rng, group, mixed=number < mixed)
        if number >= count - follow_ups and number - follow_ups >= 0:  # second examination of an earlier patient
            first = members[number - follow_ups]
            members.append(replace(first, acquisition_seed=exam))
            continue
        fold = number % preset.folds if preset.folds else None
        home = "validation" if fold == 0 else section
        members.append(PlannedStudy("", f"{section}/{group}/{number}", home, lesions, patient, exam, fold))
    return members


def _lesions(rng: np.random.Generator, group: str, *, mixed: bool) -> tuple[str, ...]:
    """Class of each lesion of a patient of one group."""
    if group == "healthy":
        return ()
    classes = draw_lesion_classes(rng, group)
    others = tuple(name for name in DEFAULT_CLASSES if name != group)
    return (*classes[:2], others[rng.integers(len(others))]) if mixed else classes
