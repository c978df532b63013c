"""The list of studies that training and evaluation read: a JSON file with the sections training, validation, test."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path

from ..types import InputError
from .datalist_rules import PATH_KEYS, PATH_TABLES, mistakes_between_items, mistakes_of_item
from .phantom import ensure_phantom
from .phase_map import parse_selector
from .segmentations import mask_file
from .splits import SECTIONS, content_hash

logger = logging.getLogger(__name__)


def load_datalist(
    *,
    section: str,
    dataset_dir: str | PathLike | None = None,
    datalist: str | PathLike | None = None,
    classes: Sequence[str] | None = None,
    instead: str | None = None,
    phantom: str | None = None,
    phantom_dir: str | PathLike | None = None,
    seed: int = 0,
) -> list[dict]:
    """Read one section of a datalist; make the embedded phantom data set first when it is asked for and not there.

    Args:
        section: ``"training"``, ``"validation"`` or ``"test"``.
        dataset_dir: folder of the data set; relative paths of the datalist start here, or, where it is ``None`` or the
            phantom's, in the folder of the ``datalist`` that is named.
        datalist: JSON file; default ``<dataset_dir>/datalist.json``.
        classes: lesion class names in head order, which must be those of the datalist if it states any.
        instead: the section to take, with a word about it, where ``section`` has no studies.
        phantom: preset of the phantom (``"demo"``) to make when ``dataset_dir`` is ``phantom_dir`` and is empty.
        phantom_dir: the one folder where the phantom may be made: a mistyped ``dataset_dir`` is an error.
        seed: seed of the phantom.

    Returns:
        Items with absolute paths: ``case``, ``phases`` or ``image``, and what else they hold.

    Raises:
        InputError: unreadable datalist, unknown section or key, missing file, doubled case, a patient in two sections
            or folds, other classes.
    """
    phantoms = phantom_dir is not None and (dataset_dir is None or Path(dataset_dir) == Path(phantom_dir))
    if datalist is not None:
        path = Path(datalist)
        root = path.parent if dataset_dir is None or phantoms else Path(dataset_dir)
    else:
        root = Path(phantom_dir if phantoms else dataset_dir or "")
        path = root / "datalist.json"
        if phantom is not None and phantoms and not (root.is_dir() and any(root.iterdir())):
            ensure_phantom(root, preset=phantom, seed=seed)
    content = read_datalist(path)
    _check_classes(content, classes, path)
    if instead is not None and section in SECTIONS and not content.get(section):
        logger.warning("%s has no studies in the section %r: %r is taken instead.", path.name, section, instead)
        section = instead
    _check_section(section, content, path)
    for _, mistake in mistakes_between_items(content, path):
        raise mistake
    return [_checked(item, content, root.resolve(), path) for item in content[section]]


def read_datalist(path: Path) -> dict:
    """The content of a datalist file, its entries not looked at.

    Raises:
        InputError: no such file, or not JSON with the sections.
    """
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
    if content.get("content_hash", content_hash(content)) != content_hash(content):
        logger.warning("%s was changed since it was written: its content_hash is of another content.", path.name)
    return content


def _check_classes(content: Mapping, classes: Sequence[str] | None, path: Path) -> None:
    """Label values and heads follow the order of the classes: the same names in another order are other classes."""
    stated = content.get("classes")
    if classes is not None and stated and list(stated) != list(classes):
        raise InputError(
            found=f"the classes {', '.join(map(str, stated))}",
            expected=f"{', '.join(classes)}, as the configuration says, in this order",
            where=path.name,
            remedy=f'Set --classes "{[str(name) for name in stated]}", or prepare the datalist with other --classes.',
        )


def _check_section(section: str, content: dict, path: Path) -> None:
    if section not in SECTIONS or not content.get(section):
        held = [name for name in SECTIONS if content.get(name)]
        raise InputError(
            found=f"no section {section!r}, only {', '.join(held) or 'empty ones'}",
            expected=f"one of {', '.join(SECTIONS)} with at least one study",
            where=path.name,
            remedy="Correct the section, or add studies to it.",
        )


def _checked(item: dict, content: dict, root: Path, path: Path) -> dict:
    """The item with absolute paths, each of which exists."""
    for mistake in mistakes_of_item(item, content, path):
        raise mistake
    out = with_absolute_paths(item, root)
    for key, value in _paths(out):
        full = str(value)
        if not any(Path(path).exists() for path in (full, parse_selector(full).name, mask_file(full))):
            raise InputError(
                found=f"no file {Path(full).relative_to(root) if Path(full).is_relative_to(root) else full}",
                expected="an existing file",
                where=f"{path.name}, case {item['case']}, {key}",
                remedy="Correct the path.",
            )
    return out


def with_absolute_paths(item: Mapping, root: Path) -> dict:
    """The item with paths that start at ``root`` where they are relative; whether they exist is not asked."""

    def absolute(value):
        return [str(root / str(part)) for part in value] if isinstance(value, list) else str(root / str(value))

    out = dict(item)
    out |= {key: absolute(item[key]) for key in PATH_KEYS if item.get(key)}
    for key in PATH_TABLES:
        if item.get(key):
            out[key] = {phase: absolute(value) for phase, value in item[key].items() if value}
    return out


def _paths(item: Mapping) -> Iterator[tuple[str, str]]:
    """Every path of an item with its key, or its phase."""
    named = [(key, item.get(key)) for key in PATH_KEYS]
    named += [entry for key in PATH_TABLES for entry in (item.get(key) or {}).items()]
    for key, value in named:
        yield from ((key, part) for part in (value if isinstance(value, list) else [value]) if part)
