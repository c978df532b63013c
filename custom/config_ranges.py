"""What a configuration's values may be, checked before anything is built: ``--epochs 0`` is no traceback of torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from .types import REGISTRATIONS, InputError


class Range(NamedTuple):
    """What one number may be.

    Args:
        kind: ``int`` for whole numbers, ``float`` for any.
        low, high: limits.
        open_low, open_high: whether the limit itself is out of range.
    """

    kind: type
    low: float
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def holds(self, value: Any) -> bool:
        """Whether a value is a number of this kind inside the limits."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return False
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below and (self.kind is float or isinstance(value, int))

    def __str__(self) -> str:
        kind = "a whole number" if self.kind is int else "a number"
        low = f"above {self.low:g}" if self.open_low else f"of at least {self.low:g}"
        high = f" and {'below' if self.open_high else 'at most'} {self.high:g}" if math.isfinite(self.high) else ""
        return f"{kind} {low}{high}"


class Choice(NamedTuple):
    """What one text may be.

    Args:
        values: the words to choose from.
    """

    values: tuple[str, ...]

    def holds(self, value: Any) -> bool:
        """Whether a value is one of the words."""
        return value in self.values

    def __str__(self) -> str:
        return f"one of {', '.join(self.values)}"


RANGES: dict[str, Range | Choice] = {
    "seed": Range(int, 0, 2**32 - 1),
    "epochs": Range(int, 1),
    "steps_per_epoch": Range(int, 1),
    "val_interval": Range(int, 1),
    "studies_per_batch": Range(int, 1),
    "slices_per_study": Range(int, 1),
    "slice_batch_size": Range(int, 1),
    "num_workers": Range(int, 0),
    "adversarial_warmup_epochs": Range(int, 0),
    "learning_rate": Range(float, 0, open_low=True),
    "d_learning_rate": Range(float, 0, open_low=True),
    "weight_decay": Range(float, 0),
    "tumour_fraction": Range(float, 0, 1),
    "threshold": Range(float, 0, 1, open_low=True, open_high=True),
    "spacing_mm": Range(float, 0, open_low=True),
    "min_volume_ml": Range(float, 0),
    "memory_budget_gb": Range(float, 0, open_low=True),
    "loss_weights": Range(float, 0),
    "roi_size": Range(int, 1),
    "registration": Choice(REGISTRATIONS),
}
"""Top-level key → range; of a table or a list, every entry counts."""


def values_out_of_range(config: Mapping[str, Any]) -> Iterator[InputError]:
    """Yield an error for each value that cannot be; expressions and references are left to those who build them."""
    for key, valid in RANGES.items():
        if key not in config:
            continue
        for path, value in _entries(key, config[key]):
            refers = isinstance(value, str) and value.startswith(("$", "@", "%"))
            if refers or valid.holds(value):
                continue
            yield InputError(
                found=f"{value!r}",
                expected=str(valid),
                where=f"configuration key '{path}'",
                remedy=f"Correct it in the configuration, or on the command line (--{path}).",
            )


def _entries(key: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [(f"{key}#{name}", entry) for name, entry in value.items()]
    if isinstance(value, list | tuple):
        return [(f"{key}#{index}", entry) for index, entry in enumerate(value)]
    return [(key, value)]
