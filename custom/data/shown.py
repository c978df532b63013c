"""How files are named in messages and reports: file names of exported exams often are identifiers."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

_UID = re.compile(r"\d+(?:\.\d+){4,}")
_KEPT = 8  # last characters of an identifier, enough to find the file in its folder


def shown(path: str | PurePath) -> str:
    """A file's name, or its place inside a study, with identifiers cut to their last characters."""
    name = path.as_posix() if isinstance(path, PurePath) and not path.is_absolute() else Path(path).name
    return _UID.sub(lambda match: f"…{match.group()[-_KEPT:]}", name)
