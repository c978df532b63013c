"""Prepared studies on disk: read and resampled once, whatever the number of epochs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from pickle import UnpicklingError

import torch
from monai.data import MetaTensor, PersistentDataset
from monai.data.utils import pickle_hashing
from monai.utils import convert_to_tensor

from ..data.annotated import as_entry
from ..data.forms import phases_beside
from ..data.segmentations import mask_file
from ..whole_files import replacing

logger = logging.getLogger(__name__)

FILE_KEYS = ("image", "label", "phases", "labels", "liver")
FORMAT = 3
"""Of what a prepared study holds; part of the key, so that none of another format is taken for one of this."""


class StudyCacheDataset(PersistentDataset):
    """MONAI's ``PersistentDataset`` with what studies need to be found again, and to be found changed.

    - The key covers the datalist entry, the size and time of its files, and the deterministic transforms.
    - A file appears complete, or not at all, and one that cannot be read, as after a full disk, is made again: the
      trainings of an experiment share one cache.
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

    def _cachecheck(self, item_transformed):
        if self.cache_dir is None:
            return super()._cachecheck(item_transformed)
        file = self.cache_dir / f"{self.hash_func(item_transformed).decode('utf-8')}{self.transform_hash}.pt"
        if file.is_file():
            try:
                return torch.load(file, weights_only=True)
            except (UnpicklingError, RuntimeError, EOFError) as error:
                logger.warning("A damaged file of the cache is made again (%s).", type(error).__name__)
        prepared = self._pre_transform(deepcopy(item_transformed))
        with replacing(file) as temporary:
            torch.save(convert_to_tensor(prepared, convert_numeric=False, track_meta=True), temporary)
        return prepared

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
