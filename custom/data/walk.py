"""Every file below a folder, whatever a folder may hold."""

from __future__ import annotations

import os
from pathlib import Path

from ..types import InputError

MAX_FILES = 100_000


def walk_files(folder: Path, where: str) -> list[Path]:
    """Files below a folder in the order of their names; links to folders not followed, hidden files left out.

    Raises:
        InputError: a folder that may not be read, or more files than a study can have.
    """

    def unreadable(error: OSError) -> None:
        raise InputError(
            found=f"a folder that cannot be read ({type(error).__name__})",
            expected="folders that may be read",
            where=where,
            remedy="Correct its permissions.",
        ) from error

    files: list[Path] = []
    for root, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__MACOSX")
        files += [Path(root, name) for name in sorted(names) if not name.startswith(".")]
        if len(files) > MAX_FILES:
            raise InputError(
                found=f"more than {MAX_FILES} files", expected="one study", where=where, remedy="Name a study's folder."
            )
    return files
