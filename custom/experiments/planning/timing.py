"""Phases scanned early or late: the held-out studies of a phantom, examined anew at other times for one evaluation."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...data.datalist import read_datalist
from ...data.phantom import phantom_manifest, write_retimed
from ...data.splits import SECTIONS, content_hash
from ..files import read_json, write_json

logger = logging.getLogger(__name__)


def usable_timings(timings: Mapping[str, Mapping[str, float]], datalist: Path) -> dict[str, dict[str, float]]:
    """The conditions that can be made of these studies: of a phantom's all, of others none, with a word about it."""
    if timings and not _is_phantom(datalist):
        logger.warning(
            "Left out: %s. What other times would have shown is known of the phantom alone.", ", ".join(timings)
        )
        return {}
    return {name: dict(delays_s) for name, delays_s in timings.items()}


def _is_phantom(datalist: Path) -> bool:
    """Whether each of its studies is one that the manifest beside it can make again."""
    manifest, content = phantom_manifest(datalist.parent), read_datalist(datalist)
    cases = {item["case"] for section in SECTIONS for item in content.get(section, [])}
    return manifest is not None and cases <= {entry["case"] for entry in manifest["studies"]}


@contextmanager
def retimed(task: Mapping[str, Any], folder: Path, condition: str) -> Iterator[dict[str, str]]:
    """Where the studies of a condition lie, while it is judged; nothing else than usual if its times are the usual.

    Yields:
        Configuration keys of places.
    """
    delays_s = task.get("timings", {}).get(condition)
    if delays_s is None:
        yield {}
        return
    own, datalist = folder / "retimed", read_json(folder / "datalist.json")
    source = Path(task["places"]["dataset_dir"])
    try:
        shutil.rmtree(own, ignore_errors=True)  # of a run that was stopped
        items = write_retimed(source, datalist["validation"], delays_s=delays_s, output=own)
        told = {**datalist, "training": [], "validation": items}
        write_json(own / "datalist.json", {**told, "content_hash": content_hash(told)})
        yield {"datalist": str(own / "datalist.json"), "dataset_dir": str(own), "cache_dir": str(own / "cache")}
    finally:
        shutil.rmtree(own, ignore_errors=True)
