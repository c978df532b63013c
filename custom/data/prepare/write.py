"""Entries → a datalist file: split by patient, paths relative to the file, written at once or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from ...types import DEFAULT_CLASSES, InputError
from ..datalist_rules import PATH_KEYS, PATH_TABLES
from ..splits import content_hash, split_items


def write_datalist(
    entries: Sequence[Mapping],
    output: str | os.PathLike,
    *,
    classes: Sequence[str] = DEFAULT_CLASSES,
    folds: int = 5,
    validation: float = 0.2,
    test: float = 0.0,
    seed: int = 0,
    force: bool = False,
) -> dict:
    """Split the entries by patient and write them.

    Args:
        entries: datalist entries with absolute paths; those with ``set_aside`` are left out.
        output: the JSON file.
        classes: lesion class names in the order of label values.
        folds, validation, test, seed: as ``split_items`` takes them.
        force: replace an existing file.

    Returns:
        What was written.

    Raises:
        InputError: the file exists, or the entries cannot be split.
    """
    check_output(output, force=force)
    output = Path(output)
    used = [_relative(entry, output.parent) for entry in entries if not entry.get("set_aside")]
    rules = {"folds": folds, "validation": validation, "test": test, "seed": seed}
    content = {"classes": list(classes), "split": rules, **split_items(used, **rules)}
    content |= {"content_hash": content_hash(content)}
    _write(output, content)
    return content


def check_output(output: str | os.PathLike, *, force: bool) -> None:
    """Raise an ``InputError`` where writing would replace something unasked, or where there is no such folder."""
    path = Path(output)
    if path.is_dir() or (path.exists() and not force):
        raise InputError(
            found="a folder" if path.is_dir() else "a file that exists",
            expected="a new file",
            where=str(output),
            remedy="Choose another --output" + ("." if path.is_dir() else ", or replace it with --force."),
        )


def _relative(entry: Mapping, folder: Path) -> dict:
    """The entry with paths relative to the datalist's folder, in a form that every system reads."""
    out = dict(entry)
    for key in PATH_KEYS:
        if out.get(key):
            out[key] = _path(out[key], folder)
    for key in PATH_TABLES:
        if out.get(key):
            out[key] = {phase: _path(path, folder) for phase, path in out[key].items() if path}
    return out


def _path(path: str | os.PathLike | list, folder: Path) -> str | list[str]:
    if isinstance(path, list):  # one mask file for each tumour
        return [_path(part, folder) for part in path]
    try:
        return PurePath(os.path.relpath(path, folder.resolve())).as_posix()
    except ValueError:  # another drive
        return PurePath(path).as_posix()


def _write(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.tmp")
    unfinished.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(unfinished, path)
