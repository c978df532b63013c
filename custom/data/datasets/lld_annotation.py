"""LLD-MMRI's annotation file: per series the phase, the class of each lesion, its box and the geometry.

``{"Category_info": {name: k, ...}, "Annotation_info": {patient: [series, ...]}}``, each series with ``studyUID``,
``seriesUID``, ``phase``, ``pixel_spacing``, ``slice_spacing``, ``origin`` and ``annotation.lesion[n]``, which holds
``category`` and ``bbox``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...types import InputError

CLASSES = ("hemangioma", "ICC", "abscess", "metastasis", "cyst", "FNH", "HCC")
"""Name of category k of the data set."""

WITHHELD = -1
"""Category of studies whose class the challenge did not publish; never a class."""

PHASE_OF = {"C-pre": "pre", "C+A": "arterial", "C+V": "portal_venous", "C+Delay": "delayed"}
"""The four dynamic phases; T2WI, DWI, InPhase and OutPhase are not read."""

KNOWN_FAULTS = {
    **dict.fromkeys(
        ("2603", "3573", "13219", "17022", "17217"),
        "known to repeat slices in its in- and opposed-phase images, which are not read",
    ),
    "94749": "known to lack its in-phase image, which is not read",
}
"""By number of the patient; from the data set's public issue threads."""

_WORDS = ("hemangioma", "cholangiocarcinoma", "abscess", "metastasis", "cyst", "nodular", "hepatocellular")

Box = tuple[tuple[int, int, int], tuple[int, int, int]]
"""First and last voxel of a lesion, each (column, row, slice), both inside."""


@dataclass(frozen=True)
class Series:
    """One dynamic phase of one patient, as annotated.

    Args:
        phase: our name of it.
        study_uid, series_uid: folder and file name in the original layout.
        spacing_mm: distance of neighbouring columns, rows and slices; ``None`` where the file does not tell.
        origin_lps_mm: position of the first voxel; ``None`` where the file does not tell.
        lesions: category and box of each lesion; no box where it was drawn in no slice.
    """

    phase: str
    study_uid: str
    series_uid: str
    spacing_mm: tuple[float, float, float] | None
    origin_lps_mm: tuple[float, float, float] | None
    lesions: tuple[tuple[int, Box | None], ...]


def patient_number(name: str) -> str | None:
    """The digits of ``MR12345`` or ``MR-12345``: the set writes its patients both ways."""
    match = re.fullmatch(r"MR[-_ ]?(\d+)", name.strip(), re.IGNORECASE)
    return match.group(1) if match else None


def read_annotation(path: Path) -> dict[str, tuple[str, list[Series]]]:
    """Read the file.

    Returns:
        By number of the patient: the name as the file has it, and its dynamic phases.

    Raises:
        InputError: not this kind of file, categories in another order, or one patient twice.
    """
    content = _read(path)
    _check_categories(content["Category_info"], path)
    patients: dict[str, tuple[str, list[Series]]] = {}
    for name, annotated in content["Annotation_info"].items():
        number = patient_number(name)
        if number is None or number in patients:
            raise _error(path, f"the patient {name!r}", "MR and a number, each patient once", "Correct the file.")
        try:
            series = [_series(entry) for entry in annotated if entry["phase"].replace(" ", "") in PHASE_OF]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"an entry that cannot be read ({type(error).__name__}: {error})"
            raise _error(path, f"{what} of {name}", "phase, series and lesions", "Download the file again.") from error
        patients[number] = (name, series)
    return patients


def category_of(series: Sequence[Series]) -> int | None:
    """The one category of a patient's lesions; ``None`` when they differ or there is none."""
    categories = {category for one in series for category, _ in one.lesions}
    return categories.pop() if len(categories) == 1 else None


def _read(path: Path) -> Mapping:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        what = f"a file that cannot be read ({type(error).__name__})"
        raise _error(path, what, "LLD-MMRI's annotation, JSON", "Download it again.") from error
    keys = ("Category_info", "Annotation_info")
    if not isinstance(content, Mapping) or not all(isinstance(content.get(key), Mapping) for key in keys):
        raise _error(path, "another structure", f"the keys {' and '.join(keys)}", "Name LLD-MMRI's annotation file.")
    return content


def _check_categories(categories: Mapping, path: Path) -> None:
    """The names must stand at the numbers known here: another order would teach wrong classes."""
    for name, number in categories.items():
        if isinstance(number, int) and not (
            0 <= number < len(_WORDS) and _WORDS[number] in str(name).casefold().replace("haem", "hem")
        ):
            known = ", ".join(f"{k} {word}" for k, word in enumerate(CLASSES))
            raise _error(path, f"category {number} called {name!r}", known, "Use the data set's own annotation file.")


def _series(entry: Mapping) -> Series:
    lesions = entry["annotation"]["lesion"]
    return Series(
        phase=PHASE_OF[entry["phase"].replace(" ", "")],
        study_uid=str(entry.get("studyUID")),
        series_uid=str(entry.get("seriesUID")),
        spacing_mm=_spacing(entry),
        origin_lps_mm=_numbers(entry.get("origin")),
        lesions=tuple((int(lesion["category"]), _box(lesion["bbox"])) for lesion in lesions.values()),
    )


def _spacing(entry: Mapping) -> tuple[float, float, float] | None:
    """Columns, rows, slices. ``slice_thickness`` is no substitute for ``slice_spacing``: slices may overlap."""
    pixel, slices = entry.get("pixel_spacing"), entry.get("slice_spacing")
    if pixel is None or slices is None:
        return None
    between_rows, between_columns = pixel if isinstance(pixel, Sequence) else (pixel, pixel)
    return float(between_columns), float(between_rows), abs(float(slices))


def _numbers(values: object) -> tuple[float, float, float] | None:
    if not isinstance(values, Sequence) or len(values) != 3:
        return None
    return tuple(float(value) for value in values)


def _box(bbox: Mapping) -> Box | None:
    """The 3-D box; where it is null, the smallest one around the boxes of the single slices."""
    whole, flat = bbox.get("3D_box"), bbox.get("2D_box") or []
    if whole:
        ends = [tuple(int(float(whole[f"{axis}_{end}"])) for axis in "xyz") for end in ("min", "max")]
        return ends[0], ends[1]
    if not flat:
        return None
    first = (*(min(int(float(box[f"{axis}_min"])) for box in flat) for axis in "xy"), _slices(flat)[0])
    last = (*(max(int(float(box[f"{axis}_max"])) for box in flat) for axis in "xy"), _slices(flat)[-1])
    return first, last


def _slices(flat: Sequence[Mapping]) -> list[int]:
    return sorted(int(box["slice_idx"]) for box in flat)


def _error(path: Path, found: str, expected: str, remedy: str) -> InputError:
    return InputError(found=found, expected=expected, where=path.name, remedy=remedy)
