"""What a finished run leaves: all that its tables need, and all that is needed to do it again."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from ..engines.metrics.study_record import Record
from .files import read_json
from .planning.settings import CONFIGS

MANIFEST = "manifest.json"
FORMAT_VERSION = 1
PACKAGES = ("torch", "monai", "pytorch-ignite", "numpy", "scipy")


def environment(device: torch.device) -> dict[str, Any]:
    """Versions and the device; nothing that names the machine."""
    versions = {"bundle": read_json(CONFIGS / "metadata.json")["version"], "python": platform.python_version()}
    versions |= {name: version(name) for name in PACKAGES}
    on_gpu = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if on_gpu else f"{_processor()}, {torch.get_num_threads()} threads"
    return {"versions": versions, "device": name}


def peak_memory_mb(device: torch.device) -> dict[str, float | None]:
    """Largest memory of this process, and on its GPU; None where the system does not say."""
    on_gpu = torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else None
    try:
        import resource  # not on Windows
    except ImportError:
        return {"host": None, "device": on_gpu}
    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, kilobytes elsewhere
    return {"host": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, "device": on_gpu}


def without_patients(records: Sequence[Record]) -> list[Record]:
    """The records with a number in the place of the patient: which studies belong together is all that tables need."""
    return [{**record, "group": hashlib.sha256(record["group"].encode()).hexdigest()[:12]} for record in records]


def read_manifests(folder: Path) -> list[dict[str, Any]]:
    """Those of all finished runs below ``folder``, in the order of arms, folds and seeds."""
    found = [read_json(path) for path in sorted(folder.glob(f"**/{MANIFEST}"))]
    found = [content for content in found if isinstance(content, dict) and "experiment" in content]

    def place(content: dict[str, Any]) -> tuple[int, str, int, int]:
        arms, arm = content["experiment"]["arms"], content["arm"]
        order = arms.index(arm) if arm in arms else len(arms)  # those from elsewhere come last
        return order, arm, content["fold"], content["seed"]

    return sorted(found, key=place)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
