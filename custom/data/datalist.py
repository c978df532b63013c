"""The list of studies that training and evaluation read: a JSON file with the sections training, validation, test."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

from ..types import InputError
from .phantom import ensure_phantom
from .phase_map import parse_selector
from .splits import SECTIONS
from .study import check_case, check_optional_text, check_phase_names

ITEM_KEYS = (
    *("case", "patient", "phases", "image", "label", "labels", "liver", "lesion_class"),
    *("true_enhancement", "site", "fold", "name", "lesions", "atypical", "notes", "affines"),
)
PATH_KEYS = ("image", "label", "liver")
PATH_TABLES = ("phases", "labels")


def load_datalist(
    *,
    dataset_dir: str | PathLike,
    section: str,
    datalist: str | PathLike | None = None,
    phantom: str | None = None,
    phantom_dir: str | PathLike | None = None,
    seed: int = 0,
) -> list[dict]:
    """Read one section of a datalist; make the embedded phantom data set first when it is asked for and not there.

    Args:
        dataset_dir: folder of the data set; relative paths of the datalist start here.
        section: ``"training"``, ``"validation"`` or ``"test"``.
        datalist: JSON file; default ``<dataset_dir>/datalist.json``.
        phantom: preset of the phantom (``"demo"``) to make when ``dataset_dir`` is ``phantom_dir`` and is empty.
        phantom_dir: the one folder where the phantom may be made: a mistyped ``dataset_dir`` is an error.
        seed: seed of the phantom.

    Returns:
        Items with absolute paths: ``case``, ``phases`` or ``image``, and what else they hold.

    Raises:
        InputError: unreadable datalist, unknown section or key, missing file, doubled case, a patient in two sections.
    """
    root = Path(dataset_dir)
    own_folder = phantom_dir is not None and root == Path(phantom_dir)
    if phantom is not None and datalist is None and own_folder and not (root.is_dir() and any(root.iterdir())):
        ensure_phantom(root, preset=phantom, seed=seed)
    path = Path(datalist) if datalist is not None else root / "datalist.json"
    content = _read(path)
    _check_section(section, content, path)
    _check_cases_and_patients(content, path)
    items = [_check_item(item, content, path) for item in content[section]]
    return [_absolute(item, root.resolve(), path) for item in items]


def _read(path: Path) -> dict:
    if not path.is_file():
        raise InputError(
            found="no datalist",
            expected="a JSON file with the sections training, validation, test",
            where=str(path),
            remedy="Correct dataset_dir or datalist; the phantom is made in its own folder only (phantom_dir).",
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(
            found=f"text that is not JSON ({error})", expected="JSON", where=path.name, remedy="Correct the file."
        ) from error
    entries = [content.get(name, []) for name in SECTIONS] if isinstance(content, dict) else [None]
    if not all(isinstance(entry, list) and all(isinstance(item, dict) for item in entry) for entry in entries):
        raise InputError(
            found="another structure",
            expected='{"training": [{...}], "validation": [...], "test": [...]}',
            where=path.name,
            remedy="Correct the file.",
        )
    return content


def _check_section(section: str, content: dict, path: Path) -> None:
    if section not in SECTIONS or not content.get(section):
        held = [name for name in SECTIONS if content.get(name)]
        raise InputError(
            found=f"no section {section!r}, only {', '.join(held) or 'empty ones'}",
            expected=f"one of {', '.join(SECTIONS)} with at least one study",
            where=path.name,
            remedy="Correct the section, or add studies to it.",
        )


def _check_cases_and_patients(content: dict, path: Path) -> None:
    """Each case once; no patient in two sections, which would let the network be tested on what it learnt."""
    seen: set[str] = set()
    home: dict[str, str] = {}
    for section in SECTIONS:
        for item in content.get(section, []):
            case, patient = item.get("case"), item.get("patient")
            check_case(case)
            check_optional_text(patient, f"{path.name}, case {case}, patient", "a text, or null")
            if case in seen:
                raise InputError(
                    found=f"case {case!r} twice",
                    expected="each case once",
                    where=path.name,
                    remedy="Rename or remove one of them.",
                )
            seen.add(case)
            if patient is not None and home.setdefault(patient, section) != section:
                raise InputError(
                    found=f"the patient of case {case!r} in {home[patient]} and in {section}",
                    expected="each patient in one section only",
                    where=path.name,
                    remedy="Split by patient.",
                )


def _check_item(item: dict, content: dict, path: Path) -> dict:
    where = f"{path.name}, case {item['case']}"
    for key in item:
        if key not in ITEM_KEYS:
            near = difflib.get_close_matches(key, ITEM_KEYS, n=1)
            raise InputError(
                found=f"unknown key {key!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
                expected=f"keys among {', '.join(ITEM_KEYS)}",
                where=where,
                remedy="Correct or remove it.",
            )
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
    lesion_class, classes = item.get("lesion_class"), content.get("classes")
    check_optional_text(lesion_class, f"{where}, lesion_class", "the name of a class, or null")
    if classes and lesion_class is not None and lesion_class not in classes:
        raise InputError(
            found=f"lesion_class {lesion_class!r}",
            expected=f"one of {', '.join(classes)}, or null",
            where=where,
            remedy="Correct the entry, or the list of classes.",
        )
    return item


def _absolute(item: dict, root: Path, path: Path) -> dict:
    """The item with absolute paths, each of which exists."""
    out = dict(item)
    for key in PATH_KEYS:
        if out.get(key):
            out[key] = _existing(root, out[key], f"{path.name}, case {item['case']}, {key}")
    for key in PATH_TABLES:
        if out.get(key):
            out[key] = {
                phase: _existing(root, value, f"{path.name}, case {item['case']}, {phase}")
                for phase, value in out[key].items()
                if value
            }
    return out


def _existing(root: Path, value: object, where: str) -> str | list[str]:
    if isinstance(value, list):  # one mask file for each tumour
        return [_existing(root, part, where) for part in value]
    full = root / str(value)
    if not full.exists() and not (root / parse_selector(str(value)).name).exists():
        raise InputError(found=f"no file {value}", expected="an existing file", where=where, remedy="Correct the path.")
    return str(full)
