"""JSON files that are whole or not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..types import InputError
from ..whole_files import write_text


def write_json(path: Path, content: Any) -> Path:
    return write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Raises:
    InputError: a file that is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            found=f"a file that cannot be read ({type(error).__name__})",
            expected="JSON, as an experiment writes it",
            where=f"{path.parent.name}/{path.name}",
            remedy="Delete it; --resume repeats what it belonged to.",
        ) from error
