"""``model.json`` beside ``model.pt``: what the weights were made for, so that nobody has to remember it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..types import InputError

BEFORE_IT_WAS_WRITTEN = {"residual": False}
"""What holds for weights whose description does not say it."""


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
    return {**BEFORE_IT_WAS_WRITTEN, **content} if isinstance(content, dict) else {}


def made_for(*, weights: str | os.PathLike, otherwise: Mapping[str, Any]) -> dict[str, Any]:
    """What the weights expect: classes, spacing and reference phase of their input, and how they tell curves.

    Args:
        weights: their path.
        otherwise: the keys that are asked for, with the values to take where no description has them.
    """
    described = read_description(weights)
    return {key: described.get(key, value) for key, value in otherwise.items()}


def check_made_for(weights: str | os.PathLike, expected: Mapping[str, Any], *, remedy: str | None = None) -> None:
    """Refuse weights that were made for another input than the configuration prepares, or to be read otherwise.

    Such weights fit the network's shapes, so that nothing else would tell.

    Args:
        weights: their path; without a description beside them nothing is known, and nothing refused.
        expected: key → value of the configuration.
        remedy: what to do about a difference, where it is not an option of the command.

    Raises:
        InputError: a key for which they differ.
    """
    described = read_description(weights)
    for key, value in expected.items():
        made = described.get(key, value)
        if made != value:
            raise InputError(
                found=f"weights that were trained with {key} {made}",
                expected=f"{key} {value}, as in this configuration",
                where=Path(weights).name,
                remedy=remedy or f'Add --{key} "{made}" (--set {key}="{made}" in a federation), or give other weights.',
            )
