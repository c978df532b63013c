"""All manifests of an experiment in one small file, from which its tables can be made again without its folder."""

from __future__ import annotations

import json
import lzma
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...types import InputError
from ..manifest import read_manifests

SUFFIX = ".json.xz"
DIGITS = 5
"""Significant digits that are kept of every number: far more than a table shows."""


def read_results(path: Path) -> list[dict[str, Any]]:
    """The manifests of an experiment's folder or of its archive, in the precision of an archive.

    Raises:
        InputError: neither of the two, no finished run, or runs of several experiments.
    """
    manifests = rounded(read_manifests(path)) if path.is_dir() else _read_archive(path)
    names = {manifest["experiment"]["name"] for manifest in manifests}
    if len(names) != 1:
        raise InputError(
            found=f"finished runs of {len(names)} experiments",
            expected="those of one",
            where=f"experiment report, {path.name}",
            remedy="Name the folder of one experiment, or let its first run finish.",
        )
    return manifests


def write_archive(manifests: Sequence[dict[str, Any]], path: Path) -> Path:
    """Write whole or not at all; the same manifests, the same bytes."""
    text = json.dumps(list(manifests), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(lzma.compress(text.encode(), preset=9))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def rounded(content: Any) -> Any:
    """Plain JSON values with their numbers cut to ``DIGITS``."""
    if isinstance(content, float):
        return float(f"{content:.{DIGITS}g}")
    if isinstance(content, dict):
        return {key: rounded(value) for key, value in content.items()}
    return [rounded(value) for value in content] if isinstance(content, list) else content


def _read_archive(path: Path) -> list[dict[str, Any]]:
    try:
        return json.loads(lzma.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError, lzma.LZMAError) as error:
        raise InputError(
            found=f"what cannot be read ({type(error).__name__})",
            expected=f"the folder of an experiment, or its {SUFFIX} file",
            where=f"experiment report, {path.name}",
            remedy="Correct the name.",
        ) from error
