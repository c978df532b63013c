"""Public data sets → datalist entries: each module knows one layout and its traps, and writes nothing."""

from .cli import add_dataset_arguments, read_dataset
from .known import KNOWN_SETS, KnownSet, known_entries

__all__ = ["KNOWN_SETS", "KnownSet", "add_dataset_arguments", "known_entries", "read_dataset"]
