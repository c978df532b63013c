"""``model.json`` beside ``model.pt``: what the weights were made for, so that nobody has to remember it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..types import InputError


def read_description(weights: str | os.PathLike) -> dict[str, Any]:
    """What the ``.json`` beside the weights says of them; nothing where there is none.

    Raises:
        InputError: a file that is not JSON.
    """
    beside = Path(weights).with_suffix(".json")
    if not beside.is_file():
        return {}
    try:
        content = json.loads(beside.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(
            found="a description of the weights that is not JSON",
            expected="JSON, as training writes it",
            where=beside.name,
            remedy="Restore it, or delete it to go without.",
        ) from error
    return content if isinstance(content, dict) else {}


def made_for(*, weights: str | os.PathLike, otherwise: Mapping[str, Any]) -> dict[str, Any]:
    """What the weights expect of their input: classes, spacing, reference phase.

    Args:
        weights: their path.
        otherwise: the keys that are asked for, with the values to take where no description has them.
    """
    described = read_description(weights)
    return {key: described.get(key, value) for key, value in otherwise.items()}


def check_made_for(weights: str | os.PathLike, expected: Mapping[str, Any]) -> None:
    """Refuse weights that were made for another input than the configuration prepares.

    Args:
        weights: their path; without a description beside them nothing is known, and nothing refused.
        expected: key → value of the configuration.

    Raises:
        InputError: a key for which they differ.
    """
    described = read_description(weights)
    for key, value in expected.items():
        if key in described and described[key] != value:
            raise InputError(
                found=f"weights that were trained with {key} {described[key]}",
                expected=f"{key} {value}, as in this configuration",
                where=Path(weights).name,
                remedy=f'Add --{key} "{described[key]}", or give other weights.',
            )
