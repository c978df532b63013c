"""Public data sets → datalist entries: each module knows one layout and its traps, and writes nothing."""

from .known import KNOWN_SETS, KnownSet, known_entries

__all__ = ["KNOWN_SETS", "KnownSet", "known_entries"]
