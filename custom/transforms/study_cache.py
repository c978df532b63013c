"""Prepared studies on disk: read and resampled once, whatever the number of epochs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from monai.data import MetaTensor, PersistentDataset
from monai.data.utils import pickle_hashing

from ..data.annotated import as_entry
from ..data.forms import phases_beside
from ..data.segmentations import mask_file

FILE_KEYS = ("image", "label", "phases", "labels", "liver")
FORMAT = 2
"""Of what a prepared study holds; part of the key, so that none of another format is taken for one of this."""


class StudyCacheDataset(PersistentDataset):
    """MONAI's ``PersistentDataset`` with what studies need to be found again, and to be found changed.

    - The key covers the datalist entry, the size and time of its files, and the deterministic transforms.
    - Tensors keep their affine but not the record of applied operations: it holds objects that a ``weights_only``
      load refuses, after which ``PersistentDataset`` prepares every study anew in every epoch.

    Args:
        data: datalist entries, or the items of an annotation server.
        transform: the preprocessing; what comes before its first random transform is cached.
        cache_dir: folder for the cache, made if needed; ``None`` caches nothing.
    """

    def __init__(self, *, data: Sequence, transform: Sequence[Callable] | Callable, cache_dir: str | None) -> None:
        super().__init__(
            data=[as_entry(item) for item in data],
            transform=transform,
            cache_dir=cache_dir,
            hash_func=study_key,
            hash_transform=pickle_hashing,
            track_meta=True,
        )

    def _pre_transform(self, item_transformed):
        prepared = super()._pre_transform(item_transformed)
        for value in prepared.values():
            if isinstance(value, MetaTensor):
                value.applied_operations = []
        return prepared


def study_key(item: Mapping | str) -> bytes:
    """Cache key of a study that changes when one of its files does.

    The path alone would bring back yesterday's volumes after a data set was made anew in the same folder.

    Args:
        item: a datalist entry or a path.
    """
    entry = dict(item) if isinstance(item, Mapping) else {"image": item}
    paths = sorted(p for key in FILE_KEYS for p in _paths(entry.get(key)))
    states = [(str(f), f.stat().st_size, f.stat().st_mtime_ns) for path in paths for f in _files(Path(path))]
    return pickle_hashing({"format": FORMAT, "item": entry, "files": states})


def _paths(value: object) -> Iterator[str]:
    if isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _paths(inner)
    elif value is not None:
        yield str(mask_file(str(value)))  # without the segments or the time point behind an @


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file())
    return [path, *phases_beside(path)] if path.is_file() else []
