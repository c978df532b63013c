"""Runs in processes of their own, one for each GPU or as many as the user says, and a bar that tells where they are."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import torch
from tqdm import tqdm

from ...engines.history import read_rows
from ...types import InputError
from ..planning.plan import Run
from .attached import ATTACHED

LOG = "log.txt"
POLL_S = 0.5


class Process(Protocol):
    """What a started run can be asked."""

    def poll(self) -> int | None: ...

    def terminate(self) -> None: ...

    def wait(self) -> int: ...


Start = Callable[[Run, Mapping[str, str]], Process]


def slots(parallel: int | None) -> list[dict[str, str]]:
    """Environment variables of each place where a run can work at a time.

    Args:
        parallel: number of places; default one for each GPU, else one. Places share GPUs, or cores, evenly.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = visible.split(",") if visible else [str(index) for index in range(torch.cuda.device_count())]
    if torch.cuda.is_available():
        return [{"CUDA_VISIBLE_DEVICES": gpus[place % len(gpus)]} for place in range(parallel or len(gpus))]
    threads = max(1, (os.cpu_count() or 1) // (parallel or 1))
    return [{"OMP_NUM_THREADS": str(threads)} for _ in range(parallel or 1)]


def start_process(run: Run, environment: Mapping[str, str]) -> Process:
    """Start a run; what it says goes into its ``log.txt``."""
    with open(run.folder / LOG, "ab") as log:
        command = [sys.executable, "-m", f"{__package__}.execute", str(run.folder), ATTACHED]
        own = {**os.environ, **environment}
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, env=own)


def work_off(runs: Sequence[Run], places: Sequence[Mapping[str, str]], *, start: Start = start_process) -> None:
    """Do all runs; one that fails does not stop the others.

    Args:
        runs: those that are not finished.
        places: as ``slots`` gives them.
        start: how a run is started.

    Raises:
        InputError: runs that failed, with the end of the first one's log.
    """
    waiting, free, failed = deque(runs), list(places), []
    working: dict[Process, tuple[Run, Mapping[str, str]]] = {}
    bar = tqdm(total=len(runs), unit="run", desc="Runs", dynamic_ncols=True)
    try:
        while waiting or working:
            while waiting and free:
                run, place = waiting.popleft(), free.pop()
                working[start(run, place)] = (run, place)
            for process in [process for process in working if process.poll() is not None]:
                run, place = working.pop(process)
                free.append(place)
                bar.update()
                if not run.finished:
                    failed.append(run)
            if (told := "; ".join(progress(run) for run, _ in working.values())) != bar.postfix:
                bar.set_postfix_str(told)
            if working:
                time.sleep(POLL_S)
    finally:  # an interrupted experiment leaves no training behind
        for process in working:
            process.terminate()
        for process in working:
            process.wait()
        bar.close()
    if failed:
        raise _failures(failed)


def progress(run: Run) -> str:
    """Which run it is and how many of its epochs are done."""
    done = len(read_rows(run.folder / "history.csv"))
    return f"{run.name}: {done}/{run.task['budget']['epochs']} epochs"


def _failures(runs: Sequence[Run]) -> InputError:
    names = ", ".join(run.name for run in runs[:5]) + (f" and {len(runs) - 5} more" if len(runs) > 5 else "")
    return InputError(
        found=f"{len(runs)} failed: {names}",
        expected="runs that reach their end",
        where="experiment",
        remedy=f"Put right what the first one's log says, and go on with --resume. It ends:\n{_end_of(runs[0].folder)}",
    )


def _end_of(folder: Path, lines: int = 5) -> str:
    log = folder / LOG
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else "(it wrote none)"
    return "\n".join(text.strip().splitlines()[-lines:])
