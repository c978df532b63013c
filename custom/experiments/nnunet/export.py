"""A datalist's studies as nnU-Net v2's raw layout: what our own networks are given before they resample it.

Phases lie on the reference phase's native grid, brought together as in training, in raw intensities: nnU-Net resamples
by itself, and normalises every channel by itself, so that one scale for all phases would make no difference to it. A
missing phase is a channel of zeros, as for our networks, which are told of it; nnU-Net is not.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ...config_check import raise_mistakes
from ...data.datalist import load_datalist, read_datalist
from ...data.splits import content_hash
from ...outputs import write_volume
from ...transforms import LoadStudyd
from ...types import DEFAULT_CLASSES, PHASES, REFERENCE_PHASE, InputError
from ..files import write_json
from ..planning.folds import fold_datalists
from .layout import DATASET, SPLITS, case_name, check_folder, dataset_json, image_file, mask_name

PLACES = {"training": "Tr", "validation": "Tr", "test": "Ts"}


@dataclass(frozen=True)
class Exported:
    """What was written: studies in ``imagesTr`` and ``imagesTs``, folds, and phase → studies without it."""

    folder: Path
    training: int
    test: int
    folds: int
    lacking: Mapping[str, int]


def write_dataset(
    datalist: str | os.PathLike,
    output: str | os.PathLike,
    *,
    folds: int = 5,
    per_class: bool = False,
    classes: Sequence[str] | None = None,
    reference_phase: str = REFERENCE_PHASE,
    phase_map: str | Mapping | None = None,
    registration: str = "auto",
) -> Exported:
    """Write every study of a datalist; the folder appears when all of them are complete.

    Args:
        datalist: JSON file; its paths start beside it.
        output: missing or empty folder that nnU-Net knows by its name, ``.../nnUNet_raw/Dataset501_Name``.
        folds: as the experiment divides that nnU-Net is to be compared in.
        per_class: one label for each class instead of one for all tumour.
        classes: in the order of label values; default: the datalist's, with which others have to agree.
        reference_phase, phase_map, registration: as ``LoadStudyd`` takes them.

    Raises:
        InputError: studies that cannot be used (all of them are named), or an ``output`` that cannot.
    """
    datalist, output = Path(datalist), Path(output)
    check_folder(output)
    content = read_datalist(datalist)
    classes = tuple(classes or content.get("classes") or DEFAULT_CLASSES)
    splits = [_split(part) for part in fold_datalists(datalist, folds)] if folds else [_own_sections(content)]
    chosen = [
        (item, PLACES[section])
        for section in PLACES
        if content.get(section)
        for item in load_datalist(section=section, datalist=datalist, classes=classes)
    ]
    _check_names([item["case"] for item, _ in chosen], where=datalist.name)
    load = LoadStudyd(classes=classes, reference_phase=reference_phase, phase_map=phase_map, registration=registration)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}.partial-", dir=output.parent) as temporary:
        folder = Path(temporary, output.name)
        lacking, mistakes = Counter(), []
        for item, place in tqdm(chosen, desc="nnU-Net", unit="study", dynamic_ncols=True):
            try:
                lacking.update(_write_study(item, folder, place, load, per_class))
            except InputError as error:
                mistakes.append(error)
        raise_mistakes(mistakes)
        counts = Counter(place for _, place in chosen)
        about = {"name": output.name.partition("_")[2], "classes": classes if per_class else None}
        about |= {"training": counts["Tr"], "content_hash": content_hash(content)}
        write_json(folder / DATASET, dataset_json(**about))
        write_json(folder / SPLITS, splits)
        if output.exists():
            output.rmdir()  # empty: Windows does not replace folders
        os.replace(folder, output)
    return Exported(output, counts["Tr"], counts["Ts"], len(splits), dict(lacking))


def _write_study(item: Mapping, folder: Path, place: str, load: LoadStudyd, per_class: bool) -> list[str]:
    """Its phases and its mask; the phases that it lacks."""
    study = load(item)
    affine = np.asarray(study["image"].affine, dtype=np.float64)
    if place == "Tr" and "label" not in study:
        raise InputError(
            found="no tumour mask",
            expected="a mask for every study to train on; for one without tumour, lesion_free",
            where=f"case {item['case']}",
            remedy="Complete the datalist, or move the study to its test section.",
        )
    for folder_of in ("images", "labels"):
        (folder / f"{folder_of}{place}").mkdir(parents=True, exist_ok=True)
    for channel, phase in enumerate(study["image"].as_tensor().numpy()):  # (X, Y, Z)
        write_volume(phase, affine, folder / f"images{place}" / image_file(item["case"], channel))
    if "label" in study:
        write_volume(_mask(study, item["case"], per_class), affine, folder / f"labels{place}" / mask_name(item["case"]))
    return [phase for phase, present in zip(PHASES, study["phase_mask"].tolist(), strict=True) if not present]


def _mask(study: Mapping, case: str, per_class: bool) -> np.ndarray:
    """``(X, Y, Z)`` uint8: 1 in all tumour, or the values of the classes."""
    label = study["label"].as_tensor()[0].numpy()
    if not per_class:
        return (label > 0).astype(np.uint8)
    if label.any() and not study["class_values"]:
        raise InputError(
            found="tumour of unknown class",
            expected="a class for every tumour, which is to be a label of its own",
            where=f"case {case}",
            remedy="State lesion_class, or use --export nnunet.",
        )
    return label.astype(np.uint8)


def _split(part: Mapping) -> dict[str, list[str]]:
    return {
        "train": [case_name(item["case"]) for item in part["training"]],
        "val": [case_name(item["case"]) for item in part["validation"]],
    }


def _own_sections(content: Mapping) -> dict[str, list[str]]:
    """One fold; what it is validated on decides nothing, and nnU-Net needs something there."""
    training = content.get("training") or []
    return _split({"training": training, "validation": content.get("validation") or training})


def _check_names(cases: Sequence[str], where: str) -> None:
    """Cases may be told apart by upper and lower case, files may not."""
    seen: dict[str, str] = {}
    for case in cases:
        other = seen.setdefault(case_name(case).casefold(), case)
        if other != case:
            raise InputError(
                found=f"the cases {other!r} and {case!r}",
                expected="names that differ in more than upper and lower case",
                where=where,
                remedy="Rename one of them.",
            )
