"""The end of an inference run: one line a study, the same as JSON, and an exit code that tells of failures."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from ignite.engine import Events

from .runner import StudyEvaluator, StudyOutcome

logger = logging.getLogger(__name__)

COLUMNS = ("case", "class", "lesions", "volume ml", "seconds", "flags or error")


class Summary:
    """Handler that logs a table of all studies and writes ``<output_dir>/summary.json`` when the run is complete.

    Args:
        output_dir: folder of the results.
    """

    def __init__(self, *, output_dir: str) -> None:
        self.path = Path(output_dir) / "summary.json"
        self.outcomes: list[StudyOutcome] = []

    def attach(self, engine: StudyEvaluator) -> None:
        """Registers with the engine."""
        engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: StudyEvaluator) -> None:
        self.outcomes = list(engine.state.outcomes)
        entries = [_entry(outcome) for outcome in self.outcomes]
        logger.info("Results\n%s", _table(entries))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_name(f".{self.path.name}.tmp")
        unfinished.write_text(json.dumps({"studies": entries}, indent=2, ensure_ascii=False, allow_nan=False), "utf-8")
        os.replace(unfinished, self.path)
        logger.info("Written to %s", self.path.parent)

    def finish(self) -> None:
        """Ends the process with exit code 1 when a study failed; program errors show their tracebacks once more.

        Raises:
            SystemExit: a study failed.
        """
        failures = [outcome.failure for outcome in self.outcomes if outcome.failure is not None]
        if not failures:
            return
        for failure in failures:
            if failure.details is not None:
                logger.error("Error in the program at %s:\n%s", failure.case, failure.details)
        logger.error("%d of %d studies failed", len(failures), len(self.outcomes))
        raise SystemExit(1)


def _entry(outcome: StudyOutcome) -> dict[str, Any]:
    result = outcome.result or {}
    label = result.get("class", {}).get("label")
    return {
        "case": outcome.case,
        "ok": outcome.failure is None,
        "class": label,
        "probability": None if label is None else result["class"]["probabilities"][label],
        "lesions": None if outcome.failure else len(result.get("lesions", [])),
        "tumour_volume_ml": result.get("tumour_volume_ml"),
        "flags": result.get("flags", []),
        "seconds": round(outcome.seconds, 2),
        "error": None if outcome.failure is None else outcome.failure.message,
    }


def _table(entries: list[dict[str, Any]]) -> str:
    rows = [COLUMNS] + [_row(entry) for entry in entries]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS) - 1)]
    lines = ["  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(len(lines[0]), sum(widths) + 2 * len(widths)), *lines[1:]])


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    def shown(value: Any, form: str = "{}") -> str:
        return "-" if value is None else form.format(value)

    label = "-" if entry["class"] is None else f"{entry['class']} {entry['probability']:.2f}"
    last = ", ".join(entry["flags"]) if entry["ok"] else f"FAILED: {entry['error']}"
    volume = shown(entry["tumour_volume_ml"], "{:.1f}")
    return entry["case"], label, shown(entry["lesions"]), volume, f"{entry['seconds']:.1f}", last
