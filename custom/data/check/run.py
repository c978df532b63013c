"""The check of a whole data set: all headers first, then all voxels, in parallel, the same rows in the same order."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from os import PathLike

from threadpoolctl import threadpool_limits
from tqdm import tqdm

from ...types import REFERENCE_PHASE, InputError
from ..phase_map import load_phase_map
from .entries import Entry, open_data_set
from .facts import StudyFacts, compare_studies
from .headers import check_headers
from .problem import Problem
from .report import Report
from .settings import Settings
from .voxels import check_voxels

FEW_STUDIES = 8
"""So few are checked in this process: starting others takes longer."""

Look = Callable[[Entry, Settings], tuple[list[Problem], StudyFacts]]


def check_dataset(
    path: str | PathLike,
    *,
    headers_only: bool = False,
    workers: int | None = None,
    dataset_dir: str | PathLike | None = None,
    phase_map=None,
    classes: Sequence[str] | None = None,
    reference_phase: str = REFERENCE_PHASE,
    min_volume_ml: float = 0.5,
    memory_budget_gb: float = 8.0,
) -> Report:
    """Look at every study of a data set and say everything that is wrong.

    Args:
        path: a datalist, or a folder of studies.
        headers_only: leave the voxels out.
        workers: processes; default: one per core.
        dataset_dir: where a datalist's relative paths start; default: at the datalist.
        phase_map: as ``load_study`` takes it.
        classes: lesion class names in head order; default: the datalist's, else the project's.
        reference_phase: phase whose grid the others are brought to.
        min_volume_ml: smaller lesions are worth a warning.
        memory_budget_gb: studies that would take more are errors.

    Returns:
        The problems in the order of the studies, headers before voxels.

    Raises:
        InputError: the data set cannot be opened, or a setting cannot be used.
    """
    start = time.perf_counter()
    phase_map = None if phase_map is None else load_phase_map(phase_map)
    with _processes(workers) as spread:
        data = open_data_set(path, dataset_dir=dataset_dir, classes=classes, phase_map=phase_map, spread=spread)
        settings = Settings(
            root=data.root,
            phase_map=phase_map,
            reference_phase=reference_phase,
            classes=data.classes,
            min_volume_ml=min_volume_ml,
            memory_budget_gb=memory_budget_gb,
        )
        problems = _stage("headers", check_headers, data.entries, settings, spread)
        if not headers_only:
            said = set(problems)
            problems += [p for p in _stage("voxels", check_voxels, data.entries, settings, spread) if p not in said]
    return Report(
        studies=len(data.entries),
        problems=[*data.problems, *_by_study(problems, data.entries)],
        seconds=time.perf_counter() - start,
        headers_only=headers_only,
        classes=data.classes,
    )


def _stage(name: str, look: Look, entries: Sequence[Entry], settings: Settings, spread: Callable) -> list[Problem]:
    """One look at every study, then the comparison between them."""
    problems: list[Problem] = []
    facts: list[StudyFacts] = []
    results = spread(partial(look, settings=settings), entries)
    for found, fact in tqdm(results, total=len(entries), desc=name, unit="study", dynamic_ncols=True, disable=None):
        problems += found
        facts.append(fact)
    return problems + compare_studies(facts, settings.root)


@contextmanager
def _processes(workers: int | None) -> Iterator[Callable]:
    """A ``map`` with results in order, in this process or over several (started afresh, as Windows does)."""
    number = workers or os.cpu_count() or 1

    def spread(function: Callable, items: Sequence) -> Iterator:
        alone = number == 1 or len(items) <= FEW_STUDIES
        return map(function, items) if alone else pool.map(function, items, chunksize=2)

    try:
        with ProcessPoolExecutor(number, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
            yield spread
    except BrokenProcessPool as error:
        raise InputError(
            found="a process that ended before its study was looked at",
            expected="processes that run to their end",
            where="check",
            remedy="Mostly memory ran out: try fewer --workers.",
        ) from error


def _one_thread() -> None:
    """Processes already fill the cores."""
    threadpool_limits(limits=1)


def _by_study(problems: Sequence[Problem], entries: Sequence[Entry]) -> list[Problem]:
    """All rows of one study together, in the order of the data set; within a study headers before voxels."""
    order: dict[str, int] = {}
    for entry in entries:
        order.setdefault(entry.case, len(order))
    return sorted(problems, key=lambda problem: order.get(problem.case, -1))
