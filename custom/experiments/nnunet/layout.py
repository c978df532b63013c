"""nnU-Net's raw layout: how folders, files and label values are called, on the way there and on the way back.

::

    Dataset501_Name/
        imagesTr/<case>_0000.nii.gz     pre-contrast; 0001 arterial, 0002 portal venous, 0003 delayed
        labelsTr/<case>.nii.gz
        imagesTs/, labelsTs/            the datalist's test section, where it has one
        dataset.json
        splits_final.json               to be copied to where nnU-Net looks for its folds
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...types import PHASES, InputError

FILE_ENDING = ".nii.gz"
DATASET = "dataset.json"
SPLITS = "splits_final.json"
BACKGROUND, TUMOUR = "background", "tumour"

_FOLDER = re.compile(r"Dataset(?!000)\d{3}_[A-Za-z0-9][A-Za-z0-9_-]*")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?<!_seg)")  # "<case>_seg" is how nnU-Net calls a study's labels


def case_name(case: str) -> str:
    """A case as nnU-Net's files call it.

    A name of plain letters, digits, dots, hyphens and underscores stays. In another one other signs become hyphens, and
    the start of its hash keeps it apart from its like: both ways come to the same name without a table of names.
    """
    if _PLAIN.fullmatch(case):
        return case
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", case).strip("-._") or "case"
    return f"{plain}-{hashlib.sha256(case.encode()).hexdigest()[:8]}"


def image_file(case: str, channel: int) -> str:
    """File name of one phase of a case."""
    return f"{case_name(case)}_{channel:04d}{FILE_ENDING}"


def mask_name(case: str) -> str:
    """File name of a case's mask, drawn or predicted."""
    return f"{case_name(case)}{FILE_ENDING}"


def check_folder(output: Path) -> None:
    """Raise an ``InputError`` unless nnU-Net takes the folder's name for a data set's, and nothing lies there."""
    if not _FOLDER.fullmatch(output.name):
        raise InputError(
            found=f"the folder name {output.name!r}",
            expected="Dataset, three digits from 001, an underscore and a name, such as Dataset501_Liver",
            where="prepare --export, --output",
            remedy="Name it so, in the folder that nnUNet_raw stands for.",
        )
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(
            found="a file or a folder that is not empty",
            expected="a folder that is missing or empty",
            where=output.name,
            remedy="Choose another --output, or delete it.",
        )


def dataset_json(*, name: str, classes: Sequence[str] | None, training: int, content_hash: str) -> dict[str, Any]:
    """What nnU-Net needs to know of a data set.

    Args:
        name: of the data set.
        classes: in the order of label values, one label each; ``None``: one label, whatever the class.
        training: number of studies in ``imagesTr``.
        content_hash: of the datalist that this is.
    """
    named = [TUMOUR] if classes is None else list(classes)
    return {
        "name": name,
        "channel_names": {str(channel): phase for channel, phase in enumerate(PHASES)},
        "labels": {BACKGROUND: 0, **{label: value for value, label in enumerate(named, start=1)}},
        "numTraining": training,
        "file_ending": FILE_ENDING,
        # the same axes for all studies, as our own networks get; and affines that SimpleITK refuses are read
        "overwrite_image_reader_writer": "NibabelIOWithReorient",
        "datalist_sha256": content_hash,
    }


def class_values(labels: Mapping[str, Any], classes: Sequence[str], *, where: str) -> dict[int, int] | None:
    """Label value of a mask → value of its class (``k + 1``); ``None`` where the only label says tumour.

    Raises:
        InputError: labels that are neither.
    """
    named = {label: value for label, value in labels.items() if label != BACKGROUND}
    if named == {TUMOUR: 1} and TUMOUR not in classes:
        return None
    places = {name: index for index, name in enumerate(classes, start=1)}
    if not named or not set(named) <= set(places) or not all(isinstance(value, int) for value in named.values()):
        raise InputError(
            found=f"the labels {', '.join(map(str, named)) or 'none'}",
            expected=f"{TUMOUR} alone, or classes among {', '.join(classes)}",
            where=where,
            remedy="Take the dataset.json that prepare --export wrote.",
        )
    return {value: places[label] for label, value in named.items()}
