"""Studies → fingerprint: each is read once, in its own process' memory, and only its record is kept."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from threadpoolctl import threadpool_limits
from tqdm import tqdm

from ...types import DEFAULT_CLASSES, REFERENCE_PHASE
from ..datalist import read_datalist, with_absolute_paths
from ..splits import SECTIONS
from .measure import measure_study
from .summary import summarise

FEW_STUDIES = 4
"""Up to here one process is faster than starting workers."""


def fingerprint_datalist(
    datalist: str | os.PathLike, *, reference_phase: str = REFERENCE_PHASE, workers: int | None = None
) -> dict:
    """Measure the studies of a datalist; write ``<name>_fingerprint.json`` and ``.png`` beside it.

    Args:
        datalist: the JSON file; relative paths in it start at its folder.
        reference_phase, workers: as ``write_fingerprint`` takes them.

    Raises:
        InputError: no datalist. Studies that cannot be read are findings, not errors.
    """
    path = Path(datalist)
    content = read_datalist(path)
    root = path.parent.resolve()
    return write_fingerprint(
        {name: [with_absolute_paths(item, root) for item in content.get(name, [])] for name in SECTIONS},
        path.with_name(f"{path.stem}_fingerprint"),
        name=path.stem,
        classes=content.get("classes") or DEFAULT_CLASSES,
        reference_phase=reference_phase,
        workers=workers,
    )


def write_fingerprint(
    sections: Mapping[str, Sequence[Mapping]],
    output: str | os.PathLike,
    *,
    name: str,
    classes: Sequence[str] = DEFAULT_CLASSES,
    reference_phase: str = REFERENCE_PHASE,
    workers: int | None = None,
) -> dict:
    """Measure every study, write ``<output>.json`` and a picture of it, ``<output>.png``.

    Args:
        sections: datalist entries with absolute paths, by section.
        output: path of the two files without their endings.
        name: what to call the data set.
        classes: class names in head order.
        reference_phase: the phase whose mask is the study's where each phase has its own.
        workers: processes, ``None`` for one per core.

    Returns:
        What was written: see ``summarise``.
    """
    records = measure_studies(sections, classes=classes, reference_phase=reference_phase, workers=workers)
    from .picture import draw_fingerprint  # needs matplotlib, which takes long to import, and only here

    fingerprint = {"name": name, "reference_phase": reference_phase, **summarise(records, classes)}
    output = Path(output)
    _publish(output.with_name(f"{output.name}.json"), json.dumps(fingerprint, indent=1, ensure_ascii=False) + "\n")
    draw_fingerprint(fingerprint, output.with_name(f"{output.name}.png"))
    return fingerprint


def measure_studies(
    sections: Mapping[str, Sequence[Mapping]],
    *,
    classes: Sequence[str] = DEFAULT_CLASSES,
    reference_phase: str = REFERENCE_PHASE,
    workers: int | None = None,
) -> dict[str, list[dict]]:
    """The records of all studies by section, measured in several processes, with a progress bar."""
    entries = [(section, entry) for section, items in sections.items() for entry in items]
    measure = partial(measure_study, classes=tuple(classes), reference_phase=reference_phase)
    results = _map(measure, [entry for _, entry in entries], workers)
    records: dict[str, list[dict]] = {section: [] for section in sections}
    for (section, _), record in zip(entries, tqdm(results, "fingerprint", len(entries), unit="study"), strict=True):
        records[section].append(record)
    return records


def _map(measure: partial, entries: Sequence[Mapping], workers: int | None) -> Iterator[dict]:
    """Records in the order of the entries, from one process or several."""
    count = min(workers or os.cpu_count() or 1, len(entries))
    if count <= 1 or len(entries) <= FEW_STUDIES:
        yield from map(measure, entries)
        return
    with ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        yield from pool.map(measure, entries)


def _one_thread() -> None:
    """Workers already fill the cores."""
    threadpool_limits(limits=1)


def _publish(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.tmp")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)
