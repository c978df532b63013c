"""Under which name a prepared study is cached: its datalist entry and the state of its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from monai.data.utils import pickle_hashing

FILE_KEYS = ("image", "label", "phases", "labels", "liver")


def study_key(item: Mapping | str) -> bytes:
    """Cache key (``hash_func`` of MONAI's ``PersistentDataset``) that changes when a file of the study does.

    The path alone would bring back yesterday's volumes after a data set was made anew in the same folder.

    Args:
        item: a datalist entry or a path.
    """
    entry = dict(item) if isinstance(item, Mapping) else {"image": item}
    paths = sorted(p for key in FILE_KEYS for p in _paths(entry.get(key)))
    states = [(str(f), f.stat().st_size, f.stat().st_mtime_ns) for path in paths for f in _files(Path(path))]
    return pickle_hashing({"item": entry, "files": states})


def _paths(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _paths(inner)
    elif value is not None:
        yield str(value)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file())
    return [path] if path.is_file() else []
