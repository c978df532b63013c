"""An examination as DICOM: main series in a vendor's dialect, distractors beside them, names that tell no order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset

from ....types import PHASES
from ..orientation import reoriented
from ..simulate import PhantomStudy
from ..write_nifti import save_nifti
from .classic import series_files
from .dialects import get_dialect
from .distractors import DISTRACTORS
from .enhanced import enhanced_file
from .headers import Exam
from .scanner import Scanner
from .series import Moment, Series, moments_of
from .series_names import IDENTICAL, MISSING, series_description

FIRST_SERIES_NUMBER = 5


def write_dicom(
    study: PhantomStudy,
    folder: Path,
    *,
    layout: str = "series",
    seed: int = 0,
    phases: tuple[str, ...] = PHASES,
    shuffle_instance_numbers: bool = False,
    localiser: bool = False,
) -> None:
    """Write the phases of a study in a dialect, and the mask as ``<folder>/tumour.nii.gz``.

    Args:
        study: what to write, in any orientation (see `reoriented`).
        folder: created if need be.
        layout: one of `DIALECTS`.
        seed: of the fictitious patient, the UIDs and the shuffling.
        phases: which phases to write; the others are missing.
        shuffle_instance_numbers: InstanceNumber follows neither space nor time (never where it alone tells time).
        localiser: add a three-slice localiser series, as every examination has.
    """
    scanner = Scanner(
        dialect=get_dialect(layout),
        phases=phases,
        distractors=("localiser",) if localiser else (),
        shuffled=shuffle_instance_numbers and layout != "blocks",
    )
    write_exam(study, moments_of(study, phases), folder, scanner=scanner, seed=seed)


def write_exam(study: PhantomStudy, moments: Sequence[Moment], folder: Path, *, scanner: Scanner, seed: int) -> None:
    """Write ``<folder>/<series>/*.dcm`` with shuffled file names, and the mask as ``<folder>/tumour.nii.gz``.

    Args:
        study: gives the grid and the mask.
        moments: the dynamic, in the order of time.
        folder: created if need be.
        scanner: how it is written, and what beside it.
        seed: of the fictitious patient, the UIDs and the shuffling.
    """
    study, folder = reoriented(study, tilt_deg=scanner.dialect.tilt_deg), Path(folder)
    exam = Exam.draw(seed, moments[0].time_s)
    folder.mkdir(parents=True, exist_ok=True)
    main = _main_series(scanner, moments, study.affine)
    others = [series for name in scanner.distractors for series in DISTRACTORS[name](main)]
    by_number: dict[int, list[Series]] = defaultdict(list)
    for series in (*main, *others):
        by_number[series.number].append(series)
    for number, parts in by_number.items():
        target = folder if scanner.flat else folder / f"S{number:04d}"
        target.mkdir(exist_ok=True)
        if scanner.dialect.multi_frame:
            files = [enhanced_file(part, exam, scanner.dialect, part=k) for k, part in enumerate(parts)]
        else:
            files = series_files(parts, exam, scanner.dialect, shuffle=scanner.shuffled)
        _save_shuffled(
            files, target, f"S{number:04d}-" if scanner.flat else "", np.random.default_rng([seed, 7, number])
        )
    save_nifti(study.tumour, study.affine, folder / "tumour.nii.gz")


def _main_series(scanner: Scanner, moments: Sequence[Moment], affine: np.ndarray) -> list[Series]:
    """The dynamic: one series, or one for each moment."""
    groups = [list(moments)] if scanner.dialect.one_series else [[moment] for moment in moments]
    image_type = ("DERIVED", "PRIMARY", "DIXON", "WATER") if "dixon" in scanner.distractors else Series.image_type
    naming = IDENTICAL if scanner.dialect.one_series and scanner.naming != MISSING else scanner.naming
    series = []
    for k, group in enumerate(groups):
        first = group[0]
        description = series_description(
            naming, scanner.dialect.sequence, moment=first.name, time_s=first.time_s, number=k + 1
        )
        before = first.time_s < 0 and not (scanner.dialect.one_series or scanner.agent_before_injection)
        plain = Series(FIRST_SERIES_NUMBER + k, description, tuple(group), affine, image_type)
        series.append(replace(plain, contrast_agent="" if before else scanner.agent))
    return series


def _save_shuffled(files: list[FileDataset], folder: Path, prefix: str, rng: np.random.Generator) -> None:
    """Save under names whose order tells nothing."""
    for name, file in zip(rng.permutation(len(files)), files, strict=True):
        file.save_as(folder / f"{prefix}IM{name + 1:06d}.dcm")
