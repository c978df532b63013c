"""Many damaged studies, one after the other, in processes that may die; what became of them, counted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

from .seeds import make_seeds

SILENCE_S = 180  # on the wall: longer without a word is a hang
ALLOWED = ("refused", "same", "in the file", "flagged", "unchecked")


def run_campaign(root: Path, *, count: int, seed: int = 0, start: int = 0, real: Path | None = None) -> list[dict]:
    """Damage and read ``count`` studies.

    Args:
        root: folder for the good studies; made once, then used again.
        count: of cases; they take the good studies in turn.
        seed: of the damage.
        start: number of the first case.
        real: folder of real scanner files, see the tests of real data.

    Returns:
        One record a case: ``case``, ``seed`` (the study), ``file``, ``done`` (the damage), ``verdict``, ``why``.
    """
    make_seeds(root, real)
    records: list[dict] = []
    at, stop = start, start + count
    while at < stop:
        begun = None
        for line in _lines(root, real, seed, at, stop):
            if line.get("begin"):
                begun = line
            else:
                records.append(line)
                at, begun = line["case"] + 1, None
        if begun is not None:  # it died, or was ended, in the middle of this case
            records.append({**begun, "file": "", "done": "", "verdict": "CRASH OR HANG", "why": ""})
            at = begun["case"] + 1
        elif at < stop and (not records or records[-1]["case"] + 1 != at):
            raise RuntimeError("the worker ended before its first case")
    return records


def _lines(root: Path, real: Path | None, seed: int, start: int, stop: int) -> Iterator[dict]:
    """What a worker says, until it ends; one that falls silent is ended."""
    arguments = [str(root), str(real or ""), str(seed), str(start), str(stop)]
    command = [sys.executable, "-m", "benchmarks.fuzz.worker", *arguments]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    said: Queue[str | None] = Queue()

    def listen() -> None:
        for line in worker.stdout:
            said.put(line)
        said.put(None)

    Thread(target=listen, daemon=True).start()
    try:
        while (line := said.get(timeout=SILENCE_S)) is not None:
            yield json.loads(line)
    except Empty:
        pass
    finally:
        worker.kill()
        worker.wait()


def bad(records: list[dict]) -> list[dict]:
    """The records that must not be."""
    return [record for record in records if not record["verdict"].startswith(ALLOWED)]


def table(records: list[dict]) -> str:
    """Verdicts by good study."""
    verdicts = sorted({_short(record) for record in records})
    counts = Counter((record["seed"], _short(record)) for record in records)
    names = sorted({record["seed"] for record in records})
    rows = [["study", *verdicts, "all"]]
    rows += [[n, *(str(counts[n, v]) for v in verdicts), str(sum(counts[n, v] for v in verdicts))] for n in names]
    rows.append(["all", *(str(sum(counts[n, v] for n in names)) for v in verdicts), str(len(records))])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _short(record: dict) -> str:
    return record["verdict"].split(":")[0]
