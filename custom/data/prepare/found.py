"""The studies of a folder as datalist entries."""

from __future__ import annotations

from os import PathLike

from ..find_studies import find_studies


def folder_entries(root: str | PathLike) -> list[dict]:
    """The studies below a folder, whatever form they have.

    Args:
        root: folder of studies; nothing in it is written to.

    Returns:
        Datalist entries with absolute paths, in natural order. An entry with the key ``set_aside`` (why, one
        sentence) is shown in the table and not written.
    """
    return find_studies(root)
