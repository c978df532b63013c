"""What ``prepare`` found, used and set aside, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ..splits import SECTIONS

_COLUMNS = ("case", "patient", "class", "masks", "section", "fold")


def format_table(entries: Sequence[Mapping], content: Mapping) -> str:
    """A row for each study; notes follow; what was set aside comes last, with the reason.

    Args:
        entries: all that was found.
        content: the datalist that was written.
    """
    place = {item["case"]: (section, item) for section in SECTIONS for item in content[section]}
    rows = [_COLUMNS]
    for entry in entries:
        if not entry.get("set_aside"):
            section, item = place[entry["case"]]
            patient, fold = item.get("patient") or "-", str(item.get("fold", "-"))
            rows.append((entry["case"], patient, _class(item), _masks(item), section, fold))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "-" * max(map(len, lines)))
    lines += [f"note  {entry['case']}: {note}" for entry in entries for note in entry.get("notes") or ()]
    aside = [entry for entry in entries if entry.get("set_aside")]
    lines += [f"set aside  {entry['case']}: {entry['set_aside']}" for entry in aside]
    return "\n".join(lines)


def summary(entries: Sequence[Mapping], content: Mapping) -> str:
    """One sentence: how many were found, used and set aside."""
    counts = {section: len(content[section]) for section in SECTIONS if content[section]}
    used, classes = sum(counts.values()), Counter(_class(item) for section in SECTIONS for item in content[section])
    return (
        f"{len(entries)} found, {used} used ({_listed(counts)}), {len(entries) - used} set aside. "
        f"Classes: {_listed(classes)}."
    )


def _class(item: Mapping) -> str:
    return item.get("lesion_class") or ("no tumour" if item.get("lesion_free") else "unknown")


def _masks(item: Mapping) -> str:
    label = item.get("label") or ()
    kinds = ["tumour" if isinstance(label, str) else f"{len(label)} tumours"] if label else []
    kinds += [f"{len(item['labels'])} phases"] if item.get("labels") else []
    return ", ".join(kinds + (["liver"] if item.get("liver") else [])) or "-"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
