"""A whole phantom data set on disk: studies, datalist and manifest, written at once or not at all."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from threadpoolctl import threadpool_limits
from tqdm import tqdm

from ...types import DEFAULT_CLASSES, PHASES, InputError
from .dicom import get_dialect, write_dicom
from .plan import SECTIONS, PlannedStudy, plan_studies
from .presets import get_preset
from .simulate import simulate_study
from .sites import Site, get_site
from .write_nifti import write_nifti

DATALIST = "datalist.json"
MANIFEST = "manifest.json"
LABELS = "labels.csv"
"""What a user writes of exams of his own, see ``prepare --labels``."""

FEW_STUDIES = 12
"""Up to here one process is faster than starting workers."""

REMAINS_AGE_S = 3600.0


def write_phantom(
    output: str | os.PathLike,
    *,
    preset: str = "demo",
    studies: int | None = None,
    seed: int = 0,
    format: str = "nifti",  # noqa: A002 (the command line's word)
    layout: str = "series",
    site: str = "any",
    workers: int | None = None,
) -> Path:
    """Write a phantom data set into a new folder.

    It is made in a temporary folder beside ``output`` and moved there when complete, so that a run that ends early
    leaves no half data set.

    Args:
        output: a folder that is missing or empty.
        preset: one of `PRESETS`.
        studies: total number of studies, None = the preset's.
        seed: of the data set; the same seed gives the same bits.
        format: ``"nifti"`` or ``"dicom"``.
        layout: the DICOM form's dialect.
        site: one of `SITES`, where the examinations are made.
        workers: processes, None = one per available core.

    Returns:
        Path of ``datalist.json``.

    Raises:
        InputError: the folder is not empty, or an argument is not one of those listed.
    """
    output = Path(output)
    _check_format(format, layout)
    get_site(site)
    _require_empty(output)
    planned = plan_studies(get_preset(preset), seed=seed, studies=studies)
    output.parent.mkdir(parents=True, exist_ok=True)
    _remove_remains(output)
    temporary = Path(tempfile.mkdtemp(prefix=f".{output.name}.partial-", dir=output.parent))
    try:
        write = partial(write_study, folder=temporary, preset=preset, format=format, layout=layout, site=site)
        results = list(tqdm(_map(write, planned, workers), total=len(planned), desc="phantom", unit="study"))
        header = {"preset": preset, "seed": seed, "format": format, "layout": layout if format == "dicom" else None}
        header["site"] = site
        _write_lists(temporary, planned, results, header)
        _publish(temporary, output)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return output / DATALIST


def write_study(
    planned: PlannedStudy,
    *,
    folder: Path,
    preset: str,
    format: str,  # noqa: A002
    layout: str,
    site: str | Site = "any",
) -> tuple[dict, dict]:
    """Simulate and write one study (runs in a worker process).

    Returns:
        Its datalist item, with paths relative to the data set, and its manifest entry.
    """
    study = simulate_study(
        seed=planned.seed,
        preset=preset,
        lesions=planned.lesions,
        acquisition_seed=planned.acquisition_seed,
        site=site,
    )
    case = folder / planned.case
    if format == "dicom":
        write_dicom(study, case, layout=layout, seed=planned.acquisition_seed)
        images = {"image": planned.case}
    else:
        names = write_nifti(study, case)
        images = {"phases": {phase: f"{planned.case}/{name}" for phase, name in names.items()}}
    item = {
        "case": planned.case,
        "patient": planned.patient,
        "site": "phantom" if site == "any" else f"phantom, {site if isinstance(site, str) else 'other times'}",
        **images,
        "label": f"{planned.case}/tumour.nii.gz",
        "lesion_class": study.classes[0] if len(study.classes) == 1 else None,
        "true_enhancement": study.truth["true_enhancement"],
    }
    if study.kind is not None:
        item["kind"] = study.kind
    if planned.fold is not None:
        item["fold"] = planned.fold
    seeds = {"patient": planned.seed, "acquisition": planned.acquisition_seed}
    entry = {"case": planned.case, "section": planned.section, "classes": list(study.classes), "seeds": seeds}
    return item, entry | study.truth


def _map(write: Callable, planned: list[PlannedStudy], workers: int | None) -> Iterator[tuple[dict, dict]]:
    """Results in the order of ``planned``, from one process or several (started afresh, as Windows does)."""
    count = min(workers or (os.cpu_count() or 1), len(planned))
    if count <= 1 or len(planned) <= FEW_STUDIES:
        yield from map(write, planned)
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_one_thread) as pool:
        yield from pool.map(write, planned, chunksize=2)


def _one_thread() -> None:
    """Workers already fill the cores."""
    threadpool_limits(limits=1)


def _write_lists(folder: Path, planned: list[PlannedStudy], results: list[tuple[dict, dict]], header: dict) -> None:
    """Write the datalist, with its content hash, the table of classes and the manifest."""
    sections = {name: [] for name in SECTIONS}
    for plan, (item, _) in zip(planned, results, strict=True):
        sections[plan.section].append(item)
    content = {"classes": list(DEFAULT_CLASSES), **sections}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    _write_json(folder / DATALIST, content | {"content_hash": digest})
    _write_labels(folder / LABELS, sections)
    from .reference import references  # needs scikit-learn, which takes seconds to import, and only here

    manifest = {
        "what": "digital phantom, not patients",
        **header,
        "phases": list(PHASES),
        "units": "enhancement in the raw units of the stored files; lengths in RAS mm; times in s after injection",
        **references([entry for _, entry in results]),
        "studies": [entry for _, entry in results],
    }
    _write_json(folder / MANIFEST, manifest)


def _write_labels(path: Path, sections: dict[str, list[dict]]) -> None:
    """One line for each study; a class is ``none`` without tumour, and empty where there are two or none names it."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(("case", "patient", "lesion_class"))
        for item in (item for items in sections.values() for item in items):
            healthy = item["true_enhancement"] is None
            table.writerow((item["case"], item["patient"], "none" if healthy else item["lesion_class"] or ""))


def _write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _check_format(name: str, layout: str) -> None:
    if name not in ("nifti", "dicom"):
        raise InputError(
            found=repr(name), expected="nifti or dicom", where="phantom --format", remedy="Choose one of them."
        )
    get_dialect(layout)


def _require_empty(output: Path) -> None:
    """A data set is never written over something else."""
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(
            found="a file or a folder that is not empty",
            expected="a folder that is missing or empty",
            where=str(output),
            remedy="Choose another --output, or delete the folder first.",
        )


def _remove_remains(output: Path) -> None:
    """Delete what killed runs left beside ``output``: a folder to which no study was added for an hour is nobody's."""
    for folder in output.parent.glob(f".{output.name}.partial-*"):
        if time.time() - folder.stat().st_mtime > REMAINS_AGE_S:
            shutil.rmtree(folder, ignore_errors=True)


def _publish(temporary: Path, output: Path) -> None:
    """Move the finished folder to its name in one step."""
    temporary.chmod(0o755)  # mkdtemp makes it private
    if output.exists():
        output.rmdir()  # empty: Windows does not replace folders
    os.replace(temporary, output)
