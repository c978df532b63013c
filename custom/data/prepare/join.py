"""Rows of the user's table → the studies that they speak of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from ...types import InputError
from ..discovery import Found
from ..segmentations import mask_file
from .labels import Row


def match_rows(rows: Sequence[Row], found: Sequence[Found], table: Path) -> dict[str, Row]:
    """The row of each study, by its case, folder or identifiers.

    Args:
        rows: of the table.
        found: the studies.
        table: the file, for messages.

    Returns:
        ``{case: row}``; a study without a row is absent.

    Raises:
        InputError: rows that name no study, or several, and two rows that name one.
    """
    by_case = {study.case: [study] for study in found}
    by_alias: dict[str, list[Found]] = defaultdict(list)
    for study in found:
        for alias in study.aliases:
            by_alias[alias].append(study)
    strangers = [row for row in rows if row.case not in by_case and row.case not in by_alias]
    if strangers:
        names = ", ".join(f"{row.case!r} (line {row.line})" for row in strangers[:5])
        raise InputError(
            found=f"{len(strangers)} case(s) that are no study of the folder: {names}",
            expected=f"cases among {', '.join(study.case for study in found[:5])}{' …' if len(found) > 5 else ''}",
            where=table.name,
            remedy="Use the names of the studies' folders, or the PatientID of patients with one exam.",
        )
    matched: dict[str, Row] = {}
    for row in rows:
        meant = by_case.get(row.case) or by_alias[row.case]
        if len(meant) > 1 or meant[0].case in matched:
            other = matched.get(meant[0].case)
            raise InputError(
                found=f"{row.case!r}, which is {len(meant)} studies"
                if len(meant) > 1
                else f"{row.case!r}, which is the study of line {other.line}",
                expected="one row for each study",
                where=f"{table.name}, line {row.line}",
                remedy="Use the path of the study's folder, or the study's name in the table that is printed.",
            )
        matched[meant[0].case] = row
    return matched


def find_mask(reference: str, study: Found, root: Path, table: Path, line: int) -> str:
    """A mask named in the table, as an absolute path: from the data folder, the study's folder, or the table's.

    Raises:
        InputError: it is in none of them.
    """
    for folder in (root, study.folder, table.parent):
        path = str(folder.absolute() / reference)
        if mask_file(path).is_file():
            return path
    raise InputError(
        found=f"no file {reference}",
        expected="a path that starts at the data folder, at the study's folder or at the table's",
        where=f"{table.name}, line {line}",
        remedy="Correct the path.",
    )
