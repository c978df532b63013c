"""What an annotation server knows of a study: image and label as paths, and the class of the lesion beside the label.

MONAI Label trains on ``{"image": path, "label": <studies>/labels/<tag>/<id>.nii.gz}``.  The class is what the label's
information says (``"class"`` in ``<studies>/datastore_v2.json``) or a sidecar file ``<id>.json`` beside the label
(``{"class": "HCC"}``).  Viewers that name the segments of a mask when they save it leave the names there, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..types import InputError
from .nifti import is_nifti, nifti_stem

STORE = "datastore_v2.json"
CLASS, SEGMENTS = "class", "label_info"


def as_entry(item: Any, key: str = "image") -> Any:
    """An annotation server's item as a datalist entry; whatever has a case of its own, or is no item, as it is.

    Args:
        item: with a path under ``key`` and, for training, under ``label``.
        key: the image.

    Returns:
        The item with ``case``, ``lesion_class`` (None when nobody says) and, where a viewer left the names of the
        mask's segments, ``label_names`` {value: name}.

    Raises:
        InputError: label information that cannot be read, or that contradicts the sidecar file.
    """
    if not isinstance(item, Mapping) or "case" in item or not item.get(key):
        return item
    entry = {**item, "case": _stem(Path(str(item[key])))}
    if not item.get("label"):
        return entry
    label = Path(str(item["label"]))
    information, sidecar = _information(label), _read(sidecar_of(label))
    entry["lesion_class"] = _agreed(information.get(CLASS), sidecar.get(CLASS), where=entry["case"])
    segments = [segment for segment in information.get(SEGMENTS) or () if {"idx", "name"} <= segment.keys()]
    if segments:
        entry["label_names"] = {int(segment["idx"]): str(segment["name"]) for segment in segments}
    return entry


def sidecar_of(label: Path) -> Path:
    """Where the class of a label may be written."""
    return label.with_name(f"{_stem(label)}.json")


def _stem(path: Path) -> str:
    return nifti_stem(path) if is_nifti(path) else path.name


def _information(label: Path) -> Mapping[str, Any]:
    """What the server's store says of the label: ``objects.<id>.labels.<tag>.info``."""
    content: Any = _read(label.parents[2] / STORE) if len(label.parents) > 2 else {}
    for name in ("objects", _stem(label), "labels", label.parent.name, "info"):
        content = content.get(name) or {}
    return content


def _agreed(said: str | None, beside: str | None, *, where: str) -> str | None:
    if said is not None and beside is not None and said != beside:
        raise InputError(
            found=f"class {said!r} in the label's information, {beside!r} in the file beside the label",
            expected="one class",
            where=where,
            remedy=f"Correct one of them: PUT /datastore/label/info, or labels/final/{where}.json.",
        )
    return said if said is not None else beside


def _read(path: Path) -> Mapping[str, Any]:
    """A JSON object, empty when there is no file."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(
            found=f"text that is not JSON ({error})", expected="JSON", where=path.name, remedy="Correct the file."
        ) from error
    if not isinstance(content, Mapping):
        raise InputError(
            found=f"a {type(content).__name__}",
            expected='an object such as {"class": "HCC"}',
            where=path.name,
            remedy="Correct the file.",
        )
    return content
